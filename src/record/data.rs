//! The data of a record.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use actix_web::http::StatusCode;
use log::Level;

use crate::{
    content::OmitReason,
    formats::json::code::{Code, CodeState},
    record::{field::Fields, headers::Headers, level::LevelReason, outcome::Outcome, user::Roles},
};

/// The request body or the response body of an exchange.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RecordBody<'a> {
    /// Number of bytes that passed through, whether they were kept or not. `None` if there was no
    /// response.
    pub size: Option<u64>,
    /// Prefix of the body as text, or the outline of a multipart body: sanitized, redacted and at most as
    /// long as the limit.
    pub content: Option<&'a str>,
    /// Set if the content is not the whole body.
    pub truncated: bool,
    /// Set if the content ends at a syntax error of the body's format. If no text precedes the error,
    /// `omitted` is [`OmitReason::Malformed`] instead.
    pub malformed: bool,
    /// Reason why a body that is not empty has no content.
    pub omitted: Option<OmitReason>,
    /// Set if the handler did not read all of the body. Always false for a response.
    pub unread: bool,
}

impl RecordBody<'_> {
    /// Removes the content, and what is said about it.
    pub(crate) fn remove_content(&mut self) {
        self.content = None;
        self.truncated = false;
        self.malformed = false;
    }
}

/// One exchange, as a sink receives it.
///
/// A record serializes as one flat object with the names below. A field with an absent value is left
/// out. For other names, see [`in_schema`](Self::in_schema).
///
/// Only this crate makes records, and sinks get a reference. So every string is redacted, capped, and on one line: it
/// contains no control characters, line or paragraph separators, or bidirectional overrides. The record as JSON with a
/// newline fits into the [record limit](crate::BodyLog::record_limit).
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// `timestamp`: arrival of the request head; RFC 3339 in UTC with microseconds.
    pub timestamp: SystemTime,
    /// `level`
    pub level: Level,
    /// `message`: `METHOD URI`, redacted.
    pub message: &'a str,
    /// `http.request.method`: a method of RFC 9110, `PATCH`, `QUERY`, or `_OTHER`.
    pub method: &'a str,
    /// `http.request.method_original`: the method of the request if `method` is `_OTHER`.
    pub method_original: Option<&'a str>,
    /// `url.path`: the path as the logger received it, before inner middleware rewrote it; redacted.
    pub path: &'a str,
    /// `url.query`: redacted.
    pub query: Option<&'a str>,
    /// `url.scheme`: `http` or `https`, as the server's own connection has it.
    pub scheme: Option<&'a str>,
    /// `http.route`: the pattern that matched; never the path.
    pub route: Option<&'a str>,
    /// `network.protocol.version`: `1.0`, `1.1` or `2`.
    pub version: Option<&'a str>,
    /// `server.address`: the requested host, without its port.
    pub server_address: Option<&'a str>,
    /// `server.port`: the port of the requested host, if it has one.
    pub server_port: Option<u16>,
    /// `client.address`: the address of the peer, or the address that the peer forwards if the peer
    /// is a [trusted proxy](crate::BodyLog::trusted_proxies); without a port.
    pub client_address: Option<IpAddr>,
    /// `network.peer.address`: the address of the peer, if it is not the client.
    pub peer_address: Option<IpAddr>,
    /// `user_agent.original`
    pub user_agent: Option<&'a str>,
    /// `http.request.header.<name>`: the request headers on the allowlist.
    pub request_headers: Headers<'a>,
    /// `http.response.header.<name>`: the response headers on the allowlist.
    pub response_headers: Headers<'a>,
    /// `http.request.body.size`, `.content`, `exchange.request.truncated`, `.malformed`, `.omitted`, `.unread`
    pub request_body: RecordBody<'a>,
    /// `http.response.body.size`, `.content`, `exchange.response.truncated`, `.malformed`, `.omitted`
    pub response_body: RecordBody<'a>,
    /// `http.response.status_code`: the status of the response, or of an error without a response.
    /// `None` if there was neither.
    pub status: Option<StatusCode>,
    /// `exchange.code`
    pub code: Option<Code<'a>>,
    /// `exchange.code_state`: the reason why the code of a JSON response is not known.
    pub code_state: Option<CodeState>,
    /// `exchange.duration`: time from the arrival of the request head to the end of the exchange; seconds in JSON.
    pub duration: Duration,
    /// `exchange.time_to_head`: time from the arrival of the request head to the response head; seconds in JSON.
    pub time_to_head: Option<Duration>,
    /// `exchange.level_reason`: what raised the level above the [success level](crate::BodyLog::success_level).
    pub level_reason: Option<LevelReason>,
    /// `exchange.outcome`
    pub outcome: Outcome,
    /// `exchange.headers_omitted`: [`OmitReason::Budget`] if the memory budget had no room for the headers. Then the
    /// host, the user agent, the route and the request id may be absent, too, and path and query together may be cut to
    /// 256 bytes.
    pub headers_omitted: Option<OmitReason>,
    /// `exchange.fields_omitted`: [`OmitReason::Budget`] if the memory budget had no room for a custom field, the user
    /// or an error.
    pub fields_omitted: Option<OmitReason>,
    /// `exchange.sample_rate`: the share of records like this one that is [kept](crate::BodyLog::sample).
    /// `None` if all of them are.
    pub sample_rate: Option<f64>,
    /// The `x-request-id` of the request, or a [generated](crate::RequestIdSource::Generate) id. The default schema
    /// shows it only as `http.request.header.x-request-id`.
    pub request_id: Option<&'a str>,
    /// `trace_id`: of a well-formed `traceparent` (W3C Trace Context).
    pub trace_id: Option<&'a str>,
    /// `trace_flags`: of the same `traceparent`; two hexadecimal digits.
    pub trace_flags: Option<&'a str>,
    /// `parent_span_id`: the caller's span, of the same `traceparent`.
    pub parent_span_id: Option<&'a str>,
    /// `exception.message`: all errors, joined by `, `.
    pub error: Option<&'a str>,
    /// `user.id`
    pub user_id: Option<&'a str>,
    /// `user.name`
    pub user_name: Option<&'a str>,
    /// `user.roles`
    pub user_roles: Roles<'a>,
    /// The custom fields of [`BodyLog::field`](crate::BodyLog::field) and
    /// [`record_field`](crate::RecordExt::record_field). A reserved name has the prefix `field.`.
    pub fields: Fields<'a>,
    /// Set if no string of the request head needs an escape in JSON.
    pub(crate) head_is_plain: bool,
    /// Set if the level `ERROR` is required, or if the exchange failed, was aborted or panicked.
    pub(crate) is_failure: bool,
    /// Set if the record has no `error.type`, whatever happened.
    pub(crate) omits_error_type: bool,
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
            method_original: None,
            path: "",
            query: None,
            scheme: None,
            route: None,
            version: None,
            server_address: None,
            server_port: None,
            client_address: None,
            peer_address: None,
            user_agent: None,
            request_headers: Headers::default(),
            response_headers: Headers::default(),
            request_body: RecordBody::default(),
            response_body: RecordBody::default(),
            status: None,
            code: None,
            code_state: None,
            duration,
            time_to_head: None,
            level_reason: None,
            outcome,
            headers_omitted: None,
            fields_omitted: None,
            sample_rate: None,
            request_id: None,
            trace_id: None,
            trace_flags: None,
            parent_span_id: None,
            error: None,
            user_id: None,
            user_name: None,
            user_roles: Roles::default(),
            fields: Fields::default(),
            head_is_plain: false,
            is_failure: false,
            omits_error_type: false,
        }
    }

    /// Returns `error.type`: the [outcome](Self::outcome) if the exchange was not completed, and
    /// otherwise the status if it is a 5xx. The semantic conventions of OpenTelemetry define server
    /// errors this way.
    pub fn error_type(&self) -> Option<&str> {
        match (self.outcome, &self.status) {
            _ if self.omits_error_type => None,
            (Outcome::Completed, Some(status)) if status.is_server_error() => Some(status.as_str()),
            (Outcome::Completed, _) => None,
            (outcome, _) => Some(outcome.as_str()),
        }
    }
}

