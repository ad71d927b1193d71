//! The fields of a record as owned scalars, for sinks without objects and lists.

use crate::record::{
    data::Record,
    format,
    schema::Schema,
    value::{Key, Value},
    visit,
};

/// One field. Owned, because `log` and `tracing` borrow the fields after the visit of the record.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: Scalar,
}

pub(crate) enum Scalar {
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

/// Returns the fields that `is_wanted` accepts, in their order.
///
/// A field inside an object is named by its path, as in `httpRequest.status`. The values of a header are
/// joined by `, ` (RFC 9110, section 5.3).
pub(crate) fn pairs(
    record: &Record<'_>,
    schema: Schema,
    is_wanted: impl Fn(Key<'_>, Value<'_>) -> bool,
) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(32);
    let mut push_wanted = |key: Key<'_>, value: Value<'_>| {
        if is_wanted(key, value) {
            push(&mut pairs, key.name().to_owned(), value);
        }
    };
    visit::visit(record, schema, &mut push_wanted);
    pairs
}

fn push(pairs: &mut Vec<Pair>, name: String, value: Value<'_>) {
    let value = match value.typed() {
        Value::Text(value) | Value::Plain(value) | Value::Number(value) => {
            Scalar::Text(value.to_owned())
        }
        Value::Time(value) => Scalar::Text(format::timestamp(value)),
        Value::Address(value) => Scalar::Text(value.to_string()),
        Value::Seconds(value) => Scalar::Float(value.as_secs_f64()),
        Value::Latency(value) => Scalar::Text(format::latency(value)),
        Value::Url(url) => Scalar::Text(url.to_string()),
        Value::Integer(value) => Scalar::Integer(value),
        Value::Unsigned(value) => Scalar::Unsigned(value),
        Value::Float(value) => Scalar::Float(value),
        Value::Bool(value) => Scalar::Bool(value),
        Value::List(headers) => {
            let values: Vec<_> = headers.values().collect();
            Scalar::Text(values.join(", "))
        }
        Value::Texts(texts) => Scalar::Text(texts.join(", ")),
        Value::Object(object) => {
            let mut push_nested = |key: Key<'_>, value: Value<'_>| {
                push(pairs, format!("{name}.{}", key.name()), value);
            };
            visit::visit_nested(object, &mut push_nested);
            return;
        }
    };
    pairs.push(Pair { name, value });
}
