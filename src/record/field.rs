//! Custom fields of a record.

use std::{borrow::Cow, fmt};

use crate::{
    formats::json::tokens::Ending,
    redact::{
        json::redact_json,
        key_cache::Redactor,
        listed::{NameClass, Place},
        pieces::REDACTED,
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
pub enum FieldValue<'v> {
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
    Text(Cow<'v, str>),
}

/// Implements `From` for the types that convert to one variant without loss.
macro_rules! from {
    ($($type:ty => $variant:ident,)*) => {
        $(impl From<$type> for FieldValue<'_> {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Bool,
    i8 => Integer,
    i16 => Integer,
    i32 => Integer,
    i64 => Integer,
    u8 => Integer,
    u16 => Integer,
    u32 => Integer,
    f32 => Float,
    f64 => Float,
    String => Text,
}

impl From<u64> for FieldValue<'_> {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer)
    }
}

impl From<usize> for FieldValue<'_> {
    fn from(value: usize) -> Self {
        (value as u64).into()
    }
}

impl From<isize> for FieldValue<'_> {
    fn from(value: isize) -> Self {
        (value as i64).into()
    }
}

impl FieldValue<'_> {
    /// Returns the value with an owned string, for another thread.
    #[must_use]
    pub fn into_owned(self) -> FieldValue<'static> {
        match self {
            Self::None => FieldValue::None,
            Self::Bool(value) => FieldValue::Bool(value),
            Self::Integer(value) => FieldValue::Integer(value),
            Self::Unsigned(value) => FieldValue::Unsigned(value),
            Self::Float(value) => FieldValue::Float(value),
            Self::Text(value) => FieldValue::Text(value.into_owned().into()),
        }
    }
}

impl<'v> From<&'v str> for FieldValue<'v> {
    fn from(value: &'v str) -> Self {
        Self::Text(value.into())
    }
}

impl<'v> From<&'v String> for FieldValue<'v> {
    fn from(value: &'v String) -> Self {
        Self::Text(value.into())
    }
}

impl<'v> From<Cow<'v, str>> for FieldValue<'v> {
    fn from(value: Cow<'v, str>) -> Self {
        Self::Text(value)
    }
}

/// Converts an array or an object to its JSON text, because a record is flat.
impl From<serde_json::Value> for FieldValue<'_> {
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
            Value::Array(_) | Value::Object(_) => value.to_string().into(),
        }
    }
}

impl<'v, T: Into<FieldValue<'v>>> From<Option<T>> for FieldValue<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

/// The custom fields of a record: those of the logger, then those of the exchange, in the order in which they were
/// added.
#[derive(Clone, Copy, Default)]
pub struct Fields<'a> {
    of_logger: &'a [Field],
    of_exchange: &'a [Field],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(of_logger: &'a [Field], of_exchange: &'a [Field]) -> Self {
        Self {
            of_logger,
            of_exchange,
        }
    }

    /// Iterates over the fields, each with its name. A name never equals that of a field that the record itself has. A
    /// value is sanitized, redacted and capped, and never [`FieldValue::None`].
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, FieldValue<'a>)> + use<'a> {
        self.entries().map(|field| {
            let value = match &field.value {
                FieldValue::None => FieldValue::None,
                FieldValue::Bool(value) => FieldValue::Bool(*value),
                FieldValue::Integer(value) => FieldValue::Integer(*value),
                FieldValue::Unsigned(value) => FieldValue::Unsigned(*value),
                FieldValue::Float(value) => FieldValue::Float(*value),
                FieldValue::Text(value) => FieldValue::Text(Cow::Borrowed(value)),
            };
            (&*field.name, value)
        })
    }

    /// Returns the value of the field `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<FieldValue<'a>> {
        self.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Returns whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of_logger.is_empty() && self.of_exchange.is_empty()
    }

    /// Iterates over the fields. A field of the logger is left out if the exchange has one with its name.
    pub(crate) fn entries(self) -> impl Iterator<Item = &'a Field> {
        let is_common = move |field: &&Field| {
            let mut others = self.of_exchange.iter();
            others.all(|other| other.name != field.name)
        };
        self.of_logger
            .iter()
            .filter(is_common)
            .chain(self.of_exchange)
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The prefix of a custom field whose name belongs to the record itself.
const PREFIX: &str = "field.";

/// One custom field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    is_name_cut: bool,
    /// Sanitized, redacted and capped; never [`FieldValue::None`].
    pub(crate) value: FieldValue<'static>,
}

impl Field {
    /// Returns the number of bytes of memory that the texts of the field hold.
    pub(crate) fn text_memory(&self) -> usize {
        let value = match &self.value {
            FieldValue::Text(Cow::Owned(text)) => text.capacity(),
            _ => 0,
        };
        self.name.capacity() + value
    }

    /// Sanitizes and caps a name.
    ///
    /// A name that belongs to the record itself gets a prefix, so that a custom field cannot replace a field of the
    /// record.
    pub(crate) fn shown_name(name: &str) -> String {
        let mut name = text::sanitize(text::cut(name, MAX_FIELD_NAME_LEN)).into_owned();
        if is_reserved(&name) {
            name.insert_str(0, PREFIX);
        }
        name
    }

    /// Checks the name of a field of every record. Returns the reason why there can be no such field.
    pub(crate) fn check_name(name: &str) -> Result<(), String> {
        let shown = Self::shown_name(name);
        let reason = if name.is_empty() {
            "it is empty".to_owned()
        } else if name.len() > MAX_FIELD_NAME_LEN {
            format!("it has more than {MAX_FIELD_NAME_LEN} bytes")
        } else if shown.starts_with(PREFIX) {
            "a record has a field of this name, or may get one".to_owned()
        } else if shown != name {
            "it contains a control character, a line separator or a bidirectional override"
                .to_owned()
        } else {
            return Ok(());
        };
        Err(format!("{name:?} cannot be the name of a field: {reason}"))
    }

