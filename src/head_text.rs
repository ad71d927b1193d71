//! Text of a head, copied as it came and made clean when it is needed.

use std::ops::Range;

use crate::{
    scan::{self, class},
    text,
};

/// A piece of a [`HeadText`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    start: u32,
    len: u16,
    /// The most bytes that are shown of it.
    max: u16,
    cut: bool,
}

impl Part {
    fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.len)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// What was copied was longer.
    pub(crate) fn was_cut(self) -> bool {
        self.cut
    }

    /// This part, what was written behind it, and `last`.
    pub(crate) fn up_to(self, last: Part) -> Self {
        Self {
            len: (last.range().end - self.range().start) as u16,
            ..self
        }
    }
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

    /// Forgets everything but the memory.
    pub(crate) fn clear(&mut self) {
        if self.raw.capacity() == 0 {
            self.raw = std::mem::take(&mut self.text).into_bytes();
        }
        self.raw.clear();
        self.text.clear();
    }

    /// The memory that is held, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.raw.capacity() + self.text.capacity()
    }

    /// Makes clean text of what was copied, which is in `parts`; what is not UTF-8 becomes U+FFFD.
    /// True if everything stands where it stood: it was clean.
    pub(crate) fn finish<'p>(&mut self, parts: impl Iterator<Item = &'p mut Part>) -> bool {
        let raw = std::mem::take(&mut self.raw);
        let special = scan::find(&raw, |block| !class::within(block, b' ', b'~'));
        let raw = match special {
            None => match String::from_utf8(raw) {
                Ok(text) => {
                    self.text = text;
                    return true;
                }
                Err(error) => error.into_bytes(),
            },
            Some(_) => raw,
        };
        self.text.clear();
        for part in parts {
            let start = self.text.len();
            text::push_lossy(&mut self.text, &raw[part.range()], part.max.into());
            *part = self.behind(start, *part);
        }
        false
    }

    /// Appends text that takes the place of `part`, once this is finished.
    pub(crate) fn replace(&mut self, part: &mut Part, shown: &str) {
        let start = self.text.len();
        self.push_clean(shown, part.max);
        *part = self.behind(start, *part);
    }

    /// Appends a character that belongs to no part, once this is finished.
    pub(crate) fn add_mark(&mut self, mark: char) {
        self.text.push(mark);
    }

    fn push_clean(&mut self, shown: &str, max: u16) {
        let shown = text::clean(text::cut(shown, max.into()));
        self.text.push_str(&shown);
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
