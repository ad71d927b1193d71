//! Making a record fit into its limit: once, before any sink sees it.

use std::{convert::Infallible, time::Duration};

use crate::{
    formats::json::code::{Code, MAX_CODE_LEN},
    head::headers::Headers,
    record::{
        data::Record,
        field::FieldValue,
        schema::{Schema, Schemas},
        visit::{ByFunction, Key, Value},
    },
    util::text,
};

/// The smallest record limit, in bytes: what is never left out fits into it.
pub(crate) const MIN_RECORD_LIMIT: usize = 1024;

/// Shortens `record` until, as JSON with a newline, it takes at most `limit` bytes in each of these
/// schemas.
///
/// The order in which things give way: bodies, custom fields, headers, the error text and the rest
/// of the request head, and last the end of the message and of a path that would not fit. The method,
/// the status, the level and the outcome never do.
pub(crate) fn fit(record: &mut Record<'_>, limit: usize, schemas: Schemas) {
    let limit = limit.max(MIN_RECORD_LIMIT);
    let rendered_len = |record: &Record<'_>| {
        let lens = schemas.iter().map(|schema| rendered_len(record, schema));
        lens.max().unwrap_or(0)
    };
    let at_most = at_most(record, schemas);
    debug_assert!(rendered_len(record) <= at_most);
    if at_most <= limit {
        return;
    }
    let size = rendered_len(record);
    if size <= limit {
        return;
    }
    fit_bodies(record, limit, size);
    let steps: [fn(&mut Record<'_>); 7] = [
        |record| record.fields = &[],
        |record| record.request_headers = Headers::default(),
        |record| record.response_headers = Headers::default(),
        |record| record.error = record.error.map(|error| text::cut_escaped(error, 64)),
        |record| {
            record.query = None;
            record.user_agent = None;
        },
        |record| {
            record.user = None;
            record.route = None;
            record.request_id = None;
            (record.trace_id, record.span_id) = (None, None);
            record.server_address = None;
        },
        |record| {
            record.error = None;
            record.client_address = None;
            for body in [&mut record.request_body, &mut record.response_body] {
                body.content = body.content.filter(|content| !content.is_empty());
            }
            record.code = record.code.map(|code| match code {
                Code::Number(digits) => Code::Number(digits),
                Code::Text(text) => Code::Text(text::cut_escaped(text, 64)),
            });
        },
    ];
    for step in steps {
        if rendered_len(record) <= limit {
            return;
        }
        step(record);
    }
    // The message repeats the path.
    const MESSAGE: usize = 64;
    let (path, message) = (record.path, record.message);
    (record.path, record.message) = ("", "");
    let room = limit.saturating_sub(rendered_len(record));
    record.path = text::cut_escaped(path, room.saturating_sub(MESSAGE));
    let room = room.saturating_sub(text::escaped_len(record.path));
    record.message = text::cut_escaped(message, room);
}

