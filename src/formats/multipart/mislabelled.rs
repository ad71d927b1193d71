//! Recognizes multipart bodies that have another type.

use crate::formats::media_type::{Boundary, Multipart, TextParts};

/// A multipart body whose type is not multipart, because somebody copied a body without its type.
pub(crate) struct Mislabelled<'b> {
    /// The body from its first delimiter on.
    pub(crate) body: &'b [u8],
    /// `None` if the boundary is invalid.
    pub(crate) multipart: Option<Multipart>,
}

impl<'b> Mislabelled<'b> {
    /// Recognizes a body that begins with a delimiter and a field `Content-...`. In a shorter prefix of such a body,
    /// no value of a field or a part can occur.
    pub(crate) fn find(body: &'b [u8]) -> Option<Self> {
        const FIELD: &[u8] = b"content-";
        let mark = "\u{feff}".as_bytes();
        let body = body.strip_prefix(mark).unwrap_or(body).trim_ascii_start();
        let line = body.strip_prefix(b"--")?;
        let (line, rest) = line.split_at(memchr::memchr(b'\n', line)?);
        let is_head = rest[1..]
            .get(..FIELD.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(FIELD));
        let boundary = line.trim_ascii_end();
        // A line of dashes begins a document of YAML.
        if !is_head || boundary.iter().all(|&b| b == b'-') {
            return None;
        }
        let boundary = std::str::from_utf8(boundary).ok().and_then(Boundary::new);
        Some(Self {
            body,
            multipart: boundary.map(|boundary| Multipart {
                boundary,
                text_parts: TextParts::Fields,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delimiter_before_a_content_field_is_recognized() {
        for (body, boundary) in [
            ("--B\r\nContent-Type: text/plain", Some("B")),
            ("------x\ncontent-", Some("----x")),
            ("\u{feff}\r\n\r\n  --a b \t\r\nCONTENT-ID: 1", Some("a b")),
            ("--B\r\nContent", None),
            ("--B\r\nX: y\r\nContent-Type: text/plain", None),
            ("--B Content-Type: text/plain", None),
            ("-B\r\nContent-Type: text/plain", None),
            ("x\r\n--B\r\nContent-Type: text/plain", None),
            ("---\ncontent-type: text/plain", None),
            ("--", None),
            ("", None),
        ] {
            let found = Mislabelled::find(body.as_bytes()).and_then(|found| found.multipart);
            let found = found.as_ref().map(|found| found.boundary.as_str());
            assert_eq!(found, boundary, "{body:?}");
        }
        let long = format!("--{}\nContent-Type: x", "B".repeat(1000));
        let found = Mislabelled::find(long.as_bytes()).unwrap();
        assert!(found.multipart.is_none() && found.body == long.as_bytes());
    }
}
