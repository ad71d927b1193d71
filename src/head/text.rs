//! Text of a head, copied as it came and made clean when it is needed.

use std::ops::Range;

use wide::u8x16;

use crate::{
    redact::text::{is_trigger, may_be_trigger},
    util::{
        bytes::{self, BLOCK, class},
        part::Part,
        text,
    },
};

/// What a look at all of a text found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    /// Everything is printable ASCII, and stands where it stood.
    pub(crate) is_clean: bool,
    /// Nothing of it has to be escaped in JSON either.
    is_plain: bool,
    /// A bit for each byte at which a secret could be noticed; behind a bracket, where the address of a
    /// host would stand, also by what follows it.
    interesting: [u64; Self::WORDS],
}

impl Looks {
    /// Longer heads are looked at part by part.
    const WORDS: usize = 12;

    fn at(raw: &[u8]) -> Self {
        let mut looks = Self {
            is_clean: true,
            is_plain: true,
            interesting: [!0; Self::WORDS],
        };
        let (words, rest) = raw.as_chunks::<{ u64::BITS as usize }>();
        if words.len() >= Self::WORDS {
            looks.is_plain = bytes::find(raw, is_special).is_none();
        } else {
            let mut last = [b' '; u64::BITS as usize];
            last[..rest.len()].copy_from_slice(rest);
            let mut found = u8x16::ZERO;
            let words = words.iter().chain([&last]);
            for (nth, (word, interesting)) in words.zip(&mut looks.interesting).enumerate() {
                let mut bits = 0;
                for block in word.as_chunks::<BLOCK>().0.iter().rev() {
                    let block = u8x16::new(*block);
                    found |= is_special(block);
                    let seen = may_be_trigger(block) | class::is(block, b'[');
                    bits = bits << BLOCK | u64::from(seen.to_bitmask());
                }
                *interesting = confirmed(raw, nth * word.len(), bits);
            }
            looks.is_plain = found.to_bitmask() == 0;
        }
        if !looks.is_plain {
            let is_clean = |block| !class::within(block, b' ', b'~');
            looks.is_clean = bytes::find(raw, is_clean).is_none();
        }
        looks
    }

    /// A secret could be in `part`, but for its `first` and its `last` bytes.
    #[inline]
    pub(crate) fn need_another(&self, part: Part, first: usize, last: usize) -> bool {
        if !self.is_clean || part.cut {
            return true;
        }
        let Range { start, end } = part.range();
        let (start, end) = (start + first, end - last);
        let place = |at| (at / u64::BITS as usize, at as u32 % u64::BITS);
        let ((first, from), (last, up_to)) = (place(start), place(end));
        let (from, up_to) = (!0 << from, !(!0 << up_to));
        match self.interesting.get(first..=last) {
            Some([one]) => one & from & up_to != 0,
            Some([head, middle @ .., tail]) => {
                head & from != 0 || tail & up_to != 0 || middle.iter().any(|&word| word != 0)
            }
            Some([]) => false,
            None => true,
        }
    }
}

/// What is not printable ASCII, or has to be escaped in JSON.
#[inline(always)]
fn is_special(block: u8x16) -> u8x16 {
    !class::within(block, b' ', b'~') | class::is_escaped(block)
}

/// Those of `bits`, which are for the bytes from `start` on, that are right: `;` and `b` are not.
#[inline(always)]
fn confirmed(raw: &[u8], start: usize, bits: u64) -> u64 {
    let mut confirmed = bits;
    let mut rest = bits;
    while rest != 0 {
        let at = start + rest.trailing_zeros() as usize;
        let others = rest & (rest - 1);
        if raw[at] != b'[' && !is_trigger(raw, at) {
            confirmed ^= rest ^ others;
        }
        rest = others;
    }
    confirmed
}

/// One buffer for many short pieces.
///
/// Most heads are never shown, and nearly all are plain ASCII: so bytes are copied without a look at
/// them, and looked at together at the end.
#[derive(Debug, Default)]
pub(crate) struct HeadText {
    /// As they came; empty once [`finish`](Self::finish) was called.
    raw: Vec<u8>,
    text: String,
    is_plain: bool,
}

impl HeadText {
    /// Appends bytes as they are, up to `max`.
    pub(crate) fn push(&mut self, bytes: &[u8], max: usize) -> Part {
        let mut len = bytes.len().min(max);
        if len < bytes.len() {
            // Not in the middle of a character of UTF-8.
            let next = bytes[..=len].iter().rev().take(4);
            len -= next
                .take_while(|&&byte| byte & 0xc0 == 0x80)
                .count()
                .min(len);
        }
        let start = self.raw.len();
        self.raw.extend_from_slice(&bytes[..len]);
        Part {
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

    /// How much was copied so far.
    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Forgets what was copied behind `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.raw.truncate(len);
    }

    /// Forgets everything, and keeps at most so many bytes of memory.
    pub(crate) fn clear(&mut self, max_kept: usize) {
        let text = std::mem::take(&mut self.text);
        if self.raw.capacity() == 0 {
            self.raw = text.into_bytes();
        }
        self.raw.clear();
        if self.raw.capacity() > max_kept {
            self.raw = Vec::new();
        }
    }

    /// Makes clean text of what was copied, which is in `parts`; what is not UTF-8 becomes U+FFFD.
    pub(crate) fn finish<'p>(&mut self, parts: impl Iterator<Item = &'p mut Part>) -> Looks {
        let raw = std::mem::take(&mut self.raw);
        let mut looks = Looks::at(&raw);
        self.is_plain = looks.is_plain;
        let raw = match looks.is_clean {
            true => match String::from_utf8(raw) {
                Ok(text) => {
                    self.text = text;
                    return looks;
                }
                Err(error) => error.into_bytes(),
            },
            false => raw,
        };
        self.text.clear();
        for part in parts {
            let start = self.text.len();
            text::push_lossy(&mut self.text, &raw[part.range()], part.max.into());
            *part = self.behind(start, *part);
            // What is no UTF-8 becomes longer, and then the end may be missing.
            part.cut |= part.len.saturating_add(3) >= part.max;
        }
        looks.is_clean = false;
        looks
    }

    /// Returns the clean text with all its parts; empty before [`finish`](Self::finish).
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Nothing has to be escaped in JSON, as far as is known.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Appends text that takes the place of `part`, once this is finished.
    pub(crate) fn replace(&mut self, part: &mut Part, shown: &str) {
        let start = self.text.len();
        let shown = text::cut(shown, part.max.into());
        if bytes::find(shown.as_bytes(), is_special).is_none() {
            self.text.push_str(shown);
        } else {
            let shown = text::clean(shown);
            self.is_plain &= bytes::find(shown.as_bytes(), class::is_escaped).is_none();
            self.text.push_str(&shown);
        }
        *part = self.behind(start, *part);
    }

    /// Appends a character that belongs to no part, once this is finished.
    pub(crate) fn add_mark(&mut self, mark: char) {
        self.text.push(mark);
    }

    /// Appends a part again, once this is finished.
    pub(crate) fn repeat(&mut self, part: &mut Part) {
        let start = self.text.len();
        self.text.extend_from_within(part.range());
        *part = self.behind(start, *part);
    }

    /// What was appended since `start`, in place of `part`.
    fn behind(&self, start: usize, part: Part) -> Part {
        Part {
            start: start as u32,
            len: (self.text.len() - start) as u16,
            ..part
        }
    }

    /// A part of clean text: nothing before [`finish`](Self::finish).
    pub(crate) fn get(&self, part: Part) -> &str {
        self.text.get(part.range()).unwrap_or_default()
    }
}
