//! The headers of a record.

use std::fmt;

use actix_web::http::header::HeaderName;

use super::part::HeadPart;

/// A header that records may show.
#[derive(Clone, Debug)]
pub(crate) struct HeaderField {
    name: HeaderName,
    /// The [`Key::Ready`](crate::record::value::Key::Ready) of the field.
    key: Box<str>,
}

impl HeaderField {
    /// Returns the field of a header. Its name is that of the header with `prefix` before it.
    pub(crate) fn new(prefix: &str, name: HeaderName) -> Self {
        let key = format!(",\"{prefix}{name}\":[\"").into();
        Self { name, key }
    }

    pub(crate) fn name(&self) -> &HeaderName {
        &self.name
    }
}

/// A header value: a part of the text of a head.
#[derive(Debug)]
pub(crate) struct HeaderValue {
    /// Index of the header in the list of fields.
    pub(crate) field: u16,
    pub(crate) part: HeadPart,
}

impl HeaderValue {
    fn get<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.part.range()).unwrap_or_default()
    }
}

/// Recorded headers, sorted by name. The values of one name keep the order of the message.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a> {
    text: &'a str,
    /// Set if no value needs an escape in JSON.
    is_plain: bool,
    values: &'a [HeaderValue],
    fields: &'a [HeaderField],
}

impl<'a> Headers<'a> {
    /// Returns a view of `values`, which are parts of `text` and sorted by their index in `fields`.
    pub(crate) fn new(
        text: &'a str,
        is_plain: bool,
        values: &'a [HeaderValue],
        fields: &'a [HeaderField],
    ) -> Self {
        Self {
            text,
            is_plain,
            values,
            fields,
        }
    }

    /// Iterates over the values, each with its header's name in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let headers = *self;
        let pair = move |value: &HeaderValue| {
            (headers.field(value).name.as_str(), value.get(headers.text))
        };
        self.values.iter().map(pair)
    }

    /// Returns the first value of the header `name`, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Returns whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Iterates over the values without their names.
    pub(crate) fn values(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let text = self.text;
        self.values.iter().map(move |value| value.get(text))
    }

    /// Splits the headers into runs of values of the same name.
    pub(crate) fn by_name(self) -> impl Iterator<Item = Headers<'a>> {
        self.values
            .chunk_by(|a, b| a.field == b.field)
            .map(move |values| Headers { values, ..self })
    }

    /// Returns the key of the first header.
    pub(crate) fn key(&self) -> &'a str {
        let first = self.values.first();
        first.map_or("", |value| &self.field(value).key)
    }

    /// Returns an upper bound of the bytes that the fields take in JSON, escapes not counted.
    pub(crate) fn max_len(&self) -> usize {
        let len =
            |value: &HeaderValue| self.field(value).key.len() + value.part.len() + r#""],"#.len();
        self.values.iter().map(len).sum()
    }

    /// Returns whether no value needs an escape in JSON.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    fn field(&self, value: &HeaderValue) -> &'a HeaderField {
        &self.fields[usize::from(value.field)]
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