/// Calls `f` with a record that has every field except headers and custom fields.
#[cfg(test)]
pub(crate) fn with_every_field<T>(f: impl FnOnce(Record<'_>) -> T) -> T {
    let roles = ["x".to_owned()];
    let body = RecordBody {
        size: Some(u64::MAX),
        content: Some("x"),
        truncated: true,
        malformed: true,
        omitted: Some(OmitReason::Malformed),
        unread: true,
    };
    let address = Some(IpAddr::from([0xffff_u16; 8]));
    let time = SystemTime::UNIX_EPOCH;
    f(Record {
        message: "x",
        method: "_OTHER",
        method_original: Some("x"),
        path: "/",
        query: Some("x"),
        scheme: Some("https"),
        route: Some("x"),
        version: Some("1.1"),
        server_address: Some("x"),
        server_port: Some(u16::MAX),
        client_address: address,
        peer_address: address,
        user_agent: Some("x"),
        request_body: body,
        response_body: body,
        status: Some(StatusCode::OK),
        code: Some(Code::Text("x")),
        code_state: Some(CodeState::Unreadable),
        time_to_head: Some(Duration::MAX),
        level_reason: Some(LevelReason::Malformed),
        headers_omitted: Some(OmitReason::Budget),
        fields_omitted: Some(OmitReason::Budget),
        sample_rate: Some(f64::MIN_POSITIVE),
        request_id: Some("x"),
        trace_id: Some("x"),
        trace_flags: Some("01"),
        parent_span_id: Some("x"),
        error: Some("x"),
        user_id: Some("x"),
        user_name: Some("x"),
        user_roles: Roles::new(&roles),
        head_is_plain: true,
        is_failure: true,
        ..Record::new(time, Level::Debug, Outcome::Panicked, Duration::MAX)
    })
}
