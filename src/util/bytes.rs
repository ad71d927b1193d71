//! Finds and counts bytes, sixteen at a time.

use wide::u8x16;

/// The number of bytes that are compared at once.
pub(crate) const BLOCK: usize = 16;

/// Sets of bytes. Each function returns a mask of the bytes of a block that are in the set.
pub(crate) mod class {
    use wide::u8x16;

    /// Selects the bytes that are equal to `byte`.
    #[inline(always)]
    pub(crate) fn is(block: u8x16, byte: u8) -> u8x16 {
        block.simd_eq(u8x16::splat(byte))
    }

    /// Selects the bytes that are less than `end`.
    #[inline(always)]
    pub(crate) fn below(block: u8x16, end: u8) -> u8x16 {
        block.simd_lt(u8x16::splat(end))
    }

    /// Selects the bytes from `first` to `last`.
    #[inline(always)]
    pub(crate) fn within(block: u8x16, first: u8, last: u8) -> u8x16 {
        // With SSE2, this comparison takes fewer instructions than "less or equal".
        (block - u8x16::splat(first)).simd_lt(u8x16::splat(last - first + 1))
    }

    /// Selects the bytes that end a run of plain characters in a JSON string (RFC 8259, section 7).
    #[inline(always)]
    pub(crate) fn ends_run(block: u8x16) -> u8x16 {
        is(block, b'"') | is(block, b'\\') | below(block, 0x20)
    }

    /// Selects the bytes of sanitized text that need an escape in a JSON string.
    #[inline(always)]
    pub(crate) fn is_escaped(block: u8x16) -> u8x16 {
        is(block, b'"') | is(block, b'\\')
    }
}

/// Returns one bit for each byte of the block that is in `class`. The lowest bit is for the first byte.
#[inline(always)]
pub(crate) fn hits(block: &[u8; BLOCK], class: impl Fn(u8x16) -> u8x16) -> u32 {
    class(u8x16::new(*block)).to_bitmask()
}

/// Returns the place of the first byte in `class` for whose place `confirm` is true.
#[inline(always)]
pub(crate) fn find_confirmed(
    bytes: &[u8],
    class: impl Fn(u8x16) -> u8x16,
    confirm: impl Fn(usize) -> bool,
) -> Option<usize> {
    find_refined(bytes, class, |_, hits| hits, confirm)
}

/// Works like [`find_confirmed`], but removes some hits of a block first with `refine`.
#[inline(always)]
pub(crate) fn find_refined(
    bytes: &[u8],
    class: impl Fn(u8x16) -> u8x16,
    refine: impl Fn(u8x16, u32) -> u32,
    confirm: impl Fn(usize) -> bool,
) -> Option<usize> {
    let first_of = |start: usize, mut hits: u32| {
        while hits != 0 {
            let at = start + hits.trailing_zeros() as usize;
            if confirm(at) {
                return Some(at);
            }
            hits &= hits - 1;
        }
        None
    };
    let (blocks, rest) = bytes.as_chunks();
    for (nth, block) in blocks.iter().enumerate() {
        let hits = hits(block, &class);
        if hits != 0
            && let hits = refine(u8x16::new(*block), hits)
            && let Some(at) = first_of(nth * BLOCK, hits)
        {
            return Some(at);
        }
    }
    if rest.is_empty() {
        return None;
    }
    // The last block overlaps with the one before it, unless it is the only one.
    let (block, seen) = match bytes.last_chunk() {
        Some(block) => (*block, BLOCK - rest.len()),
        None => (padded(rest), 0),
    };
    let mask = ((1 << rest.len()) - 1) << seen;
    let hits = hits(&block, class) & mask;
    first_of(
        bytes.len() - rest.len() - seen,
        refine(u8x16::new(block), hits),
    )
}

/// Returns the place of the first byte in `class`.
#[inline(always)]
pub(crate) fn find(bytes: &[u8], class: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    find_confirmed(bytes, class, |_| true)
}

/// Counts the bytes in `class`.
#[inline(always)]
pub(crate) fn count(bytes: &[u8], class: impl Fn(u8x16) -> u8x16) -> usize {
    let (blocks, rest) = bytes.as_chunks();
    let mut count = hits_in_rest(rest, &class).count_ones() as usize;
    // A lane of ones is -1, so subtracting a mask counts. A lane counts to 255, so each group has at most 255 blocks.
    for blocks in blocks.chunks(u8::MAX.into()) {
        let counts = blocks.iter().fold(u8x16::ZERO, |counts, block| {
            counts - class(u8x16::new(*block))
        });
        count += counts.to_array().map(usize::from).iter().sum::<usize>();
    }
    count
}

/// Returns the hits in a text that is shorter than a block.
#[inline(always)]
fn hits_in_rest(rest: &[u8], class: impl Fn(u8x16) -> u8x16) -> u32 {
    hits(&padded(rest), class) & ((1 << rest.len()) - 1)
}

/// Copies a text that is shorter than a block, and fills the block with zeros. Two overlapping reads are cheaper than a
/// call of `memcpy`, to which the compiler turns a copy of variable length.
#[inline(always)]
pub(crate) fn padded(rest: &[u8]) -> [u8; BLOCK] {
    let shift = |len| 8 * (rest.len() - len);
    let number = if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        u128::from(first) | u128::from(last) << shift(8)
    } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        (u64::from(first) | u64::from(last) << shift(4)).into()
    } else {
        let bytes = rest.iter().rev();
        bytes.fold(0, |number, &byte| number << 8 | u128::from(byte))
    };
    number.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let rare = prop_oneof![60 => 0x20_u8..=0xff, 1 => any::<u8>(), 1 => Just(b'\\')];
        prop::collection::vec(rare, 0..200)
    }

    proptest! {
        #[test]
        fn first_hit_and_count_are_the_same_as_with_a_plain_loop(bytes in bytes(), wanted in any::<u8>()) {
            prop_assert_eq!(
                find(&bytes, |block| class::is(block, wanted)),
                bytes.iter().position(|&byte| byte == wanted)
            );
            prop_assert_eq!(
                count(&bytes, |block| class::is(block, wanted)),
                bytes.iter().filter(|&&byte| byte == wanted).count()
            );
        }

        #[test]
        fn hits_that_are_not_confirmed_are_skipped(bytes in bytes(), from in 0_usize..200) {
            let upper = |byte: u8| byte.is_ascii_uppercase();
            prop_assert_eq!(
                find_confirmed(&bytes, |block| class::within(block, b'A', b'Z'), |at| at >= from),
                (from.min(bytes.len())..bytes.len()).find(|&at| upper(bytes[at]))
            );
        }

        #[test]
        fn a_run_of_plain_characters_ends_as_in_the_grammar(bytes in bytes()) {
            let ends = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
            let expected = bytes.iter().position(ends).unwrap_or(bytes.len());
            prop_assert_eq!(find(&bytes, class::ends_run).unwrap_or(bytes.len()), expected);
        }
    }
}
