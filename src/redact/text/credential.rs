//! Credentials that are recognized by their shape: `Bearer` and `Basic` (RFC 6750, RFC 7617), and JSON web tokens
//! (RFC 7519).

use crate::redact::{
    pieces::REDACTED,
    text::{
        harmless::placeholder_len,
        input::{Finding, Input, is_blank},
        quote::Quote,
    },
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
    if let Some(len) = placeholder_len(token).filter(|len| !input.open || *len < token.len()) {
        return Finding::SkipTo(start + len);
    }
    if is_challenge(token) {
        return Finding::SkipTo(start);
    }
    let token = &token[..token_len(token)];
    if SCHEMES
        .iter()
        .any(|scheme| token.eq_ignore_ascii_case(scheme))
    {
        // The scheme is repeated, and the token follows the second one.
        return Finding::Nothing;
    }
    let end = start + token.len();
    let may_go_on = input.open && end == input.text.len();
    let is_secret = match is_bearer {
        true => !is_word_after_bearer(token) && !is_in_prose(input.text, at, token),
        false => is_basic(token),
    };
    match !token.is_empty() && (may_go_on || is_secret) {
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

/// Returns the length of the token with which `text` begins. It may be the quoted value of a parameter.
fn token_len(text: &str) -> usize {
    let len = text.find(ends_token).unwrap_or(text.len());
    let (token, after) = text.split_at(len);
    if token == "$" && after.starts_with('{') {
        let ends = |c| is_blank(c) || matches!(c, '"' | '\'' | '`' | ':' | '=');
        return text.find(ends).unwrap_or(text.len());
    }
    match Quote::at_start(after).filter(|_| token.ends_with('=')) {
        None => len,
        Some(quote) => {
            let value = &after[quote.len()..];
            let end = quote.find_end(value).map(|end| end.end);
            let line = || value.find(['\n', '\r']).unwrap_or(value.len());
            len + quote.len() + end.unwrap_or_else(line)
        }
    }
}

/// Returns whether `text`, which follows a scheme, begins a challenge of a server (RFC 9110, section 11.3): a parameter
/// that describes what a client must send.
fn is_challenge(text: &str) -> bool {
    const PARAMETERS: [&str; 11] = [
        "realm",
        "charset",
        "error",
        "error_description",
        "error_uri",
        "scope",
        "algs",
        "resource_metadata",
        "authorization_uri",
        "service",
        "max_age",
    ];
    let name = text.find(|c: char| !c.is_ascii_alphabetic() && c != '_');
    let (name, value) = text.split_at(name.unwrap_or(text.len()));
    let is_value = |value: &str| {
        let word = &value[..value.find(ends_token).unwrap_or(value.len())];
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        Quote::at_start(value).is_some() || (!word.is_empty() && word.bytes().all(is_part))
    };
    let is_listed = PARAMETERS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name));
    is_listed && value.strip_prefix('=').is_some_and(is_value)
}

/// Punctuation that may follow a word.
const PUNCTUATION: [char; 4] = ['.', ':', '!', '?'];

/// Returns whether `token` is an English word after "bearer", as in "bearer token missing".
fn is_word_after_bearer(token: &str) -> bool {
    let word = token.trim_end_matches(PUNCTUATION).to_ascii_lowercase();
    let is_listed = ["token", "tokens", "of", "is", "scheme", "format"].contains(&&*word);
    is_listed || (word.starts_with("auth") && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Returns whether the `bearer` at `at` and `token` are English words, as in "bearer bonds". They are in lower case,
/// and no mark says that a value begins.
fn is_in_prose(text: &str, at: usize, token: &str) -> bool {
    const MAX_LEN: usize = 8;
    let word = token.trim_end_matches(PUNCTUATION);
    let is_lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
    let before = text[..at].trim_end_matches(' ');
    (2..=MAX_LEN).contains(&word.len())
        && is_lower(word)
        && is_lower(&text[at..at + "bearer".len()])
        && !text[at..]
            .trim_start_matches(char::is_alphabetic)
            .starts_with([':', '='])
        && !before.ends_with([':', '=', '>', '"', '\'', '`', '('])
}

/// Returns whether `token` is a credential and not a word after "basic".
///
/// A word or the number of a version is not the Base64 of a user and a password. In doubt, a long text is.
fn is_basic(token: &str) -> bool {
    const MAX_UPPER: usize = 12;
    const MAX_NUMBER: usize = 6;
    let word = token.trim_end_matches(PUNCTUATION);
    let in_word = |(at, b): (usize, u8)| {
        b.is_ascii_lowercase() || b == b'-' || (at == 0 && b.is_ascii_uppercase())
    };
    let is_upper = |b: u8| b.is_ascii_uppercase();
    let is_number = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.';
    let is_word = word.bytes().enumerate().all(in_word)
        || (word.len() <= MAX_UPPER && word.bytes().all(is_upper))
        || (word.len() <= MAX_NUMBER && word.bytes().all(is_number));
    !is_word || decodes_to_pair(word)
}

/// Returns whether `word`, read as Base64, is a user, a colon and a password.
fn decodes_to_pair(word: &str) -> bool {
    let (mut bits, mut bytes) = (0_u32, Vec::new());
    for (at, byte) in word.bytes().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            _ => 62,
        };
        bits = bits << 6 | u32::from(digit);
        // Each digit completes a byte, except the first of four.
        if at % 4 != 0 {
            bytes.push((bits >> (6 - 2 * (at % 4))) as u8);
        }
    }
    let pair = str::from_utf8(&bytes).ok();
    pair.is_some_and(|pair| pair.contains(':') && !pair.contains(char::is_control))
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
