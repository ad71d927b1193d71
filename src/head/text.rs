//! The text of the heads, which is copied unchanged and sanitized when a record needs it.

use std::mem;

use wide::u8x16;

use crate::{
    record::part::HeadPart,
    redact::text::has_trigger,
    util::{
        bytes::{self, class},
        text,
    },
};

/// Returns a mask of the bytes that are not printable ASCII or must be escaped in JSON.
#[inline(always)]
fn is_special(block: u8x16) -> u8x16 {
    !class::within(block, b' ', b'~') | class::is_escaped(block)
}

/// The maximum size of a buffer that is kept for the next exchange, in bytes. Nearly all heads need less.
const MAX_KEPT_TEXT: usize = 1024;

/// Returns the length of the longest prefix of `bytes` that has at most `max` bytes and does not cut a UTF-8 character.
fn len_up_to(bytes: &[u8], max: usize) -> usize {
    if bytes.len() <= max {
        return bytes.len();
    }
    let last = bytes[..=max].iter().rev().take(4);
    let continuations = last.take_while(|&&byte| byte & 0xc0 == 0x80).count();
    max - continuations.min(max)
}

/// One buffer for many short texts.
///
/// Most heads are never recorded, and nearly all are plain ASCII. So bytes are copied unchecked, and
/// [`finish`](Self::finish) checks all of them at once.
#[derive(Debug, Default)]
pub(crate) struct HeadText {
    /// The copied bytes. Empty after [`finish`](Self::finish).
    raw: Vec<u8>,
    /// The sanitized text. Empty before [`finish`](Self::finish).
    text: String,
    /// A buffer for a replacement.
    spare: String,
    /// Set if all copied bytes are printable ASCII, so `text` has them at the same positions.
    is_printable_ascii: bool,
    /// Set if no character of the text must be escaped in JSON.
    is_plain: bool,
}

