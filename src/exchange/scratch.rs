//! The key cache with which one worker makes records.

use crate::redact::key_cache::KeyCache;

/// What the records of one worker share.
pub(crate) struct Scratch {
    pub(crate) keys: KeyCache,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            keys: KeyCache::new(),
        }
    }
}
