//! From the kept bytes of a body to the text that a record shows, or the reason why it shows none.

use std::borrow::Cow;

use actix_web::http::header::{self, HeaderMap};

use crate::{
    formats::{
        charset::Charset,
        coding::Codings,
        json::{
            code::CodePath,
            reader::{self, CodeWatch, Ending},
        },
        media_type::{ContentType, Media},
        multipart::{self, Boundary},
    },
    redact::{form, names::Names, text::redact_text},
    util::text,
};

/// Why a body that was there has no content in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Omitted {
    /// Not a text.
    Binary,
    /// A content coding is on it that is unknown, broken, or needs a feature of this crate.
    Encoded,
    /// Its charset is unknown, or it is not in it.
    Charset,
    /// Not what its type says, from the start. Where something stands before the fault, that is shown,
    /// and marked as [truncated](crate::Body::truncated) and [malformed](crate::Body::malformed).
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
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    pub(crate) content_type: ContentType,
    pub(crate) codings: Codings,
}

impl Representation {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE);
        let codings = headers.get_all(header::CONTENT_ENCODING);
        Self {
            content_type: ContentType::parse(content_type.map(|value| value.as_bytes())),
            codings: Codings::parse(codings.map(|value| value.as_bytes())),
        }
    }

    /// Of a message without `Content-Encoding`.
    pub(crate) fn plain(content_type: Option<&[u8]>) -> Self {
        Self {
            content_type: ContentType::parse(content_type),
            codings: Codings::default(),
        }
    }

    /// The reason that is known before the first byte: such a body is not even kept.
    pub(crate) fn hopeless(&self) -> Option<Omitted> {
        if self.codings.is_unknown() {
            return Some(Omitted::Encoded);
        }
        match (&self.content_type.media, self.content_type.charset) {
            (Media::Binary, _) => Some(Omitted::Binary),
            (Media::Multipart(None), _) => Some(Omitted::Malformed),
            (Media::Multipart(Some(_)), _) => None,
            (_, Charset::Foreign) => Some(Omitted::Charset),
            _ => None,
        }
    }

    /// The code of a response is looked for in JSON.
    pub(crate) fn may_have_code(&self) -> bool {
        self.content_type.media == Media::Json && self.hopeless().is_none()
    }

    /// The bytes of the body can be read as they pass by.
    pub(crate) fn is_plain(&self) -> bool {
        self.codings.is_identity() && self.content_type.charset.is_ascii_based()
    }

    /// Takes the codings off `kept`. At most `limit` bytes come out.
    fn decoded<'k>(
        &self,
        kept: &'k [u8],
        whole: bool,
        limit: usize,
    ) -> Option<(Cow<'k, [u8]>, bool)> {
        if self.codings.is_identity() {
            return Some((Cow::Borrowed(kept), whole));
        }
        let decoded = self.codings.decode(kept, whole, limit)?;
        Some((Cow::Owned(decoded.bytes), decoded.whole))
    }

    /// The bytes in which the code of a JSON response is looked for: `kept` without codings, and in
    /// UTF-8 if its own charset is not based on ASCII. `None` where they cannot be had.
    pub(crate) fn decoded_json<'k>(
        &self,
        kept: &'k [u8],
        whole: bool,
        limit: usize,
    ) -> Option<(Cow<'k, [u8]>, bool)> {
        let (bytes, whole) = self.decoded(kept, whole, limit)?;
        if self.content_type.charset.is_ascii_based() {
            return Some((bytes, whole));
        }
        let text = self.content_type.charset.decode(&bytes, whole)?;
        Some((Cow::Owned(text.into_owned().into_bytes()), whole))
    }
}

/// A body, ready for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// There was no body, or nothing of it passed.
    None,
    Text(Text),
    /// There was a body, and it is not shown.
    Omitted(Omitted),
}

/// What is shown of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// Clean, redacted, at most the limit.
    pub(crate) text: String,
    /// It is not all of the body.
    pub(crate) truncated: bool,
    /// It ends where the body is not what its type says.
    pub(crate) malformed: bool,
}

