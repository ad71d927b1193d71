//! Percent-encoding, as forms and URLs use it.

use std::borrow::Cow;

/// Decodes `%XX` and `+`. A broken escape stays as it is; what is not UTF-8 becomes U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(String::from_utf8_lossy(&bytes(text)).into_owned())
}

/// The bytes that `text` stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        out.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.get(at)), hex(bytes.get(at + 1))) {
                (Some(high), Some(low)) => {
                    at += 2;
                    (high * 16 + low) as u8
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    out
}

/// Writes `text` so that [`decode`] gives it back and that nothing in it ends a value. What can be
/// read as it is stays as it is.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => out.push('+'),
            '\0'..' ' | '%' | '+' | '&' | '=' | ';' | '#' | '"' | '\'' | '<' | '>' | '\x7f' => {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_escapes_stay() {
        for (text, decoded) in [
            ("a%20b+c", "a b c"),
            ("%", "%"),
            ("%2", "%2"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
            ("%C3%A9", "é"),
        ] {
            assert_eq!(decode(text), decoded);
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert_eq!(decode(&encoded), text);
        }
    }
}
