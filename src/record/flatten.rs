//! The fields of a record names and values of their own, for sinks that know no objects.

use std::convert::Infallible;

use crate::record::{
    data::Record,
    schema::Schema,
    visit::{self, ByFunction, Key, Latency, MESSAGE, Value},
};

/// One field. Owned: who gets it may keep references to it for as long as they like.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: Held,
}

pub(crate) enum Held {
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

/// All fields in their order, but for the message and for those with one of these keys: they have a place of their
/// own where this is used. A field in an object has both names, `httpRequest.status`; the values of a
/// header are joined by `, ` (RFC 9110, section 5.3).
pub(crate) fn pairs(record: &Record<'_>, schema: Schema, but_for: &[&str]) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(32);
    let Ok(()) = record.try_for_each(schema, |key, value| {
        let is_said = matches!(key, Key::Ready(key) if key == MESSAGE || but_for.contains(&key));
        if !is_said {
            push(&mut pairs, key.name(), value);
        }
        Ok::<_, Infallible>(())
    });
    pairs
}

fn push(pairs: &mut Vec<Pair>, name: &str, value: Value<'_>) {
    let value = match value {
        Value::Text(value) | Value::Plain(value) => Held::Text(value.to_owned()),
        Value::Ascii(value) => Held::Text(visit::ascii(value).to_owned()),
        Value::Seconds(value) => Held::Float(value.as_secs_f64()),
        Value::Latency(value) => Held::Text(Latency(value).to_string()),
        Value::Url(url) => Held::Text(url.to_string()),
        Value::Integer(value) => Held::Integer(value),
        Value::Unsigned(value) => Held::Unsigned(value),
        Value::Float(value) => Held::Float(value),
        Value::Bool(value) => Held::Bool(value),
        Value::List(headers) => {
            let values: Vec<_> = headers.values().collect();
            Held::Text(values.join(", "))
        }
        Value::Object(object) => {
            let Ok(()) = object.visit(&mut ByFunction(|key: Key<'_>, value: Value<'_>| {
                push(pairs, &format!("{name}.{}", key.name()), value);
                Ok::<_, Infallible>(())
            }));
            return;
        }
    };
    pairs.push(Pair {
        name: name.to_owned(),
        value,
    });
}
