//! Times, durations and addresses as text.

use std::{
    io::Write as _,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use time::OffsetDateTime;

/// Length of every timestamp.
pub(crate) const TIMESTAMP_LEN: usize = "2026-11-23T09:38:27.000000Z".len();
/// Maximum length of an address: an IPv6 address that ends in an IPv4 address.
pub(crate) const MAX_ADDRESS_LEN: usize = "0000:0000:0000:0000:0000:ffff:255.255.255.255".len();

/// Appends a time in RFC 3339, in UTC with microseconds: `2026-11-23T09:38:27.000000Z`.
///
/// A time before 1970 or after 9999 becomes the start of 1970.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, time: SystemTime) {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since_epoch.as_secs().try_into().ok();
    let second = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let (time, microseconds) = match second {
        Some(second) => (second, since_epoch.subsec_micros()),
        None => (OffsetDateTime::UNIX_EPOCH, 0),
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    text[0..4].copy_from_slice(&digits::<4>(year.unsigned_abs()));
    text[5..7].copy_from_slice(&digits::<2>(u8::from(month).into()));
    text[8..10].copy_from_slice(&digits::<2>(day.into()));
    text[11..13].copy_from_slice(&digits::<2>(hour.into()));
    text[14..16].copy_from_slice(&digits::<2>(minute.into()));
    text[17..19].copy_from_slice(&digits::<2>(second.into()));
    text[20..26].copy_from_slice(&digits::<6>(microseconds));
    out.extend_from_slice(&text);
}

/// Returns the text of [`push_timestamp`].
pub(crate) fn timestamp(time: SystemTime) -> String {
    text_of(|out| push_timestamp(out, time))
}

/// Appends an address.
pub(crate) fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        // The common case, without the machinery of `Display`.
        IpAddr::V4(address) => {
            for (nth, octet) in address.octets().into_iter().enumerate() {
                if nth > 0 {
                    out.push(b'.');
                }
                push_number(out, octet);
            }
        }
        // Writing to a `Vec` succeeds.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// Appends seconds with all nanoseconds, without trailing zeros: `0.123`.
pub(crate) fn push_seconds(out: &mut Vec<u8>, duration: Duration) {
    push_number(out, duration.as_secs());
    out.push(b'.');
    let digits: [u8; 9] = digits(duration.subsec_nanos());
    let zeros = digits[1..].iter().rev().take_while(|&&b| b == b'0');
    let len = digits.len() - zeros.count();
    out.extend_from_slice(&digits[..len]);
}

/// Returns seconds with their unit, as the protobuf type `Duration` has them in JSON: `0.123s`.
pub(crate) fn latency(duration: Duration) -> String {
    text_of(|out| {
        push_seconds(out, duration);
        out.push(b's');
    })
}

pub(crate) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn text_of(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    push(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Returns the last `N` digits of `number`, with leading zeros.
fn digits<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timestamps_have_microseconds_and_stay_between_1970_and_9999() {
        for (microseconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_426_707_123_456, "2026-11-23T09:38:27.123456Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
            (253_402_300_800_000_001, "1970-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(
                timestamp(UNIX_EPOCH + Duration::from_micros(microseconds)),
                text
            );
            assert_eq!(text.len(), TIMESTAMP_LEN);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(timestamp(before), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn the_longest_address_has_the_maximum_length() {
        let longest = IpAddr::V6(Ipv6Addr::from([0xffff; 8]));
        assert!(longest.to_string().len() <= MAX_ADDRESS_LEN);
    }

    proptest! {
        #[test]
        fn addresses_are_written_as_by_display(
            v4 in any::<u32>(), v6 in any::<u128>(), mapped in any::<bool>(),
        ) {
            let v6 = match mapped {
                true => Ipv4Addr::from(v4).to_ipv6_mapped(),
                false => Ipv6Addr::from(v6),
            };
            for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6)] {
                let text = text_of(|out| push_address(out, address));
                prop_assert!(text.len() <= MAX_ADDRESS_LEN);
                prop_assert_eq!(text, address.to_string());
            }
        }

        #[test]
        fn seconds_have_all_nanoseconds_and_no_trailing_zeros(
            nanoseconds in any::<u64>(), shift in 0..64,
        ) {
            let duration = Duration::from_nanos(nanoseconds >> shift);
            let text = text_of(|out| push_seconds(out, duration));
            let (whole, fraction) = text.split_once('.').unwrap();
            prop_assert_eq!(whole.parse::<u64>().unwrap(), duration.as_secs());
            prop_assert_eq!(format!("{fraction:0<9}").parse::<u32>().unwrap(), duration.subsec_nanos());
            prop_assert!(fraction.len() == 1 || !fraction.ends_with('0'));
        }
    }
}
