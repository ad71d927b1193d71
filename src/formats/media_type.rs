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

/// A multipart type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Multipart {
    pub(crate) boundary: Boundary,
    pub(crate) text_parts: TextParts,
}

/// The parts of a multipart body that may be text. All other parts are files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextParts {
    /// The fields of a form, which are the parts with a name.
    Fields,
    /// The root, which is the part with this `Content-ID` or else the first part, and parts of a type of JSON. Other
    /// parts may be text, but are the attachments of a message or the pages of a site.
    RootAndJson(Option<Box<str>>),
}

impl TextParts {
    /// Returns the text parts of a subtype of `multipart`. `start` is the parameter that names the root.
    fn of(subtype: &str, start: Option<Box<str>>) -> Self {
        match without_x(subtype) {
            "form-data" => Self::Fields,
            "related" => Self::RootAndJson(start),
            // The parameter has no meaning in other types.
            _ => Self::RootAndJson(None),
        }
    }
}

/// Removes the brackets of a `Content-ID` (RFC 2392).
pub(crate) fn trim_content_id(value: &str) -> &str {
    value.trim().trim_start_matches('<').trim_end_matches('>')
}

/// The kinds of bodies that are handled differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// A sequence of JSON texts.
    JsonLines,
    Form,
    /// Server-sent events.
    Events,
    /// Text of any other kind: XML, YAML, HTML, plain.
    Text,
    /// A multipart body. `None` if its boundary is absent or invalid.
    Multipart(Option<Multipart>),
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
        // An invalid parameter says nothing about the type before it.
        let value = String::from_utf8_lossy(value.unwrap_or_default());
        let value = value.trim_start();
        let end = value.find([';', ',', ' ', '\t']).unwrap_or(value.len());
        let (essence, rest) = value.split_at(end);
        let mut charset = None;
        let mut boundary = None;
        let mut start = None;
        for (name, value) in parameters(rest) {
            if name.eq_ignore_ascii_case("charset") {
                charset = charset.or_else(|| charset_of(&value));
            } else if name.eq_ignore_ascii_case("boundary") {
                boundary = boundary.or_else(|| Boundary::new(&value));
            } else if name.eq_ignore_ascii_case("start") {
                start = start.or_else(|| Some(trim_content_id(&value).into()));
            }
        }
        let essence = essence.to_ascii_lowercase();
        let media = match media(&essence) {
            Media::Multipart(_) => Media::Multipart(boundary.map(|boundary| Multipart {
                boundary,
                text_parts: TextParts::of(&essence["multipart/".len()..], start),
            })),
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

/// Returns the charset that a parameter names. Some programs put the label between single quotes, or join another
/// header value to the label. Returns `None` if the parameter is empty.
fn charset_of(value: &str) -> Option<Charset> {
    let label = value.split(',').next().unwrap_or_default();
    let label = label.trim_matches(|c: char| c.is_whitespace() || "'\"\\".contains(c));
    (!label.is_empty()).then(|| Charset::of_label(label))
}

/// The formats that are sequences of JSON texts.
const JSON_LINES: [&str; 9] = [
    "ndjson",
    "nd-json",
    "ldjson",
    "jsonl",
    "jsonlines",
    "json-lines",
    "json-seq",
    "json-stream",
    "stream+json",
];

/// Returns the kind of a media type in lower case, without its parameters.
fn media(essence: &str) -> Media {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return Media::Untyped;
    };
    let subtype = without_x(subtype);
    let suffix = subtype
        .rsplit_once('+')
        .map_or(subtype, |(_, suffix)| without_x(suffix));
    match (kind, subtype) {
        ("multipart", _) => Media::Multipart(None),
        (_, "www-form-urlencoded") => Media::Form,
        _ if is_json_lines(subtype) => Media::JsonLines,
        _ if suffix == "json" || matches!(subtype, "csp-report" | "dns-json") => Media::Json,
        _ if subtype.starts_with("amz-json-") => Media::Json,
        ("text", "event-stream") => Media::Events,
        ("text", _) => Media::Text,
        ("message", "http") => Media::Text,
        _ if is_text(subtype) || matches!(suffix, "xml" | "yaml" | "toml" | "csv") => Media::Text,
        _ => Media::Binary,
    }
}

/// Removes the prefix of types that were not registered, because the same formats occur with and without it.
fn without_x(name: &str) -> &str {
    name.strip_prefix("x-").unwrap_or(name)
}

/// Returns whether the subtype is a sequence of JSON texts, or ends with the name of such a format, as in
/// `vnd.example+ndjson`.
fn is_json_lines(subtype: &str) -> bool {
    JSON_LINES.iter().any(|name| {
        let before = subtype.strip_suffix(name);
        before.is_some_and(|before| {
            let before = before.strip_suffix("x-").unwrap_or(before);
            before.is_empty() || before.ends_with(['.', '+'])
        })
    })
}

