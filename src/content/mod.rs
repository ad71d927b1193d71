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
        media_type::{ContentType, Media, Multipart},
        multipart::mislabelled::Mislabelled,
        representation::Representation,
    },
    redact::{
        json::{find_code, redact_json_and_find_code},
        key_cache::Redactor,
    },
    util::{text, text_enum::text_enum},
};

text_enum! {
    /// The reason why a body has no content in the record, or why something else is missing.
    pub enum OmitReason {
        /// The body is not text.
        Binary = "binary",
        /// A content coding is unknown, or needs a feature of this crate that is off, or the body is invalid in it.
        Encoded = "encoded",
        /// The charset is unsupported, or the bytes are not valid in it.
        Charset = "charset",
        /// The body is not valid in its format, from the start. If some text precedes the fault, that text is shown and
        /// marked as [truncated](crate::record::RecordBody::truncated) and
        /// [malformed](crate::record::RecordBody::malformed) instead.
        Malformed = "malformed",
        /// The memory budget had no room.
        Budget = "budget",
        /// The status is `101 Switching Protocols`, so the body is another protocol.
        Upgrade = "upgrade",
        /// The limit is 0, or the policy is [`BodyPolicy::Never`](crate::BodyPolicy::Never).
        Disabled = "disabled",
        /// The [policy](crate::BodyPolicy) shows the body only if more is wrong with the exchange.
        Policy = "policy",
    }
}

/// Returns the reason why a body with this representation cannot be shown, so that no prefix of it is kept.
pub(crate) fn unsupported(kind: &Representation) -> Option<OmitReason> {
    if kind.codings.unsupported().is_some() {
        return Some(OmitReason::Encoded);
    }
    match (&kind.content_type.media, kind.content_type.charset) {
        (Media::Binary, _) => Some(OmitReason::Binary),
        (Media::Multipart(None), _) => Some(OmitReason::Malformed),
        (Media::Multipart(Some(_)), _) => None,
        (_, Charset::Unsupported) => Some(OmitReason::Charset),
        _ => None,
    }
}

/// Returns whether a response with this representation may have a code.
pub(crate) fn may_have_code(kind: &Representation) -> bool {
    kind.content_type.media == Media::Json
}

/// The content of a body in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The body was absent or empty.
    None,
    /// The redacted text of the body.
    Text(Redacted),
    /// The reason why a body that is not empty is not shown.
    Omitted(OmitReason),
}

