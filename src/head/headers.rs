//! The allowlist of headers, and the values that are copied.

use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::{
    head::{
        request_id::{self, X_REQUEST_ID},
        text::HeadText,
    },
    record::{
        caps::{MAX_HEADER_VALUE_LEN, MAX_HEADER_VALUES},
        headers::{HeaderField, HeaderValue, Headers},
        part::HeadPart,
    },
    redact::{
        key_cache::Redactor, names::Names, path::HiddenValues, pieces::REDACTED,
        text::hide_secrets, url,
    },
};

/// Request headers that are recorded by default, sorted, because a `HeaderMap` has no order.
const DEFAULT_REQUEST: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::ORIGIN,
    header::REFERER,
    X_REQUEST_ID,
];

/// Response headers that are recorded by default, sorted.
const DEFAULT_RESPONSE: [HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::LOCATION,
    header::RETRY_AFTER,
];

/// The headers that are recorded.
#[derive(Clone, Debug)]
pub(crate) struct Allowlist {
    /// The prefix of the names of the fields.
    prefix: &'static str,
    /// The headers that were added, including headers that must never be recorded.
    requested: Vec<HeaderName>,
    /// The headers that the application leaves out.
    omitted: Vec<HeaderName>,
    /// The fields of the headers that are recorded, sorted by name.
    fields: Vec<HeaderField>,
    /// The treatment of each of the `fields`, in the same order.
    treatments: Vec<Treatment>,
    /// For each length of a name, 1 + the index of the first field with that length, or 0. Most names differ in length.
    by_len: [u16; LENGTHS],
    /// The index of the field of `x-request-id`.
    request_id: Option<u16>,
    /// Set if records may have the ids of a `traceparent`.
    pub(super) shows_trace: bool,
}

/// How a header value is redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// The name is sensitive, so the value is not copied.
    Hidden,
    /// The value is copied only because it is an id that decides about [sampling](crate::BodyLog::sample).
    Omitted,
    /// [`keep`](crate::BodyLog::keep) names the header, so its value is not redacted.
    Unchanged,
    Host,
    Url,
    Text,
}

impl Allowlist {
    pub(crate) fn request(names: &Names) -> Self {
        Self::new("http.request.header.", &DEFAULT_REQUEST, names)
    }

    pub(crate) fn response(names: &Names) -> Self {
        Self::new("http.response.header.", &DEFAULT_RESPONSE, names)
    }

    fn new(prefix: &'static str, headers: &[HeaderName], names: &Names) -> Self {
        let mut list = Self {
            prefix,
            requested: headers.to_vec(),
            omitted: Vec::new(),
            fields: Vec::new(),
            treatments: Vec::new(),
            by_len: [0; LENGTHS],
            request_id: None,
            shows_trace: true,
        };
        list.rebuild(names);
        list
    }

    /// Adds a header to the list.
    pub(crate) fn add(&mut self, header: &HeaderName, names: &Names) {
        self.requested.push(header.clone());
        self.rebuild(names);
    }

    /// Leaves a header out, whether it is added or not.
    pub(crate) fn omit(&mut self, header: &HeaderName, names: &Names) {
        self.omitted.push(header.clone());
        self.rebuild(names);
    }

    /// Rebuilds the list after a change of the sensitive names or of the requested headers.
    pub(crate) fn rebuild(&mut self, names: &Names) {
        self.requested.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        self.requested.dedup();
        let allowed = self.requested.iter().filter_map(|name| {
            let treatment = match (Treatment::of(name, names), self.omitted.contains(name)) {
                (Treatment::Hidden, true) => return None,
                (_, true) if *name == X_REQUEST_ID => Treatment::Omitted,
                (treatment, false) if !names.is_never_logged(name.as_str()) => treatment,
                _ => return None,
            };
            Some((HeaderField::new(self.prefix, name.clone()), treatment))
        });
        (self.fields, self.treatments) = allowed.unzip();
        self.by_len = [0; LENGTHS];
        for (next_index, field) in (1..=u16::MAX).zip(&self.fields) {
            let first = &mut self.by_len[length(field.name())];
            if *first == 0 {
                *first = next_index;
            }
        }
        // A hidden value is not used as an id.
        let is_shown = |index: &u16| self.treatment(*index) != Treatment::Hidden;
        self.request_id = self.find(&X_REQUEST_ID).filter(is_shown);
        self.shows_trace = !names.is_sensitive("traceparent");
    }

