//! The types that [`BodyLog`] puts around a service: its service, its future and its response body.

mod batch;
mod body;
mod future;
mod guard;
mod payload;
mod suppress;
mod worker;

use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use log::Level;

pub use self::{body::RecordedBody, future::BodyLogFuture};
use self::{future::Mode, guard::ExchangeGuard, payload::RecordedPayload, worker::Worker};
use crate::{
    body_log::BodyLog,
    exchange::{Exchange, RequestLink, WeakExchange},
    head::request_id::{RequestId, RequestIdSource},
    logger::Logger,
};

impl<S, B> Transform<S, ServiceRequest> for BodyLog
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<RecordedBody<B>>;
    type Error = Error;
    type Transform = BodyLogMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let logger = self.logger();
        logger.warn_if_nothing_is_redacted();
        let worker = Worker::new(logger);
        ready(Ok(BodyLogMiddleware { service, worker }))
    }
}

/// The service that [`BodyLog`] wraps around another service.
///
/// # Invariants
///
/// 1. Every request that is not quiet, excluded, muted or sampled out has exactly one record, however the request ends.
/// 2. The middleware is transparent: chunks, their order, errors, sizes and wake-ups stay the same, and nothing
///    is polled before its consumer polls.
/// 3. The middleware fails open: it does not panic or change a response, except that [`RequestIdSource::Generate`] adds
///    an id. A panic of a sink or a hook is counted.
/// 4. Memory is bounded: at most the limit is kept of a body, as a copy, and all copies in flight share one budget.
/// 5. A record is safe to print: every string in it is redacted, capped and on one line.
/// 6. If no sink is enabled for errors, or if the request is [excluded](BodyLog::exclude), nothing is allocated,
///    except for the id of [`RequestIdSource::Generate`].
#[derive(Debug)]
pub struct BodyLogMiddleware<S> {
    service: S,
    worker: Rc<Worker>,
}

impl<S, B> Service<ServiceRequest> for BodyLogMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<RecordedBody<B>>;
    type Error = Error;
    type Future = BodyLogFuture<S, B>;

    forward_ready!(service);

    fn call(&self, mut req: ServiceRequest) -> Self::Future {
        let logger = self.logger();
        if self.joins_outer(&req) || suppress::is_active() {
            let id = self.id_without_record(&req);
            return BodyLogFuture::new(self.service.call(req), Mode::Pass(id));
        }
        let is_on = logger.first_enabled(Level::Error).is_some();
        if !is_on || is_excluded(logger, &req) {
            logger.shared.excluded.fetch_add(is_on.into(), Relaxed);
            let id = self.id_without_record(&req);
            let future = suppress::run(|| self.service.call(req));
            return BodyLogFuture::new(future, Mode::Suppress(id));
        }
        let exchange = ExchangeGuard::begin(&self.worker, &req);
        let payload = req.parts_mut().1.take();
        req.set_payload(RecordedPayload::wrap(payload, exchange.shared()));
        req.extensions_mut()
            .insert(RequestLink::new(exchange.shared()));
        if is_quiet(logger, &req) {
            exchange.make_quiet();
        }
        if logger.policy.request_ids == RequestIdSource::Generate {
            assign_id(&exchange, &req);
        }
        let future = exchange.run(|| self.service.call(req));
        BodyLogFuture::new(future, Mode::Record(exchange))
    }
}

impl<S> BodyLogMiddleware<S> {
    fn logger(&self) -> &Arc<Logger> {
        &self.worker.logger
    }

    /// Applies the settings of this logger to the exchange of the outer logger, or ends that exchange without a record
    /// if this logger excludes the request. Returns false if there is no outer logger that records the request.
    fn joins_outer(&self, req: &ServiceRequest) -> bool {
        let Some(outer) = RequestLink::of(req).filter(WeakExchange::is_alive) else {
            return false;
        };
        let logger = self.logger();
        let is_excluded = is_excluded(logger, req);
        let is_quiet = is_quiet(logger, req);
        outer.with(|exchange| {
            if !is_excluded {
                exchange.change_policy(|outer| self.worker.policy_inside(outer), req);
            }
            if logger.policy.request_ids == RequestIdSource::Generate {
                assign_id(exchange, req);
            }
            if is_excluded {
                exchange.end_without_record();
            } else if is_quiet {
                exchange.make_quiet();
            }
        });
        true
    }

    /// Assigns an id to a request that is not recorded, if ids are generated and none was assigned, because the
    /// application must not depend on what is logged. Returns the assigned id.
    fn id_without_record(&self, req: &ServiceRequest) -> Option<RequestId> {
        let needs_id = self.logger().policy.request_ids == RequestIdSource::Generate
            && !req.extensions().contains::<RequestId>();
        needs_id.then(|| {
            let id = RequestId::of(req.headers());
            req.extensions_mut().insert(id.clone());
            id
        })
    }
}

fn is_excluded(logger: &Logger, req: &ServiceRequest) -> bool {
    logger.filters.excluded.contain(req, &logger.shared.panics)
}

fn is_quiet(logger: &Logger, req: &ServiceRequest) -> bool {
    logger.filters.quiet.contain(req, &logger.shared.panics)
}

/// Assigns an id to the request if none was assigned: its `x-request-id`, or a new id.
fn assign_id(exchange: &Exchange, req: &ServiceRequest) {
    if let Some(id) = exchange.assign_id(|| RequestId::of(req.headers())) {
        req.extensions_mut().insert(id);
    }
}
