//! The data of a record.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use actix_web::http::StatusCode;
use log::Level;

use crate::{
    content::Omitted,
    formats::json::code::{Code, CodeState},
    record::{field::Field, headers::Headers, user::User},
};

/// The outcome of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The whole response was handed to the server, including a response that was built from an
    /// error. How much of it reached the client is unknown.
    Completed,
    /// The response body failed, or no response to an error was seen.
    Failed,
    /// The exchange was dropped before its end: the client disconnected, or the server stopped.
    Aborted,
    /// The application panicked.
    Panicked,
}

impl Outcome {
    /// Returns the value of `exchange.outcome`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Aborted => "aborted",
            Outcome::Panicked => "panicked",
        }
    }
}

/// The request body or the response body of an exchange.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Body<'a> {
    /// Number of bytes that passed through, whether they were kept or not. `None` if there was no
    /// message.
    pub size: Option<u64>,
    /// Prefix of the body as text, or the outline of a multipart body: sanitized, redacted and at most as
    /// long as the limit.
    pub content: Option<&'a str>,
    /// Set if the content is not the whole body.
    pub truncated: bool,
    /// Set if the content ends at a syntax error of the body's format. If no text precedes the error,
    /// `omitted` is [`Omitted::Malformed`] instead.
    pub malformed: bool,
    /// Reason why a body that is not empty has no content.
    pub omitted: Option<Omitted>,
    /// Set if the handler did not read all of the body. Always false for a response.
    pub unread: bool,
}

/// One exchange, as a sink receives it.
///
/// A record serializes as one flat object with the names below. A field with an absent value is left
/// out. For other names, see [`in_schema`](Self::in_schema).
///
/// Every string is redacted, capped, and on one line: it contains no control characters, line or
/// paragraph separators, or bidirectional overrides. The record as JSON with a newline fits into the
/// [record limit](crate::BodyLog::record_limit).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// `timestamp`: arrival of the request head; RFC 3339 in UTC with microseconds.
    pub timestamp: SystemTime,
    /// `level`
    pub level: Level,
    /// `message`: `METHOD URI`, redacted.
    pub message: &'a str,
    /// `http.request.method`
    pub method: &'a str,
    /// `url.path`: the path as the logger received it, before inner middleware rewrote it; redacted.
    pub path: &'a str,
    /// `url.query`: redacted.
    pub query: Option<&'a str>,
    /// `url.scheme`: `http` or `https`, as the server's own connection has it.
    pub scheme: &'a str,
    /// `http.route`: the pattern that matched; never the path.
    pub route: Option<&'a str>,
    /// `network.protocol.version`: `1.0`, `1.1` or `2`.
    pub version: &'a str,
    /// `server.address`: the requested host, without its port.
    pub server_address: Option<&'a str>,
    /// `client.address`: the address of the peer, or the address that the peer forwards if the peer
    /// is a [trusted proxy](crate::BodyLog::trusted_proxies); without a port.
    pub client_address: Option<IpAddr>,
    /// `user_agent.original`
    pub user_agent: Option<&'a str>,
    /// `http.request.header.<name>`: the request headers on the allowlist.
    pub request_headers: Headers<'a>,
    /// `http.response.header.<name>`: the response headers on the allowlist.
    pub response_headers: Headers<'a>,
    /// `http.request.body.size`, `.content`, `.truncated`, `.malformed`, `.omitted`, `.unread`
    pub request_body: Body<'a>,
    /// `http.response.body.size`, `.content`, `.truncated`, `.malformed`, `.omitted`
    pub response_body: Body<'a>,
    /// `http.response.status_code`: the status of the response, or of an error without a response.
    /// `None` if there was neither.
    pub status: Option<StatusCode>,
    /// `http.response.body.code`
    pub code: Option<Code<'a>>,
    /// `http.response.body.code_state`: the reason why a JSON response has no code.
    pub code_state: Option<CodeState>,
    /// `http.server.request.duration`: time to the end of the exchange; seconds in JSON.
    pub duration: Duration,
    /// `http.server.request.time_to_head`: time to the response head; seconds in JSON.
    pub time_to_head: Option<Duration>,
    /// `exchange.outcome`
    pub outcome: Outcome,
    /// `exchange.headers_omitted`: [`Omitted::Budget`] if the memory budget had no room for the headers. Then the host,
    /// the user agent, the route and the ids may be absent, too, and the target may be cut to 256 bytes.
    pub headers_omitted: Option<Omitted>,
    /// `exchange.fields_omitted`: [`Omitted::Budget`] if the memory budget had no room for a custom field, the user or an
    /// error.
    pub fields_omitted: Option<Omitted>,
    /// `sample_rate`: the share of records like this one that is [kept](crate::BodyLog::sample).
    /// `None` if all of them are.
    pub sample_rate: Option<f64>,
    /// The `x-request-id` of the request, or a [generated](crate::RequestIds::Generate) one. In the default
    /// schema it is only the field of that header.
    pub request_id: Option<&'a str>,
    /// `trace_id`: of a well-formed `traceparent` (W3C Trace Context).
    pub trace_id: Option<&'a str>,
    /// `span_id`: the caller's span, of the same `traceparent`.
    pub span_id: Option<&'a str>,
    /// `error.message`: all errors, joined by `, `.
    pub error: Option<&'a str>,
    /// `user.id`, `user.name`, `user.type`
    pub user: Option<&'a User>,
    /// Fields of [`record_field`](crate::RecordExt::record_field), under their own names.
    pub fields: &'a [Field],
    /// Set if no string of the request head needs an escape in JSON.
    pub(crate) head_is_plain: bool,
    /// Set if the level `ERROR` is required, or if the exchange was not completed.
    pub(crate) is_failure: bool,
}

