//! Sizes with units.

const MIB: f64 = (1 << 20) as f64;

/// Parses `512M`, `2G`, `2GiB` or a plain number of bytes. Units are powers of 1024.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size such as 512M or 2G");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Formats a size in KiB, MiB or GiB.
pub fn show(bytes: u64) -> String {
    let mib = bytes as f64 / MIB;
    match mib {
        ..1.0 => format!("{:.0} KiB", mib * 1024.0),
        ..1024.0 => format!("{mib:.0} MiB"),
        _ if mib % 1024.0 == 0.0 => format!("{:.0} GiB", mib / 1024.0),
        _ => format!("{:.1} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_with_units() {
        assert_eq!(parse("4096"), Ok(4096));
        assert_eq!(parse("512M"), Ok(512 << 20));
        assert_eq!(parse("2G"), Ok(2 << 30));
        assert_eq!(parse("2gib"), Ok(2 << 30));
        for wrong in ["", "G", "2T", "-1", "1.5G", "99999999999G"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_formatted_with_units() {
        assert_eq!(show(700 << 10), "700 KiB");
        assert_eq!(show(257 << 20), "257 MiB");
        assert_eq!(show(1 << 30), "1 GiB");
        assert_eq!(show(3 << 29), "1.5 GiB");
    }
}
