//! The name before a separator.

use crate::{
    formats::{form, json::unescape::unescape},
    redact::{
        names::Names,
        text::{input::is_blank, quote::Quote},
    },
    util::text::{after_last, ceil_char_boundary},
};

/// Number of bytes before a separator that are searched for a name. Of a longer word, this end is the name. A longer
/// quoted text is not a name.
pub(super) const MAX_KEY: usize = 128;

/// The name before a separator.
pub(super) struct PairKey<'t> {
    /// The start of the name, without its quote.
    pub(super) start: usize,
    pub(super) separator: u8,
    name: &'t str,
    word_before: &'t str,
    word_start: usize,
    /// Set if the name is a parameter of a URL.
    pub(super) in_query: bool,
}

impl<'t> PairKey<'t> {
    /// Reads the name before the separator at `separator_at`.
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

    /// Judges the name. Returns `None` if it is not sensitive.
    pub(super) fn judge(&self, names: &Names) -> Option<Verdict> {
        let unescaped = unescape(self.name);
        let decoded = form::decode(&unescaped);
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

/// The consequences of a sensitive name.
pub(super) struct Verdict {
    /// The start of the first word, if the name has two words.
    pub(super) start: usize,
    /// Set if the value goes on to the end of the line.
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
