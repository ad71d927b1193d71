//! A text to search for secrets, and what a detector finds in it.

use std::ops::Range;

use crate::{redact::key_cache::Redactor, util::text};

/// A text and the rules for reading it.
#[derive(Clone, Copy)]
pub(super) struct Input<'t, 'n> {
    pub(super) text: &'t str,
    /// Set if the text was truncated, so its last word may be the beginning of a longer one.
    pub(super) open: bool,
    pub(super) redactor: Redactor<'n>,
    /// Set if the text was percent-decoded. A blank may be part of a value, and words that are still
    /// percent-encoded are not decoded again.
    pub(super) decoded: bool,
}

impl<'t, 'n> Input<'t, 'n> {
    pub(super) fn new(text: &'t str, open: bool, redactor: Redactor<'n>) -> Self {
        Self {
            text,
            open,
            redactor,
            decoded: false,
        }
    }

    /// Returns the text from byte `at` on.
    pub(super) fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }
}

/// The result of a detector at a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Nothing,
    /// No secret begins before this byte.
    SkipTo(usize),
    /// This range is a secret. [`REDACTED`] replaces it.
    Secret(Range<usize>),
    /// This range is user information, with the `@` after it, which stays.
    UserInfo(Range<usize>),
}

/// Returns whether a word may begin at `at`: no letter, digit or byte in `joins` precedes it. An escape such as `\n`
/// is a line break.
pub(super) fn begins_word(text: &str, at: usize, joins: impl Fn(u8) -> bool) -> bool {
    match &text.as_bytes()[..at] {
        [] | [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., last] => !last.is_ascii_alphanumeric() && !joins(*last),
    }
}

/// Returns whether `c` is white space, or becomes a space in a record.
pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c.is_whitespace() || text::is_forbidden(c)
}
