//! Values of sensitive names: `key=value`, `key: value`, `"key" => "value"` and their like.

use super::{Pass, Values, is_blank, quote::Quote, user_info_len};
use crate::{
    json::unescape::unescape,
    names::{Names, REDACTED},
    percent,
};

/// Bytes of a name that are looked at; what is longer is no name.
const MAX_KEY: usize = 128;

/// The name before a separator, and how its value may go on.
struct Key<'t> {
    /// The name begins here, with its quote.
    start: usize,
    separator: u8,
    /// The name, and the word before it.
    name: &'t str,
    word_before: &'t str,
    word_start: usize,
    /// A parameter of a URL.
    in_query: bool,
}

/// `at` is a `:` or `=`.
pub(super) fn look(pass: &mut Pass<'_, '_>, at: usize) {
    let separator = pass.text.as_bytes()[at];
    if separator == b':' && pass.rest(at).starts_with("://") {
        let start = at + "://".len();
        if pass.names.hide_shapes() {
            let len = user_info_len(
                pass.rest(start),
                pass.open,
                pass.values == Values::AsTheyAre,
            );
            pass.replace(start, start + len, "");
        }
        pass.at = pass.at.max(start);
        return;
    }
    let Some(key) = Key::before(pass.text, at, separator) else {
        return;
    };
    let Some(verdict) = key.judge(pass.names) else {
        return;
    };
    let rest = pass.rest(at);
    let value = at + (rest.len() - rest.trim_start_matches([':', '=', '>']).len());
    let gap = pass.rest(value).find(|c| !is_blank(c));
    let start = value + gap.unwrap_or(pass.rest(value).len());
    let line = Line::of(pass.text, verdict.start);
    let end = Value {
        text: pass.text,
        key: &key,
        line: &line,
        greedy: verdict.greedy,
        decoded: pass.values == Values::AsTheyAre,
    }
    .end(start);
    let shown = &pass.text[start..end];
    let quoted = Quote::at_start(shown).map(|quote| {
        let inner = &shown[quote.len()..];
        (start + quote.len(), inner.len(), quote.find_end(inner))
    });
    match quoted {
        // The quotes stay, if nothing stands behind them that may be part of the value.
        Some((inner, len, Some(closing))) if closing.end == len => {
            pass.hide(inner, inner + closing.start);
            pass.at = end;
        }
        Some((inner, _, None)) => pass.hide(inner, end),
        _ if start < end => pass.hide(start, end),
        _ => {}
    }
}

/// `at` is a `%`: a word that is percent-encoded may have secrets inside.
pub(super) fn look_into_encoded(pass: &mut Pass<'_, '_>, at: usize) {
    let ends =
        |c: char| is_blank(c) || matches!(c, '=' | '&' | '#' | '"' | '\'' | '<' | '>' | ';' | ',');
    if pass.values == Values::AsTheyAre || at < pass.decoded {
        return;
    }
    let from = pass.decoded.max(pass.copied);
    let before = &pass.text[from..at];
    let start = before.rfind(ends).map_or(from, |mark| {
        from + mark + before[mark..].chars().next().map_or(0, char::len_utf8)
    });
    let rest = pass.rest(start);
    let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
    pass.decoded = start + word.len();
    let open = pass.open && word.len() == rest.len();
    if let Some(shown) = super::hide_encoded(word, open, pass.names) {
        pass.replace(start, start + word.len(), &shown);
    }
}

