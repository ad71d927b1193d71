//! The name before a separator.

use std::borrow::Cow;

use crate::{
    formats::{form, json::unescape::unescape},
    redact::{
        key_cache::Redactor,
        listed::{NameClass, Place},
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
    /// `:` or `=`, the bracket of a tuple, or the dash of an option.
    pub(super) separator: u8,
    pub(super) name: &'t str,
    /// The words of the line before a name without quotes, if blanks separate them from it.
    words_before: &'t str,
    /// Set if the name is between quotes.
    pub(super) quoted: bool,
    /// Set if the name is a parameter of a URL.
    pub(super) in_query: bool,
}

impl<'t> PairKey<'t> {
    /// Reads the name before the separator at `separator_at`.
    pub(super) fn before(text: &'t str, separator_at: usize, separator: u8) -> Option<Self> {
        let before = text[..separator_at].trim_end_matches(is_blank);
        // `cfg["password"] = ..` sets the value of the name between the quotes.
        let key = before.strip_suffix(']');
        let before = key
            .filter(|key| key.ends_with(['"', '\'']))
            .unwrap_or(before);
        let from = ceil_char_boundary(before, before.len().saturating_sub(MAX_KEY));
        let quote = Quote::at_end(before);
        let end = before.len() - quote.map_or(0, Quote::len);
        let near = text.get(from..end)?;
        // Without an opening quote, which may be in a part that was dropped, the word before the quote is the name.
        let quoted = quote.and_then(|quote| quote.find_start(near));
        let start = from + quoted.unwrap_or_else(|| after_last(near, |c| !is_key_char(c)));
        let quoted = quoted.is_some();
        let name = &text[start..end];
        if name.is_empty() {
            return None;
        }
        let earlier = &text[..start];
        let words_before = match earlier.ends_with(' ') && !quoted {
            true => last_words(earlier),
            false => "",
        };
        Some(Self {
            start,
            separator,
            name,
            words_before,
            quoted,
            in_query: earlier.ends_with(['?', '&']),
        })
    }

    /// Makes the name of an option, whose value follows a blank.
    pub(super) fn of_option(start: usize, name: &'t str) -> Self {
        Self {
            start,
            separator: b'-',
            name,
            words_before: "",
            quoted: false,
            in_query: false,
        }
    }

    /// Returns the start of the name, or of the quote before it.
    pub(super) fn start_with_quote(&self, text: &str) -> usize {
        let quote = match self.quoted {
            true => Quote::at_end(&text[..self.start]).map_or(0, Quote::len),
            false => 0,
        };
        self.start - quote
    }

    /// Returns the kind of text in which the name is.
    pub(super) fn place(&self) -> Place {
        match self.in_query {
            true => Place::Query,
            false => Place::Document,
        }
    }

    /// Judges the name. Returns `None` if no rule can hide its value.
    pub(super) fn judge(&self, redactor: Redactor<'_>) -> Option<Verdict> {
        let unescaped = unescape_name(self.name);
        let decoded = form::decode(&unescaped);
        let mut class = redactor.class_of(&decoded);
        let mut start = self.start;
        if !class.may_hide(self.place()) {
            if let Some((len, phrase)) = self.phrase(&decoded, redactor) {
                start -= len;
                class = phrase;
            } else if !matches!(class, NameClass::Naming | NameClass::Valued) {
                return None;
            }
        }
        Some(Verdict {
            start,
            class,
            greedy: redactor.is_whole_line(&decoded),
        })
    }

    /// Returns the number of bytes before the name that are a sensitive name together with it, as in `api key: x`, and
    /// the class of that name.
    fn phrase(&self, name: &str, redactor: Redactor<'_>) -> Option<(usize, NameClass)> {
        let mut rest = self.words_before.trim_end_matches(' ');
        while !rest.is_empty() {
            rest = &rest[..after_last(rest, |c| c == ' ')];
            let words = &self.words_before[rest.len()..];
            if let Some(class) = redactor.class_of_phrase(&format!("{words}{name}")) {
                return Some((words.len(), class));
            }
            rest = rest.trim_end_matches(' ');
        }
        None
    }
}

/// The consequences of a sensitive name.
pub(super) struct Verdict {
    /// The start of the first word, if the name has two words.
    pub(super) start: usize,
    pub(super) class: NameClass,
    /// Set if the value goes on to the end of the line.
    pub(super) greedy: bool,
}

pub(super) fn is_key_char(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '.' | '[' | ']' | '$' | '%' | '+' | '\\')
        || joins_word(c)
}

