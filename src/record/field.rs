//! Custom fields of a record.

use std::borrow::Cow;

use crate::{
    formats::json::reader::Ending,
    redact::{
        json::redact_json,
        key_cache::Redactor,
        names::{Names, REDACTED},
        text::redact_text,
    },
    util::text,
};

/// Maximum number of custom fields of one exchange. Further fields are dropped.
pub const MAX_FIELDS: usize = 32;
/// Maximum number of bytes kept of the name of a custom field.
pub const MAX_FIELD_NAME_LEN: usize = 64;
/// Maximum number of bytes kept of the value of a custom field.
pub const MAX_FIELD_VALUE_LEN: usize = 1024;

/// The value of a custom field. Strings, numbers, `bool`, [`serde_json::Value`] and an `Option` of
/// any of these convert to it with `into()`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue {
    /// An absent value. The field is left out.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// An integer above the range of `i64`.
    Unsigned(u64),
    /// A floating-point number. The field is left out if the number is not finite, because JSON
    /// cannot express it.
    Float(f64),
    /// A string.
    Text(String),
}

impl From<bool> for FieldValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for FieldValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for FieldValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u16> for FieldValue {
    fn from(value: u16) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for FieldValue {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u64> for FieldValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer)
    }
}

impl From<usize> for FieldValue {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<f32> for FieldValue {
    fn from(value: f32) -> Self {
        Self::Float(value.into())
    }
}

impl From<f64> for FieldValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<String> for FieldValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for FieldValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for FieldValue {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Cow<'_, str>> for FieldValue {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(value.into_owned())
    }
}

/// Converts an array or an object to its JSON text, because a record is flat.
impl From<serde_json::Value> for FieldValue {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::None,
            Value::Bool(value) => value.into(),
            Value::String(value) => value.into(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => value.into(),
                (None, Some(value)) => value.into(),
                (None, None) => number.as_f64().map_or(Self::None, Self::Float),
            },
            Value::Array(_) | Value::Object(_) => Self::Text(value.to_string()),
        }
    }
}

impl<T: Into<FieldValue>> From<Option<T>> for FieldValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// One custom field of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The name. It never equals the name of a field that the record itself has.
    pub name: String,
    /// The value: sanitized, redacted and capped; never [`FieldValue::None`].
    pub value: FieldValue,
}

impl Field {
    /// Returns the number of bytes of memory that the texts of the field hold.
    pub(crate) fn text_memory(&self) -> usize {
        let value = match &self.value {
            FieldValue::Text(text) => text.capacity(),
            _ => 0,
        };
        self.name.capacity() + value
    }

    /// Sanitizes and caps a name. Returns `None` if the name is empty.
    ///
    /// A name that belongs to the record itself gets the prefix `field.`, so that a custom field
    /// cannot replace a field of the record.
    pub(crate) fn sanitized_name(name: &str) -> Option<String> {
        let mut name = text::sanitize(text::cut(name, MAX_FIELD_NAME_LEN)).into_owned();
        if is_reserved(&name) {
            name.insert_str(0, "field.");
        }
        (!name.is_empty()).then_some(name)
    }

    /// Sanitizes, redacts and caps a value. Returns `None` if the value is absent or not finite.
    pub(crate) fn sanitized(
        name: String,
        value: FieldValue,
        redactor: Redactor<'_>,
    ) -> Option<Self> {
        match value {
            FieldValue::None => return None,
            FieldValue::Float(value) if !value.is_finite() => return None,
            _ => {}
        }
        let mut field = Self { name, value };
        field.redact(redactor);
        Some(field)
    }

    /// Replaces the value if the name is sensitive. Otherwise, hides secrets in a value that is a string.
    pub(crate) fn redact(&mut self, redactor: Redactor<'_>) {
        if redactor.is_sensitive_in_form(&self.name) {
            self.value = FieldValue::Text(REDACTED.into());
        } else if let FieldValue::Text(text) = &mut self.value {
            *text = redact_value(text, redactor);
        }
    }
}

