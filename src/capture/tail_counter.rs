//! Counting the part of a body of which nothing is kept.

use std::cell::Cell;

/// Counts the bytes of a body of which no more is kept: nearly all of a large one. With every chunk that
/// is all there is to do.
///
/// It has not begun before an exchange begins, nor once that is over: whoever still holds it then does
/// nothing with it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    has_begun: Cell<bool>,
    bytes: Cell<u64>,
}

impl Past {
    /// False if more than counting has to be done.
    #[inline(always)]
    pub(crate) fn counts(&self, chunk: &[u8]) -> bool {
        let counts = self.has_begun.get();
        if counts {
            // Nobody sends 2^64 bytes.
            self.bytes.set(self.bytes.get() + chunk.len() as u64);
        }
        counts
    }

    pub(crate) fn begin(&self, is_full: bool) {
        self.has_begun.set(is_full);
    }

    /// The bytes that were counted. There may be more to be done from here on.
    pub(crate) fn take(&self) -> u64 {
        self.has_begun.set(false);
        self.bytes.take()
    }
}
