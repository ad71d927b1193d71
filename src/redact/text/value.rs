//! Where the value of a sensitive name ends.

use crate::{
    redact::{
        names::REDACTED,
        text::{
            is_blank,
            key::{Key, MAX_KEY, is_key_char},
            quote::Quote,
        },
    },
    util::text::{ceil_char_boundary, cut},
};

/// The line that a name stands on.
pub(super) struct Line {
    /// The column of the name, if nothing but a mark stands before it.
    column: Option<usize>,
    /// A mark of a list stands before the name.
    is_item: bool,
}

impl Line {
    pub(super) fn of(text: &str, key: usize) -> Self {
        const MAX_INDENT: usize = 80;
        let from = ceil_char_boundary(text, key.saturating_sub(MAX_INDENT));
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
pub(super) struct Value<'a, 't> {
    pub(super) text: &'t str,
    pub(super) key: &'a Key<'t>,
    pub(super) line: &'a Line,
    pub(super) greedy: bool,
    /// The text was percent-encoded: a blank is part of the value.
    pub(super) decoded: bool,
}

impl Value<'_, '_> {
    pub(super) fn end(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let (end, delimited) = self.end_of_piece(at);
            let (value, after) = self.text[at..].split_at(end - at);
            let value = if delimited { "" } else { value };
            if !announces_more(value, after) {
                return end;
            }
            let is_between = |c: char| is_blank(c) || matches!(c, ':' | '=' | '>');
            let after = after.trim_start_matches(is_quote);
            let next = self.text.len() - after.trim_start_matches(is_between).len();
            if next <= at {
                return end;
            }
            at = next;
        }
    }

    /// Where what is quoted, bracketed, or neither, ends; and whether quotes or brackets said so.
    fn end_of_piece(&self, start: usize) -> (usize, bool) {
        let rest = &self.text[start..];
        if let Some(after) = rest.strip_prefix(REDACTED)
            && ends_value(after)
        {
            return (start + REDACTED.len(), true);
        }
        let mut at = start;
        let mut last = None;
        if let Some(quote) = Quote::at_start(rest)
            && let Some(len) = quote.three(rest)
        {
            at = start + len;
            last = Some(quote);
        }
        while let Some(quote) = Quote::at_start(&self.text[at..])
            && last.is_none_or(|last| goes_on(last, quote, &self.text[at..]))
        {
            let inner = at + quote.len();
            match quote.find_end(&self.text[inner..]) {
                None => return (self.text.len(), true),
                Some(closing) => at = inner + closing.end,
            }
            last = Some(quote);
        }
        if last.is_none()
            && let Some(bracket) = bracket_of(rest)
        {
            let end = start + bracket + closing_bracket(&rest[bracket..]);
            // What stands before the bracket may be words, which end where words do.
            let plain = if bracket > 0 {
                self.unquoted_end(start)
            } else {
                start
            };
            if plain > end {
                return (plain, false);
            }
            at = end;
        }
        if at > start && ends_value(&self.text[at..]) {
            return (at, true);
        }
        (self.unquoted_end(at), false)
    }

    /// From `at` on nothing says where the value ends but what stands there.
    fn unquoted_end(&self, start: usize) -> usize {
        let text = self.text;
        // Lines up to here were found to belong to the value.
        let mut held = start;
        for (at, c) in text[start..].char_indices() {
            let at = start + at;
            let after = &text[at + c.len_utf8()..];
            let ends = match c {
                '\n' | '\r' if at < held => false,
                '\n' | '\r' => {
                    let gap = after.len() - after.trim_start_matches(is_blank).len();
                    held = at + c.len_utf8() + gap;
                    !self.line.holds(&after[gap..], &text[at..held])
                }
                '&' => self.key.separator == b'=' && !self.greedy,
                '<' => after
                    .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
                '"' | '\'' | '`' if self.greedy => text[..self.key.start].ends_with(c),
                // One that is doubled stands for itself.
                '"' | '\'' | '`' => {
                    let doubled = after.strip_prefix(c);
                    at > start && ends_value(doubled.unwrap_or(after))
                }
                ')' | ']' | '}' if !self.greedy => at > start && ends_value(after),
                '#' => self.key.in_query,
                _ if self.greedy => false,
                ',' | ';' | '|' => begins_pair(after.trim_start_matches(' ')),
                // The last blank of a run decides for all of it: each by itself would look over the
                // rest of them again.
                ' ' if after.starts_with(' ') && !self.key.in_query => false,
                _ if is_blank(c) && self.decoded && self.key.separator == b'=' => false,
                _ if is_blank(c) => {
                    self.key.in_query
                        || (self.key.separator == b'=' && self.line.column.is_none())
                        || (!(self.key.separator == b':' && self.line.column.is_some())
                            && begins_pair(after.trim_start_matches(' ')))
                }
                _ => false,
            };
            if ends {
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
    let opens = |c| is_quote(c) || is_blank(c) || matches!(c, '{' | '[' | '(');
    let value = value.trim_end_matches(opens);
    let ends_in = |word: &str| {
        let at = value.len().checked_sub(word.len());
        at.and_then(|at| value.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    let is_base64 = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
        text.bytes().all(plain)
    };
    value.ends_with(':')
        // The padding of Base64 is none of a name.
        || (value.ends_with('=') && !is_base64(value.trim_end_matches('=')))
        || ends_in("bearer")
        || ends_in("basic")
        || after
            .trim_start_matches(|c| is_blank(c) || is_quote(c))
            .starts_with([':', '='])
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
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

/// Says whether the `quote` that `text` begins with, and that stands right behind one that was closed by `last`, is
/// part of the same value: a quote that is doubled to stand for itself (YAML, SQL, CSV), the rest of three (a block
/// string of GraphQL, TOML or Python), or another string that is joined to it (shells).
fn goes_on(last: Quote, quote: Quote, text: &str) -> bool {
    quote == last || !ends_value(&text[quote.len()..])
}

/// Where the bracket stands that `text` begins with, or that opens behind a name: a value as `Debug` shows it,
/// `Token { inner: .. }`, `Token(..)`, `&path::Box<str>(..)`.
fn bracket_of(text: &str) -> Option<usize> {
    const MAX_NAME: usize = 128;
    let is_part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '<' | '>' | '&');
    let name = cut(text, MAX_NAME).find(|c| !is_part_of_name(c))?;
    let after = &text[name..];
    if name > 0 && after.starts_with(" {") {
        return Some(name + 1);
    }
    after.starts_with(['{', '[', '(']).then_some(name)
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
        if c == '\\' {
            // No quote follows them.
            at += text[at..].len() - text[at..].trim_start_matches('\\').len();
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
