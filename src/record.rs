//! The record of one exchange.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use actix_web::http::StatusCode;
use log::Level;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    address::AddressText,
    content::Omitted,
    fields::{Field, FieldValue, User},
    headers::Headers,
    json::code::{Code, CodeState},
    timestamp::Timestamp,
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
/// It serializes as one flat object with the names below; a field with no value is left out. Every
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
    /// `client.address`: the peer's, without port.
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
    /// `error.message`: all errors, joined by `, `.
    pub error: Option<&'a str>,
    /// `user.id`, `user.name`, `user.type`
    pub user: Option<&'a User>,
    /// The fields of [`record_field`](crate::RecordExt::record_field), under their own names.
    pub fields: &'a [Field],
    /// Nothing in the texts of the request head has to be escaped in JSON.
    pub(crate) head_is_plain: bool,
}

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'k> {
    /// As it stands in a JSON object behind another field, with what the value begins with: `,"name":`
    /// and, if that is a text, a quote; if it is a list of texts, a bracket and a quote. Written so by
    /// hand or once when a logger is built, it is one copy in each record.
    Ready(&'k str),
    /// One of the application's.
    Custom(&'k str),
}

impl<'k> Key<'k> {
    pub(crate) fn name(self) -> &'k str {
        match self {
            Key::Ready(json) => {
                let json = json.strip_prefix(",\"").unwrap_or(json);
                json.split('"').next().unwrap_or(json)
            }
            Key::Custom(name) => name,
        }
    }
}

/// A value as it stands in a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Text(&'v str),
    /// A text in which nothing has to be escaped in JSON.
    Plain(&'v str),
    /// The same of ASCII that was made here.
    Ascii(&'v [u8]),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Seconds(Duration),
    Bool(bool),
    /// The values of one header, at least one.
    List(&'v Headers<'v>),
}

impl Value<'_> {
    /// It begins with a quote, or with a bracket and a quote.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text(_) | Self::Plain(_) | Self::Ascii(_) | Self::List(_)
        )
    }
}

/// Who is shown the fields of a record.
pub(crate) trait Visitor {
    type Error;
    fn field(&mut self, key: Key<'_>, value: Value<'_>) -> Result<(), Self::Error>;
}

/// A function as a visitor.
struct ByFunction<F>(F);

impl<E, F: FnMut(Key<'_>, Value<'_>) -> Result<(), E>> Visitor for ByFunction<F> {
    type Error = E;

    fn field(&mut self, key: Key<'_>, value: Value<'_>) -> Result<(), E> {
        self.0(key, value)
    }
}

