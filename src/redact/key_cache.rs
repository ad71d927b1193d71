//! Remembers which short keys are sensitive.

use std::{cell::Cell, ops::Deref};

use crate::redact::names::Names;

const SLOTS: usize = 256;
/// The length of the longest key that is remembered, in bytes.
const MAX_LEN: usize = 15;

/// The rules of a logger, and what is known about keys by these rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redactor<'r> {
    names: &'r Names,
    keys: &'r KeyCache,
}

impl<'r> Redactor<'r> {
    pub(crate) fn new(names: &'r Names, keys: &'r KeyCache) -> Self {
        Self { names, keys }
    }

    /// Whether the value of this key is hidden, if that is known.
    pub(crate) fn known_key(&self, key: &str) -> Option<bool> {
        self.keys.get(key, Kind::Field, self.names.id())
    }

    /// Remembers whether the value of this key is hidden.
    pub(crate) fn remember_key(&self, key: &str, is_sensitive: bool) {
        self.keys
            .put(key, Kind::Field, self.names.id(), is_sensitive);
    }

    /// Whether the value of this key of a query is hidden.
    pub(crate) fn is_sensitive_in_query(&self, key: &str) -> bool {
        let id = self.names.id();
        self.keys.get(key, Kind::Query, id).unwrap_or_else(|| {
            let is_sensitive = self.names.is_sensitive_in_query(key);
            self.keys.put(key, Kind::Query, id, is_sensitive);
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

/// Queries have more sensitive names than other fields, so the answers are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Field = 0,
    Query = 1,
}

/// Remembers short keys: an API sends the same keys again and again, and a lookup is one comparison of 16 bytes.
///
/// Each key has one slot, which it shares with others: the last one is remembered. So nothing grows, whatever keys
/// a client sends. It takes 4 KiB.
#[derive(Debug)]
pub(crate) struct KeyCache {
    /// The id of the names that the answers are for.
    names: Cell<u64>,
    /// The bytes of a key as a number, the first byte lowest. The last byte, which no key has, holds the length, the
    /// kind and the answer; it is 0 in a free slot.
    slots: Box<[Cell<u128>]>,
}

const HARMLESS: u128 = 1 << 120;
const SENSITIVE: u128 = 2 << 120;

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self {
            names: Cell::new(0),
            slots: vec![Cell::new(0); SLOTS].into(),
        }
    }

    fn get(&self, key: &str, kind: Kind, names: u64) -> Option<bool> {
        let tagged = tagged(key.as_bytes(), kind)?;
        if self.names.get() != names {
            return None;
        }
        match self.slot(tagged).get() ^ tagged {
            HARMLESS => Some(false),
            SENSITIVE => Some(true),
            _ => None,
        }
    }

    fn put(&self, key: &str, kind: Kind, names: u64, is_sensitive: bool) {
        let Some(tagged) = tagged(key.as_bytes(), kind) else {
            return;
        };
        if self.names.replace(names) != names {
            self.slots.iter().for_each(|slot| slot.set(0));
        }
        let answer = match is_sensitive {
            true => SENSITIVE,
            false => HARMLESS,
        };
        self.slot(tagged).set(tagged | answer);
    }

    fn slot(&self, tagged: u128) -> &Cell<u128> {
        // Fibonacci hashing of both halves.
        let folded = (tagged as u64) ^ ((tagged >> 64) as u64).rotate_left(29);
        &self.slots[(folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize]
    }
}

/// Returns the bytes of a key with its length and kind in the last byte. `None` if the key is too long.
fn tagged(key: &[u8], kind: Kind) -> Option<u128> {
    let bytes = as_number(key)?;
    Some(bytes | (key.len() as u128) << 122 | (kind as u128) << 126)
}

/// Returns the bytes of a key as a number, the first byte lowest. `None` if the key is too long.
fn as_number(key: &[u8]) -> Option<u128> {
    if key.len() > MAX_LEN {
        return None;
    }
    // Two reads that overlap cost less than a copy of unknown length.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_until_the_names_change() {
        let (mut names, keys) = (Names::default(), KeyCache::new());
        let known = |names: &Names, key| Redactor::new(names, &keys).known_key(key);
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
        // The names of another logger neither see nor keep these answers.
        Redactor::new(&names, &keys).remember_key("name", true);
        assert_eq!(known(&names, "name"), Some(true));
        assert_eq!(known(&Names::default(), "name"), None);
    }

    #[test]
    fn many_keys_take_no_more_memory_and_are_never_confused() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        for nth in 0..5000 {
            redactor.remember_key(&nth.to_string(), nth % 3 == 0);
        }
        for nth in 0..5000 {
            let known = redactor.known_key(&nth.to_string());
            assert!(known.is_none_or(|known| known == (nth % 3 == 0)), "{nth}");
        }
    }

    #[test]
    fn keys_of_all_lengths_are_distinct_and_long_keys_are_not_remembered() {
        let letters = "abcdefghijklmnopq";
        for len in 0..=letters.len() {
            let (names, keys) = (Names::default(), KeyCache::new());
            let redactor = Redactor::new(&names, &keys);
            redactor.remember_key(&letters[..len], true);
            for other in 0..=letters.len() {
                let known = redactor.known_key(&letters[..other]);
                let expected = (other == len && len <= MAX_LEN).then_some(true);
                assert_eq!(known, expected, "{len} {other}");
            }
        }
    }

    #[test]
    fn a_key_of_a_query_is_judged_apart_from_a_field() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        redactor.remember_key("sig", false);
        for _ in 0..2 {
            assert!(redactor.is_sensitive_in_query("sig"));
            assert_eq!(redactor.known_key("sig"), Some(false));
        }
    }
}
