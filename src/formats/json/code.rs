//! The result code of a response.

use std::{fmt, str};

use smallvec::SmallVec;

use crate::util::{text, text_enum::text_enum};

/// Maximum number of bytes kept of a code. A longer string is truncated. A longer number is not recorded, and its
/// [`CodeState`] is `cut`. The limit leaves room for RFC 9457 problem types, which are URLs.
pub const MAX_CODE_LEN: usize = 128;

/// A code as it occurs in the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code<'a> {
    /// A JSON number, in the digits of the response.
    Number(&'a str),
    /// A JSON string, unescaped and on one line.
    Text(&'a str),
}

impl<'a> Code<'a> {
    /// Returns the digits of a number, or a string without quotes.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        match self {
            Code::Number(text) | Code::Text(text) => text,
        }
    }

    /// Returns the value of a number or of a string of digits, which decides the level. Returns `None` for any other
    /// string.
    ///
    /// A fraction is dropped. A number outside of the range of `i64` becomes the nearest value in the range.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        let digits = match self {
            Code::Number(digits) => digits,
            Code::Text(text) => {
                let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                all_digits.then_some(text)?
            }
        };
        digits.parse().ok().or_else(|| {
            // `as` saturates, so that a very large code stays severe.
            digits.parse::<f64>().ok().map(|number| number as i64)
        })
    }
}

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

text_enum! {
    /// The reason why the code of a JSON response is not known. A response without a code has no state.
    pub enum CodeState {
        /// The part that was read ends before or inside of the code, the JSON is nested too deeply, or the code is a
        /// number longer than [`MAX_CODE_LEN`].
        Cut = "cut",
        /// The response is not JSON.
        Malformed = "malformed",
        /// The response has a content coding or a charset that could not be read.
        Unreadable = "unreadable",
    }
}

/// The path to the code: the keys from the top of the document down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodePath(Vec<String>);

impl Default for CodePath {
    fn default() -> Self {
        Self(vec!["code".to_owned()])
    }
}

impl CodePath {
    /// Makes a path from a top-level key, or from a JSON pointer (RFC 6901) if `field` begins with `/`.
    ///
    /// Every step is the key of an object. A code inside of an array does not count, because an array may have many.
    /// Returns the reason if there is no such path.
    pub(crate) fn parse(field: &str) -> Result<Self, String> {
        let Some(pointer) = field.strip_prefix('/') else {
            return match field {
                "" => Err("code_field is empty".to_owned()),
                key => Ok(Self(vec![key.to_owned()])),
            };
        };
        let mut escapes = pointer.split('~').skip(1);
        if escapes.any(|rest| !rest.starts_with(['0', '1'])) {
            return Err(format!(
                "code_field ({field:?}) is not a JSON pointer: write ~ as ~0, and / in a key as ~1"
            ));
        }
        let keys = pointer.split('/');
        let keys = keys.map(|key| key.replace("~1", "/").replace("~0", "~"));
        Ok(Self(keys.collect()))
    }

    /// Returns the keys, from the top down. There is at least one key.
    pub(crate) fn keys(&self) -> &[String] {
        &self.0
    }
}

/// A code that was found in a response. Its bytes are stored inline, because nearly every JSON response has a code.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FoundCode {
    is_number: bool,
    bytes: SmallVec<[u8; 16]>,
}

impl FoundCode {
    /// Makes a code from a number, in the digits of the response.
    pub(crate) fn number(digits: &str) -> Self {
        Self::new(true, digits)
    }

    /// Makes a code from an unescaped string, which is put on one line and truncated to [`MAX_CODE_LEN`].
    pub(crate) fn text(text: &str) -> Self {
        Self::new(false, &text::sanitize(text))
    }

    fn new(is_number: bool, text: &str) -> Self {
        let bytes = text::cut(text, MAX_CODE_LEN).as_bytes();
        Self {
            is_number,
            bytes: SmallVec::from_slice(bytes),
        }
    }

    /// Replaces the text of the code.
    pub(crate) fn replace(&mut self, text: &str) {
        *self = Self::new(self.is_number, text);
    }

    /// Replaces the code with a string that is not a code.
    pub(crate) fn hide(&mut self, replacement: &str) {
        self.is_number = false;
        self.replace(replacement);
    }

    /// Returns the code as a record shows it.
    pub(crate) fn as_code(&self) -> Code<'_> {
        let text = str::from_utf8(&self.bytes).unwrap_or_default();
        match self.is_number {
            true => Code::Number(text),
            false => Code::Text(text),
        }
    }
}

impl fmt::Debug for FoundCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_code().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_of_digits_have_a_value_that_saturates() {
        for (code, value) in [
            (Code::Number("500"), Some(500)),
            (Code::Number("-0"), Some(0)),
            (Code::Number("5e2"), Some(500)),
            (Code::Number("500.9"), Some(500)),
            (Code::Number("9223372036854775807"), Some(i64::MAX)),
            (Code::Number("9223372036854775808"), Some(i64::MAX)),
            (Code::Number("-9223372036854775809"), Some(i64::MIN)),
            (Code::Number("1e400"), Some(i64::MAX)),
            (Code::Text("500"), Some(500)),
            (Code::Text("99999999999999999999"), Some(i64::MAX)),
            (Code::Text("-500"), None),
            (Code::Text("5e2"), None),
            (Code::Text("٥"), None),
            (Code::Text(""), None),
        ] {
            assert_eq!(code.as_i64(), value, "{code:?}");
        }
    }
}