impl<'t> Key<'t> {
    fn before(text: &'t str, separator_at: usize, separator: u8) -> Option<Self> {
        let before = text[..separator_at].trim_end_matches(is_blank);
        let mut from = before.len().saturating_sub(MAX_KEY);
        while !before.is_char_boundary(from) {
            from += 1;
        }
        let (end, start, quoted) = match Quote::at_end(before) {
            Some(quote) => {
                let end = before.len() - quote.len();
                let start = from + quote.find_start(text.get(from..end)?)?;
                (end, start, true)
            }
            None => {
                let word = &before[from..];
                let start = word.rfind(|c| !is_key_char(c)).map_or(0, |at| {
                    at + word[at..].chars().next().map_or(0, char::len_utf8)
                });
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
    fn judge(&self, names: &Names) -> Option<Verdict> {
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
struct Verdict {
    /// All of the name begins here, if it has several words.
    start: usize,
    /// The value is all of the line.
    greedy: bool,
}

fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '$' | '%' | '+' | '\\')
}

fn last_word(text: &str) -> &str {
    let mut from = text.len().saturating_sub(MAX_KEY / 4);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let text = &text[from..];
    let start = text.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    start.map_or(text, |at| {
        &text[at + text[at..].chars().next().map_or(0, char::len_utf8)..]
    })
}

/// Says whether `text` begins with a name and a separator: the next pair.
fn begins_pair(text: &str) -> bool {
    let quote = Quote::at_start(text);
    let text = &text[quote.map_or(0, Quote::len)..];
    let name = text.find(|c| !is_key_char(c)).unwrap_or(text.len());
    if name == 0 || name > MAX_KEY / 2 || text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let after = &text[name..];
    let after = match quote {
        None => after,
        Some(quote) => match Quote::at_start(after) {
            Some(closing) if closing == quote => &after[quote.len()..],
            _ => return false,
        },
    };
    let after = after.trim_start_matches(' ');
    after.starts_with([':', '=']) && !after.starts_with("://")
}

/// The line that a name stands on.
struct Line {
    /// The column of the name, if nothing but a mark stands before it.
    column: Option<usize>,
    /// A mark of a list stands before the name.
    is_item: bool,
}

impl Line {
    fn of(text: &str, key: usize) -> Self {
        const MAX_INDENT: usize = 80;
        let mut from = key.saturating_sub(MAX_INDENT);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        let before = &text[from..key];
        let start = before.rfind(['\n', '\r']).map(|at| at + 1);
        let begins = start.is_some() || from == 0;
        let indent = &before[start.unwrap_or(0)..];
        let only_marks = indent
            .chars()
            .all(|c| matches!(c, ' ' | '\t' | '-' | '*' | '#' | '>' | '"' | '\'' | '$'));
        Self {
            column: (begins && only_marks).then_some(indent.trim_end_matches(['"', '\'']).len()),
            is_item: indent.trim_start().starts_with('-'),
        }
    }

    /// Says whether the line that begins in the gap before `next` belongs to the value of the name:
    /// it is indented more, or an item of the list that is the value (YAML 1.2, section 8.2).
    fn holds(&self, next: &str, gap: &str) -> bool {
        let Some(column) = self.column else {
            return false;
        };
        let indent = gap.rsplit(['\n', '\r']).next().unwrap_or_default().len();
        indent > column || (indent == column && !self.is_item && next.starts_with("- "))
    }
}

/// Where the value of a sensitive name ends.
struct Value<'a, 't> {
    text: &'t str,
    key: &'a Key<'t>,
    line: &'a Line,
    greedy: bool,
    /// The text was percent-encoded: a blank is part of the value.
    decoded: bool,
}

impl Value<'_, '_> {
    fn end(&self, start: usize) -> usize {
        let rest = &self.text[start..];
        if let Some(after) = rest.strip_prefix(REDACTED)
            && ends_value(after)
        {
            return start + REDACTED.len();
        }
        let mut at = start;
        if let Some(quote) = Quote::at_start(rest) {
            let inner = start + quote.len();
            match quote.find_end(&self.text[inner..]) {
                None => return self.text.len(),
                Some(closing) => at = inner + closing.end,
            }
        } else if rest.starts_with(['{', '[', '(']) {
            at = start + closing_bracket(rest);
        }
        let (value, after) = self.text[start..].split_at(at - start);
        if at > start && ends_value(after) && !announces_more(value, after) {
            return at;
        }
        self.unquoted_end(at)
    }

    /// From `at` on nothing says where the value ends but what stands there.
    fn unquoted_end(&self, start: usize) -> usize {
        let text = self.text;
        for (at, c) in text[start..].char_indices() {
            let at = start + at;
            let after = &text[at + c.len_utf8()..];
            let ends = match c {
                '\n' | '\r' => {
                    let gap = after.len() - after.trim_start_matches(is_blank).len();
                    !self
                        .line
                        .holds(&after[gap..], &text[at..at + c.len_utf8() + gap])
                }
                '&' => self.key.separator == b'=' && !self.greedy,
                '<' => after
                    .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
                '"' | '\'' | '`' if self.greedy => text[..self.key.start].ends_with(c),
                '"' | '\'' | '`' => at > start && ends_value(after),
                ')' | ']' | '}' if !self.greedy => at > start && ends_value(after),
                '#' => self.key.in_query,
                _ if self.greedy => false,
                ',' | ';' | '|' => begins_pair(after.trim_start_matches(' ')),
                _ if is_blank(c) && self.decoded && self.key.separator == b'=' => false,
                _ if is_blank(c) => {
                    self.key.in_query
                        || (self.key.separator == b'=' && self.line.column.is_none())
                        || (!(self.key.separator == b':' && self.line.column.is_some())
                            && begins_pair(after.trim_start_matches(' ')))
                }
                _ => false,
            };
            if ends && !announces_more(&text[start..at], &text[at..]) {
                let value =
                    text[start..at].trim_end_matches(|c| is_blank(c) || matches!(c, ',' | ';'));
                return start + value.len();
            }
        }
        text.len()
    }
}

/// Says whether `after` is still to be hidden: `value`, which ends before it, swallowed the name of
/// another one.
fn announces_more(value: &str, after: &str) -> bool {
    let value = value.trim_end_matches(['"', '\'', '`']);
    let ends_in = |word: &str| {
        let at = value.len().checked_sub(word.len());
        at.and_then(|at| value.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    value.ends_with([':', '='])
        || after.trim_start_matches(is_blank).starts_with([':', '='])
        || ends_in("bearer")
        || ends_in("basic")
}

/// Says whether a value can end before `after`.
fn ends_value(after: &str) -> bool {
    after.starts_with("/>")
        || after.chars().next().is_none_or(|c| {
            is_blank(c)
                || matches!(
                    c,
                    ',' | ';'
                        | '&'
                        | '<'
                        | '>'
                        | '}'
                        | ']'
                        | ')'
                        | '"'
                        | '\''
                        | '`'
                        | '\\'
                        | '#'
                        | '|'
                )
        })
}

/// How long the bracketed value is that `text` begins with; all of `text` if it does not end.
fn closing_bracket(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some(quote) = Quote::at_start(&text[at..]) {
            let inner = at + quote.len();
            match quote.find_end(&text[inner..]) {
                Some(closing) => at = inner + closing.end,
                // An apostrophe in a word.
                None => at = inner,
            }
            continue;
        }
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return at;
        }
    }
    text.len()
}
