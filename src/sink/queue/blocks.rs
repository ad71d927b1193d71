//! Memory of the queued lines.

use std::{collections::VecDeque, mem};

/// Maximum size of a block, in bytes: some dozens of records.
const MAX_BLOCK: usize = 64 * 1024;

/// Lines in blocks of memory, so that a line needs no allocation of its own.
pub(super) struct Blocks {
    blocks: VecDeque<Vec<u8>>,
    /// A free block.
    spare: Option<Vec<u8>>,
    /// Bytes of memory of all blocks, including those that are being written.
    held: usize,
    limit: usize,
    /// Size of a block if there is room for it.
    block: usize,
}

impl Blocks {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            spare: None,
            held: 0,
            limit,
            block: MAX_BLOCK.min(limit / 16),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn is_half_full(&self) -> bool {
        self.held > self.limit / 2
    }

    /// Appends a line. Returns false, and appends nothing, if there is no room.
    ///
    /// A line spans at most two blocks, so each block contains the end of a line.
    pub(super) fn push(&mut self, line: &[u8]) -> bool {
        let last = self.blocks.back();
        let room = last.map_or(0, |last| last.capacity() - last.len());
        let (first, rest) = line.split_at(room.min(line.len()));
        if !rest.is_empty() {
            let Some(mut block) = self.block(rest.len()) else {
                return false;
            };
            block.extend_from_slice(rest);
            if let Some(last) = self.blocks.back_mut() {
                last.extend_from_slice(first);
            }
            self.blocks.push_back(block);
        } else if let Some(last) = self.blocks.back_mut() {
            last.extend_from_slice(first);
        }
        true
    }

    /// Returns an empty block of at least `len` bytes.
    fn block(&mut self, len: usize) -> Option<Vec<u8>> {
        if let Some(spare) = self.spare.take() {
            if spare.capacity() >= len {
                return Some(spare);
            }
            self.held -= spare.capacity();
        }
        let left = self.limit.saturating_sub(self.held);
        // If there is no room for a whole block, use what is left.
        let capacity = self.block.min(left).max(len);
        if capacity > left {
            return None;
        }
        let block = Vec::with_capacity(capacity);
        self.held += block.capacity();
        Some(block)
    }

    /// Moves all blocks to `blocks`, to be written.
    pub(super) fn take(&mut self, blocks: &mut VecDeque<Vec<u8>>) {
        mem::swap(&mut self.blocks, blocks);
        if let Some(last) = blocks.back_mut() {
            // Free the unused memory while the block is being written.
            self.held -= last.capacity();
            last.shrink_to_fit();
            self.held += last.capacity();
        }
    }

    /// Takes back a written block.
    pub(super) fn give_back(&mut self, mut block: Vec<u8>) {
        if self.spare.is_none() && block.capacity() == self.block {
            block.clear();
            self.spare = Some(block);
        } else {
            self.held -= block.capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_hold_all_lines_that_fit_within_the_memory_limit(
            limit in 0_usize..4000,
            steps in prop::collection::vec(prop_oneof![9 => (1_usize..300).prop_map(Some), 1 => Just(None)], 0..200),
        ) {
            let mut blocks = Blocks::new(limit);
            let mut taken = VecDeque::<Vec<u8>>::new();
            let (mut pushed, mut seen) = (Vec::new(), Vec::new());
            let mut waiting = 0;
            for step in steps {
                let memory = |blocks: &Blocks, taken: &VecDeque<Vec<u8>>| {
                    let all = blocks.blocks.iter().chain(&blocks.spare).chain(taken);
                    all.map(Vec::capacity).sum::<usize>()
                };
                match step {
                    Some(len) => {
                        let mut line = vec![b'x'; len];
                        line[len - 1] = b'\n';
                        let fits = blocks.push(&line);
                        prop_assert_eq!(fits, waiting + len <= limit);
                        if fits {
                            waiting += len;
                            pushed.extend(line);
                        }
                    }
                    None => {
                        for block in taken.drain(..) {
                            seen.extend_from_slice(&block);
                            waiting -= block.len();
                            blocks.give_back(block);
                        }
                        blocks.take(&mut taken);
                        prop_assert!(taken.iter().all(|block| block.contains(&b'\n')));
                    }
                }
                prop_assert_eq!(memory(&blocks, &taken), blocks.held);
                prop_assert!(blocks.held <= limit);
            }
            for block in taken.iter().chain(&blocks.blocks) {
                seen.extend_from_slice(block);
            }
            prop_assert_eq!(seen, pushed);
        }
    }
}
