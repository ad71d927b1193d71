//! Forms and queries: `application/x-www-form-urlencoded` (WHATWG URL, section 5).

use std::borrow::Cow;

use percent_encoding::{percent_decode_str, percent_encode_byte};

/// Returns the keys of a pair, still encoded, and the place of each key.
///
/// A key may be at the start of the pair. It may also follow a `;`, because some readers separate pairs with it, or a
/// `?` or `#`, because the value may be a URL.
pub(crate) fn keys(pair: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    pair.split([';', '?', '#']).filter_map(move |part| {
        let start = next;
        next += part.len() + 1;
        part.split_once('=').map(|(key, _)| (start, key))
    })
}

/// Decodes `%XX` and `+`. An invalid escape stays unchanged. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let blanks = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&blanks).decode_utf8_lossy().into_owned())
}

/// Returns a truncated text without the part of an escape at its end.
pub(crate) fn without_truncated_percent(text: &str) -> &str {
    match text.rfind('%') {
        Some(at) if text.len() - at < "%XX".len() => &text[..at],
        _ => text,
    }
}

/// Encodes `text` so that [`decode`] restores the text and no character in it ends a value. Characters that need no
/// encoding stay unchanged.
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
    fn escapes_are_decoded_and_invalid_escapes_stay_unchanged() {
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
    fn keys_are_at_the_start_of_a_pair_or_follow_a_mark() {
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
