//! The tokens of a JSON text, and their receiver.

use wide::u8x16;

use super::nesting::Container;
use crate::util::bytes::BLOCK;

/// The place where the reader stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The end of one complete JSON text, or of several.
    Complete,
    /// The end of the input, which is empty or ends inside of a JSON text.
    Cut,
    /// A container that is nested deeper than [`MAX_DEPTH`](super::nesting::MAX_DEPTH).
    TooDeep,
    /// A fault, after which the input is not JSON. From there on, keys and values cannot be distinguished, so nothing
    /// can be shown.
    Malformed,
}

/// A string in a JSON text, which is a key or a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonString<'i> {
    /// The characters between the quotes, with their escapes.
    pub(crate) raw: &'i str,
    /// The place of `raw` in the input.
    pub(crate) start: usize,
    /// Set if `raw` has escapes.
    pub(crate) escaped: bool,
    /// Set if the reader stopped inside of the string, so that the string may continue in any way.
    pub(crate) open: bool,
    /// Set if `raw` has no escapes, and [`TokenVisitor::is_trigger`] is false everywhere in `raw`.
    pub(crate) plain: bool,
}

/// A receiver of the tokens of a JSON text, in the order of the text. Places are byte offsets in the input.
pub(crate) trait TokenVisitor<'i> {
    /// Returns a mask of the bytes of `block` that end a run of plain characters (`"`, `\`, controls), and of the bytes
    /// at which [`is_trigger`](Self::is_trigger) may be true. `next` is the block that begins one byte after `block`.
    fn trigger_mask(block: u8x16, next: u8x16) -> u8x16;
    /// Removes bytes from `hits`, the bits of a mask of `block`, at which [`is_trigger`](Self::is_trigger) is false.
    fn candidates(block: u8x16, hits: u32) -> u32;
    /// Returns whether the visitor must scan a string because of the byte at `at`.
    fn is_trigger(text: &str, at: usize) -> bool;
    /// Takes a key without escapes, which is at `start` and in the first `len` bytes of `block`. If this method returns
    /// false, the reader calls [`key`](Self::key) with the same key.
    fn known_key(&mut self, block: &[u8; BLOCK], start: usize, len: usize, depth: usize) -> bool;
    /// Takes a key inside of `depth` containers.
    fn key(&mut self, key: JsonString<'i>, depth: usize);
    /// Takes the start of a value at `at`, inside of `depth` containers.
    fn begin_value(&mut self, at: usize, depth: usize);
    /// Returns whether the visitor needs the next value. If not, the reader calls [`number`](Self::number) only if the
    /// number is as long as a card number, and [`string`](Self::string) only if the string is long or may need a
    /// change.
    fn wants_scalar(&self) -> bool;
    /// Takes a value that is a string.
    fn string(&mut self, string: JsonString<'i>);
    /// Takes a value that is a number, which begins at `at`.
    fn number(&mut self, at: usize, digits: &'i str);
    /// Takes a value that is `true`, `false` or `null`, or a prefix of one of them.
    fn literal(&mut self);
    /// Takes the start of a container, which is the innermost of `depth`.
    fn open(&mut self, depth: usize, container: Container);
    /// Takes the end of a container, which leaves `depth` containers open.
    fn close(&mut self, depth: usize);
    /// Takes the end of a value before `at`, inside of `depth` containers.
    fn end_value(&mut self, at: usize, depth: usize);
    /// Takes the start of another text at `at`, after a complete one.
    fn another_text(&mut self, at: usize);
    /// Takes white space between tokens.
    fn white_space(&mut self, start: usize, end: usize);
    /// Takes the place where the reader stopped. Nothing from `at` on is part of the text.
    fn stop(&mut self, at: usize);
}