fn fit_bodies(record: &mut Record<'_>, limit: usize, size: usize) {
    let len = |content: Option<&str>| content.map_or(0, text::escaped_len);
    let request = len(record.request_body.content);
    let response = len(record.response_body.content);
    // Marking both as truncated may cost two more fields.
    let marks = 2 * r#","http.response.body.truncated":true"#.len();
    let room = (limit + request + response).saturating_sub(size + marks);
    // Half for each; what one does not need goes to the other.
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

/// More than any record takes, at a glance: most are far from their limit.
fn at_most(record: &Record<'_>, schemas: Schemas) -> usize {
    // All names, numbers and punctuation, and the texts that are not the client's or the application's.
    const FIXED: usize = 1600;
    const EACH: usize = "\"\":,[]".len() + 20;
    // Written out: as iterators that are put together, all this takes four times as many instructions.
    let len = |text: Option<&str>| text.map_or(0, str::len);
    let mut texts = record.message.len()
        + record.method.len()
        + record.path.len()
        + len(record.query)
        + len(record.route)
        + len(record.server_address)
        + len(record.user_agent)
        + len(record.request_id)
        + len(record.trace_id)
        + len(record.span_id)
        + len(record.error)
        + len(record.request_body.content)
        + len(record.response_body.content)
        + schemas.repeats() * record.request_headers.at_most()
        + record.response_headers.at_most();
    if let Some(user) = record.user {
        texts += user.id.len() + user.name.len() + user.kind.len();
    }
    for field in record.fields {
        texts += field.name.len() + EACH;
        if let FieldValue::Text(text) = &field.value {
            texts += text.len();
        }
    }
    // At most every other byte of a text is an escape.
    FIXED + 2 * (texts + MAX_CODE_LEN)
}

/// Bytes of the record as JSON, with a newline; never less than what is written.
fn rendered_len(record: &Record<'_>, schema: Schema) -> usize {
    measure(record, schema, text::escaped_len)
}

fn measure(record: &Record<'_>, schema: Schema, text_len: impl Fn(&str) -> usize) -> usize {
    // Braces and newline.
    let mut len = "{}\n".len();
    let Ok(()) = record.try_for_each(schema, |key, value| {
        len += field_len(key, value, &text_len);
        Ok::<_, Infallible>(())
    });
    len
}

fn field_len(key: Key<'_>, value: Value<'_>, text_len: &impl Fn(&str) -> usize) -> usize {
    let key_len = match key {
        Key::Ready(json) => json.len(),
        Key::Custom(name) => text_len(name) + r#""":,"#.len(),
    };
    key_len + value_len(value, text_len)
}

fn value_len(value: Value<'_>, text_len: &impl Fn(&str) -> usize) -> usize {
    // The longest that serde_json writes: `-1.2345678901234567e-308` and `18446744073709551615`.
    const FLOAT: usize = 24;
    const INTEGER: usize = 20;
    match value {
        Value::Text(value) => text_len(value) + 2,
        Value::Plain(value) => value.len() + 2,
        Value::Ascii(value) => value.len() + 2,
        Value::Integer(_) | Value::Unsigned(_) => INTEGER,
        Value::Float(_) => FLOAT,
        Value::Seconds(value) => seconds_len(value),
        Value::Latency(value) => seconds_len(value) + "\"s\"".len(),
        Value::Bool(_) => "false".len(),
        Value::List(headers) => {
            headers
                .values()
                .map(|value| text_len(value) + r#""","#.len())
                .sum::<usize>()
                + "[]".len()
        }
        Value::Url(url) => url.parts().into_iter().map(text_len).sum::<usize>() + 2,
        Value::Object(object) => {
            let mut len = "{}".len();
            let Ok(()) = object.visit(&mut ByFunction(|key: Key<'_>, value: Value<'_>| {
                len += field_len(key, value, text_len);
                Ok::<_, Infallible>(())
            }));
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
    fn the_bound_holds_for_a_record_of_every_field_in_every_schema() {
        with_every_field(|record| {
            for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
                let mut schemas = Schemas::default();
                schemas.add(schema);
                let (len, bound) = (rendered_len(&record, schema), at_most(&record, schemas));
                // What repeats headers has names too, which are not there.
                assert!(len + 100 <= bound, "{len} of {bound}, {schema:?}");
            }
        });
    }

    #[test]
    fn what_never_gives_way_fits_into_the_smallest_limit_in_every_schema() {
        for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
            let mut schemas = Schemas::default();
            schemas.add(schema);
            with_every_field(|record| {
                let (code, path) = ("9".repeat(MAX_CODE_LEN), "/\"".repeat(1000));
                let mut record: Record<'_> = record;
                record.code = Some(Code::Number(&code));
                (record.method, record.path, record.message) = (&code[..32], &path, &path);
                // Not both: no code, and why there is none; a body, and why there is none.
                record.code_state = None;
                for body in [&mut record.request_body, &mut record.response_body] {
                    (body.content, body.truncated, body.malformed) = (None, false, false);
                }
                let years = Duration::from_nanos(999_999_999_999_999_999);
                (record.duration, record.time_to_head) = (years, Some(years));
                fit(&mut record, MIN_RECORD_LIMIT, schemas);
                let len = rendered_len(&record, schema);
                assert!(len <= MIN_RECORD_LIMIT, "{len}, {schema:?}");
            });
        }
    }
}
