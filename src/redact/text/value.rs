//! Finds the end of the value of a sensitive name.

use smallvec::SmallVec;

use crate::{
    redact::{
        pieces::REDACTED,
        text::{
            input::is_blank,
            key::{MAX_KEY, PairKey, is_key_char},
            quote::Quote,
        },
    },
    util::text::{ceil_char_boundary, cut},
};

/// The line of a name.
pub(super) struct KeyLine {
    /// The column of the name, if only marks precede it.
    pub(super) column: Option<usize>,
    /// Set if the name begins an item of a list.
    pub(super) is_item: bool,
}

impl KeyLine {
    /// The line of a name that does not begin the line.
    pub(super) const IN_LINE: Self = Self {
        column: None,
        is_item: false,
    };

    /// Reads the line up to the name that begins at `key`.
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

    /// Returns whether the line of `next`, which follows `gap`, belongs to the value of the name. Such a
    /// line has more indentation, or is an item of the list that is the value (YAML 1.2, section 8.2).
    pub(super) fn holds(&self, next: &str, gap: &str) -> bool {
        let Some(column) = self.column else {
            return false;
        };
        let indent = gap.rsplit(['\n', '\r']).next().unwrap_or_default().len();
        indent > column || (indent == column && !self.is_item && next.starts_with("- "))
    }
}

/// What is open before a name, so that it may be closed in the value or after it.
pub(super) struct Around {
    /// The brackets and quotes.
    pub(super) open: SmallVec<[u8; 16]>,
    /// Set if the name is inside of an XML element.
    pub(super) in_element: bool,
}

/// The value of a sensitive name.
pub(super) struct PairValue<'a, 't> {
    pub(super) text: &'t str,
    pub(super) key: &'a PairKey<'t>,
    pub(super) line: &'a KeyLine,
    pub(super) greedy: bool,
    /// Set if the text was percent-decoded, so a blank is part of the value.
    pub(super) decoded: bool,
    pub(super) around: Around,
    /// Set if only a semicolon ends the value.
    pub(super) in_list: bool,
}