impl HeadText {
    /// Appends at most `max` of `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8], max: usize) -> HeadPart {
        let len = len_up_to(bytes, max);
        let start = self.raw.len();
        self.raw.extend_from_slice(&bytes[..len]);
        HeadPart {
            start: start as u32,
            len: len as u16,
            max: max as u16,
            cut: len < bytes.len(),
        }
    }

    /// Appends a byte that belongs to no part.
    pub(crate) fn push_mark(&mut self, mark: u8) {
        self.raw.push(mark);
    }

    /// Returns the number of bytes that were copied.
    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Discards the bytes from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.raw.truncate(len);
    }

    /// Shortens a part to at most `max` bytes.
    pub(crate) fn cut(&self, part: &mut HeadPart, max: usize) {
        let len = len_up_to(self.raw(*part), max) as u16;
        part.cut |= len < part.len;
        part.len = len;
    }

    /// Continues in `buffer`, which must be empty. Returns the earlier buffer.
    pub(crate) fn replace_buffer(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        mem::replace(&mut self.raw, buffer)
    }

    /// Moves the copied bytes into `buffer`, which must be empty. Returns the earlier buffer, empty.
    pub(crate) fn move_into(&mut self, mut buffer: Vec<u8>) -> Vec<u8> {
        let len = self.raw.len();
        // If a small buffer grows from a power of two, it is kept for the next exchange. Of a large head, the budget
        // has counted the length.
        buffer.reserve_exact(len.next_power_of_two().min(MAX_KEPT_TEXT).max(len));
        buffer.extend_from_slice(&self.raw);
        let mut earlier = self.replace_buffer(buffer);
        earlier.clear();
        earlier
    }

    /// Frees the unused memory of a buffer that is too large to be kept for the next exchange.
    pub(crate) fn shrink(&mut self) {
        if self.raw.capacity() > MAX_KEPT_TEXT {
            self.raw.shrink_to(MAX_KEPT_TEXT);
        }
    }

    /// Discards everything, and keeps each buffer that has at most `max_kept` bytes.
    pub(crate) fn clear(&mut self, max_kept: usize) {
        let text = mem::take(&mut self.text);
        if self.raw.capacity() == 0 {
            self.raw = text.into_bytes();
        }
        self.raw.clear();
        let max_kept = max_kept.min(MAX_KEPT_TEXT);
        if self.raw.capacity() > max_kept {
            self.raw = Vec::new();
        }
        if self.spare.capacity() > max_kept {
            self.spare = String::new();
        }
    }

    /// Sanitizes the copied bytes, which are those of `parts`. Bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn finish<'p>(&mut self, parts: impl Iterator<Item = &'p mut HeadPart>) {
        let raw = mem::take(&mut self.raw);
        self.is_plain = bytes::find(&raw, is_special).is_none();
        self.is_printable_ascii =
            self.is_plain || bytes::find(&raw, |block| !class::within(block, b' ', b'~')).is_none();
        if self.is_printable_ascii {
            // The bytes are ASCII, so this never fails.
            self.text = String::from_utf8(raw).unwrap_or_default();
            return;
        }
        self.text.clear();
        for part in parts {
            let start = self.text.len();
            text::push_lossy(&mut self.text, &raw[part.range()], part.max.into());
            *part = self.appended(start, *part);
            // U+FFFD is longer than the byte it replaces, so the end may be missing.
            part.cut |= part.len.saturating_add(3) >= part.max;
        }
    }

    /// Returns the sanitized text with all its parts. The text is empty before [`finish`](Self::finish).
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether all copied bytes are printable ASCII, so that the parts are where they were copied to.
    pub(crate) fn is_printable_ascii(&self) -> bool {
        self.is_printable_ascii
    }

    /// Returns whether no character must be escaped in JSON.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns whether `part` may have a secret after its first `start` bytes.
    pub(crate) fn may_have_secret(&self, part: HeadPart, start: usize) -> bool {
        // Text that follows a bracket and is not a port may be user information.
        !self.is_printable_ascii || part.cut || has_trigger(&self.get(part)[start..], [b'['], [])
    }

    /// Appends text that replaces `part`. Call this after [`finish`](Self::finish).
    pub(crate) fn replace(&mut self, part: &mut HeadPart, shown: &str) {
        let start = self.text.len();
        let shown = text::cut(shown, part.max.into());
        if bytes::find(shown.as_bytes(), is_special).is_none() {
            self.text.push_str(shown);
        } else {
            let shown = text::sanitize(shown);
            self.is_plain &= bytes::find(shown.as_bytes(), class::is_escaped).is_none();
            self.text.push_str(&shown);
        }
        *part = self.appended(start, *part);
    }

    /// Returns an empty buffer for a replacement. Give it back with [`put_spare`](Self::put_spare).
    pub(crate) fn take_spare(&mut self) -> String {
        mem::take(&mut self.spare)
    }

    /// Clears a buffer and puts it back.
    pub(crate) fn put_spare(&mut self, mut spare: String) {
        spare.clear();
        self.spare = spare;
    }

    /// Appends a character that belongs to no part. Call this after [`finish`](Self::finish).
    pub(crate) fn add_mark(&mut self, mark: char) {
        self.text.push(mark);
    }

    /// Appends a part again. Call this after [`finish`](Self::finish).
    pub(crate) fn repeat(&mut self, part: &mut HeadPart) {
        let start = self.text.len();
        self.text.extend_from_within(part.range());
        *part = self.appended(start, *part);
    }

    /// Returns `part` with the range of the text that was appended since `start`.
    fn appended(&self, start: usize, part: HeadPart) -> HeadPart {
        HeadPart {
            start: start as u32,
            len: (self.text.len() - start) as u16,
            ..part
        }
    }

    /// Returns the bytes of a part as they were copied. Empty after [`finish`](Self::finish).
    pub(crate) fn raw(&self, part: HeadPart) -> &[u8] {
        self.raw.get(part.range()).unwrap_or_default()
    }

    /// Returns the sanitized text of a part. Empty before [`finish`](Self::finish).
    pub(crate) fn get(&self, part: HeadPart) -> &str {
        self.text.get(part.range()).unwrap_or_default()
    }
}
