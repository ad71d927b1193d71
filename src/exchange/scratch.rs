//! The buffers and the key cache with which one worker makes records.

use std::cell::Cell;

use crate::redact::key_cache::KeyCache;

/// The maximum capacity of a buffer that is kept for the next record, in bytes.
const MAX_CAPACITY: usize = 16 * 1024;

/// Buffers and caches for the records of one worker, which are made one after the other.
pub(crate) struct Scratch {
    pub(crate) keys: KeyCache,
    /// The buffers for the contents of the two bodies.
    contents: Cell<[String; 2]>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            keys: KeyCache::new(),
            contents: Cell::default(),
        }
    }

    /// Takes the buffers, which are empty. A second call before the buffers are [put back](Self::put_contents) returns
    /// new buffers.
    pub(crate) fn take_contents(&self) -> [String; 2] {
        self.contents.take()
    }

    /// Clears buffers and puts them back.
    pub(crate) fn put_contents(&self, contents: [String; 2]) {
        self.contents.set(contents.map(|mut buffer| {
            if buffer.capacity() > MAX_CAPACITY {
                return String::new();
            }
            buffer.clear();
            buffer
        }));
    }
}
