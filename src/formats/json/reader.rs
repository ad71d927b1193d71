//! Reads a JSON text (RFC 8259), several texts in a row or a prefix of them, and reports the tokens to a visitor.
//!
//! The reader neither recurses nor allocates, accepts any text, and reports the tokens before the point where a text
//! stops being JSON. serde_json recurses, does not report tokens, and treats a prefix as an error. The rules for what
//! may follow a text are those of its `StreamDeserializer`.

use wide::u8x16;

use super::{
    blocks::{overlapping, padded_pair},
    nesting::{Container, Nesting},
    number::Number,
    tokens::{Ending, JsonString, TokenVisitor},
    unescape::escaped_byte,
};
use crate::util::bytes::{self, BLOCK, class};

/// What may be between the texts of the input, in addition to white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separators {
    None,
    /// The record separator U+001E, which begins each text of a sequence (RFC 7464).
    Records,
}

/// Reads `input` to its end or to the first fault.
pub(crate) fn read<'i, V: TokenVisitor<'i>>(
    input: &'i str,
    separators: Separators,
    visitor: &mut V,
) -> Ending {
    let mut reader = Reader {
        input,
        separators,
        nesting: Nesting::default(),
        innermost: None,
        visitor,
    };
    let Err(Stop { ending, at }) = reader.document();
    reader.visitor.stop(at);
    ending
}

struct Reader<'i, 'v, V> {
    input: &'i str,
    separators: Separators,
    nesting: Nesting,
    /// The innermost container of `nesting`.
    innermost: Option<Container>,
    visitor: &'v mut V,
}

/// The reason why the reader stopped, and the place.
struct Stop {
    ending: Ending,
    at: usize,
}

/// The content of the first block of a string.
enum FirstBlock {
    /// The whole string, which is plain and has this length.
    Whole(usize),
    /// Only plain characters.
    Plain,
    Other,
}

/// The result of reading one part of the text, or an error if the reader stops.
type Step<T> = Result<T, Stop>;

fn stop<T>(ending: Ending, at: usize) -> Step<T> {
    Err(Stop { ending, at })
}

impl<'i, V: TokenVisitor<'i>> Reader<'i, '_, V> {
    /// Reads all texts. Returns only when the reader stops.
    fn document(&mut self) -> Step<std::convert::Infallible> {
        let mut at = match self.separators {
            Separators::None => 0,
            Separators::Records => self.first_text()?,
        };
        loop {
            if self.innermost == Some(Container::Object) {
                at = self.key(at)?;
            }
            let opened;
            (at, opened) = self.value(at)?;
            if let Some(container) = opened {
                let byte;
                (at, byte) = self.next(at)?;
                if byte != container.end() {
                    continue;
                }
                at = self.close(at);
            }
            at = self.after_value(at)?;
        }
    }

    /// Closes containers after a value, up to the comma before the next value or to the next text.
    fn after_value(&mut self, mut at: usize) -> Step<usize> {
        loop {
            let Some(innermost) = self.innermost else {
                return self.next_text(at);
            };
            let byte;
            (at, byte) = self.next(at)?;
            if byte == b',' {
                return Ok(at + 1);
            }
            if byte != innermost.end() {
                return stop(Ending::Malformed, at);
            }
            at = self.close(at);
        }
    }

    /// Skips separators before the first text. Stops if there is no text, which is no fault.
    #[inline(never)]
    fn first_text(&mut self) -> Step<usize> {
        let (at, _) = self.skip_separators(0)?;
        Ok(at)
    }

    /// Finds the text after an outermost value, which ends at `end`. Stops if there is no other text, or if the next
    /// character cannot follow the value.
    #[inline(never)]
    fn next_text(&mut self, end: usize) -> Step<usize> {
        let (at, byte) = self.skip_separators(end)?;
        let bytes = self.input.as_bytes();
        // Only white space or a delimiter ends a number or a literal.
        let is_delimited = at > end
            || matches!(bytes[end - 1], b'"' | b'}' | b']')
            || matches!(byte, b'"' | b'{' | b'[');
        if !is_delimited || !begins_value(&bytes[at..]) {
            return stop(Ending::Malformed, at);
        }
        self.visitor.another_text(at);
        Ok(at)
    }

