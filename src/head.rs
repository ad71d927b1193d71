//! What a record needs of the heads of an exchange, copied.

use std::{borrow::Cow, net::IpAddr, ops::Range};

use actix_web::{
    dev::{ResponseHead, ServiceRequest},
    http::{
        Method, StatusCode, Uri, Version,
        header::{self, HeaderMap},
    },
};

use crate::{
    content::Representation,
    form,
    headers::{Allowlist, HeaderText},
    names::Names,
    secrets, text, url,
};

/// Bytes kept of the path of a request, and again of its query.
pub const MAX_URI_PART_LEN: usize = 2048;
/// Bytes kept of a `User-Agent`.
pub const MAX_USER_AGENT_LEN: usize = 512;
const MAX_HOST_LEN: usize = 255;
const MAX_METHOD_LEN: usize = 32;

/// How much body the head of a request announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Nothing,
    Bytes(u64),
    /// Some, of unknown length.
    Some,
}

/// A request head, read before the handler sees it: middleware inside may rewrite the original, and
/// a clone of the `HttpRequest` held across the call would make routing panic.
#[derive(Debug)]
pub(crate) struct RequestHead {
    /// Method, path, query, host and agent, one after the other: as they came until
    /// [`redact`](Self::redact) was called.
    text: String,
    /// `METHOD PATH?QUERY`: the beginning of `text`.
    message: usize,
    method: Range<usize>,
    path: Range<usize>,
    query: Option<Range<usize>>,
    host: Option<Range<usize>>,
    agent: Option<Range<usize>>,
    /// Path, query or agent were longer.
    path_was_cut: bool,
    query_was_cut: bool,
    agent_was_cut: bool,
    pub(crate) headers: HeaderText,
    pub(crate) scheme: &'static str,
    pub(crate) version: Version,
    pub(crate) client: Option<IpAddr>,
    pub(crate) kind: Representation,
    pub(crate) announced: Announced,
    pub(crate) is_get: bool,
    pub(crate) is_head: bool,
}

impl RequestHead {
    pub(crate) fn copy(req: &ServiceRequest, allowed: &Allowlist) -> Self {
        let head = req.head();
        let mut text = String::with_capacity(128);
        let method = push(&mut text, head.method.as_str().as_bytes(), MAX_METHOD_LEN);
        text.push(' ');
        let path = match head.uri.path() {
            // The target of CONNECT, and of `OPTIONS *`, has no path.
            "" => push(
                &mut text,
                url::host_and_port(host(&head.uri).unwrap_or_default()).as_bytes(),
                MAX_HOST_LEN,
            ),
            path => push(&mut text, path.as_bytes(), MAX_URI_PART_LEN),
        };
        let query = head.uri.query().filter(|query| !query.is_empty());
        let query_was_cut = query.is_some_and(|query| query.len() > MAX_URI_PART_LEN);
        let query = query.map(|query| {
            text.push('?');
            push(&mut text, query.as_bytes(), MAX_URI_PART_LEN)
        });
        let message = text.len();
        let header = |name| head.headers.get(name).map(|value| value.as_bytes());
        let host = match host(&head.uri) {
            Some(host) => Some(push(&mut text, without_port(host).as_bytes(), MAX_HOST_LEN)),
            None => header(header::HOST).map(|value| {
                let value = String::from_utf8_lossy(value);
                push(&mut text, without_port(&value).as_bytes(), MAX_HOST_LEN)
            }),
        };
        let agent = header(header::USER_AGENT);
        let agent_was_cut = agent.is_some_and(|agent| agent.len() > MAX_USER_AGENT_LEN);
        let agent = agent.map(|value| push(&mut text, value, MAX_USER_AGENT_LEN));
        Self {
            text,
            message,
            method,
            path,
            query,
            host: host.filter(|host| !host.is_empty()),
            agent,
            path_was_cut: head.uri.path().len() > MAX_URI_PART_LEN,
            query_was_cut,
            agent_was_cut,
            headers: HeaderText::copy(&head.headers, allowed),
            // Not from `connection_info()`: it is cached in the request, for middleware inside too.
            scheme: if req.app_config().secure() {
                "https"
            } else {
                "http"
            },
            version: head.version,
            client: head.peer_addr.map(|address| address.ip().to_canonical()),
            kind: Representation::of(&head.headers),
            announced: announced(head),
            is_get: head.method == Method::GET,
            is_head: head.method == Method::HEAD,
        }
    }

