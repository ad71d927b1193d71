//! The head of a request.

use std::net::IpAddr;

use actix_web::{
    dev::ServiceRequest,
    http::{Method, Version, header},
};

use super::{
    content_headers::ContentHeaders,
    headers::{Allowlist, HeaderValues},
    text::HeadText,
    trace_context::TraceContext,
};
use crate::{
    formats::representation::Representation,
    record::{
        caps::{MAX_URI_PART_LEN, MAX_USER_AGENT_LEN},
        part::HeadPart,
    },
    redact::{
        form,
        key_cache::Redactor,
        path::{HiddenSegments, HiddenValues, Route},
        text::hide_secrets,
        url,
    },
};

/// Maximum number of bytes kept of the target of a request, if the memory budget has no room for more.
pub(crate) const MAX_CUT_TARGET_LEN: usize = 256;
const MAX_HOST_LEN: usize = 255;
const MAX_METHOD_LEN: usize = 32;

/// The body length that the head of a request announces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Announced {
    /// There is no body, or its length is 0.
    #[default]
    Nothing,
    /// The length of the body.
    Bytes(u64),
    /// A body of unknown length.
    UnknownLength,
}

/// The head of a request. It is copied before the inner service is called, because inner middleware may rewrite the
/// original, and because routing would panic if a clone of the `HttpRequest` existed.
#[derive(Debug, Default)]
pub(crate) struct RequestHead {
    /// `METHOD PATH?QUERY`
    pub(super) message: HeadPart,
    pub(super) method: HeadPart,
    pub(super) path: HeadPart,
    pub(super) query: Option<HeadPart>,
    pub(super) host: Option<HeadPart>,
    /// The port of the host.
    pub(super) port: Option<u16>,
    pub(super) agent: Option<HeadPart>,
    /// The matched pattern, as the application wrote it.
    pub(super) route: Option<HeadPart>,
    /// The segments of the path that belong to route parameters with a sensitive name. Kept when the budget has no
    /// room for the route.
    hidden_segments: HiddenSegments,
    /// Set if the inner service returned a response, so that the route, if there is one, is known.
    pub(super) is_routed: bool,
    pub(crate) headers: HeaderValues,
    is_secure: bool,
    pub(crate) version: Version,
    pub(crate) client: Option<IpAddr>,
    /// The peer, if it is not the client.
    pub(crate) peer: Option<IpAddr>,
    /// The content of the `traceparent`, if there is only one and it is well-formed.
    pub(super) trace: Option<TraceContext>,
    pub(crate) kind: Representation,
    pub(crate) announced: Announced,
    pub(crate) is_get: bool,
    pub(crate) is_head: bool,
}

impl RequestHead {
    /// Copies the head of a request into `text`.
    pub(crate) fn copy(&mut self, text: &mut HeadText, req: &ServiceRequest, allowed: &Allowlist) {
        let headers = &mut self.headers;
        let head = req.head();
        let method = text.push(head.method.as_str().as_bytes(), MAX_METHOD_LEN);
        text.push_mark(b' ');
        let authority = head.uri.authority().map(|authority| authority.as_str());
        let path = match head.uri.path() {
            // The targets of CONNECT and of `OPTIONS *` have no path.
            "" => {
                let host = url::host_and_port(authority.unwrap_or_default().as_bytes());
                text.push(host, MAX_HOST_LEN)
            }
            path => text.push(path.as_bytes(), MAX_URI_PART_LEN),
        };
        let query = head.uri.query().filter(|query| !query.is_empty());
        let query = query.map(|query| {
            text.push_mark(b'?');
            text.push(query.as_bytes(), MAX_URI_PART_LEN)
        });
        let mut host = authority.map(|host| push_host(text, host.as_bytes()));
        let (mut agent, mut trace, mut traceparents) = (None, None, 0);
        let mut content = ContentHeaders::default();
        // One pass over the headers costs less than a lookup for each.
        for (name, value) in &head.headers {
            headers.add(text, name, value.as_bytes(), allowed);
            match *name {
                header::HOST if host.is_none() => {
                    host = Some(push_host(text, value.as_bytes()));
                }
                header::USER_AGENT if agent.is_none() => {
                    agent = Some(text.push(value.as_bytes(), MAX_USER_AGENT_LEN));
                }
                _ if name.as_str() == "traceparent" => {
                    trace = TraceContext::parse(value.as_bytes());
                    traceparents += 1;
                }
                _ => content.add(name, value),
            }
        }
        self.message = method.up_to(query.unwrap_or(path));
        self.method = method;
        self.path = path;
        self.query = query;
        let host = host.filter(|(host, _)| !host.is_empty());
        (self.host, self.port) = host.map_or((None, None), |(host, port)| (Some(host), port));
        self.trace = trace.filter(|_| traceparents == 1);
        self.agent = agent;
        self.route = None;
        self.hidden_segments = HiddenSegments::default();
        self.is_routed = false;
        // Do not call `connection_info()`: the result would be cached in the request, where inner middleware sees it.
        self.is_secure = req.app_config().secure();
        self.version = head.version;
        self.kind = content.representation(&head.headers);
        self.announced = announced(head, &content);
        self.is_get = head.method == Method::GET;
        self.is_head = head.method == Method::HEAD;
    }

