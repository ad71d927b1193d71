//! The `log` facade.

use std::time::Duration;

use log::{
    Level,
    kv::{Error, Key, Source, ToValue, VisitSource},
};

use crate::{
    record::{
        data::Record,
        flatten::{self, Held, Pair},
        schema::Schema,
    },
    sink::Sink,
};

/// What this crate says through the `log` facade, it says under this name.
pub(crate) const TARGET: &str = "actix_bodylog";

/// Sends records to the logger of the `log` facade, with the target `actix_bodylog` and the level
/// of the record.
///
/// The message is `METHOD URI`; the fields of the record are key-values, with the names that
/// [`Record`] serializes with. The values of a header are joined by `, ` (RFC 9110, section 5.3).
/// A logger that ignores key-values shows the message only: use [`LogSink::json`] there.
///
/// The logger's own filter decides which levels are recorded. Where it takes not even errors,
/// requests pass through untouched.
#[derive(Clone, Debug, Default)]
pub struct LogSink {
    json: bool,
    schema: Schema,
}

impl LogSink {
    /// Records as key-values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records as one JSON line in the message, without key-values.
    pub fn json() -> Self {
        Self {
            json: true,
            ..Self::default()
        }
    }

    /// The names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    ///
    /// Key-values are flat: a field in an object has both names, `httpRequest.status`.
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
            let level = self.schema.keys().level;
            let pairs = KeyValues(flatten::pairs(record, self.schema, &[level]));
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
                Held::Text(value) => value.to_value(),
                Held::Integer(value) => value.to_value(),
                Held::Unsigned(value) => value.to_value(),
                Held::Float(value) => value.to_value(),
                Held::Bool(value) => value.to_value(),
            };
            visitor.visit_pair(Key::from_str(name), value)?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.0.len()
    }
}
