//! A record as one line of JSON.

use std::cell::Cell;

use crate::{
    record::{
        data::Record,
        format,
        headers::Headers,
        schema::Schema,
        value::{Key, Value},
        visit::{self, FieldVisitor},
    },
    util::bytes::{self, BLOCK, class},
};

/// Maximum capacity of the buffer that a thread keeps, in bytes: three times the default record limit,
/// because a growing buffer may have twice the capacity that it needs.
const MAX_LINE_CAPACITY: usize = 48 * 1024;

thread_local! {
    /// Buffer that the thread reuses for each line.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Calls `f` with the record as JSON and a newline.
///
/// If `f` logs and comes back here, it gets a new buffer.
pub(crate) fn with_line<T>(record: &Record<'_>, schema: Schema, f: impl FnOnce(&[u8]) -> T) -> T {
    let mut line = LINE.try_with(Cell::take).unwrap_or_default();
    line.clear();
    push_object(&mut line, |line| visit::visit(record, schema, line));
    line.push(b'\n');
    let value = f(&line);
    if line.capacity() <= MAX_LINE_CAPACITY {
        let _ = LINE.try_with(|kept| kept.set(line));
    }
    value
}

/// Returns the line of a record without its newline.
pub(crate) fn as_text(line: &[u8]) -> &str {
    // A line is built from strings, so it is valid.
    simdutf8::basic::from_utf8(line.trim_ascii_end()).unwrap_or_default()
}

/// Appends an object. Its first field is always present.
fn push_object(out: &mut Vec<u8>, push_fields: impl FnOnce(&mut JsonLine<'_>)) {
    let start = out.len();
    push_fields(&mut JsonLine(out));
    // Replaces the comma before the first field.
    if let Some(first) = out.get_mut(start) {
        *first = b'{';
    }
    out.push(b'}');
}

/// Appends fields to a line.
struct JsonLine<'o>(&'o mut Vec<u8>);

impl FieldVisitor for JsonLine<'_> {
    // Inlined, so that keys are constants and values stay in registers.
    #[inline(always)]
    fn field(&mut self, key: Key<'_>, value: Value<'_>) {
        match key {
            Key::Ready(json) => {
                debug_assert_eq!(json.ends_with(':'), !value.is_text(), "{json}");
                self.0.extend_from_slice(json.as_bytes());
                push_value(self.0, value);
            }
            Key::Custom(name) => push_custom(self.0, name, value),
        }
    }
}

/// Appends a value without the quote or bracket that it begins with.
#[inline(always)]
fn push_value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Plain(text) => push_plain(out, text),
        Value::Text(text) => push_text(out, text),
        Value::Unsigned(number) => format::push_number(out, number),
        Value::Seconds(duration) => format::push_seconds(out, duration),
        Value::List(values) => push_list(out, values),
        value => push_any(out, value),
    }
}

fn push_plain(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_chars(out, text);
    out.push(b'"');
}

fn push_list(out: &mut Vec<u8>, values: &Headers<'_>) {
    for (nth, value) in values.values().enumerate() {
        if nth > 0 {
            out.extend_from_slice(b",\"");
        }
        match values.is_plain() {
            true => push_plain(out, value),
            false => push_text(out, value),
        }
    }
    out.push(b']');
}

fn push_texts(out: &mut Vec<u8>, texts: &[String]) {
    for (nth, text) in texts.iter().enumerate() {
        if nth > 0 {
            out.extend_from_slice(b",\"");
        }
        push_text(out, text);
    }
    out.push(b']');
}

