//! The memory that all captures in flight may hold together.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

/// A byte allowance shared by every worker.
///
/// Plain counters: no memory is published through them, so `Relaxed` is enough, and there is no
/// lock on the path of a chunk.
#[derive(Debug)]
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
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            refusals: AtomicU64::new(0),
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

    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.load(Relaxed)
    }

    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Relaxed);
    }

    /// Takes `bytes`, or nothing.
    ///
    /// Compare-and-swap rather than add-and-check: `used` must never be seen above the limit, not
    /// even for the moment in which a refused request is taken back.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let limit = self.limit();
        let taken = self.used.fetch_update(Relaxed, Relaxed, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= limit)
        });
        if let Ok(before) = taken
            // Read first: the peak is seldom passed, and a write would take the cache line from the
            // other workers each time.
            && self.peak() < before + bytes
        {
            self.peak.fetch_max(before + bytes, Relaxed);
        }
        taken.is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Relaxed);
        }
    }
}

/// A share of a [`Budget`], given back when dropped: on every path, unwinding included.
pub(crate) struct Lease {
    budget: Option<Arc<Budget>>,
    bytes: usize,
}

impl Lease {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget: Some(budget),
            bytes: 0,
        }
    }

    /// For work that is not held across an await point, and so is not in flight.
    pub(crate) fn unlimited() -> Self {
        Self {
            budget: None,
            bytes: 0,
        }
    }

    /// Takes `more` bytes on top; false if the budget has no room for all of them.
    #[must_use]
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        if let Some(budget) = &self.budget {
            if !budget.take(more) {
                return false;
            }
            self.bytes += more;
        }
        true
    }

    pub(crate) fn release(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(std::mem::take(&mut self.bytes));
        }
    }

    pub(crate) fn count_refusal(&self) {
        if let Some(budget) = &self.budget {
            budget.count_refusal();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_share_takes_nothing() {
        let budget = Arc::new(Budget::new(10));
        let mut first = Lease::new(Arc::clone(&budget));
        let mut second = Lease::new(Arc::clone(&budget));
        assert!(first.grow(6));
        assert!(!second.grow(5));
        assert_eq!((budget.used(), budget.peak()), (6, 6));
        assert!(second.grow(4));
        assert_eq!((budget.used(), budget.peak()), (10, 10));
    }

    #[test]
    fn a_dropped_lease_gives_everything_back_and_the_peak_stays() {
        let budget = Arc::new(Budget::new(10));
        let mut lease = Lease::new(Arc::clone(&budget));
        assert!(lease.grow(3) && lease.grow(4));
        drop(lease);
        assert_eq!((budget.used(), budget.peak()), (0, 7));
    }

    #[test]
    fn an_unwinding_owner_gives_everything_back() {
        let budget = Arc::new(Budget::new(10));
        let mut lease = Lease::new(Arc::clone(&budget));
        assert!(lease.grow(3));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _lease = lease;
            panic!("the owner fails");
        }));
        assert!(caught.is_err());
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn an_overflowing_request_is_refused() {
        let budget = Arc::new(Budget::new(usize::MAX));
        let mut lease = Lease::new(Arc::clone(&budget));
        assert!(lease.grow(1));
        assert!(!lease.grow(usize::MAX));
    }

    #[test]
    fn the_sum_never_passes_the_limit_with_many_threads() {
        let budget = Arc::new(Budget::new(1000));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for size in 1..400 {
                        let mut lease = Lease::new(Arc::clone(&budget));
                        let _ = lease.grow(size);
                        assert!(budget.used() <= 1000);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
        assert!(budget.peak() <= 1000);
    }
}
