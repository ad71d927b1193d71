//! Values of sensitive names, as in `key=value`, `key: value` and `"key" => "value"`.

use std::ops::Range;

use crate::redact::{
    listed::NameClass,
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
    let Some(verdict) = key.judge(input.names) else {
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
    let start = input.text.len() - after.trim_start_matches(is_blank).len();
    let line = KeyLine::of(input.text, verdict.start);
    if is_empty(input, &key, &line, at, start) {
        return Finding::Nothing;
    }
    // Before the end is searched, which may be that of the text.
    let (class, place) = (class, key.place());
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
    let secret = unquoted(input.text, start..end);
    let value = &input.text[secret.clone()];
    // A truncated value may be any value.
    let is_cut = input.open && secret.end == input.text.len() && !value.is_empty();
    let is_declared = || key.name.starts_with('$') && is_graphql_type(value);
    match is_cut || (hides(value.trim_end_matches(is_blank), class, place) && !is_declared()) {
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
fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
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
