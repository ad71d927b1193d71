//! Media types: the kind of a body, from its `Content-Type`.

use crate::formats::{charset::Charset, parameters::parameters};

/// The boundary of a multipart body, without the dashes before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boundary(Box<str>);

impl Boundary {
    /// Makes a boundary. Returns `None` if its length is invalid (RFC 2046, section 5.1.1).
    pub(crate) fn new(value: &str) -> Option<Self> {
        // Some clients send slightly more than the 70 characters that the RFC allows.
        const MAX: usize = 200;
        (1..=MAX).contains(&value.len()).then(|| Self(value.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of bodies that are handled differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// One JSON text per line.
    JsonLines,
    Form,
    /// Text of any other kind: XML, YAML, HTML, plain.
    Text,
    /// A multipart body, with its boundary if the boundary is present and valid.
    Multipart(Option<Boundary>),
    Binary,
    /// A body whose Content-Type is absent or invalid. It is text if its bytes are valid text.
    #[default]
    Untyped,
}

/// A `Content-Type` (RFC 9110, section 8.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub(crate) media: Media,
    pub(crate) charset: Charset,
}

impl ContentType {
    /// Parses the value of a `Content-Type`, which may be absent.
    pub(crate) fn parse(value: Option<&[u8]>) -> Self {
        // Nearly all bodies that are shown have this type.
        if value == Some(b"application/json") {
            return Self {
                media: Media::Json,
                charset: Charset::Utf8,
            };
        }
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        let value = value.unwrap_or_default();
        let (essence, rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        let mut charset = None;
        let mut boundary = None;
        for (name, value) in parameters(rest) {
            if name.eq_ignore_ascii_case("charset") {
                charset = charset.or_else(|| Some(Charset::of_label(&value)));
            } else if name.eq_ignore_ascii_case("boundary") {
                boundary = boundary.or_else(|| Boundary::new(&value));
            }
        }
        let media = match media(&essence.trim().to_ascii_lowercase()) {
            Media::Multipart(_) => Media::Multipart(boundary),
            // A body that has a charset is text, whatever its type.
            Media::Binary if charset.is_some() => Media::Text,
            media => media,
        };
        Self {
            media,
            charset: charset.unwrap_or(Charset::Utf8),
        }
    }
}

/// Returns the kind of a media type in lower case, without its parameters.
fn media(essence: &str) -> Media {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return Media::Untyped;
    };
    let suffix = subtype
        .rsplit_once('+')
        .map_or(subtype, |(_, suffix)| suffix);
    match (kind, subtype) {
        ("multipart", _) => Media::Multipart(None),
        ("application", "x-www-form-urlencoded") => Media::Form,
        ("application", "x-ndjson" | "jsonl" | "x-jsonlines") => Media::JsonLines,
        _ if suffix == "json" => Media::Json,
        ("text", _) => Media::Text,
        ("application", "graphql" | "javascript") => Media::Text,
        _ if matches!(suffix, "xml" | "yaml") => Media::Text,
        _ => Media::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_map_to_kinds_of_bodies() {
        use Media::*;
        for (value, media) in [
            ("application/json", Json),
            ("Application/JSON ; charset=UTF-8", Json),
            ("text/json", Json),
            ("application/problem+json", Json),
            ("application/x-ndjson", JsonLines),
            ("application/x-www-form-urlencoded", Form),
            ("text/plain", Text),
            ("text/event-stream", Text),
            ("text/xml", Text),
            ("image/svg+xml", Text),
            ("application/yaml", Text),
            ("application/graphql", Text),
            ("application/octet-stream", Binary),
            ("application/octet-stream; charset=utf-8", Text),
            ("application/jsonx", Binary),
            ("image/png", Binary),
            (
                "multipart/form-data; boundary=x",
                Multipart(Boundary::new("x")),
            ),
            (
                "multipart/mixed; charset=utf-8; Boundary=\"a;b\"",
                Multipart(Boundary::new("a;b")),
            ),
            ("multipart/form-data; boundary=", Multipart(None)),
            ("", Untyped),
            ("nonsense", Untyped),
        ] {
            assert_eq!(
                ContentType::parse(Some(value.as_bytes())).media,
                media,
                "{value}"
            );
        }
        assert_eq!(ContentType::parse(None).media, Untyped);
        assert_eq!(ContentType::parse(Some(b"\xff/\xfe")).media, Untyped);
    }

    #[test]
    fn the_first_charset_counts() {
        for (value, charset) in [
            ("text/plain", Charset::Utf8),
            ("text/plain; charset=\"UTF-8\"", Charset::Utf8),
            ("text/plain; x=y; Charset = us-ascii", Charset::Utf8),
            (
                "text/plain;charset=ISO-8859-1;charset=utf-8",
                Charset::Latin1,
            ),
            ("text/plain; charset=x-none", Charset::Unsupported),
            ("text/plain; charset=", Charset::Unsupported),
        ] {
            assert_eq!(
                ContentType::parse(Some(value.as_bytes())).charset,
                charset,
                "{value}"
            );
        }
    }
}
