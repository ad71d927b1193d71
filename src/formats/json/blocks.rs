//! Blocks of bytes that are scanned at once.

use wide::u8x16;

use crate::util::bytes::BLOCK;

/// Returns the first block of `both`, and the block that begins one byte later.
#[inline]
pub(super) fn overlapping(both: &[u8; BLOCK + 1]) -> (u8x16, u8x16) {
    let [first @ .., _] = both;
    let [_, second @ ..] = both;
    (u8x16::new(*first), u8x16::new(*second))
}

/// Copies fewer bytes than two blocks need, and fills the rest with NUL.
// Out of line, because this is needed only at the end of a text.
#[inline(never)]
pub(super) fn padded_pair(rest: &[u8]) -> [u8; BLOCK + 1] {
    let mut both = [0; BLOCK + 1];
    both[..rest.len()].copy_from_slice(rest);
    both
}
