//! The capped prefix of one body.

use crate::capture::budget::{Budget, Share};

/// The first allocation of a capture, in bytes. For a larger body, the allocation is doubled.
const FIRST_GROWTH: usize = 256;

/// The first `limit` bytes of a body, and the number of all its bytes.
///
/// The prefix is a copy, never a slice of a chunk, because a slice would keep the whole chunk alive. The buffer grows
/// with the bytes that arrive, never with the length that a header announced, and each growth is taken from the budget.
///
/// A capture does not reference the budget, which saves the exchange a counted reference. So a capture must be
/// [cleared](Self::clear) before it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    limit: usize,
    bytes: Vec<u8>,
    /// The bytes that are taken from the budget. The buffer may be larger, because it may come from an earlier
    /// exchange.
    share: Share,
    /// The number of bytes of the body so far, kept or not.
    seen: u64,
    /// Set if the budget had no room for the prefix.
    refused: bool,
}

impl Capture {
    /// Begins another body, with another limit.
    pub(crate) fn restart(&mut self, limit: usize, budget: &Budget) {
        self.clear(usize::MAX, budget);
        self.limit = limit;
    }

    /// Drops the prefix, and gives back the bytes that were taken from the budget. A buffer of at most `max_kept` bytes
    /// is kept for another body.
    pub(crate) fn clear(&mut self, max_kept: usize, budget: &Budget) {
        let mut bytes = self.release(budget);
        bytes.clear();
        *self = Self::default();
        if bytes.capacity() <= max_kept {
            self.bytes = bytes;
        }
    }

    /// Changes the limit. If the prefix was cut, the limit is not raised, because the bytes after the cut were not
    /// kept.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        if self.seen <= self.bytes.len() as u64 || limit < self.limit {
            self.limit = limit;
        }
        self.bytes.truncate(limit);
    }

    /// Counts `chunk`, and keeps the part of it that is below the limit. If the budget has no room for that part, drops
    /// the prefix, keeps nothing from then on, and returns false.
    ///
    /// A prefix shorter than the limit is not kept, because its length would depend on how the body was split into
    /// chunks, and because other exchanges need the memory more.
    pub(crate) fn push(&mut self, chunk: &[u8], budget: &Budget) -> bool {
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        if self.is_full() {
            return true;
        }
        let kept = &chunk[..chunk.len().min(self.limit - self.bytes.len())];
        if self.make_room(self.bytes.len() + kept.len(), budget) {
            self.bytes.extend_from_slice(kept);
            return true;
        }
        self.refused = true;
        budget.count_refusal();
        self.forget(budget);
        false
    }

    /// Makes the buffer large enough for `len` bytes. Returns false if the budget has no room for them.
    fn make_room(&mut self, len: usize, budget: &Budget) -> bool {
        let taken = self.share.bytes();
        if len <= taken {
            return true;
        }
        let preferred = len.max(taken * 2).max(FIRST_GROWTH).min(self.limit);
        let granted = [preferred, len]
            .into_iter()
            .find(|&target| self.share.resize(target, budget));
        let Some(target) = granted else {
            return false;
        };
        let more = target - self.bytes.len();
        self.bytes.try_reserve_exact(more).is_ok()
    }

    /// Drops the prefix, and keeps nothing from now on. Bytes are still counted.
    pub(crate) fn forget(&mut self, budget: &Budget) {
        self.limit = 0;
        self.release(budget);
    }

    /// Gives back the bytes that were taken from the budget, and returns the buffer.
    fn release(&mut self, budget: &Budget) -> Vec<u8> {
        self.share.resize(0, budget);
        std::mem::take(&mut self.bytes)
    }

    /// Counts bytes that were not pushed.
    pub(crate) fn count(&mut self, bytes: u64) {
        self.seen = self.seen.saturating_add(bytes);
    }

    /// Returns whether a push only counts, because the prefix is complete or was refused.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= self.limit || self.refused
    }

    /// Returns the number of bytes of the body so far, kept or not.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns the first `min(limit, seen)` bytes, or an empty slice if the budget had no room for them.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of bytes that are taken from the budget.
    pub(crate) fn taken(&self) -> usize {
        self.share.bytes()
    }

    /// Returns whether the budget had no room for the prefix.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn capture(limit: usize) -> (Capture, Budget) {
        (limited(limit), Budget::new(usize::MAX))
    }

    fn limited(limit: usize) -> Capture {
        let mut capture = Capture::default();
        capture.set_limit(limit);
        capture
    }

    proptest! {
        #[test]
        fn the_prefix_does_not_depend_on_chunks(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..12),
            limit in 0_usize..3000,
            spare in prop_oneof![Just(0), 0_usize..5000],
        ) {
            let budget = Budget::new(usize::MAX);
            let mut capture = limited(limit);
            capture.bytes = Vec::with_capacity(spare);
            for chunk in &chunks {
                prop_assert!(capture.push(chunk, &budget));
            }
            let whole = chunks.concat();
            prop_assert_eq!(capture.kept(), &whole[..whole.len().min(limit)]);
            prop_assert_eq!(capture.seen(), whole.len() as u64);
            prop_assert_eq!(capture.bytes.capacity(), budget.used().max(spare));
            prop_assert!(budget.peak() <= limit);
            capture.clear(1000, &budget);
            prop_assert!(capture.bytes.capacity() <= 1000 && capture.seen() == 0);
            prop_assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn nothing_is_allocated_before_bytes_arrive_or_with_a_limit_of_0() {
        let (mut none, budget) = capture(0);
        none.push(b"abc", &budget);
        assert_eq!((none.kept().len(), none.bytes.capacity()), (0, 0));
        assert_eq!(none.seen(), 3);
        assert_eq!(capture(4096).0.bytes.capacity(), 0);
    }

    #[test]
    fn refused_capture_drops_its_prefix_and_still_counts() {
        let budget = Budget::new(300);
        let mut capture = limited(4096);
        assert!(capture.push(&[1; 200], &budget));
        assert_eq!(budget.used(), 256);
        assert!(!capture.push(&[1; 200], &budget));
        assert!(capture.refused() && capture.kept().is_empty());
        assert_eq!((budget.used(), budget.refusals()), (0, 1));
        assert!(capture.push(&[1; 10], &budget));
        assert_eq!((capture.seen(), budget.refusals()), (410, 1));
    }

    #[test]
    fn the_exact_size_is_taken_if_the_budget_has_no_room_for_doubling() {
        let budget = Budget::new(300);
        let mut capture = limited(4096);
        capture.push(&[1; 250], &budget);
        capture.push(&[1; 50], &budget);
        assert_eq!(capture.kept().len(), 300);
        assert_eq!(budget.used(), 300);
    }

    #[test]
    fn raising_the_limit_after_a_cut_keeps_no_later_bytes() {
        let (mut cut, budget) = capture(2);
        cut.push(b"abc", &budget);
        cut.set_limit(10);
        cut.push(b"def", &budget);
        assert_eq!(cut.kept(), b"ab");

        let (mut uncut, budget) = capture(4);
        uncut.push(b"abc", &budget);
        uncut.set_limit(5);
        uncut.push(b"def", &budget);
        assert_eq!(uncut.kept(), b"abcde");

        let (mut lowered, budget) = capture(4);
        lowered.push(b"abc", &budget);
        lowered.set_limit(1);
        lowered.push(b"d", &budget);
        assert_eq!(lowered.kept(), b"a");
    }
}
