//! A sink for the `log` facade.

use std::time::Duration;

use log::{
    Level,
    kv::{self, Error, Source, ToValue, VisitSource},
};

use crate::{
    record::{
        data::Record,
        flatten::{self, Pair, Scalar},
        schema::Schema,
        value::{Key, MESSAGE},
    },
    sink::{sink_trait::Sink, target::TARGET},
};

/// Logs records through the `log` facade, with the target `actix_bodylog` and the level of the record.
///
/// The message is `METHOD URI`. The fields of the record are key-values, with the names that [`Record`]
/// serializes with. The values of a header are joined by `, ` (RFC 9110, section 5.3). If the implementation of `log`
/// ignores key-values, use [`LogSink::json`].
///
/// The filter of that implementation decides which records this sink logs. If no sink of a logger is enabled for
/// `Error`, requests pass through.
#[derive(Clone, Debug, Default)]
pub struct LogSink {
    json: bool,
    schema: Schema,
}

impl LogSink {
    /// Returns a sink that logs the fields as key-values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a sink that logs the record as one line of JSON in the message, without key-values.
    pub fn json() -> Self {
        Self {
            json: true,
            ..Self::default()
        }
    }

    /// Sets the names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    ///
    /// Key-values are flat: a field inside an object is named by its path, as in `httpRequest.status`.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }
}

impl Sink for LogSink {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn enabled(&self, level: Level) -> bool {
        log::log_enabled!(target: TARGET, level)
    }

    fn emit(&self, record: &Record<'_>) {
        if self.json {
            record.with_json(self.schema, |line| {
                let mut builder = builder(record);
                log::logger().log(&builder.args(format_args!("{line}")).build());
            });
        } else {
            // The `log` record has the message and the level already.
            let elsewhere = [MESSAGE, self.schema.keys().level];
            let pairs = flatten::pairs(
                record,
                self.schema,
                |key, _| !matches!(key, Key::Ready(key) if elsewhere.contains(&key)),
            );
            let pairs = KeyValues(pairs);
            let mut builder = builder(record);
            builder.key_values(&pairs);
            log::logger().log(&builder.args(format_args!("{}", record.message)).build());
        }
    }

    fn flush(&self, _: Duration) -> bool {
        log::logger().flush();
        true
    }
}

fn builder<'b>(record: &Record<'_>) -> log::RecordBuilder<'b> {
    let mut builder = log::Record::builder();
    builder.level(record.level).target(TARGET);
    builder
}

/// The fields of a record as key-values.
struct KeyValues(Vec<Pair>);

impl Source for KeyValues {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        for Pair { name, value } in &self.0 {
            let value = match value {
                Scalar::Text(value) => value.to_value(),
                Scalar::Integer(value) => value.to_value(),
                Scalar::Unsigned(value) => value.to_value(),
                Scalar::Float(value) => value.to_value(),
                Scalar::Bool(value) => value.to_value(),
            };
            visitor.visit_pair(kv::Key::from_str(name), value)?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
