//! The span of `tracing` in which a request came.

#[cfg(feature = "tracing")]
use crate::guarded::guarded;

/// The span that was current when an exchange began. Sinks are called in it: the exchange ends somewhere else, in a
/// body that is polled or dropped by the server.
pub(crate) struct RequestSpan {
    /// Always there, until it is dropped.
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

#[cfg(feature = "tracing")]
impl RequestSpan {
    pub(crate) fn current() -> Self {
        // A subscriber is not our code.
        Self {
            span: guarded(tracing::Span::current),
        }
    }

    pub(crate) fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.span {
            Some(span) => span.in_scope(f),
            None => f(),
        }
    }
}

#[cfg(feature = "tracing")]
impl Drop for RequestSpan {
    fn drop(&mut self) {
        // The last one to drop a span closes it, and whoever subscribed does something then.
        guarded(|| drop(self.span.take()));
    }
}

#[cfg(not(feature = "tracing"))]
impl RequestSpan {
    pub(crate) fn current() -> Self {
        Self {}
    }

    pub(crate) fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        f()
    }
}
