//! Which containers are open, one bit each.

use crate::capture::budget::Lease;

const INLINE_WORDS: usize = 2;
const INLINE_DEPTH: usize = INLINE_WORDS * 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Object,
    Array,
}

impl Container {
    /// What ends one.
    #[inline(always)]
    pub(crate) fn end(self) -> u8 {
        match self {
            Self::Object => b'}',
            Self::Array => b']',
        }
    }
}

/// A stack of bits: a hostile document of n opening brackets costs n / 8 bytes, taken from the
/// memory budget, and no recursion. Ordinary documents fit into the inline words.
#[derive(Debug)]
pub(crate) struct Nesting {
    depth: usize,
    inline: [u64; INLINE_WORDS],
    heap: Vec<u64>,
    lease: Lease,
}

impl Nesting {
    pub(crate) fn new(lease: Lease) -> Self {
        Self {
            depth: 0,
            inline: [0; INLINE_WORDS],
            heap: Vec::new(),
            lease,
        }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn top(&self) -> Option<Container> {
        let at = self.depth.checked_sub(1)?;
        let word = match at.checked_sub(INLINE_DEPTH) {
            None => self.inline[at / 64],
            Some(at) => self.heap[at / 64],
        };
        Some(if word >> (at % 64) & 1 == 1 {
            Container::Object
        } else {
            Container::Array
        })
    }

    /// False if the budget has no room for a deeper stack.
    #[must_use]
    pub(crate) fn push(&mut self, container: Container) -> bool {
        let at = self.depth;
        let word = match at.checked_sub(INLINE_DEPTH) {
            None => &mut self.inline[at / 64],
            Some(above) => {
                if above / 64 == self.heap.len() && !Self::deepen(&mut self.heap, &mut self.lease) {
                    return false;
                }
                &mut self.heap[above / 64]
            }
        };
        let bit = 1 << (at % 64);
        match container {
            Container::Object => *word |= bit,
            Container::Array => *word &= !bit,
        }
        self.depth += 1;
        true
    }

    fn deepen(heap: &mut Vec<u64>, lease: &mut Lease) -> bool {
        if heap.len() == heap.capacity() {
            let more = heap.capacity().max(8);
            if !lease.grow(more * size_of::<u64>()) || heap.try_reserve_exact(more).is_err() {
                return false;
            }
        }
        heap.push(0);
        true
    }

    pub(crate) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub(crate) fn count_refusal(&self) {
        self.lease.count_refusal();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::budget::Budget;

    proptest! {
        #[test]
        fn it_is_a_stack(moves in prop::collection::vec(prop::option::weighted(0.9, any::<bool>()), 0..2000)) {
            let mut nesting = Nesting::new(Lease::unlimited());
            let mut model = Vec::new();
            for step in moves {
                match step {
                    Some(object) => {
                        let container = if object { Container::Object } else { Container::Array };
                        prop_assert!(nesting.push(container));
                        model.push(container);
                    }
                    None => {
                        nesting.pop();
                        model.pop();
                    }
                }
                prop_assert_eq!(nesting.top(), model.last().copied());
                prop_assert_eq!(nesting.depth(), model.len());
            }
        }
    }

    #[test]
    fn depth_is_paid_for_from_the_budget() {
        let budget = Arc::new(Budget::new(64));
        let mut nesting = Nesting::new(Lease::new(Arc::clone(&budget)));
        let mut depth = 0;
        while nesting.push(Container::Array) {
            depth += 1;
        }
        assert_eq!(depth, INLINE_DEPTH + 8 * 64);
        assert_eq!(budget.used(), 64);
        drop(nesting);
        assert_eq!(budget.used(), 0);
    }
}
