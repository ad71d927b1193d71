//! What was found out about keys.

use std::cell::Cell;

use crate::{names::Names, scratch};

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is shown as it is, and so is its value unless that tells otherwise.
    Harmless,
    /// It is shown as it is, and its value is not.
    Sensitive,
}

const SLOTS: usize = 256;
/// A key of this many bytes leaves one for the verdict.
const MAX_LEN: usize = 15;

thread_local! {
    static MEMO: Cell<Option<Box<KeyMemo>>> = const { Cell::new(None) };
}

/// Remembers short keys, since most keys of an API come again and again: asking here takes a fifth of
/// the instructions of judging a name.
///
/// Each key has one slot, which the last one takes: nothing grows, whatever keys a client thinks up.
/// 4 KiB a thread.
#[derive(Debug)]
pub(crate) struct KeyMemo {
    /// The names that the verdicts are by.
    names: u64,
    /// The bytes of a key, and in the last one, which no key has, 0 for none, 1 for a harmless one
    /// and 2 for a sensitive one.
    slots: [u128; SLOTS],
}

impl KeyMemo {
    /// Calls `f` with the memo of this thread. Where that is in use, `f` gets one of its own.
    pub(crate) fn with<T>(names: &Names, f: impl FnOnce(&mut Self) -> T) -> T {
        let mut memo = scratch::take(&MEMO).unwrap_or_else(|| {
            Box::new(Self {
                names: 0,
                slots: [0; SLOTS],
            })
        });
        if memo.names != names.id() {
            memo.names = names.id();
            memo.slots.fill(0);
        }
        let value = f(&mut memo);
        scratch::put(&MEMO, Some(memo));
        value
    }

    #[inline(always)]
    pub(crate) fn get(&self, key: &str) -> Option<Verdict> {
        let bytes = bytes(key)?;
        let slot = self.slots[slot(bytes)];
        match slot ^ bytes {
            HARMLESS => Some(Verdict::Harmless),
            SENSITIVE => Some(Verdict::Sensitive),
            _ => None,
        }
    }

    pub(crate) fn put(&mut self, key: &str, verdict: Verdict) {
        if let Some(bytes) = bytes(key) {
            self.slots[slot(bytes)] = bytes
                | match verdict {
                    Verdict::Harmless => HARMLESS,
                    Verdict::Sensitive => SENSITIVE,
                };
        }
    }
}

const HARMLESS: u128 = 1 << 120;
const SENSITIVE: u128 = 2 << 120;

/// The bytes of a key as a number; `None` if there are too many. No two keys have the same: there is
/// no NUL in a key that was not escaped.
#[inline(always)]
fn bytes(key: &str) -> Option<u128> {
    if key.len() > MAX_LEN {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..key.len()].copy_from_slice(key.as_bytes());
    Some(u128::from_le_bytes(bytes))
}

#[inline(always)]
fn slot(bytes: u128) -> usize {
    // Fibonacci hashing of both halves.
    let folded = (bytes as u64) ^ ((bytes >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_until_another_takes_its_slot_or_the_names_change() {
        let mut names = Names::default();
        KeyMemo::with(&names, |memo| {
            assert_eq!(memo.get("name"), None);
            memo.put("name", Verdict::Harmless);
            memo.put("pin", Verdict::Sensitive);
            assert_eq!(memo.get("name"), Some(Verdict::Harmless));
            assert_eq!(memo.get("pin"), Some(Verdict::Sensitive));
            assert_eq!(memo.get("pi"), None);
            assert_eq!(memo.get(""), None);
            memo.put("", Verdict::Harmless);
            assert_eq!(memo.get(""), Some(Verdict::Harmless));
        });
        KeyMemo::with(&names.clone(), |memo| {
            assert_eq!(memo.get("name"), Some(Verdict::Harmless));
            for nth in 0..2000 {
                memo.put(&nth.to_string(), Verdict::Harmless);
            }
            assert_eq!(memo.get("pin"), None);
            memo.put("name", Verdict::Harmless);
        });
        names.redact("name");
        KeyMemo::with(&names, |memo| assert_eq!(memo.get("name"), None));
    }

    #[test]
    fn a_key_that_is_too_long_is_not_remembered() {
        KeyMemo::with(&Names::default(), |memo| {
            for len in [15, 16, 17] {
                let key = "k".repeat(len);
                memo.put(&key, Verdict::Sensitive);
                assert_eq!(memo.get(&key).is_some(), len <= MAX_LEN);
            }
        });
    }

    #[test]
    fn within_itself_it_begins_anew() {
        let names = Names::default();
        KeyMemo::with(&names, |outer| {
            outer.put("name", Verdict::Harmless);
            KeyMemo::with(&names, |inner| assert_eq!(inner.get("name"), None));
            assert_eq!(outer.get("name"), Some(Verdict::Harmless));
        });
    }
}
