//! Where records go.

mod background;
mod blocks;
mod json_lines;
mod line_writer;
mod log;
mod losses;
mod test_sink;
#[cfg(feature = "tracing")]
mod tracing;

use std::time::Duration;

use ::log::Level;

pub(crate) use self::log::TARGET;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;
pub use self::{json_lines::JsonLines, log::LogSink, test_sink::TestSink};
use crate::record::{data::Record, schema::Schema};

/// Takes records. Closures `Fn(&Record<'_>)` are sinks.
///
/// A sink is shared by all workers and called on their threads, at the end of each exchange: one
/// that blocks holds up its worker.
///
/// # Panics
///
/// An implementation should not panic. If it does, the panic is caught, counted in
/// [`Stats::sink_failures`](crate::Stats::sink_failures), and the other sinks are called as usual.
pub trait Sink: Send + Sync {
    /// Whether a record of this level would be used. Default: `true`.
    ///
    /// Asked with `Error` before a request is recorded at all, and with the level of the record
    /// before it is made. It should be cheap.
    fn enabled(&self, level: Level) -> bool {
        let _ = level;
        true
    }

    /// Takes one record.
    fn emit(&self, record: &Record<'_>);

    /// The schema in which this sink shows records: they are made to fit into the
    /// [record limit](crate::BodyLog::record_limit) in it. Asked once, when the sink is added. Default:
    /// [`Schema::OpenTelemetry`].
    fn schema(&self) -> Schema {
        Schema::OpenTelemetry
    }

    /// Hands on what is still held back, within this time; false if that is not all. Called by
    /// [`BodyLog::drain`](crate::BodyLog::drain). Default: nothing, and `true`.
    fn flush(&self, limit: Duration) -> bool {
        let _ = limit;
        true
    }

    /// How many records this sink could not hand on so far, without panicking. Default: 0.
    ///
    /// Part of [`Stats::sink_failures`](crate::Stats::sink_failures).
    fn lost(&self) -> u64 {
        0
    }
}

impl<F> Sink for F
where
    F: Fn(&Record<'_>) + Send + Sync,
{
    fn emit(&self, record: &Record<'_>) {
        self(record);
    }
}
