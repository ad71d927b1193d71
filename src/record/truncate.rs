//! Truncation of a record to its limit, once, before sinks see it.

use std::{net::IpAddr, time::Duration};

use crate::{
    formats::json::code::{Code, MAX_CODE_LEN},
    record::{
        data::Record,
        field::{FieldValue, Fields},
        format::{MAX_ADDRESS_LEN, TIMESTAMP_LEN},
        headers::Headers,
        schema::{Schema, Schemas},
        user::Roles,
        value::{Key, Value},
        visit,
    },
    util::text,
};

/// The minimum of [`BodyLog::record_limit`](crate::BodyLog::record_limit), in bytes: the fields that are never left out
/// fit into it.
pub const MIN_RECORD_LIMIT: usize = 1024;

/// Steps that make a record smaller, in the order in which they are taken after shortening bodies.
const STEPS: [fn(&mut Record<'_>); 7] = [
    |record| record.fields = Fields::default(),
    |record| record.request_headers = Headers::default(),
    |record| record.response_headers = Headers::default(),
    |record| record.error = record.error.map(|error| text::cut_escaped(error, 64)),
    |record| {
        record.query = None;
        record.user_agent = None;
    },
    |record| {
        (record.user_id, record.user_name) = (None, None);
        record.user_roles = Roles::default();
        record.route = None;
        record.request_id = None;
        (record.trace_id, record.trace_flags, record.parent_span_id) = (None, None, None);
        (record.server_address, record.server_port) = (None, None);
    },
    |record| {
        record.error = None;
        (record.client_address, record.peer_address) = (None, None);
        for body in [&mut record.request_body, &mut record.response_body] {
            body.content = body.content.filter(|content| !content.is_empty());
        }
        record.code = record.code.map(|code| match code {
            Code::Number(digits) => Code::Number(digits),
            Code::Text(text) => Code::Text(text::cut_escaped(text, 64)),
        });
    },
];

/// Shortens `record` until it takes at most `limit` bytes, as JSON with a newline, in each of the
/// schemas.
///
/// The order is: bodies, custom fields, headers, the error after its first bytes, the rest of the request
/// head, the user and the ids, the rest of the error, and last the ends of the message and the path. The
/// method, the status, the level and the outcome stay.
pub(crate) fn truncate(record: &mut Record<'_>, limit: usize, schemas: Schemas) {
    let max_len = max_len(record, schemas);
    debug_assert!(longest_len(record, schemas) <= max_len);
    if max_len <= limit {
        return;
    }
    let len = longest_len(record, schemas);
    if len <= limit {
        return;
    }
    truncate_bodies(record, limit, len);
    for step in STEPS {
        if longest_len(record, schemas) <= limit {
            return;
        }
        step(record);
    }
    truncate_message(record, limit, schemas);
}

/// Shortens the bodies of a record of `len` bytes, so that it takes `limit` bytes if possible.
fn truncate_bodies(record: &mut Record<'_>, limit: usize, len: usize) {
    let content_len = |content: Option<&str>| content.map_or(0, text::escaped_len);
    let request = content_len(record.request_body.content);
    let response = content_len(record.response_body.content);
    // Marking both bodies as truncated may add two fields.
    let marks = 2 * r#","exchange.response.truncated":true"#.len();
    let room = (limit + request + response).saturating_sub(len + marks);
    // Each body gets half, and what the other one does not need.
    let for_request = room.saturating_sub(response).max(room / 2);
    let for_response = room.saturating_sub(request).max(room / 2);
    for (body, room) in [
        (&mut record.request_body, for_request),
        (&mut record.response_body, for_response),
    ] {
        if let Some(content) = body.content {
            let kept = text::cut_escaped(content, room);
            body.truncated |= kept.len() < content.len();
            body.content = Some(kept);
        }
    }
}

/// Shortens the path and the message, which repeats the path.
fn truncate_message(record: &mut Record<'_>, limit: usize, schemas: Schemas) {
    const MESSAGE: usize = 64;
    let (path, message) = (record.path, record.message);
    (record.path, record.message) = ("", "");
    let room = limit.saturating_sub(longest_len(record, schemas));
    record.path = text::cut_escaped(path, room.saturating_sub(MESSAGE));
    let room = room.saturating_sub(text::escaped_len(record.path));
    record.message = text::cut_escaped(message, room);
}

/// Returns an upper bound of the length of a record. The bound is cheap to compute, and for most records
/// it is below the limit, so that the exact length is not needed.
fn max_len(record: &Record<'_>, schemas: Schemas) -> usize {
    // All names, numbers and punctuation, and the strings that the record itself supplies.
    const FIXED: usize = 1700;
    const FIELD: usize = "\"\":,[]".len() + 20;
    // A plain sum: chained iterators take four times as many instructions.
    let len = |text: Option<&str>| text.map_or(0, str::len);
    // The message has the method, the path and the query.
    let mut texts = 2 * record.message.len()
        + len(record.route)
        + len(record.server_address)
        + len(record.user_agent)
        + len(record.request_id)
        + len(record.trace_id)
        + len(record.parent_span_id)
        + len(record.method_original)
        + len(record.user_id)
        + len(record.user_name)
        + len(record.error)
        + len(record.request_body.content)
        + len(record.response_body.content)
        + schemas.repeats() * record.request_headers.max_len()
        + record.response_headers.max_len();
    for role in record.user_roles.as_slice() {
        texts += role.len() + r#""",""#.len();
    }
    for field in record.fields.entries() {
        texts += field.name.len() + FIELD;
        if let FieldValue::Text(text) = &field.value {
            texts += text.len();
        }
    }
    // An escape has two bytes.
    FIXED + 2 * (texts + MAX_CODE_LEN)
}

/// Returns the length of the record in the schema in which it is longest.
fn longest_len(record: &Record<'_>, schemas: Schemas) -> usize {
    let lens = schemas.iter().map(|schema| json_len(record, schema));
    lens.max().unwrap_or(0)
}

/// Returns the length of the record as JSON with a newline, or a little more.
fn json_len(record: &Record<'_>, schema: Schema) -> usize {
    let mut len = "{}\n".len();
    let mut add = |key: Key<'_>, value: Value<'_>| {
        len += key_len(key) + value_len(value);
    };
    visit::visit(record, schema, &mut add);
    len
}

fn key_len(key: Key<'_>) -> usize {
    match key {
        Key::Ready(json) => json.len(),
        Key::Custom(name) => text::escaped_len(name) + r#""":,"#.len(),
    }
}

fn value_len(value: Value<'_>) -> usize {
    // The longest that serde_json writes: `-1.2345678901234567e-308` and `18446744073709551615`.
    const FLOAT: usize = 24;
    const INTEGER: usize = 20;
    let quoted = |len: usize| len + "\"\"".len();
    match value {
        Value::Text(value) => quoted(text::escaped_len(value)),
        Value::Plain(value) => quoted(value.len()),
        Value::Time(_) => quoted(TIMESTAMP_LEN),
        Value::Address(IpAddr::V4(_)) => quoted("255.255.255.255".len()),
        Value::Address(IpAddr::V6(_)) => quoted(MAX_ADDRESS_LEN),
        Value::Integer(_) | Value::Unsigned(_) => INTEGER,
        Value::Float(_) => FLOAT,
        Value::Number(digits) => digits.len(),
        Value::Seconds(value) => seconds_len(value),
        Value::Latency(value) => quoted(seconds_len(value) + "s".len()),
        Value::Bool(_) => "false".len(),
        Value::List(headers) => {
            let lens = headers
                .values()
                .map(|value| quoted(text::escaped_len(value)) + ",".len());
            lens.sum::<usize>() + "[]".len()
        }
        Value::Texts(texts) => {
            let lens = texts
                .iter()
                .map(|text| quoted(text::escaped_len(text)) + ",".len());
            lens.sum::<usize>() + "[]".len()
        }
        Value::Url(url) => {
            let mut len = 0;
            url.push_parts(|part| len += text::escaped_len(part));
            quoted(len)
        }
        Value::Object(object) => {
            let mut len = "{}".len();
            let mut add = |key: Key<'_>, value: Value<'_>| {
                len += key_len(key) + value_len(value);
            };
            visit::visit_nested(object, &mut add);
            len
        }
    }
}

fn seconds_len(value: Duration) -> usize {
    let digits = value.as_secs().checked_ilog10().unwrap_or(0) + 1;
    digits as usize + ".123456789".len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::data::with_every_field;

    #[test]
    fn the_upper_bound_holds_for_a_record_of_every_field_in_every_schema() {
        with_every_field(|record| {
            for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
                let mut schemas = Schemas::default();
                schemas.add(schema);
                let (len, bound) = (json_len(&record, schema), max_len(&record, schemas));
                // A schema that repeats headers adds their names, which are absent here.
                assert!(len + 100 <= bound, "{len} of {bound}, {schema:?}");
            }
        });
    }

    #[test]
    fn the_smallest_record_fits_into_the_smallest_limit_in_every_schema() {
        for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
            let mut schemas = Schemas::default();
            schemas.add(schema);
            with_every_field(|record| {
                let (code, path) = ("9".repeat(MAX_CODE_LEN), "/\"".repeat(1000));
                let mut record: Record<'_> = record;
                record.code = Some(Code::Number(&code));
                (record.method, record.path, record.message) = (&code[..32], &path, &path);
                // A record has either a code or a code state, and either a body's content or the
                // reason why it is omitted.
                record.code_state = None;
                for body in [&mut record.request_body, &mut record.response_body] {
                    (body.content, body.truncated, body.malformed) = (None, false, false);
                }
                let years = Duration::from_nanos(999_999_999_999_999_999);
                (record.duration, record.time_to_head) = (years, Some(years));
                truncate(&mut record, MIN_RECORD_LIMIT, schemas);
                let len = json_len(&record, schema);
                assert!(len <= MIN_RECORD_LIMIT, "{len}, {schema:?}");
            });
        }
    }
}
