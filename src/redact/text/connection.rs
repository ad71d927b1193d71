//! Connection strings, as in `Server=db;Password=a b;Encrypt=true`.

use crate::{
    redact::text::{input::Input, key::PairKey, value::begins_pair},
    util::text::{after_last, ceil_char_boundary, cut},
};

/// Returns whether the pair whose separator is at `at` is one of at least two pairs between which there are semicolons,
/// so that only a semicolon ends its value.
pub(super) fn has_pair(input: &Input<'_, '_>, key: &PairKey<'_>, at: usize) -> bool {
    if key.separator != b'=' || key.in_query || key.quoted || input.decoded {
        return false;
    }
    follows_pair(&input.text[..key.start]) || precedes_pair(input.rest(at + 1))
}

/// Returns whether `before` ends with a pair and a semicolon.
fn follows_pair(before: &str) -> bool {
    const MAX_LEN: usize = 128;
    let Some(before) = before.trim_end_matches(' ').strip_suffix(';') else {
        return false;
    };
    let from = ceil_char_boundary(before, before.len().saturating_sub(MAX_LEN));
    let near = &before[from..];
    let ends = |c| matches!(c, ';' | '"' | '\'' | '`' | '\n' | '\r' | '<' | '>' | '?');
    let pair = &near[after_last(near, ends)..];
    pair.contains('=') && !ends_with_reference(pair)
}

/// Returns whether `value` is followed by a semicolon and a pair.
fn precedes_pair(value: &str) -> bool {
    const MAX_LEN: usize = 256;
    let near = cut(value, MAX_LEN);
    let ends = |c| matches!(c, ';' | '"' | '\'' | '`' | '\n' | '\r' | '=' | '<' | '>');
    let Some(end) = near.find(ends) else {
        return false;
    };
    let after = near[end..].strip_prefix(';').unwrap_or_default();
    let after = after.trim_start_matches(' ');
    let name = after.find(['=', ':', ';', ' ']);
    !ends_with_reference(&near[..end])
        && begins_pair(after)
        && name.is_some_and(|at| after[at..].starts_with('='))
}

/// Returns whether the semicolon after `text` is that of a reference of XML, such as `&amp;`.
fn ends_with_reference(text: &str) -> bool {
    let name = text.rsplit_once('&').map(|(_, name)| name);
    name.is_some_and(|name| {
        name.starts_with('#') || ["amp", "lt", "gt", "quot", "apos"].contains(&name)
    })
}