fn push_any(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Plain(text) | Value::Text(text) => push_text(out, text),
        Value::Unsigned(number) => format::push_number(out, number),
        Value::Integer(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        // Writing to a `Vec` succeeds. The number is finite, so serde_json does not write `null`.
        Value::Float(number) => drop(serde_json::to_writer(out, &number)),
        Value::Number(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Seconds(duration) => format::push_seconds(out, duration),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::List(values) => push_list(out, values),
        Value::Texts(texts) => push_texts(out, texts),
        Value::Object(object) => push_object(out, |line| visit::visit_nested(object, line)),
        Value::Time(time) => {
            format::push_timestamp(out, time);
            out.push(b'"');
        }
        Value::Address(address) => {
            format::push_address(out, address);
            out.push(b'"');
        }
        Value::Latency(value) => {
            format::push_seconds(out, value);
            out.extend_from_slice(b"s\"");
        }
        Value::Url(url) => {
            url.push_parts(|part| push_chars(out, part));
            out.push(b'"');
        }
    }
}

/// Appends a custom field.
fn push_custom(out: &mut Vec<u8>, name: &str, value: Value<'_>) {
    out.extend_from_slice(b",\"");
    push_text(out, name);
    out.push(b':');
    if value.is_text() {
        out.push(b'"');
    }
    push_any(out, value);
}

/// Appends sanitized text as characters of a JSON string.
fn push_chars(out: &mut Vec<u8>, text: &str) {
    match bytes::find(text.as_bytes(), class::is_escaped) {
        None => out.extend_from_slice(text.as_bytes()),
        Some(first) => {
            let (plain, rest) = text.as_bytes().split_at(first);
            out.extend_from_slice(plain);
            push_escaped(out, rest);
        }
    }
}

/// Appends sanitized text as characters of a JSON string, in which only quotes and backslashes need an escape.
///
/// JSON has a quote every few bytes, and a copy of the bytes up to each quote would be a call for each. So eight bytes
/// are copied at once. The bytes from a quote on are copied again, after the backslash.
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
    // The zeros that fill the last block need no escape.
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
    /// The length of the blocks if every byte is escaped. This is a power of two, because an index modulo a power of
    /// two costs less than a check of its bounds.
    const ROOM: usize = 2 * Self::BLOCKS * BLOCK;

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
            // Keep the escaped byte, which is written next.
            hits = hits >> run & !1;
        }
        self.put(word.to_le_bytes());
        self.len += left;
    }

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
    use crate::{formats::json::code::Code, record::data::with_every_field, util::text};

    fn line_len() -> usize {
        with_every_field(|record| with_line(&record, Schema::OpenTelemetry, <[u8]>::len))
    }

    #[test]
    fn line_is_made_while_another_line_is_used_and_while_a_thread_ends() {
        struct AtTheEnd;
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                line_len();
            }
        }
        thread_local! {
            static AT_THE_END: AtTheEnd = const { AtTheEnd };
        }
        with_every_field(|record| {
            with_line(&record, Schema::OpenTelemetry, |line| {
                let before = line.to_vec();
                assert_eq!(line_len(), line.len());
                assert_eq!(line, before);
            });
        });
        // The line and the value of the test are destroyed in either order.
        for first in [true, false] {
            let thread = std::thread::spawn(move || {
                if first {
                    AT_THE_END.with(|_| ());
                }
                line_len();
                AT_THE_END.with(|_| ());
            });
            assert!(thread.join().is_ok());
        }
    }

    #[test]
    fn code_is_written_in_the_digits_of_the_body() {
        for digits in [
            "0",
            "-0",
            "500",
            "5e2",
            "1E5",
            "1.10",
            "0.1",
            "1e-400",
            "18446744073709551615",
            "18446744073709551616",
            "123456789012345678901234567890",
            "-9223372036854775809",
            "100000000000000000000000.5",
            "123456789.123456789012345",
        ] {
            with_every_field(|record| {
                let mut record: Record<'_> = record;
                record.code = Some(Code::Number(digits));
                for (schema, quote) in [
                    (Schema::OpenTelemetry, ""),
                    (Schema::GoogleCloud, ""),
                    (Schema::Ecs, "\""),
                ] {
                    let line = record.to_json(schema);
                    let code = format!(r#""exchange.code":{quote}{digits}{quote},"#);
                    assert!(line.contains(&code), "{digits}: {line}");
                }
                // A serializer gets a number if it shows the same digits, or else a string.
                let line = serde_json::to_string(&record).unwrap();
                let [number, text] = ["", "\""].map(|quote| {
                    let code = format!(r#""exchange.code":{quote}{digits}{quote},"#);
                    line.contains(&code)
                });
                assert!(number || text, "{digits}: {line}");
                let is_exact = ["0", "500", "0.1", "18446744073709551615"].contains(&digits);
                assert_eq!(number, is_exact, "{digits}");
            });
        }
        with_every_field(|record| {
            let mut record: Record<'_> = record;
            record.code = Some(Code::Number("1e400"));
            let line = record.to_json(Schema::OpenTelemetry);
            assert!(line.contains(r#""exchange.code":"1e400","#), "{line}");
        });
    }

    proptest! {
        #[test]
        fn strings_are_escaped_as_by_serde_json(text in r#"([^\p{C}]|["\\]){0,100}"#) {
            let text = text::sanitize(&text);
            let mut out = b"before".to_vec();
            push_chars(&mut out, &text);
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(&out[6..], &expected.as_bytes()[1..expected.len() - 1]);
        }
    }
}
