//! Finding bytes in long texts at a few instructions per byte or less.

/// Says of each byte whether it is wanted.
pub(crate) type Table = [bool; 256];

/// The first byte that both `near` and `far` want.
///
/// `far` judges a byte by the two that follow it as well (zeros at the end), a block of them at a time
/// and without a branch in between: the compiler turns that into vector instructions, if it uses `|`
/// and `&` and not `||` and `&&`. `near` is for single bytes; it must want all that `far` wants.
#[inline(always)]
pub(crate) fn find(bytes: &[u8], near: &Table, far: impl Fn(u8, u8, u8) -> bool) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut at = 0;
    while let Some(block) = bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk::<{ BLOCK + 2 }>)
    {
        let hits = (0..BLOCK).fold(0, |hits, i| {
            hits | u8::from(far(block[i], block[i + 1], block[i + 2]))
        });
        if hits != 0 {
            break;
        }
        at += BLOCK;
    }
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let is_found =
        |&at: &usize| near[usize::from(bytes[at])] && far(bytes[at], byte(at + 1), byte(at + 2));
    (at..bytes.len()).find(is_found)
}

/// How many bytes from the start need no attention inside a JSON string (RFC 8259, section 7): up
/// to a quote, a backslash or a control character.
#[inline]
pub(crate) fn plain_json(bytes: &[u8]) -> usize {
    // Most strings end within a word, and the others are mostly long.
    match bytes.first_chunk() {
        Some(word) => match first_end(word) {
            Some(at) => at,
            None => 8 + plain_json_far(&bytes[8..]),
        },
        None => plain_json_near(bytes),
    }
}

#[inline(never)]
fn plain_json_far(bytes: &[u8]) -> usize {
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
    for word in bytes[at..].as_chunks::<8>().0 {
        if let Some(found) = first_end(word) {
            return at + found;
        }
        at += 8;
    }
    at + plain_json_near(&bytes[at..])
}

fn plain_json_near(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|&byte| ends_run(byte));
    end.unwrap_or(bytes.len())
}

/// The first of eight bytes that ends a run.
///
/// A byte is zero if subtracting one borrows from its top bit. A borrow may go on into the bytes
/// above, so only the lowest hit is exact, and that is the first.
#[inline]
fn first_end(word: &[u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(*word);
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let hits = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    match hits & TOPS {
        0 => None,
        hits => Some((hits.trailing_zeros() / 8) as usize),
    }
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
            let mut near = [false; 256];
            near[usize::from(wanted)] = true;
            prop_assert_eq!(
                find(&bytes, &near, |byte, _, _| byte == wanted),
                bytes.iter().position(|&byte| byte == wanted)
            );
        }

        #[test]
        fn a_plain_run_ends_where_the_grammar_says(bytes in bytes()) {
            let expected = bytes.iter().position(|&byte| ends_run(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_json(&bytes), expected);
        }
    }
}
