//! A text to search for secrets, and what a detector finds in it.

use std::ops::Range;

use crate::{
    redact::names::{Names, REDACTED},
    util::text,
};

/// A text and the rules for reading it.
#[derive(Clone, Copy)]
pub(super) struct Input<'t, 'n> {
    pub(super) text: &'t str,
    /// Set if the text was truncated, so its last word may be the beginning of a longer one.
    pub(super) open: bool,
    pub(super) names: &'n Names,
    /// Set if the text was percent-decoded. A blank may be part of a value, and words that are still
    /// percent-encoded are not decoded again.
    pub(super) decoded: bool,
}

impl<'t, 'n> Input<'t, 'n> {
    pub(super) fn new(text: &'t str, open: bool, names: &'n Names) -> Self {
        Self {
            text,
            open,
            names,
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
    Secret(Secret),
}

impl Finding {
    /// Makes the finding of a secret that [`REDACTED`] replaces.
    pub(super) fn hidden(range: Range<usize>) -> Self {
        Self::Secret(Secret::hidden(range))
    }

    /// Makes the finding of user information, which is removed.
    pub(super) fn removed(range: Range<usize>) -> Self {
        Self::Secret(Secret {
            replacement: "",
            ..Secret::hidden(range)
        })
    }
}

/// A range of the text to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) range: Range<usize>,
    pub(super) replacement: &'static str,
    /// The search goes on at this byte.
    pub(super) resume: usize,
}

impl Secret {
    pub(super) fn hidden(range: Range<usize>) -> Self {
        Self {
            resume: range.end,
            range,
            replacement: REDACTED,
        }
    }
}

/// Returns whether `c` is white space, or becomes a space in a record.
pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c.is_whitespace() || text::is_forbidden(c)
}
