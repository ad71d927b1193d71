//! The result code of a response: where it stands, and what it is.

use std::{fmt, str};

use crate::util::text;

/// Bytes kept of a code. A longer string is recorded cut; a longer number is not recorded, its
/// [`CodeState`] is `cut`. RFC 9457 problem types, which are URLs, fit.
pub const MAX_CODE_LEN: usize = 128;

/// A code as it stands in the response.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Code<'a> {
    /// A JSON number, in the digits of the response.
    Number(&'a str),
    /// A JSON string, unescaped and on one line.
    Text(&'a str),
}

impl Code<'_> {
    /// The number that the level rule sees: of a number, or of a string of digits.
    ///
    /// A fraction is cut off; a number outside the range of `i64` becomes the nearest end of it.
    /// `None` for any other string.
    pub fn as_i64(&self) -> Option<i64> {
        let digits = match self {
            Code::Number(digits) => digits,
            Code::Text(text) => {
                let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                all_digits.then_some(text)?
            }
        };
        digits.parse().ok().or_else(|| {
            // `as` saturates, which keeps an absurdly large code severe.
            digits.parse::<f64>().ok().map(|number| number as i64)
        })
    }
}

/// Why a JSON response has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeState {
    /// The whole response was read, and it has none.
    Absent,
    /// The part that was read ends before the code, or inside it.
    Cut,
    /// The response is not JSON.
    Malformed,
}

impl CodeState {
    /// The value of `http.response.body.code_state`.
    pub fn as_str(&self) -> &'static str {
        match self {
            CodeState::Absent => "absent",
            CodeState::Cut => "cut",
            CodeState::Malformed => "malformed",
        }
    }
}

/// Where the code stands: the keys from the top of the document down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CodePath(Vec<String>);

impl CodePath {
    /// A top-level key, or a JSON pointer (RFC 6901) if it begins with `/`.
    ///
    /// Every step is the key of an object: a code inside an array is one of many, not the code.
    pub(crate) fn new(field: &str) -> Self {
        Self(match field.strip_prefix('/') {
            None => vec![field.to_owned()],
            Some(pointer) => pointer
                .split('/')
                .map(|key| key.replace("~1", "/").replace("~0", "~"))
                .collect(),
        })
    }

    /// The keys, from the top down; at least one.
    pub(crate) fn keys(&self) -> &[String] {
        &self.0
    }

    /// The key whose value is the code.
    pub(crate) fn key(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

/// A code that was found. Its bytes are inline: nearly every response has one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FoundCode {
    number: bool,
    len: u8,
    overflow: bool,
    bytes: [u8; MAX_CODE_LEN],
}

impl FoundCode {
    pub(crate) fn new(number: bool) -> Self {
        Self {
            number,
            len: 0,
            overflow: false,
            bytes: [0; MAX_CODE_LEN],
        }
    }

    /// Of the digits of a number.
    pub(crate) fn of_number(digits: &str) -> Self {
        let mut code = Self::new(true);
        code.push(digits.as_bytes());
        code
    }

    pub(crate) fn of_text(text: &str) -> Self {
        let mut code = Self::new(false);
        code.push(text.as_bytes());
        code
    }

    /// Appends what fits; nothing follows a cut.
    pub(crate) fn push(&mut self, more: &[u8]) {
        let start = usize::from(self.len);
        let taken = more.len().min(MAX_CODE_LEN - start);
        if !self.overflow {
            self.bytes[start..start + taken].copy_from_slice(&more[..taken]);
            self.len += taken as u8;
        }
        self.overflow |= taken < more.len();
    }

    pub(crate) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// A number that was cut: worse than none.
    pub(crate) fn is_cut_number(&self) -> bool {
        self.number && self.overflow
    }

    /// Puts the code on one line, in UTF-8.
    pub(crate) fn clean(&mut self) {
        let bytes = &self.bytes[..self.len.into()];
        let is_clean = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if !is_clean {
            let mut text = String::new();
            text::push_lossy(&mut text, bytes, MAX_CODE_LEN);
            if self.overflow {
                let whole = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
                text.truncate(whole);
            }
            self.replace(&text);
        }
    }

    /// Puts a text of at most [`MAX_CODE_LEN`] bytes in its place.
    pub(crate) fn replace(&mut self, text: &str) {
        let text = text::cut(text, MAX_CODE_LEN).as_bytes();
        self.bytes[..text.len()].copy_from_slice(text);
        self.len = text.len() as u8;
    }

    pub(crate) fn hide(&mut self, replacement: &str) {
        self.number = false;
        self.replace(replacement);
    }

    /// The code, once it is [clean](Self::clean).
    pub(crate) fn as_code(&self) -> Code<'_> {
        let text = str::from_utf8(&self.bytes[..self.len.into()]).unwrap_or_default();
        match self.number {
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
    fn numbers_give_their_value_and_saturate() {
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
