//! Finding bytes in long texts at a few instructions per byte or less.

/// The first byte for which `wanted` holds.
///
/// Whole blocks are judged before single bytes, without a branch inside the block: the compiler
/// turns that into vector instructions, if `wanted` uses `|` and not `||`.
#[inline(always)]
pub(crate) fn find(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = 0;
    for block in bytes.as_chunks::<32>().0 {
        if block
            .iter()
            .fold(0, |hits, &byte| hits | u8::from(wanted(byte)))
            != 0
        {
            break;
        }
        at += block.len();
    }
    let rest = bytes[at..].iter().position(|&byte| wanted(byte))?;
    Some(at + rest)
}

/// How many bytes from the start need no attention inside a JSON string (RFC 8259, section 7): up
/// to a quote, a backslash or a control character.
#[inline]
pub(crate) fn plain_json(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = 0;
    for block in bytes.as_chunks::<32>().0 {
        let hits = block
            .iter()
            .fold(0, |hits, &byte| hits | u8::from(ends_run(byte)));
        if hits != 0 {
            break;
        }
        at += block.len();
    }
    // Most strings are shorter than a block. Eight bytes at a time: a byte is zero if subtracting
    // one borrows from its top bit (the first hit from below is exact, which is all that counts).
    for word in bytes[at..].as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hits = hits & TOPS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    at + rest
        .iter()
        .position(|&byte| ends_run(byte))
        .unwrap_or(rest.len())
}

#[inline(always)]
fn ends_run(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
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
                find(&bytes, |byte| (byte == wanted) | (byte == b'!')),
                bytes.iter().position(|&byte| byte == wanted || byte == b'!')
            );
        }

        #[test]
        fn a_plain_run_ends_where_the_grammar_says(bytes in bytes()) {
            let expected = bytes.iter().position(|&byte| ends_run(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_json(&bytes), expected);
        }
    }
}