    /// Returns the first id among the copied headers of a request.
    pub(crate) fn request_id(&self, headers: &HeaderValues) -> Option<HeadPart> {
        let field = self.request_id?;
        let id = headers.0.iter().find(|value| value.field == field)?;
        Some(id.part)
    }

    /// Returns the index of the field of a header, if the header is on the list.
    fn find(&self, name: &HeaderName) -> Option<u16> {
        let first = self.by_len[length(name)].checked_sub(1)?;
        let mut others = self.fields.iter().skip(first.into());
        (first..)
            .zip(&mut others)
            .find(|(_, field)| field.name() == name)
            .map(|(index, _)| index)
    }

    fn treatment(&self, index: u16) -> Treatment {
        self.treatments[usize::from(index)]
    }
}

/// The number of lengths of names that are distinguished. A longer name shares an entry with a shorter name.
const LENGTHS: usize = 64;

/// Returns the entry of a name in [`Allowlist::by_len`].
fn length(name: &HeaderName) -> usize {
    name.as_str().len() % LENGTHS
}

impl Treatment {
    fn of(name: &HeaderName, names: &Names) -> Self {
        match *name {
            _ if names.is_sensitive(name.as_str()) => Self::Hidden,
            _ if names.is_kept(name.as_str()) => Self::Unchanged,
            header::HOST => Self::Host,
            header::REFERER | header::LOCATION | header::ORIGIN | header::CONTENT_LOCATION => {
                Self::Url
            }
            _ => Self::Text,
        }
    }
}

/// The copied values of one head. Their bytes are in the text of the heads.
#[derive(Debug, Default)]
pub(crate) struct HeaderValues(Vec<HeaderValue>);

impl HeaderValues {
    /// Copies a header if it is listed. The values of one name must be added one after the other.
    ///
    /// A clone of a `HeaderValue` would keep the read buffer of the connection alive.
    pub(crate) fn add(
        &mut self,
        text: &mut HeadText,
        name: &HeaderName,
        value: &[u8],
        allowed: &Allowlist,
    ) {
        let Some(listed) = allowed.find(name) else {
            return;
        };
        if allowed.request_id == Some(listed) && !request_id::is_valid(value) {
            return;
        }
        let latest = self.0.iter().rev();
        let same = latest.take_while(|value| value.field == listed);
        if same.count() == MAX_HEADER_VALUES {
            return;
        }
        let value = match allowed.treatment(listed) {
            Treatment::Hidden => REDACTED.as_bytes(),
            Treatment::Host => url::host_and_port(value),
            _ => value,
        };
        let part = text.push(value, MAX_HEADER_VALUE_LEN);
        self.0.push(HeaderValue {
            field: listed,
            part,
        });
    }

    /// Copies the id that was assigned to a request, in place of the ids that the request had, unless it is one of
    /// these.
    pub(crate) fn set_request_id(&mut self, text: &mut HeadText, id: &[u8], allowed: &Allowlist) {
        let listed = allowed.find(&X_REQUEST_ID);
        let mut ids = self.0.iter().filter(|value| Some(value.field) == listed);
        if ids.all(|value| text.raw(value.part) != id) {
            self.0.retain(|value| Some(value.field) != listed);
            self.add(text, &X_REQUEST_ID, id, allowed);
        }
    }

    /// Continues with the allowlist of an inner logger, in place of the earlier list. Values that were copied are not
    /// read again, because a middleware between the loggers may have changed them.
    pub(crate) fn change_list(
        &mut self,
        text: &mut HeadText,
        headers: &HeaderMap,
        [earlier, allowed]: [&Allowlist; 2],
    ) {
        let is_hidden = |list: &Allowlist, name| {
            let index = list.find(name)?;
            Some(list.treatment(index) == Treatment::Hidden)
        };
        let is_missing = |name| match (is_hidden(earlier, name), is_hidden(allowed, name)) {
            (None, _) => true,
            (Some(was_hidden), is_hidden) => was_hidden && is_hidden == Some(false),
        };
        self.0.retain_mut(|value| {
            let name = earlier.fields[usize::from(value.field)].name();
            let Some(listed) = allowed.find(name).filter(|_| !is_missing(name)) else {
                return false;
            };
            value.field = listed;
            if allowed.treatment(listed) == Treatment::Hidden {
                value.part = text.push(REDACTED.as_bytes(), MAX_HEADER_VALUE_LEN);
            }
            true
        });
        for (name, value) in headers.iter().filter(|(name, _)| is_missing(name)) {
            self.add(text, name, value.as_bytes(), allowed);
        }
    }

