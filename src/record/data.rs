//! The record of one exchange.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use actix_web::http::StatusCode;
use log::Level;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    content::Omitted,
    formats::json::code::{Code, CodeState},
    head::headers::Headers,
    record::{
        field::{Field, User},
        json,
        schema::Schema,
    },
};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The whole response was handed over, also one that was made of an error. What of it reached
    /// the client is not known here.
    Completed,
    /// The body of the response failed, or an error became no response that could be seen.
    Failed,
    /// Dropped before its end: the client left, or the server stopped.
    Aborted,
    /// A panic in the application.
    Panicked,
}

impl Outcome {
    /// The value of `exchange.outcome`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Aborted => "aborted",
            Outcome::Panicked => "panicked",
        }
    }
}

/// One body of an exchange.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Body<'a> {
    /// Bytes that passed through, whatever was kept; `None` where there was no message to have a
    /// body.
    pub size: Option<u64>,
    /// The beginning as text: clean, redacted, at most the limit.
    pub content: Option<&'a str>,
    /// The content is not the whole body.
    pub truncated: bool,
    /// The content ends where the body is not what its type says: nothing after such a fault is
    /// shown.
    pub malformed: bool,
    /// Why a body that was there has no content.
    pub omitted: Option<Omitted>,
    /// The handler left some of it unread. Always false for a response.
    pub unread: bool,
}

/// One exchange, as a sink sees it.
///
/// It serializes as one flat object with the names below; a field with no value is left out. Other names:
/// [`in_schema`](Self::in_schema). Every
/// string in it is redacted, capped, and one clean line: no control characters, no line or paragraph
/// separators, no bidirectional overrides. As JSON, with a newline after it, it fits into the
/// [record limit](crate::BodyLog::record_limit).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// `timestamp`: when the request head arrived; RFC 3339 in UTC with microseconds.
    pub timestamp: SystemTime,
    /// `level`
    pub level: Level,
    /// `message`: `METHOD URI`, with the query redacted.
    pub message: &'a str,
    /// `http.request.method`
    pub method: &'a str,
    /// `url.path`: as it arrived, before any middleware rewrote it.
    pub path: &'a str,
    /// `url.query`: redacted.
    pub query: Option<&'a str>,
    /// `url.scheme`: `http` or `https`, by the server's own connection.
    pub scheme: &'a str,
    /// `http.route`: the pattern that matched; never the path.
    pub route: Option<&'a str>,
    /// `network.protocol.version`: `1.0`, `1.1` or `2`.
    pub version: &'a str,
    /// `server.address`: the host that was asked for, without port.
    pub server_address: Option<&'a str>,
    /// `client.address`: the peer's, or by its word where it is a
    /// [trusted proxy](crate::BodyLog::trusted_proxies); without port.
    pub client_address: Option<IpAddr>,
    /// `user_agent.original`
    pub user_agent: Option<&'a str>,
    /// `http.request.header.<name>`: those of the allowlist.
    pub request_headers: Headers<'a>,
    /// `http.response.header.<name>`: those of the allowlist.
    pub response_headers: Headers<'a>,
    /// `http.request.body.size`, `.content`, `.truncated`, `.malformed`, `.omitted`, `.unread`
    pub request_body: Body<'a>,
    /// `http.response.body.size`, `.content`, `.truncated`, `.malformed`, `.omitted`
    pub response_body: Body<'a>,
    /// `http.response.status_code`: that of an error where no response was made of it; `None` if there
    /// was neither.
    pub status: Option<StatusCode>,
    /// `http.response.body.code`
    pub code: Option<Code<'a>>,
    /// `http.response.body.code_state`: of a JSON response without a code.
    pub code_state: Option<CodeState>,
    /// `http.server.request.duration`: to the end of the response body; seconds in JSON.
    pub duration: Duration,
    /// `http.server.request.time_to_head`: to the response head; seconds in JSON.
    pub time_to_head: Option<Duration>,
    /// `exchange.outcome`
    pub outcome: Outcome,
    /// `sample_rate`: the share that is [kept](crate::BodyLog::sample) of records like this one; `None` if all
    /// are.
    pub sample_rate: Option<f64>,
    /// The `x-request-id`, of the request or [generated](crate::RequestIds::Generate).
    pub request_id: Option<&'a str>,
    /// `trace_id`: of a well-formed `traceparent` (W3C Trace Context).
    pub trace_id: Option<&'a str>,
    /// `span_id`: the caller's, of the same.
    pub span_id: Option<&'a str>,
    /// `error.message`: all errors, joined by `, `.
    pub error: Option<&'a str>,
    /// `user.id`, `user.name`, `user.type`
    pub user: Option<&'a User>,
    /// The fields of [`record_field`](crate::RecordExt::record_field), under their own names.
    pub fields: &'a [Field],
    /// Nothing in the texts of the request head has to be escaped in JSON.
    pub(crate) head_is_plain: bool,
    /// Something asked for the level `ERROR`, or the exchange was not completed.
    pub(crate) is_failure: bool,
}

