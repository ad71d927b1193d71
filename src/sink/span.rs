//! The span of `tracing` that a request belongs to.

use crate::util::catch_panic::PanicCounter;
#[cfg(feature = "tracing")]
use crate::util::catch_panic::catch_panic;

/// The span that was current when an exchange began. [Sinks that want it](super::sink_trait::Sink::wants_span) are
/// called in this span, because an exchange may end outside of it, in a body that the server polls or drops.
///
/// Panics of the subscriber are caught, so that no record is lost because of them.
#[derive(Debug, Default)]
pub(crate) struct RequestSpan {
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

impl RequestSpan {
    /// Returns the current span.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
    pub(crate) fn current(panics: &PanicCounter) -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: panics.catch(tracing::Span::current),
        }
    }

    /// Calls `f` in the span.
    #[cfg_attr(not(feature = "tracing"), expect(unused_variables))]
    pub(crate) fn in_scope<T>(&self, panics: &PanicCounter, f: impl FnOnce() -> T) -> T {
        #[cfg(feature = "tracing")]
        let entered = self
            .span
            .as_ref()
            .and_then(|span| panics.catch(|| span.enter()));
        let value = f();
        #[cfg(feature = "tracing")]
        catch_panic(|| drop(entered));
        value
    }
}

/// Closes the span if this is its last handle.
impl Drop for RequestSpan {
    fn drop(&mut self) {
        #[cfg(feature = "tracing")]
        catch_panic(|| drop(self.span.take()));
    }
}
