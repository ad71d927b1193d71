//! A part of the text of a head.

use std::ops::Range;

/// A part of the text of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadPart {
    pub(crate) start: u32,
    pub(crate) len: u16,
    /// The maximum number of bytes that a record shows of this part.
    pub(crate) max: u16,
    /// Set if the original was longer than the copy.
    pub(crate) cut: bool,
}

impl HeadPart {
    /// Returns the range of the part in the text.
    pub(crate) fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.len)
    }

    pub(crate) fn len(self) -> usize {
        self.len.into()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Returns the part that begins with `self` and ends with `last`.
    pub(crate) fn up_to(self, last: HeadPart) -> Self {
        Self {
            len: (last.range().end - self.range().start) as u16,
            ..self
        }
    }
}