    /// Hides the segments of the path that belong to parameters with a sensitive name. Call this before
    /// [`HeadText::finish`].
    pub(super) fn hide_parameters<'r>(
        &mut self,
        text: &HeadText,
        route: Route<'_, impl Iterator<Item = (&'r str, &'r str)>>,
        redactor: Redactor<'_>,
    ) {
        // The path of a URI is a string, so this never fails.
        let path = str::from_utf8(text.raw(self.path)).unwrap_or_default();
        let is_sensitive = |name: &str| redactor.is_sensitive(name);
        self.hidden_segments = route.hidden_in(path, self.path.cut, is_sensitive);
    }

    /// Returns the hidden segments of the path. Call this before [`HeadText::finish`].
    pub(super) fn hidden_values(&self, text: &HeadText) -> HiddenValues {
        if self.hidden_segments.is_empty() {
            return HiddenValues::default();
        }
        let path = str::from_utf8(text.raw(self.path)).unwrap_or_default();
        HiddenValues::new(path, self.hidden_segments)
    }

    /// Drops the headers, the host, the user agent and the route.
    pub(crate) fn omit_headers(&mut self, text: &mut HeadText) {
        text.truncate(self.message.range().end);
        self.headers.clear(0);
        (self.host, self.port) = (None, None);
        self.agent = None;
        self.route = None;
    }

    /// Cuts path and query, which end the text, to [`MAX_CUT_TARGET_LEN`] bytes together.
    pub(crate) fn cut_target(&mut self, text: &mut HeadText) {
        text.cut(&mut self.path, MAX_CUT_TARGET_LEN);
        let room = MAX_CUT_TARGET_LEN.saturating_sub(self.path.len() + 1);
        self.query = self.query.filter(|_| !self.path.cut && room > 0);
        if let Some(query) = &mut self.query {
            text.cut(query, room);
        }
        self.message = self.method.up_to(self.query.unwrap_or(self.path));
        text.truncate(self.message.range().end);
    }

    /// Returns all parts of the text that the head refers to, except the message.
    pub(crate) fn parts(&mut self) -> impl Iterator<Item = &mut HeadPart> {
        let parts = [&mut self.method, &mut self.path].into_iter();
        let parts = parts.chain(&mut self.query).chain(&mut self.host);
        let parts = parts.chain(&mut self.agent).chain(&mut self.route);
        parts.chain(self.headers.parts())
    }

    /// Hides secrets. Call this after [`HeadText::finish`].
    pub(crate) fn redact(
        &mut self,
        text: &mut HeadText,
        allowed: &Allowlist,
        redactor: Redactor<'_>,
        values: &HiddenValues,
    ) {
        self.headers.redact(text, allowed, redactor, values);
        let mut query = text.take_spare();
        let agent = self
            .agent
            .and_then(|agent| hide_secrets(text.get(agent), agent.cut, redactor));
        let host = self
            .host
            .and_then(|host| url::redact_host(text.get(host), host.cut, redactor));
        let path = self.redacted_path(text, redactor);
        let hides_in_query = self
            .query
            .is_some_and(|part| form::push_query(&mut query, text.get(part), part.cut, redactor));
        for (part, shown) in [(&mut self.agent, agent), (&mut self.host, host)] {
            if let (Some(part), Some(shown)) = (part, shown) {
                text.replace(part, &shown);
            }
        }
        if path.is_some() || hides_in_query || !text.is_printable_ascii() {
            let query = hides_in_query.then_some(&*query);
            self.rebuild_message(text, path.as_deref(), query);
        }
        text.put_spare(query);
    }

    /// Hides secrets in the path. Returns `None` if there are none.
    fn redacted_path(&self, text: &HeadText, redactor: Redactor<'_>) -> Option<String> {
        let (path, is_cut) = (text.get(self.path), self.path.cut);
        let has_hidden = redactor.has_paths() || !self.hidden_segments.is_empty();
        if has_hidden
            && let Some(hidden) = redactor.hide_in_path(path, is_cut, self.hidden_segments)
        {
            return Some(url::redact_path(&hidden, is_cut, redactor).unwrap_or(hidden));
        }
        match redactor.has_conditions() || text.may_have_secret(self.path, 0) {
            true => url::redact_path(path, is_cut, redactor),
            false => None,
        }
    }

    /// Appends method, path and query again, so that they are adjacent, with their replacements.
    fn rebuild_message(&mut self, text: &mut HeadText, path: Option<&str>, query: Option<&str>) {
        fn append(text: &mut HeadText, part: &mut HeadPart, shown: Option<&str>) {
            match shown {
                None => text.repeat(part),
                Some(shown) => text.replace(part, shown),
            }
        }
        text.repeat(&mut self.method);
        text.add_mark(' ');
        append(text, &mut self.path, path);
        if let Some(part) = &mut self.query {
            text.add_mark('?');
            append(text, part, query);
        }
        self.message = self.method.up_to(self.query.unwrap_or(self.path));
    }

    /// Returns the method as OpenTelemetry has it, and the method of the request if they differ. Known methods are
    /// those of RFC 9110 and RFC 5789, and QUERY.
    pub(super) fn methods<'t>(&self, text: &'t HeadText) -> (&'t str, Option<&'t str>) {
        match text.get(self.method) {
            method @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS"
            | "CONNECT" | "TRACE" | "QUERY") => (method, None),
            method => ("_OTHER", Some(method)),
        }
    }

    pub(crate) fn scheme(&self) -> &'static str {
        match self.is_secure {
            true => "https",
            false => "http",
        }
    }

    pub(crate) fn version(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "0.9",
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        }
    }
}

