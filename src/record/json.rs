//! A record as one line of JSON.

use std::{cell::Cell, convert::Infallible, time::Duration};

use crate::{
    head::headers::Headers,
    record::{
        data::Record,
        schema::Schema,
        timestamp,
        visit::{Key, Nested, RequestUrl, Value, Visitor},
    },
    util::{
        bytes::{self, BLOCK, class},
        scratch,
    },
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
pub(crate) fn with_line<T>(record: &Record<'_>, schema: Schema, f: impl FnOnce(&[u8]) -> T) -> T {
    let mut line = scratch::take(&LINE);
    line.clear();
    push_record(&mut line, record, schema);
    line.push(b'\n');
    let value = f(&line);
    if line.capacity() <= MAX_KEPT {
        scratch::put(&LINE, line);
    }
    value
}

/// The line of a record without its newline.
pub(crate) fn as_text(line: &[u8]) -> &str {
    // Made of strings.
    simdutf8::basic::from_utf8(line.trim_ascii_end()).unwrap_or_default()
}

/// Each schema has code of its own, in which its keys are constants.
fn push_record(out: &mut Vec<u8>, record: &Record<'_>, schema: Schema) {
    push_braces(out, |line| match schema {
        Schema::OpenTelemetry => record.visit(Schema::OpenTelemetry, line),
        Schema::Ecs => push_ecs(record, line),
        Schema::GoogleCloud => push_google_cloud(record, line),
    });
}

#[inline(never)]
fn push_ecs(record: &Record<'_>, line: &mut Line<'_>) -> Result<(), Infallible> {
    record.visit(Schema::Ecs, line)
}

#[inline(never)]
fn push_google_cloud(record: &Record<'_>, line: &mut Line<'_>) -> Result<(), Infallible> {
    record.visit(Schema::GoogleCloud, line)
}

#[inline(never)]
fn push_object(out: &mut Vec<u8>, object: Nested<'_>) {
    push_braces(out, |line| object.visit(line));
}

#[inline(always)]
fn push_braces(
    out: &mut Vec<u8>,
    push_fields: impl FnOnce(&mut Line<'_>) -> Result<(), Infallible>,
) {
    let start = out.len();
    let Ok(()) = push_fields(&mut Line(out));
    // The comma before the first field, which is always there.
    if let Some(first) = out.get_mut(start) {
        *first = b'{';
    }
    out.push(b'}');
}

/// Appends fields to a line.
struct Line<'o>(&'o mut Vec<u8>);

impl Visitor for Line<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn field(&mut self, key: Key<'_>, value: Value<'_>) -> Result<(), Infallible> {
        match key {
            Key::Ready(json) => push_ready(self.0, json, value),
            Key::Custom(name) => push_custom(self.0, name, value),
        }
        Ok(())
    }
}

/// Appends a field whose key brings the quote or the bracket that its value begins with.
#[inline(always)]
fn push_ready(out: &mut Vec<u8>, json: &str, value: Value<'_>) {
    debug_assert_eq!(json.ends_with(':'), !value.is_text(), "{json}");
    out.extend_from_slice(json.as_bytes());
    match value {
        Value::Plain(text) => push_ascii(out, text.as_bytes()),
        Value::Ascii(text) => push_ascii(out, text),
        Value::Text(text) => push_text(out, text),
        Value::List(values) => push_list(out, values),
        Value::Latency(value) => {
            push_seconds(out, value);
            out.extend_from_slice(b"s\"");
        }
        Value::Url(url) => push_url(out, url),
        Value::Object(object) => push_object(out, object),
        value => push_scalar(out, value),
    }
}

#[inline(always)]
fn push_ascii(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(b'"');
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_chars(out, text);
    out.push(b'"');
}

fn push_url(out: &mut Vec<u8>, url: RequestUrl<'_>) {
    for part in url.parts() {
        push_chars(out, part);
    }
    out.push(b'"');
}

fn push_list(out: &mut Vec<u8>, values: &Headers<'_>) {
    for (nth, value) in values.values().enumerate() {
        if nth > 0 {
            out.extend_from_slice(b",\"");
        }
        match values.is_plain() {
            true => push_ascii(out, value.as_bytes()),
            false => push_text(out, value),
        }
    }
    out.push(b']');
}

