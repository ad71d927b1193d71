//! Values of sensitive names, as in `key=value`, `key: value` and `"key" => "value"`.

use std::ops::Range;

use crate::redact::{
    listed::{NameClass, is_placeholder},
    text::{
        connection,
        harmless::{harmless_len, hides, is_empty},
        input::{Finding, Input, is_blank},
        key::PairKey,
        named::Pairs,
        quote::Quote,
        value::{KeyLine, PairValue},
    },
};

/// Reads the pair whose separator, a `:` or `=`, is at `at`.
pub(super) fn find<'t>(input: &Input<'t, '_>, at: usize, pairs: &mut Pairs<'t>) -> Finding {
    let separator = input.text.as_bytes()[at];
    let Some(key) = PairKey::before(input.text, at, separator) else {
        return Finding::Nothing;
    };
    let Some(verdict) = key.judge(input.redactor) else {
        return Finding::Nothing;
    };
    let (class, limit) = match verdict.class {
        NameClass::Naming => {
            pairs.name(input, &key, at);
            return Finding::Nothing;
        }
        NameClass::Valued => match pairs.value(input, &key, at) {
            Some(limit) => (NameClass::Secret, limit),
            None => return Finding::Nothing,
        },
        class => (class, usize::MAX),
    };
    let after = input.rest(at).trim_start_matches([':', '=', '>']);
    let content = without_block_header(after);
    if begins_with_escaped_break(content) {
        // The indentation of the lines is known after the escapes were decoded.
        return Finding::Nothing;
    }
    let start = input.text.len() - after.trim_start_matches(is_blank).len();
    let mut line = KeyLine::of(input.text, verdict.start);
    let is_after_quote = !key.quoted && input.text[..verdict.start].ends_with(['"', '\'', '`']);
    if is_after_quote && content.starts_with(['\n', '\r']) {
        // A document with several lines begins at the quote.
        line.column = line.column.or(Some(0));
    }
    if is_empty(input, &key, &line, at, start) {
        return Finding::Nothing;
    }
    // Before the end is searched, which may be that of the text.
    let place = key.place();
    if let Some(len) = harmless_len(input.rest(start), class, place, input.open, verdict.greedy) {
        return Finding::SkipTo(start + len);
    }
    let end = PairValue {
        text: input.text,
        key: &key,
        line: &line,
        greedy: verdict.greedy,
        decoded: input.decoded,
        around: pairs.around(input.text, &key),
        in_list: connection::has_pair(input, &key, at),
    }
    .end(start);
    let end = match limit < end {
        true => end_before_name(input.text, start, limit),
        false => end,
    };
    judge_value(input, &key, class, unquoted(input.text, start..end))
}

/// Returns the text of a value after the blanks before it and the header of a block scalar (YAML 1.2, section 8.1).
fn without_block_header(text: &str) -> &str {
    let text = text.trim_start_matches(' ');
    let header = text.strip_prefix(['|', '>']);
    header.map_or(text, |header| {
        header
            .trim_start_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit())
            .trim_start_matches(' ')
    })
}

/// Returns whether `text` begins with the escape of a line break. In a layer above that of the escape, each backslash
/// is escaped.
fn begins_with_escaped_break(text: &str) -> bool {
    let after = text.trim_start_matches('\\');
    (text.len() - after.len()).is_power_of_two() && after.starts_with(['n', 'r'])
}

/// Returns `secret`, the value of `key`, as a finding, if it is a secret.
pub(super) fn judge_value(
    input: &Input<'_, '_>,
    key: &PairKey<'_>,
    class: NameClass,
    secret: Range<usize>,
) -> Finding {
    let value = &input.text[secret.clone()];
    // A truncated value may be any value.
    let is_cut = input.open && secret.end == input.text.len() && !value.is_empty();
    if !is_cut && is_placeholder(value) {
        return Finding::SkipTo(secret.end);
    }
    let is_declared = || {
        key.separator == b':'
            && key.name.starts_with('$')
            && Quote::at_end(&input.text[..secret.start]).is_none()
            && is_graphql_type(value)
    };
    let is_secret = || hides(value.trim_end_matches(is_blank), class, key.place());
    match is_cut || (is_secret() && !is_declared()) {
        true => Finding::Secret(secret),
        false => Finding::Nothing,
    }
}

/// Returns the end of the value that begins at `start`, if the name at `name` is the end of it.
fn end_before_name(text: &str, start: usize, name: usize) -> usize {
    let value = text.get(start..name).unwrap_or_default();
    let is_between = |c| is_blank(c) || matches!(c, ',' | ';' | '|' | '&');
    start + value.trim_end_matches(is_between).len()
}

/// Returns the part of the value `range` between its quotes, if all of the value is between them.
pub(super) fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
    let value = &text[range.clone()];
    let Some(quote) = Quote::at_start(value) else {
        return range;
    };
    let inner = range.start + quote.len();
    match quote.find_end(&value[quote.len()..]) {
        None => inner..range.end,
        Some(closing) if inner + closing.end == range.end => inner..inner + closing.start,
        Some(_) => range,
    }
}

/// Returns whether `text` is a type of GraphQL, as in the declaration `$password: String!`.
fn is_graphql_type(text: &str) -> bool {
    let name = text.trim_matches(|c| matches!(c, '[' | ']' | '!'));
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}
