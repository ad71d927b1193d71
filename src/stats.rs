//! The state that all clones of a logger share, on all workers: budget and counters.

use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

use crate::{capture::budget::Budget, util::catch_panic::PanicCounter};

/// Budget and counters.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) budget: Budget,
    pub(crate) records: AtomicU64,
    pub(crate) muted: AtomicU64,
    pub(crate) quiet: AtomicU64,
    pub(crate) excluded: AtomicU64,
    pub(crate) sampled_out: AtomicU64,
    pub(crate) panics: PanicCounter,
    /// Set once the warning that nothing is redacted has been logged.
    pub(crate) warned_of_redaction: AtomicBool,
    /// Set once the warning that a body cannot be decoded has been logged.
    pub(crate) warned_of_coding: AtomicBool,
    in_flight: AtomicUsize,
    waiting: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget: Budget::new(budget),
            ..Self::default()
        }
    }

    /// Counts an exchange that begins.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, SeqCst);
    }

    /// Counts an exchange that has ended, and whose record is made later.
    pub(crate) fn put_aside(&self) {
        // In this order, so that `is_idle` never misses the exchange.
        self.waiting.fetch_add(1, SeqCst);
        self.in_flight.fetch_sub(1, SeqCst);
    }

    /// Counts an exchange that has released its part of the budget.
    pub(crate) fn leave(&self, was_waiting: bool) {
        match was_waiting {
            true => self.waiting.fetch_sub(1, SeqCst),
            false => self.in_flight.fetch_sub(1, SeqCst),
        };
    }

    /// Returns whether no exchange is in flight or waits for its record.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.load(SeqCst) == 0 && self.waiting.load(SeqCst) == 0
    }

    /// Takes a snapshot. `lost` is the number of records that the sinks lost.
    pub(crate) fn stats(&self, lost: u64) -> Stats {
        Stats {
            in_flight: self.in_flight.load(SeqCst),
            waiting: self.waiting.load(SeqCst),
            budget_limit: self.budget.limit(),
            budget_used: self.budget.used(),
            budget_peak: self.budget.peak(),
            budget_refusals: self.budget.refusals(),
            records: self.records.load(Relaxed),
            muted: self.muted.load(Relaxed),
            quiet: self.quiet.load(Relaxed),
            excluded: self.excluded.load(Relaxed),
            sampled_out: self.sampled_out.load(Relaxed),
            sink_panics: self.panics.count(),
            sink_losses: lost,
        }
    }
}

/// A snapshot of the counters of a logger and all its clones.
///
/// Each counter is exact. The counters are read one after the other, so they may not add up while requests run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Exchanges that have begun and not yet ended.
    pub in_flight: usize,
    /// Exchanges that have ended and wait for their record, because all sinks [defer](crate::Sink::deferred).
    pub waiting: usize,
    /// The memory budget, in bytes.
    pub budget_limit: usize,
    /// Bytes that all exchanges hold that are in flight or wait for their record.
    pub budget_used: usize,
    /// The maximum of [`budget_used`](Self::budget_used) so far. Never above the limit, unless
    /// [`memory_budget`](crate::BodyLog::memory_budget) lowered the limit later.
    pub budget_peak: usize,
    /// Bodies, heads, fields, users and errors that were discarded because the budget had no room for them.
    pub budget_refusals: u64,
    /// Records that were passed to at least one sink.
    pub records: u64,
    /// Exchanges without a record because no sink was enabled for their level. If no sink is enabled for
    /// [`Level::Error`](log::Level::Error), requests pass through and are not counted.
    pub muted: u64,
    /// Successful exchanges without a record because of [`quiet`](crate::BodyLog::quiet) or
    /// [`quiet_if`](crate::BodyLog::quiet_if).
    pub quiet: u64,
    /// Requests left out by [`exclude`](crate::BodyLog::exclude) or [`exclude_if`](crate::BodyLog::exclude_if).
    pub excluded: u64,
    /// Records of successful exchanges that [`sample`](crate::BodyLog::sample) left out.
    pub sampled_out: u64,
    /// Caught panics of sinks, hooks and other foreign code (the `Display` of an error, a subscriber of `tracing`).
    pub sink_panics: u64,
    /// Records that sinks [lost](crate::Sink::lost): they could not be written, or too many waited.
    pub sink_losses: u64,
}
