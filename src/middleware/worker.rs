//! The state that one worker keeps for the exchanges of one logger.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use actix_web::{
    dev::ServiceRequest,
    rt::{self, System, task::yield_now},
};

use super::batch::{Batch, MAX_BATCH_BYTES, MAX_BATCH_LEN};
use crate::{
    exchange::{Exchange, assemble::Assembled, scratch::Scratch},
    logger::Logger,
    policy::Policy,
    util::catch_panic::catch_panic,
};

/// The maximum number of exchanges in the pool of a worker. A batch returns all of its exchanges at once.
const MAX_POOLED: usize = MAX_BATCH_LEN + LARGE_POOLED;
/// The number of exchanges in the pool whose buffers may be large.
const LARGE_POOLED: usize = 16;
/// The maximum size of a large buffer, in bytes. The default limits need no more.
const LARGE_BUFFER: usize = 4096;
/// The maximum size of the other buffers, in bytes. With eight buffers for each exchange, the pool takes at most 1 MiB.
const SMALL_BUFFER: usize = 1024;

/// The state of one worker.
///
/// An exchange needs a counted reference and half a dozen buffers. Each of these would be an allocation, so the memory
/// of one exchange is reused for the next. An exchange in the pool does not reference a logger, so it keeps no sink
/// alive.
pub(super) struct Worker {
    pub(super) logger: Arc<Logger>,
    pool: RefCell<Vec<Rc<Exchange>>>,
    scratch: Rc<Scratch>,
    batch: Batch,
    /// The exchanges of a batch whose records are emitted next, and the parts of these records.
    assembled: RefCell<Vec<(Rc<Exchange>, Option<Assembled>)>>,
    task: Cell<Task>,
    /// The policy of the last outer logger that was met, and the policy inside of this logger that results.
    policies: RefCell<Option<(Arc<Policy>, Arc<Policy>)>>,
}

/// The task that makes the records of a worker when the worker has nothing else to do.
#[derive(Default)]
enum Task {
    #[default]
    Stopped,
    Running,
    /// The task waits for an exchange that is put aside.
    Parked(Waker),
    /// No task can run on this thread, so no exchange waits.
    Impossible,
}

impl Worker {
    pub(super) fn new(logger: Arc<Logger>) -> Rc<Self> {
        Rc::new(Self {
            logger,
            pool: RefCell::new(Vec::new()),
            scratch: Rc::new(Scratch::new()),
            batch: Batch::default(),
            assembled: RefCell::default(),
            task: Cell::default(),
            policies: RefCell::default(),
        })
    }

    /// Returns the policy of an outer logger with the changes of this one.
    pub(super) fn policy_inside(&self, outer: &Arc<Policy>) -> Arc<Policy> {
        let mut policies = self.policies.borrow_mut();
        match &*policies {
            Some((known, inside)) if Arc::ptr_eq(known, outer) => Arc::clone(inside),
            _ => {
                let inside = self.logger.policy_inside(outer);
                *policies = Some((Arc::clone(outer), Arc::clone(&inside)));
                inside
            }
        }
    }

    /// Begins an exchange.
    pub(super) fn begin(&self, req: &ServiceRequest) -> Rc<Exchange> {
        let mut exchange = self.pool.borrow_mut().pop().unwrap_or_default();
        // Nothing else references an exchange of the pool. If that is ever wrong, begin with a new exchange.
        if Rc::get_mut(&mut exchange).is_none() {
            exchange = Rc::default();
        }
        if let Some(exchange) = Rc::get_mut(&mut exchange) {
            exchange.begin(&self.logger, &self.scratch, req);
        }
        exchange
    }

    /// Emits the record of an exchange that has ended, now or with the next batch.
    pub(super) fn record(self: &Rc<Self>, exchange: &Rc<Exchange>) {
        match self.logger.defers {
            true => self.put_aside(exchange),
            false => exchange.emit(self.max_kept()),
        }
    }

