//! Times, durations and addresses as text.

use std::{
    io::Write as _,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use time::Date;

/// Length of every timestamp.
pub(crate) const TIMESTAMP_LEN: usize = "2026-11-23T09:38:27.000000Z".len();
/// Maximum length of an address: an IPv6 address that ends in an IPv4 address.
pub(crate) const MAX_ADDRESS_LEN: usize = "0000:0000:0000:0000:0000:ffff:255.255.255.255".len();

/// Appends a time in RFC 3339, in UTC with microseconds: `2026-11-23T09:38:27.000000Z`.
///
/// A time before 1970 or after 9999 becomes the start of 1970.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, time: SystemTime) {
    const DAY: u64 = 24 * 60 * 60;
    // Julian day of 1970-01-01.
    const EPOCH: i32 = 2_440_588;
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since_epoch.as_secs();
    let day = i32::try_from(seconds / DAY).map(|day| EPOCH.saturating_add(day));
    let date = day.ok().and_then(|day| Date::from_julian_day(day).ok());
    // The crate `time` may support later years, depending on its features.
    let date = date.filter(|date| date.year() <= 9999);
    let Some(date) = date else {
        out.extend_from_slice(b"1970-01-01T00:00:00.000000Z");
        return;
    };
    let (year, month, day) = date.to_calendar_date();
    let year = year.unsigned_abs();
    let clock = (seconds % DAY) as u32;
    let microseconds = since_epoch.subsec_micros();
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |at: usize, number: u32| {
        text[at] = b'0' + (number / 10) as u8;
        text[at + 1] = b'0' + (number % 10) as u8;
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, u8::from(month).into());
    put(8, day.into());
    put(11, clock / 3600);
    put(14, clock / 60 % 60);
    put(17, clock % 60);
    put(20, microseconds / 10_000);
    put(22, microseconds / 100 % 100);
    put(24, microseconds % 100);
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
            for octet in address.octets() {
                if octet >= 100 {
                    out.push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    out.push(b'0' + octet / 10 % 10);
                }
                out.extend_from_slice(&[b'0' + octet % 10, b'.']);
            }
            out.pop();
        }
        // Writing to a `Vec` succeeds.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

/// Appends seconds with all nanoseconds, without trailing zeros: `0.123`.
pub(crate) fn push_seconds(out: &mut Vec<u8>, duration: Duration) {
    match duration.as_secs() {
        seconds @ 0..=9 => out.push(b'0' + seconds as u8),
        seconds => push_number(out, seconds),
    }
    out.push(b'.');
    // The leading 1 keeps leading zeros.
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(1_000_000_000 + u64::from(duration.subsec_nanos()));
    match digits[1..].trim_end_matches('0') {
        "" => out.push(b'0'),
        digits => out.extend_from_slice(digits.as_bytes()),
    }
}

/// Returns seconds with their unit, as the protobuf type `Duration` has them in JSON: `0.123s`.
pub(crate) fn latency(duration: Duration) -> String {
    text_of(|out| {
        push_seconds(out, duration);
        out.push(b's');
    })
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn text_of(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    push(&mut out);
    String::from_utf8(out).unwrap_or_default()
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
