//! Strings in the output.

use crate::util::text;

/// Appends sanitized text to a JSON string, with escapes.
pub(super) fn push_quoted_chars(out: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Appends characters of a JSON string, with escapes for the characters that a log line must not contain. In JSON, an
/// escape has the same meaning as its character.
pub(super) fn push_on_one_line(out: &mut String, mut chars: &str) {
    while let Some(at) = text::find_forbidden(chars) {
        out.push_str(&chars[..at]);
        let mut rest = chars[at..].chars();
        if let Some(c) = rest.next() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        chars = rest.as_str();
    }
    out.push_str(chars);
}
