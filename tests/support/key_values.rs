//! Reads the key-values of a record of the `log` facade.

use log::kv::{Error, Key, Value, VisitSource};
use serde_json::json;

struct Pairs(Vec<(String, serde_json::Value)>);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = if let Some(number) = value.to_u64() {
            json!(number)
        } else if let Some(number) = value.to_f64() {
            json!(number)
        } else if let Some(flag) = value.to_bool() {
            json!(flag)
        } else {
            json!(value.to_string())
        };
        self.0.push((key.to_string(), value));
        Ok(())
    }
}

/// Returns the key-values in their order; numbers and booleans keep their type.
pub fn key_values(record: &log::Record<'_>) -> Vec<(String, serde_json::Value)> {
    let mut pairs = Pairs(Vec::new());
    record.key_values().visit(&mut pairs).unwrap();
    pairs.0
}
