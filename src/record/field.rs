//! What handlers and other middleware add to a record.

use std::borrow::Cow;

use crate::{
    formats::json::reader::Ending,
    redact::{
        json::redact_json,
        names::{Names, REDACTED},
        text::redact_text,
    },
    util::text,
};

/// Custom fields kept of one exchange; more are dropped.
pub const MAX_FIELDS: usize = 32;
/// Bytes kept of the name of a custom field.
pub const MAX_FIELD_NAME_LEN: usize = 64;
/// Bytes kept of the value of a custom field.
pub const MAX_FIELD_VALUE_LEN: usize = 1024;
/// Bytes kept of each part of a [`User`].
pub const MAX_USER_LEN: usize = 256;

/// Who made a request, as the application knows them. An empty string is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// `user.id`
    pub id: String,
    /// `user.name`
    pub name: String,
    /// `user.type`
    pub kind: String,
}

impl User {
    /// The form in which a record holds it: clean, redacted, capped.
    pub(crate) fn cleaned(self, names: &Names) -> Self {
        Self {
            id: redacted(&self.id, MAX_USER_LEN, names),
            name: redacted(&self.name, MAX_USER_LEN, names),
            kind: redacted(&self.kind, MAX_USER_LEN, names),
        }
    }
}

fn redacted(value: &str, max: usize, names: &Names) -> String {
    let kept = text::cut(value, max);
    let shown = redact_text(kept, kept.len() < value.len(), names);
    text::cut(&shown, max).to_owned()
}

/// The value of a custom field; made with `into()` from strings, numbers, `bool`,
/// [`serde_json::Value`] and an `Option` of any of these.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue {
    /// No value: the field is left out.
    None,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above the range of `i64`.
    Unsigned(u64),
    /// Any other number. One that is not finite is left out: JSON has none.
    Float(f64),
    /// A text.
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

/// An array or an object becomes its JSON text: a record is flat.
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
    /// Never one of the names that the record itself uses.
    pub name: String,
    /// Clean, redacted, capped; never [`FieldValue::None`].
    pub value: FieldValue,
}

impl Field {
    /// The form in which a record holds a name; `None` if there is none.
    ///
    /// A name that belongs to the record itself gets the prefix `field.`: it must not replace what
    /// the record says.
    pub(crate) fn cleaned_name(name: &str) -> Option<String> {
        let mut name = text::clean(text::cut(name, MAX_FIELD_NAME_LEN)).into_owned();
        if is_reserved(&name) {
            name.insert_str(0, "field.");
        }
        (!name.is_empty()).then_some(name)
    }

    /// The form in which a record holds it; `None` if there is no value.
    pub(crate) fn cleaned(name: String, value: FieldValue, names: &Names) -> Option<Self> {
        match value {
            FieldValue::None => return None,
            FieldValue::Float(value) if !value.is_finite() => return None,
            _ => {}
        }
        let mut field = Self { name, value };
        field.hide(names);
        Some(field)
    }

    /// Hides what is sensitive by these names.
    pub(crate) fn hide(&mut self, names: &Names) {
        if names.is_sensitive_in_form(&self.name) {
            self.value = FieldValue::Text(REDACTED.into());
        } else if let FieldValue::Text(text) = &mut self.value {
            *text = redacted_value(text, names);
        }
    }
}

/// A text, or the JSON that an array or an object was made into.
fn redacted_value(value: &str, names: &Names) -> String {
    let kept = text::cut(value, MAX_FIELD_VALUE_LEN);
    if kept.starts_with(['{', '[']) {
        let mut shown = String::new();
        if redact_json(&mut shown, kept, names) != Ending::Malformed {
            return text::cut(&shown, MAX_FIELD_VALUE_LEN).to_owned();
        }
    }
    redacted(value, MAX_FIELD_VALUE_LEN, names)
}

/// Taken by a record, in any schema: one that a sink shows is not to depend on which sinks there are.
///
/// `user` is taken too, because of `user.id`: a store that makes objects of dotted names (as
/// Elasticsearch does) would refuse a record with both of them.
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

    fn field(name: &str, value: impl Into<FieldValue>) -> Option<Field> {
        Field::cleaned(Field::cleaned_name(name)?, value.into(), &Names::default())
    }

    fn value(name: &str, given: impl Into<FieldValue>) -> FieldValue {
        field(name, given).unwrap().value
    }

    #[test]
    fn values_keep_their_type() {
        assert_eq!(value("a", 1_i32), FieldValue::Integer(1));
        assert_eq!(value("a", u64::MAX), FieldValue::Unsigned(u64::MAX));
        assert_eq!(value("a", 1.5), FieldValue::Float(1.5));
        assert_eq!(value("a", true), FieldValue::Bool(true));
        assert_eq!(value("a", "x"), FieldValue::Text("x".into()));
        assert_eq!(value("a", json!(7)), FieldValue::Integer(7));
        assert_eq!(value("a", Some("x")), FieldValue::Text("x".into()));
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        assert_eq!(field("a", None::<i64>), None);
        assert_eq!(field("a", json!(null)), None);
        assert_eq!(field("a", f64::NAN), None);
        assert_eq!(field("", 1_i64), None);
    }

    #[test]
    fn names_and_values_are_clean_and_capped() {
        let field = field("a\nb", "x\r\ny\u{202e}").unwrap();
        assert_eq!(
            (field.name.as_str(), field.value),
            ("a b", FieldValue::Text("x  y ".into()))
        );
        let FieldValue::Text(long) = value("a", "x".repeat(5000)) else {
            panic!("a text stays a text");
        };
        assert_eq!(long.len(), MAX_FIELD_VALUE_LEN);
    }

    #[test]
    fn secrets_are_hidden_by_name_also_inside() {
        assert_eq!(value("api_key", 7_i64), FieldValue::Text(REDACTED.into()));
        assert_eq!(
            value("login", json!({"user": "ann", "password": "x"})),
            FieldValue::Text(r#"{"password":"[REDACTED]","user":"ann"}"#.into())
        );
    }

    #[test]
    fn a_field_cannot_take_the_name_of_another() {
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
