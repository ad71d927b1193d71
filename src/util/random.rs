//! Numbers that nobody can guess, for what has to be unique or left to chance, and is no secret.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

thread_local! {
    static KEYS: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// A keyed hash of a counter. Each thread has keys of its own, from the operating system.
pub(crate) fn random() -> u64 {
    let next = KEYS.try_with(|(keys, count)| {
        count.set(count.get().wrapping_add(1));
        keys.hash_one(count.get())
    });
    // A thread that is nearly over.
    next.unwrap_or_else(|_| RandomState::new().hash_one(0))
}
