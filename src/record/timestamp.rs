//! RFC 3339 in UTC with microseconds: `2026-11-23T09:38:27.000000Z`.

use std::{
    cell::Cell,
    time::{SystemTime, UNIX_EPOCH},
};

use time::OffsetDateTime;

const LEN: usize = "2026-11-23T09:38:27.000000Z".len();

/// The text of a point in time; no allocation and no `format!`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp([u8; LEN]);

thread_local! {
    /// The second of the last record, and its text: most records are of the same. The calendar takes
    /// two thirds of what a timestamp costs.
    static LAST: Cell<(u64, [u8; LEN])> = const { Cell::new((0, *b"1970-01-01T00:00:00.000000Z")) };
}

impl Timestamp {
    /// A clock before 1970 or after 9999 gives the start of 1970: such a record is about its
    /// exchange, not about its clock.
    pub(crate) fn new(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since_epoch.as_secs();
        let (last, mut text) = LAST.try_with(Cell::get).unwrap_or_default();
        if last != seconds || text[LEN - 1] != b'Z' {
            let Some(new) = second(seconds) else {
                return Self(*b"1970-01-01T00:00:00.000000Z");
            };
            text = new;
            let _ = LAST.try_with(|last| last.set((seconds, text)));
        }
        text[20..26].copy_from_slice(&digits::<6>(since_epoch.subsec_micros()));
        Self(text)
    }

    /// Digits and punctuation.
    pub(crate) fn as_ascii(&self) -> &[u8] {
        &self.0
    }
}

/// The text of the beginning of a second; `None` after 9999.
fn second(seconds: u64) -> Option<[u8; LEN]> {
    let time = OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    text[0..4].copy_from_slice(&digits::<4>(year.unsigned_abs()));
    text[5..7].copy_from_slice(&digits::<2>(u8::from(month).into()));
    text[8..10].copy_from_slice(&digits::<2>(day.into()));
    text[11..13].copy_from_slice(&digits::<2>(hour.into()));
    text[14..16].copy_from_slice(&digits::<2>(minute.into()));
    text[17..19].copy_from_slice(&digits::<2>(second.into()));
    Some(text)
}

/// The last digits of `number`, with leading zeros.
#[inline(always)]
pub(crate) fn digits<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    // Two at a time: a division by a constant is half a dozen instructions.
    for pair in digits.rchunks_mut(2) {
        let [tens, ones] = PAIRS[(number % 100) as usize];
        number /= 100;
        match pair {
            [first, second] => (*first, *second) = (tens, ones),
            [only] => *only = ones,
            _ => {}
        }
    }
    digits
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_in_full() {
        for (microseconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_426_707_123_456, "2026-11-23T09:38:27.123456Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_000, "1970-01-01T00:00:00.000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_micros(microseconds);
            assert_eq!(Timestamp::new(time).as_ascii(), text.as_bytes());
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(
            Timestamp::new(before).as_ascii(),
            b"1970-01-01T00:00:00.000000Z"
        );
    }
}
