//! Replaces some pieces of a text.

use std::borrow::Cow;

/// The text that replaces a sensitive value.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// The replacement of a piece.
pub(super) struct Replacement {
    /// The number of bytes at the start of the piece that stay.
    pub(super) kept: usize,
    /// The text that replaces the rest of the piece.
    pub(super) shown: Cow<'static, str>,
}

/// Appends `text` to `out` with some of its pieces replaced. `separators` are the places of the bytes that
/// end a piece.
///
/// `replace` gets each piece and whether the piece is the last. It returns `None` for a piece that stays. If all pieces
/// stay, this function appends nothing and returns false.
pub(super) fn push_replaced(
    out: &mut String,
    text: &str,
    separators: impl Iterator<Item = usize>,
    mut replace: impl FnMut(&str, bool) -> Option<Replacement>,
) -> bool {
    let mut copied = 0;
    let mut start = 0;
    let mut is_changed = false;
    for end in separators.chain([text.len()]) {
        if let Some(Replacement { kept, shown }) = replace(&text[start..end], end == text.len()) {
            out.push_str(&text[copied..start + kept]);
            out.push_str(&shown);
            copied = end;
            is_changed = true;
        }
        start = end + 1;
    }
    if is_changed {
        out.push_str(&text[copied..]);
    }
    is_changed
}
