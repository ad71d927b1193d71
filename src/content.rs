//! From the kept bytes of a body to the text that a record shows, or the reason why it shows none.

use std::borrow::Cow;

use crate::{
    formats::{
        charset::Charset,
        json::{
            code::{CodePath, CodeState, FoundCode},
            reader::Ending,
        },
        media_type::{ContentType, Media},
        multipart::{self, Boundary},
        representation::Representation,
    },
    redact::{
        form,
        json::{find_code, redact_json, redact_json_and_find_code},
        names::Names,
        text::redact_text,
    },
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

/// The reason for which a body with this head is not even kept.
pub(crate) fn unsupported(kind: &Representation) -> Option<Omitted> {
    if kind.codings.is_unknown() {
        return Some(Omitted::Encoded);
    }
    match (&kind.content_type.media, kind.content_type.charset) {
        (Media::Binary, _) => Some(Omitted::Binary),
        (Media::Multipart(None), _) => Some(Omitted::Malformed),
        (Media::Multipart(Some(_)), _) => None,
        (_, Charset::Foreign) => Some(Omitted::Charset),
        _ => None,
    }
}

/// Whether a response with this head is searched for a code.
pub(crate) fn may_have_code(kind: &Representation) -> bool {
    kind.content_type.media == Media::Json && unsupported(kind).is_none()
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

/// The first bytes of a body without its content codings.
#[derive(Debug)]
pub(crate) struct DecodedBody<'k> {
    kind: &'k ContentType,
    bytes: Cow<'k, [u8]>,
    /// `bytes` are the whole body.
    whole: bool,
}

impl<'k> DecodedBody<'k> {
    /// Decodes `kept`, the first bytes of a body, to at most `limit` bytes. `whole` says that `kept` is the
    /// whole body.
    pub(crate) fn decode(
        kind: &'k Representation,
        kept: &'k [u8],
        whole: bool,
        limit: usize,
    ) -> Result<Self, Omitted> {
        if let Some(why) = unsupported(kind) {
            return Err(why);
        }
        let mut body = Self {
            kind: &kind.content_type,
            bytes: Cow::Borrowed(kept),
            whole,
        };
        // An empty body has no coding.
        if !kind.codings.is_identity() && !kept.is_empty() {
            let decoded = kind.codings.decode(kept, whole, limit);
            let decoded = decoded.ok_or(Omitted::Encoded)?;
            (body.bytes, body.whole) = (Cow::Owned(decoded.bytes), decoded.whole);
        }
        Ok(body)
    }

    /// Looks for the code in the first `limit` bytes. `None` if the charset cannot be decoded.
    pub(crate) fn code(
        &self,
        limit: usize,
        names: &Names,
        path: &CodePath,
    ) -> Option<Result<FoundCode, CodeState>> {
        let charset = self.kind.charset;
        let (bytes, mut whole) = match charset.is_ascii_based() {
            true => self.first(limit),
            false => (&*self.bytes, self.whole),
        };
        let Some(decoded) = charset.decode(bytes, whole) else {
            // JSON is UTF-8 (RFC 8259, section 8.1).
            return (charset == Charset::Utf8).then_some(Err(CodeState::Malformed));
        };
        let mut searched = &*decoded;
        if !charset.is_ascii_based() {
            searched = text::cut(searched, limit);
            whole &= searched.len() == decoded.len();
        }
        let (ending, code) = find_code(searched, names, path);
        Some(code.finish(ending, whole))
    }

    /// Makes the text of the first `limit` bytes. `buffer` is empty, and may become that text.
    pub(crate) fn content(&self, limit: usize, names: &Names, buffer: String) -> Content {
        let (bytes, whole) = self.first(limit);
        match shown(self.kind, bytes, whole, names, buffer) {
            Ok(shown) => Content::finish(shown, whole, limit),
            Err(why) => Content::Omitted(why),
        }
    }

    /// Does what [`content`](Self::content) and [`code`](Self::code) do, in one pass if both read the same
    /// text.
    pub(crate) fn content_and_code(
        &self,
        limit: usize,
        code_limit: usize,
        names: &Names,
        path: &CodePath,
        mut buffer: String,
    ) -> (Content, Option<Result<FoundCode, CodeState>>) {
        let decoded = match self.bytes.len() <= limit.min(code_limit) {
            true => self.kind.charset.decode(&self.bytes, self.whole),
            false => None,
        };
        let Some(decoded) = decoded.filter(|decoded| decoded.len() <= code_limit) else {
            return (
                self.content(limit, names, buffer),
                self.code(code_limit, names, path),
            );
        };
        buffer.reserve(decoded.len());
        let (ending, code) = redact_json_and_find_code(&mut buffer, &decoded, names, path);
        let shown = json_shown(&decoded, buffer, ending, names);
        (
            Content::finish(shown, self.whole, limit),
            Some(code.finish(ending, self.whole)),
        )
    }

    /// The first `limit` bytes, and whether they are the whole body.
    fn first(&self, limit: usize) -> (&[u8], bool) {
        let bytes = &self.bytes[..self.bytes.len().min(limit)];
        (bytes, self.whole && bytes.len() == self.bytes.len())
    }
}

impl Text {
    /// A text of which all could be read.
    fn sound(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl Content {
    fn finish(mut shown: Text, whole: bool, limit: usize) -> Self {
        if shown.malformed && !shown.text.contains(char::is_alphanumeric) {
            return Self::Omitted(Omitted::Malformed);
        }
        let fitting = text::cut(&shown.text, limit).len();
        shown.truncated |= !whole || shown.malformed || fitting < shown.text.len();
        shown.text.truncate(fitting);
        Self::Text(shown)
    }

    /// The buffer of the text, for the next record.
    pub(crate) fn into_buffer(self) -> String {
        let Content::Text(Text { mut text, .. }) = self else {
            return String::new();
        };
        text.clear();
        text
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
    Ok(clean(&kind.media, &decoded, !whole, names, buffer))
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

/// Makes one redacted line of a text. `open` says that the text was cut at its end.
fn clean(media: &Media, decoded: &str, open: bool, names: &Names, buffer: String) -> Text {
    match media {
        Media::Json => json(decoded, names, buffer),
        // Nothing has to be withheld where nothing is hidden.
        _ if names.is_off() => Text::sound(text::clean(decoded).into_owned()),
        Media::JsonLines => json_lines(decoded, names),
        // Most clients that do not say what they send send JSON, and so do those that leave the type to an
        // HTTP library that calls everything a form.
        _ if seems_json(decoded) => guessed_json(media, decoded, open, names, buffer),
        _ => Text::sound(plain(media, decoded, open, names, buffer)),
    }
}

/// Reads a text that begins like JSON, and may be something else.
fn guessed_json(media: &Media, decoded: &str, open: bool, names: &Names, buffer: String) -> Text {
    let shown = json(decoded, names, buffer);
    // A body that nobody called a text may be broken JSON of a careless client. It is shown only where no
    // key in it could have hidden anything.
    let may_be_json = *media != Media::Text && (names.occur_in(decoded) || decoded.contains("\\u"));
    if !shown.malformed || may_be_json {
        return shown;
    }
    let line = plain(media, decoded, open, names, String::new());
    // A text that is not JSON because of its line breaks may be JSON on one line.
    let shown = json(&line, names, String::new());
    match shown.malformed {
        true => Text::sound(line),
        false => shown,
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

fn json(decoded: &str, names: &Names, mut buffer: String) -> Text {
    buffer.reserve(decoded.len());
    let ending = redact_json(&mut buffer, decoded, names);
    json_shown(decoded, buffer, ending, names)
}

/// What is shown of `decoded`, of which the reader made `shown`.
fn json_shown(decoded: &str, shown: String, ending: Ending, names: &Names) -> Text {
    if ending == Ending::Malformed && names.is_off() {
        // Nothing has to be withheld where nothing is hidden.
        return Text::sound(text::clean(decoded).into_owned());
    }
    Text {
        text: shown,
        truncated: ending == Ending::TooDeep,
        malformed: ending == Ending::Malformed,
    }
}

/// Reads one JSON text a line. A text that goes on in the next line is a fault: read by itself, the next
/// line would show what a key in this one hides.
fn json_lines(decoded: &str, names: &Names) -> Text {
    let mut shown = Text::sound(String::with_capacity(decoded.len()));
    let mut lines = decoded.lines().filter(|line| !line.trim().is_empty());
    let mut line = lines.next();
    while let Some(text) = line {
        line = lines.next();
        if !shown.text.is_empty() {
            shown.text.push(' ');
        }
        match redact_json(&mut shown.text, text, names) {
            Ending::Complete => {}
            Ending::Cut if line.is_none() => {}
            Ending::TooDeep => {
                shown.truncated = true;
                break;
            }
            Ending::Cut | Ending::Malformed => {
                shown.malformed = true;
                break;
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderMap};

    use super::*;

    fn content(content_type: &str, kept: &[u8], whole: bool) -> Content {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        of(&headers, kept, whole)
    }

    fn of(headers: &HeaderMap, kept: &[u8], whole: bool) -> Content {
        let kind = Representation::of(headers);
        match DecodedBody::decode(&kind, kept, whole, 64) {
            Ok(body) => body.content(64, &Names::default(), String::new()),
            Err(why) => Content::Omitted(why),
        }
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
