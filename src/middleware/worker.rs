//! The state that one worker keeps for the exchanges of one logger.

use std::{cell::RefCell, fmt, ops::Deref, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;

use crate::{
    exchange::{Exchange, scratch::Scratch},
    logger::Logger,
};

/// The maximum number of exchanges in the pool of a worker. Each keeps at most six buffers of 4 KiB, so the pool takes
/// at most 400 KiB, and only if 16 exchanges with large bodies and heads were in flight at once.
const MAX_POOLED: usize = 16;

/// The state of one worker.
///
/// An exchange needs a counted reference and half a dozen buffers. Each of these would be an allocation, so the memory
/// of one exchange is reused for the next. An exchange in the pool does not reference a logger, so it keeps no sink
/// alive.
pub(super) struct Worker {
    pub(super) logger: Arc<Logger>,
    pool: RefCell<Vec<Rc<Exchange>>>,
    scratch: Rc<Scratch>,
}

impl Worker {
    pub(super) fn new(logger: Arc<Logger>) -> Rc<Self> {
        Rc::new(Self {
            logger,
            pool: RefCell::new(Vec::new()),
            scratch: Rc::new(Scratch::new()),
        })
    }

    /// Begins an exchange.
    pub(super) fn begin(self: &Rc<Self>, req: &ServiceRequest) -> ExchangeGuard {
        let mut exchange = self.pool.borrow_mut().pop().unwrap_or_default();
        // Nothing else references an exchange of the pool. If that is ever wrong, begin with a new exchange.
        if Rc::get_mut(&mut exchange).is_none() {
            exchange = Rc::default();
        }
        if let Some(exchange) = Rc::get_mut(&mut exchange) {
            exchange.begin(&self.logger, &self.scratch, req);
        }
        ExchangeGuard {
            exchange,
            worker: Rc::clone(self),
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

/// A reference that keeps an exchange alive. When the last guard is dropped, the exchange ends. Its memory returns to
/// the pool if nothing else references the exchange and the pool is not full.
#[derive(Clone, Debug)]
pub(super) struct ExchangeGuard {
    exchange: Rc<Exchange>,
    worker: Rc<Worker>,
}

impl ExchangeGuard {
    pub(super) fn shared(&self) -> &Rc<Exchange> {
        &self.exchange
    }
}

impl Deref for ExchangeGuard {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        // Fails if there is another guard, or if a payload or a request still references the exchange. Then the
        // exchange ends when its last guard is dropped, and does not return to the pool.
        let Some(exchange) = Rc::get_mut(&mut self.exchange) else {
            return;
        };
        exchange.reset();
        let mut pool = self.worker.pool.borrow_mut();
        if pool.len() < MAX_POOLED {
            pool.push(Rc::clone(&self.exchange));
        }
    }
}