impl Record<'_> {
    /// Calls `f` with each field that has a value, until there is an error.
    pub(crate) fn try_for_each<E>(
        &self,
        f: impl FnMut(Key<'_>, Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.visit(ByFunction(f))
    }

    /// Shows each field that has a value, in the order in which records show them.
    ///
    /// Every rendering goes through here, so they cannot differ in what they show. The first field
    /// is always there.
    ///
    /// Inlined, so that a visitor that is inlined too has a constant key and knows the kind of the value:
    /// a line takes half as many instructions then.
    #[inline(always)]
    pub(crate) fn visit<V: Visitor>(&self, mut visitor: V) -> Result<(), V::Error> {
        use Key::Ready;
        use Value::*;
        let visitor = &mut visitor;
        let head = |text| match self.head_is_plain {
            true => Plain(text),
            false => Text(text),
        };
        let time = Timestamp::new(self.timestamp);
        visitor.field(Ready(r#","timestamp":""#), Ascii(time.as_ascii()))?;
        visitor.field(Ready(r#","level":""#), Plain(self.level.as_str()))?;
        visitor.field(Ready(r#","message":""#), head(self.message))?;
        visitor.field(Ready(r#","http.request.method":""#), head(self.method))?;
        visitor.field(Ready(r#","url.path":""#), head(self.path))?;
        if let Some(query) = self.query {
            visitor.field(Ready(r#","url.query":""#), head(query))?;
        }
        visitor.field(Ready(r#","url.scheme":""#), Plain(self.scheme))?;
        if let Some(route) = self.route {
            visitor.field(Ready(r#","http.route":""#), Text(route))?;
        }
        visitor.field(
            Ready(r#","network.protocol.version":""#),
            Plain(self.version),
        )?;
        if let Some(address) = self.server_address {
            visitor.field(Ready(r#","server.address":""#), head(address))?;
        }
        if let Some(address) = self.client_address {
            let address = AddressText::new(address);
            visitor.field(Ready(r#","client.address":""#), Ascii(address.as_ascii()))?;
        }
        if let Some(agent) = self.user_agent {
            visitor.field(Ready(r#","user_agent.original":""#), head(agent))?;
        }
        for header in self.request_headers.by_name() {
            visitor.field(Ready(header.key()), List(&header))?;
        }
        let request = &self.request_body;
        let keys = [
            r#","http.request.body.size":"#,
            r#","http.request.body.content":""#,
            r#","http.request.body.truncated":"#,
            r#","http.request.body.malformed":"#,
            r#","http.request.body.omitted":""#,
        ];
        request.visit(keys, visitor)?;
        if request.unread {
            visitor.field(Ready(r#","http.request.body.unread":"#), Bool(true))?;
        }
        if let Some(status) = self.status {
            let status = Unsigned(status.as_u16().into());
            visitor.field(Ready(r#","http.response.status_code":"#), status)?;
        }
        for header in self.response_headers.by_name() {
            visitor.field(Ready(header.key()), List(&header))?;
        }
        let keys = [
            r#","http.response.body.size":"#,
            r#","http.response.body.content":""#,
            r#","http.response.body.truncated":"#,
            r#","http.response.body.malformed":"#,
            r#","http.response.body.omitted":""#,
        ];
        self.response_body.visit(keys, visitor)?;
        if let Some(code) = &self.code {
            let value = code_value(code);
            let key = match value {
                Text(_) => r#","http.response.body.code":""#,
                _ => r#","http.response.body.code":"#,
            };
            visitor.field(Ready(key), value)?;
        }
        if let Some(state) = self.code_state {
            visitor.field(
                Ready(r#","http.response.body.code_state":""#),
                Plain(state.as_str()),
            )?;
        }
        visitor.field(
            Ready(r#","http.server.request.duration":"#),
            Seconds(self.duration),
        )?;
        if let Some(time) = self.time_to_head {
            visitor.field(
                Ready(r#","http.server.request.time_to_head":"#),
                Seconds(time),
            )?;
        }
        visitor.field(
            Ready(r#","exchange.outcome":""#),
            Plain(self.outcome.as_str()),
        )?;
        if let Some(error) = self.error {
            visitor.field(Ready(r#","error.message":""#), Text(error))?;
        }
        if let Some(user) = self.user {
            let parts = [
                (r#","user.id":""#, &user.id),
                (r#","user.name":""#, &user.name),
                (r#","user.type":""#, &user.kind),
            ];
            for (key, part) in parts {
                if !part.is_empty() {
                    visitor.field(Ready(key), Text(part))?;
                }
            }
        }
        for field in self.fields {
            let value = match &field.value {
                FieldValue::None => continue,
                FieldValue::Bool(value) => Bool(*value),
                FieldValue::Integer(value) => Integer(*value),
                FieldValue::Unsigned(value) => Unsigned(*value),
                FieldValue::Float(value) => Float(*value),
                FieldValue::Text(value) => Text(value),
            };
            visitor.field(Key::Custom(&field.name), value)?;
        }
        Ok(())
    }
}

impl Body<'_> {
    #[inline(always)]
    fn visit<V: Visitor>(
        &self,
        [size, content, truncated, malformed, omitted]: [&str; 5],
        visitor: &mut V,
    ) -> Result<(), V::Error> {
        if let Some(bytes) = self.size {
            visitor.field(Key::Ready(size), Value::Unsigned(bytes))?;
        }
        if let Some(text) = self.content {
            visitor.field(Key::Ready(content), Value::Text(text))?;
        }
        if self.truncated {
            visitor.field(Key::Ready(truncated), Value::Bool(true))?;
        }
        if self.malformed {
            visitor.field(Key::Ready(malformed), Value::Bool(true))?;
        }
        match self.omitted {
            Some(why) => visitor.field(Key::Ready(omitted), Value::Plain(why.as_str())),
            None => Ok(()),
        }
    }
}

/// A number as exactly as a JSON reader can take it; in its own digits where none can.
fn code_value<'v>(code: &'v Code<'v>) -> Value<'v> {
    match *code {
        Code::Text(text) => Value::Text(text),
        Code::Number(digits) => {
            if digits == "-0" {
                Value::Float(-0.0)
            } else if let Ok(number) = digits.parse() {
                Value::Integer(number)
            } else if let Ok(number) = digits.parse() {
                Value::Unsigned(number)
            } else {
                match digits.parse::<f64>() {
                    Ok(number) if number.is_finite() => Value::Float(number),
                    _ => Value::Text(digits),
                }
            }
        }
    }
}

/// Text that was made here of ASCII.
pub(crate) fn ascii(text: &[u8]) -> &str {
    str::from_utf8(text).unwrap_or_default()
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Value::Text(value) | Value::Plain(value) => serializer.serialize_str(value),
            Value::Ascii(value) => serializer.serialize_str(ascii(value)),
            Value::Seconds(value) => serializer.serialize_f64(value.as_secs_f64()),
            Value::Integer(value) => serializer.serialize_i64(value),
            Value::Unsigned(value) => serializer.serialize_u64(value),
            Value::Float(value) => serializer.serialize_f64(value),
            Value::Bool(value) => serializer.serialize_bool(value),
            Value::List(headers) => serializer.collect_seq(headers.values()),
        }
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.try_for_each(|key, value| map.serialize_entry(key.name(), &value))?;
        map.end()
    }
}
