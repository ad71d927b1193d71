//! Exchanges that are over, kept for their memory.

use std::{cell::RefCell, ops::Deref, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;

use crate::{exchange::Exchange, logger::Logger};

/// How many exchanges a thread keeps. With the buffers that each may keep, at most 350 KiB: it takes
/// this many exchanges with large bodies and heads in flight at once to come near.
const MAX_POOLED: usize = 16;

thread_local! {
    static POOL: RefCell<Vec<Rc<Exchange>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps an exchange alive.
///
/// An exchange needs a counted reference and half a dozen buffers. Each would be an allocation, so the
/// memory of one exchange is used for the next. Nothing else of it is: it lets go of its logger, and so
/// of its sinks.
#[derive(Clone, Debug)]
pub(crate) struct ExchangeGuard(Rc<Exchange>);

impl ExchangeGuard {
    /// Begins an exchange.
    pub(crate) fn begin(logger: &Arc<Logger>, req: &ServiceRequest) -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop());
        let pooled = pooled.ok().flatten();
        let mut exchange = pooled.unwrap_or_else(|| Rc::new(Exchange::new()));
        // Nobody else holds what is in the pool. Were that ever wrong, the memory would be made anew.
        if Rc::get_mut(&mut exchange).is_none() {
            exchange = Rc::new(Exchange::new());
        }
        if let Some(exchange) = Rc::get_mut(&mut exchange) {
            exchange.begin(logger, req);
        }
        Self(exchange)
    }

    pub(crate) fn shared(&self) -> &Rc<Exchange> {
        &self.0
    }
}

impl Deref for ExchangeGuard {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.0
    }
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        // Not the last one, or a payload or a request is still there that could come back to it.
        let Some(exchange) = Rc::get_mut(&mut self.0) else {
            return;
        };
        exchange.reset();
        // The thread may be ending.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < MAX_POOLED
            {
                pool.push(Rc::clone(&self.0));
            }
        });
    }
}
