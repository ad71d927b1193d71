//! Where records go.
//!
//! A [`BodyLog`](crate::BodyLog) passes each record to its sinks:
//!
//! - [`LogSink`]: the `log` facade. The default.
//! - [`JsonLines`]: one line of JSON for each record, to any writer.
//! - [`TracingSink`], with the feature `tracing`: events of the crate `tracing`.
//! - [`TestSink`]: a list of records, for tests.
//! - A closure: [`BodyLog::sink_fn`](crate::BodyLog::sink_fn).
//! - Your own implementation of [`Sink`].

mod background;
mod json_lines;
mod line_writer;
mod log;
mod sink_trait;
mod span;
mod target;
mod test_sink;
#[cfg(feature = "tracing")]
mod tracing;
mod write_errors;

#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;
pub use self::{json_lines::JsonLines, log::LogSink, sink_trait::Sink, test_sink::TestSink};
pub(crate) use self::{sink_trait::SinkFn, span::RequestSpan, target::TARGET};