fn is_text(subtype: &str) -> bool {
    matches!(
        subtype,
        "yaml"
            | "toml"
            | "csv"
            | "sql"
            | "javascript"
            | "ecmascript"
            | "typescript"
            | "sh"
            | "httpd-php"
            | "json5"
            | "graphql"
            | "openmetrics-text"
            | "sdp"
            | "pem-file"
            | "pem-certificate-chain"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multipart(boundary: &str, text_parts: TextParts) -> Media {
        Media::Multipart(Boundary::new(boundary).map(|boundary| Multipart {
            boundary,
            text_parts,
        }))
    }

    #[test]
    fn types_map_to_kinds_of_bodies() {
        use Media::*;
        use TextParts::*;
        for (value, media) in [
            ("application/json", Json),
            ("Application/JSON ; charset=UTF-8", Json),
            ("text/json", Json),
            ("application/problem+json", Json),
            ("application/json; n=\u{e9}", Json),
            ("application/json; n=\"", Json),
            ("application/json charset=utf-8", Json),
            (" application/json, application/json", Json),
            ("application/x-json", Json),
            ("application/csp-report", Json),
            ("application/reports+json", Json),
            ("application/x-amz-json-1.0", Json),
            ("application/amz-json-1.1", Json),
            ("application/x-amz-json", Binary),
            ("application/x-www-form-urlencoded", Form),
            ("application/www-form-urlencoded; charset=utf-8", Form),
            ("text/x-www-form-urlencoded", Form),
            ("text/plain", Text),
            ("text/event-stream; charset=utf-8", Events),
            ("text/xml", Text),
            ("image/svg+xml", Text),
            ("application/yaml", Text),
            ("application/graphql", Text),
            ("application/x-yaml", Text),
            ("application/vnd.oai.openapi+yaml; version=3", Text),
            ("application/toml", Text),
            ("application/csv", Text),
            ("application/sql", Text),
            ("application/x-javascript", Text),
            ("application/ecmascript", Text),
            ("application/json5", Text),
            ("application/openmetrics-text; version=1.0.0", Text),
            ("application/sdp", Text),
            ("application/x-pem-file", Text),
            ("application/pem-certificate-chain", Text),
            ("application/dns-json", Json),
            ("application/x-typescript", Text),
            ("application/x-sh", Text),
            ("application/x-httpd-php", Text),
            ("application/vnd.a+toml", Text),
            ("application/vnd.a+csv", Text),
            ("message/http", Text),
            ("application/http", Binary),
            ("application/xml", Text),
            ("application/soap+xml", Text),
            ("text/x-anything", Text),
            ("application/octet-stream", Binary),
            ("application/octet-stream; charset=utf-8", Text),
            ("application/jsonx", Binary),
            ("image/png", Binary),
            ("multipart/form-data; boundary=x", multipart("x", Fields)),
            (
                "multipart/mixed; charset=utf-8; Boundary=\"a;b\"",
                multipart("a;b", RootAndJson(None)),
            ),
            (
                "multipart/related; boundary=x; start=\"<a@b>\"; type=\"a/b\"",
                multipart("x", RootAndJson(Some("a@b".into()))),
            ),
            (
                "multipart/alternative; start=a; boundary=x",
                multipart("x", RootAndJson(None)),
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
        assert_eq!(ContentType::parse(Some(b"\xff\xfe")).media, Untyped);
        assert_eq!(ContentType::parse(Some(b"\xff/\xfe")).media, Binary);
        let broken = ContentType::parse(Some(b"multipart/form-data; boundary=X; n=\xe9"));
        assert_eq!(broken.media, multipart("X", Fields));
        let broken = ContentType::parse(Some(b"application/json; charset=\xe9"));
        assert_eq!((broken.media, broken.charset), (Json, Charset::Unsupported));
    }

    #[test]
    fn json_lines_have_many_names() {
        for name in JSON_LINES {
            for before in ["", "x-", "vnd.a.", "vnd.a+", "vnd.a.x-", "geo+"] {
                let value = format!("application/{before}{name}; a=b");
                let media = ContentType::parse(Some(value.as_bytes())).media;
                assert_eq!(media, Media::JsonLines, "{value}");
            }
        }
        for (value, media) in [
            ("application/andjson", Media::Binary),
            ("application/upstream+json", Media::Json),
            ("application/json-sequence", Media::Binary),
            ("text/x-ndjson", Media::JsonLines),
        ] {
            let read = ContentType::parse(Some(value.as_bytes())).media;
            assert_eq!(read, media, "{value}");
        }
    }

    #[test]
    fn the_first_charset_counts() {
        for (value, charset) in [
            ("text/plain", Charset::Utf8),
            ("text/plain; charset=\"UTF-8\"", Charset::Utf8),
            ("text/plain; x=y; Charset = us-ascii", Charset::Utf8),
            (
                "text/plain;charset=ISO-8859-1;charset=utf-8",
                Charset::Windows1252,
            ),
            ("text/plain; charset=x-none", Charset::Unsupported),
            ("text/plain; charset=", Charset::Utf8),
            ("text/plain; charset=; charset=latin1", Charset::Windows1252),
            ("text/plain; charset='utf-8'", Charset::Utf8),
            ("text/plain; charset=\"'utf-8'\"", Charset::Utf8),
            ("text/plain; charset=utf-8,application/json", Charset::Utf8),
            (r#"text/plain; charset=\"utf-8\""#, Charset::Utf8),
            ("text/plain; charset=utf-8, text/plain", Charset::Utf8),
            ("text/plain; charset=latin1,", Charset::Windows1252),
            ("text/plain; charset='x-none'", Charset::Unsupported),
        ] {
            assert_eq!(
                ContentType::parse(Some(value.as_bytes())).charset,
                charset,
                "{value}"
            );
        }
    }
}
