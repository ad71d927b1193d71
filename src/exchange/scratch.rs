//! What the exchanges of one worker share.

use std::cell::Cell;

use crate::redact::key_cache::KeyCache;

/// What the exchanges of one worker share.
pub(crate) struct Scratch {
    pub(crate) keys: KeyCache,
    /// An empty buffer into which the head of a request is copied, before it is known how much of it is kept.
    pub(crate) head: Cell<Vec<u8>>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            keys: KeyCache::new(),
            head: Cell::default(),
        }
    }
}
