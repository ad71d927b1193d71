//! A cache of the answers whether short keys are sensitive.

use std::{cell::Cell, ops::Deref};

use crate::{redact::names::Names, util::bytes::BLOCK};

/// The number of pairs of slots. A hash of 7 bits selects a pair.
const PAIRS: usize = 128;

/// The sensitive names of a logger, and the cache of answers for keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redactor<'r> {
    names: &'r Names,
    keys: &'r KeyCache,
}

impl<'r> Redactor<'r> {
    pub(crate) fn new(names: &'r Names, keys: &'r KeyCache) -> Self {
        Self { names, keys }
    }

    /// Returns whether the value of the key in the first `len` bytes of `block` is hidden. Returns `None` if the answer
    /// is not in the cache. `len` must be less than the length of a block.
    pub(crate) fn known_key(&self, block: &[u8; BLOCK], len: usize) -> Option<bool> {
        // Use a table, because a shift of 128 bits by a variable takes many instructions.
        const MASKS: [u128; BLOCK] = {
            let mut masks = [0; BLOCK];
            let mut len = 1;
            while len < BLOCK {
                masks[len] = masks[len - 1] << 8 | 0xff;
                len += 1;
            }
            masks
        };
        let bytes = u128::from_le_bytes(*block) & MASKS[len];
        debug_assert_eq!(self.keys.names.get(), self.names.id());
        self.keys.get(tagged(bytes, len, Kind::Field))
    }

    /// Drops the answers for other names. Call this before [`known_key`](Self::known_key), and do not use the cache
    /// with other names in between.
    pub(crate) fn prepare(&self) {
        self.keys.prepare(self.names.id());
    }

    /// Stores whether the value of this key is hidden.
    pub(crate) fn remember_key(&self, key: &str, is_sensitive: bool) {
        if let Some(key) = short_key(key, Kind::Field) {
            self.prepare();
            self.keys.put(key, is_sensitive);
        }
    }

    /// Returns whether the value of this key of a query is hidden. The key must be decoded.
    pub(crate) fn is_sensitive_in_query(&self, key: &str) -> bool {
        let Some(short) = short_key(key, Kind::Query) else {
            return self.names.is_sensitive_in_query(key);
        };
        self.prepare();
        self.keys.get(short).unwrap_or_else(|| {
            let is_sensitive = self.names.is_sensitive_in_query(key);
            self.keys.put(short, is_sensitive);
            is_sensitive
        })
    }
}

impl Deref for Redactor<'_> {
    type Target = Names;

    fn deref(&self) -> &Names {
        self.names
    }
}

/// The kind of a key. A query has more sensitive names than a field, so the answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Field = 0,
    Query = 1,
}

/// The answers for short keys. An API sends the same keys repeatedly, and a lookup compares 16 bytes with two slots.
///
/// Each key has two slots, which it shares with other keys. The slots hold the last two keys that were stored, so that
/// two keys that share their slots can alternate. The cache never grows, whatever keys a client sends: it takes 4 KiB.
#[derive(Debug)]
pub(crate) struct KeyCache {
    /// The id of the names that the answers are for.
    names: Cell<u64>,
    /// For each slot, the bytes of a key as a number, the first byte lowest. Keys are shorter than 16 bytes, so the
    /// last byte holds the length, the kind and the answer. The last byte is 0 in a free slot.
    slots: Box<[[Cell<u128>; 2]]>,
}

/// The bit of a slot whose key is not sensitive.
const NOT_SENSITIVE: u128 = 1 << 120;
/// The bit of a slot whose key is sensitive.
const SENSITIVE: u128 = 2 << 120;

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self {
            names: Cell::new(0),
            slots: vec![[const { Cell::new(0) }; 2]; PAIRS].into(),
        }
    }

    fn prepare(&self, names: u64) {
        if self.names.replace(names) != names {
            self.slots.iter().flatten().for_each(|slot| slot.set(0));
        }
    }

    fn get(&self, key: u128) -> Option<bool> {
        let [first, second] = self.slots(key);
        for slot in [first, second] {
            let answer = slot.get() ^ key;
            if answer & !(NOT_SENSITIVE | SENSITIVE) == 0 && answer != 0 {
                return Some(answer == SENSITIVE);
            }
        }
        None
    }

    fn put(&self, key: u128, is_sensitive: bool) {
        let answer = match is_sensitive {
            true => SENSITIVE,
            false => NOT_SENSITIVE,
        };
        let [first, second] = self.slots(key);
        second.set(first.replace(key | answer));
    }

    /// Returns the two slots of a key.
    fn slots(&self, key: u128) -> &[Cell<u128>; 2] {
        // Fibonacci hashing of both halves.
        let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
        &self.slots[(folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize]
    }
}

