//! What one worker keeps for the exchanges of one logger.

use std::{cell::RefCell, fmt, ops::Deref, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;

use crate::{
    exchange::{Exchange, scratch::Scratch},
    logger::Logger,
};

/// The number of exchanges in the pool of a worker. With the buffers that each may keep they take at most
/// 350 KiB, which needs that many large bodies and heads in flight at once.
const MAX_POOLED: usize = 16;

/// The state of one worker.
///
/// An exchange needs a counted reference and half a dozen buffers. Each would be an allocation, so the memory
/// of one exchange is used for the next. An exchange in the pool has no logger, so it keeps no sink alive.
pub(crate) struct Worker {
    pub(crate) logger: Arc<Logger>,
    pool: RefCell<Vec<Rc<Exchange>>>,
    scratch: Rc<Scratch>,
}

impl Worker {
    pub(crate) fn new(logger: Arc<Logger>) -> Rc<Self> {
        Rc::new(Self {
            logger,
            pool: RefCell::new(Vec::new()),
            scratch: Rc::new(Scratch::new()),
        })
    }

    /// Begins an exchange.
    pub(crate) fn begin(self: &Rc<Self>, req: &ServiceRequest) -> ExchangeGuard {
        let mut exchange = self.pool.borrow_mut().pop().unwrap_or_default();
        // Nobody else holds an exchange of the pool. If that were wrong, a new one would do.
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

/// Keeps an exchange alive. When the last guard is dropped, the exchange ends and its memory goes back to the
/// pool.
#[derive(Clone, Debug)]
pub(crate) struct ExchangeGuard {
    exchange: Rc<Exchange>,
    worker: Rc<Worker>,
}

impl ExchangeGuard {
    pub(crate) fn shared(&self) -> &Rc<Exchange> {
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
        // Fails if there is another guard, or if a payload or a request may still come back to the exchange.
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