    /// Skips white space and separators between texts. Returns the next byte and its place. At the end of the input,
    /// stops, and all texts are complete.
    fn skip_separators(&mut self, mut at: usize) -> Step<(usize, u8)> {
        loop {
            match self.next(at) {
                Ok((start, 0x1e)) if self.separators == Separators::Records => {
                    at = start + 1;
                    self.visitor.white_space(start, at);
                }
                Ok(next) => return Ok(next),
                Err(Stop { at, .. }) => return stop(Ending::Complete, at),
            }
        }
    }

    /// Skips white space. Returns the next byte and its place.
    fn next(&mut self, at: usize) -> Step<(usize, u8)> {
        match self.input.as_bytes().get(at) {
            Some(&byte) if byte > b' ' => Ok((at, byte)),
            _ => self.skip_white_space(at),
        }
    }

    #[inline(never)]
    fn skip_white_space(&mut self, start: usize) -> Step<(usize, u8)> {
        let rest = self.input.as_bytes()[start..].iter();
        let len = rest.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let end = start + len.count();
        if start < end {
            self.visitor.white_space(start, end);
        }
        match self.input.as_bytes().get(end) {
            Some(&byte) => Ok((end, byte)),
            None => stop(Ending::Cut, end),
        }
    }

    /// Reads a key and its colon.
    fn key(&mut self, at: usize) -> Step<usize> {
        let (at, byte) = self.next(at)?;
        if byte != b'"' {
            return stop(Ending::Malformed, at);
        }
        let depth = self.nesting.depth();
        let at = match self.short_key(at + 1) {
            Some((block, len)) if self.visitor.known_key(block, at + 1, len, depth) => at + len + 2,
            _ => self.any_key(at, depth)?,
        };
        match self.next(at)? {
            (at, b':') => Ok(at + 1),
            (at, _) => stop(Ending::Malformed, at),
        }
    }

    /// Reads a key of any length, with or without escapes, and passes it to the visitor.
    #[inline(never)]
    fn any_key(&mut self, at: usize, depth: usize) -> Step<usize> {
        let (key, end) = self.string(at, false);
        self.visitor.key(key, depth);
        end
    }

    /// Returns the block that begins with the key at `start`, and the length of the key, if the key is shorter than the
    /// block and has no escapes.
    fn short_key(&self, start: usize) -> Option<(&'i [u8; BLOCK], usize)> {
        let block = self.input.as_bytes()[start..].first_chunk::<BLOCK>()?;
        let len = bytes::hits(block, class::ends_run).trailing_zeros() as usize;
        (block.get(len) == Some(&b'"')).then_some((block, len))
    }

    /// Reads a value, or opens a container.
    fn value(&mut self, at: usize) -> Step<(usize, Option<Container>)> {
        let (at, byte) = self.next(at)?;
        let depth = self.nesting.depth();
        let end = match byte {
            b'"' => {
                self.visitor.begin_value(at, depth);
                match self.first_block(at + 1) {
                    FirstBlock::Whole(len) if !self.visitor.wants_scalar() => at + len + 2,
                    first => {
                        let is_plain = matches!(first, FirstBlock::Plain);
                        let (string, end) = self.string(at, is_plain);
                        self.visitor.string(string);
                        end?
                    }
                }
            }
            b'{' => return self.open(at, Container::Object),
            b'[' => return self.open(at, Container::Array),
            b'-' | b'0'..=b'9' => {
                self.visitor.begin_value(at, depth);
                self.number(at)?
            }
            b't' => self.literal(at, b"true")?,
            b'f' => self.literal(at, b"false")?,
            b'n' => self.literal(at, b"null")?,
            _ => return stop(Ending::Malformed, at),
        };
        self.visitor.end_value(end, depth);
        Ok((end, None))
    }