/// The first bytes of a body, with its content codings decoded.
#[derive(Debug)]
pub(crate) struct DecodedBody<'k> {
    kind: &'k ContentType,
    bytes: Cow<'k, [u8]>,
    /// Set if `bytes` are the whole body.
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
    ) -> Result<Self, OmitReason> {
        // A code may be found in an unknown charset.
        if let Some(why) = unsupported(kind).filter(|why| *why != OmitReason::Charset) {
            return Err(why);
        }
        let mut body = Self {
            kind: &kind.content_type,
            bytes: Cow::Borrowed(kept),
            whole,
        };
        // An empty body is not encoded.
        if !kind.codings.is_identity() && !kept.is_empty() {
            let decoded = kind.codings.decode(kept, whole, limit);
            let decoded = decoded.ok_or(OmitReason::Encoded)?;
            (body.bytes, body.whole) = (Cow::Owned(decoded.bytes), decoded.whole);
        }
        Ok(body)
    }

    /// Returns the reason why the body is not text, if it is not.
    // Cold, so that the code that makes records is shorter.
    #[cold]
    pub(crate) fn unreadable(&self, limit: usize) -> Option<OmitReason> {
        let (bytes, whole) = self.first(limit);
        match self.kind.media {
            Media::Multipart(_) => None,
            _ if mislabelled(self.kind, bytes).is_some() => None,
            _ => text_of(self.kind, bytes, whole).err(),
        }
    }

    /// Finds the code in the first `limit` bytes. Returns `None` if the body has no code.
    pub(crate) fn code(
        &self,
        limit: usize,
        path: &CodePath,
    ) -> Option<Result<FoundCode, CodeState>> {
        let charset = self.kind.charset;
        if charset == Charset::Unsupported {
            return self.code_in_unknown_charset(limit, path);
        }
        let (bytes, mut whole) = match charset.is_ascii_based() {
            true => self.first(limit),
            false => (&*self.bytes, self.whole),
        };
        let Some(decoded) = charset.decode(bytes, whole) else {
            // JSON is UTF-8 (RFC 8259, section 8.1), so invalid UTF-8 is malformed JSON.
            return Some(Err(match charset {
                Charset::Utf8 => CodeState::Malformed,
                _ => CodeState::Unreadable,
            }));
        };
        let mut searched = &*decoded;
        let with_cut_character;
        if !charset.is_ascii_based() {
            searched = text::cut(searched, limit);
            whole &= searched.len() == decoded.len();
        } else if charset == Charset::Utf8 && ends_in_character(bytes, &decoded) {
            // Outside of a string, a truncated character is a fault. U+FFFD stands for it.
            with_cut_character = format!("{decoded}\u{fffd}");
            searched = &with_cut_character;
        }
        let (ending, code) = find_code(searched, path);
        code.finish(ending, whole)
    }

    /// Finds the code if the charset is based on ASCII, in which JSON has its marks and digits.
    fn code_in_unknown_charset(
        &self,
        limit: usize,
        path: &CodePath,
    ) -> Option<Result<FoundCode, CodeState>> {
        let (bytes, whole) = self.first(limit);
        if bytes.is_empty() {
            return None;
        }
        let chars = Charset::decode_ascii_based(bytes);
        let (ending, code) = find_code(&chars, path);
        let found = code.finish(ending, whole);
        Some(found.and_then(Result::ok).ok_or(CodeState::Unreadable))
    }

    /// Makes the text of the first `limit` bytes. `buffer` must be empty, and may become the text.
    pub(crate) fn content(&self, limit: usize, redactor: Redactor<'_>, buffer: String) -> Content {
        let (bytes, whole) = self.first(limit);
        let outline = |body: &[u8], multipart: &Multipart| {
            let text = |kind: &ContentType, part: &[u8], ended| {
                // A part that is not valid in its format is not shown.
                let shown = redact(kind, part, ended, redactor, String::new()).ok()?;
                (!shown.malformed).then_some(shown.text)
            };
            outline(body, multipart, whole, limit, redactor, text)
        };
        let shown = match (&self.kind.media, mislabelled(self.kind, bytes)) {
            (Media::Multipart(Some(multipart)), _) => Ok(outline(bytes, multipart)),
            (_, Some(found)) => match &found.multipart {
                Some(multipart) => Ok(outline(found.body, multipart)),
                None => Err(OmitReason::Malformed),
            },
            _ => redact(self.kind, bytes, whole, redactor, buffer),
        };
        match shown {
            Ok(shown) => Content::finish(shown, whole, limit),
            Err(why) => Content::Omitted(why),
        }
    }

    /// Returns the results of [`content`](Self::content) and [`code`](Self::code). Needs only one pass if both read the
    /// same text. The body must be JSON.
    pub(crate) fn content_and_code(
        &self,
        limit: usize,
        code_limit: usize,
        redactor: Redactor<'_>,
        path: &CodePath,
        mut buffer: String,
    ) -> (Content, Option<Result<FoundCode, CodeState>>) {
        let decoded = match self.bytes.len() <= limit.min(code_limit) {
            true => self.kind.charset.decode(&self.bytes, self.whole),
            false => None,
        };
        let Some(decoded) = decoded.filter(|decoded| decoded.len() <= code_limit) else {
            return (
                self.content(limit, redactor, buffer),
                self.code(code_limit, path),
            );
        };
        buffer.reserve(decoded.len());
        let (ending, code) = redact_json_and_find_code(&mut buffer, &decoded, redactor, path);
        let shown = finish_json(&decoded, !self.whole, buffer, ending, redactor);
        (
            Content::finish(shown, self.whole, limit),
            code.finish(ending, self.whole),
        )
    }

    /// Returns the first `limit` bytes, and whether they are the whole body.
    fn first(&self, limit: usize) -> (&[u8], bool) {
        let bytes = &self.bytes[..self.bytes.len().min(limit)];
        (bytes, self.whole && bytes.len() == self.bytes.len())
    }
}

