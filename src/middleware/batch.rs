//! The exchanges of one worker that wait for their records, which are made in a row.
//!
//! Between two requests, the kernel and actix-web evict the code that makes records from the caches of the processor.
//! In a row, only the first record pays for that.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use crate::exchange::Exchange;

/// The maximum number of exchanges that wait.
pub(super) const MAX_BATCH_LEN: usize = 64;
/// The number of bytes held by the waiting exchanges at which their records are made: a quarter of a second-level cache
/// of 512 KiB. Exchanges that no longer fit into that cache are fetched twice.
pub(super) const MAX_BATCH_BYTES: usize = 128 * 1024;
/// The time after which the records of waiting exchanges are made, even if the worker is busy.
const MAX_BATCH_DELAY: Duration = Duration::from_millis(2);

/// The exchanges that wait for their records, in the order in which they ended.
#[derive(Default)]
pub(super) struct Batch {
    waiting: RefCell<VecDeque<Waiting>>,
    /// The number of bytes that the exchanges hold.
    held: Cell<usize>,
    /// The number of exchanges that were put aside so far.
    count: Cell<u32>,
}

struct Waiting {
    exchange: Rc<Exchange>,
    held: usize,
    ended: Instant,
}

impl Batch {
    /// Adds an exchange that holds `held` bytes.
    pub(super) fn push(&self, exchange: Rc<Exchange>, held: usize, ended: Instant) {
        self.waiting.borrow_mut().push_back(Waiting {
            exchange,
            held,
            ended,
        });
        self.held.set(self.held.get() + held);
        self.count.set(self.count.get().wrapping_add(1));
    }

    /// Takes the exchange that has waited longest.
    pub(super) fn pop(&self) -> Option<Rc<Exchange>> {
        let first = self.waiting.borrow_mut().pop_front()?;
        self.held.set(self.held.get() - first.held);
        Some(first.exchange)
    }

    /// Returns the number of exchanges that were put aside so far.
    pub(super) fn count(&self) -> u32 {
        self.count.get()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Returns whether the records must be made now.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.waiting.borrow().len() >= MAX_BATCH_LEN
            || self.held.get() >= MAX_BATCH_BYTES
            || self.is_old(now)
    }

    /// Returns whether an exchange has waited long enough.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        let waiting = self.waiting.borrow();
        let first = waiting.front();
        first.is_some_and(|first| now.saturating_duration_since(first.ended) >= MAX_BATCH_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_by_number_by_size_and_by_time() {
        let start = Instant::now();
        let batch = Batch::default();
        let push = |held| batch.push(Rc::default(), held, start);
        for _ in 1..MAX_BATCH_LEN {
            push(0);
        }
        assert!(!batch.is_full(start));
        push(0);
        assert!(batch.is_full(start));
        assert!(batch.pop().is_some());
        push(MAX_BATCH_BYTES - 1);
        while batch.waiting.borrow().len() > 1 {
            batch.pop();
        }
        assert!(!batch.is_full(start));
        push(1);
        assert!(batch.is_full(start));
        assert!(batch.pop().is_some());
        assert!(!batch.is_full(start + MAX_BATCH_DELAY - Duration::from_nanos(1)));
        assert!(batch.is_full(start + MAX_BATCH_DELAY));
        assert!(batch.pop().is_some());
        assert!(batch.is_empty() && batch.pop().is_none());
        assert!(!batch.is_full(start + MAX_BATCH_DELAY));
    }
}
