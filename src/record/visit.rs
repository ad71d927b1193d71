//! The fields of a record, with the names that a schema gives them.

use crate::{
    formats::json::code::Code,
    record::{
        data::{Record, RecordBody},
        field::FieldValue,
        headers::Headers,
        schema::Schema,
        value::{Key, MESSAGE, Nested, RequestUrl, Value},
    },
};

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
        Schema::OpenTelemetry => visit_request_line(record, schema, visitor),
        Schema::Ecs => {
            visit_request_line(record, schema, visitor);
            visit_ecs(record, visitor);
        }
        Schema::GoogleCloud => visit_google_cloud(record, visitor),
    }
    visit_request(record, schema, visitor);
    visit_response(record, schema, visitor);
    visit_code(record, schema, visitor);
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

/// Visits the request line, the server, the client and the user agent.
fn visit_request_line<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    use Key::Ready;
    let keys = schema.keys();
    let head = |text| head_text(record, text);
    let (method, original) = match schema {
        Schema::Ecs => (sent_method(record), None),
        _ => (record.method, record.method_original),
    };
    visitor.field(Ready(r#","http.request.method":""#), head(method));
    if let Some(method) = original {
        let key = Ready(r#","http.request.method_original":""#);
        visitor.field(key, head(method));
    }
    visitor.field(Ready(r#","url.path":""#), head(record.path));
    if let Some(query) = record.query {
        visitor.field(Ready(r#","url.query":""#), head(query));
    }
    if let Some(scheme) = record.scheme {
        visitor.field(Ready(r#","url.scheme":""#), Value::Plain(scheme));
    }
    if let Some(version) = record.version {
        visitor.field(Ready(keys.version), Value::Plain(version));
    }
    if let Some(address) = record.server_address {
        visitor.field(Ready(keys.server_address), head(address));
    }
    if let Some(port) = record.server_port {
        visitor.field(Ready(keys.server_port), Value::Unsigned(port.into()));
    }
    if let Some(address) = record.client_address {
        visitor.field(Ready(keys.client_address), Value::Address(address));
    }
    if let Some(agent) = record.user_agent {
        visitor.field(Ready(r#","user_agent.original":""#), head(agent));
    }
}

/// Returns the method as it was sent.
fn sent_method<'r>(record: &Record<'r>) -> &'r str {
    record.method_original.unwrap_or(record.method)
}

/// Visits the fields that only ECS has.
fn visit_ecs<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    use Key::Ready;
    visitor.field(Ready(r#","ecs.version":""#), Value::Plain("9.4.0"));
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

/// Visits the peer, the route, the trace, the headers and the body of the request.
fn visit_request<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    use Key::Ready;
    let keys = schema.keys();
    if let Some(address) = record.peer_address {
        visitor.field(Ready(keys.peer_address), Value::Address(address));
    }
    if let Some(route) = record.route {
        visitor.field(Ready(r#","http.route":""#), Value::Text(route));
    }
    if let Some(id) = record.trace_id {
        visitor.field(Ready(keys.trace_id), Value::Plain(id));
    }
    if let Some(flags) = record.trace_flags {
        visit_trace_flags(flags, schema, visitor);
    }
    if let Some(id) = record.parent_span_id {
        visitor.field(Ready(keys.parent_span_id), Value::Plain(id));
    }
    visit_headers(record.request_headers, visitor);
    let body_keys = [
        keys.request_size,
        r#","http.request.body.content":""#,
        r#","exchange.request.truncated":"#,
        r#","exchange.request.malformed":"#,
        r#","exchange.request.omitted":""#,
    ];
    visit_body(&record.request_body, body_keys, visitor);
    if record.request_body.unread {
        let key = Ready(r#","exchange.request.unread":"#);
        visitor.field(key, Value::Bool(true));
    }
}

fn visit_trace_flags<V: FieldVisitor>(flags: &str, schema: Schema, visitor: &mut V) {
    match schema {
        Schema::GoogleCloud => {
            // The lowest bit is `sampled` (W3C Trace Context, section 3.2.2.5).
            let is_sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
            let key = r#","logging.googleapis.com/trace_sampled":"#;
            visitor.field(Key::Ready(key), Value::Bool(is_sampled));
        }
        _ => visitor.field(Key::Ready(r#","trace_flags":""#), Value::Plain(flags)),
    }
}

/// Visits the status, the headers and the body of the response.
fn visit_response<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    if schema != Schema::GoogleCloud
        && let Some(status) = record.status
    {
        let status = Value::Unsigned(status.as_u16().into());
        visitor.field(Key::Ready(r#","http.response.status_code":"#), status);
    }
    visit_headers(record.response_headers, visitor);
    let body_keys = [
        schema.keys().response_size,
        r#","http.response.body.content":""#,
        r#","exchange.response.truncated":"#,
        r#","exchange.response.malformed":"#,
        r#","exchange.response.omitted":""#,
    ];
    visit_body(&record.response_body, body_keys, visitor);
}

/// Visits the code of the response.
fn visit_code<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    if let Some(code) = &record.code {
        let value = match schema {
            Schema::Ecs => code_text(code),
            _ => code_value(code),
        };
        let key = match value {
            Value::Text(_) => r#","exchange.code":""#,
            _ => r#","exchange.code":"#,
        };
        visitor.field(Key::Ready(key), value);
    }
    if let Some(state) = record.code_state {
        let state = Value::Plain(state.as_str());
        visitor.field(Key::Ready(r#","exchange.code_state":""#), state);
    }
}

fn visit_headers<V: FieldVisitor>(headers: Headers<'_>, visitor: &mut V) {
    for header in headers.by_name() {
        visitor.field(Key::Ready(header.key()), Value::List(&header));
    }
}

fn visit_body<V: FieldVisitor>(
    body: &RecordBody<'_>,
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

/// Visits the times, the level's reason, the outcome, the sample rate and the errors.
fn visit_end<V: FieldVisitor>(record: &Record<'_>, schema: Schema, visitor: &mut V) {
    use Key::Ready;
    // The other schemas have the duration elsewhere: `event.duration`, `httpRequest.latency`.
    if schema == Schema::OpenTelemetry {
        let duration = Value::Seconds(record.duration);
        visitor.field(Ready(r#","exchange.duration":"#), duration);
    }
    if let Some(time) = record.time_to_head {
        let key = Ready(r#","exchange.time_to_head":"#);
        visitor.field(key, Value::Seconds(time));
    }
    if let Some(reason) = record.level_reason {
        let key = Ready(r#","exchange.level_reason":""#);
        visitor.field(key, Value::Plain(reason.as_str()));
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
        visitor.field(Ready(r#","exchange.sample_rate":"#), Value::Float(rate));
    }
    if let Some(kind) = record.error_type() {
        visitor.field(Ready(r#","error.type":""#), Value::Plain(kind));
    }
    if let Some(error) = record.error {
        visitor.field(Ready(schema.keys().error), Value::Text(error));
    }
}

/// Visits the user and the custom fields.
fn visit_custom<V: FieldVisitor>(record: &Record<'_>, visitor: &mut V) {
    use Key::Ready;
    if let Some(id) = record.user_id {
        visitor.field(Ready(r#","user.id":""#), Value::Text(id));
    }
    if let Some(name) = record.user_name {
        visitor.field(Ready(r#","user.name":""#), Value::Text(name));
    }
    if !record.user_roles.is_empty() {
        let roles = Value::Texts(record.user_roles.as_slice());
        visitor.field(Ready(r#","user.roles":[""#), roles);
    }
    for field in record.fields.entries() {
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
    let method = head(sent_method(record));
    visitor.field(Ready(r#","requestMethod":""#), method);
    visitor.field(
        Ready(r#","requestUrl":""#),
        Value::Url(RequestUrl::new(record)),
    );
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
        None => return,
        Some("0.9") => "HTTP/0.9",
        Some("1.0") => "HTTP/1.0",
        Some("2") => "HTTP/2",
        Some("3") => "HTTP/3",
        Some(_) => "HTTP/1.1",
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

/// Returns a code as a value. A number keeps its digits. A number beyond the range of `f64` becomes a string, because
/// many readers reject all of a line that has such a number.
fn code_value<'v>(code: &'v Code<'v>) -> Value<'v> {
    match *code {
        Code::Number(digits) if is_in_range(digits) => Value::Number(digits),
        Code::Number(text) | Code::Text(text) => Value::Text(text),
    }
}

/// Returns whether a number, which has few digits, is in the range of `f64`.
fn is_in_range(digits: &str) -> bool {
    let is_finite = |number: f64| number.is_finite();
    !digits.contains(['e', 'E']) || digits.parse().is_ok_and(is_finite)
}

/// Returns a code as a string.
fn code_text<'v>(code: &'v Code<'v>) -> Value<'v> {
    match *code {
        Code::Text(text) | Code::Number(text) => Value::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{data::with_every_field, flatten};

    #[test]
    fn no_name_is_the_first_part_of_another_in_any_schema() {
        for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
            let pairs = with_every_field(|record| flatten::pairs(&record, schema, |_, _| true));
            let names: Vec<_> = pairs.into_iter().map(|pair| pair.name).collect();
            assert!(names.len() > 30, "{names:?}");
            for name in &names {
                // A store that turns dotted names into objects needs either a value or an object.
                let prefix = format!("{name}.");
                let inner = names.iter().find(|other| other.starts_with(&prefix));
                assert_eq!(inner, None, "{name}, {schema}");
                assert_eq!(
                    names.iter().filter(|other| *other == name).count(),
                    1,
                    "{name}"
                );
            }
        }
    }
}