    /// Scans the first block of the string that begins at `start`.
    fn first_block(&self, start: usize) -> FirstBlock {
        let Some(both) = self.input.as_bytes()[start..].first_chunk::<{ BLOCK + 1 }>() else {
            return FirstBlock::Other;
        };
        let (block, next) = overlapping(both);
        let mask = V::trigger_mask(block, next).to_bitmask();
        let len = mask.trailing_zeros() as usize;
        if len >= BLOCK {
            FirstBlock::Plain
        } else if both[len] == b'"' {
            FirstBlock::Whole(len)
        } else {
            self.refined_block(start, both, mask)
        }
    }

    /// Scans the first block of a string. Each bit of `mask` may be a place where the run ends, or a trigger.
    #[inline(never)]
    fn refined_block(&self, start: usize, both: &[u8; BLOCK + 1], mask: u32) -> FirstBlock {
        let mut hits = Self::refine(overlapping(both).0, mask);
        while hits != 0 {
            let at = hits.trailing_zeros() as usize;
            match both[at] {
                b'"' => return FirstBlock::Whole(at),
                b'\\' | ..b' ' => return FirstBlock::Other,
                _ if V::is_trigger(self.input, start + at) => return FirstBlock::Other,
                _ => hits &= hits - 1,
            }
        }
        FirstBlock::Plain
    }

    /// Removes bits from the mask of a block if it has so many that this takes less time than to test each of them.
    #[inline]
    fn refine(block: u8x16, mask: u32) -> u32 {
        let without_last = |hits: u32| hits & hits.wrapping_sub(1);
        match without_last(without_last(without_last(mask))) {
            0 => mask,
            _ => V::candidates(block, mask),
        }
    }

    fn open(&mut self, at: usize, container: Container) -> Step<(usize, Option<Container>)> {
        self.visitor.begin_value(at, self.nesting.depth());
        if !self.nesting.push(container) {
            return stop(Ending::TooDeep, at);
        }
        self.innermost = Some(container);
        self.visitor.open(self.nesting.depth(), container);
        Ok((at + 1, Some(container)))
    }

    fn close(&mut self, at: usize) -> usize {
        self.nesting.pop();
        self.innermost = self.nesting.innermost();
        let depth = self.nesting.depth();
        self.visitor.close(depth);
        self.visitor.end_value(at + 1, depth);
        at + 1
    }

    #[inline(always)]
    fn literal(&mut self, at: usize, literal: &[u8]) -> Step<usize> {
        let rest = &self.input.as_bytes()[at..];
        let is_whole = rest.starts_with(literal);
        if !is_whole && !literal.starts_with(rest) {
            return stop(Ending::Malformed, at);
        }
        self.visitor.begin_value(at, self.nesting.depth());
        self.visitor.literal();
        match is_whole {
            true => Ok(at + literal.len()),
            false => stop(Ending::Cut, at + rest.len()),
        }
    }