impl<'a> Record<'a> {
    /// A record of which nothing else is known yet.
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

impl Record<'_> {
    /// `error.type`: the [outcome](Self::outcome) of what was not completed; otherwise the status, if it is a 5xx
    /// (which is what the semantic conventions of OpenTelemetry call an error of a server).
    pub fn error_type(&self) -> Option<&str> {
        match (self.outcome, &self.status) {
            (Outcome::Completed, Some(status)) if status.is_server_error() => Some(status.as_str()),
            (Outcome::Completed, _) => None,
            (outcome, _) => Some(outcome.as_str()),
        }
    }

    /// Calls `f` with the record as JSON in the names of a schema: one line, without a newline at its end.
    ///
    /// For sinks that keep or send text: it is what [`JsonLines`](crate::JsonLines) writes, in a buffer that the
    /// thread uses again, and takes a sixth of the instructions of serializing the record. It fits into the
    /// [record limit](crate::BodyLog::record_limit) if this is the [schema of the sink](crate::Sink::schema).
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use actix_bodylog::{BodyLog, Record, Schema};
    ///
    /// let (sender, receiver) = mpsc::sync_channel::<Box<str>>(1000);
    /// let body_log = BodyLog::new().sink(move |record: &Record<'_>| {
    ///     record.with_json(Schema::OpenTelemetry, |json| {
    ///         // Never wait here: what there is no room for is lost.
    ///         let _ = sender.try_send(json.into());
    ///     });
    /// });
    /// # let _ = (body_log, receiver);
    /// ```
    pub fn with_json<T>(&self, schema: Schema, f: impl FnOnce(&str) -> T) -> T {
        json::with_line(self, schema, |line| f(json::as_text(line)))
    }

    /// The record with the names, types and units of a schema, to be serialized. It fits into the
    /// [record limit](crate::BodyLog::record_limit) if this is the [schema of the sink](crate::Sink::schema).
    ///
    /// ```
    /// use actix_bodylog::{BodyLog, Record, Schema};
    ///
    /// let body_log = BodyLog::new().sink(|record: &Record<'_>| {
    ///     let json = serde_json::to_value(record.in_schema(Schema::Ecs));
    ///     println!("{}", json.unwrap()["@timestamp"]);
    /// });
    /// # let _ = body_log;
    /// ```
    pub fn in_schema(&self, schema: Schema) -> impl Serialize {
        InSchema {
            record: self,
            schema,
        }
    }
}

/// A record that has every field but headers and custom ones, whose names are not known.
#[cfg(any(test, feature = "tracing"))]
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

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_schema(Schema::OpenTelemetry).serialize(serializer)
    }
}

struct InSchema<'r> {
    record: &'r Record<'r>,
    schema: Schema,
}

impl Serialize for InSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.record.try_for_each(self.schema, |key, value| {
            map.serialize_entry(key.name(), &value)
        })?;
        map.end()
    }
}
