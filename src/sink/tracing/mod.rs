//! A sink for `tracing`.

mod callsites;

use ::tracing::{dispatcher, level_filters::LevelFilter, subscriber::NoSubscriber};
use log::Level;
use serde_json::Map;

use crate::{
    record::{
        data::Record,
        flatten::{self, Pair},
        schema::Schema,
        value::{Key, MESSAGE, Value},
        visit,
    },
    sink::{
        sink_trait::Sink,
        tracing::callsites::{Fields, FixedFields},
    },
};

/// Emits records as events of `tracing`, with the target `actix_bodylog` and the level of the record.
///
/// The message is `METHOD URI`, and each field of the record is a field of the event with its own type:
/// string, integer, float or `bool`. Formatters, layers and OpenTelemetry's appender accept these types.
/// Absent fields are left out.
///
/// `tracing` has to know the names of all fields at compile time, so the headers and the custom fields
/// of a record share one field, `field.others`. It is a string with a JSON object, in which they have
/// the names and types that [`Record`] serializes with:
/// `{"http.request.header.origin":["https://example.com"],"tenant":"acme"}`.
///
/// The event has no fields for the level and the timestamp, because an event of `tracing` has both, and
/// formatters that flatten events would write them twice. The time of the event is the end of the exchange, which
/// began `exchange.duration` earlier.
///
/// The event is in the span that was current when the request reached the logger, however the exchange
/// ended. Wrap the middleware that creates spans around the logger:
///
/// ```
/// use actix_bodylog::{BodyLog, TracingSink};
/// use actix_web::App;
/// use tracing_actix_web::TracingLogger;
///
/// let body_log = BodyLog::new().sink(TracingSink::new());
/// // The last `wrap` is the outermost.
/// let app = App::new().wrap(body_log).wrap(TracingLogger::default());
/// # let _ = app;
/// ```
///
/// Subscribers decide which records become events. If no sink of a logger is enabled for `Error`, requests pass
/// through.
#[derive(Clone, Debug, Default)]
pub struct TracingSink {
    schema: Schema,
}

impl TracingSink {
    /// Returns a sink that emits events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    ///
    /// Fields are flat: a field inside an object is named by its path, as in `httpRequest.status`.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema }
    }
}

impl Sink for TracingSink {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn wants_span(&self) -> bool {
        true
    }

    fn enabled(&self, level: Level) -> bool {
        // Do not ask the subscriber itself: a per-layer filter remembers its answer until an
        // event follows, and would drop the next event of the application.
        event_level(level) <= LevelFilter::current()
            && has_subscriber()
            && callsites::is_wanted(self.schema, level)
    }

    fn emit(&self, record: &Record<'_>) {
        if !has_subscriber() {
            return;
        }
        let fixed = fixed_fields(record, self.schema);
        let fields = Fields {
            message: record.message,
            fixed: FixedFields(&fixed),
            others: other_fields(record, self.schema),
        };
        callsites::emit(self.schema, record.level, fields);
    }
}

/// Returns whether this thread has a subscriber.
///
/// A callsite must not be used for the first time on a thread without a subscriber: if the only subscriber of
/// the process is that of another thread, the callsite would be disabled for that thread, too.
fn has_subscriber() -> bool {
    dispatcher::get_default(|dispatch| !dispatch.is::<NoSubscriber>())
}

/// Returns the fields whose names are known at compile time.
fn fixed_fields(record: &Record<'_>, schema: Schema) -> Vec<Pair> {
    let keys = schema.keys();
    let elsewhere = [MESSAGE, keys.level, keys.timestamp];
    flatten::pairs(record, schema, |key, value| {
        !is_other(key, value) && !matches!(key, Key::Ready(key) if elsewhere.contains(&key))
    })
}

/// Returns the JSON object of the headers and the custom fields, or `None` if there are none.
fn other_fields(record: &Record<'_>, schema: Schema) -> Option<String> {
    let mut others = Map::new();
    let mut insert = |key: Key<'_>, value: Value<'_>| {
        if is_other(key, value)
            // Succeeds: numbers are finite.
            && let Ok(value) = serde_json::to_value(value)
        {
            others.insert(key.name().to_owned(), value);
        }
    };
    visit::visit(record, schema, &mut insert);
    (!others.is_empty()).then(|| serde_json::Value::Object(others).to_string())
}

/// Returns whether a field is a header or a custom field.
fn is_other(key: Key<'_>, value: Value<'_>) -> bool {
    matches!(key, Key::Custom(_)) || matches!(value, Value::List(_))
}

fn event_level(level: Level) -> ::tracing::Level {
    match level {
        Level::Error => ::tracing::Level::ERROR,
        Level::Warn => ::tracing::Level::WARN,
        Level::Info => ::tracing::Level::INFO,
        Level::Debug => ::tracing::Level::DEBUG,
        Level::Trace => ::tracing::Level::TRACE,
    }
}
