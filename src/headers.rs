//! The headers that a record shows: an allowlist, copied, clean.

use std::ops::Range;

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::{
    names::{Names, REDACTED},
    secrets, text, url,
};

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

/// The headers that a logger records, and how. Sorted by name.
#[derive(Clone, Debug)]
pub(crate) struct Allowlist {
    asked_for: Vec<HeaderName>,
    entries: Vec<(HeaderName, Treatment)>,
}

/// What a header value goes through before it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// Its name is sensitive: nothing of the value is even copied.
    Hidden,
    /// The user asked for it, and for its name to be kept.
    AsItIs,
    Host,
    Url,
    Text,
}

impl Allowlist {
    pub(crate) fn new(headers: &[HeaderName], names: &Names) -> Self {
        let mut list = Self {
            asked_for: headers.to_vec(),
            entries: Vec::new(),
        };
        list.settle(names);
        list
    }

    pub(crate) fn add(&mut self, header: HeaderName, names: &Names) {
        self.asked_for.push(header);
        self.settle(names);
    }

    /// Applies changed names.
    pub(crate) fn settle(&mut self, names: &Names) {
        self.asked_for.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        self.asked_for.dedup();
        let allowed = self
            .asked_for
            .iter()
            .filter(|name| !names.is_never_logged(name.as_str()));
        self.entries = allowed
            .map(|name| (name.clone(), Treatment::of(name, names)))
            .collect();
    }
}

impl Treatment {
    fn of(name: &HeaderName, names: &Names) -> Self {
        match *name {
            _ if names.is_sensitive(name.as_str()) => Self::Hidden,
            _ if names.is_kept(name.as_str()) => Self::AsItIs,
            header::HOST => Self::Host,
            header::REFERER | header::LOCATION | header::ORIGIN | header::CONTENT_LOCATION => {
                Self::Url
            }
            _ => Self::Text,
        }
    }

    fn apply(self, value: &str, cut: bool, names: &Names) -> Option<String> {
        match self {
            Self::Hidden | Self::AsItIs => None,
            Self::Host => url::redact_host(value, cut, names),
            Self::Url => Some(url::redact_url(value, cut, names)),
            Self::Text => secrets::hide(value, cut, names),
        }
    }
}

/// Owned, clean values; one buffer for all of them.
#[derive(Debug, Default)]
pub(crate) struct HeaderText {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: HeaderName,
    value: Range<usize>,
    treatment: Treatment,
    /// The value was longer.
    cut: bool,
}

impl HeaderText {
    /// Copies what `allowed` names. A copy, not a clone: a cloned `HeaderValue` is a slice of the
    /// connection's read buffer and would keep all of it.
    pub(crate) fn copy(headers: &HeaderMap, allowed: &Allowlist) -> Self {
        let mut copy = Self::default();
        for (name, treatment) in &allowed.entries {
            for value in headers.get_all(name).take(MAX_HEADER_VALUES) {
                let value = value.as_bytes();
                let start = copy.text.len();
                match treatment {
                    Treatment::Hidden => copy.text.push_str(REDACTED),
                    Treatment::Host => {
                        let host = String::from_utf8_lossy(value);
                        let host = url::host_and_port(&host).as_bytes();
                        text::push_lossy(&mut copy.text, host, MAX_HEADER_VALUE_LEN);
                    }
                    _ => text::push_lossy(&mut copy.text, value, MAX_HEADER_VALUE_LEN),
                }
                copy.entries.push(Entry {
                    name: name.clone(),
                    value: start..copy.text.len(),
                    treatment: *treatment,
                    cut: value.len() > MAX_HEADER_VALUE_LEN,
                });
            }
        }
        copy
    }

