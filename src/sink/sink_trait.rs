//! The interface of sinks.

use std::{sync::Arc, time::Duration};

use log::Level;

use crate::record::{data::Record, schema::Schema};

/// Receives records. For a closure, see [`BodyLog::sink_fn`](crate::BodyLog::sink_fn).
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// use actix_bodylog::{BodyLog, Level, Record, Sink};
///
/// /// Counts the failures of each route group.
/// #[derive(Default)]
/// struct Failures {
///     api: AtomicU64,
///     others: AtomicU64,
/// }
///
/// impl Sink for Failures {
///     fn enabled(&self, level: Level) -> bool {
///         level <= Level::Warn
///     }
///
///     fn emit(&self, record: &Record<'_>) {
///         let is_api = record.route.is_some_and(|route| route.starts_with("/api/"));
///         let counter = if is_api { &self.api } else { &self.others };
///         counter.fetch_add(1, Relaxed);
///     }
/// }
///
/// let body_log = BodyLog::new().sink(Failures::default());
/// # let _ = body_log;
/// ```
///
/// A reference, an `Arc` or a `Box` of a sink is a sink, too. So one sink can serve two loggers, and its methods can be
/// called later:
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
        self.inner().is_none_or(|inner| inner.enabled(level))
    }

    /// Receives one record.
    fn emit(&self, record: &Record<'_>);

    /// Returns the sink that this sink wraps. The defaults of all other methods are the answers of that sink, so a
    /// wrapper needs only this and [`emit`](Self::emit). Default: `None`.
    ///
    /// ```
    /// use actix_bodylog::{JsonLines, Record, Sink};
    ///
    /// /// Leaves out one route.
    /// struct WithoutStatus(JsonLines);
    ///
    /// impl Sink for WithoutStatus {
    ///     fn emit(&self, record: &Record<'_>) {
    ///         if record.route != Some("/status") {
    ///             self.0.emit(record);
    ///         }
    ///     }
    ///
    ///     fn inner(&self) -> Option<&dyn Sink> {
    ///         Some(&self.0)
    ///     }
    /// }
    /// ```
    fn inner(&self) -> Option<&dyn Sink> {
        None
    }

    /// Returns the schema in which this sink shows records. They are truncated so that they fit into
    /// the [record limit](crate::BodyLog::record_limit) in this schema. Called once, when the sink is
    /// added. Default: [`Schema::OpenTelemetry`].
    fn schema(&self) -> Schema {
        self.inner().map_or_else(Schema::default, Sink::schema)
    }

    /// Returns whether records may come a little later, at most 2 milliseconds after the end of the exchange unless a
    /// handler blocks the worker. Called once, when the sink is added. Default: `false`.
    ///
    /// If all sinks of a logger return `true`, each worker makes its records in batches, which takes less processor
    /// time. Exchanges that wait are lost if the process ends before [`BodyLog::drain`](crate::BodyLog::drain) or the
    /// end of the worker has made their records. Outside of a `LocalSet`, in which actix-web runs servers and tests,
    /// each record is made at the end of its exchange.
    fn deferred(&self) -> bool {
        self.inner().is_some_and(Sink::deferred)
    }

    /// Returns whether the sink must be called in the span of the crate `tracing` that was current when the request
    /// reached the logger, as [`TracingSink`](crate::TracingSink) is. Called once, when the sink is added. Default:
    /// `false`.
    ///
    /// Needs the feature `tracing`; without it, nothing happens. The span of a request stays open until its record is
    /// made if a sink returns `true`.
    fn wants_span(&self) -> bool {
        self.inner().is_some_and(Sink::wants_span)
    }

    /// Flushes buffered records within `limit`, and returns whether none are left. Called by
    /// [`BodyLog::drain`](crate::BodyLog::drain), on a separate thread. Default: does nothing and returns `true`.
    fn flush(&self, limit: Duration) -> bool {
        self.inner().is_none_or(|inner| inner.flush(limit))
    }

    /// Returns the number of records that this sink has lost so far. A panic of [`emit`](Self::emit) is counted in
    /// [`Stats::sink_panics`](crate::Stats::sink_panics) instead. Default: 0.
    ///
    /// [`Stats::sink_losses`](crate::Stats::sink_losses) is the sum over all sinks of a logger.
    fn lost(&self) -> u64 {
        self.inner().map_or(0, Sink::lost)
    }
}

/// Implements [`Sink`] for a pointer to a sink.
macro_rules! forward {
    ($pointer:ty) => {
        impl<S: Sink + ?Sized> Sink for $pointer {
            fn enabled(&self, level: Level) -> bool {
                (**self).enabled(level)
            }

            fn emit(&self, record: &Record<'_>) {
                (**self).emit(record);
            }

            fn inner(&self) -> Option<&dyn Sink> {
                (**self).inner()
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

forward!(&S);
forward!(Arc<S>);
forward!(Box<S>);

/// A closure as a sink.
pub(crate) struct SinkFn<F>(pub(crate) F);

impl<F: Fn(&Record<'_>) + Send + Sync> Sink for SinkFn<F> {
    fn emit(&self, record: &Record<'_>) {
        (self.0)(record);
    }
}
