//! Finds the result code in a JSON text by the events of the reader.

use super::{
    code::{CodePath, CodeState, FoundCode, MAX_CODE_LEN},
    nesting::Container,
    tokens::{Ending, JsonString},
    unescape::unescape,
};

/// A search for the value at a [`CodePath`] in a JSON text.
///
/// Only the configured key at its own depth counts. If the key occurs more than once, its last value counts.
#[derive(Debug)]
pub(crate) struct CodeFinder<'p, 'i> {
    /// The keys from the top down. Empty if no code is wanted.
    path: &'p [String],
    /// The number of open containers that are on the path.
    on_path: usize,
    /// Set if the next value belongs to a key of the path.
    is_expected: bool,
    found: Option<RawCode<'i>>,
}

/// A code as it occurs in the text.
#[derive(Clone, Copy, Debug)]
enum RawCode<'i> {
    Number(&'i str),
    Text {
        raw: &'i str,
        escaped: bool,
    },
    /// A number that is longer than [`MAX_CODE_LEN`].
    TooLong,
}

impl<'p, 'i> CodeFinder<'p, 'i> {
    /// Begins a search. `path` is `None` if no code is wanted.
    pub(crate) fn new(path: Option<&'p CodePath>) -> Self {
        Self {
            path: path.map_or(&[], CodePath::keys),
            on_path: 0,
            is_expected: false,
            found: None,
        }
    }

    /// Returns whether the next value may be the code or lead to it.
    pub(crate) fn is_expected(&self) -> bool {
        self.is_expected
    }

    /// Returns whether a key at this depth may lead to the code.
    pub(crate) fn wants_key(&self, depth: usize) -> bool {
        depth == self.on_path
    }

    /// Takes a key inside of `depth` containers, which is a [wanted](Self::wants_key) depth.
    pub(crate) fn key(&mut self, depth: usize, raw: &str, escaped: bool) {
        if let Some(wanted) = self.path.get(depth - 1)
            && (wanted == raw || (escaped && *wanted == unescape(raw)))
        {
            self.is_expected = true;
            self.found = None;
        }
    }

    /// Takes the start of a container, which is the innermost of `depth`.
    pub(crate) fn open(&mut self, depth: usize, container: Container) {
        let is_expected = std::mem::take(&mut self.is_expected);
        let is_on_path = depth == self.on_path + 1
            && container == Container::Object
            && self.on_path < self.path.len()
            && (self.on_path == 0 || is_expected);
        self.on_path += usize::from(is_on_path);
    }

    /// Takes the end of a container, which leaves `depth` containers open.
    pub(crate) fn close(&mut self, depth: usize) {
        self.on_path = self.on_path.min(depth);
    }

    /// Takes a value that is a string.
    pub(crate) fn string(&mut self, string: JsonString<'i>) {
        if self.takes_value() && !string.open {
            let JsonString { raw, escaped, .. } = string;
            self.found = Some(RawCode::Text { raw, escaped });
        }
    }

    /// Takes a value that is a number.
    pub(crate) fn number(&mut self, digits: &'i str) {
        if self.takes_value() {
            self.found = Some(match digits.len() > MAX_CODE_LEN {
                true => RawCode::TooLong,
                false => RawCode::Number(digits),
            });
        }
    }

    /// Takes a value that is `true`, `false` or `null`, which is not a code.
    pub(crate) fn literal(&mut self) {
        self.is_expected = false;
    }

    /// Returns whether the current value belongs to the last key of the path. No further value is expected then.
    fn takes_value(&mut self) -> bool {
        std::mem::take(&mut self.is_expected) && self.on_path == self.path.len()
    }

    /// Returns the code, or the reason why it is not known. Returns `None` if there is no code. `whole` says that the
    /// text was the whole response.
    pub(crate) fn finish(
        self,
        ending: Ending,
        whole: bool,
    ) -> Option<Result<FoundCode, CodeState>> {
        if ending == Ending::Malformed || (whole && ending == Ending::Cut) {
            return Some(Err(CodeState::Malformed));
        }
        Some(match self.found {
            Some(RawCode::Number(digits)) => Ok(FoundCode::number(digits)),
            Some(RawCode::Text { raw, escaped }) => Ok(match escaped {
                true => FoundCode::text(&unescape(raw)),
                false => FoundCode::text(raw),
            }),
            Some(RawCode::TooLong) => Err(CodeState::Cut),
            None if whole && ending != Ending::TooDeep => return None,
            None => Err(CodeState::Cut),
        })
    }
}