fn push_custom(out: &mut Vec<u8>, name: &str, value: Value<'_>) {
    out.extend_from_slice(b",\"");
    push_chars(out, name);
    out.extend_from_slice(b"\":");
    match value {
        Value::Text(text) | Value::Plain(text) => {
            out.push(b'"');
            push_text(out, text);
        }
        value => push_scalar(out, value),
    }
}

#[inline(always)]
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
        Value::Text(_)
        | Value::Plain(_)
        | Value::Ascii(_)
        | Value::List(_)
        | Value::Latency(_)
        | Value::Url(_)
        | Value::Object(_) => {}
    }
}

fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// All nanoseconds, without zeros at the end.
fn push_seconds(out: &mut Vec<u8>, duration: Duration) {
    match duration.as_secs() {
        seconds @ 0..=9 => out.push(b'0' + seconds as u8),
        seconds => push_number(out, seconds),
    }
    let digits: [u8; 9] = timestamp::digits(duration.subsec_nanos());
    let zeros = digits[1..].iter().rev().take_while(|&&b| b == b'0');
    let len = digits.len() - zeros.count();
    out.push(b'.');
    out.extend_from_slice(&digits);
    out.truncate(out.len() - digits.len() + len);
}

/// Appends clean text as characters of a JSON string.
fn push_chars(out: &mut Vec<u8>, clean: &str) {
    match bytes::find(clean.as_bytes(), class::is_escaped) {
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
/// Eight bytes are written before it is known how many of them are right, and behind an escape the rest
/// of them again: in JSON there is a quote every few bytes, and to copy what lies between two of them is
/// a call for each.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut piece = Piece {
        bytes: [0; _],
        len: 0,
    };
    let (blocks, rest) = text.as_chunks();
    for blocks in blocks.chunks(Piece::BLOCKS) {
        if !blocks.iter().any(has_escapes) {
            out.extend_from_slice(blocks.as_flattened());
            continue;
        }
        blocks.iter().for_each(|block| piece.push(block));
        out.extend_from_slice(&piece.bytes[..piece.len]);
        piece.len = 0;
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    piece.push(&last);
    // Nothing in what fills it up is escaped.
    piece.len -= BLOCK - rest.len();
    out.extend_from_slice(&piece.bytes[..piece.len]);
}

fn has_escapes(block: &[u8; BLOCK]) -> bool {
    bytes::hits(block, class::is_escaped) != 0
}

/// Some blocks with their escapes, before they are copied to the line.
struct Piece {
    bytes: [u8; Self::ROOM + size_of::<u64>()],
    len: usize,
}

impl Piece {
    const BLOCKS: usize = 8;
    /// For as many blocks, if every byte is escaped. A power of two: to take a place modulo this costs
    /// less than to look whether it is in bounds.
    const ROOM: usize = 2 * Self::BLOCKS * BLOCK;

    #[inline(always)]
    fn push(&mut self, block: &[u8; BLOCK]) {
        let hits = bytes::hits(block, class::is_escaped);
        let (Some(first), Some(second)) = (block.first_chunk(), block.last_chunk()) else {
            return;
        };
        if hits == 0 {
            self.put(*first);
            self.len += first.len();
            self.put(*second);
            self.len += second.len();
        } else {
            self.push_word(*first, hits & 0xff);
            self.push_word(*second, hits >> 8);
        }
    }

    #[inline(always)]
    fn push_word(&mut self, bytes: [u8; 8], mut hits: u32) {
        let mut word = u64::from_le_bytes(bytes);
        let mut left = bytes.len();
        while hits != 0 {
            let run = hits.trailing_zeros();
            self.put(word.to_le_bytes());
            self.len += run as usize;
            self.bytes[self.len % Self::ROOM] = b'\\';
            self.len += 1;
            left -= run as usize;
            word >>= 8 * run;
            // What is escaped stays, for it is still to be written.
            hits = hits >> run & !1;
        }
        self.put(word.to_le_bytes());
        self.len += left;
    }

    #[inline(always)]
    fn put(&mut self, word: [u8; 8]) {
        let place = &mut self.bytes[self.len % Self::ROOM..];
        if let Some(place) = place.first_chunk_mut() {
            *place = word;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::util::text;

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
