//! What a body is, by its head: the rules of `Content-Type`, `Content-Encoding` and `charset`.

/// How a body can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// One JSON text a line.
    JsonLines,
    Form,
    /// Text of any other kind: XML, YAML, HTML, plain.
    Text,
    Multipart,
    Binary,
    /// No usable Content-Type: text if its bytes are.
    Untyped,
}

/// How the characters of a text are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8, and US-ASCII within it.
    Utf8,
    Latin1,
    Foreign,
}

/// A `Content-Type` (RFC 9110, section 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub(crate) media: Media,
    pub(crate) charset: Charset,
}

impl ContentType {
    pub(crate) fn parse(value: Option<&[u8]>) -> Self {
        let value = value.and_then(|value| std::str::from_utf8(value).ok());
        let value = value.unwrap_or_default();
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let charset = charset_parameter(parameters);
        let media = match media(&essence) {
            // A body that has a charset is a text, whatever its type is called.
            Media::Binary if charset.is_some() => Media::Text,
            media => media,
        };
        Self {
            media,
            charset: charset.unwrap_or(Charset::Utf8),
        }
    }
}

fn media(essence: &str) -> Media {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return Media::Untyped;
    };
    let suffix = subtype
        .rsplit_once('+')
        .map_or(subtype, |(_, suffix)| suffix);
    match (kind, subtype) {
        ("multipart", _) => Media::Multipart,
        ("application", "x-www-form-urlencoded") => Media::Form,
        ("application", "x-ndjson" | "jsonl" | "x-jsonlines") => Media::JsonLines,
        _ if suffix == "json" => Media::Json,
        ("text", _) => Media::Text,
        ("application", "graphql" | "javascript") => Media::Text,
        _ if matches!(suffix, "xml" | "yaml") => Media::Text,
        _ => Media::Binary,
    }
}

fn charset_parameter(parameters: &str) -> Option<Charset> {
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("charset") {
            return None;
        }
        let value = value.trim().trim_matches('"').to_ascii_lowercase();
        Some(match value.as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Charset::Utf8,
            "iso-8859-1" | "iso8859-1" | "latin1" => Charset::Latin1,
            _ => Charset::Foreign,
        })
    })
}

/// Says whether a `Content-Encoding` changes the bytes (RFC 9110, section 8.4).
pub(crate) fn is_encoded(value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| {
        value.split(|&b| b == b',').any(|coding| {
            let coding = coding.trim_ascii();
            !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart() {
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
            ("multipart/form-data; boundary=x", Multipart),
            ("multipart/form-data; boundary=x; charset=utf-8", Multipart),
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
    fn charsets_are_told_apart() {
        use Charset::*;
        for (value, charset) in [
            ("text/plain", Utf8),
            ("text/plain; charset=\"UTF-8\"", Utf8),
            ("text/plain; x=y; Charset = us-ascii", Utf8),
            ("text/plain;charset=ISO-8859-1", Latin1),
            ("text/plain; charset=gbk", Foreign),
            ("text/plain; charset=", Foreign),
        ] {
            assert_eq!(
                ContentType::parse(Some(value.as_bytes())).charset,
                charset,
                "{value}"
            );
        }
    }

    #[test]
    fn identity_is_no_encoding() {
        for (value, encoded) in [
            (None, false),
            (Some("identity"), false),
            (Some(" , Identity"), false),
            (Some("gzip"), true),
            (Some("identity, br"), true),
            (Some("x"), true),
        ] {
            assert_eq!(is_encoded(value.map(str::as_bytes)), encoded, "{value:?}");
        }
    }
}
