//! The span of `tracing` in which a request came.

use crate::logger::Logger;
#[cfg(feature = "tracing")]
use crate::util::catch_panic::catch_panic;

/// The span that was current when an exchange began. Sinks are called in it: the exchange ends somewhere else, in a
/// body that is polled or dropped by the server.
///
/// A subscriber is not our code: what it does when a span is entered, left or closed costs nobody a record.
#[derive(Debug, Default)]
pub(crate) struct RequestSpan {
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

#[cfg(feature = "tracing")]
impl RequestSpan {
    pub(crate) fn current(logger: &Logger) -> Self {
        Self {
            span: logger.call(tracing::Span::current),
        }
    }

    pub(crate) fn in_scope<T>(&self, logger: &Logger, f: impl FnOnce() -> T) -> T {
        struct Entered<'s>(Option<tracing::span::Entered<'s>>);

        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                catch_panic(|| drop(self.0.take()));
            }
        }

        let enter = |span| logger.call(|| tracing::Span::enter(span));
        let _entered = Entered(self.span.as_ref().and_then(enter));
        f()
    }

    /// Lets go of the span; the last one to do so closes it.
    pub(crate) fn close(self) {}
}

#[cfg(feature = "tracing")]
impl Drop for RequestSpan {
    fn drop(&mut self) {
        catch_panic(|| drop(self.span.take()));
    }
}

#[cfg(not(feature = "tracing"))]
impl RequestSpan {
    pub(crate) fn current(_: &Logger) -> Self {
        Self {}
    }

    pub(crate) fn in_scope<T>(&self, _: &Logger, f: impl FnOnce() -> T) -> T {
        f()
    }

    pub(crate) fn close(self) {}
}
