//! Lists of names that are asked for every key of every body: most answers are no, and quick.

/// Whole names, behind a filter: a name of another length or beginning is told apart by one bit.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    list: Vec<Box<str>>,
    filter: Filter,
}

impl Whole {
    pub(crate) fn new(names: &[&str]) -> Self {
        let mut whole = Self {
            list: Vec::new(),
            filter: Filter::default(),
        };
        names.iter().for_each(|name| whole.push(name));
        whole
    }

    pub(crate) fn push(&mut self, name: &str) {
        self.filter.add(Self::hash(name));
        self.list.push(name.into());
    }

    pub(crate) fn remove(&mut self, name: &str) {
        // The filter may go on saying "maybe".
        self.list.retain(|listed| **listed != *name);
    }

    fn hash(name: &str) -> u8 {
        let [first, .., last] = name.as_bytes() else {
            return 0;
        };
        first ^ last.rotate_left(3) ^ (name.len() as u8).rotate_left(5)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Any of them is part of `text`.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        self.list.iter().any(|name| text.contains(&**name))
    }

    #[inline]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.filter.may_have(Self::hash(name)) && self.list.iter().any(|listed| **listed == *name)
    }
}

/// Parts of names, behind a filter of the pairs of bytes that they begin with.
#[derive(Clone, Debug)]
pub(crate) struct Fragments {
    list: Vec<Box<str>>,
    filter: Filter,
    /// One of them has less than two bytes: nothing can be told from a pair.
    unfiltered: bool,
}

impl Fragments {
    pub(crate) fn new(fragments: &[&str]) -> Self {
        let mut parts = Self {
            list: Vec::new(),
            filter: Filter::default(),
            unfiltered: false,
        };
        fragments.iter().for_each(|part| parts.push(part));
        parts
    }

    pub(crate) fn push(&mut self, fragment: &str) {
        match fragment.as_bytes() {
            [first, second, ..] => self.filter.add(Self::hash(*first, *second)),
            _ => self.unfiltered = true,
        }
        self.list.push(fragment.into());
    }

    pub(crate) fn remove(&mut self, fragment: &str) {
        self.list.retain(|listed| **listed != *fragment);
    }

    fn hash(first: u8, second: u8) -> u8 {
        first ^ second.rotate_left(3)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Any of them is part of `name`.
    #[inline]
    pub(crate) fn occur_in(&self, name: &str) -> bool {
        let mut pairs = name.as_bytes().windows(2);
        (self.unfiltered || pairs.any(|pair| self.filter.may_have(Self::hash(pair[0], pair[1]))))
            && self.list.iter().any(|part| name.contains(&**part))
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Filter([u64; 4]);

impl Filter {
    fn add(&mut self, hash: u8) {
        self.0[usize::from(hash >> 6)] |= 1 << (hash & 63);
    }

    #[inline]
    fn may_have(&self, hash: u8) -> bool {
        self.0[usize::from(hash >> 6)] >> (hash & 63) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_filter_changes_no_answer(
            list in prop::collection::vec("[a-c]{0,4}", 0..6),
            removed in "[a-c]{0,2}",
            name in "[a-d]{0,8}",
        ) {
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let mut whole = Whole::new(&list);
            let mut fragments = Fragments::new(&list);
            whole.remove(&removed);
            fragments.remove(&removed);
            let left = || list.iter().filter(|&&listed| listed != removed);
            prop_assert_eq!(whole.has(&name), left().any(|&listed| listed == name));
            let part = left().any(|&listed| name.contains(listed));
            prop_assert_eq!(fragments.occur_in(&name), part);
        }
    }
}