/// Returns a key as a number, if the key is short enough for the cache.
fn short_key(key: &str, kind: Kind) -> Option<u128> {
    let mut block = [0; BLOCK];
    let len = key.len();
    let bytes = block[..BLOCK - 1].get_mut(..len)?;
    bytes.copy_from_slice(key.as_bytes());
    Some(tagged(u128::from_le_bytes(block), len, kind))
}

/// Returns the bytes of a key with its length and kind in the last byte.
fn tagged(bytes: u128, len: usize, kind: Kind) -> u128 {
    bytes | (len as u128) << 122 | (kind as u128) << 126
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(redactor: &Redactor<'_>, key: &str) -> Option<bool> {
        let mut block = [b'x'; BLOCK];
        block[..key.len()].copy_from_slice(key.as_bytes());
        redactor.prepare();
        redactor.known_key(&block, key.len())
    }

    #[test]
    fn key_is_cached_until_the_names_change() {
        let (mut names, keys) = (Names::default(), KeyCache::new());
        let known = |names: &Names, key| known(&Redactor::new(names, &keys), key);
        assert_eq!(known(&names, "name"), None);
        let redactor = Redactor::new(&names, &keys);
        redactor.remember_key("name", false);
        redactor.remember_key("pin", true);
        redactor.remember_key("", false);
        for (key, expected) in [
            ("name", Some(false)),
            ("pin", Some(true)),
            ("", Some(false)),
            ("pi", None),
            ("pin\0", None),
        ] {
            assert_eq!(known(&names, key), expected, "{key:?}");
            assert_eq!(known(&names.clone(), key), expected, "{key:?}");
        }
        names.redact("name");
        assert_eq!(known(&names, "name"), None);
        // Answers for the names of one logger are not used for another logger.
        Redactor::new(&names, &keys).remember_key("name", true);
        assert_eq!(known(&names, "name"), Some(true));
        assert_eq!(known(&Names::default(), "name"), None);
        assert_eq!(known(&names, "name"), None);
    }

    #[test]
    fn the_last_two_keys_of_a_pair_of_slots_are_cached() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        let slots = |key: &str| keys.slots(short_key(key, Kind::Field).unwrap()).as_ptr();
        let all = (0..5000).map(|nth| nth.to_string());
        let [a, b, c] = {
            let mut same = all.filter(|key| slots(key) == slots("0"));
            std::array::from_fn(|_| same.next().unwrap())
        };
        for key in [&a, &b, &c] {
            redactor.remember_key(key, true);
        }
        assert_eq!(known(&redactor, &a), None);
        assert_eq!(known(&redactor, &b), Some(true));
        assert_eq!(known(&redactor, &c), Some(true));
    }

    #[test]
    fn answer_for_one_key_is_never_returned_for_another_key() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        for nth in 0..5000 {
            redactor.remember_key(&nth.to_string(), nth % 3 == 0);
        }
        let mut hits = 0;
        for nth in 0..5000 {
            if let Some(known) = known(&redactor, &nth.to_string()) {
                assert_eq!(known, nth % 3 == 0, "{nth}");
                hits += 1;
            }
        }
        assert!(hits > PAIRS, "{hits}");
    }

    #[test]
    fn keys_of_all_lengths_are_distinct_and_long_keys_are_not_cached() {
        let letters = "abcdefghijklmnop";
        for len in 0..=BLOCK {
            let (names, keys) = (Names::default(), KeyCache::new());
            let redactor = Redactor::new(&names, &keys);
            redactor.remember_key(&letters[..len], true);
            for other in 0..BLOCK {
                let known = known(&redactor, &letters[..other]);
                let expected = (other == len).then_some(true);
                assert_eq!(known, expected, "{len} {other}");
            }
        }
    }

    #[test]
    fn answers_for_query_keys_and_fields_are_separate() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        redactor.remember_key("sig", false);
        for _ in 0..2 {
            assert!(redactor.is_sensitive_in_query("sig"));
            assert_eq!(known(&redactor, "sig"), Some(false));
        }
    }
}
