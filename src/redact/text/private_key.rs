//! Private keys in PEM form (RFC 7468), also of OpenSSH and OpenPGP.

use std::ops::Range;

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";

/// Returns whether the `B` at `at` belongs to the marker that begins a PEM text.
pub(super) fn is_marker(text: &[u8], at: usize) -> bool {
    text[at..].starts_with(b"BEGIN") && text[..at].ends_with(b"-----")
}

/// Finds the private key whose `BEGIN` is at `at`. Without an end marker, the key extends
/// to the end of the text.
pub(super) fn find(text: &str, at: usize) -> Option<Range<usize>> {
    let label = marker_len(&text[at + "BEGIN".len()..])?;
    let start = at - "-----".len();
    let mut from = at + "BEGIN".len() + label;
    while let Some(found) = text[from..].find(END) {
        let end = from + found + END.len();
        if let Some(label) = marker_len(&text[end..]) {
            return Some(start..end + label);
        }
        from = end;
    }
    Some(start..text.len())
}

/// Returns the end of the private key that begins in `start..end`, if it extends beyond `end`.
pub(super) fn end_of_last(text: &str, start: usize, end: usize) -> Option<usize> {
    let marker = start + text[start..end].rfind(BEGIN)?;
    let key = find(text, marker + "-----".len())?;
    (key.end > end).then_some(key.end)
}

/// Returns the length of the rest of a marker, after `BEGIN` or `END`, if it is that of a private key.
fn marker_len(text: &str) -> Option<usize> {
    const MAX: usize = 64;
    // In a form, a plus sign is a blank.
    let in_label =
        |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b" +".contains(byte);
    let label = text.bytes().take(MAX).take_while(in_label).count();
    let (label, after) = text.split_at(label);
    let is_private = ["PRIVATE KEY", "PRIVATE+KEY"]
        .iter()
        .any(|key| label.contains(key));
    (is_private && after.starts_with("-----")).then_some(label.len() + "-----".len())
}
