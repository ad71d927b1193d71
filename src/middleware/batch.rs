//! The exchanges of one worker that wait for their records, which are made in a row.
//!
//! Between two requests, the kernel and actix-web evict the code that makes records from the caches of the processor. In
//! a row, only the first record pays for that.

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
    exchanges: RefCell<VecDeque<Rc<Exchange>>>,
    /// The number of bytes that the exchanges hold.
    held: Cell<usize>,
    /// The time at which the first exchange ended.
    since: Cell<Option<Instant>>,
    /// The number of exchanges that were put aside so far.
    count: Cell<u32>,
}

impl Batch {
    pub(super) fn push(&self, exchange: Rc<Exchange>, held: usize, ended: Instant) {
        self.exchanges.borrow_mut().push_back(exchange);
        self.held.set(self.held.get() + held);
        self.count.set(self.count.get().wrapping_add(1));
        if self.since.get().is_none() {
            self.since.set(Some(ended));
        }
    }

    /// Takes the exchange that has waited longest.
    pub(super) fn pop(&self) -> Option<Rc<Exchange>> {
        let exchange = self.exchanges.borrow_mut().pop_front();
        if exchange.is_none() {
            self.held.set(0);
            self.since.set(None);
        }
        exchange
    }

    /// Returns the number of exchanges that were put aside so far.
    pub(super) fn count(&self) -> u32 {
        self.count.get()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since.get().is_none()
    }

    /// Returns whether the records must be made now.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.exchanges.borrow().len() >= MAX_BATCH_LEN
            || self.held.get() >= MAX_BATCH_BYTES
            || self.is_old(now)
    }

    /// Returns whether an exchange has waited long enough.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        let since = self.since.get();
        since.is_some_and(|since| now.saturating_duration_since(since) >= MAX_BATCH_DELAY)
    }
}