impl PairValue<'_, '_> {
    /// Finds the end of the value that begins at `start`.
    pub(super) fn end(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let (end, delimited) = self.end_of_piece(at);
            let (value, after) = self.text[at..].split_at(end - at);
            if self.text[..end].ends_with('\'') && after.starts_with("\\''") {
                // An apostrophe in a string of a shell.
                at = end + "\\'".len();
                continue;
            }
            let value = if delimited { "" } else { value };
            if !continues(value, after) {
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

    /// Finds the end of the piece that begins at `start`, and returns whether a quote or a bracket ends it.
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
            && let Some(len) = quote.triple_quoted_len(rest)
        {
            at = start + len;
            last = Some(quote);
        }
        while let Some(quote) = Quote::at_start(&self.text[at..])
            && last.is_none_or(|last| is_same_value(last, quote, &self.text[at..]))
        {
            let inner = at + quote.len();
            match quote.find_end(&self.text[inner..]) {
                None => return (self.text.len(), true),
                Some(closing) => at = inner + closing.end,
            }
            last = Some(quote);
        }
        if last.is_none()
            && let Some(bracket) = find_bracket(rest)
        {
            let end = start + bracket + bracketed_len(&rest[bracket..]);
            // The text before the bracket may be words, which may end later.
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

    /// Finds the end of a value without quotes or brackets.
    fn unquoted_end(&self, start: usize) -> usize {
        // The lines up to here belong to the value.
        let mut held = start;
        // The brackets that are open in the value.
        let mut inner = SmallVec::<[char; 8]>::new();
        for (len, c) in self.text[start..].char_indices() {
            let at = start + len;
            let ends = match c {
                '\n' | '\r' if at < held => false,
                '\n' | '\r' => {
                    let next = self.text[at + 1..].trim_start_matches(is_blank);
                    held = self.text.len() - next.len();
                    !self.line.holds(next, &self.text[at..held])
                }
                '(' | '[' | '{' => {
                    inner.push(c);
                    false
                }
                ')' | ']' | '}' if inner.last().is_some_and(|open| closes(c, *open)) => {
                    inner.pop();
                    false
                }
                _ => self.ends_at(c, at, at == start),
            };
            if ends {
                let value = &self.text[start..at];
                let value = value.trim_end_matches(|c| is_blank(c) || matches!(c, ',' | ';'));
                return start + value.len();
            }
        }
        self.text.len()
    }

    /// Returns whether the value ends before `c`, which is at `at` and is not a line break.
    fn ends_at(&self, c: char, at: usize, is_first: bool) -> bool {
        let after = &self.text[at + c.len_utf8()..];
        match c {
            '&' => self.key.separator == b'=' && !self.greedy && !self.in_list,
            '<' => self.around.in_element && is_tag(after, &self.text[..self.key.start]),
            '"' | '\'' | '`' if self.greedy => self.text[..self.key.start].ends_with(c),
            '"' | '\'' | '`' => {
                // A doubled quote stands for one quote in the value.
                let after = after.strip_prefix(c).unwrap_or(after);
                !is_first && self.is_open(c) && ends_after_closing(after)
            }
            ')' | ']' | '}' if !self.greedy => {
                // At the end of a text, the bracket may be the wrong one.
                let is_wrong =
                    || after.is_empty() && self.around.open.iter().any(|b| b"([{".contains(b));
                !is_first && (self.is_open(c) || is_wrong()) && ends_after_closing(after)
            }
            '#' => self.key.in_query,
            _ if self.greedy => false,
            ';' => begins_pair(after.trim_start_matches(' ')),
            _ if self.in_list => false,
            ',' | '|' => begins_pair(after.trim_start_matches(' ')),
            _ => is_blank(c) && self.ends_at_blank(c, after),
        }
    }

    /// Returns whether the bracket or quote that `c` closes was opened before the name.
    fn is_open(&self, c: char) -> bool {
        let open = |open: &u8| closes(c, char::from(*open));
        self.around.open.iter().any(open)
    }

    /// Returns whether the value ends before the blank `c`, which precedes `after`.
    fn ends_at_blank(&self, c: char, after: &str) -> bool {
        if self.decoded && self.key.separator == b'=' {
            return false;
        }
        if self.key.in_query {
            return true;
        }
        // Scan what follows only after the last blank of a run, so that each byte is scanned once.
        if c == ' ' && after.starts_with(' ') {
            return false;
        }
        let begins_line = self.line.column.is_some();
        let next_is_pair = || begins_pair(after.trim_start_matches(' '));
        match self.key.separator {
            b'=' => !begins_line || next_is_pair(),
            // The next argument of a command.
            b'-' => true,
            _ => !begins_line && next_is_pair(),
        }
    }
}

/// Returns whether the text `after` a value must be hidden, too, because the value ends with the name of
/// another value.
fn continues(value: &str, after: &str) -> bool {
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
        // The padding of Base64 does not follow a name.
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

/// Returns whether a value can end before `after`.
fn ends_value(after: &str) -> bool {
    after.starts_with("/>")
        || after
            .chars()
            .next()
            .is_none_or(|c| is_blank(c) || ",;&<>}])\"'`\\#|".contains(c))
}

/// Returns whether a value can end before a bracket or quote that `after` follows. A few more of them may follow: a
/// longer run would be searched again from each of its marks.
fn ends_after_closing(after: &str) -> bool {
    const MAX_RUN: usize = 64;
    let is_closing = |c: &char| is_quote(*c) || matches!(c, ')' | ']' | '}');
    let run = after.chars().take_while(is_closing).take(MAX_RUN).count();
    // The marks are ASCII.
    run < MAX_RUN && ends_value(&after[run..])
}

/// Returns whether `c` closes the bracket or quote `open`.
fn closes(c: char, open: char) -> bool {
    matches!((open, c), ('(', ')') | ('[', ']') | ('{', '}')) || (open == c && is_quote(c))
}

/// Returns whether a value in an element ends before the `<` that `after` follows: before a tag that closes an element
/// that was opened in `before`, a comment, or a tag that begins a block of HTML. Other elements may be part of the
/// value.
fn is_tag(after: &str, before: &str) -> bool {
    const MAX_LEN: usize = 256;
    const MAX_BEFORE: usize = 4096;
    const BLOCKS: [&str; 12] = [
        "br", "hr", "p", "li", "ul", "ol", "div", "td", "th", "tr", "dt", "dd",
    ];
    let near = cut(after, MAX_LEN);
    let (closing, near) = match near.strip_prefix('/') {
        Some(near) => (true, near),
        None => (false, near),
    };
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.');
    let (name, rest) = near.split_at(near.find(|c| !is_part(c)).unwrap_or(near.len()));
    match closing {
        true if name.is_empty() || !rest.trim_start_matches(is_blank).starts_with('>') => false,
        true => {
            let near = ceil_char_boundary(before, before.len().saturating_sub(MAX_BEFORE));
            before[near..].contains(&format!("<{name}"))
        }
        false => {
            let is_block = BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name));
            let end = rest.find(['<', '>']);
            let is_complete = end.is_some_and(|end| rest[end..].starts_with('>'));
            after.starts_with("!--")
                || (is_block
                    && is_complete
                    && rest.starts_with(|c| is_blank(c) || matches!(c, '/' | '>')))
        }
    }
}

/// Returns whether `quote`, with which `text` begins, continues the value that the quote `last` closed just before.
/// `quote` may be a doubled quote, which stands for one quote (YAML, SQL, CSV), a part of triple quotes (GraphQL,
/// TOML, Python), or the beginning of a string that is joined to the last one (shells).
fn is_same_value(last: Quote, quote: Quote, text: &str) -> bool {
    quote == last || !ends_value(&text[quote.len()..])
}

/// Finds the bracket that `text` begins with, or that follows a name, as in the `Debug` output
/// `Token { inner: .. }`, `Token(..)`, `&path::Box<str>(..)`.
fn find_bracket(text: &str) -> Option<usize> {
    const MAX_NAME: usize = 128;
    let is_part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '<' | '>' | '&');
    let name = cut(text, MAX_NAME).find(|c| !is_part_of_name(c))?;
    let after = &text[name..];
    if name > 0 && after.starts_with(" {") {
        return Some(name + 1);
    }
    after.starts_with(['{', '[', '(']).then_some(name)
}

/// Returns the length of the bracketed value that `text` begins with. A value without an end is all of `text`.
pub(super) fn bracketed_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some(quote) = Quote::at_start(&text[at..]) {
            let inner = at + quote.len();
            match quote.find_end(&text[inner..]) {
                Some(closing) => at = inner + closing.end,
                // A quote that is never closed is an apostrophe.
                None => at = inner,
            }
            continue;
        }
        if c == '\\' {
            // No quote follows the backslashes.
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

/// Returns whether `text` begins with a name and a separator.
pub(super) fn begins_pair(text: &str) -> bool {
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
