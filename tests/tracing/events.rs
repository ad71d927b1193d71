//! A subscriber that collects events.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Collects events of this crate and of the application, each with its span.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Vec<Value>>>);

/// The fields of an event and the order of their names.
#[derive(Default)]
struct Fields {
    names: Vec<&'static str>,
    values: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.names.push(field.name());
        let before = self.values.insert(field.name().to_owned(), value.into());
        assert_eq!(before, None, "{field} occurs twice");
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        panic!("{field} is untyped: {value:?}");
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // Ignore the events of actix-web.
        if !["actix_bodylog", "application"].contains(&event.metadata().target()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let others = fields.values.get("field.others");
        let others = others.map(|others| serde_json::from_str::<Value>(others.as_str().unwrap()));
        let span = context.event_span(event).map(|span| span.name());
        self.0.lock().unwrap().push(json!({
            "target": event.metadata().target(), "level": event.metadata().level().as_str(),
            "span": span,
            "fields": fields.values, "names": fields.names,
            // The fields in `field.others`.
            "others": others.map(Result::unwrap),
        }));
    }
}

impl Events {
    /// Removes and returns the events so far.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
