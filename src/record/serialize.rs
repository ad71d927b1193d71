//! Records as JSON and for serde.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::record::{
    data::Record,
    format, json,
    schema::Schema,
    value::{Key, Value},
    visit,
};

impl Record<'_> {
    /// Calls `f` with the record as JSON in the names of a schema: one line, without a newline.
    ///
    /// For sinks that write text. The line is the one that [`JsonLines`](crate::JsonLines)
    /// writes. It is in a buffer that the thread reuses, and takes a sixth of the instructions of
    /// serializing the record. The line fits into the
    /// [record limit](crate::BodyLog::record_limit) if `schema` is the
    /// [schema of the sink](crate::Sink::schema).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    ///
    /// use actix_bodylog::{BodyLog, Schema};
    ///
    /// static BYTES: AtomicUsize = AtomicUsize::new(0);
    ///
    /// let body_log = BodyLog::new().sink_fn(|record| {
    ///     record.with_json(Schema::OpenTelemetry, |line| BYTES.fetch_add(line.len(), Relaxed));
    /// });
    /// # let _ = body_log;
    /// ```
    pub fn with_json<T>(&self, schema: Schema, f: impl FnOnce(&str) -> T) -> T {
        json::with_line(self, schema, |line| f(json::as_text(line)))
    }

    /// Returns the record as JSON in the names of a schema: one line, without a newline. For queues and channels.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use actix_bodylog::{BodyLog, Schema};
    ///
    /// let (sender, receiver) = mpsc::sync_channel::<String>(1000);
    /// let body_log = BodyLog::new().sink_fn(move |record| {
    ///     // Never wait here: if the channel is full, the record is lost.
    ///     let _ = sender.try_send(record.to_json(Schema::OpenTelemetry));
    /// });
    /// # let _ = (body_log, receiver);
    /// ```
    #[must_use]
    pub fn to_json(&self, schema: Schema) -> String {
        self.with_json(schema, str::to_owned)
    }

    /// Returns the record with the names, types and units of a schema, to be serialized. The JSON fits
    /// into the [record limit](crate::BodyLog::record_limit) if `schema` is the
    /// [schema of the sink](crate::Sink::schema).
    ///
    /// ```
    /// use actix_bodylog::{BodyLog, Schema};
    ///
    /// let body_log = BodyLog::new().sink_fn(|record| {
    ///     let json = serde_json::to_value(record.in_schema(Schema::Ecs));
    ///     println!("{}", json.unwrap()["@timestamp"]);
    /// });
    /// # let _ = body_log;
    /// ```
    pub fn in_schema(&self, schema: Schema) -> impl Serialize {
        InSchema {
            record: self,
            schema,
        }
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.in_schema(Schema::OpenTelemetry).serialize(serializer)
    }
}

struct InSchema<'r> {
    record: &'r Record<'r>,
    schema: Schema,
}

impl Serialize for InSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(serializer, |mut push| {
            visit::visit(self.record, self.schema, &mut push);
        })
    }
}

/// Serializes the fields that `visit` passes to its argument.
fn serialize_map<S: Serializer>(
    serializer: S,
    visit: impl FnOnce(&mut dyn FnMut(Key<'_>, Value<'_>)),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let mut result = Ok(());
    visit(&mut |key, value| {
        if result.is_ok() {
            result = map.serialize_entry(key.name(), &value);
        }
    });
    result?;
    map.end()
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.typed() {
            Value::Text(value) | Value::Plain(value) | Value::Number(value) => {
                serializer.serialize_str(value)
            }
            Value::Time(value) => serializer.serialize_str(&format::timestamp(value)),
            Value::Address(value) => serializer.collect_str(&value),
            Value::Seconds(value) => serializer.serialize_f64(value.as_secs_f64()),
            Value::Latency(value) => serializer.serialize_str(&format::latency(value)),
            Value::Integer(value) => serializer.serialize_i64(value),
            Value::Unsigned(value) => serializer.serialize_u64(value),
            Value::Float(value) => serializer.serialize_f64(value),
            Value::Bool(value) => serializer.serialize_bool(value),
            Value::List(headers) => serializer.collect_seq(headers.values()),
            Value::Texts(texts) => serializer.collect_seq(texts),
            Value::Url(url) => serializer.collect_str(&url),
            Value::Object(object) => serialize_map(serializer, |mut push| {
                visit::visit_nested(object, &mut push);
            }),
        }
    }
}
