//! From the kept bytes of a body to the text that a record shows, or the reason why it shows none.

use std::borrow::Cow;

use crate::{
    form,
    json::redact::{self, Ending},
    media::{Charset, ContentType, Media},
    names::Names,
    text,
};

/// Why a body that was there has no content in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Omitted {
    /// Not a text.
    Binary,
    /// A content coding, such as gzip, is on it.
    Encoded,
    /// Its characters cannot be decoded.
    Charset,
    /// Not what its type says, from the first value on. Where something stands before the fault, that
    /// is shown, and truncated.
    Malformed,
    /// The memory budget had no room for it.
    Budget,
    /// Another protocol: bytes after `101 Switching Protocols`.
    Upgrade,
    /// Its limit is 0, or [`ResponseBody::Never`](crate::ResponseBody::Never).
    Disabled,
    /// [`ResponseBody::WhenNotable`](crate::ResponseBody::WhenNotable), and nothing was.
    Policy,
}

impl Omitted {
    /// The value of `http.request.body.omitted` and `http.response.body.omitted`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Omitted::Binary => "binary",
            Omitted::Encoded => "encoded",
            Omitted::Charset => "charset",
            Omitted::Malformed => "malformed",
            Omitted::Budget => "budget",
            Omitted::Upgrade => "upgrade",
            Omitted::Disabled => "disabled",
            Omitted::Policy => "policy",
        }
    }
}

/// What a body is, as far as its head tells: the representation metadata of RFC 9110, section 8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation {
    pub(crate) content_type: ContentType,
    pub(crate) encoded: bool,
}

impl Representation {
    pub(crate) fn new(content_type: Option<&[u8]>, content_encoding: Option<&[u8]>) -> Self {
        Self {
            content_type: ContentType::parse(content_type),
            encoded: crate::media::is_encoded(content_encoding),
        }
    }

    /// The reason that is known before the first byte: such a body is not even kept.
    pub(crate) fn hopeless(&self) -> Option<Omitted> {
        if self.encoded {
            return Some(Omitted::Encoded);
        }
        match (self.content_type.media, self.content_type.charset) {
            (Media::Binary | Media::Multipart, _) => Some(Omitted::Binary),
            (_, Charset::Foreign) => Some(Omitted::Charset),
            _ => None,
        }
    }

    /// The code of a response is looked for in JSON whose bytes are its characters.
    pub(crate) fn may_have_code(&self) -> bool {
        self.content_type.media == Media::Json && self.hopeless().is_none()
    }
}

/// A body, ready for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// There was no body, or nothing of it passed.
    None,
    /// Clean, redacted, at most the limit.
    Text { text: String, truncated: bool },
    /// There was a body, and it is not shown.
    Omitted(Omitted),
}

impl Content {
    /// Makes text of `kept`, the first bytes of a body; `whole` says that it is all of the body.
    pub(crate) fn of(
        kind: Representation,
        kept: &[u8],
        whole: bool,
        limit: usize,
        names: &Names,
    ) -> Self {
        if let Some(why) = kind.hopeless() {
            return Self::Omitted(why);
        }
        let Some(decoded) = decode(kind.content_type.charset, kept, whole) else {
            return Self::Omitted(match kind.content_type.media {
                Media::Untyped => Omitted::Binary,
                _ => Omitted::Charset,
            });
        };
        // No text has a NUL in it, whatever its type says. (In JSON it is a fault like others.)
        if kind.content_type.media != Media::Json && decoded.contains('\0') {
            return Self::Omitted(Omitted::Binary);
        }
        let (mut shown, sound) = clean(kind.content_type.media, &decoded, names);
        if !sound && !shown.contains(char::is_alphanumeric) {
            return Self::Omitted(Omitted::Malformed);
        }
        let fitting = text::cut(&shown, limit).len();
        let truncated = !whole || !sound || fitting < shown.len();
        shown.truncate(fitting);
        Self::Text {
            text: shown,
            truncated,
        }
    }
}

