//! A record as one line of JSON.

use std::{cell::Cell, convert::Infallible, time::Duration};

use crate::{
    headers::Headers,
    record::{Key, Record, Value},
    scan::{self, BLOCK, class},
    scratch, timestamp,
};

/// What a thread keeps of a line for the next one, in bytes: a record of the default limit, and room
/// for its escapes while it is made.
const MAX_KEPT: usize = 48 * 1024;

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with the record as JSON and a newline.
///
/// The line is in a buffer that the thread keeps for the next one. `f` may come back here, by a
/// writer that logs: it finds an empty buffer then.
pub(crate) fn with_line<T>(record: &Record<'_>, f: impl FnOnce(&[u8]) -> T) -> T {
    let mut line = scratch::take(&LINE);
    line.clear();
    push_record(&mut line, record);
    line.push(b'\n');
    let value = f(&line);
    if line.capacity() <= MAX_KEPT {
        scratch::put(&LINE, line);
    }
    value
}

fn push_record(out: &mut Vec<u8>, record: &Record<'_>) {
    let start = out.len();
    let Ok(()) = record.visit(|key, value| {
        push_key(out, key);
        push_value(out, value);
        Ok::<_, Infallible>(())
    });
    // The comma before the first field, which is always there.
    if let Some(first) = out.get_mut(start) {
        *first = b'{';
    }
    out.push(b'}');
}

fn push_key(out: &mut Vec<u8>, key: Key<'_>) {
    match key {
        Key::Ready(json) => out.extend_from_slice(json.as_bytes()),
        Key::Custom(name) => {
            out.push(b',');
            push_text(out, name);
            out.push(b':');
        }
    }
}

fn push_value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Text(text) => push_text(out, text),
        Value::Plain(text) => push_plain(out, text),
        Value::Integer(number) => push_number(out, number),
        Value::Unsigned(number) => push_number(out, number),
        // Finite: serde_json would make `null` of any other, and refuses nothing.
        Value::Float(number) => drop(serde_json::to_writer(out, &number)),
        Value::Seconds(duration) => push_seconds(out, duration),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::List(values) => push_list(out, values),
    }
}

fn push_list(out: &mut Vec<u8>, values: &Headers<'_>) {
    for (nth, (_, value)) in values.iter().enumerate() {
        out.push(if nth == 0 { b'[' } else { b',' });
        match values.is_plain {
            true => push_plain(out, value),
            false => push_text(out, value),
        }
    }
    out.push(b']');
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// All nanoseconds, without zeros at the end.
fn push_seconds(out: &mut Vec<u8>, duration: Duration) {
    push_number(out, duration.as_secs());
    let mut fraction = *b".000000000";
    timestamp::digits(&mut fraction[1..], duration.subsec_nanos());
    let zeros = fraction[2..].iter().rev().take_while(|&&b| b == b'0');
    out.extend_from_slice(&fraction[..fraction.len() - zeros.count()]);
}

fn push_plain(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn push_text(out: &mut Vec<u8>, clean: &str) {
    match scan::find(clean.as_bytes(), class::is_escaped) {
        None => push_plain(out, clean),
        Some(first) => {
            let (plain, rest) = clean.as_bytes().split_at(first);
            out.push(b'"');
            out.extend_from_slice(plain);
            push_escaped(out, rest);
            out.push(b'"');
        }
    }
}

/// Appends clean text as characters of a JSON string: only quotes and backslashes need an escape.
///
/// A block is written whole before it is known how much of it is right. Behind an escape, the rest
/// of it is written again, one place further on. In JSON, where every few bytes there is a quote,
/// that takes half the instructions of copying runs.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.resize(start + 2 * text.len() + BLOCK, 0);
    let written = &mut out[start..];
    let (mut read, mut to) = (0, 0);
    // Two blocks: one that begins within the first ends within the second.
    while let Some(blocks) = text
        .get(read..)
        .and_then(<[u8]>::first_chunk::<{ 2 * BLOCK }>)
    {
        let mut hits = match blocks.first_chunk() {
            Some(block) => scan::hits(block, class::is_escaped),
            None => 0,
        };
        copy_block(&mut written[to..], blocks);
        while hits != 0 {
            let at = hits.trailing_zeros() as usize;
            written[to + at] = b'\\';
            to += 1;
            copy_block(&mut written[to + at..], &blocks[at..]);
            hits &= hits - 1;
        }
        read += BLOCK;
        to += BLOCK;
    }
    for &byte in &text[read..] {
        if matches!(byte, b'"' | b'\\') {
            written[to] = b'\\';
            to += 1;
        }
        written[to] = byte;
        to += 1;
    }
    out.truncate(start + to);
}

#[inline(always)]
fn copy_block(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<BLOCK>(), from.first_chunk::<BLOCK>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text;

    proptest! {
        #[test]
        fn texts_are_written_as_serde_json_does(text in r#"([^\p{C}]|["\\]){0,100}"#) {
            let text = text::clean(&text);
            let mut out = b"before".to_vec();
            push_text(&mut out, &text);
            prop_assert_eq!(&out[6..], serde_json::to_vec(&text).unwrap());
        }

        #[test]
        fn seconds_are_exact(nanoseconds in any::<u64>(), shift in 0..64) {
            let duration = Duration::from_nanos(nanoseconds >> shift);
            let mut out = Vec::new();
            push_seconds(&mut out, duration);
            let text = String::from_utf8(out).unwrap();
            let (whole, fraction) = text.split_once('.').unwrap();
            prop_assert_eq!(whole.parse::<u64>().unwrap(), duration.as_secs());
            prop_assert_eq!(format!("{fraction:0<9}").parse::<u32>().unwrap(), duration.subsec_nanos());
            prop_assert!(fraction.len() == 1 || !fraction.ends_with('0'));
        }
    }
}
