//! The names and values of fields, as renderings receive them.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use crate::record::{data::Record, headers::Headers};

/// Key of the message, in all schemas.
pub(crate) const MESSAGE: &str = r#","message":""#;

/// The name of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key<'k> {
    /// The JSON between the previous value and this one: `,"name":`, followed by a quote if the value is
    /// a string, and by a bracket and a quote if the value is a list of strings. The JSON renderer copies
    /// these bytes unchanged.
    Ready(&'k str),
    /// Name of a custom field.
    Custom(&'k str),
}

impl<'k> Key<'k> {
    /// Returns the bare name.
    pub(crate) fn name(self) -> &'k str {
        match self {
            Key::Ready(json) => {
                let json = json.strip_prefix(",\"").unwrap_or(json);
                json.split('"').next().unwrap_or(json)
            }
            Key::Custom(name) => name,
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    /// A string.
    Text(&'v str),
    /// A string that needs no escapes in JSON.
    Plain(&'v str),
    Time(SystemTime),
    Address(IpAddr),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// A number in the digits of a JSON text.
    Number(&'v str),
    Seconds(Duration),
    Bool(bool),
    /// The values of one header; never empty.
    List(&'v Headers<'v>),
    /// Strings; never empty.
    Texts(&'v [String]),
    /// Seconds as a string with their unit: `0.123s`.
    Latency(Duration),
    Url(RequestUrl<'v>),
    Object(Nested<'v>),
}

impl Value<'_> {
    /// Returns a number of a JSON text as an integer or a float that is written with the same digits, or else as a
    /// string. For interfaces that take only the numbers of Rust. Other values are unchanged.
    pub(crate) fn typed(self) -> Self {
        let Self::Number(digits) = self else {
            return self;
        };
        if digits == "-0" {
            return Self::Text(digits);
        }
        let integer = digits.parse().map(Self::Integer);
        if let Ok(integer) = integer.or_else(|_| digits.parse().map(Self::Unsigned)) {
            return integer;
        }
        match digits.parse() {
            Ok(float) if serde_json::to_string(&float).is_ok_and(|text| text == digits) => {
                Self::Float(float)
            }
            _ => Self::Text(digits),
        }
    }

    /// Returns whether the JSON of the value begins with a quote, or with a bracket and a quote.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Text(_)
                | Self::Plain(_)
                | Self::Time(_)
                | Self::Address(_)
                | Self::List(_)
                | Self::Texts(_)
                | Self::Latency(_)
                | Self::Url(_)
        )
    }
}

/// Fields that a schema puts into an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nested<'v> {
    HttpRequest(&'v Record<'v>),
    Labels(&'v Record<'v>),
}

/// The full URL of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestUrl<'r>(&'r Record<'r>);

impl<'r> RequestUrl<'r> {
    pub(crate) fn new(record: &'r Record<'r>) -> Self {
        Self(record)
    }

    /// Passes the parts of the URL to `push`, to be concatenated. If the scheme or the host is absent, or if the target
    /// is not a path, the parts are only the target.
    pub(crate) fn push_parts(&self, mut push: impl FnMut(&str)) {
        let Self(record) = self;
        if record.path.starts_with('/')
            && let Some(scheme) = record.scheme
            && let Some(host) = record.server_address
        {
            let (open, close) = match host.contains(':') {
                true => ("[", "]"),
                false => ("", ""),
            };
            for part in [scheme, "://", open, host, close] {
                push(part);
            }
            if let Some(port) = record.server_port {
                push(":");
                push(itoa::Buffer::new().format(port));
            }
        }
        push(record.path);
        if let Some(query) = record.query {
            push("?");
            push(query);
        }
    }
}

impl fmt::Display for RequestUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.push_parts(|part| result = result.and_then(|()| f.write_str(part)));
        result
    }
}
