//! The request body on its way to the handler.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{dev::Payload, error::PayloadError};
use bytes::Bytes;
use futures_util::Stream;

use crate::{
    capture::tail_counter::TailCounter,
    exchange::{Exchange, WeakExchange},
};

/// Passes every chunk on as it is, and lets the exchange see it.
///
/// It polls only when it is polled. It may outlive the exchange, when a handler moved it into a
/// task; then it just passes on.
pub(crate) struct RecordedPayload {
    inner: Payload,
    tail: Rc<TailCounter>,
    exchange: WeakExchange,
}

impl RecordedPayload {
    /// Wraps a payload; `Payload::None` stays what it is. One allocation: the box that
    /// `Payload::Stream` asks for.
    pub(crate) fn wrap(inner: Payload, exchange: &Rc<Exchange>) -> Payload {
        match inner {
            Payload::None => Payload::None,
            inner => Payload::Stream {
                payload: Box::pin(Self {
                    inner,
                    tail: Rc::clone(exchange.request_tail()),
                    exchange: WeakExchange::new(exchange),
                }),
            },
        }
    }

    #[inline(never)]
    fn see(&self, item: &Option<Result<Bytes, PayloadError>>) {
        self.exchange.with(|exchange| match item {
            Some(Ok(chunk)) => exchange.request_chunk(chunk),
            Some(Err(error)) => exchange.request_failed(error),
            None => exchange.request_ended(),
        });
    }
}

impl Stream for RecordedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.inner).poll_next(cx);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) if self.tail.count(chunk) => {}
            Poll::Ready(item) => self.see(item),
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.inner {
            // `Payload` itself does not pass on the hint of the stream in it.
            Payload::Stream { payload } => payload.size_hint(),
            inner => inner.size_hint(),
        }
    }
}
