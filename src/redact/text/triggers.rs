//! Where in a text something may have to be hidden.

use wide::u8x16;

use crate::util::{
    bytes::{self, class},
    text,
};

/// Where something that has to be hidden can be noticed, and some other bytes; but for schemes.
#[inline(always)]
fn may_be_a_secret(block: u8x16) -> u8x16 {
    class::within(block, b':', b'=')
        | class::is(block, b'%')
        | class::is(block, b'@')
        | class::is(block, b'J')
}

/// What may begin a scheme.
#[inline(always)]
fn may_be_a_scheme(block: u8x16) -> u8x16 {
    class::is(block & u8x16::splat(!0x20), b'B')
}

#[inline(always)]
pub(crate) fn may_be_trigger(block: u8x16) -> u8x16 {
    may_be_a_secret(block) | may_be_a_scheme(block)
}

/// `Bearer` or `Basic` begins at `at`, as far as three letters tell.
#[inline(always)]
pub(super) fn begins_scheme(text: &[u8], at: usize) -> bool {
    matches!(
        text.get(at..at + 3),
        Some([b'B' | b'b', b'e' | b'E', b'a' | b'A'] | [b'B' | b'b', b'a' | b'A', b's' | b'S'])
    )
}

/// Something that has to be hidden can be noticed at `at`.
#[inline(always)]
pub(crate) fn is_trigger(text: &[u8], at: usize) -> bool {
    match text[at] {
        b':' | b'=' | b'<' | b'%' | b'@' | b'J' => true,
        _ => begins_scheme(text, at),
    }
}

pub(crate) fn find_trigger(text: &str) -> Option<usize> {
    let text = text.as_bytes();
    bytes::find_confirmed(text, may_be_trigger, |at| is_trigger(text, at))
}

/// Because of what stands at `at`, the text has to be looked at before it is shown: a secret, or a
/// character that [cannot stay](text::is_forbidden).
#[inline]
pub(crate) fn needs_change_at(text: &str, at: usize) -> bool {
    match text.as_bytes()[at] {
        0xc2 | 0xe2 => text::is_forbidden_at(text, at),
        0..0x20 | 0x7f => true,
        _ => is_trigger(text.as_bytes(), at),
    }
}

/// The top bit is set in the lane of each byte of the block at which a JSON string may end or
/// [need a look](needs_change_at), and of some others, few in ordinary text. `next` is the block one byte
/// further on.
///
/// All in one look, with as few operations as will do: this is what most bytes of a body are read with.
#[inline(always)]
pub(crate) fn trigger_mask(block: u8x16, next: u8x16) -> u8x16 {
    // Controls, quotes and `%`: all up to it, but for blank and `!`.
    let low = class::within(block, 0, b'%') & !class::is(block | u8x16::ONE, b'!');
    // `:` to `=`, and `@`.
    let marks = class::within(block, b':', b'@');
    let single = class::is(block, b'\\') | class::is(block, b'J') | class::is(block, 0x7f);
    // `B` and `b`, as of `Bearer` and `Basic`, and 0xc2 and 0xe2, which may begin forbidden characters.
    let first = class::is(block & u8x16::splat(0x5f), b'B');
    // `A` and `E` in upper or lower case, or a byte that is not ASCII: that has its top bit set.
    let second = class::is(next & u8x16::splat(0x5b), b'A') | next;
    low | marks | single | (first & second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::bytes::BLOCK;

    #[test]
    fn attention_is_drawn_to_all_that_needs_a_look() {
        let draws = |text: &str| {
            let mut both = [b' '; BLOCK + 1];
            both[..text.len()].copy_from_slice(text.as_bytes());
            let (block, next) = (both.first_chunk().unwrap(), both.last_chunk().unwrap());
            trigger_mask(u8x16::new(*block), u8x16::new(*next)).to_bitmask() & 1 == 1
        };
        let ascii = || (0..=0x7f_u8).map(char::from);
        for (first, second) in ascii().flat_map(|first| ascii().map(move |second| (first, second)))
        {
            for third in ['s', 'S', 'a', 'A', ' ', 'é'] {
                let text = String::from_iter([first, second, third]);
                let ends_run = matches!(first, '"' | '\\' | '\0'..='\x1f');
                assert!(
                    draws(&text) || !(ends_run || needs_change_at(&text, 0)),
                    "{text:?}"
                );
            }
        }
        for c in ('\0'..=char::MAX).filter(|&c| text::is_forbidden(c)) {
            assert!(draws(&c.to_string()), "{c:?}");
        }
    }
}
