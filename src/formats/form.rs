//! Forms and queries: `application/x-www-form-urlencoded` (WHATWG URL, section 5).

use std::borrow::Cow;

use percent_encoding::{percent_decode_str, percent_encode_byte};

/// Iterates over the keys of a pair, which are still encoded, and the place of each one.
///
/// A key may begin the pair, or follow a `;`, which separated pairs in the past, or a `?` or `#`, if the value
/// is a URL.
pub(crate) fn keys(pair: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    pair.split([';', '?', '#']).filter_map(move |part| {
        let start = next;
        next += part.len() + 1;
        part.split_once('=').map(|(key, _)| (start, key))
    })
}

/// Decodes `%XX` and `+`. A broken escape stays as it is. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let blanks = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&blanks).decode_utf8_lossy().into_owned())
}

/// Encodes `text` so that [`decode`] restores it and no character in it ends a value. A character that
/// needs no encoding stays readable.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => out.push('+'),
            '\0'..' ' | '%' | '+' | '&' | '=' | ';' | '#' | '"' | '\'' | '<' | '>' | '\x7f' => {
                out.push_str(percent_encode_byte(c as u8));
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

    #[test]
    fn keys_begin_a_pair_or_follow_a_mark() {
        let keys: Vec<_> = keys("a=1;b;c%3D=2?d=e=f#=").collect();
        assert_eq!(keys, [(0, "a"), (6, "c%3D"), (13, "d"), (19, "")]);
    }

    proptest! {
        #[test]
        fn decoding_restores_encoded_text(text in any::<String>()) {
            let encoded = encode(&text);
            prop_assert_eq!(decode(&encoded), text);
        }
    }
}
