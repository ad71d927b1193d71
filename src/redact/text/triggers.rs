//! Triggers: the bytes at which a secret can be recognized.

use wide::u8x16;

use crate::{
    formats::references::reference_at,
    redact::text::{
        card::{self, MIN_GROUP},
        cell, option, private_key, token, tuple,
    },
    util::{
        bytes::{self, class},
        text,
    },
};

/// Sets the lanes of triggers and of some other bytes.
fn may_be_trigger(block: u8x16) -> u8x16 {
    // Digits, `:` to `=`, and `@`.
    class::within(block, b'0', b'@')
        | class::is(block, b'-')
        | class::is(block, b'_')
        | class::is(block, b'%')
        | class::is(block, b'(')
        | class::is(block, b'\t')
        // `G`, as in `SG.`, and `H` to `K`, as in `eyJ` and `AKIA`.
        | class::within(block, b'G', b'K')
        // `B` and `b`, as in `BEGIN`, `Bearer` and `Basic`.
        | class::is(block & u8x16::splat(!0x20), b'B')
}

/// Removes the digits from the lanes `hits`, except the first of four, as in a card number, and one after `a`, as in
/// `ya29.`.
///
/// A card number has at least one whole group in one block, wherever the block begins.
#[inline]
pub(crate) fn candidates(block: u8x16, hits: u32) -> u32 {
    let digits = class::within(block, b'0', b'9').to_bitmask();
    let pairs = digits & digits >> 1;
    let groups = pairs & pairs >> 2;
    // An `a` may precede the block.
    let after_a = class::is(block, b'a').to_bitmask() << 1 | 1;
    hits & (!digits | (groups & !(groups << 1)) | after_a)
}

/// Returns whether the three letters at `at` begin `Bearer` or `Basic`, or the marker of a PEM text is there.
fn begins_scheme(text: &[u8], at: usize) -> bool {
    match text.get(at..at + 3) {
        Some([b'B' | b'b', b'e' | b'E', b'a' | b'A'] | [b'B' | b'b', b'a' | b'A', b's' | b'S']) => {
            true
        }
        Some(b"BEG") => private_key::is_marker(text, at),
        _ => false,
    }
}

/// Returns whether a secret can be recognized at `at`.
#[inline]
fn is_trigger(text: &str, at: usize) -> bool {
    has_neighbors(text.as_bytes(), at) && is_trigger_here(text, at)
}

#[inline(never)]
fn is_trigger_here(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    match bytes[at] {
        b':' | b'=' | b'<' | b'%' | b'@' | b'J' => true,
        b'-' => token::is_prefix(bytes, at) || option::begins(text, at),
        b'_' | b'G' | b'I' => token::is_prefix(bytes, at),
        b'(' => tuple::holds_text(text, at),
        b'\t' => cell::ends_at(bytes, at),
        b'0'..=b'9' => is_card_number(text, at) || token::is_prefix(bytes, at),
        _ => begins_scheme(bytes, at),
    }
}

/// Returns whether a group of digits at `at` is a part of a card number.
fn is_card_number(text: &str, at: usize) -> bool {
    let group = text.as_bytes().get(at..at + MIN_GROUP);
    group.is_some_and(|group| group.iter().all(u8::is_ascii_digit))
        && card::find_around(text, at).is_some()
}

/// Finds the first trigger at `from` or after it.
pub(super) fn find_trigger(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes().get(from..)?;
    let confirm = |at| is_trigger(text, from + at);
    Some(from + bytes::find_refined(bytes, may_be_trigger, candidates, confirm)?)
}

/// Returns whether `text` has a trigger or one of the bytes `others`. The bytes `ignored` do not count.
pub(crate) fn has_trigger<const N: usize, const M: usize>(
    text: &str,
    others: [u8; N],
    ignored: [u8; M],
) -> bool {
    let bytes = text.as_bytes();
    let class = |block| {
        let lanes = others.map(|byte| class::is(block, byte)).into_iter();
        lanes.fold(may_be_trigger(block), |all, lanes| all | lanes)
    };
    let confirm = |at: usize| {
        !ignored.contains(&bytes[at]) && (others.contains(&bytes[at]) || is_trigger(text, at))
    };
    bytes::find_refined(bytes, class, candidates, confirm).is_some()
}

/// Returns whether a text must be processed because of the byte at `at`: it is a trigger, or it begins a
/// [forbidden](text::is_forbidden) character or a reference, which may stand for a trigger.
#[inline]
pub(crate) fn needs_change_at(text: &str, at: usize) -> bool {
    has_neighbors(text.as_bytes(), at) && needs_change_here(text, at)
}

