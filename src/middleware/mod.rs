//! The middleware: begins exchanges, and follows each to its response.

pub(crate) mod body;
pub(crate) mod payload;
pub(crate) mod suppress;
pub(crate) mod worker;

use std::{
    fmt,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use actix_service::{Service, Transform, forward_ready};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use log::Level;
use pin_project::pin_project;

use crate::{
    BodyLog,
    exchange::{Exchange, WeakExchange},
    head::request_id::{RequestId, RequestIds},
    logger::Logger,
    middleware::{
        body::{RecordedBody, wrap_error_body},
        payload::RecordedPayload,
        worker::ExchangeGuard,
    },
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
        ready(Ok(BodyLogMiddleware { service, logger }))
    }
}

/// The service that [`BodyLog`] wraps around another.
///
/// # Invariants
///
/// 1. Exactly one record per request that is not skipped, whatever happens to it.
/// 2. Transparent: the same chunks in the same order, the same errors, sizes and wake-ups; nothing
///    is polled ahead of its consumer.
/// 3. Fail open: nothing in here panics or changes a response, but for the id that
///    [`RequestIds::Generate`] puts into it; a fault of a sink or a hook is counted.
/// 4. Bounded: at most the limit is kept of a body, as a copy; all that is kept in flight stays
///    inside one budget.
/// 5. Clean before it is a record: every string in one is redacted, capped, and on one line.
/// 6. Nothing is allocated where no sink wants even an error, or the request is skipped at once; again but
///    for that id.
#[derive(Debug)]
pub struct BodyLogMiddleware<S> {
    service: S,
    logger: Arc<Logger>,
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
        let logger = &self.logger;
        if self.joins_outer(&req) || suppress::is_active() {
            let id = self.id_without_record(&req);
            return BodyLogFuture::new(self.service.call(req), Mode::Pass(id));
        }
        let is_on = logger.first_enabled(Level::Error).is_some();
        if !is_on || logger.skip_if(&req) {
            logger.shared.skipped.fetch_add(is_on.into(), Relaxed);
            let id = self.id_without_record(&req);
            let future = suppress::run(|| self.service.call(req));
            return BodyLogFuture::new(future, Mode::Bypass(id));
        }
        let exchange = ExchangeGuard::begin(logger, &req);
        let payload = req.parts_mut().1.take();
        req.set_payload(RecordedPayload::wrap(payload, exchange.shared()));
        req.extensions_mut()
            .insert(WeakExchange::new(exchange.shared()));
        assign_id(&exchange, logger, &req);
        let future = exchange.run(|| self.service.call(req));
        BodyLogFuture::new(future, Mode::Record(exchange))
    }
}

impl<S> BodyLogMiddleware<S> {
    /// Wrapped inside another logger, this one brings its rules to the record of that one.
    fn joins_outer(&self, req: &ServiceRequest) -> bool {
        let outer = req.extensions().get::<WeakExchange>().cloned();
        let Some(outer) = outer.filter(WeakExchange::is_alive) else {
            return false;
        };
        let skip = self.logger.policy.skips(req.path());
        let silenced = self.logger.skip_if(req);
        outer.with(|exchange| {
            if !silenced {
                exchange.override_policy(&self.logger, req, skip);
            }
            assign_id(exchange, &self.logger, req);
            if silenced {
                exchange.silence();
            }
        });
        true
    }

    /// The id of a request that is not recorded, and has none yet: what is logged is not to change what the
    /// application does.
    fn id_without_record(&self, req: &ServiceRequest) -> Option<Box<RequestId>> {
        let is_wanted = self.logger.policy.request_ids == RequestIds::Generate
            && !req.extensions().contains::<RequestId>();
        is_wanted.then(|| {
            let id = RequestId::of(req.headers());
            req.extensions_mut().insert(id.clone());
            Box::new(id)
        })
    }
}