/// `None` if the bytes are not in the charset. A character that is cut by the end of the prefix is
/// left out.
fn decode(charset: Charset, kept: &[u8], whole: bool) -> Option<Cow<'_, str>> {
    match charset {
        Charset::Latin1 => Some(kept.iter().map(|&byte| char::from(byte)).collect()),
        Charset::Foreign => None,
        Charset::Utf8 => match std::str::from_utf8(kept) {
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(error) if error.error_len().is_none() && !whole => {
                let sound = &kept[..error.valid_up_to()];
                std::str::from_utf8(sound).ok().map(Cow::Borrowed)
            }
            Err(_) => None,
        },
    }
}

/// The redacted text on one line, and whether all of it could be read.
fn clean(media: Media, decoded: &str, names: &Names) -> (String, bool) {
    match media {
        Media::Json => json(decoded, names),
        Media::JsonLines => json_lines(decoded, names),
        // Clients that do not say what they send mostly send JSON, and those that leave it to their
        // HTTP library call it a form.
        _ if decoded.trim_start().starts_with(['{', '[']) => match json(decoded, names) {
            (shown, true) => (shown, true),
            // It was only a guess: a log line may begin with a bracket. But what might have been
            // JSON is shown as text only where no key in it could have hidden anything.
            (shown, false) if names.occur_in(decoded) || decoded.contains("\\u") => (shown, false),
            _ => plain(media, decoded, names),
        },
        _ => plain(media, decoded, names),
    }
}

fn plain(media: Media, decoded: &str, names: &Names) -> (String, bool) {
    let shown = match media {
        // Forms are what is sent untyped most often, after JSON.
        Media::Form | Media::Untyped => form::redact_form(decoded, names),
        _ => Cow::Borrowed(decoded),
    };
    (text::clean(&shown).into_owned(), true)
}

fn json(decoded: &str, names: &Names) -> (String, bool) {
    let mut out = String::with_capacity(decoded.len());
    let ending = redact::redact(&mut out, decoded, names);
    (out, ending != Ending::Malformed)
}

