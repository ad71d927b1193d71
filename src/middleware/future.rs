//! The future of a request: follows the exchange to the response or to the error.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_service::Service;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use pin_project::pin_project;

use super::{
    body::{RecordedBody, wrap_error_body},
    guard::ExchangeGuard,
    suppress,
};
use crate::head::request_id::RequestId;

/// How a request is handled.
#[derive(Debug)]
pub(super) enum Mode {
    /// This logger records the request.
    Record(ExchangeGuard),
    /// An outer logger decides about the record of the request, or the future has resolved. The response gets the
    /// id.
    Pass(Option<RequestId>),
    /// Neither this logger nor an inner logger records the request. The response gets the id.
    Suppress(Option<RequestId>),
}

/// The future of [`BodyLogMiddleware`](crate::middleware::BodyLogMiddleware).
#[pin_project]
pub struct BodyLogFuture<S: Service<ServiceRequest>, B> {
    // Dropped before the exchange, because the drop of the inner future still belongs to the exchange.
    #[pin]
    inner: S::Future,
    mode: Mode,
    _body: PhantomData<B>,
}

impl<S: Service<ServiceRequest>, B> BodyLogFuture<S, B> {
    pub(super) fn new(inner: S::Future, mode: Mode) -> Self {
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
            Mode::Suppress(_) => suppress::run(|| inner.poll(cx)),
        });
        Poll::Ready(match std::mem::replace(this.mode, Mode::Pass(None)) {
            Mode::Record(exchange) => follow(result, exchange),
            Mode::Pass(id) | Mode::Suppress(id) => pass(result, id),
        })
    }
}

/// Passes on the result of a request that this logger does not record.
fn pass<B: MessageBody>(
    result: Result<ServiceResponse<B>, Error>,
    id: Option<RequestId>,
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

/// Moves the exchange to the result of the request.
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

/// Moves the exchange to the body of the response.
fn follow_response<B: MessageBody>(
    res: ServiceResponse<B>,
    exchange: ExchangeGuard,
) -> ServiceResponse<RecordedBody<B>> {
    // The route is known only now, because routing happens in the inner service.
    exchange.routed(res.request());
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

/// Moves the exchange to an error that the inner service returned.
///
/// A layer outside builds the response. This function must not call `error_response()` to inspect the response:
/// `InternalError::from_response` returns its response only on the first call.
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
