//! A cache of the classes of short names.

use std::{cell::Cell, ops::Deref};

use crate::{
    redact::{listed::NameClass, names::Names},
    util::bytes::{BLOCK, padded},
};

/// The number of pairs of slots. A hash of 7 bits selects a pair.
const PAIRS: usize = 128;

/// The redaction rules of a logger, with the cache of classes for short keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redactor<'r> {
    names: &'r Names,
    keys: &'r KeyCache,
    is_request: bool,
}

impl<'r> Redactor<'r> {
    pub(crate) fn new(names: &'r Names, keys: &'r KeyCache) -> Self {
        Self {
            names,
            keys,
            is_request: false,
        }
    }

    /// Returns the rules for the body of a request, in which a `code` may be an authorization code.
    pub(crate) fn for_request(self) -> Self {
        Self {
            is_request: true,
            ..self
        }
    }

    /// Returns whether the text is the body of a request.
    pub(crate) fn is_request(&self) -> bool {
        self.is_request
    }

    /// Returns the class of the name in the first `len` bytes of `block`, if it is in the cache. `len` must be less
    /// than the length of a block.
    pub(crate) fn known_key(&self, block: &[u8; BLOCK], len: usize) -> Option<NameClass> {
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
        self.keys.get(tagged(bytes, len))
    }

    /// Drops the answers for other names. Call this before [`known_key`](Self::known_key), and do not use the cache
    /// with other names in between.
    pub(crate) fn prepare(&self) {
        self.keys.prepare(self.names.id());
    }

    /// Returns whether the values of a decoded name are secrets.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        self.class_of(name).is_secret()
    }

    /// Returns the class of a decoded name, and stores it in the cache if the name is short.
    pub(crate) fn class_of(&self, name: &str) -> NameClass {
        let Some(key) = short_key(name) else {
            return self.names.classify(name);
        };
        self.prepare();
        self.keys.get(key).unwrap_or_else(|| {
            let class = self.names.classify(name);
            self.keys.put(key, class);
            class
        })
    }
}

impl Deref for Redactor<'_> {
    type Target = Names;

    fn deref(&self) -> &Names {
        self.names
    }
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
    /// last byte holds the length and the class. The class is 0 in a free slot.
    slots: Box<[[Cell<u128>; 2]]>,
}

/// The number of bits before the class in a slot.
const CLASS_SHIFT: u32 = 120;
/// The bits of the class in a slot.
const CLASS_BITS: u128 = 0xf << CLASS_SHIFT;

impl KeyCache {
    pub(crate) fn new() -> Self {
        Self {
            names: Cell::new(0),
            slots: vec![[const { Cell::new(0) }; 2]; PAIRS].into(),
        }
    }

    fn prepare(&self, names: u64) {
        let last = self.names.replace(names);
        // No names have the id 0: the cache is new, and empty.
        if last != names && last != 0 {
            self.slots.iter().flatten().for_each(|slot| slot.set(0));
        }
    }

    fn get(&self, key: u128) -> Option<NameClass> {
        self.slots(key).iter().find_map(|slot| {
            // Only the class differs if this is the slot of the key.
            let difference = slot.get() ^ key;
            match difference & !CLASS_BITS {
                0 => NameClass::from_number((difference >> CLASS_SHIFT) as u8),
                _ => None,
            }
        })
    }

    fn put(&self, key: u128, class: NameClass) {
        let [first, second] = self.slots(key);
        second.set(first.replace(key | (class as u128) << CLASS_SHIFT));
    }

    /// Returns the two slots of a key.
    fn slots(&self, key: u128) -> &[Cell<u128>; 2] {
        // Fibonacci hashing of both halves.
        let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
        &self.slots[(folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as usize]
    }
}

/// Returns a key as a number, if the key is short enough for the cache.
fn short_key(key: &str) -> Option<u128> {
    let len = key.len();
    (len < BLOCK).then(|| tagged(u128::from_le_bytes(padded(key.as_bytes())), len))
}

/// Returns the bytes of a key with its length in the last byte.
fn tagged(bytes: u128, len: usize) -> u128 {
    bytes | (len as u128) << 124
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(redactor: &Redactor<'_>, key: &str) -> Option<NameClass> {
        let mut block = [b'x'; BLOCK];
        block[..key.len()].copy_from_slice(key.as_bytes());
        redactor.prepare();
        redactor.known_key(&block, key.len())
    }

    #[test]
    fn key_is_cached_until_the_names_change() {
        use NameClass::{Plain, Secret, SecretOfUser};
        let (mut names, keys) = (Names::default(), KeyCache::new());
        let known = |names: &Names, key| known(&Redactor::new(names, &keys), key);
        assert_eq!(known(&names, "title"), None);
        let redactor = Redactor::new(&names, &keys);
        for key in ["title", "pin", ""] {
            redactor.class_of(key);
        }
        for (key, expected) in [
            ("title", Some(Plain)),
            ("pin", Some(Secret)),
            ("", Some(Plain)),
            ("pi", None),
            ("pin\0", None),
        ] {
            assert_eq!(known(&names, key), expected, "{key:?}");
            assert_eq!(known(&names.clone(), key), expected, "{key:?}");
        }
        names.redact("title");
        assert_eq!(known(&names, "title"), None);
        // Answers for the names of one logger are not used for another logger.
        Redactor::new(&names, &keys).class_of("title");
        assert_eq!(known(&names, "title"), Some(SecretOfUser));
        assert_eq!(known(&Names::default(), "title"), None);
        assert_eq!(known(&names, "title"), None);
    }

    #[test]
    fn the_last_two_keys_of_a_pair_of_slots_are_cached() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        let slots = |key: &str| keys.slots(short_key(key).unwrap()).as_ptr();
        let all = (0..5000).map(|nth| nth.to_string());
        let [a, b, c] = {
            let mut same = all.filter(|key| slots(key) == slots("0"));
            std::array::from_fn(|_| same.next().unwrap())
        };
        for key in [&a, &b, &c] {
            redactor.class_of(key);
        }
        assert_eq!(known(&redactor, &a), None);
        assert!(known(&redactor, &b).is_some() && known(&redactor, &c).is_some());
    }

    #[test]
    fn answer_for_one_key_is_never_returned_for_another_key() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        let key = |nth: usize| format!("{}{nth}", ["pin", "a", "name", "tokens"][nth % 4]);
        for nth in 0..5000 {
            redactor.class_of(&key(nth));
        }
        let mut hits = 0;
        for nth in 0..5000 {
            if let Some(known) = known(&redactor, &key(nth)) {
                assert_eq!(known, names.classify(&key(nth)), "{nth}");
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
            redactor.class_of(&letters[..len]);
            for other in 0..BLOCK {
                let known = known(&redactor, &letters[..other]);
                assert_eq!(known.is_some(), other == len, "{len} {other}");
            }
        }
    }

    #[test]
    fn every_class_is_found_by_its_number() {
        for number in 0..16 {
            let class = NameClass::from_number(number);
            assert!(class.is_none_or(|class| class as u8 == number));
        }
        assert_eq!(
            NameClass::from_number(NameClass::Dated as u8),
            Some(NameClass::Dated)
        );
    }
}
