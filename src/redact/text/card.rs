//! Numbers of payment cards (ISO/IEC 7812): 15 or 16 digits, plain or in groups, with the prefix of a network and a
//! valid check digit.

use std::ops::Range;

use crate::redact::text::input::begins_word;

/// The number of digits in a row that a card number has at least once, plain or in groups.
pub(super) const MIN_GROUP: usize = 4;

/// The lengths of the groups of a card number: all networks, and American Express.
const GROUPINGS: [&[usize]; 2] = [&[4, 4, 4, 4], &[4, 6, 5]];

/// Returns whether `digits`, without separators, are a card number.
pub(crate) fn is_card_number(digits: &str) -> bool {
    let digits = digits.as_bytes();
    digits.iter().all(u8::is_ascii_digit) && is_valid(digits)
}

/// Finds the card number that the digit at `at` is a part of.
pub(super) fn find_around(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let before = bytes[..at].iter().rev().take(Number::MAX_DIGITS);
    let start = at - before.take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes[start..].iter().take(Number::MAX_DIGITS + 1);
    match rest.take_while(|byte| byte.is_ascii_digit()).count() {
        4 => (0..4).find_map(|groups| starting_at(text, start.checked_sub(5 * groups)?, at)),
        5 => starting_at(text, start.checked_sub(12)?, at),
        6 => starting_at(text, start.checked_sub(5)?, at),
        15 | 16 => starting_at(text, start, at),
        _ => None,
    }
}

/// Returns the card number that begins at `start`, if it extends beyond `at`.
pub(super) fn starting_at(text: &str, start: usize, at: usize) -> Option<Range<usize>> {
    let number = Number::read(text, start)?;
    let after = &text.as_bytes()[number.end..];
    let goes_on = match after {
        [b'.', digit, ..] => digit.is_ascii_digit(),
        // A blank may precede the date of expiry, so only a dash continues a number.
        [b'-', digit, ..] => number.separator == Some(b'-') && digit.is_ascii_digit(),
        [next, ..] => next.is_ascii_alphanumeric(),
        [] => false,
    };
    let is_whole = match number.separator {
        None => true,
        Some(_) => GROUPINGS.contains(&number.groups()),
    };
    (number.end > at && !goes_on && is_whole && is_valid(number.digits()))
        .then_some(start..number.end)
}

/// Finds a card number or the beginning of one at the end of a truncated text.
///
/// From 12 digits on, at most four are missing, and the check digit leaves a thousand numbers to try. With fewer
/// digits, too many identifiers would look like the beginning of a card number.
pub(crate) fn find_truncated(text: &str) -> Option<Range<usize>> {
    const MIN: usize = 12;
    let bytes = text.as_bytes();
    let in_number = |byte: &&u8| byte.is_ascii_digit() || is_separator(**byte);
    let tail = bytes
        .iter()
        .rev()
        .take(Number::MAX_LEN)
        .take_while(in_number);
    let from = bytes.len() - tail.count();
    // The tail may begin with another number.
    (from..bytes.len()).find_map(|start| {
        let begins = start == from || !bytes[start - 1].is_ascii_digit();
        let number = Number::read(text, start).filter(|_| begins)?;
        let rest = &bytes[number.end..];
        let is_last = matches!(rest, []) || matches!(rest, [last] if is_separator(*last));
        let digits = number.digits();
        let is_cut = digits.len() >= MIN && card_len(digits).is_some_and(|len| digits.len() < len);
        let is_card = is_cut || is_valid(digits);
        let may_go_on = match number.separator {
            None => true,
            Some(_) => GROUPINGS.iter().any(|all| number.begins(all)),
        };
        (is_last && is_card && may_go_on).then_some(start..bytes.len())
    })
}

/// Digits, possibly in groups.
struct Number {
    digits: [u8; Self::MAX_DIGITS],
    len: usize,
    groups: [usize; 4],
    group_count: usize,
    /// The character between the groups. `None` if there is one group.
    separator: Option<u8>,
    end: usize,
}

impl Number {
    const MAX_DIGITS: usize = 16;
    /// The length of four groups with their separators.
    const MAX_LEN: usize = Self::MAX_DIGITS + 3;

    /// Reads the number that begins at `start`. Returns `None` if `start` is inside of a word or of another number.
    fn read(text: &str, start: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let is_fraction = bytes[..start].ends_with(b".") && start >= 2 && is_digit(start - 2);
        if !is_digit(start) || is_fraction || !begins_word(text, start, |_| false) {
            return None;
        }
        let mut number = Self {
            digits: [0; Self::MAX_DIGITS],
            len: 0,
            groups: [0; 4],
            group_count: 1,
            separator: None,
            end: start,
        };
        while let Some(&byte) = bytes.get(number.end) {
            if byte.is_ascii_digit() {
                *number.digits.get_mut(number.len)? = byte - b'0';
                number.len += 1;
                number.groups[number.group_count - 1] += 1;
            } else if is_separator(byte)
                && is_digit(number.end + 1)
                && number.separator.is_none_or(|separator| separator == byte)
                && number.group_count < 4
                // After a whole number, another one may follow.
                && !GROUPINGS.contains(&number.groups())
                && number.groups[0] == GROUPINGS[0][0]
            {
                number.separator = Some(byte);
                number.group_count += 1;
            } else {
                break;
            }
            number.end += 1;
        }
        let before = &bytes[..start];
        let is_later_group = number.separator == Some(b'-')
            && before.ends_with(b"-")
            && start >= 2
            && is_digit(start - 2);
        (!is_later_group).then_some(number)
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    fn groups(&self) -> &[usize] {
        &self.groups[..self.group_count]
    }

    /// Returns whether the groups are the first ones of `all`, the last of them truncated or not.
    fn begins(&self, all: &[usize]) -> bool {
        let last = self.group_count - 1;
        last < all.len() && self.groups[..last] == all[..last] && self.groups[last] <= all[last]
    }
}

/// Returns whether `byte` may be between the groups of a card number. In a form, a plus sign is a blank.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'+')
}

/// Returns whether the digits have the length and the prefix of a network, and a valid check digit.
fn is_valid(digits: &[u8]) -> bool {
    card_len(digits) == Some(digits.len()) && luhn(digits)
}

/// Returns the length of the card numbers of the network that has this prefix.
fn card_len(digits: &[u8]) -> Option<usize> {
    let prefix = digits.get(..4)?;
    let value = |digit: u8| u32::from(digit & 0xf);
    let prefix = prefix.iter().fold(0, |all, &digit| all * 10 + value(digit));
    match prefix {
        3400..=3499 | 3700..=3799 => Some(15),
        // Visa; Mastercard; Discover; JCB; UnionPay.
        4000..=4999
        | 5100..=5599
        | 2221..=2720
        | 6011
        | 6440..=6599
        | 3528..=3589
        | 6200..=6299 => Some(16),
        _ => None,
    }
}

/// Checks the check digit (ISO/IEC 7812-1, annex B). The digits are characters or numbers.
fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().map(|(nth, &digit)| {
        let digit = u32::from(digit & 0xf);
        match nth % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    });
    sum.sum::<u32>().is_multiple_of(10)
}
