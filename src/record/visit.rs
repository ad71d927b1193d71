//! The fields of a record, with the names that a schema gives them.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    formats::json::code::Code,
    head::headers::Headers,
    record::{
        address::AddressText,
        data::{Body, Record},
        field::FieldValue,
        schema::Schema,
        timestamp::Timestamp,
    },
};

/// The key of the message, in all schemas.
pub(crate) const MESSAGE: &str = r#","message":""#;

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
    /// Seconds as text with their unit, `0.123s`.
    Latency(Duration),
    Url(RequestUrl<'v>),
    Object(Nested<'v>),
}

/// Fields that a schema puts into an object of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nested<'v> {
    HttpRequest(&'v Record<'v>),
    Labels(&'v Record<'v>),
}

/// The URL that was asked for, in one piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestUrl<'r>(&'r Record<'r>);

/// Of the protobuf type `Duration` in JSON.
pub(crate) struct Latency(pub(crate) Duration);

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:09}", self.0.subsec_nanos());
        let digits = match digits.trim_end_matches('0') {
            "" => "0",
            digits => digits,
        };
        write!(f, "{}.{digits}s", self.0.as_secs())
    }
}

impl Value<'_> {
    /// It begins with a quote, or with a bracket and a quote.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text(_)
                | Self::Plain(_)
                | Self::Ascii(_)
                | Self::List(_)
                | Self::Latency(_)
                | Self::Url(_)
        )
    }
}

/// Who is shown the fields of a record.
pub(crate) trait Visitor {
    type Error;
    fn field(&mut self, key: Key<'_>, value: Value<'_>) -> Result<(), Self::Error>;
}

