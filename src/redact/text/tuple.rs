//! Texts in brackets after a sensitive name, as in the `Debug` output `Password("x")` of a tuple struct.

use crate::{
    redact::text::{
        input::{Finding, Input, is_blank},
        key::PairKey,
        pair::judge_value,
        quote::Quote,
        value::bracketed_len,
    },
    util::text::{after_last, cut},
};

/// Returns whether the bracket at `at` begins with a quoted text. Only the names of types and other brackets may
/// precede the text, as in `Token(Some("x"))`.
pub(super) fn holds_text(text: &str, at: usize) -> bool {
    const MAX_BEFORE: usize = 64;
    let inner = &text[at + 1..];
    let mut before = '(';
    for (at, c) in cut(inner, MAX_BEFORE).char_indices() {
        if is_quote(&inner[at..]) {
            return true;
        }
        let is_part = match is_blank(c) {
            // The output of `{:#?}` has several lines.
            true => matches!(before, '(' | '[') || is_blank(before),
            false => c.is_alphanumeric() || matches!(c, '_' | ':' | '<' | '>' | '&' | '(' | '['),
        };
        if !is_part {
            return false;
        }
        before = c;
    }
    false
}

/// Returns whether `text` begins with a quote of a string.
fn is_quote(text: &str) -> bool {
    !text.starts_with('`') && Quote::at_start(text).is_some()
}

/// Finds the secret in the bracket at `at`. The name before it must be a listed name as a whole, or begin with a
/// capital letter like a type. So the argument of `getToken("x")` is not a secret.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Finding {
    let text = input.text;
    let Some(key) = PairKey::before(text, at, b'(') else {
        return Finding::Nothing;
    };
    let name = &key.name[after_last(key.name, |c| !c.is_alphanumeric() && c != '_')..];
    let class = input.redactor.class_of(name);
    let is_type = || name.starts_with(char::is_uppercase);
    if !class.is_secret() || !(is_type() || input.redactor.class_of_phrase(name).is_some()) {
        return Finding::Nothing;
    }
    let start = at + 1;
    let content = text[start..].trim_start_matches(is_blank);
    if let Some(quote) = Quote::at_start(content) {
        let inner = text.len() - content.len() + quote.len();
        let Some(closing) = quote.find_end(&text[inner..]) else {
            return judge_value(input, &key, class, inner..text.len());
        };
        let ends = |c| is_blank(c) || c == ',';
        let after = input.rest(inner + closing.end).trim_start_matches(ends);
        if after.starts_with(')') || after.is_empty() {
            return judge_value(input, &key, class, inner..inner + closing.start);
        }
    }
    let len = bracketed_len(&text[at..]);
    let content = &text[start..at + len];
    let len = content.strip_suffix(')').unwrap_or(content).len();
    judge_value(input, &key, class, start..start + len)
}
