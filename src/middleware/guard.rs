//! The reference that keeps an exchange alive.

use std::{error::Error as StdError, ops::Deref, rc::Rc};

use actix_web::dev::ServiceRequest;

use super::worker::Worker;
use crate::exchange::{End, Exchange};

/// A reference that keeps an exchange alive. When the last guard is dropped, the exchange ends, unless it ended before.
#[derive(Clone, Debug)]
pub(super) struct ExchangeGuard {
    exchange: Rc<Exchange>,
    worker: Rc<Worker>,
}

impl ExchangeGuard {
    /// Begins an exchange.
    pub(super) fn begin(worker: &Rc<Worker>, req: &ServiceRequest) -> Self {
        Self {
            exchange: worker.begin(req),
            worker: Rc::clone(worker),
        }
    }

    pub(super) fn shared(&self) -> &Rc<Exchange> {
        &self.exchange
    }

    /// Ends the exchange at the end of the response body.
    pub(super) fn complete(&self) {
        if self.exchange.end(End::Complete) {
            self.worker.record(&self.exchange);
        }
    }

    /// Ends the exchange with an error of the response body.
    pub(super) fn body_failed(&self, error: &(dyn StdError + 'static)) {
        if self.exchange.body_failed(error) {
            self.worker.record(&self.exchange);
        }
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
        // Another guard ends the exchange, or the exchange has ended and waits for its record.
        if Rc::strong_count(&self.exchange) > 1 {
            return;
        }
        if self.exchange.end(End::Dropped) {
            self.worker.record(&self.exchange);
        }
        self.worker.recycle(&mut self.exchange);
    }
}
