//! Values of sensitive names: `key=value`, `key: value`, `"key" => "value"` and their like.

use crate::redact::text::{
    Pass, Values, is_blank,
    key::Key,
    quote::Quote,
    user_info_len,
    value::{Line, Value},
};

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
