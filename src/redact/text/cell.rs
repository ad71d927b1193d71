//! Values after a sensitive name in texts whose cells are separated by tabs.

use crate::{
    redact::{
        listed::{NameClass, Place},
        text::{
            input::{Finding, Input, is_blank},
            key::{MAX_KEY, is_key_char},
        },
    },
    util::text::{after_last, ceil_char_boundary},
};

/// Returns whether a cell that is not empty ends at the tab at `at`.
pub(super) fn ends_at(text: &[u8], at: usize) -> bool {
    !matches!(text[..at].last(), None | Some(b'\t' | b'\n' | b'\r'))
}

/// Finds the cell after the tab at `at`, if the cell before the tab is a sensitive name as a whole.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Finding {
    let text = input.text;
    let from = ceil_char_boundary(text, at.saturating_sub(MAX_KEY));
    let near = text[from..at].trim_end_matches([' ', '"', '\'']);
    // A text in quotes may be a table, too.
    let start = after_last(near, |c| ends_cell(c) || c == '"');
    if start == 0 && from > 0 {
        return Finding::Nothing;
    }
    let class = class_of(trim(&near[start..]), input);
    if !class.is_secret() || is_in_header(text, at) {
        return Finding::Nothing;
    }
    let rest = input.rest(at).trim_start_matches([' ', '\t']);
    if rest.starts_with([':', '=']) {
        // A pair, whose separator is between tabs.
        return Finding::Nothing;
    }
    let start = text.len() - rest.len();
    let cell = &rest[..rest.find(ends_cell).unwrap_or(rest.len())];
    let is_cut = input.open && cell.len() == rest.len() && !cell.is_empty();
    match is_cut || class.hides(trim(cell), Place::Document) {
        true => Finding::Secret(start..start + cell.trim_end_matches(is_blank).len()),
        false => Finding::Nothing,
    }
}

fn ends_cell(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

/// Returns the text of a cell without blanks and quotes around it.
fn trim(cell: &str) -> &str {
    cell.trim_matches(|c| is_blank(c) || matches!(c, '"' | '\''))
}

/// Returns the class of a cell as a name. Several words are a name only if they are listed, because a sentence may
/// contain a sensitive word.
fn class_of(cell: &str, input: &Input<'_, '_>) -> NameClass {
    match cell.contains(|c| !is_key_char(c)) {
        true => input.redactor.class_of_phrase(cell).unwrap_or_default(),
        false => input.redactor.class_of(cell),
    }
}

/// Returns whether `at` is in the header of a table: the first of several lines, if it has at least three cells, all of
/// which are words without digits.
fn is_in_header(text: &str, at: usize) -> bool {
    const MAX_LEN: usize = 1024;
    const MIN_CELLS: usize = 3;
    let start = &text.as_bytes()[..text.len().min(MAX_LEN)];
    let Some(end) = memchr::memchr2(b'\n', b'\r', start).filter(|&end| end > at) else {
        return false;
    };
    let is_part = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.' | b' ');
    let is_word = |cell: &str| !cell.is_empty() && cell.bytes().all(is_part);
    let cells = || text[..end].split('\t');
    cells().count() >= MIN_CELLS && cells().all(is_word)
}
