//! The interface of sinks.

use std::{sync::Arc, time::Duration};

use log::Level;

use crate::record::{data::Record, schema::Schema};

/// Receives records. For a closure, see [`BodyLog::sink_fn`](crate::BodyLog::sink_fn).
///
/// An `Arc` or a `Box` of a sink is a sink, too. So one sink can serve two loggers, and can be asked what it lost:
///
/// ```
/// use std::sync::Arc;
///
/// use actix_bodylog::{BodyLog, JsonLines, Sink as _};
///
/// let lines = Arc::new(JsonLines::stdout());
/// let public = BodyLog::new().sink(Arc::clone(&lines));
/// let internal = BodyLog::new().request_limit(0).sink(Arc::clone(&lines));
/// assert_eq!(lines.lost(), 0);
/// # let _ = (public, internal);
/// ```
///
/// All workers share a sink. Each worker calls the sink on its own thread, at the end of each exchange or, if all sinks
/// [defer](Self::deferred), a little later. A sink that blocks delays that worker.
///
/// # Panics
///
/// An implementation should not panic. If it does, the panic is caught and counted in
/// [`Stats::sink_panics`](crate::Stats::sink_panics), and the other sinks are called as usual.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink",
    note = "`BodyLog::sink_fn` adds a closure"
)]
pub trait Sink: Send + Sync {
    /// Returns whether [`emit`](Self::emit) is called with records of a level. Default: `true`.
    ///
    /// The logger calls this when a request arrives, with `Error`, and when the record is made, with the level of the
    /// record and perhaps before with the level that the record has without the code of the response. A call may be
    /// left out if an earlier sink has returned `true`. Should be cheap.
    fn enabled(&self, level: Level) -> bool {
        let _ = level;
        true
    }

    /// Receives one record.
    fn emit(&self, record: &Record<'_>);

    /// Returns the schema in which this sink shows records. They are truncated so that they fit into
    /// the [record limit](crate::BodyLog::record_limit) in this schema. Called once, when the sink is
    /// added. Default: [`Schema::OpenTelemetry`].
    fn schema(&self) -> Schema {
        Schema::OpenTelemetry
    }

    /// Returns whether records may come a little later, at most 2 milliseconds after the end of the exchange unless a
    /// handler blocks the worker. Called once, when the sink is added. Default: `false`.
    ///
    /// If all sinks of a logger return `true`, each worker makes its records in batches, which takes less processor
    /// time. Exchanges that wait are lost if the process ends before [`BodyLog::drain`](crate::BodyLog::drain) or the
    /// end of the worker has made their records. Outside of a `LocalSet`, in which actix-web runs servers and tests,
    /// each record is made at the end of its exchange.
    fn deferred(&self) -> bool {
        false
    }

    /// Returns whether the sink must be called in the span of the crate `tracing` that was current when the request
    /// reached the logger, as [`TracingSink`](crate::TracingSink) is. Called once, when the sink is added. Default:
    /// `false`.
    ///
    /// Needs the feature `tracing`; without it, nothing happens. The span of a request stays open until its record is
    /// made if a sink returns `true`.
    fn wants_span(&self) -> bool {
        false
    }

    /// Flushes buffered records within `limit`, and returns whether none are left. Called by
    /// [`BodyLog::drain`](crate::BodyLog::drain), on a separate thread. Default: does nothing and returns `true`.
    fn flush(&self, limit: Duration) -> bool {
        let _ = limit;
        true
    }

    /// Returns the number of records that this sink has lost so far. A panic of [`emit`](Self::emit) is counted in
    /// [`Stats::sink_panics`](crate::Stats::sink_panics) instead. Default: 0.
    ///
    /// [`Stats::sink_losses`](crate::Stats::sink_losses) is the sum over all sinks of a logger.
    fn lost(&self) -> u64 {
        0
    }
}

/// Implements [`Sink`] for a pointer to a sink.
macro_rules! forward {
    ($pointer:ident) => {
        impl<S: Sink + ?Sized> Sink for $pointer<S> {
            fn enabled(&self, level: Level) -> bool {
                (**self).enabled(level)
            }

            fn emit(&self, record: &Record<'_>) {
                (**self).emit(record);
            }

            fn schema(&self) -> Schema {
                (**self).schema()
            }

            fn deferred(&self) -> bool {
                (**self).deferred()
            }

            fn wants_span(&self) -> bool {
                (**self).wants_span()
            }

            fn flush(&self, limit: Duration) -> bool {
                (**self).flush(limit)
            }

            fn lost(&self) -> u64 {
                (**self).lost()
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// A closure as a sink.
pub(crate) struct SinkFn<F>(pub(crate) F);

impl<F: Fn(&Record<'_>) + Send + Sync> Sink for SinkFn<F> {
    fn emit(&self, record: &Record<'_>) {
        (self.0)(record);
    }
}
