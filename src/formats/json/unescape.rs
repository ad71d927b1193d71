//! Decodes the escapes in JSON strings.

use std::borrow::Cow;

/// Decodes the escapes of a JSON string (RFC 8259, section 7). An invalid escape stays unchanged. A lone surrogate
/// becomes U+FFFD, because section 8.2 allows lone surrogates without giving them a meaning.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('\\') else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let (plain, mut rest) = text.split_at(first);
    out.push_str(plain);
    while !rest.is_empty() {
        let units = std::iter::from_fn(|| {
            let (unit, len) = escape(rest)?;
            rest = &rest[len..];
            Some(unit)
        });
        let chars = char::decode_utf16(units);
        out.extend(chars.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        // Here, a backslash begins no escape.
        let next = rest.bytes().skip(1).position(|byte| byte == b'\\');
        let (plain, after) = rest.split_at(next.map_or(rest.len(), |at| at + 1));
        out.push_str(plain);
        rest = after;
    }
    Cow::Owned(out)
}

/// Returns the code unit of the escape at the start of `text`, and the length of the escape.
fn escape(text: &str) -> Option<(u16, usize)> {
    let bytes = text.as_bytes();
    let (&[b'\\', kind], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    if kind == b'u' {
        let unit = rest.get(..4)?.iter().try_fold(0, |unit, &digit| {
            Some(unit << 4 | char::from(digit).to_digit(16)? as u16)
        })?;
        return Some((unit, 6));
    }
    Some((escaped_byte(kind)?.into(), 2))
}

/// Returns the byte that a backslash and `byte` stand for, if they are a complete escape.
pub(crate) fn escaped_byte(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invalid_escapes_stay_unchanged() {
        for (text, unescaped) in [
            ("plain", "plain"),
            (r#"a\"b\\c\/"#, r#"a"b\c/"#),
            (r"\u0041\ud83d\ude00\ud83dx", "A😀\u{fffd}x"),
            (r"\ud83d\ud83d\ude00\ude00\n", "\u{fffd}😀\u{fffd}\n"),
            (r"\x\u12\é\", r"\x\u12\é\"),
        ] {
            assert_eq!(unescape(text), unescaped);
        }
    }

    proptest! {
        #[test]
        fn strings_are_unescaped_as_serde_json_does(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unescape(&written[1..written.len() - 1]), text);
        }

        #[test]
        fn escaped_units_are_joined_as_utf_16_is(units in prop::collection::vec(
            prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010], 0..8))
        {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            prop_assert_eq!(unescape(&escaped), String::from_utf16_lossy(&units));
        }
    }
}