    /// Hides what is sensitive in the values.
    pub(crate) fn redact(&mut self, names: &Names) {
        let mut text = String::new();
        let mut copied = 0;
        for entry in &mut self.entries {
            let start = text.len() + entry.value.start - copied;
            let value = &self.text[entry.value.clone()];
            let shown = entry.treatment.apply(value, entry.cut, names);
            let len = match shown.filter(|shown| shown != value) {
                None => value.len(),
                Some(shown) => {
                    text.push_str(&self.text[copied..entry.value.start]);
                    copied = entry.value.end;
                    let shown = text::clean(text::cut(&shown, MAX_HEADER_VALUE_LEN)).into_owned();
                    text.push_str(&shown);
                    shown.len()
                }
            };
            entry.value = start..start + len;
        }
        if copied > 0 {
            text.push_str(&self.text[copied..]);
            self.text = text;
        }
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
    entries: &'a [Entry],
}

impl<'a> Headers<'a> {
    /// Each value with its name, in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (text, entries) = (self.text, self.entries);
        entries
            .iter()
            .map(move |entry| (entry.name.as_str(), &text[entry.value.clone()]))
    }

    /// The first value of `name`, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn name(&self) -> &'a str {
        self.entries.first().map_or("", |entry| entry.name.as_str())
    }

    /// The headers cut into runs of one name.
    pub(crate) fn by_name(self) -> impl Iterator<Item = Headers<'a>> {
        self.entries
            .chunk_by(|a, b| a.name == b.name)
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
        let names = Names::default();
        copy_with(&Allowlist::new(&REQUEST, &names), &names, headers)
    }

    fn copy_with(
        allowed: &Allowlist,
        names: &Names,
        headers: &[(&'static str, &[u8])],
    ) -> Vec<(String, String)> {
        let mut copy = HeaderText::copy(&map(headers), allowed);
        copy.redact(names);
        copy.as_headers()
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
        let headers = copy(&[("accept", b"a\tb\xff\xe2\x80\xae"), ("x-request-id", &long)]);
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
    fn credentials_are_hidden_in_every_value() {
        let headers = copy(&[
            ("accept", b"text/html, Bearer abc, q=1"),
            ("host", b"eyJh.eyJi.c:80"),
            ("x-request-id", b"eyJh.eyJi.c"),
        ]);
        let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            values,
            [
                "text/html, Bearer [REDACTED], q=1",
                "[REDACTED]:80",
                "[REDACTED]"
            ]
        );
    }

    #[test]
    fn what_was_cut_is_hidden_as_if_it_went_on() {
        let secret = [&[b'x'; MAX_HEADER_VALUE_LEN - 8][..], b" eyJhbGciOi"].concat();
        let url = [
            b"http://h/?a=",
            &[b'x'; MAX_HEADER_VALUE_LEN - 20][..],
            b"&token=abcdef",
        ]
        .concat();
        let headers = copy(&[("accept", &secret), ("referer", &url)]);
        for (_, value) in headers {
            assert!(
                !value.contains("eyJh") && !value.contains("abcd"),
                "{value}"
            );
            assert!(value.len() <= MAX_HEADER_VALUE_LEN);
        }
    }

    #[test]
    fn the_allowlist_grows_but_some_headers_need_to_be_kept_as_well() {
        let mut names = Names::default();
        let mut allowed = Allowlist::new(&REQUEST, &names);
        for name in [
            "authorization",
            "x-session-token",
            "x-tenant",
            "cookie",
            "accept",
        ] {
            allowed.add(HeaderName::from_static(name), &names);
        }
        let sent: &[(&str, &[u8])] = &[
            ("authorization", b"Bearer abc"),
            ("cookie", b"a=b"),
            ("x-session-token", b"abc"),
            ("x-tenant", b"acme"),
        ];
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            copy_with(&allowed, &names, sent),
            [pair("x-session-token", REDACTED), pair("x-tenant", "acme")]
        );
        names.keep("Authorization");
        names.keep("X-Session-Token");
        allowed.settle(&names);
        assert_eq!(
            copy_with(&allowed, &names, sent),
            [
                pair("authorization", "Bearer abc"),
                pair("x-session-token", "abc"),
                pair("x-tenant", "acme")
            ]
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
