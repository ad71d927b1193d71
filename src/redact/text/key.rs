//! The name before a separator.

use crate::{
    formats::{json::unescape::unescape, percent},
    redact::{
        names::Names,
        text::{is_blank, quote::Quote},
    },
    util::text::{after_last, ceil_char_boundary},
};

/// Bytes of a name that are looked at; what is longer is no name.
pub(super) const MAX_KEY: usize = 128;

/// The name before a separator, and how its value may go on.
pub(super) struct Key<'t> {
    /// The name begins here, with its quote.
    pub(super) start: usize,
    pub(super) separator: u8,
    /// The name, and the word before it.
    name: &'t str,
    word_before: &'t str,
    word_start: usize,
    /// A parameter of a URL.
    pub(super) in_query: bool,
}

impl<'t> Key<'t> {
    pub(super) fn before(text: &'t str, separator_at: usize, separator: u8) -> Option<Self> {
        let before = text[..separator_at].trim_end_matches(is_blank);
        let from = ceil_char_boundary(before, before.len().saturating_sub(MAX_KEY));
        let (end, start, quoted) = match Quote::at_end(before) {
            Some(quote) => {
                let end = before.len() - quote.len();
                let start = from + quote.find_start(text.get(from..end)?)?;
                (end, start, true)
            }
            None => {
                let word = &before[from..];
                let start = after_last(word, |c| !is_key_char(c));
                (before.len(), from + start, false)
            }
        };
        let name = &text[start..end];
        if name.is_empty() {
            return None;
        }
        let earlier = text[..start].trim_end_matches(is_blank);
        let word_before = match earlier.len() < start && !quoted {
            true => last_word(earlier),
            false => "",
        };
        Some(Self {
            start,
            separator,
            name,
            word_before,
            word_start: earlier.len() - word_before.len(),
            in_query: text[..start].ends_with(['?', '&']),
        })
    }

    /// `None` if the name is not sensitive.
    pub(super) fn judge(&self, names: &Names) -> Option<Verdict> {
        let unescaped = unescape(self.name);
        let decoded = percent::decode(&unescaped);
        let sensitive = match self.in_query {
            true => names.is_sensitive_in_query(&decoded),
            false => names.is_sensitive_in_form(&decoded),
        };
        let start = if sensitive {
            self.start
        } else {
            let words = format!("{}{decoded}", self.word_before);
            let is_phrase = !self.word_before.is_empty() && names.is_sensitive_phrase(&words);
            is_phrase.then_some(self.word_start)?
        };
        Some(Verdict {
            start,
            greedy: names.is_whole_line(&decoded),
        })
    }
}

/// What makes a name sensitive.
pub(super) struct Verdict {
    /// All of the name begins here, if it has several words.
    pub(super) start: usize,
    /// The value is all of the line.
    pub(super) greedy: bool,
}

pub(super) fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '$' | '%' | '+' | '\\')
}

fn last_word(text: &str) -> &str {
    let from = ceil_char_boundary(text, text.len().saturating_sub(MAX_KEY / 4));
    let text = &text[from..];
    &text[after_last(text, |c| !c.is_alphanumeric() && c != '_' && c != '-')..]
}
