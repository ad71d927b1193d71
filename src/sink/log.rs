//! The `log` facade.

use std::{convert::Infallible, str};

use log::{
    Level,
    kv::{Error, Key, Source, ToValue, VisitSource},
};

use super::Sink;
use crate::{
    record::{self, Record, Value},
    render,
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
}

impl LogSink {
    /// Records as key-values.
    pub fn new() -> Self {
        Self { json: false }
    }

    /// Records as one JSON line in the message, without key-values.
    pub fn json() -> Self {
        Self { json: true }
    }
}

impl Sink for LogSink {
    fn enabled(&self, level: Level) -> bool {
        log::log_enabled!(target: TARGET, level)
    }

    fn emit(&self, record: &Record<'_>) {
        if self.json {
            render::with_line(record, |line| {
                // Made of strings; the newline is the logger's to write.
                let line = str::from_utf8(line.trim_ascii_end()).unwrap_or_default();
                let mut builder = builder(record);
                log::logger().log(&builder.args(format_args!("{line}")).build());
            });
        } else {
            let pairs = KeyValues::new(record);
            let mut builder = builder(record);
            builder.key_values(&pairs);
            log::logger().log(&builder.args(format_args!("{}", record.message)).build());
        }
    }

    fn flush(&self) {
        log::logger().flush();
    }
}

fn builder<'b>(record: &Record<'_>) -> log::RecordBuilder<'b> {
    let mut builder = log::Record::builder();
    builder.level(record.level).target(TARGET);
    builder
}

/// The fields of a record as key-values: a logger may keep references to them for as long as the
/// source lives, so they are owned.
struct KeyValues(Vec<(String, Held)>);

enum Held {
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

impl KeyValues {
    fn new(record: &Record<'_>) -> Self {
        let mut pairs = Vec::with_capacity(32);
        let Ok(()) = record.try_for_each(|key, value| {
            let name = key.name();
            let held = match value {
                // The message has a place of its own, and so has the level.
                _ if matches!(name, "message" | "level") => return Ok(()),
                Value::Text(value) | Value::Plain(value) => Held::Text(value.to_owned()),
                Value::Ascii(value) => Held::Text(record::ascii(value).to_owned()),
                Value::Seconds(value) => Held::Float(value.as_secs_f64()),
                Value::Integer(value) => Held::Integer(value),
                Value::Unsigned(value) => Held::Unsigned(value),
                Value::Float(value) => Held::Float(value),
                Value::Bool(value) => Held::Bool(value),
                Value::List(headers) => {
                    let values: Vec<_> = headers.values().collect();
                    Held::Text(values.join(", "))
                }
            };
            pairs.push((name.to_owned(), held));
            Ok::<_, Infallible>(())
        });
        Self(pairs)
    }
}

impl Source for KeyValues {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        for (name, held) in &self.0 {
            let value = match held {
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
