//! The state that all clones of a logger share, on all workers: budget and counters.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{
        Mutex, MutexGuard, PoisonError,
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
    pub(crate) budget: Budget,
    pub(crate) records: AtomicU64,
    pub(crate) muted: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) sampled_out: AtomicU64,
    pub(crate) panics: PanicCounter,
    /// Set once the warning that nothing is redacted has been logged.
    pub(crate) warned: AtomicBool,
    in_flight: AtomicUsize,
    /// If false, no task waits, so most exchanges end without locking `waiters`. May be true although no task waits.
    has_waiters: AtomicBool,
    waiters: Mutex<Waiters>,
}

/// The tasks that wait until no exchange is in flight.
#[derive(Debug, Default)]
struct Waiters {
    next_key: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// One entry in [`Waiters`], removed on drop.
struct Waiter<'s> {
    shared: &'s Shared,
    key: u64,
}

impl Shared {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget: Budget::new(budget),
            records: AtomicU64::new(0),
            muted: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            sampled_out: AtomicU64::new(0),
            panics: PanicCounter::default(),
            warned: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            has_waiters: AtomicBool::new(false),
            waiters: Mutex::default(),
        }
    }

    /// Counts an exchange that begins.
    pub(crate) fn enter(&self) {
        self.in_flight.fetch_add(1, SeqCst);
    }

    /// Counts an exchange that has ended and has released its part of the budget.
    pub(crate) fn leave(&self) {
        let was_last = self.in_flight.fetch_sub(1, SeqCst) == 1;
        if was_last && self.has_waiters.swap(false, SeqCst) {
            let wakers = std::mem::take(&mut self.waiters().wakers);
            for waker in wakers.into_values() {
                // A waker is foreign code, and this may run in a destructor.
                catch_panic(|| waker.wake());
            }
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// Waits until no exchange is in flight.
    pub(crate) async fn idle(&self) {
        let waiter = Waiter::new(self);
        poll_fn(|cx| {
            // Store the waker before reading the counter. If the last exchange ends in between, that exchange
            // finds the waker.
            waiter.set_waker(cx.waker());
            match self.in_flight() {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a snapshot. `lost` is the number of records that the sinks lost.
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

impl<'s> Waiter<'s> {
    fn new(shared: &'s Shared) -> Self {
        let mut waiters = shared.waiters();
        let key = waiters.next_key;
        waiters.next_key += 1;
        Self { shared, key }
    }

    fn set_waker(&self, waker: &Waker) {
        let waker = waker.clone();
        let replaced = self.shared.waiters().wakers.insert(self.key, waker);
        drop(replaced);
        self.shared.has_waiters.store(true, SeqCst);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let removed = self.shared.waiters().wakers.remove(&self.key);
        // The lock is released before this drop, because the destructor of a waker is foreign code.
        catch_panic(|| drop(removed));
    }
}

/// A snapshot of the counters of a logger and all its clones.
///
/// Each counter is exact. The counters are read one after the other, so they may not add up while requests run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Exchanges that have begun and not yet ended.
    pub in_flight: usize,
    /// The memory budget, in bytes.
    pub budget_limit: usize,
    /// Bytes that all captures in flight hold.
    pub budget_used: usize,
    /// The maximum of [`budget_used`](Self::budget_used) so far. Never above the limit, unless
    /// [`memory_budget`](crate::BodyLog::memory_budget) lowered the limit later.
    pub budget_peak: usize,
    /// Captures that were discarded because the budget had no room for them.
    pub budget_refusals: u64,
    /// Records that were passed to at least one sink.
    pub records: u64,
    /// Exchanges without a record because no sink was enabled for their level. If no sink is enabled for
    /// [`Level::Error`](log::Level::Error), requests pass through and are not counted.
    pub muted: u64,
    /// Requests left out by [`skip`](crate::BodyLog::skip) or [`skip_if`](crate::BodyLog::skip_if).
    pub skipped: u64,
    /// Records of successful exchanges that [`sample`](crate::BodyLog::sample) left out.
    pub sampled_out: u64,
    /// Caught panics of sinks, hooks and other foreign code (the `Display` of an error, a subscriber of `tracing`), plus
    /// the records that sinks [lost](crate::Sink::lost).
    pub sink_failures: u64,
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{Arc, mpsc},
        task::{Context, Wake},
        thread,
    };

    use futures_util::future::FutureExt as _;

    use super::*;

    /// A waker that sends a message when it is woken.
    struct Notify(mpsc::Sender<()>);

    impl Wake for Notify {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    fn notify() -> (Arc<Notify>, mpsc::Receiver<()>) {
        let (sender, receiver) = mpsc::channel();
        (Arc::new(Notify(sender)), receiver)
    }

    fn poll(future: impl Future<Output = ()> + Unpin, notify: &Arc<Notify>) -> Poll<()> {
        let waker = Waker::from(Arc::clone(notify));
        let mut future = future;
        future.poll_unpin(&mut Context::from_waker(&waker))
    }

    #[test]
    fn idle_resolves_at_once_without_exchanges() {
        assert!(Shared::new(0).idle().now_or_never().is_some());
    }

    #[test]
    fn idle_is_woken_by_the_last_exchange_from_another_thread() {
        let shared = Arc::new(Shared::new(0));
        shared.enter();
        shared.enter();
        let (waker, woken) = notify();
        let mut idle = pin!(shared.idle());
        assert!(poll(idle.as_mut(), &waker).is_pending());
        shared.leave();
        assert!(woken.try_recv().is_err());
        let last = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.leave()
        });
        woken.recv().unwrap();
        last.join().unwrap();
        assert!(poll(idle, &waker).is_ready());
    }

    #[test]
    fn every_waiting_task_is_woken() {
        let shared = Shared::new(0);
        shared.enter();
        let (one, two) = (notify(), notify());
        let (mut first, mut second) = (pin!(shared.idle()), pin!(shared.idle()));
        assert!(poll(first.as_mut(), &one.0).is_pending());
        assert!(poll(second.as_mut(), &two.0).is_pending());
        shared.leave();
        one.1.try_recv().unwrap();
        two.1.try_recv().unwrap();
        assert!(poll(first, &one.0).is_ready());
        assert!(poll(second, &two.0).is_ready());
    }

    #[test]
    fn idle_future_that_is_dropped_or_resolved_releases_its_waker() {
        let shared = Shared::new(0);
        for in_flight in [false, true] {
            if in_flight {
                shared.enter();
            }
            let (waker, _woken) = notify();
            for _ in 0..3 {
                let polled = poll(pin!(shared.idle()), &waker);
                assert_eq!(polled.is_pending(), in_flight);
            }
            assert_eq!(Arc::strong_count(&waker), 1);
        }
    }

    #[test]
    fn idle_future_that_moves_to_another_task_releases_its_old_waker() {
        let shared = Shared::new(0);
        shared.enter();
        let (old, new) = (notify(), notify());
        let mut idle = pin!(shared.idle());
        assert!(poll(idle.as_mut(), &old.0).is_pending());
        assert!(poll(idle.as_mut(), &new.0).is_pending());
        assert_eq!(Arc::strong_count(&old.0), 1);
        shared.leave();
        new.1.try_recv().unwrap();
    }

    #[test]
    fn waker_that_panics_does_not_affect_the_exchange() {
        struct Broken;
        impl Wake for Broken {
            fn wake(self: Arc<Self>) {
                panic!("the waker panics");
            }
        }
        let shared = Shared::new(0);
        shared.enter();
        let waker = Waker::from(Arc::new(Broken));
        let mut idle = pin!(shared.idle());
        let mut cx = Context::from_waker(&waker);
        assert!(idle.as_mut().poll(&mut cx).is_pending());
        shared.leave();
        assert_eq!(shared.in_flight(), 0);
    }
}
