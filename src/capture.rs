//! The capped prefix of one body.

use crate::budget::Lease;

/// The first allocation of a capture, in bytes: most bodies are smaller than a few of these, and a
/// capture of a larger body doubles from here.
const FIRST_GROWTH: usize = 256;

/// Copies the first `limit` bytes of a body and counts all of them.
///
/// The prefix is a copy, never a slice of a chunk: a slice would keep the whole chunk alive.
/// The buffer starts empty and grows with what arrives, never by what a header announced.
#[derive(Debug)]
pub(crate) struct Capture {
    limit: usize,
    bytes: Vec<u8>,
    lease: Lease,
    seen: u64,
    refused: bool,
}

impl Capture {
    pub(crate) fn new(limit: usize, lease: Lease) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            lease,
            seen: 0,
            refused: false,
        }
    }

    /// Changes the limit. A prefix that was already cut shorter stays as it is: what came after
    /// the cut was not kept.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        if self.seen <= self.bytes.len() as u64 || limit < self.limit {
            self.limit = limit;
        }
        self.bytes.truncate(limit);
    }

    /// Counts `chunk`, and keeps of it what is still below the limit.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        let room = self.limit.saturating_sub(self.bytes.len());
        if room == 0 || self.refused {
            return;
        }
        let kept = &chunk[..chunk.len().min(room)];
        if self.make_room(self.bytes.len() + kept.len()) {
            self.bytes.extend_from_slice(kept);
        } else {
            // A shorter prefix would depend on how the body was split into chunks, and what is
            // held is worth more to the other exchanges now.
            self.refused = true;
            self.lease.count_refusal();
            self.forget();
        }
    }

    fn make_room(&mut self, len: usize) -> bool {
        let capacity = self.bytes.capacity();
        if len <= capacity {
            return true;
        }
        let generous = len.max(capacity * 2).max(FIRST_GROWTH).min(self.limit);
        let granted = [generous, len]
            .into_iter()
            .find(|target| self.lease.grow(target - capacity));
        granted.is_some_and(|target| {
            let more = target - self.bytes.len();
            self.bytes.try_reserve_exact(more).is_ok()
        })
    }

    /// Keeps nothing from here on, and gives back what was held; counting goes on.
    pub(crate) fn forget(&mut self) {
        self.limit = 0;
        self.bytes = Vec::new();
        self.lease.release();
    }

    /// All bytes that passed, kept or not.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The first `min(limit, seen)` bytes, or none if the budget had no room for them.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// The memory budget had no room for this prefix.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::budget::Budget;

    fn capture(limit: usize) -> Capture {
        Capture::new(limit, Lease::unlimited())
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_prefix_for_any_chunking(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12),
            limit in 0_usize..3000,
        ) {
            let budget = Arc::new(Budget::new(usize::MAX));
            let mut capture = Capture::new(limit, Lease::new(Arc::clone(&budget)));
            for chunk in &chunks {
                capture.push(chunk);
            }
            let whole = chunks.concat();
            prop_assert_eq!(capture.kept(), &whole[..whole.len().min(limit)]);
            prop_assert_eq!(capture.seen(), whole.len() as u64);
            prop_assert_eq!(capture.bytes.capacity(), budget.used());
            prop_assert!(budget.peak() <= limit);
            drop(capture);
            prop_assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn nothing_is_allocated_before_bytes_arrive_or_with_a_limit_of_zero() {
        let mut none = capture(0);
        none.push(b"abc");
        assert_eq!((none.kept().len(), none.bytes.capacity()), (0, 0));
        assert_eq!(none.seen(), 3);
        assert_eq!(capture(4096).bytes.capacity(), 0);
    }

    #[test]
    fn a_capture_without_room_lets_go_of_all_it_held_and_counts_on() {
        let budget = Arc::new(Budget::new(300));
        let mut capture = Capture::new(4096, Lease::new(Arc::clone(&budget)));
        capture.push(&[1; 200]);
        assert_eq!(budget.used(), 256);
        capture.push(&[1; 200]);
        assert!(capture.refused() && capture.kept().is_empty());
        assert_eq!((budget.used(), budget.refusals()), (0, 1));
        capture.push(&[1; 10]);
        assert_eq!((capture.seen(), budget.refusals()), (410, 1));
    }

    #[test]
    fn the_exact_size_is_tried_where_doubling_does_not_fit() {
        let budget = Arc::new(Budget::new(300));
        let mut capture = Capture::new(4096, Lease::new(Arc::clone(&budget)));
        capture.push(&[1; 250]);
        capture.push(&[1; 50]);
        assert_eq!(capture.kept().len(), 300);
        assert_eq!(budget.used(), 300);
    }

    #[test]
    fn a_raised_limit_does_not_leave_a_hole_after_a_cut() {
        let mut cut = capture(2);
        cut.push(b"abc");
        cut.set_limit(10);
        cut.push(b"def");
        assert_eq!(cut.kept(), b"ab");

        let mut uncut = capture(4);
        uncut.push(b"abc");
        uncut.set_limit(5);
        uncut.push(b"def");
        assert_eq!(uncut.kept(), b"abcde");

        let mut lowered = capture(4);
        lowered.push(b"abc");
        lowered.set_limit(1);
        lowered.push(b"d");
        assert_eq!(lowered.kept(), b"a");
    }
}
