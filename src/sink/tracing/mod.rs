//! Events of `tracing`.

mod callsites;

use ::tracing::{Event, Value, dispatcher};
use log::Level;

use crate::{
    record::{
        data::{Record, with_every_field},
        flatten::{self, Held, Pair},
        schema::Schema,
    },
    sink::{Sink, tracing::callsites::Fields},
};

/// Records as events of `tracing`, with the target `actix_bodylog` and the level of the record.
///
/// The message is `METHOD URI`, and each field of the record is one of the event, with its own type: texts, whole
/// numbers, floats and `bool`s, which formatters, layers and OpenTelemetry's appender take as they are. The values of a
/// header are joined by `, `. There is no `level` and no `timestamp`: an event has both, and formatters that flatten
/// it would write them twice. Its time is that of the end, and the beginning is `http.server.request.duration`
/// before it.
///
/// The event is in the span that was current when the request reached the logger, however the exchange
/// ended. So wrap whatever makes such spans around it:
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
/// `tracing` has to be told the names of fields in advance, and never forgets one. So there is room for 128 names of
/// custom fields in a process; any others are in one field, `field.others`, as a JSON object. Take them from a
/// set, as one does for columns.
///
/// Subscribers decide which levels are recorded; a filter for `actix_bodylog` that takes not even errors lets
/// requests pass through untouched.
#[derive(Clone, Debug, Default)]
pub struct TracingSink {
    schema: Schema,
}

const MESSAGE: &str = "message";
/// Of all fields for whose names there is no room.
const OTHERS: &str = "field.others";

impl TracingSink {
    /// A sink that sends events to whoever subscribes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    ///
    /// Fields are flat: one in an object has both names, `httpRequest.status`.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema }
    }
}

impl Sink for TracingSink {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn enabled(&self, level: Level) -> bool {
        // The dispatcher is not asked: filters of layers remember what they answer until an event follows.
        let fields = Fields::fixed(self.schema);
        fields.callsite(event_level(level)).is_wanted()
    }

    fn emit(&self, record: &Record<'_>) {
        let pairs = pairs(record, self.schema);
        // Custom fields come last, and each has a value.
        let own = pairs.len().saturating_sub(record.fields.len());
        let fields = Fields::with(self.schema, pairs.split_at(own));
        let site = fields.callsite(event_level(record.level));
        let metadata = site.metadata();
        if !dispatcher::get_default(|dispatch| dispatch.enabled(metadata)) {
            return;
        }
        let mut values: Vec<Option<&dyn Value>> = vec![None; fields.len()];
        values[fields.place(MESSAGE).unwrap_or(0)] = Some(&record.message);
        let mut others = serde_json::Map::new();
        for Pair { name, value } in &pairs {
            match fields.place(name) {
                Some(place) => values[place] = Some(value.as_event_value()),
                None => drop(others.insert(name.clone(), value.to_json())),
            }
        }
        let others = match others.is_empty() {
            true => None,
            false => Some(serde_json::Value::Object(others).to_string()),
        };
        if let (Some(others), Some(place)) = (&others, fields.place(OTHERS)) {
            values[place] = Some(others);
        }
        Event::dispatch(metadata, &metadata.fields().value_set_all(&values));
    }
}

fn pairs(record: &Record<'_>, schema: Schema) -> Vec<Pair> {
    let keys = schema.keys();
    flatten::pairs(record, schema, &[keys.level, keys.timestamp])
}

/// The names that a record can have, but for those of headers and custom fields, in their order.
fn every_name(schema: Schema) -> impl Iterator<Item = String> {
    let pairs = with_every_field(|record| pairs(&record, schema));
    pairs.into_iter().map(|pair| pair.name)
}

impl Held {
    fn as_event_value(&self) -> &dyn Value {
        match self {
            Held::Text(value) => value,
            Held::Integer(value) => value,
            Held::Unsigned(value) => value,
            Held::Float(value) => value,
            Held::Bool(value) => value,
        }
    }

    fn to_json(&self) -> serde_json::Value {
        match self {
            Held::Text(value) => value.as_str().into(),
            Held::Integer(value) => (*value).into(),
            Held::Unsigned(value) => (*value).into(),
            Held::Float(value) => (*value).into(),
            Held::Bool(value) => (*value).into(),
        }
    }
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
