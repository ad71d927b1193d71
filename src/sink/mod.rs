//! The sinks.

mod background;
mod json_lines;
mod line_writer;
mod log;
mod sink_trait;
mod target;
mod test_sink;
#[cfg(feature = "tracing")]
mod tracing;
mod write_errors;

pub(crate) use self::target::TARGET;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingSink;
pub use self::{json_lines::JsonLines, log::LogSink, sink_trait::Sink, test_sink::TestSink};
