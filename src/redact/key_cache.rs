//! What was found out about names.

use std::{cell::Cell, thread::LocalKey};

use crate::{redact::names::Names, util::scratch};

const SLOTS: usize = 256;
/// A key of this many bytes leaves one for the verdict.
const MAX_LEN: usize = 15;

thread_local! {
    static OF_JSON: Cell<Option<Box<KeyMemo>>> = const { Cell::new(None) };
    static OF_QUERIES: Cell<Option<Box<KeyMemo>>> = const { Cell::new(None) };
}

/// Remembers short keys, since most keys of an API come again and again: judging a name takes about
/// 280 instructions, asking here is one comparison of 16 bytes.
///
/// Each key has one slot, which the last one takes: nothing grows, whatever keys a client thinks up.
/// 4 KiB a thread.
#[derive(Debug)]
pub(crate) struct KeyMemo {
    /// The names that the verdicts are by.
    names: u64,
    /// The bytes of a key as a number, the first one lowest. In the last one, which no key has, four times
    /// the length, which tells keys apart that end with NULs, and the verdict: 1 for a harmless one and 2
    /// for a sensitive one; 0 if the slot is free.
    slots: [u128; SLOTS],
}

impl KeyMemo {
    /// Calls `f` with what this thread knows of the keys of JSON objects. Where that is in use, `f` gets
    /// one of its own.
    pub(crate) fn with<T>(names: &Names, f: impl FnOnce(&mut Self) -> T) -> T {
        Self::kept(&OF_JSON, names, f)
    }

    /// The same for the keys of queries, which are judged by more names.
    pub(crate) fn with_queries<T>(names: &Names, f: impl FnOnce(&mut Self) -> T) -> T {
        Self::kept(&OF_QUERIES, names, f)
    }

    fn kept<T>(
        kept: &'static LocalKey<Cell<Option<Box<Self>>>>,
        names: &Names,
        f: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut memo = scratch::take(kept).unwrap_or_else(|| {
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
        scratch::put(kept, Some(memo));
        value
    }

    /// Whether the key is sensitive, if that is known.
    pub(crate) fn get(&self, key: &str) -> Option<bool> {
        let bytes = as_number(key.as_bytes())?;
        match self.slots[slot(bytes)] ^ with_len(bytes, key.len()) {
            HARMLESS => Some(false),
            SENSITIVE => Some(true),
            _ => None,
        }
    }

    /// True if the key is sensitive, by what is known or else by `judge`.
    pub(crate) fn is_sensitive(&mut self, key: &str, judge: impl FnOnce(&str) -> bool) -> bool {
        self.get(key).unwrap_or_else(|| {
            let is_sensitive = judge(key);
            self.put(key, is_sensitive);
            is_sensitive
        })
    }

    pub(crate) fn put(&mut self, key: &str, is_sensitive: bool) {
        let Some(bytes) = as_number(key.as_bytes()) else {
            return;
        };
        let verdict = match is_sensitive {
            true => SENSITIVE,
            false => HARMLESS,
        };
        self.slots[slot(bytes)] = with_len(bytes, key.len()) | verdict;
    }
}

/// The bytes of a key that can be remembered, the first one lowest.
#[inline]
fn as_number(key: &[u8]) -> Option<u128> {
    if key.len() > MAX_LEN {
        return None;
    }
    // Two reads that overlap, in place of a copy of any length.
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        let above = last.unbounded_shr(8 * (16 - key.len() as u32));
        return Some(u128::from(above) << 64 | u128::from(first));
    }
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        let above = last.unbounded_shr(8 * (8 - key.len() as u32));
        return Some((u64::from(above) << 32 | u64::from(first)).into());
    }
    let bytes = key.iter().rev();
    Some(bytes.fold(0, |number, &byte| number << 8 | u128::from(byte)))
}

/// `bytes` with the length in the last one.
#[inline(always)]
fn with_len(bytes: u128, len: usize) -> u128 {
    bytes | (len as u128) << 122
}

const HARMLESS: u128 = 1 << 120;
const SENSITIVE: u128 = 2 << 120;

#[inline(always)]
fn slot(bytes: u128) -> usize {
    // Fibonacci hashing of both halves.
    let folded = (bytes as u64) ^ ((bytes >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(memo: &KeyMemo, key: &str) -> Option<bool> {
        memo.get(key)
    }

    #[test]
    fn a_key_is_known_until_another_takes_its_slot_or_the_names_change() {
        let mut names = Names::default();
        KeyMemo::with(&names, |memo| {
            assert_eq!(get(memo, "name"), None);
            memo.put("name", false);
            memo.put("pin", true);
            assert_eq!(get(memo, "name"), Some(false));
            assert_eq!(get(memo, "pin"), Some(true));
            assert_eq!(get(memo, "pi"), None);
            assert_eq!(get(memo, ""), None);
            memo.put("", false);
            assert_eq!(get(memo, ""), Some(false));
        });
        KeyMemo::with(&names.clone(), |memo| {
            assert_eq!(get(memo, "name"), Some(false));
            for nth in 0..2000 {
                memo.put(&nth.to_string(), false);
            }
            assert_eq!(get(memo, "pin"), None);
            memo.put("name", false);
        });
        names.redact("name");
        KeyMemo::with(&names, |memo| assert_eq!(get(memo, "name"), None));
    }

    #[test]
    fn a_key_that_is_too_long_is_not_remembered() {
        KeyMemo::with(&Names::default(), |memo| {
            for len in [15, 16, 17] {
                let key = "k".repeat(len);
                memo.put(&key, true);
                assert_eq!(get(memo, &key).is_some(), len <= MAX_LEN);
            }
        });
    }

    #[test]
    fn keys_of_all_lengths_are_told_apart() {
        let letters = "abcdefghijklmno";
        for len in 0..=MAX_LEN {
            let key = &letters[..len];
            let number = key
                .bytes()
                .rev()
                .fold(0, |number, byte| number << 8 | u128::from(byte));
            assert_eq!(as_number(key.as_bytes()), Some(number), "{key}");
            KeyMemo::with_queries(&Names::default(), |memo| {
                assert!(memo.is_sensitive(key, |_| true));
                assert!(memo.is_sensitive(key, |_| false));
                assert_eq!(get(memo, key), Some(true));
            });
        }
        assert_eq!(as_number(&[b'k'; 16]), None);
    }

    #[test]
    fn a_key_with_a_nul_is_not_taken_for_another() {
        KeyMemo::with_queries(&Names::default(), |memo| {
            for _ in 0..2 {
                assert!(!memo.is_sensitive("pin\0", |_| false));
                assert!(memo.is_sensitive("pin", |_| true));
            }
        });
    }

    #[test]
    fn within_itself_it_begins_anew() {
        let names = Names::default();
        KeyMemo::with(&names, |outer| {
            outer.put("name", false);
            KeyMemo::with(&names, |inner| assert_eq!(get(inner, "name"), None));
            assert_eq!(get(outer, "name"), Some(false));
        });
    }
}