impl Content {
    /// Makes text of `kept`, the first bytes of a body; `whole` says that it is all of the body. It
    /// may use `buffer`, which is empty.
    pub(crate) fn of(
        kind: &Representation,
        kept: &[u8],
        whole: bool,
        limit: usize,
        names: &Names,
        buffer: String,
    ) -> Self {
        if let Some(why) = kind.hopeless() {
            return Self::Omitted(why);
        }
        let Some((bytes, whole)) = kind.decoded(kept, whole, limit) else {
            return Self::Omitted(Omitted::Encoded);
        };
        match shown(&kind.content_type, &bytes, whole, names, buffer) {
            Ok(shown) => Self::of_shown(shown, whole, limit),
            Err(why) => Self::Omitted(why),
        }
    }

    /// Makes text of a JSON document, and looks for a code in it.
    pub(crate) fn with_code<'p, 'd>(
        decoded: &'d str,
        whole: bool,
        limit: usize,
        names: &Names,
        path: &'p CodePath,
        mut buffer: String,
    ) -> (Self, Ending, CodeWatch<'p, 'd>) {
        buffer.reserve(decoded.len());
        let (ending, watch) = reader::redact_and_find(&mut buffer, decoded, names, path);
        let shown = json_shown(decoded, buffer, ending, names);
        (Self::of_shown(shown, whole, limit), ending, watch)
    }

    fn of_shown(mut shown: Text, whole: bool, limit: usize) -> Self {
        if shown.malformed && !shown.text.contains(char::is_alphanumeric) {
            return Self::Omitted(Omitted::Malformed);
        }
        let fitting = text::cut(&shown.text, limit).len();
        shown.truncated |= !whole || shown.malformed || fitting < shown.text.len();
        shown.text.truncate(fitting);
        Self::Text(shown)
    }
}

/// The redacted text of a body or of a part of one.
fn shown(
    kind: &ContentType,
    bytes: &[u8],
    whole: bool,
    names: &Names,
    buffer: String,
) -> Result<Text, Omitted> {
    if let Media::Multipart(Some(boundary)) = &kind.media {
        return Ok(outline(boundary, bytes, whole, names));
    }
    let Some(decoded) = kind.charset.decode(bytes, whole) else {
        return Err(match kind.media {
            Media::Untyped => Omitted::Binary,
            _ => Omitted::Charset,
        });
    };
    // No text has a NUL in it, whatever its type says. (In JSON it is a fault like others.)
    if kind.media != Media::Json && decoded.contains('\0') {
        return Err(Omitted::Binary);
    }
    let (text, sound) = clean(&kind.media, &decoded, !whole, names, buffer);
    Ok(Text {
        text,
        truncated: false,
        malformed: !sound,
    })
}

fn outline(boundary: &Boundary, bytes: &[u8], whole: bool, names: &Names) -> Text {
    let outline = multipart::outline(bytes, boundary, whole, names, |kind, part, ended| {
        // A part that is not what it says, or has parts of its own, is not shown.
        let text = shown(kind, part, ended, names, String::new()).ok()?;
        (!text.malformed).then_some(text.text)
    });
    Text {
        text: outline.text,
        truncated: !outline.complete,
        malformed: outline.malformed,
    }
}

/// The redacted text on one line, and whether all of it could be read. `open` says that it was cut
/// at its end.
fn clean(
    media: &Media,
    decoded: &str,
    open: bool,
    names: &Names,
    buffer: String,
) -> (String, bool) {
    if names.is_off() {
        // Nothing has to be withheld where nothing is hidden.
        return match media {
            Media::Json => json(decoded, names, buffer),
            _ => (text::clean(decoded).into_owned(), true),
        };
    }
    match media {
        Media::Json => json(decoded, names, buffer),
        Media::JsonLines => json_lines(decoded, names),
        // Clients that do not say what they send mostly send JSON, and those that leave it to their
        // HTTP library call it a form.
        _ if seems_json(decoded) => match json(decoded, names, buffer) {
            (shown, true) => (shown, true),
            // It was only a guess, and a log line may begin with a bracket. But a body that nobody
            // called a text may be broken JSON, which is shown only where no key in it could have
            // hidden anything.
            (shown, false)
                if *media != Media::Text
                    && (names.occur_in(decoded) || decoded.contains("\\u")) =>
            {
                (shown, false)
            }
            _ => {
                let line = plain(media, decoded, open, names, String::new());
                // What was no JSON for its line breaks may be JSON on one line.
                match json(&line, names, String::new()) {
                    (shown, true) => (shown, true),
                    _ => (line, true),
                }
            }
        },
        _ => (plain(media, decoded, open, names, buffer), true),
    }
}

