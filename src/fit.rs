//! Making a record fit into its limit: once, before any sink sees it.

use std::convert::Infallible;

use crate::{
    fields::FieldValue,
    headers::Headers,
    json::code::{Code, MAX_CODE_LEN},
    record::{Key, Record, Value},
    text,
};

/// The smallest record limit, in bytes: what is never left out fits into it.
pub(crate) const MIN_RECORD_LIMIT: usize = 1024;

/// Shortens `record` until, as JSON with a newline, it takes at most `limit` bytes.
///
/// The order in which things give way: bodies, custom fields, headers, the error text and the rest
/// of the request head, and last the end of the message and of a path that would not fit. The method,
/// the status, the level and the outcome never do.
pub(crate) fn fit(record: &mut Record<'_>, limit: usize) {
    let limit = limit.max(MIN_RECORD_LIMIT);
    debug_assert!(rendered_len(record) <= at_most(record));
    if at_most(record) <= limit {
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
fn at_most(record: &Record<'_>) -> usize {
    // All names, numbers and punctuation, and the texts that are not the client's or the application's.
    const FIXED: usize = 1600;
    const EACH: usize = "\"\":,[]".len() + 20;
    let texts = [
        Some(record.message),
        Some(record.method),
        Some(record.path),
        record.query,
        record.route,
        record.server_address,
        record.user_agent,
        record.error,
        record.request_body.content,
        record.response_body.content,
    ];
    let texts = texts.into_iter().flatten().map(str::len).sum::<usize>();
    let headers = [record.request_headers, record.response_headers];
    let headers = headers.into_iter().flat_map(|headers| headers.iter());
    let headers = headers.map(|(name, value)| name.len() + value.len() + EACH);
    let user = record.user;
    let user = user.map_or(0, |user| user.id.len() + user.name.len() + user.kind.len());
    let fields = record.fields.iter().map(|field| {
        let value = match &field.value {
            FieldValue::Text(text) => text.len(),
            _ => 0,
        };
        field.name.len() + value + EACH
    });
    // At most every other byte of a text is an escape.
    FIXED + 2 * (texts + user + headers.sum::<usize>() + fields.sum::<usize>() + MAX_CODE_LEN)
}

/// Bytes of the record as JSON, with a newline; never less than what is written.
fn rendered_len(record: &Record<'_>) -> usize {
    measure(record, text::escaped_len)
}

fn measure(record: &Record<'_>, text_len: impl Fn(&str) -> usize) -> usize {
    // Braces and newline.
    let mut len = "{}\n".len();
    let Ok(()) = record.visit(|key, value| {
        len += value_len(value, &text_len);
        len += match key {
            Key::Ready(json) => json.len(),
            Key::Custom(name) => text_len(name) + r#""":,"#.len(),
        };
        Ok::<_, Infallible>(())
    });
    len
}

fn value_len(value: Value<'_>, text_len: impl Fn(&str) -> usize) -> usize {
    // The longest that serde_json writes: `-1.2345678901234567e-308` and `18446744073709551615`.
    const FLOAT: usize = 24;
    const INTEGER: usize = 20;
    match value {
        Value::Text(value) => text_len(value) + 2,
        Value::Plain(value) => value.len() + 2,
        Value::Integer(_) | Value::Unsigned(_) => INTEGER,
        Value::Float(_) => FLOAT,
        Value::Seconds(value) => {
            let digits = value.as_secs().checked_ilog10().unwrap_or(0) + 1;
            digits as usize + ".123456789".len()
        }
        Value::Bool(_) => "false".len(),
        Value::List(headers) => {
            headers
                .iter()
                .map(|(_, value)| text_len(value) + r#""","#.len())
                .sum::<usize>()
                + "[]".len()
        }
    }
}
