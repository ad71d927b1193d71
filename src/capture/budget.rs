//! The memory that all exchanges may hold together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A number of bytes that all workers share.
///
/// The counters publish no other memory, so `Relaxed` is enough. There is no lock.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    limit: AtomicUsize,
    used: AtomicUsize,
    peak: AtomicUsize,
    refusals: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: AtomicUsize::new(limit),
            ..Self::default()
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    pub(crate) fn is_half_used(&self) -> bool {
        self.used() > self.limit() / 2
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Relaxed)
    }

    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Relaxed);
    }

    /// Takes `bytes` from the budget. Takes nothing and returns false if the budget has no room for all of them.
    ///
    /// This is a compare-and-swap, because add-and-check would exceed the limit until the check.
    fn take(&self, bytes: usize) -> bool {
        let limit = self.limit();
        let taken = self.used.fetch_update(Relaxed, Relaxed, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= limit)
        });
        if let Ok(before) = taken
            // Load first, because the peak rarely changes, and a load costs less than an atomic maximum.
            && self.peak() < before + bytes
        {
            self.peak.fetch_max(before + bytes, Relaxed);
        }
        taken.is_ok()
    }

    /// Gives back bytes that were [taken](Self::take).
    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }
}

/// The bytes that one owner has taken from a budget.
///
/// A share does not reference the budget, which saves each owner a counted reference. So a share must be resized to 0
/// before it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share(usize);

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.0
    }

    /// Takes bytes from the budget or gives bytes back, so that the share has `bytes` bytes. Changes nothing and
    /// returns false if the budget has no room for them.
    pub(crate) fn resize(&mut self, bytes: usize, budget: &Budget) -> bool {
        if bytes < self.0 {
            budget.give_back(self.0 - bytes);
        } else if bytes > self.0 && !budget.take(bytes - self.0) {
            return false;
        }
        self.0 = bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_bytes_are_not_taken() {
        let budget = Budget::new(10);
        assert!(budget.take(6));
        assert!(!budget.take(5));
        assert_eq!((budget.used(), budget.peak()), (6, 6));
        assert!(budget.take(4));
        assert_eq!((budget.used(), budget.peak()), (10, 10));
    }

    #[test]
    fn the_peak_stays_when_bytes_are_given_back() {
        let budget = Budget::new(10);
        assert!(budget.take(7));
        budget.give_back(7);
        assert_eq!((budget.used(), budget.peak()), (0, 7));
    }

    #[test]
    fn bytes_whose_sum_overflows_are_refused() {
        let budget = Budget::new(usize::MAX);
        assert!(budget.take(1));
        assert!(!budget.take(usize::MAX));
    }

    #[test]
    fn many_threads_never_exceed_the_limit() {
        let budget = Budget::new(1000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for size in 1..400 {
                        let taken = budget.take(size);
                        assert!(budget.used() <= 1000);
                        if taken {
                            budget.give_back(size);
                        }
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
        assert!(budget.peak() <= 1000);
    }
}