    /// Returns the number of bytes of the list of values, without their text.
    pub(crate) fn memory(&self) -> usize {
        self.0.len() * size_of::<HeaderValue>()
    }

    /// Drops all values. A buffer of at most `max_kept` bytes is kept.
    pub(crate) fn clear(&mut self, max_kept: usize) {
        self.0.clear();
        if self.0.capacity() * size_of::<HeaderValue>() > max_kept {
            self.0 = Vec::new();
        }
    }

    /// Returns the parts of the text that the values refer to.
    pub(crate) fn parts(&mut self) -> impl Iterator<Item = &mut HeadPart> {
        self.0.iter_mut().map(|value| &mut value.part)
    }

    /// Hides secrets, and sorts the values by name, because a `HeaderMap` has no order. Call this after
    /// [`HeadText::finish`].
    pub(crate) fn redact(
        &mut self,
        text: &mut HeadText,
        allowed: &Allowlist,
        redactor: Redactor<'_>,
        values: &HiddenValues,
    ) {
        let is_omitted = |index| allowed.treatment(index) == Treatment::Omitted;
        self.0.retain(|value| !is_omitted(value.field));
        for HeaderValue { field, part } in &mut self.0 {
            let (value, cut) = (text.get(*part), part.cut);
            let shown = match allowed.treatment(*field) {
                Treatment::Hidden | Treatment::Omitted | Treatment::Unchanged => None,
                Treatment::Host => url::redact_host(value, cut, redactor),
                Treatment::Url
                    if !redactor.has_paths()
                        && !redactor.has_conditions()
                        && values.is_empty()
                        && !text.may_have_secret(*part, scheme_len(value)) =>
                {
                    None
                }
                Treatment::Url => {
                    Some(redact_url(value, cut, redactor, values)).filter(|shown| shown != value)
                }
                Treatment::Text => hide_secrets(value, cut, redactor),
            };
            if let Some(shown) = shown {
                text.replace(part, &shown);
            }
        }
        // The sort is stable, so the values of one name stay in the order of the message.
        self.0.sort_by_key(|value| value.field);
    }

    /// Returns the headers as a record shows them.
    pub(crate) fn as_headers<'a>(
        &'a self,
        text: &'a HeadText,
        allowed: &'a Allowlist,
    ) -> Headers<'a> {
        Headers::new(text.as_str(), text.is_plain(), &self.0, &allowed.fields)
    }
}

/// Hides secrets in a URL, and the segments of its path that are hidden by a pattern or in the path of the request.
fn redact_url(value: &str, cut: bool, redactor: Redactor<'_>, values: &HiddenValues) -> String {
    let hidden = values.replace_in_url(value, cut, REDACTED);
    let value = hidden.as_deref().unwrap_or(value);
    let hidden = redactor.hide_in_url(value, cut);
    let shown = url::redact_url(hidden.as_deref().unwrap_or(value), cut, redactor);
    // User information, which is hidden now, may have contained a slash.
    redactor.hide_in_url(&shown, cut).unwrap_or(shown)
}

