//! Credentials that are recognized by their shape: `Bearer` and `Basic` (RFC 6750, RFC 7617), JSON web
//! tokens (RFC 7519), and the user information of URLs (RFC 3986, section 3.2.1).

use crate::{
    redact::{
        names::REDACTED,
        text::{
            input::{Finding, Input, is_blank},
            quote::Quote,
        },
    },
    util::text::after_last,
};

const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// Finds the token after `Bearer` or `Basic`, if the `b` at `at` begins one of them.
pub(super) fn find_scheme(input: &Input<'_, '_>, at: usize) -> Finding {
    let bytes = &input.text.as_bytes()[at..];
    let begins = |scheme: &&str| {
        let word = bytes.get(..scheme.len());
        word.is_some_and(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let Some(scheme) = SCHEMES.into_iter().find(begins) else {
        return Finding::Nothing;
    };
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if is_letter(input.text.as_bytes()[..at].last()) || is_letter(bytes.get(scheme.len())) {
        return Finding::Nothing;
    }
    let is_bearer = scheme == "bearer";
    let rest = input.rest(at + scheme.len());
    let gap = gap_len(rest, is_bearer);
    if gap == 0 {
        return Finding::Nothing;
    }
    let start = at + scheme.len() + gap;
    let token = &rest[gap..];
    if token.starts_with(REDACTED) {
        return Finding::SkipTo(start + REDACTED.len());
    }
    let token = &token[..token.find(ends_token).unwrap_or(token.len())];
    if SCHEMES
        .iter()
        .any(|scheme| token.eq_ignore_ascii_case(scheme))
    {
        // The scheme is repeated, and the token follows the second one.
        return Finding::Nothing;
    }
    let end = start + token.len();
    let may_go_on = input.open && end == input.text.len();
    match !token.is_empty() && (is_bearer || may_go_on || is_basic(token)) {
        true => Finding::Secret(start..end),
        false => Finding::Nothing,
    }
}

/// Returns the length of the blanks and quotes between a scheme and its token.
fn gap_len(rest: &str, is_bearer: bool) -> usize {
    const MAX: usize = 16;
    let mut len = 0;
    while len < MAX {
        let next = &rest[len..];
        let Some(c) = next.chars().next() else { break };
        len += match Quote::at_start(next) {
            Some(quote) => quote.len(),
            None if is_blank(c) || (is_bearer && matches!(c, ':' | '=')) => c.len_utf8(),
            None => break,
        };
    }
    len
}

fn ends_token(c: char) -> bool {
    is_blank(c) || "\"'`,;<>(){}[]&\\".contains(c)
}

/// Returns whether `token` is a credential and not an English word after "basic".
///
/// A word is short, in lower case, and not the Base64 of a user and a password.
fn is_basic(token: &str) -> bool {
    // The Base64 of a short name and a short password has this length.
    const SHORT: usize = 8;
    let word = token.trim_end_matches('.');
    let is_lower =
        |(at, b): (usize, u8)| b.is_ascii_lowercase() || (at == 0 && b.is_ascii_uppercase());
    let is_word = word.len() < SHORT && word.bytes().enumerate().all(is_lower);
    !is_word || decodes_to_pair(token)
}

/// Returns whether `token`, read as Base64, has a colon.
fn decodes_to_pair(token: &str) -> bool {
    let mut bits = 0_u32;
    token.bytes().enumerate().any(|(at, byte)| {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(digit);
        // Each digit completes a byte, except the first of four.
        at % 4 != 0 && (bits >> (6 - 2 * (at % 4))) as u8 == b':'
    })
}

/// Finds the JSON web token whose `eyJ`, the Base64 of `{"`, ends at `at`.
pub(super) fn find_jwt(input: &Input<'_, '_>, at: usize) -> Finding {
    if !input.text.as_bytes()[..at].ends_with(b"ey") {
        return Finding::Nothing;
    }
    let start = at - "ey".len();
    let rest = input.rest(start);
    // RFC 7515 prescribes Base64url without padding, but some issuers use plain Base64.
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let len = rest.find(|c| !is_part(c) && c != '.').unwrap_or(rest.len());
    let after = &rest[len..];
    // A truncated escape may be that of a full stop.
    if input.open && (after.is_empty() || (after.starts_with('%') && after.len() <= 2)) {
        return Finding::Secret(start..input.text.len());
    }
    if rest[..len].split('.').count() < 3 {
        return Finding::SkipTo(start + len);
    }
    // A full stop after the token ends a sentence. If the third part is empty, the token is not signed.
    let token = rest[..len].trim_end_matches('.');
    Finding::Secret(start..start + token.len())
}

/// The search for user information before each `@`, from left to right.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UserInfo {
    /// The byte after the last `@`. No text before it is searched again.
    from: usize,
    /// Set if there was user information before the last `@`.
    found: bool,
}

impl UserInfo {
    /// Finds the user information of a URL before the `@` at `at`.
    pub(super) fn find(&mut self, text: &str, at: usize) -> Finding {
        let before = &text[self.from..at];
        let word = after_last(before, ends_authority);
        let start = self.from + word;
        // If nothing ends the authority after the last `@`, this `@` is in the same word, because a password may
        // contain one. Then `found` does not change.
        if word > 0 {
            self.found = before[..word].ends_with("//") || before[..word].ends_with(":\\\\");
        }
        self.from = at + 1;
        match self.found && start < at {
            true => Finding::UserInfo(start..at + 1),
            false => Finding::Nothing,
        }
    }
}

/// Finds the user information at the end of a truncated text. The `@` after it may be missing.
pub(super) fn find_open_user_info(text: &str) -> Finding {
    let Some(slashes) = text.rfind("//") else {
        return Finding::Nothing;
    };
    let start = slashes + "//".len();
    match user_info_len(&text[start..], true, false) == text.len() - start {
        true => Finding::UserInfo(start..text.len()),
        false => Finding::Nothing,
    }
}

/// Returns the length of the user information in `rest`, which follows the `//` of a URL.
///
/// The `@` after the user information may be missing, or may follow a character that a password should
/// have encoded. So text after a colon is user information, too, if it is not a port. `blanks` says that
/// a password may have blanks, because the text was percent-encoded.
pub(crate) fn user_info_len(rest: &str, open: bool, blanks: bool) -> usize {
    const MAX_PORT: usize = 5;
    let len = rest.find(ends_authority).unwrap_or(rest.len());
    let authority = &rest[..len];
    match authority.rfind('@') {
        None => {}
        // The user information is empty, and `//@` may not be a URL.
        Some(0) => return 0,
        Some(at) => return at + 1,
    }
    // Without an `@`, an apostrophe is a quote after the URL.
    let host = authority.split('\'').next().unwrap_or_default();
    let port = match host.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or("", |(_, port)| port),
        None => host.split_once(':').map_or("", |(_, port)| port),
    };
    if port.len() > MAX_PORT || !port.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        let ends =
            |c: char| (is_blank(c) && !blanks) || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        return word.rfind('@').map_or(word.len(), |at| at + 1);
    }
    if open && len == rest.len() { len } else { 0 }
}

/// Returns whether `c` ends the authority of a URL. An apostrophe does not, because it may be part of a password (RFC
/// 3986, section 3.2.1).
fn ends_authority(c: char) -> bool {
    is_blank(c) || matches!(c, '/' | '\\' | '?' | '#' | '"' | '<' | '>')
}