/// Returns whether the neighbors of the byte at `at` may belong to the same secret. Rejects most hyphens, digits and
/// letters in few operations. For other bytes, returns true.
#[inline(always)]
fn has_neighbors(text: &[u8], at: usize) -> bool {
    let before = text.get(at.wrapping_sub(1)).copied().unwrap_or_default();
    let after = text.get(at + 1).copied().unwrap_or_default();
    match text[at] {
        b'-' if before == b'-' => after.is_ascii_alphabetic(),
        b'-' | b'_' => before.is_ascii_lowercase() && after != b' ',
        b'(' => before.is_ascii_alphanumeric() || !before.is_ascii(),
        b'0'..=b'9' => {
            after.is_ascii_digit()
                && (before == b'a' || text.get(at + 2).is_some_and(u8::is_ascii_digit))
        }
        b'G' => before == b'S' && after == b'.',
        b'&' => after == b'#' || after.is_ascii_alphabetic(),
        b'!' | b'H' | b'K' | b';' | b'>' | b'?' => false,
        b'I' => matches!(before, b'A' | b'K' | b'S'),
        b'J' => before == b'y',
        b'B' | b'b' => matches!(text.get(at + 2), Some(b'a' | b'A' | b's' | b'S' | b'G')),
        _ => true,
    }
}

#[inline(never)]
fn needs_change_here(text: &str, at: usize) -> bool {
    match text.as_bytes()[at] {
        0xc2 | 0xe2 => text::is_forbidden_at(text, at),
        0..0x20 | 0x7f => true,
        b'&' => reference_at(&text[at..]).is_some(),
        _ => is_trigger_here(text, at),
    }
}

/// Sets the top bit in the lane of each byte at which a JSON string may end or
/// [must be processed](needs_change_at), and of a few other bytes. `next` is the block that begins one byte
/// later. [`candidates`] removes most of the other bytes.
///
/// Most bytes of a body are read by this function, so it uses as few operations as possible.
pub(crate) fn trigger_mask(block: u8x16, next: u8x16) -> u8x16 {
    // Control characters, the quote, `%`, `&` and `(`: all bytes up to `(`, except the blank.
    let low = class::within(block, 0, b'(') & !class::is(block, b' ');
    // Digits, `:` to `=`, and `@`.
    let marks = class::within(block, b'0', b'@') | class::is(block, b'-');
    // `G`, as in `SG.`, and `H` to `K`, as in `eyJ` and `AKIA`.
    let single = class::is(block, b'\\') | class::within(block, b'G', b'K');
    // `_` and DEL, which differ in one bit, and so do 0xc2 and 0xe2, which may begin forbidden characters.
    let lower = block | u8x16::splat(0x20);
    let pairs = class::is(lower, 0x7f) | class::is(lower, 0xe2);
    // `BA`, `BE`, as in `BEGIN`, `Bearer` and `Basic`, in upper or lower case.
    let schemes = class::is(lower, b'b') & class::is(next & u8x16::splat(0x5b), b'A');
    low | marks | single | pairs | schemes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::bytes::BLOCK;

    #[test]
    fn trigger_mask_has_every_byte_that_ends_or_changes_a_string() {
        let has_bit = |text: &str| {
            let mut both = [b' '; BLOCK + 1];
            both[..text.len()].copy_from_slice(text.as_bytes());
            let (block, next) = (both.first_chunk().unwrap(), both.last_chunk().unwrap());
            trigger_mask(u8x16::new(*block), u8x16::new(*next)).to_bitmask() & 1 == 1
        };
        let ascii = || (0..=0x7f_u8).map(char::from);
        for (first, second) in ascii().flat_map(|first| ascii().map(move |second| (first, second)))
        {
            let ends_run = matches!(first, '"' | '\\' | '\0'..='\x1f');
            for third in ['s', 'S', 'a', 'A', ' ', 'é'] {
                for before in ["", "a", "y", "S", "-"] {
                    let text = String::from_iter([first, second, third]);
                    let is_found = needs_change_at(&format!("{before}{text}"), before.len());
                    assert!(
                        has_bit(&text) || !(ends_run || is_found),
                        "{before}{text:?}"
                    );
                }
            }
        }
        for c in ('\0'..=char::MAX).filter(|&c| text::is_forbidden(c)) {
            assert!(has_bit(&c.to_string()), "{c:?}");
        }
    }
}