/// Appends the host of a `Host` header or an authority, which is `uri-host [ ":" port ]` (RFC 9110, section 7.2).
/// Returns the host and the port.
fn push_host(text: &mut HeadText, authority: &[u8]) -> (HeadPart, Option<u16>) {
    let host = url::host_and_port(authority);
    let (host, end) = match host.strip_prefix(b"[") {
        Some(address) => (address, b']'),
        None => (host, b':'),
    };
    let len = memchr::memchr(end, host).unwrap_or(host.len());
    let (host, rest) = host.split_at(len);
    let port = rest.strip_prefix(b"]").unwrap_or(rest).strip_prefix(b":");
    let port = port.filter(|port| port.iter().all(u8::is_ascii_digit));
    let port = port.and_then(|port| str::from_utf8(port).ok()?.parse().ok());
    (text.push(host, MAX_HOST_LEN), port)
}

/// Returns the body length that the head announces.
fn announced(head: &actix_web::dev::RequestHead, content: &ContentHeaders<'_>) -> Announced {
    let length = content.length.and_then(|value| {
        let digits = value.as_bytes().trim_ascii();
        str::from_utf8(digits).ok()?.parse().ok()
    });
    match length {
        Some(0) => Announced::Nothing,
        Some(length) => Announced::Bytes(length),
        None if content.has_transfer_coding => Announced::UnknownLength,
        // In HTTP/2, every request has a payload, and no header says whether the payload is empty. For a method that
        // anticipates content, a client sends a length of 0 if there is no content (RFC 9110, section 8.6).
        None if head.version == Version::HTTP_2
            && matches!(head.method, Method::POST | Method::PUT | Method::PATCH) =>
        {
            Announced::UnknownLength
        }
        None => Announced::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    struct Copied {
        message: String,
        method: String,
        path: String,
        query: Option<String>,
        host: Option<String>,
        port: Option<u16>,
        agent: Option<String>,
        head: RequestHead,
    }

    fn head(request: TestRequest) -> Copied {
        let names = Names::default();
        let allowed = Allowlist::request(&names);
        let request = request.to_srv_request();
        let (mut head, mut text) = (RequestHead::default(), HeadText::default());
        head.copy(&mut text, &request, &allowed);
        text.finish(head.parts());
        let (keys, values) = (KeyCache::new(), HiddenValues::default());
        head.redact(&mut text, &allowed, Redactor::new(&names, &keys), &values);
        let get = |part| text.get(part).to_owned();
        Copied {
            message: get(head.message),
            method: get(head.method),
            path: get(head.path),
            query: head.query.map(get),
            host: head.host.map(get),
            port: head.port,
            agent: head.agent.map(get),
            head,
        }
    }

    #[test]
    fn the_target_is_shown_redacted() {
        let head = head(TestRequest::with_uri("/a%20b/c?x=1&token=t").method(Method::POST));
        assert_eq!(head.message, "POST /a%20b/c?x=1&token=[REDACTED]");
        assert_eq!(head.path, "/a%20b/c");
        assert_eq!(head.query.as_deref(), Some("x=1&token=[REDACTED]"));
        assert_eq!(
            (&*head.method, head.head.version(), head.head.scheme()),
            ("POST", "1.1", "http")
        );
    }

    #[test]
    fn secrets_are_hidden_in_every_part() {
        let head = head(
            TestRequest::with_uri("/reset/eyJh.eyJi.c/x?a=eyJh.eyJi.c")
                .insert_header((header::USER_AGENT, "curl Bearer abc"))
                .insert_header((header::HOST, "h:1")),
        );
        assert_eq!(head.message, "GET /reset/[REDACTED]/x?a=[REDACTED]");
        assert_eq!(head.path, "/reset/[REDACTED]/x");
        assert_eq!(head.query.as_deref(), Some("a=[REDACTED]"));
        assert_eq!(head.agent.as_deref(), Some("curl Bearer [REDACTED]"));
        assert_eq!((head.host.as_deref(), &*head.method), (Some("h"), "GET"));
    }

    #[test]
    fn a_host_that_looks_like_a_token_is_hidden() {
        let host = (header::HOST, "eyJh.eyJi.c:1");
        let head = head(TestRequest::default().insert_header(host));
        assert_eq!(
            (head.host.as_deref(), &*head.message),
            (Some("[REDACTED]"), "GET /")
        );
    }

    #[test]
    fn a_target_without_a_path_is_shown_as_its_host() {
        let connect = head(TestRequest::with_uri("example.com:443").method(Method::CONNECT));
        assert_eq!(connect.message, "CONNECT example.com:443");
        let asterisk = head(TestRequest::with_uri("*").method(Method::OPTIONS));
        assert_eq!(asterisk.message, "OPTIONS *");
    }

    #[test]
    fn host_and_port_are_separate() {
        for (host, expected, port) in [
            ("example.com", Some("example.com"), None),
            ("example.com:8080", Some("example.com"), Some(8080)),
            ("[::1]:8080", Some("::1"), Some(8080)),
            ("[::1]", Some("::1"), None),
            ("[::1", Some("::1"), None),
            ("", None, None),
            (":80", None, None),
            ("example.com:", Some("example.com"), None),
            ("example.com:+80", Some("example.com"), None),
            ("example.com:65536", Some("example.com"), None),
            ("u:p@example.com:80", Some("example.com"), Some(80)),
            ("example.com?token=x", Some("example.com"), None),
        ] {
            let head = head(TestRequest::default().insert_header((header::HOST, host)));
            assert_eq!(
                (head.host.as_deref(), head.port),
                (expected, port),
                "{host}"
            );
        }
        let absolute = head(TestRequest::with_uri("http://u:p@example.org:81/x"));
        assert_eq!(
            (absolute.host.as_deref(), absolute.port),
            (Some("example.org"), Some(81))
        );
        assert_eq!(absolute.message, "GET /x");
    }

    #[test]
    fn every_part_of_a_head_is_truncated_to_its_maximum() {
        let long = "x".repeat(10_000);
        let head = head(
            TestRequest::with_uri(&format!("/{long}?{long}"))
                .insert_header((header::USER_AGENT, long.as_str()))
                .insert_header((header::HOST, long.as_str())),
        );
        assert_eq!(head.path.len(), MAX_URI_PART_LEN);
        assert_eq!(head.query.unwrap().len(), MAX_URI_PART_LEN);
        assert_eq!(head.agent.unwrap().len(), MAX_USER_AGENT_LEN);
        assert_eq!(head.host.unwrap().len(), MAX_HOST_LEN);
        assert_eq!(head.message.len(), "GET ".len() + 2 * MAX_URI_PART_LEN + 1);
    }

    #[test]
    fn a_body_is_announced_by_length_coding_or_method() {
        use Announced::*;
        let with = |name: &'static str, value: &'static str| {
            TestRequest::post().insert_header((name, value))
        };
        for (request, expected) in [
            (TestRequest::post(), Nothing),
            (with("content-length", "0"), Nothing),
            (with("content-length", "7"), Bytes(7)),
            (with("transfer-encoding", "chunked"), UnknownLength),
            (TestRequest::post().version(Version::HTTP_2), UnknownLength),
            (TestRequest::get().version(Version::HTTP_2), Nothing),
        ] {
            assert_eq!(head(request).head.announced, expected);
        }
    }
}
