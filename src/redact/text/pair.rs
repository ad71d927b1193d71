//! Values of sensitive names, as in `key=value`, `key: value` and `"key" => "value"`.

use crate::redact::text::{
    credential::user_info_len,
    input::{Finding, Input, is_blank},
    key::PairKey,
    quote::Quote,
    value::{KeyLine, PairValue},
};

/// Reads the pair whose separator, a `:` or `=`, is at `at`.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Finding {
    let separator = input.text.as_bytes()[at];
    if separator == b':' && input.rest(at).starts_with("://") {
        return find_user_info(input, at + "://".len());
    }
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
    let value = &input.text[start..end];
    let Some(quote) = Quote::at_start(value) else {
        return match value {
            "" => Finding::Nothing,
            _ => Finding::Secret(start..end),
        };
    };
    let inner = start + quote.len();
    match quote.find_end(&value[quote.len()..]) {
        None => Finding::Secret(inner..end),
        // The quotes stay if all of the value is between them.
        Some(closing) if inner + closing.end == end => {
            Finding::Secret(inner..inner + closing.start)
        }
        Some(_) => Finding::Secret(start..end),
    }
}

/// Finds the user information of the URL whose authority begins at `start`.
fn find_user_info(input: &Input<'_, '_>, start: usize) -> Finding {
    if !input.names.hides_shapes() {
        return Finding::SkipTo(start);
    }
    let len = user_info_len(input.rest(start), input.open, input.decoded);
    Finding::UserInfo(start..start + len)
}
