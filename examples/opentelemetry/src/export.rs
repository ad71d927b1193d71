//! Export of records to OpenTelemetry.

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_log::OpenTelemetryLogBridge;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer as _, Registry, filter::Targets, layer::SubscriberExt as _};

/// Returns a subscriber that exports spans as spans, and events as logs in these spans.
pub fn subscriber(
    logs: &SdkLoggerProvider,
    spans: &SdkTracerProvider,
) -> impl Subscriber + Send + Sync {
    // Allow only these targets: events of the exporters must not be exported, and a record that is a log
    // need not be an event of its span, too.
    let requests = Targets::new().with_target("tracing_actix_web", Level::INFO);
    let records = Targets::new().with_target("actix_bodylog", Level::TRACE);
    let spans = tracing_opentelemetry::layer().with_tracer(spans.tracer("orders"));
    Registry::default()
        .with(spans.with_filter(requests))
        .with(OpenTelemetryTracingBridge::new(logs).with_filter(records))
}

/// Sets a logger that exports records as logs, with their key-values as attributes.
pub fn set_logger(logs: &SdkLoggerProvider) -> Result<(), SetLoggerError> {
    let bridge = Records(OpenTelemetryLogBridge::new(logs));
    log::set_boxed_logger(Box::new(bridge))?;
    log::set_max_level(LevelFilter::Debug);
    Ok(())
}

/// Forwards only records. Other log messages about requests are not redacted.
struct Records<L>(L);

impl<L: Log> Log for Records<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "actix_bodylog" && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}
