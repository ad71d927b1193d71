//! Sanitized text, which is on one line. Every string of a record is sanitized.

use std::borrow::Cow;

use wide::u8x16;

use crate::util::bytes::{self, class};

/// Returns whether a character can forge or reorder a line of a log: C0, DEL and C1 controls, the line and paragraph
/// separators, and the bidirectional embeddings, overrides and isolates (Unicode Technical Standard 55, "Source code
/// handling").
pub(crate) fn is_forbidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a mask of the bytes at which a [forbidden](is_forbidden) character may begin.
pub(crate) fn may_begin_forbidden(block: u8x16) -> u8x16 {
    let controls = class::below(block, 0x20) | class::is(block, 0x7f);
    // Selects 0xc2 and 0xe2, which differ in one bit.
    controls | class::is(block & u8x16::splat(!0x20), 0xc2)
}

/// Returns whether a [forbidden](is_forbidden) character begins at `at`.
pub(crate) fn is_forbidden_at(text: &str, at: usize) -> bool {
    text.get(at..)
        .is_some_and(|text| text.starts_with(is_forbidden))
}

/// Returns the place of the first [forbidden](is_forbidden) character.
pub(crate) fn find_forbidden(text: &str) -> Option<usize> {
    bytes::find_confirmed(text.as_bytes(), may_begin_forbidden, |at| {
        is_forbidden_at(text, at)
    })
}

/// Replaces each forbidden character with a space, so that the text does not become longer.
pub(crate) fn sanitize(text: &str) -> Cow<'_, str> {
    match find_forbidden(text) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.replace(is_forbidden, " ")),
    }
}

/// Returns the longest prefix of at most `max` bytes that ends on a character boundary.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns the end of the last character for which `is_mark` is true, or 0.
pub(crate) fn after_last(text: &str, is_mark: impl Fn(char) -> bool) -> usize {
    let last = text.char_indices().rfind(|&(_, c)| is_mark(c));
    last.map_or(0, |(at, c)| at + c.len_utf8())
}

/// Returns the first character boundary at or after `at`.
pub(crate) fn ceil_char_boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(text.len())
}

/// Appends at most `max` bytes: the start of `bytes`, which come from a peer, sanitized. Invalid UTF-8 becomes U+FFFD.
pub(crate) fn push_lossy(out: &mut String, bytes: &[u8], max: usize) {
    // Limit the work, because the input may be much longer than `max`. A character that is truncated here does not fit
    // into `max`, unless characters before it became shorter; then it is shown as U+FFFD.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(max + 4)]);
    let sanitized = sanitize(&text);
    out.push_str(cut(&sanitized, max));
}

/// Returns the number of bytes that a sanitized text takes inside a JSON string, without the quotes. In sanitized text,
/// only quotes and backslashes need an escape.
pub(crate) fn escaped_len(text: &str) -> usize {
    text.len() + bytes::count(text.as_bytes(), class::is_escaped)
}

/// Returns the longest prefix of `text` that takes at most `max` bytes inside a JSON string.
pub(crate) fn cut_escaped(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.len_utf8() + usize::from(matches!(c, '"' | '\\'));
        if used > max {
            return &text[..at];
        }
    }
    text
}

/// A `fmt::Write` that keeps the first `max` bytes and returns an error for more, so that a `Display` of any length
/// takes bounded memory.
pub(crate) struct Capped {
    text: String,
    max: usize,
}

impl Capped {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            text: String::new(),
            max,
        }
    }

    /// Formats a value, and returns at most `max` bytes of the result.
    pub(crate) fn display(max: usize, value: impl std::fmt::Display) -> String {
        let mut capped = Self::new(max);
        // An error means that the maximum was reached, or that the `Display` failed. In both cases, the text so far is
        // kept.
        let _ = std::fmt::Write::write_fmt(&mut capped, format_args!("{value}"));
        capped.text
    }
}

impl std::fmt::Write for Capped {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        let room = self.max - self.text.len();
        self.text.push_str(cut(s, room));
        if s.len() > room {
            // Accept nothing after a cut, because then the text would not be a prefix.
            self.max = self.text.len();
            return Err(std::fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forbidden_characters_become_spaces() {
        for (dirty, expected) in [
            ("plain", "plain"),
            ("two\r\nlines", "two  lines"),
            ("nul\0del\x7fnel\u{85}", "nul del nel "),
            ("ls\u{2028}ps\u{2029}", "ls ps "),
            ("rlo\u{202e}lri\u{2066}pdi\u{2069}", "rlo lri pdi "),
            ("esc\x1b[31m", "esc [31m"),
            ("žluťoučký 漢字 \u{200f}", "žluťoučký 漢字 \u{200f}"),
        ] {
            assert_eq!(sanitize(dirty), expected);
        }
    }

    #[test]
    fn endless_display_is_stopped_at_the_maximum() {
        struct Endless;
        impl std::fmt::Display for Endless {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                loop {
                    f.write_str("žá")?;
                }
            }
        }
        assert_eq!(Capped::display(7, Endless), "žáž");
    }

    #[test]
    fn capped_writer_accepts_nothing_after_a_cut() {
        use std::fmt::Write as _;
        let mut capped = Capped::new(4);
        assert!(capped.write_str("abcž").is_err());
        assert!(capped.write_str("d").is_err());
        assert_eq!(capped.text, "abc");
    }

    proptest! {
        #[test]
        fn sanitized_text_is_never_longer_and_does_not_change_again(text in any::<String>()) {
            let once = sanitize(&text).into_owned();
            prop_assert!(!once.contains(is_forbidden));
            prop_assert!(once.len() <= text.len());
            prop_assert_eq!(sanitize(&once), once.as_str());
        }

        #[test]
        fn a_cut_is_the_longest_prefix_that_fits(text in any::<String>(), max in 0_usize..40) {
            let kept = cut(&text, max);
            prop_assert!(kept.len() <= max && text.starts_with(kept));
            if let Some(next) = text[kept.len()..].chars().next() {
                prop_assert!(kept.len() + next.len_utf8() > max);
            }
        }

        #[test]
        fn escaped_length_is_the_length_that_serde_json_writes(text in any::<String>(), max in 0_usize..40) {
            let text = sanitize(&text);
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(escaped_len(&text), written.len() - 2);
            prop_assert!(escaped_len(cut_escaped(&text, max)) <= max);
        }

        #[test]
        fn lossy_text_is_sanitized_and_capped(bytes in any::<Vec<u8>>(), max in 0_usize..40) {
            let mut out = String::new();
            push_lossy(&mut out, &bytes, max);
            prop_assert!(out.len() <= max && !out.contains(is_forbidden));
        }
    }
}