/// Returns whether `c` is a part of a word although it is neither a letter nor a digit: a soft hyphen, a combining accent,
/// a joiner or a byte order mark.
fn joins_word(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    )
}

/// Decodes the escapes of JSON in a name, and those of YAML that JSON does not have, `\xHH` and `\UHHHHHHHH`.
pub(super) fn unescape_name(name: &str) -> Cow<'_, str> {
    match unescape(name) {
        Cow::Owned(name) if name.contains("\\x") || name.contains("\\U") => {
            Cow::Owned(unescape_yaml(&name))
        }
        name => name,
    }
}

fn unescape_yaml(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let len = match escape.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'U') => 10,
            _ => 0,
        };
        let code = escape.get(2.min(len)..len);
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let (c, len) = match code.and_then(char::from_u32) {
            Some(c) => (c, len),
            None => ('\\', 1),
        };
        out.push(c);
        rest = &escape[len..];
    }
    out.push_str(rest);
    out
}

/// Returns the last words of `text` that only blanks separate, at most three. A word that is the value of a pair, as in
/// `kind: session id: 7`, belongs to that pair.
fn last_words(text: &str) -> &str {
    const MAX_WORDS: usize = 3;
    let from = ceil_char_boundary(text, text.len().saturating_sub(MAX_KEY / 2));
    let text = &text[from..];
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    let start = after_last(text, |c| !is_part(c));
    let (before, words) = text.split_at(start);
    // The mark of an item.
    let words = &words[words.rfind(" - ").map_or(0, |at| at + " - ".len())..];
    let words = words.strip_prefix("- ").unwrap_or(words);
    let words = match ends_with_separator(before, words) {
        true => {
            let value = words.trim_start_matches(' ');
            &value[value.find(' ').unwrap_or(value.len())..]
        }
        false => words,
    };
    let starts = words
        .char_indices()
        .zip(std::iter::once(' ').chain(words.chars()));
    let mut starts = starts.filter(|&((_, c), before)| c != ' ' && before == ' ');
    let count = starts.clone().count();
    let first = starts.nth(count.saturating_sub(MAX_WORDS));
    first.map_or("", |((at, _), _)| &words[at..])
}

/// Returns whether the value of a pair begins after `text`, with `words`. What a logger writes before a message, such
/// as `Error:` and
/// `main.rs:7:`, is not the name of a value.
fn ends_with_separator(text: &str, words: &str) -> bool {
    const LABELS: [&str; 15] = [
        "error",
        "err",
        "warning",
        "warn",
        "info",
        "debug",
        "trace",
        "fatal",
        "critical",
        "note",
        "notice",
        "hint",
        "exception",
        "message",
        "msg",
    ];
    if let Some(before) = text.strip_suffix('=') {
        let has_name = before.trim_end_matches(' ').ends_with(is_key_char);
        return has_name && (before.ends_with(' ') || !words.starts_with(' '));
    }
    let Some(text) = text.trim_end_matches(' ').strip_suffix(':') else {
        return false;
    };
    let name = &text[after_last(text, |c| !is_key_char(c))..];
    let name = name.to_ascii_lowercase();
    name.ends_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '-'))
        && !LABELS.iter().any(|label| name.ends_with(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_before_a_name_are_not_the_value_of_another_pair() {
        for (before, words) in [
            ("", ""),
            ("my api ", "my api "),
            ("it is not my api ", "not my api "),
            ("x, api ", "api "),
            ("kind: Session ", ""),
            ("kind: my Session ", "Session "),
            ("level=info type=session ", ""),
            ("user=ann api ", "api "),
            ("- private - ", ""),
            ("type = session ", ""),
            ("a= api ", "api "),
            (" = api ", "api "),
            ("- api ", "api "),
            ("Error: api ", "api "),
            ("ValueError: api ", "api "),
            ("main.rs:7: api ", "api "),
            ("\"kind\": api ", "api "),
            ("api\n", ""),
        ] {
            assert_eq!(last_words(before), words, "{before:?}");
        }
    }
}