    /// Hides what is sensitive. Not while copying: a logger nested inside may have other rules, and
    /// most of what is copied is never shown where success is not recorded.
    pub(crate) fn redact(&mut self, names: &Names) {
        self.headers.redact(names);
        let path = url::redact_path(self.path(), self.path_was_cut, names);
        let query = self
            .query()
            .map(|query| form::redact_query(query, self.query_was_cut, names));
        let agent = self
            .agent()
            .and_then(|agent| secrets::hide(agent, self.agent_was_cut, names));
        let host = self
            .host()
            .and_then(|host| url::redact_host(host, false, names));
        let as_it_is = matches!(path, Cow::Borrowed(_))
            && !matches!(query, Some(Cow::Owned(_)))
            && agent.is_none()
            && host.is_none();
        if as_it_is {
            return;
        }
        let mut text = String::with_capacity(self.text.len());
        let method = push(&mut text, self.method().as_bytes(), MAX_METHOD_LEN);
        text.push(' ');
        let path = push(&mut text, path.as_bytes(), MAX_URI_PART_LEN);
        let query = query.map(|query| {
            text.push('?');
            push(&mut text, query.as_bytes(), MAX_URI_PART_LEN)
        });
        let message = text.len();
        let host = host.as_deref().or(self.host());
        let host = host.map(|host| push(&mut text, host.as_bytes(), MAX_HOST_LEN));
        let agent = agent.as_deref().or(self.agent());
        let agent = agent.map(|agent| push(&mut text, agent.as_bytes(), MAX_USER_AGENT_LEN));
        *self = Self {
            text,
            message,
            method,
            path,
            query,
            host,
            agent,
            headers: std::mem::take(&mut self.headers),
            kind: self.kind.clone(),
            ..*self
        };
    }

    pub(crate) fn message(&self) -> &str {
        &self.text[..self.message]
    }

    pub(crate) fn method(&self) -> &str {
        &self.text[self.method.clone()]
    }

    pub(crate) fn path(&self) -> &str {
        &self.text[self.path.clone()]
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.query.clone().map(|range| &self.text[range])
    }

    pub(crate) fn host(&self) -> Option<&str> {
        self.host.clone().map(|range| &self.text[range])
    }

