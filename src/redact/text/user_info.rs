//! The user information of URLs (RFC 3986, section 3.2.1).

use std::ops::Range;

use crate::{redact::text::input::is_blank, util::text::after_last};

/// The search for user information after the slashes of URLs, from left to right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authorities<'t> {
    text: &'t str,
    /// Set if the text was truncated.
    open: bool,
    /// Set if a password may have blanks, because the text was percent-encoded.
    blanks: bool,
    /// The end of the last word that was searched for an `@`.
    word_end: usize,
    /// The last `@` of this word.
    last_at: Option<usize>,
}

impl<'t> Authorities<'t> {
    pub(crate) fn new(text: &'t str, open: bool, blanks: bool) -> Self {
        Self {
            text,
            open,
            blanks,
            word_end: 0,
            last_at: None,
        }
    }

    /// Finds the user information in the authority that begins at `start`. The range includes the `@`.
    ///
    /// The `@` may follow a character that a password should have encoded. Then the text after a colon is user
    /// information, if it is not a port. In a truncated text, the `@` may be missing.
    pub(crate) fn user_info(&mut self, start: usize) -> Option<Range<usize>> {
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let len = rest.find(ends_authority).unwrap_or(rest.len());
        let authority = &rest[..len];
        match authority.rfind('@') {
            None => {}
            // The user information is empty, and `//@` may not be a URL.
            Some(0) => return None,
            Some(at) => return Some(start..start + at + 1),
        }
        let (end, last_at) = match has_password(authority) {
            true => self.word(start),
            false => (start + len, None),
        };
        match last_at.filter(|&at| at > start) {
            Some(at) => Some(start..at + 1),
            None => (self.open && end == self.text.len()).then_some(start..end),
        }
    }

    /// Returns the end of the word around `start`, and its last `@`.
    fn word(&mut self, start: usize) -> (usize, Option<usize>) {
        let blanks = self.blanks;
        let ends =
            |c: char| (is_blank(c) && !blanks) || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',');
        // Search each word once, whatever the number of slashes in it.
        if start >= self.word_end {
            let rest = &self.text[start..];
            let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
            self.word_end = start + word.len();
            self.last_at = word.rfind('@').map(|at| start + at);
        }
        (self.word_end, self.last_at)
    }
}

/// Returns whether an authority without an `@` has a colon with a text that is not a port.
fn has_password(authority: &str) -> bool {
    const MAX_PORT: usize = 5;
    // Without an `@`, an apostrophe is a quote after the URL.
    let host = authority.split('\'').next().unwrap_or_default();
    let port = match host.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or("", |(_, port)| port),
        None => host.split_once(':').map_or("", |(_, port)| port),
    };
    port.len() > MAX_PORT || !port.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

/// The search for user information before each `@`, from left to right. The slashes may follow no scheme.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BeforeAt {
    /// The byte after the last `@`. No text before it is searched again.
    from: usize,
}

impl BeforeAt {
    /// Finds the user information of a URL before the `@` at `at`. A password may contain an `@`, so the range ends
    /// after the last `@` of the authority.
    pub(super) fn find(&mut self, text: &str, at: usize) -> Option<Range<usize>> {
        let before = text.get(self.from..at)?;
        let word = after_last(before, ends_authority);
        let start = self.from + word;
        self.from = at + 1;
        let before = &before[..word];
        if start == at || !(before.ends_with("//") || before.ends_with(":\\\\")) {
            return None;
        }
        let rest = &text[at..];
        let authority = &rest[..rest.find(ends_authority).unwrap_or(rest.len())];
        let end = at + authority.rfind('@').unwrap_or(0) + 1;
        self.from = end;
        Some(start..end)
    }
}

/// Finds the user information at the end of a truncated text. The `@` after it may be missing.
pub(super) fn find_truncated(text: &str) -> Option<Range<usize>> {
    let start = text.rfind("//")? + "//".len();
    let found = Authorities::new(text, true, false).user_info(start);
    found.filter(|range| range.end == text.len())
}

/// Returns whether `c` ends the authority of a URL. An apostrophe does not, because it may be part of a password (RFC
/// 3986, section 3.2.1).
fn ends_authority(c: char) -> bool {
    is_blank(c) || matches!(c, '/' | '\\' | '?' | '#' | '"' | '<' | '>')
}