/// Returns the length of the scheme and the slashes at the start of an HTTP URL, or 0.
fn scheme_len(url: &str) -> usize {
    let mut schemes = ["https://", "http://"].into_iter();
    let scheme = schemes.find(|scheme| url.starts_with(scheme));
    scheme.map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::redact::key_cache::KeyCache;

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
        copy_with(&Allowlist::request(&names), &names, headers)
    }

    /// Copies headers that are all on the list.
    fn copy_listed(headers: &[(&'static str, &[u8])]) -> Vec<(String, String)> {
        let names = Names::default();
        let mut allowed = Allowlist::request(&names);
        for (name, _) in headers {
            allowed.add(&HeaderName::from_static(name), &names);
        }
        copy_with(&allowed, &names, headers)
    }

    fn copy_with(
        allowed: &Allowlist,
        names: &Names,
        headers: &[(&'static str, &[u8])],
    ) -> Vec<(String, String)> {
        let (mut text, mut copy) = (HeadText::default(), HeaderValues::default());
        for (name, value) in &map(headers) {
            copy.add(&mut text, name, value.as_bytes(), allowed);
        }
        text.finish(copy.parts());
        let (keys, values) = (KeyCache::new(), HiddenValues::default());
        copy.redact(&mut text, allowed, Redactor::new(names, &keys), &values);
        copy.as_headers(&text, allowed)
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn only_listed_headers_are_copied_and_sorted() {
        let headers = copy(&[
            ("x-request-id", b"r1"),
            ("authorization", b"Bearer x"),
            ("cookie", b"a=b"),
            ("origin", b"https://a"),
            ("accept", b"text/html"),
            ("origin", b"https://b"),
        ]);
        let expected = [
            ("origin", "https://a"),
            ("origin", "https://b"),
            ("x-request-id", "r1"),
        ];
        let expected = expected.map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(headers, expected);
    }

    #[test]
    fn values_are_sanitized_and_capped() {
        let long = [b'x'; 2 * MAX_HEADER_VALUE_LEN];
        let headers = copy(&[
            ("content-encoding", b"a\tb\xff\xe2\x80\xae"),
            ("content-type", &long),
        ]);
        assert_eq!(headers[0].1, "a b\u{fffd} ");
        assert_eq!(headers[1].1.len(), MAX_HEADER_VALUE_LEN);
        let many = vec![("origin", &b"x"[..]); 3 * MAX_HEADER_VALUES];
        assert_eq!(copy(&many).len(), MAX_HEADER_VALUES);
    }

    #[test]
    fn secrets_in_referer_origin_and_host_are_hidden() {
        let headers = copy_listed(&[
            ("referer", b"https://u:p@h/?token=x&a=1"),
            ("origin", b"http://u:p@h:8"),
            ("host", b"u:p@h:8"),
        ]);
        let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            values,
            [
                "h:8",
                "http://[REDACTED]@h:8",
                "https://[REDACTED]@h/?token=[REDACTED]&a=1"
            ]
        );
    }

    #[test]
    fn a_token_in_place_of_a_host_is_hidden() {
        let headers = copy(&[
            ("referer", b"https://[x]ghp_secretsecret/"),
            ("origin", b"//[]ghp_secretsecret"),
        ]);
        assert_eq!(headers.len(), 2);
        for (_, value) in headers {
            assert!(!value.contains("ghp"), "{value}");
        }
        let long = [
            &[0xff; 160][..],
            b" https://ghp_secretsecretsecretsecret@h/",
        ]
        .concat();
        let headers = copy(&[("referer", &long)]);
        assert!(!headers[0].1.contains("ghp"), "{}", headers[0].1);
    }

    #[test]
    fn credentials_are_hidden_in_all_values_of_a_header() {
        let headers = copy_listed(&[
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
    fn a_truncated_value_is_redacted_like_a_prefix() {
        let secret = [&[b'x'; MAX_HEADER_VALUE_LEN - 8][..], b" eyJhbGciOi"].concat();
        let url = [
            b"http://h/?a=",
            &[b'x'; MAX_HEADER_VALUE_LEN - 20][..],
            b"&token=abcdef",
        ]
        .concat();
        let headers = copy_listed(&[("accept", &secret), ("referer", &url)]);
        assert_eq!(headers.len(), 2);
        for (_, value) in headers {
            assert!(
                !value.contains("eyJh") && !value.contains("abcd"),
                "{value}"
            );
            assert!(value.len() <= MAX_HEADER_VALUE_LEN);
        }
    }

    #[test]
    fn headers_with_credentials_are_listed_only_if_they_are_kept() {
        let mut names = Names::default();
        let mut allowed = Allowlist::request(&names);
        for name in [
            "authorization",
            "x-session-token",
            "x-tenant",
            "cookie",
            "accept",
        ] {
            allowed.add(&HeaderName::from_static(name), &names);
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
        allowed.rebuild(&names);
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
    fn the_default_lists_are_sorted_and_have_no_credentials() {
        for list in [&DEFAULT_REQUEST[..], &DEFAULT_RESPONSE[..]] {
            assert!(list.is_sorted_by_key(|name| name.as_str().to_owned()));
            assert!(
                !list
                    .iter()
                    .any(|name| Names::default().is_sensitive(name.as_str()))
            );
        }
    }
}