/// A function as a visitor.
pub(crate) struct ByFunction<F>(pub(crate) F);

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
        schema: Schema,
        f: impl FnMut(Key<'_>, Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.visit(schema, &mut ByFunction(f))
    }

    /// Shows each field that has a value, in the order in which records show them.
    ///
    /// Every rendering goes through here, so they cannot differ in what they show. The first field
    /// is always there.
    ///
    /// Inlined, so that a visitor that is inlined too has a constant key and knows the kind of the value:
    /// a line takes half as many instructions then.
    #[inline(always)]
    pub(crate) fn visit<V: Visitor>(
        &self,
        schema: Schema,
        visitor: &mut V,
    ) -> Result<(), V::Error> {
        use Key::Ready;
        use Value::*;
        let keys = schema.keys();
        let (is_ecs, is_google) = (schema == Schema::Ecs, schema == Schema::GoogleCloud);
        let head = |text| self.head_text(text);
        let time = Timestamp::new(self.timestamp);
        visitor.field(Ready(keys.timestamp), Ascii(time.as_ascii()))?;
        visitor.field(Ready(keys.level), Plain(schema.level(self.level)))?;
        visitor.field(Ready(MESSAGE), head(self.message))?;
        if is_ecs {
            visitor.field(Ready(r#","ecs.version":""#), Plain("8.11.0"))?;
        }
        if is_google {
            let request = Object(Nested::HttpRequest(self));
            visitor.field(Ready(r#","httpRequest":"#), request)?;
        } else {
            visitor.field(Ready(r#","http.request.method":""#), head(self.method))?;
            visitor.field(Ready(r#","url.path":""#), head(self.path))?;
            if let Some(query) = self.query {
                visitor.field(Ready(r#","url.query":""#), head(query))?;
            }
            visitor.field(Ready(r#","url.scheme":""#), Plain(self.scheme))?;
        }
        if let Some(route) = self.route {
            visitor.field(Ready(r#","http.route":""#), Text(route))?;
        }
        if !is_google {
            visitor.field(Ready(keys.version), Plain(self.version))?;
            if let Some(address) = self.server_address {
                visitor.field(Ready(keys.server_address), head(address))?;
            }
            if let Some(address) = self.client_address {
                let address = AddressText::new(address);
                visitor.field(Ready(keys.client_address), Ascii(address.as_ascii()))?;
            }
            if let Some(agent) = self.user_agent {
                visitor.field(Ready(r#","user_agent.original":""#), head(agent))?;
            }
        }
        if is_ecs && let Some(id) = self.request_id {
            visitor.field(Ready(r#","http.request.id":""#), head(id))?;
        }
        if is_ecs && let Some(referrer) = self.request_headers.get("referer") {
            visitor.field(Ready(r#","http.request.referrer":""#), head(referrer))?;
        }
        if is_google && self.request_id.is_some() {
            let labels = Object(Nested::Labels(self));
            visitor.field(Ready(r#","logging.googleapis.com/labels":"#), labels)?;
        }
        if let Some(id) = self.trace_id {
            visitor.field(Ready(keys.trace_id), Plain(id))?;
        }
        if let Some(id) = self.span_id {
            visitor.field(Ready(keys.span_id), Plain(id))?;
        }
        for header in self.request_headers.by_name() {
            visitor.field(Ready(header.key()), List(&header))?;
        }
        let request = &self.request_body;
        let names = [
            keys.request_size,
            r#","http.request.body.content":""#,
            r#","http.request.body.truncated":"#,
            r#","http.request.body.malformed":"#,
            r#","http.request.body.omitted":""#,
        ];
        request.visit(names, visitor)?;
        if request.unread {
            visitor.field(Ready(r#","http.request.body.unread":"#), Bool(true))?;
        }
        if !is_google && let Some(status) = self.status {
            let status = Unsigned(status.as_u16().into());
            visitor.field(Ready(r#","http.response.status_code":"#), status)?;
        }
        for header in self.response_headers.by_name() {
            visitor.field(Ready(header.key()), List(&header))?;
        }
        let names = [
            keys.response_size,
            r#","http.response.body.content":""#,
            r#","http.response.body.truncated":"#,
            r#","http.response.body.malformed":"#,
            r#","http.response.body.omitted":""#,
        ];
        self.response_body.visit(names, visitor)?;
        if let Some(code) = &self.code {
            let value = match is_ecs {
                true => code_text(code),
                false => code_value(code),
            };
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
        match schema {
            Schema::OpenTelemetry => visitor.field(
                Ready(r#","http.server.request.duration":"#),
                Seconds(self.duration),
            )?,
            Schema::Ecs => {
                // No exchange takes centuries.
                let nanoseconds = Unsigned(self.duration.as_nanos() as u64);
                visitor.field(Ready(r#","event.duration":"#), nanoseconds)?;
            }
            // In its object.
            Schema::GoogleCloud => {}
        }
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
        if let Some(rate) = self.sample_rate {
            visitor.field(Ready(r#","sample_rate":"#), Float(rate))?;
        }
        if is_ecs {
            let outcome = match self.is_failure {
                true => "failure",
                false => "success",
            };
            visitor.field(Ready(r#","event.outcome":""#), Plain(outcome))?;
        }
        if let Some(kind) = self.error_type() {
            visitor.field(Ready(r#","error.type":""#), Plain(kind))?;
        }
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

    fn head_text<'t>(&self, text: &'t str) -> Value<'t> {
        match self.head_is_plain {
            true => Value::Plain(text),
            false => Value::Text(text),
        }
    }
}

impl Nested<'_> {
    /// Shows its fields, as [`Record::visit`] does. The first one is always there.
    pub(crate) fn visit<V: Visitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        match self {
            Nested::HttpRequest(record) => record.visit_http_request(visitor),
            Nested::Labels(record) => {
                let id = record.head_text(record.request_id.unwrap_or_default());
                visitor.field(Key::Ready(r#","request_id":""#), id)
            }
        }
    }
}

impl Record<'_> {
    /// The `HttpRequest` of the Cloud Logging API. Its sizes of request and response count the heads too,
    /// which are not known here.
    fn visit_http_request<V: Visitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        use Key::Ready;
        use Value::*;
        let head = |text| self.head_text(text);
        visitor.field(Ready(r#","requestMethod":""#), head(self.method))?;
        visitor.field(Ready(r#","requestUrl":""#), Url(RequestUrl(self)))?;
        if let Some(status) = self.status {
            let status = Unsigned(status.as_u16().into());
            visitor.field(Ready(r#","status":"#), status)?;
        }
        if let Some(agent) = self.user_agent {
            visitor.field(Ready(r#","userAgent":""#), head(agent))?;
        }
        if let Some(address) = self.client_address {
            let address = AddressText::new(address);
            visitor.field(Ready(r#","remoteIp":""#), Ascii(address.as_ascii()))?;
        }
        if let Some(referer) = self.request_headers.get("referer") {
            visitor.field(Ready(r#","referer":""#), head(referer))?;
        }
        visitor.field(Ready(r#","latency":""#), Latency(self.duration))?;
        let protocol = match self.version {
            "0.9" => "HTTP/0.9",
            "1.0" => "HTTP/1.0",
            "2" => "HTTP/2",
            "3" => "HTTP/3",
            _ => "HTTP/1.1",
        };
        visitor.field(Ready(r#","protocol":""#), Plain(protocol))
    }
}

impl RequestUrl<'_> {
    /// Its parts, one behind the other: no more than the target, where there is no host or where that is
    /// no path.
    pub(crate) fn parts(&self) -> [&str; 8] {
        let Self(record) = self;
        // With its port, and brackets around an address.
        let header = record.request_headers.get("host");
        let host = header.or(record.server_address).unwrap_or_default();
        let needs_brackets = header.is_none() && host.contains(':');
        let (open, close) = match needs_brackets {
            true => ("[", "]"),
            false => ("", ""),
        };
        let (mark, query) = match record.query {
            Some(query) => ("?", query),
            None => ("", ""),
        };
        match record.path.starts_with('/') && !host.is_empty() {
            true => {
                let path = record.path;
                [record.scheme, "://", open, host, close, path, mark, query]
            }
            false => ["", "", "", "", "", record.path, mark, query],
        }
    }
}

impl fmt::Display for RequestUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
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

/// The same as a text.
fn code_text<'v>(code: &'v Code<'v>) -> Value<'v> {
    match *code {
        Code::Text(text) | Code::Number(text) => Value::Text(text),
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
            Value::Latency(value) => serializer.collect_str(&Latency(value)),
            Value::Url(url) => serializer.collect_str(&url),
            Value::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                object.visit(&mut ByFunction(|key: Key<'_>, value: Value<'_>| {
                    map.serialize_entry(key.name(), &value)
                }))?;
                map.end()
            }
        }
    }
}
