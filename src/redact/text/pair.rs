//! Values of sensitive names, as in `key=value`, `key: value` and `"key" => "value"`.

use std::ops::Range;

use crate::redact::{
    listed::is_placeholder,
    text::{
        input::{Finding, Input, is_blank},
        key::PairKey,
        quote::Quote,
        value::{KeyLine, PairValue},
    },
};

/// Reads the pair whose separator, a `:` or `=`, is at `at`.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Finding {
    let separator = input.text.as_bytes()[at];
    let Some(key) = PairKey::before(input.text, at, separator) else {
        return Finding::Nothing;
    };
    let Some(verdict) = key.judge(input.names) else {
        return Finding::Nothing;
    };
    let after = input.rest(at).trim_start_matches([':', '=', '>']);
    let start = input.text.len() - after.trim_start_matches(is_blank).len();
    let end = PairValue {
        text: input.text,
        key: &key,
        line: &KeyLine::of(input.text, verdict.start),
        greedy: verdict.greedy,
        decoded: input.decoded,
    }
    .end(start);
    let secret = unquoted(input.text, start..end);
    let value = &input.text[secret.clone()];
    if value.starts_with("${") && input.rest(secret.end).starts_with('}') {
        // A variable, as in a template. A bracket ends most other values.
        let end = secret.end + 1;
        if is_placeholder(&input.text[secret.start..end]) {
            return Finding::SkipTo(end);
        }
    }
    // A truncated value may be any value.
    let is_cut = input.open && secret.end == input.text.len() && !value.is_empty();
    let is_declared = || key.name.starts_with('$') && is_graphql_type(value);
    match is_cut || (verdict.class.hides(value, key.place()) && !is_declared()) {
        true => Finding::Secret(secret),
        false => Finding::Nothing,
    }
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
