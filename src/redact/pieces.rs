//! Texts in which some pieces are replaced.

use std::borrow::Cow;

/// The replacement of a piece.
pub(super) struct Replacement {
    /// This many bytes at the start of the piece stay.
    pub(super) kept: usize,
    /// Text that replaces the rest of the piece.
    pub(super) shown: Cow<'static, str>,
}

/// Appends `text` to `out` with some of its pieces replaced. Each of `separators` ends a piece.
///
/// `replace` gets each piece and whether it is the last one. It returns `None` for a piece that stays. If
/// all pieces stay, this function appends nothing and returns false.
pub(super) fn push_replaced(
    out: &mut String,
    text: &str,
    separators: &[char],
    mut replace: impl FnMut(&str, bool) -> Option<Replacement>,
) -> bool {
    let mut copied = 0;
    let mut start = 0;
    let mut is_changed = false;
    for piece in text.split(separators) {
        let end = start + piece.len();
        if let Some(Replacement { kept, shown }) = replace(piece, end == text.len()) {
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