    /// Sanitizes, redacts and caps a field. Returns `None` if the name is empty, or if the value is absent or not
    /// finite.
    pub(crate) fn sanitized(
        name: &str,
        value: FieldValue<'_>,
        redactor: Redactor<'_>,
    ) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let value = match value {
            FieldValue::None => return None,
            FieldValue::Float(value) if !value.is_finite() => return None,
            // The name that was given decides, because the name that is shown may be cut.
            value if is_hidden(redactor.class_of(name), &value) => REDACTED.into(),
            FieldValue::Text(text) => redact_value(&text, redactor).into(),
            FieldValue::Bool(value) => value.into(),
            FieldValue::Integer(value) => or_hidden(value, redactor),
            FieldValue::Unsigned(value) => or_hidden(value, redactor),
            FieldValue::Float(value) => or_hidden(value, redactor),
        };
        Some(Self {
            name: Self::shown_name(name),
            is_name_cut: name.len() > MAX_FIELD_NAME_LEN,
            value,
        })
    }

    /// Redacts the value with other names, too.
    pub(crate) fn redact(&mut self, redactor: Redactor<'_>) {
        let name = self.name.strip_prefix(PREFIX).unwrap_or(&self.name);
        let value = match self.is_name_cut {
            // Whether the whole name is sensitive is not known any more.
            true => REDACTED.into(),
            false => std::mem::replace(&mut self.value, FieldValue::None),
        };
        if let Some(field) = Self::sanitized(name, value, redactor) {
            self.value = field.value;
        }
    }
}

/// Returns whether a value is a secret by the class of its name, as it is under a key of JSON.
fn is_hidden(class: NameClass, value: &FieldValue<'_>) -> bool {
    match value {
        FieldValue::None => false,
        FieldValue::Bool(_) => class == NameClass::SecretOfUser,
        FieldValue::Integer(_) | FieldValue::Unsigned(_) | FieldValue::Float(_) => {
            class.is_secret() && class != NameClass::Tokens
        }
        FieldValue::Text(text) => class.hides(text, Place::Document),
    }
}

/// Returns a number, or its replacement if a condition on values holds for its digits.
fn or_hidden<N>(number: N, redactor: Redactor<'_>) -> FieldValue<'static>
where
    N: ToString + Into<FieldValue<'static>>,
{
    match redactor.has_conditions() && redactor.meets_condition(&number.to_string()) {
        true => REDACTED.into(),
        false => number.into(),
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
    redact_capped(value, MAX_FIELD_VALUE_LEN, redactor)
}

/// Sanitizes and redacts a string, and caps it to `max` bytes.
pub(crate) fn redact_capped(value: &str, max: usize, redactor: Redactor<'_>) -> String {
    let kept = text::cut(value, max);
    let shown = redact_text(kept, kept.len() < value.len(), redactor);
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
        "trace_flags",
        "parent_span_id",
    ];
    const FAMILIES: [&str; 19] = [
        "http",
        "url",
        "network",
        "server",
        "client",
        "user_agent",
        "exchange",
        "error",
        "exception",
        "user",
        "field",
        "event",
        "ecs",
        "log",
        "trace",
        "parent",
        "source",
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
    use crate::redact::{key_cache::KeyCache, names::Names};

    fn field<'v>(name: &str, value: impl Into<FieldValue<'v>>) -> Option<Field> {
        let (names, keys) = (Names::default(), KeyCache::new());
        Field::sanitized(name, value.into(), Redactor::new(&names, &keys))
    }

    fn value<'v>(name: &str, given: impl Into<FieldValue<'v>>) -> FieldValue<'static> {
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
    fn value_that_is_no_secret_by_the_class_of_its_name_is_shown() {
        let hidden = || FieldValue::Text(REDACTED.into());
        assert_eq!(value("max_tokens", 5), FieldValue::Integer(5));
        assert_eq!(value("tokens", 7_u64), FieldValue::Integer(7));
        assert_eq!(value("tokens", 1.5), FieldValue::Float(1.5));
        assert_eq!(value("tokens", "hunter2"), hidden());
        assert_eq!(value("tokens", json!(["hunter2"])), hidden());
        assert_eq!(value("token_ok", true), FieldValue::Bool(true));
        assert_eq!(value("token_ok", "hunter2"), hidden());
        assert_eq!(value("pin", 1234), hidden());
        assert_eq!(value("password", ""), FieldValue::Text("".into()));
        let (mut names, keys) = (Names::default(), KeyCache::new());
        names.redact("vip");
        let field = Field::sanitized("vip", true.into(), Redactor::new(&names, &keys));
        assert_eq!(field.unwrap().value, hidden());
    }

    #[test]
    fn the_name_that_was_given_decides_whether_the_value_is_hidden() {
        let long = format!("{}.password", "x".repeat(MAX_FIELD_NAME_LEN));
        assert_eq!(value(&long, "y"), FieldValue::Text(REDACTED.into()));
        let (mut names, keys) = (Names::default(), KeyCache::new());
        names.redact("user.iban");
        let field = Field::sanitized("user.iban", "y".into(), Redactor::new(&names, &keys));
        let field = field.unwrap();
        assert_eq!(
            (&*field.name, field.value),
            ("field.user.iban", FieldValue::Text(REDACTED.into()))
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
