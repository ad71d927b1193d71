//! Decodes the escapes in JSON strings.

use std::borrow::Cow;

/// A decoder of UTF-16 code units, which joins surrogate pairs. A lone surrogate becomes U+FFFD, because RFC 8259,
/// section 8.2, allows lone surrogates without giving them a meaning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Units {
    high: Option<u16>,
}

impl Units {
    /// Takes the next unit. Calls `out` with each character that is complete.
    pub(crate) fn push(&mut self, unit: u16, mut out: impl FnMut(char)) {
        match (self.high.take(), unit) {
            (high, 0xd800..=0xdbff) => {
                if high.is_some() {
                    out(char::REPLACEMENT_CHARACTER);
                }
                self.high = Some(unit);
            }
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, unit]).next();
                out(pair
                    .and_then(Result::ok)
                    .unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (high, _) => {
                if high.is_some() {
                    out(char::REPLACEMENT_CHARACTER);
                }
                out(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    /// Ends a run of escapes. Call this before other characters are appended.
    pub(crate) fn end(&mut self, mut out: impl FnMut(char)) {
        if self.high.take().is_some() {
            out(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Decodes the escapes of a JSON string (RFC 8259, section 7). An invalid escape stays unchanged.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('\\') else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let mut units = Units::default();
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(c) = rest.chars().next() {
        if let Some((unit, len)) = escape(rest) {
            units.push(unit, |c| out.push(c));
            rest = &rest[len..];
        } else {
            units.end(|c| out.push(c));
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    units.end(|c| out.push(c));
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
            (r"\x\u12\", r"\x\u12\"),
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
        fn units_are_joined_as_utf_16_is(units in prop::collection::vec(
            prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010], 0..8))
        {
            let mut joined = String::new();
            let mut state = Units::default();
            for &unit in &units {
                state.push(unit, |c| joined.push(c));
            }
            state.end(|c| joined.push(c));
            prop_assert_eq!(joined, String::from_utf16_lossy(&units));
        }
    }
}
