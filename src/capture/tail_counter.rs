//! The counter of the bytes after the kept prefix of a body.

use std::cell::Cell;

/// A counter of the bytes after the captured prefix, so that each chunk after the prefix costs one addition.
///
/// The counter counts nothing before the prefix is complete, and nothing after the exchange has ended.
#[derive(Debug, Default)]
pub(crate) struct TailCounter {
    is_counting: Cell<bool>,
    bytes: Cell<u64>,
}

impl TailCounter {
    /// Counts a chunk. Returns false if the chunk is not part of the tail and was not counted.
    pub(crate) fn count(&self, chunk: &[u8]) -> bool {
        let is_counting = self.is_counting.get();
        if is_counting {
            // No body has 2^64 bytes, so this does not overflow.
            self.bytes.set(self.bytes.get() + chunk.len() as u64);
        }
        is_counting
    }

    /// Starts counting if the prefix is complete.
    pub(crate) fn begin(&self, is_complete: bool) {
        self.is_counting.set(is_complete);
    }

    /// Stops counting, and returns the number of bytes that were counted.
    pub(crate) fn take(&self) -> u64 {
        self.is_counting.set(false);
        self.bytes.take()
    }
}
