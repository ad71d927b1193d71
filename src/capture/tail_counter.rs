//! Counts the rest of a body of which the prefix is kept.

use std::cell::Cell;

/// Counts the bytes after the captured prefix, so that each chunk costs one addition.
///
/// It counts nothing before the prefix is complete, and nothing after the exchange.
#[derive(Debug, Default)]
pub(crate) struct TailCounter {
    is_counting: Cell<bool>,
    bytes: Cell<u64>,
}

impl TailCounter {
    /// Counts a chunk. False if the chunk is not part of the tail, and was not counted.
    #[inline]
    pub(crate) fn count(&self, chunk: &[u8]) -> bool {
        let is_counting = self.is_counting.get();
        if is_counting {
            // Nobody sends 2^64 bytes.
            self.bytes.set(self.bytes.get() + chunk.len() as u64);
        }
        is_counting
    }

    /// Begins to count if the prefix is complete.
    pub(crate) fn begin(&self, is_complete: bool) {
        self.is_counting.set(is_complete);
    }

    /// Stops counting, and returns the bytes that were counted.
    pub(crate) fn take(&self) -> u64 {
        self.is_counting.set(false);
        self.bytes.take()
    }
}