/// Redacts a string, or the JSON text of an array or an object.
fn redact_value(value: &str, redactor: Redactor<'_>) -> String {
    let kept = text::cut(value, MAX_FIELD_VALUE_LEN);
    if kept.starts_with(['{', '[']) {
        let mut shown = String::new();
        if redact_json(&mut shown, kept, redactor) != Ending::Malformed {
            return text::cut(&shown, MAX_FIELD_VALUE_LEN).to_owned();
        }
    }
    redact_capped(value, MAX_FIELD_VALUE_LEN, &redactor)
}

/// Sanitizes and redacts a string, and caps it to `max` bytes.
pub(crate) fn redact_capped(value: &str, max: usize, names: &Names) -> String {
    let kept = text::cut(value, max);
    let shown = redact_text(kept, kept.len() < value.len(), names);
    text::cut(&shown, max).to_owned()
}

/// Returns whether a name belongs to the record in any schema. The schemas in use do not matter, so
/// that the name of a custom field does not depend on the sinks.
///
/// `user` is reserved because of `user.id`: a store that turns dotted names into objects, such as
/// Elasticsearch, rejects a record with both of them.
fn is_reserved(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "timestamp",
        "@timestamp",
        "time",
        "level",
        "severity",
        "message",
        "trace_id",
        "span_id",
        "sample_rate",
    ];
    const FAMILIES: [&str; 17] = [
        "http",
        "url",
        "network",
        "server",
        "client",
        "user_agent",
        "exchange",
        "error",
        "user",
        "field",
        "event",
        "ecs",
        "log",
        "trace",
        "span",
        "httpRequest",
        "logging",
    ];
    let family = name.split('.').next().unwrap_or(name);
    NAMES.contains(&name) || FAMILIES.contains(&family)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::redact::key_cache::KeyCache;

    fn field(name: &str, value: impl Into<FieldValue>) -> Option<Field> {
        let name = Field::sanitized_name(name)?;
        Field::sanitized(
            name,
            value.into(),
            Redactor::new(&Names::default(), &KeyCache::new()),
        )
    }

    fn value(name: &str, given: impl Into<FieldValue>) -> FieldValue {
        field(name, given).unwrap().value
    }

    #[test]
    fn field_values_keep_their_type() {
        assert_eq!(value("a", 1_i32), FieldValue::Integer(1));
        assert_eq!(value("a", u64::MAX), FieldValue::Unsigned(u64::MAX));
        assert_eq!(value("a", 1.5), FieldValue::Float(1.5));
        assert_eq!(value("a", true), FieldValue::Bool(true));
        assert_eq!(value("a", "x"), FieldValue::Text("x".into()));
        assert_eq!(value("a", json!(7)), FieldValue::Integer(7));
        assert_eq!(value("a", Some("x")), FieldValue::Text("x".into()));
    }

    #[test]
    fn absent_values_and_empty_names_make_no_field() {
        assert_eq!(field("a", None::<i64>), None);
        assert_eq!(field("a", json!(null)), None);
        assert_eq!(field("a", f64::NAN), None);
        assert_eq!(field("", 1_i64), None);
    }

    #[test]
    fn field_names_and_values_are_sanitized_and_capped() {
        let field = field("a\nb", "x\r\ny\u{202e}").unwrap();
        assert_eq!(
            (field.name.as_str(), field.value),
            ("a b", FieldValue::Text("x  y ".into()))
        );
        let FieldValue::Text(long) = value("a", "x".repeat(5000)) else {
            panic!("a string stays a string");
        };
        assert_eq!(long.len(), MAX_FIELD_VALUE_LEN);
    }

    #[test]
    fn field_values_are_redacted_by_name_and_inside_json() {
        assert_eq!(value("api_key", 7_i64), FieldValue::Text(REDACTED.into()));
        assert_eq!(
            value("login", json!({"user": "ann", "password": "x"})),
            FieldValue::Text(r#"{"password":"[REDACTED]","user":"ann"}"#.into())
        );
    }

    #[test]
    fn reserved_field_names_get_a_prefix() {
        for name in [
            "level",
            "http.response.status_code",
            "user.id",
            "user",
            "field.x",
            "severity",
            "event.duration",
            "logging.googleapis.com/trace",
        ] {
            assert_eq!(field(name, 1_i64).unwrap().name, format!("field.{name}"));
        }
        for name in ["tenant", "username", "times.a", "eventful"] {
            assert_eq!(field(name, 1_i64).unwrap().name, name);
        }
    }
}
