//! The response body on its way to the client.

use std::{
    error::Error as StdError,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use pin_project::pin_project;

use crate::middleware::guard::ExchangeGuard;

/// The body of a response that [`BodyLog`](crate::BodyLog) records. This body passes on the chunks, size, errors and
/// wake-ups of the inner body.
#[pin_project]
#[derive(Debug)]
pub struct RecordedBody<B> {
    #[pin]
    body: B,
    // Dropped after the body, because the drop of the body still belongs to the exchange.
    exchange: Option<ExchangeGuard>,
}

impl<B> RecordedBody<B> {
    pub(super) fn new(body: B, exchange: Option<ExchangeGuard>) -> Self {
        Self { body, exchange }
    }
}

impl<B: MessageBody> MessageBody for RecordedBody<B> {
    // The error of every body converts to this type, and both dispatchers also convert to it.
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        if let Some(exchange) = &self.exchange {
            exchange.response_sized();
        }
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        let Some(exchange) = this.exchange else {
            return this.body.poll_next(cx).map_err(Into::into);
        };
        let polled = exchange.run(|| this.body.poll_next(cx));
        match &polled {
            Poll::Ready(Some(Ok(chunk))) if exchange.response_tail().count(chunk) => {
                polled.map_err(Into::into)
            }
            _ => report(exchange, polled),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        // The fields are moved out here, so this type cannot implement `Drop`: the exchange emits the record.
        let Self { body, exchange } = self;
        let Some(exchange) = exchange else {
            return body.try_into_bytes().map_err(|body| Self::new(body, None));
        };
        match exchange.run(|| body.try_into_bytes()) {
            Ok(bytes) => {
                exchange.response_chunk(&bytes);
                exchange.complete();
                Ok(bytes)
            }
            Err(body) => Err(Self::new(body, Some(exchange))),
        }
    }
}

/// Reports the result of a poll to the exchange.
// Out of line, so that counting a chunk stays cheap.
#[inline(never)]
fn report<E: Into<Box<dyn StdError>>>(
    exchange: &ExchangeGuard,
    polled: Poll<Option<Result<Bytes, E>>>,
) -> Poll<Option<Result<Bytes, Box<dyn StdError>>>> {
    exchange.response_polled();
    polled.map(|item| match item {
        Some(Ok(chunk)) => {
            exchange.response_chunk(&chunk);
            Some(Ok(chunk))
        }
        Some(Err(error)) => {
            let error = exchange.run(|| error.into());
            exchange.body_failed(&*error);
            Some(Err(error))
        }
        None => {
            exchange.complete();
            None
        }
    })
}

/// Wraps the body of a response that is built from an error.
///
/// The error owns the exchange. A layer may build a response from the error only to inspect it, before the response
/// that is sent is built. So a body in memory does not end the exchange; the drop of the error does.
pub(super) fn wrap_error_body(body: BoxBody, exchange: &ExchangeGuard) -> BoxBody {
    if body.size() == BodySize::None {
        // `None` and `Sized(0)` differ on the wire, so this body is not turned into bytes.
        return body;
    }
    match body.try_into_bytes() {
        Ok(bytes) => {
            exchange.response_chunk(&bytes);
            exchange.response_returned_whole();
            BoxBody::new(bytes)
        }
        Err(body) => BoxBody::new(RecordedBody::new(body, Some(exchange.clone()))),
    }
}
