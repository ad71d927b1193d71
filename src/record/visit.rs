//! The fields of a record, with the names that a schema gives them.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use crate::{
    formats::json::code::Code,
    record::{
        data::{Body, Record},
        field::FieldValue,
        headers::Headers,
        schema::{Keys, Schema},
    },
};

/// Key of the message, in all schemas.
pub(crate) const MESSAGE: &str = r#","message":""#;

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'k> {
    /// The JSON between the previous value and this one: `,"name":`, followed by a quote if the value is
    /// a string, and by a bracket and a quote if the value is a list of strings. The JSON renderer copies
    /// these bytes unchanged.
    Ready(&'k str),
    /// Name of a custom field.
    Custom(&'k str),
}

impl<'k> Key<'k> {
    /// Returns the bare name.
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

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    /// A string.
    Text(&'v str),
    /// A string that needs no escapes in JSON.
    Plain(&'v str),
    Time(SystemTime),
    Address(IpAddr),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Seconds(Duration),
    Bool(bool),
    /// The values of one header; never empty.
    List(&'v Headers<'v>),
    /// Seconds as a string with their unit: `0.123s`.
    Latency(Duration),
    Url(RequestUrl<'v>),
    Object(Nested<'v>),
}

impl Value<'_> {
    /// Returns whether the JSON of the value begins with a quote, or with a bracket and a quote.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text(_)
                | Self::Plain(_)
                | Self::Time(_)
                | Self::Address(_)
                | Self::List(_)
                | Self::Latency(_)
                | Self::Url(_)
        )
    }
}

/// Fields that a schema puts into an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nested<'v> {
    HttpRequest(&'v Record<'v>),
    Labels(&'v Record<'v>),
}

/// The full URL of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestUrl<'r>(&'r Record<'r>);

impl RequestUrl<'_> {
    /// Returns the parts, to be concatenated. If the host is absent, or if the target is not a path, the
    /// parts are only the target.
    pub(crate) fn parts(&self) -> [&str; 8] {
        let Self(record) = self;
        // Unlike the address, the header has the port, and the brackets of an IPv6 address.
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

/// Receives the fields of a record.
pub(crate) trait FieldVisitor {
    fn field(&mut self, key: Key<'_>, value: Value<'_>);
}

impl<F: FnMut(Key<'_>, Value<'_>)> FieldVisitor for F {
    fn field(&mut self, key: Key<'_>, value: Value<'_>) {
        self(key, value);
    }
}

/// Visits each present field in the order of a record.
///
/// All renderings use this function, so they show the same fields. The first field is always present.
pub(crate) fn visit<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    let keys = schema.keys();
    visitor.field(Key::Ready(keys.timestamp), Value::Time(record.timestamp));
    let level = Value::Plain(schema.level(record.level));
    visitor.field(Key::Ready(keys.level), level);
    visitor.field(Key::Ready(MESSAGE), head_text(record, record.message));
    match schema {
        Schema::OpenTelemetry => visit_request_line(record, keys, visitor),
        Schema::Ecs => {
            visit_request_line(record, keys, visitor);
            visit_ecs(record, visitor);
        }
        Schema::GoogleCloud => visit_google_cloud(record, visitor),
    }
    visit_request(record, keys, visitor);
    visit_response(record, schema, visitor);
    visit_end(record, schema, visitor);
    visit_custom(record, visitor);
}

/// Visits the fields of an object. The first field is always present.
pub(crate) fn visit_nested<V: FieldVisitor>(object: Nested<'_>, visitor: &mut V) {
    match object {
        Nested::HttpRequest(record) => visit_http_request(record, visitor),
        Nested::Labels(record) => {
            let id = head_text(record, record.request_id.unwrap_or_default());
            visitor.field(Key::Ready(r#","request_id":""#), id);
        }
    }
}

/// Visits the request line, the peers and the user agent.
fn visit_request_line<V: FieldVisitor>(record: &Record<'_>, keys: &Keys, visitor: &mut V) {
    use Key::Ready;
    let head = |text| head_text(record, text);
    visitor.field(Ready(r#","http.request.method":""#), head(record.method));
    visitor.field(Ready(r#","url.path":""#), head(record.path));
    if let Some(query) = record.query {
        visitor.field(Ready(r#","url.query":""#), head(query));
    }
    visitor.field(Ready(r#","url.scheme":""#), Value::Plain(record.scheme));
    visitor.field(Ready(keys.version), Value::Plain(record.version));
    if let Some(address) = record.server_address {
        visitor.field(Ready(keys.server_address), head(address));
    }
    if let Some(address) = record.client_address {
        visitor.field(Ready(keys.client_address), Value::Address(address));
    }
    if let Some(agent) = record.user_agent {
        visitor.field(Ready(r#","user_agent.original":""#), head(agent));
    }
}

/// Visits the fields that only ECS has.
fn visit_ecs<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    use Key::Ready;
    visitor.field(Ready(r#","ecs.version":""#), Value::Plain("8.11.0"));
    if let Some(id) = record.request_id {
        visitor.field(Ready(r#","http.request.id":""#), head_text(record, id));
    }
    if let Some(referrer) = record.request_headers.get("referer") {
        let referrer = head_text(record, referrer);
        visitor.field(Ready(r#","http.request.referrer":""#), referrer);
    }
    // 64 bits are enough for centuries.
    let nanoseconds = Value::Unsigned(record.duration.as_nanos() as u64);
    visitor.field(Ready(r#","event.duration":"#), nanoseconds);
    let outcome = match record.is_failure {
        true => "failure",
        false => "success",
    };
    visitor.field(Ready(r#","event.outcome":""#), Value::Plain(outcome));
}

/// Visits the objects that only Google Cloud has. They have most fields of the request line.
fn visit_google_cloud<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    let request = Value::Object(Nested::HttpRequest(record));
    visitor.field(Key::Ready(r#","httpRequest":"#), request);
    if record.request_id.is_some() {
        let labels = Value::Object(Nested::Labels(record));
        visitor.field(Key::Ready(r#","logging.googleapis.com/labels":"#), labels);
    }
}

/// Visits the route, the trace, the headers and the body of the request.
fn visit_request<V: FieldVisitor>(record: &Record<'_>, keys: &Keys, visitor: &mut V) {
    use Key::Ready;
    if let Some(route) = record.route {
        visitor.field(Ready(r#","http.route":""#), Value::Text(route));
    }
    if let Some(id) = record.trace_id {
        visitor.field(Ready(keys.trace_id), Value::Plain(id));
    }
    if let Some(id) = record.span_id {
        visitor.field(Ready(keys.span_id), Value::Plain(id));
    }
    visit_headers(record.request_headers, visitor);
    let body_keys = [
        keys.request_size,
        r#","http.request.body.content":""#,
        r#","http.request.body.truncated":"#,
        r#","http.request.body.malformed":"#,
        r#","http.request.body.omitted":""#,
    ];
    visit_body(&record.request_body, body_keys, visitor);
    if record.request_body.unread {
        let key = Ready(r#","http.request.body.unread":"#);
        visitor.field(key, Value::Bool(true));
    }
}

/// Visits the status, the headers, the body and the code of the response.
fn visit_response<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    use Key::Ready;
    if schema != Schema::GoogleCloud
        && let Some(status) = record.status
    {
        let status = Value::Unsigned(status.as_u16().into());
        visitor.field(Ready(r#","http.response.status_code":"#), status);
    }
    visit_headers(record.response_headers, visitor);
    let body_keys = [
        schema.keys().response_size,
        r#","http.response.body.content":""#,
        r#","http.response.body.truncated":"#,
        r#","http.response.body.malformed":"#,
        r#","http.response.body.omitted":""#,
    ];
    visit_body(&record.response_body, body_keys, visitor);
    if let Some(code) = &record.code {
        let value = match schema {
            Schema::Ecs => code_text(code),
            _ => code_value(code),
        };
        let key = match value {
            Value::Text(_) => r#","http.response.body.code":""#,
            _ => r#","http.response.body.code":"#,
        };
        visitor.field(Ready(key), value);
    }
    if let Some(state) = record.code_state {
        let state = Value::Plain(state.as_str());
        visitor.field(Ready(r#","http.response.body.code_state":""#), state);
    }
}

fn visit_headers<V: FieldVisitor>(headers: Headers<'_>, visitor: &mut V) {
    for header in headers.by_name() {
        visitor.field(Key::Ready(header.key()), Value::List(&header));
    }
}

fn visit_body<V: FieldVisitor>(
    body: &Body<'_>,
    [size, content, truncated, malformed, omitted]: [&str; 5],
    visitor: &mut V,
) {
    if let Some(bytes) = body.size {
        visitor.field(Key::Ready(size), Value::Unsigned(bytes));
    }
    if let Some(text) = body.content {
        visitor.field(Key::Ready(content), Value::Text(text));
    }
    if body.truncated {
        visitor.field(Key::Ready(truncated), Value::Bool(true));
    }
    if body.malformed {
        visitor.field(Key::Ready(malformed), Value::Bool(true));
    }
    if let Some(reason) = body.omitted {
        visitor.field(Key::Ready(omitted), Value::Plain(reason.as_str()));
    }
}

/// Visits the times, the outcome, the sample rate and the errors.
fn visit_end<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    use Key::Ready;
    // The other schemas have the duration elsewhere: `event.duration`, `httpRequest.latency`.
    if schema == Schema::OpenTelemetry {
        let duration = Value::Seconds(record.duration);
        visitor.field(Ready(r#","http.server.request.duration":"#), duration);
    }
    if let Some(time) = record.time_to_head {
        let key = Ready(r#","http.server.request.time_to_head":"#);
        visitor.field(key, Value::Seconds(time));
    }
    let outcome = Value::Plain(record.outcome.as_str());
    visitor.field(Ready(r#","exchange.outcome":""#), outcome);
    if let Some(reason) = record.headers_omitted {
        let key = Ready(r#","exchange.headers_omitted":""#);
        visitor.field(key, Value::Plain(reason.as_str()));
    }
    if let Some(reason) = record.fields_omitted {
        let key = Ready(r#","exchange.fields_omitted":""#);
        visitor.field(key, Value::Plain(reason.as_str()));
    }
    if let Some(rate) = record.sample_rate {
        visitor.field(Ready(r#","sample_rate":"#), Value::Float(rate));
    }
    if let Some(kind) = record.error_type() {
        visitor.field(Ready(r#","error.type":""#), Value::Plain(kind));
    }
    if let Some(error) = record.error {
        visitor.field(Ready(r#","error.message":""#), Value::Text(error));
    }
}

/// Visits the user and the custom fields.
fn visit_custom<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    if let Some(user) = record.user {
        let parts = [
            (r#","user.id":""#, &user.id),
            (r#","user.name":""#, &user.name),
            (r#","user.type":""#, &user.kind),
        ];
        for (key, part) in parts {
            if !part.is_empty() {
                visitor.field(Key::Ready(key), Value::Text(part));
            }
        }
    }
    for field in record.fields {
        let value = match &field.value {
            FieldValue::None => continue,
            FieldValue::Bool(value) => Value::Bool(*value),
            FieldValue::Integer(value) => Value::Integer(*value),
            FieldValue::Unsigned(value) => Value::Unsigned(*value),
            FieldValue::Float(value) => Value::Float(*value),
            FieldValue::Text(value) => Value::Text(value),
        };
        visitor.field(Key::Custom(&field.name), value);
    }
}

/// Visits the fields of the `HttpRequest` of the Cloud Logging API. The sizes are left out, because those
/// of the API include the heads, whose sizes are unknown.
fn visit_http_request<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    use Key::Ready;
    let head = |text| head_text(record, text);
    visitor.field(Ready(r#","requestMethod":""#), head(record.method));
    visitor.field(Ready(r#","requestUrl":""#), Value::Url(RequestUrl(record)));
    if let Some(status) = record.status {
        let status = Value::Unsigned(status.as_u16().into());
        visitor.field(Ready(r#","status":"#), status);
    }
    if let Some(agent) = record.user_agent {
        visitor.field(Ready(r#","userAgent":""#), head(agent));
    }
    if let Some(address) = record.client_address {
        visitor.field(Ready(r#","remoteIp":""#), Value::Address(address));
    }
    if let Some(referer) = record.request_headers.get("referer") {
        visitor.field(Ready(r#","referer":""#), head(referer));
    }
    let latency = Value::Latency(record.duration);
    visitor.field(Ready(r#","latency":""#), latency);
    let protocol = match record.version {
        "0.9" => "HTTP/0.9",
        "1.0" => "HTTP/1.0",
        "2" => "HTTP/2",
        "3" => "HTTP/3",
        _ => "HTTP/1.1",
    };
    visitor.field(Ready(r#","protocol":""#), Value::Plain(protocol));
}

/// Returns a string of the request head as a value.
fn head_text<'t>(record: &Record<'_>, text: &'t str) -> Value<'t> {
    match record.head_is_plain {
        true => Value::Plain(text),
        false => Value::Text(text),
    }
}

/// Returns a code as the most exact value that JSON readers understand: an integer if it fits into 64
/// bits, and otherwise the nearest `f64`. A number beyond the range of `f64` becomes a string.
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

/// Returns a code as a string.
fn code_text<'v>(code: &'v Code<'v>) -> Value<'v> {
    match *code {
        Code::Text(text) | Code::Number(text) => Value::Text(text),
    }
}