    pub(crate) fn agent(&self) -> Option<&str> {
        self.agent.clone().map(|range| &self.text[range])
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

fn push(text: &mut String, bytes: &[u8], max: usize) -> Range<usize> {
    let start = text.len();
    text::push_lossy(text, bytes, max);
    start..text.len()
}

/// The host of a URI that names one: HTTP/2's `:authority`, or a request to a proxy.
fn host(uri: &Uri) -> Option<&str> {
    uri.authority().map(|authority| authority.as_str())
}

/// `Host` and `:authority` are `uri-host [ ":" port ]` (RFC 9110, section 7.2).
fn without_port(host: &str) -> &str {
    let host = url::host_and_port(host);
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn announced(head: &actix_web::dev::RequestHead) -> Announced {
    let length = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    match length {
        Some(0) => Announced::Nothing,
        Some(length) => Announced::Bytes(length),
        None if head.headers.contains_key(header::TRANSFER_ENCODING) => Announced::Some,
        // HTTP/2 has a payload with every request and no field that says whether it is empty. A
        // method that is meant to have content announces its length if there is none (RFC 9110,
        // section 8.6).
        None if head.version == Version::HTTP_2
            && matches!(head.method, Method::POST | Method::PUT | Method::PATCH) =>
        {
            Announced::Some
        }
        None => Announced::Nothing,
    }
}

/// What a response was when it left the layers inside.
#[derive(Debug)]
pub(crate) struct ResponseHeadCopy {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderText,
    pub(crate) kind: Representation,
    /// `Content-Transfer-Encoding: binary`: a file, in the service that this crate was made for.
    pub(crate) is_binary: bool,
}

impl ResponseHeadCopy {
    pub(crate) fn copy(head: &ResponseHead, allowed: &Allowlist) -> Self {
        let headers = head.headers();
        Self {
            status: head.status,
            headers: HeaderText::copy(headers, allowed),
            kind: Representation::of(headers),
            is_binary: has_binary_transfer(headers),
        }
    }
}

pub(crate) fn has_binary_transfer(headers: &HeaderMap) -> bool {
    let transfer = headers.get("content-transfer-encoding");
    transfer.is_some_and(|value| {
        let value = value.as_bytes().trim_ascii();
        value.eq_ignore_ascii_case(b"binary")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::headers;

    fn head(request: TestRequest) -> RequestHead {
        let names = Names::default();
        let allowed = Allowlist::new(&headers::REQUEST, &names);
        let mut head = RequestHead::copy(&request.to_srv_request(), &allowed);
        head.redact(&names);
        head
    }

    #[test]
    fn the_target_is_shown_redacted() {
        let head = head(TestRequest::with_uri("/a%20b/c?x=1&token=t").method(Method::POST));
        assert_eq!(head.message(), "POST /a%20b/c?x=1&token=[REDACTED]");
        assert_eq!(head.path(), "/a%20b/c");
        assert_eq!(head.query(), Some("x=1&token=[REDACTED]"));
        assert_eq!(
            (head.method(), head.version(), head.scheme),
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
        assert_eq!(head.message(), "GET /reset/[REDACTED]/x?a=[REDACTED]");
        assert_eq!(head.path(), "/reset/[REDACTED]/x");
        assert_eq!(head.query(), Some("a=[REDACTED]"));
        assert_eq!(head.agent(), Some("curl Bearer [REDACTED]"));
        assert_eq!((head.host(), head.method()), (Some("h"), "GET"));
    }

    #[test]
    fn a_host_of_the_form_of_a_token_is_hidden() {
        let host = (header::HOST, "eyJh.eyJi.c:1");
        let head = head(TestRequest::default().insert_header(host));
        assert_eq!((head.host(), head.message()), (Some("[REDACTED]"), "GET /"));
    }

    #[test]
    fn targets_without_a_path_are_shown_by_their_host() {
        let connect = head(TestRequest::with_uri("example.com:443").method(Method::CONNECT));
        assert_eq!(connect.message(), "CONNECT example.com:443");
        let asterisk = head(TestRequest::with_uri("*").method(Method::OPTIONS));
        assert_eq!(asterisk.message(), "OPTIONS *");
    }

    #[test]
    fn the_host_loses_its_port() {
        for (host, expected) in [
            ("example.com", Some("example.com")),
            ("example.com:8080", Some("example.com")),
            ("[::1]:8080", Some("::1")),
            ("[::1", Some("::1")),
            ("", None),
            (":80", None),
            ("u:p@example.com:80", Some("example.com")),
            ("example.com?token=x", Some("example.com")),
        ] {
            let head = head(TestRequest::default().insert_header((header::HOST, host)));
            assert_eq!(head.host(), expected, "{host}");
        }
        let absolute = head(TestRequest::with_uri("http://u:p@example.org:81/x"));
        assert_eq!(absolute.host(), Some("example.org"));
        assert_eq!(absolute.message(), "GET /x");
    }

    #[test]
    fn what_a_client_can_make_long_is_capped() {
        let long = "x".repeat(10_000);
        let head = head(
            TestRequest::with_uri(&format!("/{long}?{long}"))
                .insert_header((header::USER_AGENT, long.as_str()))
                .insert_header((header::HOST, long.as_str())),
        );
        assert_eq!(head.path().len(), MAX_URI_PART_LEN);
        assert_eq!(head.query().unwrap().len(), MAX_URI_PART_LEN);
        assert_eq!(head.agent().unwrap().len(), MAX_USER_AGENT_LEN);
        assert_eq!(head.host().unwrap().len(), MAX_HOST_LEN);
        assert_eq!(
            head.message().len(),
            "GET ".len() + 2 * MAX_URI_PART_LEN + 1
        );
    }

    #[test]
    fn bodies_are_announced_by_length_by_coding_or_by_method() {
        use Announced::*;
        let with = |name: &'static str, value: &'static str| {
            TestRequest::post().insert_header((name, value))
        };
        for (request, expected) in [
            (TestRequest::post(), Nothing),
            (with("content-length", "0"), Nothing),
            (with("content-length", "7"), Bytes(7)),
            (with("transfer-encoding", "chunked"), Some),
            (TestRequest::post().version(Version::HTTP_2), Some),
            (TestRequest::get().version(Version::HTTP_2), Nothing),
        ] {
            assert_eq!(head(request).announced, expected);
        }
    }
}
