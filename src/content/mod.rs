//! Turns the first bytes of a body into the text that a record shows, or into the reason why it shows none.

mod multipart;
mod redacted;

use std::borrow::Cow;

pub(crate) use self::redacted::Redacted;
use self::{
    multipart::outline,
    redacted::{finish_json, redact_body},
};
use crate::{
    formats::{
        charset::Charset,
        json::code::{CodePath, CodeState, FoundCode},
        media_type::{ContentType, Media},
        representation::Representation,
    },
    redact::{
        json::{find_code, redact_json_and_find_code},
        names::Names,
    },
    util::text,
};

/// Why a body has no content in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Omitted {
    /// The body is not text.
    Binary,
    /// A content coding is unknown, invalid, or needs a feature of this crate.
    Encoded,
    /// The charset is unsupported, or the bytes are not valid in it.
    Charset,
    /// The body is not what its type says, from the start. If there is something before the fault, that is shown and
    /// marked as [truncated](crate::Body::truncated) and [malformed](crate::Body::malformed).
    Malformed,
    /// The memory budget had no room for the body.
    Budget,
    /// The bytes after `101 Switching Protocols` are another protocol.
    Upgrade,
    /// The limit is 0, or the policy is [`ResponseBody::Never`](crate::ResponseBody::Never).
    Disabled,
    /// The policy is [`ResponseBody::WhenNotable`](crate::ResponseBody::WhenNotable), and nothing was notable.
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

/// The content of a body in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// There was no body, or it was empty.
    None,
    Text(Redacted),
    /// There was a body that is not shown.
    Omitted(Omitted),
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
        let with_cut_character;
        if !charset.is_ascii_based() {
            searched = text::cut(searched, limit);
            whole &= searched.len() == decoded.len();
        } else if charset == Charset::Utf8 && decoded.len() < bytes.len() {
            // A character that is cut is a fault where it is not part of a string.
            with_cut_character = format!("{decoded}\u{fffd}");
            searched = &with_cut_character;
        }
        let (ending, code) = find_code(searched, names, path);
        Some(code.finish(ending, whole))
    }

    /// Makes the text of the first `limit` bytes. `buffer` is empty, and may become that text.
    pub(crate) fn content(&self, limit: usize, names: &Names, buffer: String) -> Content {
        let (bytes, whole) = self.first(limit);
        match redact(self.kind, bytes, whole, names, buffer) {
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
        let shown = finish_json(&decoded, buffer, ending, names);
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

impl Content {
    fn finish(mut shown: Redacted, whole: bool, limit: usize) -> Self {
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
        let Content::Text(Redacted { mut text, .. }) = self else {
            return String::new();
        };
        text.clear();
        text
    }
}

/// Makes one redacted line of a body or of a part of one.
fn redact(
    kind: &ContentType,
    bytes: &[u8],
    whole: bool,
    names: &Names,
    buffer: String,
) -> Result<Redacted, Omitted> {
    if let Media::Multipart(Some(boundary)) = &kind.media {
        return Ok(outline(
            bytes,
            boundary,
            whole,
            names,
            |kind, part, ended| {
                // A part that is not what its type says is not shown.
                let shown = redact(kind, part, ended, names, String::new()).ok()?;
                (!shown.malformed).then_some(shown.text)
            },
        ));
    }
    let Some(decoded) = kind.charset.decode(bytes, whole) else {
        return Err(match kind.media {
            Media::Untyped => Omitted::Binary,
            _ => Omitted::Charset,
        });
    };
    // A text has no NUL, whatever its type says. In JSON a NUL is a fault like others.
    if kind.media != Media::Json && decoded.contains('\0') {
        return Err(Omitted::Binary);
    }
    Ok(redact_body(&kind.media, &decoded, !whole, names, buffer))
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
        Content::Text(Redacted {
            text: text.into(),
            truncated,
            malformed: false,
        })
    }

    fn broken(text: &str) -> Content {
        Content::Text(Redacted {
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
            matches!(long, Content::Text(Redacted { text, truncated: true, .. }) if text.len() == 64)
        );
        let latin = content("text/plain; charset=latin1", &[0xe9; 64], true);
        assert_eq!(latin, shown(&"é".repeat(32), true));
    }
}
