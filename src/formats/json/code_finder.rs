//! Finds the result code in a JSON text, from the events of the reader.

use super::{
    code::{CodePath, CodeState, FoundCode, MAX_CODE_LEN},
    nesting::Container,
    reader::{Ending, JsonString},
    unescape::unescape,
};

/// Follows a [`CodePath`] through a JSON text.
///
/// Only the configured key at its own depth counts. If it occurs more than once, the last one counts.
#[derive(Debug)]
pub(crate) struct CodeFinder<'p, 'i> {
    /// The keys from the top down; none if no code is wanted.
    path: &'p [String],
    /// The number of open containers that lie on the path.
    on_path: usize,
    /// The next value belongs to a key of the path.
    is_expected: bool,
    found: Option<RawCode<'i>>,
    /// The code is a number that is longer than [`MAX_CODE_LEN`].
    is_too_long: bool,
}

/// A code as it occurs in the text.
#[derive(Clone, Copy, Debug)]
enum RawCode<'i> {
    Number(&'i str),
    Text { raw: &'i str, escaped: bool },
}

impl<'p, 'i> CodeFinder<'p, 'i> {
    /// `path` is `None` if no code is wanted.
    pub(crate) fn new(path: Option<&'p CodePath>) -> Self {
        Self {
            path: path.map_or(&[], CodePath::keys),
            on_path: 0,
            is_expected: false,
            found: None,
            is_too_long: false,
        }
    }

    /// Whether the next value may be the code or lead to it.
    pub(crate) fn is_expected(&self) -> bool {
        self.is_expected
    }

    /// Whether a key at this depth may lead to the code.
    #[inline]
    pub(crate) fn wants_key(&self, depth: usize) -> bool {
        depth == self.on_path
    }

    pub(crate) fn key(&mut self, depth: usize, raw: &str, escaped: bool) {
        if let Some(wanted) = self.path.get(depth - 1)
            && (wanted == raw || (escaped && *wanted == unescape(raw)))
        {
            self.is_expected = true;
            self.found = None;
        }
    }

    #[inline]
    pub(crate) fn open(&mut self, depth: usize, container: Container) {
        let is_expected = std::mem::take(&mut self.is_expected);
        let is_on_path = depth == self.on_path + 1
            && container == Container::Object
            && self.on_path < self.path.len()
            && (self.on_path == 0 || is_expected);
        self.on_path += usize::from(is_on_path);
    }

    /// `depth` is the one after the container was closed.
    #[inline]
    pub(crate) fn close(&mut self, depth: usize) {
        self.on_path = self.on_path.min(depth);
    }

    pub(crate) fn string(&mut self, string: JsonString<'i>) {
        if self.takes_value() && !string.open {
            let JsonString { raw, escaped, .. } = string;
            self.found = Some(RawCode::Text { raw, escaped });
        }
    }

    #[inline]
    pub(crate) fn number(&mut self, digits: &'i str) {
        if self.takes_value() {
            match digits.len() > MAX_CODE_LEN {
                true => self.is_too_long = true,
                false => self.found = Some(RawCode::Number(digits)),
            }
        }
    }

    #[inline]
    pub(crate) fn literal(&mut self) {
        self.is_expected = false;
    }

    /// Whether the value that was read is that of the last key of the path.
    #[inline]
    fn takes_value(&mut self) -> bool {
        std::mem::take(&mut self.is_expected) && self.on_path == self.path.len()
    }

    /// Returns the code, or why it is not known. `whole` says that the text was the whole response.
    pub(crate) fn finish(self, ending: Ending, whole: bool) -> Result<FoundCode, CodeState> {
        let seen_whole = whole && !self.is_too_long && ending != Ending::TooDeep;
        if ending == Ending::Malformed || (seen_whole && ending == Ending::Cut) {
            return Err(CodeState::Malformed);
        }
        match self.found {
            Some(RawCode::Number(digits)) => Ok(FoundCode::number(digits)),
            Some(RawCode::Text { raw, escaped }) => Ok(match escaped {
                true => FoundCode::text(&unescape(raw)),
                false => FoundCode::text(raw),
            }),
            None if seen_whole => Err(CodeState::Absent),
            None => Err(CodeState::Cut),
        }
    }
}