fn seems_json(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || text::is_forbidden(c));
    text.starts_with(['{', '['])
}

fn plain(media: &Media, decoded: &str, open: bool, names: &Names, mut buffer: String) -> String {
    // Forms are what is sent untyped most often, after JSON.
    let is_form = match media {
        Media::Form => true,
        Media::Untyped => decoded.contains('=') && !decoded.contains(char::is_whitespace),
        _ => false,
    };
    if is_form {
        let shown = form::redact_form(decoded, open, names);
        return text::clean(&shown).into_owned();
    }
    match redact_text(decoded, open, names) {
        Cow::Borrowed(shown) => {
            buffer.push_str(shown);
            buffer
        }
        Cow::Owned(shown) => shown,
    }
}

fn json(decoded: &str, names: &Names, mut buffer: String) -> (String, bool) {
    buffer.reserve(decoded.len());
    let ending = reader::redact(&mut buffer, decoded, names);
    let shown = json_shown(decoded, buffer, ending, names);
    (shown.text, !shown.malformed)
}

/// What is shown of `decoded`, of which the reader made `shown`.
fn json_shown(decoded: &str, shown: String, ending: Ending, names: &Names) -> Text {
    let malformed = ending == Ending::Malformed;
    // Nothing has to be withheld where nothing is hidden.
    let all = malformed && names.is_off();
    Text {
        text: match all {
            true => text::clean(decoded).into_owned(),
            false => shown,
        },
        truncated: false,
        malformed: malformed && !all,
    }
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
        match reader::redact(&mut out, text, names) {
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
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        of(&headers, kept, whole)
    }

    fn of(headers: &HeaderMap, kept: &[u8], whole: bool) -> Content {
        let kind = Representation::of(headers);
        Content::of(&kind, kept, whole, 64, &Names::default(), String::new())
    }

    fn shown(text: &str, truncated: bool) -> Content {
        Content::Text(Text {
            text: text.into(),
            truncated,
            malformed: false,
        })
    }

    fn broken(text: &str) -> Content {
        Content::Text(Text {
            text: text.into(),
            truncated: true,
            malformed: true,
        })
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
            (
                "text/plain",
                "[12:30] password=hunter2 a=1",
                "[12:30] password=[REDACTED] a=1",
            ),
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
            ("", b"a\0b", Binary),
            ("application/x-www-form-urlencoded", b"a\0b", Binary),
            ("", b"\xff\xfe", Binary),
            ("text/plain", b"caf\xe9 au lait", Charset),
            ("text/plain; charset=x-none", b"abc", Charset),
            ("multipart/form-data", b"--x--", Malformed),
            ("multipart/form-data; boundary=x", b"--y--", Malformed),
            ("application/json", b"<html>", Malformed),
        ] {
            assert_eq!(
                content(content_type, kept, true),
                Content::Omitted(why),
                "{content_type}"
            );
        }
        for coding in ["gzip", "compress", "x"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
            assert_eq!(
                of(&headers, b"abc", true),
                Content::Omitted(Encoded),
                "{coding}"
            );
        }
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
            ("", r#"{"a":{password: hunter2}}"#, r#"{"a":{"#),
            (
                "application/x-www-form-urlencoded",
                r#"{"p\u0069n":1]"#,
                r#"{"p\u0069n":"[REDACTED]""#,
            ),
        ] {
            assert_eq!(
                content(content_type, kept.as_bytes(), true),
                broken(before),
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
        assert!(
            matches!(long, Content::Text(Text { text, truncated: true, .. }) if text.len() == 64)
        );
        let latin = content("text/plain; charset=latin1", &[0xe9; 64], true);
        assert_eq!(latin, shown(&"é".repeat(32), true));
    }
}
