//! Looking for the code of a response.

use crate::formats::json::{
    code::{CodePath, CodeState, FoundCode, MAX_CODE_LEN},
    nesting::Container,
    reader::{Ending, string::Text},
    unescape::unescape,
};

/// Who looks for a code.
pub(super) trait Watch<'i> {
    /// Whether a key at this depth is of interest: [`key`](Self::key) wants no other.
    fn sees_keys(&self, depth: usize) -> bool;
    /// Whether the value that comes next is.
    fn sees_value(&self) -> bool;
    fn key(&mut self, depth: usize, raw: &str, escaped: bool);
    /// A value begins.
    fn open(&mut self, depth: usize, container: Container);
    fn close(&mut self, depth: usize);
    fn text(&mut self, text: Text<'i>);
    fn number(&mut self, digits: &'i str);
    /// A literal, or a value that is not whole.
    fn other(&mut self);
}

pub(super) struct Unwatched;

impl<'i> Watch<'i> for Unwatched {
    #[inline(always)]
    fn sees_keys(&self, _: usize) -> bool {
        false
    }
    #[inline(always)]
    fn sees_value(&self) -> bool {
        false
    }
    #[inline(always)]
    fn key(&mut self, _: usize, _: &str, _: bool) {}
    #[inline(always)]
    fn open(&mut self, _: usize, _: Container) {}
    #[inline(always)]
    fn close(&mut self, _: usize) {}
    #[inline(always)]
    fn text(&mut self, _: Text<'i>) {}
    #[inline(always)]
    fn number(&mut self, _: &'i str) {}
    #[inline(always)]
    fn other(&mut self) {}
}

/// Looks for a code, by the rules of the [`CodeFinder`](crate::formats::json::finder::CodeFinder).
#[derive(Debug)]
pub(crate) struct CodeWatch<'p, 'i> {
    path: &'p CodePath,
    /// How many open containers lie on the path to the code.
    on_path: usize,
    /// The key that is looked for was the last one that was read.
    expected: bool,
    /// As it stands.
    found: Option<Found<'i>>,
    /// A number that is too long to be known.
    cut: bool,
}

#[derive(Clone, Copy, Debug)]
enum Found<'i> {
    Number(&'i str),
    Text { raw: &'i str, escaped: bool },
}

impl<'p> CodeWatch<'p, '_> {
    pub(super) fn new(path: &'p CodePath) -> Self {
        Self {
            path,
            on_path: 0,
            expected: false,
            found: None,
            cut: false,
        }
    }

    /// The code, or why there is none. `whole` says that all of the response was read.
    pub(crate) fn finish(self, ending: Ending, whole: bool) -> Result<FoundCode, CodeState> {
        let seen_whole = whole && !self.cut;
        if ending == Ending::Malformed || (seen_whole && ending != Ending::Complete) {
            return Err(CodeState::Malformed);
        }
        match self.found {
            Some(Found::Number(digits)) => Ok(FoundCode::of_number(digits)),
            Some(Found::Text { raw, escaped }) => Ok(match escaped {
                true => FoundCode::of_text(&unescape(raw)),
                false => FoundCode::of_text(raw),
            }),
            None if seen_whole => Err(CodeState::Absent),
            None => Err(CodeState::Cut),
        }
    }

    /// A value begins that can be the code.
    #[inline(always)]
    fn is_here(&mut self) -> bool {
        std::mem::take(&mut self.expected) && self.on_path == self.path.keys().len()
    }
}

impl<'i> Watch<'i> for &mut CodeWatch<'_, 'i> {
    #[inline(always)]
    fn sees_keys(&self, depth: usize) -> bool {
        depth == self.on_path
    }

    #[inline(always)]
    fn sees_value(&self) -> bool {
        self.expected
    }

    fn key(&mut self, depth: usize, raw: &str, escaped: bool) {
        if let Some(wanted) = self.path.keys().get(depth - 1)
            && (wanted == raw || (escaped && *wanted == unescape(raw)))
        {
            self.expected = true;
            self.found = None;
        }
    }

    #[inline(always)]
    fn open(&mut self, depth: usize, container: Container) {
        let expected = std::mem::take(&mut self.expected);
        let follows = depth == self.on_path + 1
            && container == Container::Object
            && self.on_path < self.path.keys().len()
            && (self.on_path == 0 || expected);
        self.on_path += usize::from(follows);
    }

    #[inline(always)]
    fn close(&mut self, depth: usize) {
        self.on_path = self.on_path.min(depth);
    }

    fn text(&mut self, text: Text<'i>) {
        if self.is_here() && !text.open {
            let Text { raw, escaped, .. } = text;
            self.found = Some(Found::Text { raw, escaped });
        }
    }

    fn number(&mut self, digits: &'i str) {
        if self.is_here() {
            match digits.len() > MAX_CODE_LEN {
                true => self.cut = true,
                false => self.found = Some(Found::Number(digits)),
            }
        }
    }

    #[inline(always)]
    fn other(&mut self) {
        self.expected = false;
    }
}