impl<'a> Record<'a> {
    /// Makes a record with these values and without any other field.
    pub(crate) fn new(
        timestamp: SystemTime,
        level: Level,
        outcome: Outcome,
        duration: Duration,
    ) -> Self {
        Self {
            timestamp,
            level,
            message: "",
            method: "",
            path: "",
            query: None,
            scheme: "",
            route: None,
            version: "",
            server_address: None,
            client_address: None,
            user_agent: None,
            request_headers: Headers::default(),
            response_headers: Headers::default(),
            request_body: Body::default(),
            response_body: Body::default(),
            status: None,
            code: None,
            code_state: None,
            duration,
            time_to_head: None,
            outcome,
            headers_omitted: None,
            fields_omitted: None,
            sample_rate: None,
            request_id: None,
            trace_id: None,
            span_id: None,
            error: None,
            user: None,
            fields: &[],
            head_is_plain: false,
            is_failure: false,
        }
    }
}

/// Calls `f` with a record that has every field except headers and custom fields.
#[cfg(test)]
pub(crate) fn with_every_field<T>(f: impl FnOnce(Record<'_>) -> T) -> T {
    let user = User {
        id: "x".into(),
        name: "x".into(),
        kind: "x".into(),
    };
    let body = Body {
        size: Some(u64::MAX),
        content: Some("x"),
        truncated: true,
        malformed: true,
        omitted: Some(Omitted::Malformed),
        unread: true,
    };
    f(Record {
        timestamp: SystemTime::UNIX_EPOCH,
        level: Level::Debug,
        message: "x",
        method: "x",
        path: "/",
        query: Some("x"),
        scheme: "https",
        route: Some("x"),
        version: "1.1",
        server_address: Some("x"),
        client_address: Some(IpAddr::from([0xffff_u16; 8])),
        user_agent: Some("x"),
        request_headers: Headers::default(),
        response_headers: Headers::default(),
        request_body: body,
        response_body: body,
        status: Some(StatusCode::OK),
        code: Some(Code::Text("x")),
        code_state: Some(CodeState::Malformed),
        duration: Duration::MAX,
        time_to_head: Some(Duration::MAX),
        outcome: Outcome::Panicked,
        headers_omitted: Some(Omitted::Budget),
        fields_omitted: Some(Omitted::Budget),
        sample_rate: Some(f64::MIN_POSITIVE),
        request_id: Some("x"),
        trace_id: Some("x"),
        span_id: Some("x"),
        error: Some("x"),
        user: Some(&user),
        fields: &[],
        head_is_plain: true,
        is_failure: true,
    })
}
