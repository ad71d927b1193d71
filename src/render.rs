//! A record as one line of JSON.

use std::{cell::Cell, convert::Infallible, time::Duration};

use crate::{
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
        match key {
            Key::Ready(json) => push_ready(out, json, value),
            Key::Custom(name) => push_custom(out, name, value),
        }
        Ok::<_, Infallible>(())
    });
    // The comma before the first field, which is always there.
    if let Some(first) = out.get_mut(start) {
        *first = b'{';
    }
    out.push(b'}');
}

/// Appends a field whose key brings the quote or the bracket that its value begins with.
#[inline(always)]
fn push_ready(out: &mut Vec<u8>, json: &str, value: Value<'_>) {
    debug_assert_eq!(json.ends_with(':'), !value.is_text(), "{json}");
    out.extend_from_slice(json.as_bytes());
    match value {
        Value::Plain(text) => {
            out.extend_from_slice(text.as_bytes());
            out.push(b'"');
        }
        Value::Text(text) => {
            push_chars(out, text);
            out.push(b'"');
        }
        Value::List(values) => {
            for (nth, (_, value)) in values.iter().enumerate() {
                if nth > 0 {
                    out.extend_from_slice(b",\"");
                }
                match values.is_plain() {
                    true => out.extend_from_slice(value.as_bytes()),
                    false => push_chars(out, value),
                }
                out.push(b'"');
            }
            out.push(b']');
        }
        value => push_scalar(out, value),
    }
}

fn push_custom(out: &mut Vec<u8>, name: &str, value: Value<'_>) {
    out.extend_from_slice(b",\"");
    push_chars(out, name);
    out.extend_from_slice(b"\":");
    match value {
        Value::Text(text) | Value::Plain(text) => {
            out.push(b'"');
            push_chars(out, text);
            out.push(b'"');
        }
        value => push_scalar(out, value),
    }
}

fn push_scalar(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Integer(number) => push_number(out, number),
        Value::Unsigned(number) => push_number(out, number),
        // Finite: serde_json would make `null` of any other, and refuses nothing.
        Value::Float(number) => drop(serde_json::to_writer(out, &number)),
        Value::Seconds(duration) => push_seconds(out, duration),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        // Written by those who call this.
        Value::Text(_) | Value::Plain(_) | Value::List(_) => {}
    }
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

/// Appends clean text as characters of a JSON string.
fn push_chars(out: &mut Vec<u8>, clean: &str) {
    match scan::find(clean.as_bytes(), class::is_escaped) {
        None => out.extend_from_slice(clean.as_bytes()),
        Some(first) => {
            let (plain, rest) = clean.as_bytes().split_at(first);
            out.extend_from_slice(plain);
            push_escaped(out, rest);
        }
    }
}

/// Appends clean text as characters of a JSON string: only quotes and backslashes need an escape.
///
/// Eight bytes are written before it is known how many of them are right. Behind an escape, the rest
/// of them is written again, one place further on: in JSON there is a quote every few bytes, and to
/// copy what lies between two of them is a call for each.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut written = [0; WRITTEN];
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for piece in blocks.chunks(PIECE) {
        let mut to = 0;
        for block in piece {
            let hits = scan::hits(block, class::is_escaped);
            if hits == 0
                && let Some(place) = written.get_mut(to..)
                && let Some(place) = place.first_chunk_mut()
            {
                *place = *block;
                to += BLOCK;
                continue;
            }
            let (first, second) = (block.first_chunk(), block.last_chunk());
            if let (Some(first), Some(second)) = (first, second) {
                to = escape(&mut written, to, *first, hits & 0xff);
                to = escape(&mut written, to, *second, hits >> 8);
            }
        }
        out.extend_from_slice(&written[..to]);
    }
    for &byte in rest {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

/// Blocks that are escaped before they are copied to the line.
const PIECE: usize = 16;
/// Room for them if every byte is escaped, and for what is written behind.
const WRITTEN: usize = (2 * PIECE + 1) * BLOCK;

/// Writes eight bytes with their escapes; the place behind them.
#[inline(always)]
fn escape(written: &mut [u8; WRITTEN], mut to: usize, bytes: [u8; 8], mut hits: u32) -> usize {
    let word = u64::from_le_bytes(bytes);
    put(written, to, word);
    while hits != 0 {
        let at = hits.trailing_zeros();
        // The backslash, and what it is for behind it, with all that follows.
        let rest = (word >> (8 * at)) << 8 | u64::from(b'\\');
        put(written, to + at as usize, rest);
        if let Some(last) = written.get_mut(to + 8) {
            *last = bytes[7];
        }
        to += 1;
        hits &= hits - 1;
    }
    to + 8
}

#[inline(always)]
fn put(written: &mut [u8; WRITTEN], to: usize, word: u64) {
    let place = written.get_mut(to..);
    if let Some(place) = place.and_then(<[u8]>::first_chunk_mut) {
        *place = word.to_le_bytes();
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
            push_chars(&mut out, &text);
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(&out[6..], &expected.as_bytes()[1..expected.len() - 1]);
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