impl Content {
    /// Makes the content of a redacted text, of which at most `limit` bytes are shown. `whole` says that the text is
    /// about the whole body.
    fn finish(mut shown: Redacted, whole: bool, limit: usize) -> Self {
        if shown.malformed && !shown.text.contains(char::is_alphanumeric) {
            return Self::Omitted(OmitReason::Malformed);
        }
        let fitting = text::cut(&shown.text, limit).len();
        shown.truncated |= !whole || shown.malformed || fitting < shown.text.len();
        shown.text.truncate(fitting);
        Self::Text(shown)
    }

    /// Returns the number of bytes of the text.
    pub(crate) fn len(&self) -> usize {
        match self {
            Content::Text(text) => text.text.len(),
            Content::None | Content::Omitted(_) => 0,
        }
    }

    /// Returns the cleared buffer of the text, for the next record.
    pub(crate) fn into_buffer(self) -> String {
        let Content::Text(Redacted { mut text, .. }) = self else {
            return String::new();
        };
        text.clear();
        text
    }
}

/// Returns whether `bytes` end inside of a character of UTF-8. `decoded` is their text, perhaps without the byte order
/// mark.
fn ends_in_character(bytes: &[u8], decoded: &str) -> bool {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
    decoded.len() < text.len() && !MARK.starts_with(bytes)
}

/// Returns the body if it is multipart although it has another type. JSON never is, and a binary body is not shown.
fn mislabelled<'b>(kind: &ContentType, bytes: &'b [u8]) -> Option<Mislabelled<'b>> {
    match kind.media {
        Media::Json | Media::Binary | Media::Multipart(_) => None,
        _ if kind.charset == Charset::Unsupported => None,
        _ => Mislabelled::find(bytes),
    }
}

/// Returns a body that is not multipart as text, or the reason why it is not text.
fn text_of<'b>(
    kind: &ContentType,
    bytes: &'b [u8],
    whole: bool,
) -> Result<Cow<'b, str>, OmitReason> {
    let Some(decoded) = kind.charset.decode(bytes, whole) else {
        return Err(match (&kind.media, kind.charset) {
            (Media::Untyped, Charset::Utf8) => OmitReason::Binary,
            _ => OmitReason::Charset,
        });
    };
    // Text contains no NUL, so this body is binary whatever its type is. In JSON, NUL is a fault like any other.
    if kind.media != Media::Json && decoded.contains('\0') {
        return Err(OmitReason::Binary);
    }
    Ok(decoded)
}

