//! What all clones of a logger, on all workers, have in common.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Poll, Waker},
};

use crate::{
    capture::budget::Budget,
    util::catch_panic::{PanicCounter, catch_panic},
};

/// Budget and counters.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) budget: Arc<Budget>,
    pub(crate) records: AtomicU64,
    pub(crate) muted: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) sampled_out: AtomicU64,
    pub(crate) panics: PanicCounter,
    /// It was said that nothing is redacted.
    pub(crate) warned: AtomicBool,
    in_flight: AtomicUsize,
    /// Somebody waits for `in_flight` to become 0: the lock is for them only.
    waited_for: AtomicBool,
    waiters: Mutex<Vec<Waker>>,
}

impl Shared {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget: Arc::new(Budget::new(budget)),
            records: AtomicU64::new(0),
            muted: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            sampled_out: AtomicU64::new(0),
            panics: PanicCounter::default(),
            warned: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            waited_for: AtomicBool::new(false),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// An exchange begins.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, SeqCst);
    }

    /// It is over, and gave back what it held.
    pub(crate) fn leave(&self) {
        let last = self.in_flight.fetch_sub(1, SeqCst) == 1;
        if last && self.waited_for.swap(false, SeqCst) {
            let waiters = std::mem::take(&mut *self.waiters());
            for waker in waiters {
                // It is not ours, and we are in a destructor.
                catch_panic(|| waker.wake());
            }
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// Resolves when no exchange is in flight.
    pub(crate) async fn idle(&self) {
        poll_fn(|cx| {
            // Registered before the look at the counter: the exchange that ends in between wakes.
            let mut waiters = self.waiters();
            if !waiters.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiters.push(cx.waker().clone());
            }
            drop(waiters);
            self.waited_for.store(true, SeqCst);
            if self.in_flight() == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn waiters(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `lost` is what the sinks count themselves.
    pub(crate) fn stats(&self, lost: u64) -> Stats {
        Stats {
            in_flight: self.in_flight(),
            budget_limit: self.budget.limit(),
            budget_used: self.budget.used(),
            budget_peak: self.budget.peak(),
            budget_refusals: self.budget.refusals(),
            records: self.records.load(Relaxed),
            muted: self.muted.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            sampled_out: self.sampled_out.load(Relaxed),
            sink_failures: self.panics.count() + lost,
        }
    }
}

/// A snapshot of the counters of a logger and all its clones.
///
/// Each number is right by itself; taken while requests run, they need not agree to the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Exchanges that have begun and not yet ended.
    pub in_flight: usize,
    /// The memory budget, in bytes.
    pub budget_limit: usize,
    /// Bytes that all captures hold now.
    pub budget_used: usize,
    /// The most bytes that all captures ever held at once; never above the limit.
    pub budget_peak: usize,
    /// Captures that were given up because the budget had no room.
    pub budget_refusals: u64,
    /// Records that were handed to at least one sink.
    pub records: u64,
    /// Exchanges whose level no sink wanted.
    pub muted: u64,
    /// Requests left out by [`skip`](crate::BodyLog::skip) or [`skip_if`](crate::BodyLog::skip_if).
    pub skipped: u64,
    /// Records of what succeeded that [`sample`](crate::BodyLog::sample) left out.
    pub sampled_out: u64,
    /// Panics of sinks and hooks, and records that a sink could not hand on.
    pub sink_failures: u64,
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use futures_util::{future::FutureExt, task::noop_waker};

    use super::*;

    #[test]
    fn idle_waits_for_the_last_exchange_and_is_woken_by_it() {
        let shared = Arc::new(Shared::new(0));
        assert!(shared.idle().now_or_never().is_some());

        shared.enter();
        shared.enter();
        let waiting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || block_on_idle(&shared)
        });
        shared.leave();
        assert_eq!(shared.in_flight(), 1);
        shared.leave();
        waiting.join().unwrap();
    }

    fn block_on_idle(shared: &Shared) {
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut idle = std::pin::pin!(shared.idle());
        while idle
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            std::thread::park();
        }
    }

    #[test]
    fn a_waker_that_panics_harms_nobody() {
        struct Broken;
        impl std::task::Wake for Broken {
            fn wake(self: Arc<Self>) {
                panic!("nobody is to be woken");
            }
        }
        let shared = Shared::new(0);
        shared.enter();
        let waker = Waker::from(Arc::new(Broken));
        let mut idle = std::pin::pin!(shared.idle());
        assert!(
            idle.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        shared.leave();
        assert_eq!(shared.in_flight(), 0);
    }

    #[test]
    fn everybody_who_waits_is_woken() {
        let shared = Arc::new(Shared::new(0));
        shared.enter();
        let mut one = std::pin::pin!(shared.idle());
        let mut two = std::pin::pin!(shared.idle());
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        assert!(one.as_mut().poll(&mut cx).is_pending());
        assert!(two.as_mut().poll(&mut cx).is_pending());
        assert_eq!(shared.waiters().len(), 1);
        shared.leave();
        assert!(shared.waiters().is_empty());
        assert!(one.as_mut().poll(&mut cx).is_ready());
        assert!(two.as_mut().poll(&mut cx).is_ready());
    }
}
