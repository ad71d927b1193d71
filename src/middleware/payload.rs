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

/// A payload that passes on every chunk unchanged and reports the chunk to the exchange.
///
/// The inner payload is polled only when this payload is polled. If a handler moves this payload into a task, it may
/// outlive the exchange; from then on it only passes on chunks.
pub(super) struct RecordedPayload {
    inner: Payload,
    tail: Rc<TailCounter>,
    exchange: WeakExchange,
}

impl RecordedPayload {
    /// Wraps a payload, unless it is `Payload::None`. The only allocation is the box of `Payload::Stream`.
    pub(super) fn wrap(inner: Payload, exchange: &Rc<Exchange>) -> Payload {
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

    /// Reports a polled item to the exchange.
    // Out of line, so that counting a chunk stays cheap.
    #[inline(never)]
    fn report(&self, item: &Option<Result<Bytes, PayloadError>>) {
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
            Poll::Ready(item) => self.report(item),
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.inner {
            // `Payload` does not pass on the hint of its stream.
            Payload::Stream { payload } => payload.size_hint(),
            inner => inner.size_hint(),
        }
    }
}