/// Gives the request an id, if that is wanted and it has none yet.
fn assign_id(exchange: &Exchange, logger: &Logger, req: &ServiceRequest) {
    if logger.policy.request_ids == RequestIds::Generate
        && let Some(id) = exchange.assign_id(|| RequestId::of(req.headers()))
    {
        req.extensions_mut().insert(id);
    }
}

#[derive(Debug)]
enum Mode {
    Record(ExchangeGuard),
    /// Recorded outside, or over. The response is told the id, which is boxed, as there mostly is none.
    Pass(Option<Box<RequestId>>),
    /// Not to be recorded, here or inside.
    Bypass(Option<Box<RequestId>>),
}

/// The future of [`BodyLogMiddleware`].
#[pin_project]
pub struct BodyLogFuture<S: Service<ServiceRequest>, B> {
    // Dropped before the exchange: what it does then still belongs to it.
    #[pin]
    inner: S::Future,
    mode: Mode,
    _body: PhantomData<B>,
}

impl<S: Service<ServiceRequest>, B> BodyLogFuture<S, B> {
    fn new(inner: S::Future, mode: Mode) -> Self {
        Self {
            inner,
            mode,
            _body: PhantomData,
        }
    }
}

impl<S: Service<ServiceRequest>, B> fmt::Debug for BodyLogFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyLogFuture").finish_non_exhaustive()
    }
}

impl<S, B> Future for BodyLogFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<RecordedBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = this.inner;
        let result = ready!(match this.mode {
            Mode::Record(exchange) => exchange.run(|| inner.poll(cx)),
            Mode::Pass(_) => inner.poll(cx),
            Mode::Bypass(_) => suppress::run(|| inner.poll(cx)),
        });
        Poll::Ready(match std::mem::replace(this.mode, Mode::Pass(None)) {
            Mode::Record(exchange) => follow(result, exchange),
            Mode::Pass(id) | Mode::Bypass(id) => pass(result, id),
        })
    }
}

/// Hands on what became of a request that is not recorded.
fn pass<B: MessageBody>(
    result: Result<ServiceResponse<B>, Error>,
    id: Option<Box<RequestId>>,
) -> Result<ServiceResponse<RecordedBody<B>>, Error> {
    match (result, id) {
        (Ok(mut res), id) => {
            if let Some(id) = id {
                id.set_in(res.response_mut().head_mut());
            }
            Ok(res.map_body(|_, body| RecordedBody::new(body, None)))
        }
        (Err(mut error), Some(id)) => {
            error.add_response_mapper(move |mut res| {
                id.set_in(res.head_mut());
                res
            });
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}

/// Hands the exchange to what became of the request.
fn follow<B: MessageBody>(
    result: Result<ServiceResponse<B>, Error>,
    exchange: ExchangeGuard,
) -> Result<ServiceResponse<RecordedBody<B>>, Error> {
    match result {
        Ok(res) => Ok(follow_response(res, exchange)),
        Err(mut error) => {
            follow_error(&mut error, exchange);
            Err(error)
        }
    }
}

/// Hands the exchange to the body of the response.
fn follow_response<B: MessageBody>(
    res: ServiceResponse<B>,
    exchange: ExchangeGuard,
) -> ServiceResponse<RecordedBody<B>> {
    // Known only now that routing is over.
    exchange.routed(res.request().match_pattern());
    if let Some(error) = res.response().error() {
        exchange.add_error(error);
    }
    res.map_body(|head, body| {
        exchange.set_response_id(head);
        let size = exchange.run(|| body.size());
        exchange.response_head(head, size);
        RecordedBody::new(body, Some(exchange))
    })
}

/// Hands the exchange to an error that the inner service returned.
///
/// The response is made of it outside of us, by whoever gets it. `error_response()` is not ours to
/// call for a look: that of `InternalError::from_response` gives its response away once.
fn follow_error(error: &mut Error, exchange: ExchangeGuard) {
    exchange.error_returned(error);
    error.add_response_mapper(move |res| {
        let exchange = &exchange;
        res.map_body(|head, body| {
            exchange.set_response_id(head);
            exchange.response_head(head, body.size());
            wrap_error_body(body, exchange)
        })
    });
}