    fn number(&mut self, start: usize) -> Step<usize> {
        let bytes = self.input.as_bytes();
        let count_digits = |at: usize| {
            let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit());
            digits.count()
        };
        let len = count_digits(start);
        let mut end = start + len;
        if bytes.get(end) == Some(&b'.') {
            end += 1 + count_digits(end + 1);
        }
        // Most numbers have no sign and no exponent.
        let is_simple = len > 0
            && (bytes[start] != b'0' || len == 1)
            && bytes[end - 1] != b'.'
            && !matches!(bytes.get(end), None | Some(b'.' | b'e' | b'E'));
        if !is_simple {
            end = self.any_number(start)?;
        }
        if matches!(end - start, 15 | 16) || self.visitor.wants_scalar() {
            self.visitor.number(start, &self.input[start..end]);
        }
        Ok(end)
    }

    #[inline(never)]
    fn any_number(&self, start: usize) -> Step<usize> {
        let bytes = self.input.as_bytes();
        let mut number = Number::first(bytes[start]);
        let mut end = start + 1;
        while let Some(&byte) = bytes.get(end) {
            match number.step(byte) {
                Some(next) => number = next,
                None if number.may_end() => return Ok(end),
                None => return stop(Ending::Malformed, end),
            }
            end += 1;
        }
        // At the end of the input, a number may be truncated, unless the number is the whole text.
        match self.nesting.depth() == 0 && number.may_end() {
            true => Ok(end),
            false => stop(Ending::Cut, end),
        }
    }

    /// Reads the string whose opening quote is at `at`, up to its end or to where the reader stops. `is_plain` says
    /// that its [first block](Self::first_block) is plain.
    fn string(&self, at: usize, is_plain: bool) -> (JsonString<'i>, Step<usize>) {
        let bytes = self.input.as_bytes();
        let start = at + 1;
        let mut end = match is_plain {
            true => start + BLOCK,
            false => start,
        };
        let mut escaped = false;
        let mut plain = true;
        let ending = loop {
            end = self.end_of_run(end, &mut plain);
            match bytes.get(end) {
                Some(b'"') => break None,
                Some(b'\\') => {}
                Some(_) => break Some(Ending::Malformed),
                None => break Some(Ending::Cut),
            }
            escaped = true;
            match escape_len(&bytes[end..]) {
                Ok(len) => end += len,
                Err(ending) => break Some(ending),
            }
        };
        let string = JsonString {
            raw: &self.input[start..end],
            start,
            escaped,
            open: ending.is_some(),
            plain: plain && !escaped,
        };
        let step = match ending {
            None => Ok(end + 1),
            Some(ending) => stop(ending, end),
        };
        (string, step)
    }

    /// Returns the end of the run of plain characters that begins at `at`. Clears `plain` if one of the characters is a
    /// trigger.
    fn end_of_run(&self, at: usize, plain: &mut bool) -> usize {
        let bytes = self.input.as_bytes();
        let mut rest = bytes.get(at..).unwrap_or_default();
        while let Some(both) = rest.first_chunk() {
            if let Some(end) = self.end_in_block(bytes.len() - rest.len(), both, plain) {
                return end;
            }
            rest = &rest[BLOCK..];
        }
        // NUL ends a run.
        let both = padded_pair(rest);
        let start = bytes.len() - rest.len();
        self.end_in_block(start, &both, plain)
            .unwrap_or(bytes.len())
    }

    /// Returns the end of the run if it is in the block that begins at `start`.
    #[inline(always)]
    fn end_in_block(
        &self,
        start: usize,
        both: &[u8; BLOCK + 1],
        plain: &mut bool,
    ) -> Option<usize> {
        let (block, next) = overlapping(both);
        let mask = V::trigger_mask(block, next).to_bitmask();
        if mask == 0 {
            return None;
        }
        let mut hits = Self::refine(block, mask);
        while hits != 0 {
            let at = hits.trailing_zeros() as usize;
            match both[at] {
                b'"' | b'\\' | ..b' ' => return Some(start + at),
                _ => *plain = *plain && !V::is_trigger(self.input, start + at),
            }
            hits &= hits - 1;
        }
        None
    }
}

/// Returns whether a value may begin with `rest`.
fn begins_value(rest: &[u8]) -> bool {
    match rest {
        [b'"' | b'{' | b'[' | b'-' | b'0'..=b'9', ..] => true,
        _ => ["true", "false", "null"].iter().any(|literal| {
            let seen = rest.len().min(literal.len());
            rest[..seen] == literal.as_bytes()[..seen]
        }),
    }
}

/// Returns the length of the escape at the start of `rest`.
fn escape_len(rest: &[u8]) -> Result<usize, Ending> {
    match rest.get(1) {
        None => Err(Ending::Cut),
        Some(b'u') => {
            let digits = &rest[2..rest.len().min(6)];
            match digits.iter().all(u8::is_ascii_hexdigit) {
                false => Err(Ending::Malformed),
                true if digits.len() < 4 => Err(Ending::Cut),
                true => Ok(6),
            }
        }
        Some(&kind) => escaped_byte(kind).map(|_| 2).ok_or(Ending::Malformed),
    }
}
