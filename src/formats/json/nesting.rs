//! The stack of open containers in a JSON text.

/// The maximum number of nested containers that are read. A fixed stack bounds the memory without recursion. The limit
/// of serde_json is 128.
pub(crate) const MAX_DEPTH: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Object,
    Array,
}

impl Container {
    /// Returns the byte that closes the container.
    pub(crate) fn end(self) -> u8 {
        match self {
            Self::Object => b'}',
            Self::Array => b']',
        }
    }
}

/// A stack of containers, one bit each.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    depth: usize,
    /// One bit for each container, which is set for an object.
    words: [u64; MAX_DEPTH / 64],
}

impl Nesting {
    /// Returns the number of open containers.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Returns the innermost open container.
    pub(crate) fn innermost(&self) -> Option<Container> {
        let at = self.depth.checked_sub(1)?;
        Some(match self.words[at / 64] >> (at % 64) & 1 {
            1 => Container::Object,
            _ => Container::Array,
        })
    }

    /// Opens a container. Returns false if the stack is full.
    #[must_use]
    pub(crate) fn push(&mut self, container: Container) -> bool {
        let Some(word) = self.words.get_mut(self.depth / 64) else {
            return false;
        };
        let bit = 1 << (self.depth % 64);
        match container {
            Container::Object => *word |= bit,
            Container::Array => *word &= !bit,
        }
        self.depth += 1;
        true
    }

    /// Closes the innermost container.
    pub(crate) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn containers_are_closed_in_reverse_order(
            steps in prop::collection::vec(prop::option::weighted(0.9, any::<bool>()), 0..2000))
        {
            let mut nesting = Nesting::default();
            let mut model = Vec::new();
            for step in steps {
                match step {
                    Some(object) => {
                        let container = if object { Container::Object } else { Container::Array };
                        let has_room = model.len() < MAX_DEPTH;
                        prop_assert_eq!(nesting.push(container), has_room);
                        if has_room {
                            model.push(container);
                        }
                    }
                    None => {
                        nesting.pop();
                        model.pop();
                    }
                }
                prop_assert_eq!(nesting.innermost(), model.last().copied());
                prop_assert_eq!(nesting.depth(), model.len());
            }
        }
    }
}
