//! Finding bytes in texts, sixteen at a time.

use wide::u8x16;

/// How many bytes are looked at together.
pub(crate) const BLOCK: usize = 16;

/// A set of bytes: in the lanes of those that are in it, all bits are set.
pub(crate) mod class {
    use wide::u8x16;

    #[inline(always)]
    pub(crate) fn is(block: u8x16, byte: u8) -> u8x16 {
        block.simd_eq(u8x16::splat(byte))
    }

    #[inline(always)]
    pub(crate) fn below(block: u8x16, end: u8) -> u8x16 {
        block.simd_lt(u8x16::splat(end))
    }

    /// From `first` to `last`.
    #[inline(always)]
    pub(crate) fn within(block: u8x16, first: u8, last: u8) -> u8x16 {
        (block - u8x16::splat(first)).simd_le(u8x16::splat(last - first))
    }

    /// What ends a run of plain characters in a JSON string: RFC 8259, section 7.
    #[inline(always)]
    pub(crate) fn ends_run(block: u8x16) -> u8x16 {
        is(block, b'"') | is(block, b'\\') | below(block, 0x20)
    }

    /// What a clean text has to have escaped in a JSON string.
    #[inline(always)]
    pub(crate) fn is_escaped(block: u8x16) -> u8x16 {
        is(block, b'"') | is(block, b'\\')
    }
}

/// One bit for each byte of the block: the first is the lowest.
#[inline(always)]
pub(crate) fn hits(block: &[u8; BLOCK], class: impl Fn(u8x16) -> u8x16) -> u32 {
    class(u8x16::new(*block)).to_bitmask()
}

/// Where the first byte stands that is in `class` and that `confirm`, which gets its place, confirms.
#[inline(always)]
pub(crate) fn find_confirmed(
    bytes: &[u8],
    class: impl Fn(u8x16) -> u8x16,
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
            && let Some(at) = first_of(nth * BLOCK, hits)
        {
            return Some(at);
        }
    }
    if rest.is_empty() {
        return None;
    }
    first_of(bytes.len() - rest.len(), hits_in_rest(rest, class))
}

/// Where the first byte stands that is in `class`.
#[inline(always)]
pub(crate) fn find(bytes: &[u8], class: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    find_confirmed(bytes, class, |_| true)
}

/// How many bytes are in `class`.
#[inline(always)]
pub(crate) fn count(bytes: &[u8], class: impl Fn(u8x16) -> u8x16) -> usize {
    let (blocks, rest) = bytes.as_chunks();
    let mut count = hits_in_rest(rest, &class).count_ones() as usize;
    // A hit is a lane of ones, which is one less; no lane can be hit more often than it can count.
    for blocks in blocks.chunks(u8::MAX.into()) {
        let counts = blocks.iter().fold(u8x16::ZERO, |counts, block| {
            counts - class(u8x16::new(*block))
        });
        count += counts.to_array().map(usize::from).iter().sum::<usize>();
    }
    count
}

/// Returns the hits in less than a block.
#[inline(always)]
fn hits_in_rest(rest: &[u8], class: impl Fn(u8x16) -> u8x16) -> u32 {
    hits(&padded(rest), class) & ((1 << rest.len()) - 1)
}

/// Copies less than a block, and fills it up with zeros. Two reads that overlap are cheaper than a call of
/// `memcpy`, which the compiler makes of a copy of any length.
#[inline(always)]
fn padded(rest: &[u8]) -> [u8; BLOCK] {
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

/// How many bytes from the start need no attention inside a JSON string: up to a quote, a backslash
/// or a control character.
#[inline]
pub(crate) fn plain_json(bytes: &[u8]) -> usize {
    find(bytes, class::ends_run).unwrap_or(bytes.len())
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
        fn the_first_hit_is_found_wherever_it_stands(bytes in bytes(), wanted in any::<u8>()) {
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
        fn what_is_not_confirmed_is_passed_over(bytes in bytes(), from in 0_usize..200) {
            let upper = |byte: u8| byte.is_ascii_uppercase();
            prop_assert_eq!(
                find_confirmed(&bytes, |block| class::within(block, b'A', b'Z'), |at| at >= from),
                (from.min(bytes.len())..bytes.len()).find(|&at| upper(bytes[at]))
            );
        }

        #[test]
        fn a_plain_run_ends_where_the_grammar_says(bytes in bytes()) {
            let ends = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < 0x20;
            let expected = bytes.iter().position(ends).unwrap_or(bytes.len());
            prop_assert_eq!(plain_json(&bytes), expected);
        }
    }
}