/// A text that goes on in the next line is no JSON line: read by itself, the next line would show
/// what a key in this one hides.
fn json_lines(decoded: &str, names: &Names) -> (String, bool) {
    let mut out = String::with_capacity(decoded.len());
    let mut lines = decoded.lines().filter(|line| !line.trim().is_empty());
    let mut line = lines.next();
    while let Some(text) = line {
        line = lines.next();
        if !out.is_empty() {
            out.push(' ');
        }
        match redact::redact(&mut out, text, names) {
            Ending::Complete => {}
            Ending::Cut if line.is_none() => {}
            Ending::Cut | Ending::Malformed => return (out, false),
        }
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(content_type: &str, kept: &[u8], whole: bool) -> Content {
        let kind = Representation::new(Some(content_type.as_bytes()), None);
        Content::of(kind, kept, whole, 64, &Names::default())
    }

    fn shown(text: &str, truncated: bool) -> Content {
        Content::Text {
            text: text.into(),
            truncated,
        }
    }

    #[test]
    fn texts_are_shown_redacted_on_one_line() {
        for (content_type, kept, expected) in [
            (
                "application/json",
                r#"{ "a": 1, "pin": 2 }"#,
                r#"{"a":1,"pin":"[REDACTED]"}"#,
            ),
            (
                "application/x-www-form-urlencoded",
                "a=1&pin=2\n",
                "a=1&pin=[REDACTED]",
            ),
            (
                "application/x-ndjson",
                "{\"a\": 1}\n\n{\"pin\": 2}\n",
                r#"{"a":1} {"pin":"[REDACTED]"}"#,
            ),
            ("text/plain", "two\nlines", "two lines"),
            ("text/plain", "{\"pin\": 2}", r#"{"pin":"[REDACTED]"}"#),
            (
                "application/x-www-form-urlencoded",
                "{\"pin\": 2}",
                r#"{"pin":"[REDACTED]"}"#,
            ),
            (
                "application/x-www-form-urlencoded",
                "[a]=1&b=2",
                "[a]=1&b=2",
            ),
            ("text/plain", "[12:30] started\n", "[12:30] started "),
            ("", "{\"pin\": 2}", r#"{"pin":"[REDACTED]"}"#),
            ("", "plain", "plain"),
            ("", "a=1&pin=2", "a=1&pin=[REDACTED]"),
        ] {
            assert_eq!(
                content(content_type, kept.as_bytes(), true),
                shown(expected, false),
                "{kept}"
            );
        }
    }

    #[test]
    fn what_is_no_text_is_omitted_with_its_reason() {
        use Omitted::*;
        for (content_type, kept, why) in [
            ("image/png", &b"\x89PNG"[..], Binary),
            ("multipart/form-data; boundary=x", b"--x", Binary),
            ("", b"a\0b", Binary),
            ("application/x-www-form-urlencoded", b"a\0b", Binary),
            ("", b"\xff\xfe", Binary),
            ("text/plain", b"caf\xe9 au lait", Charset),
            ("text/plain; charset=gbk", b"abc", Charset),
            ("application/json", b"<html>", Malformed),
        ] {
            assert_eq!(
                content(content_type, kept, true),
                Content::Omitted(why),
                "{content_type}"
            );
        }
        let gzip = Representation::new(Some(b"text/plain"), Some(b"gzip"));
        assert_eq!(
            Content::of(gzip, b"abc", true, 64, &Names::default()),
            Content::Omitted(Encoded)
        );
    }

    #[test]
    fn what_stands_before_a_fault_is_shown_and_marked() {
        for (content_type, kept, before) in [
            ("application/json", r#"{"a":1}}"#, r#"{"a":1}"#),
            (
                "application/x-ndjson",
                "{\"a\": 1}\n{]\n{\"b\": 1}",
                r#"{"a":1} {"#,
            ),
            (
                "application/x-ndjson",
                "{\"pin\":\n\"hunter2\"}",
                r#"{"pin":"#,
            ),
            (
                "application/x-ndjson",
                "{\"pin\":[\n\"hunter2\"]}",
                r#"{"pin":"[REDACTED]""#,
            ),
            // A guess at JSON that failed must not show what a key would have hidden.
            ("text/plain", r#"{"a":{password: hunter2}}"#, r#"{"a":{"#),
            (
                "text/plain",
                r#"{"p\u0069n":1]"#,
                r#"{"p\u0069n":"[REDACTED]""#,
            ),
        ] {
            assert_eq!(
                content(content_type, kept.as_bytes(), true),
                shown(before, true),
                "{kept}"
            );
        }
        let nothing = content("application/json", b"{'password':'hunter2'}", true);
        assert_eq!(nothing, Content::Omitted(Omitted::Malformed));
    }

    #[test]
    fn a_character_cut_by_the_prefix_is_left_out() {
        assert_eq!(content("text/plain", b"caf\xc3", false), shown("caf", true));
        assert_eq!(
            content("text/plain", b"caf\xc3", true),
            Content::Omitted(Omitted::Charset)
        );
        assert_eq!(
            content("text/plain", b"a\xffb\xc3", false),
            Content::Omitted(Omitted::Charset)
        );
    }

    #[test]
    fn latin_1_is_decoded() {
        let text = content("text/plain; charset=iso-8859-1", b"caf\xe9", true);
        assert_eq!(text, shown("café", false));
    }

    #[test]
    fn content_never_passes_the_limit_even_where_cleaning_made_it_longer() {
        let secrets = r#"{"pin":1,"otp":2,"cvv":3,"pwd":4,"token":5}"#;
        let long = content("application/json", secrets.as_bytes(), true);
        assert!(matches!(long, Content::Text { text, truncated: true } if text.len() == 64));
        let latin = content("text/plain; charset=latin1", &[0xe9; 64], true);
        assert_eq!(latin, shown(&"é".repeat(32), true));
    }
}