    fn put_aside(self: &Rc<Self>, exchange: &Rc<Exchange>) {
        let Some((held, ended)) = exchange.put_aside() else {
            return;
        };
        self.batch.push(Rc::clone(exchange), held, ended);
        // Waiting exchanges must not take the memory that exchanges in flight need.
        let is_memory_short = self.logger.shared.budget.is_half_used();
        if is_memory_short || self.batch.is_full(ended) || !self.start_task() {
            self.emit_batch();
        }
    }

    /// Makes the task run. Returns false if there can be no task.
    fn start_task(self: &Rc<Self>) -> bool {
        let can_run = match self.task.replace(Task::Running) {
            Task::Running => true,
            Task::Parked(waker) => {
                waker.wake();
                true
            }
            Task::Stopped => {
                let handle = TaskHandle(Rc::downgrade(self));
                // Outside of a `LocalSet`, in which actix runs servers and tests, this panics. Nothing tells
                // beforehand, except that a `System` has a `LocalSet`.
                let can_try = cfg!(panic = "unwind") || System::try_current().is_some();
                can_try && catch_panic(|| rt::spawn(emit_when_idle(handle))).is_some()
            }
            Task::Impossible => false,
        };
        if !can_run {
            self.task.set(Task::Impossible);
        }
        can_run
    }

    /// Returns the maximum size of the buffers of the next exchange that comes into the pool.
    fn max_kept(&self) -> usize {
        match self.pool.borrow().len() < LARGE_POOLED {
            true => LARGE_BUFFER,
            false => SMALL_BUFFER,
        }
    }

    /// Emits the records of all exchanges that were put aside.
    fn emit_batch(&self) {
        // A sink may end an exchange, and the loop makes that record, too.
        let Ok(mut assembled) = self.assembled.try_borrow_mut() else {
            return;
        };
        loop {
            let mut contents = 0;
            while contents < MAX_BATCH_BYTES
                && let Some(exchange) = self.batch.pop()
            {
                assembled.push((exchange, None));
                if let Some((exchange, parts)) = assembled.last_mut() {
                    exchange.assemble(parts);
                    contents += parts.as_ref().map_or(0, Assembled::len);
                }
            }
            if assembled.is_empty() {
                return;
            }
            for (mut exchange, mut parts) in assembled.drain(..) {
                exchange.emit_assembled(&mut parts, self.max_kept());
                self.recycle(&mut exchange);
            }
        }
    }

    /// Puts an exchange whose record was emitted into the pool, unless something else references it or the pool is
    /// full.
    pub(super) fn recycle(&self, shared: &mut Rc<Exchange>) {
        let Some(exchange) = Rc::get_mut(shared) else {
            return;
        };
        exchange.reset();
        let mut pool = self.pool.borrow_mut();
        if pool.len() < MAX_POOLED {
            pool.push(Rc::clone(shared));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.emit_batch();
        if let Task::Parked(waker) = self.task.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("logger", &self.logger)
            .finish_non_exhaustive()
    }
}

/// Emits the records of waiting exchanges when the worker is idle, which means that it put no exchange aside while all
/// its tasks and sockets had a turn.
async fn emit_when_idle(handle: TaskHandle) {
    let worker = || handle.0.upgrade();
    while poll_fn(|cx| handle.park(cx)).await {
        let mut count = worker().map(|worker| worker.batch.count());
        loop {
            yield_now().await;
            let Some(worker) = worker() else { return };
            let now = Some(worker.batch.count());
            if now == count || worker.batch.is_old(Instant::now()) {
                worker.emit_batch();
                break;
            }
            count = now;
        }
    }
}

/// The reference of the task to its worker. The drop of the worker ends the task.
struct TaskHandle(Weak<Worker>);

impl TaskHandle {
    /// Waits until an exchange waits. Returns false if there is no worker any more.
    fn park(&self, cx: &Context<'_>) -> Poll<bool> {
        let Some(worker) = self.0.upgrade() else {
            return Poll::Ready(false);
        };
        if !worker.batch.is_empty() {
            return Poll::Ready(true);
        }
        worker.task.set(Task::Parked(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        if let Some(worker) = self.0.upgrade() {
            worker.task.set(Task::Stopped);
            // Nothing else would make the records that wait.
            worker.emit_batch();
        }
    }
}
