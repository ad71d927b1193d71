//! The headers that a record shows: an allowlist, copied, clean.

use std::{borrow::Cow, ops::Range};

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::{form, names::Names, text};

/// Bytes kept of one header value.
pub const MAX_HEADER_VALUE_LEN: usize = 512;
/// Values kept of one header.
pub const MAX_HEADER_VALUES: usize = 8;

/// Request headers that are recorded. Sorted: `HeaderMap` has no order of its own.
pub(crate) const REQUEST: [HeaderName; 9] = [
    header::ACCEPT,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::ORIGIN,
    header::REFERER,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-request-id"),
];

/// Response headers that are recorded, sorted.
pub(crate) const RESPONSE: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::LOCATION,
    header::RETRY_AFTER,
];

/// Owned, clean values; one buffer for all of them.
#[derive(Debug, Default)]
pub(crate) struct HeaderText {
    text: String,
    entries: Vec<(HeaderName, Range<usize>)>,
}

impl HeaderText {
    /// Copies what `allowed` names. A copy, not a clone: a cloned `HeaderValue` is a slice of the
    /// connection's read buffer and would keep all of it.
    pub(crate) fn copy(headers: &HeaderMap, allowed: &[HeaderName], names: &Names) -> Self {
        let mut copy = Self::default();
        for name in allowed {
            for value in headers.get_all(name).take(MAX_HEADER_VALUES) {
                let start = copy.text.len();
                let text = String::from_utf8_lossy(value.as_bytes());
                let shown = match *name {
                    header::REFERER | header::LOCATION | header::ORIGIN => {
                        Cow::Owned(form::redact_url(&text, names))
                    }
                    header::HOST => Cow::Borrowed(form::host_and_port(&text)),
                    _ => Cow::Borrowed(&*text),
                };
                text::push_lossy(&mut copy.text, shown.as_bytes(), MAX_HEADER_VALUE_LEN);
                copy.entries.push((name.clone(), start..copy.text.len()));
            }
        }
        copy
    }

    pub(crate) fn as_headers(&self) -> Headers<'_> {
        Headers {
            text: &self.text,
            entries: &self.entries,
        }
    }
}

/// Recorded headers, sorted by name; the values of one name in the order of the message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    text: &'a str,
    entries: &'a [(HeaderName, Range<usize>)],
}

impl<'a> Headers<'a> {
    /// Each value with its name, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (text, entries) = (self.text, self.entries);
        entries
            .iter()
            .map(move |(name, range)| (name.as_str(), &text[range.clone()]))
    }

    /// The first value of `name`, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn name(&self) -> &'a str {
        self.entries.first().map_or("", |(name, _)| name.as_str())
    }

    /// The headers cut into runs of one name.
    pub(crate) fn by_name(self) -> impl Iterator<Item = Headers<'a>> {
        self.entries
            .chunk_by(|a, b| a.0 == b.0)
            .map(move |entries| Headers { entries, ..self })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn map(headers: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        map
    }

    fn copy(headers: &[(&'static str, &[u8])]) -> Vec<(String, String)> {
        HeaderText::copy(&map(headers), &REQUEST, &Names::default())
            .as_headers()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn only_the_allowlist_is_copied_and_in_order() {
        let headers = copy(&[
            ("x-request-id", b"r1"),
            ("authorization", b"Bearer x"),
            ("cookie", b"a=b"),
            ("accept", b"text/html"),
            ("x-other", b"o"),
            ("accept", b"text/plain"),
        ]);
        let expected = [
            ("accept", "text/html"),
            ("accept", "text/plain"),
            ("x-request-id", "r1"),
        ];
        let expected = expected.map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(headers, expected);
    }

    #[test]
    fn values_are_clean_and_capped() {
        let long = [b'x'; 2 * MAX_HEADER_VALUE_LEN];
        let headers = copy(&[("accept", b"a\tb\xff\xe2\x80\xae"), ("origin", &long)]);
        assert_eq!(headers[0].1, "a b\u{fffd} ");
        assert_eq!(headers[1].1.len(), MAX_HEADER_VALUE_LEN);
        let many = vec![("accept", &b"x"[..]); 3 * MAX_HEADER_VALUES];
        assert_eq!(copy(&many).len(), MAX_HEADER_VALUES);
    }

    #[test]
    fn a_referring_url_loses_its_secrets() {
        let headers = copy(&[
            ("referer", b"https://u:p@h/?token=x&a=1"),
            ("origin", b"http://u:p@h:8"),
            ("host", b"u:p@h:8"),
        ]);
        let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            values,
            ["h:8", "http://h:8", "https://h/?token=[REDACTED]&a=1"]
        );
    }

    #[test]
    fn the_lists_are_sorted_and_free_of_secrets() {
        for list in [&REQUEST[..], &RESPONSE[..]] {
            assert!(list.is_sorted_by_key(|name| name.as_str().to_owned()));
            assert!(
                !list
                    .iter()
                    .any(|name| Names::default().is_sensitive(name.as_str()))
            );
        }
    }
}