/// Makes one redacted line of a body that is not multipart, or of a part.
fn redact(
    kind: &ContentType,
    bytes: &[u8],
    whole: bool,
    redactor: Redactor<'_>,
    buffer: String,
) -> Result<Redacted, OmitReason> {
    let decoded = text_of(kind, bytes, whole)?;
    // The text of a part, or in a charset that is not based on ASCII. Its own parts are not read.
    if mislabelled(kind, decoded.as_bytes()).is_some() {
        return Err(OmitReason::Malformed);
    }
    Ok(redact_body(&kind.media, &decoded, !whole, redactor, buffer))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderMap};

    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    fn content(content_type: &str, kept: &[u8], whole: bool) -> Content {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        of(&headers, kept, whole)
    }

    fn of(headers: &HeaderMap, kept: &[u8], whole: bool) -> Content {
        let kind = Representation::of(headers);
        match DecodedBody::decode(&kind, kept, whole, 64) {
            Ok(body) => {
                let (names, keys) = (Names::default(), KeyCache::new());
                body.content(64, Redactor::new(&names, &keys), String::new())
            }
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
            (
                "application/x-ndjson",
                "{\"a\":\n1,\"pin\":\n2}\n",
                r#"{"a":1,"pin":"[REDACTED]"}"#,
            ),
            ("application/x-ndjson", "\n \r\n", ""),
            (
                "application/json-seq",
                "\u{1e}{\"a\":1}\n\u{1e}{\"pin\":2}\n",
                r#"{"a":1} {"pin":"[REDACTED]"}"#,
            ),
            (
                "application/json",
                "{\"a\":1}\n{\"pin\":2}\n",
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
            ("", "user[pin]=2,3&a=b%20c", "user[pin]=[REDACTED]&a=b%20c"),
            (
                "",
                "https://h/x?sig=2&y=1",
                "https://h/x?sig=[REDACTED]&y=1",
            ),
            ("", "(card-number=2)", "(card-number=[REDACTED]"),
            ("", "'pin'='2'", "'pin'=[REDACTED]"),
            ("", "a,pin=2", "a,pin=[REDACTED]"),
        ] {
            assert_eq!(
                content(content_type, kept.as_bytes(), true),
                shown(expected, false),
                "{kept}"
            );
        }
    }

    #[test]
    fn a_body_that_is_not_text_is_omitted_with_its_reason() {
        use OmitReason::*;
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
            ("application/json", b" \n", Malformed),
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
    fn multipart_body_with_another_type_is_outlined() {
        let part = |head: &str, text: &str| format!("--X\r\nContent-{head}\r\n\r\n{text}\r\n");
        let body = [
            &part("Disposition: form-data; name=pin", "SECRET"),
            &part("Disposition: form-data; name=f; filename=a", "SECRET\0"),
            &part(
                "Disposition: form-data; name=a",
                "--Y\nContent-Type: x\n\nSECRET",
            ),
            "--X--\r\n",
        ]
        .concat();
        let expected = r#"[{"name":"pin","text":"[REDACTED]","size":6},{"name":"f","filename":"a","size":7},{"name":"a","size":27}]"#;
        for content_type in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "text/html; charset=iso-8859-1",
            "application/x-ndjson",
            "text/event-stream",
            "",
        ] {
            for before in ["", "\r\n", " \n\n\t "] {
                let body = format!("{before}{body}");
                let kind = Representation::uncoded(Some(content_type.as_bytes()));
                let (names, keys) = (Names::default(), KeyCache::new());
                let redactor = Redactor::new(&names, &keys);
                let shown_of = |kept: &[u8], whole, limit| {
                    let body = DecodedBody::decode(&kind, kept, whole, 4096).unwrap();
                    body.content(limit, redactor, String::new())
                };
                assert_eq!(
                    shown_of(body.as_bytes(), true, 4096),
                    shown(expected, false)
                );
                for end in 0..body.len() {
                    let cut = &body.as_bytes()[..end];
                    for content in [
                        shown_of(cut, false, 4096),
                        shown_of(cut, true, 4096),
                        shown_of(body.as_bytes(), true, end),
                    ] {
                        let content = format!("{content:?}");
                        assert!(!content.contains("SE"), "{content_type} {end}: {content}");
                        assert!(
                            !content.contains("form-data"),
                            "{content_type} {end}: {content}"
                        );
                    }
                }
            }
        }
        let omitted = Content::Omitted(OmitReason::Binary);
        assert_eq!(content("image/png", body.as_bytes(), true), omitted);
        #[cfg(feature = "charsets")]
        {
            let wide: Vec<_> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let omitted = Content::Omitted(OmitReason::Malformed);
            assert_eq!(
                content("text/plain; charset=utf-16le", &wide[..60], false),
                omitted
            );
        }
    }

    #[test]
    fn text_before_a_fault_is_shown_and_marked() {
        for (content_type, kept, before) in [
            ("application/json", r#"{"a":1}}"#, r#"{"a":1}"#),
            (
                "application/x-ndjson",
                "{\"a\": 1}\n{]\n{\"b\": 1}",
                r#"{"a":1} {"#,
            ),
            ("application/json", r#"["x""#, r#"["x""#),
            ("application/json", r#"{"a":1,"#, r#"{"a":1,"#),
            (
                "application/x-ndjson",
                "{\"a\": 1}\n{\"b\"",
                r#"{"a":1} {"b""#,
            ),
            (
                "application/x-ndjson",
                "{\"pin\":[\n\"hunter2\"\n",
                r#"{"pin":"[REDACTED]""#,
            ),
            // Text that was wrongly guessed to be JSON must not show a value that a key would have hidden.
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
        assert_eq!(nothing, Content::Omitted(OmitReason::Malformed));
    }

    #[test]
    fn character_that_the_prefix_truncates_is_left_out() {
        assert_eq!(content("text/plain", b"caf\xc3", false), shown("caf", true));
        assert_eq!(
            content("text/plain", b"caf\xc3", true),
            Content::Omitted(OmitReason::Charset)
        );
        assert_eq!(
            content("text/plain", b"a\xffb\xc3", false),
            Content::Omitted(OmitReason::Charset)
        );
    }

    // Skipping the mark is the task of the charset.
    #[test]
    fn byte_order_mark_before_json_and_text_is_skipped() {
        let json = "\u{feff}{\"code\":12,\"pin\":2}";
        let expected = shown(r#"{"code":12,"pin":"[REDACTED]"}"#, false);
        assert_eq!(content("application/json", json.as_bytes(), true), expected);
        assert_eq!(content("", json.as_bytes(), true), expected);
        let text = content("text/plain", "\u{feff}a".as_bytes(), true);
        assert_eq!(text, shown("a", false));
        for end in 1..json.len() {
            let cut = &json.as_bytes()[..end];
            let expected = match end {
                0..14 => Some(Err(CodeState::Cut)),
                _ => Some(Ok(FoundCode::number("12"))),
            };
            assert_eq!(code("application/json", cut, false), expected, "{end}");
        }
    }

    fn code(content_type: &str, kept: &[u8], whole: bool) -> Option<Result<FoundCode, CodeState>> {
        let kind = Representation::uncoded(Some(content_type.as_bytes()));
        let body = DecodedBody::decode(&kind, kept, whole, 64).unwrap();
        body.code(64, &CodePath::default())
    }

    #[test]
    fn code_in_an_unknown_charset_is_found_if_the_charset_is_based_on_ascii() {
        let json = "application/json; charset=x-none";
        let unreadable = Some(Err(CodeState::Unreadable));
        for (kept, whole, expected) in [
            (
                &b"{\"a\":\"\xff\x81\",\"code\":7}"[..],
                true,
                Some(Ok(FoundCode::number("7"))),
            ),
            (
                b"{\"code\":7,\"a\":\"\xff",
                false,
                Some(Ok(FoundCode::number("7"))),
            ),
            (b"{\"code\":7", false, unreadable.clone()),
            (b"{\"code\":7", true, unreadable.clone()),
            (b"{\"a\":7}", true, unreadable.clone()),
            (b"{\0\"\0c\0o\0d\0e\0\"\0:\x007\0}\0", true, unreadable),
            (b"", true, None),
        ] {
            assert_eq!(code(json, kept, whole), expected, "{kept:?}");
            let shown = content(json, kept, whole);
            assert_eq!(shown, Content::Omitted(OmitReason::Charset));
        }
    }

    #[test]
    fn latin_1_is_decoded() {
        let text = content("text/plain; charset=iso-8859-1", b"caf\xe9", true);
        assert_eq!(text, shown("café", false));
    }

    #[test]
    fn content_is_never_longer_than_the_limit_even_if_redaction_or_decoding_made_it_longer() {
        let secrets = r#"{"pin":1,"otp":2,"cvv":3,"pwd":4,"token":5}"#;
        let long = content("application/json", secrets.as_bytes(), true);
        assert!(
            matches!(long, Content::Text(Redacted { text, truncated: true, .. }) if text.len() == 64)
        );
        let latin = content("text/plain; charset=latin1", &[0xe9; 64], true);
        assert_eq!(latin, shown(&"é".repeat(32), true));
    }
}
