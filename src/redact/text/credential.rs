//! Credentials that tell by their shape: `Bearer` and `Basic` (RFC 6750, RFC 7617), JSON web tokens
//! (RFC 7519), and the user information of URLs (RFC 3986, section 3.2.1).

use crate::{
    redact::{
        names::REDACTED,
        text::{Pass, is_blank, quote::Quote},
    },
    util::text::after_last,
};

/// `at` is a `b`: maybe that of `Bearer` or `Basic`.
pub(super) fn look_for_scheme(pass: &mut Pass<'_, '_>, at: usize) {
    let bytes = &pass.text.as_bytes()[at..];
    let is = |scheme: &[u8]| {
        bytes
            .get(..scheme.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(scheme))
    };
    let bearer = is(b"bearer");
    let len = match bearer {
        true => b"bearer".len(),
        false if is(b"basic") => b"basic".len(),
        false => return,
    };
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = at
        .checked_sub(1)
        .and_then(|at| pass.text.as_bytes().get(at));
    if is_letter(before) || is_letter(bytes.get(len)) {
        return;
    }
    let rest = pass.rest(at + len);
    let gap = gap(rest, bearer);
    if gap == 0 {
        return;
    }
    let start = at + len + gap;
    let token = &rest[gap..];
    if token.starts_with(REDACTED) {
        pass.at = start + REDACTED.len();
        return;
    }
    let token = &token[..token.find(ends_token).unwrap_or(token.len())];
    if ["bearer", "basic"]
        .iter()
        .any(|scheme| token.eq_ignore_ascii_case(scheme))
    {
        // Said twice: the token follows the second one.
        return;
    }
    let end = start + token.len();
    let may_go_on = pass.open && end == pass.text.len();
    if !token.is_empty() && (bearer || may_go_on || is_basic(token)) {
        pass.hide(start, end);
    }
}

/// What stands between a scheme and its token.
fn gap(rest: &str, bearer: bool) -> usize {
    const MAX: usize = 16;
    let mut len = 0;
    while len < MAX {
        let next = &rest[len..];
        let Some(c) = next.chars().next() else { break };
        len += match Quote::at_start(next) {
            Some(quote) => quote.len(),
            None if is_blank(c) || (bearer && matches!(c, ':' | '=')) => c.len_utf8(),
            None => break,
        };
    }
    len
}

fn ends_token(c: char) -> bool {
    is_blank(c)
        || matches!(
            c,
            '"' | '\''
                | '`'
                | ','
                | ';'
                | '<'
                | '>'
                | '('
                | ')'
                | '{'
                | '}'
                | '['
                | ']'
                | '&'
                | '\\'
        )
}

/// `basic` is also an English word. What follows it is one too if it is short, has lower case letters
/// only and is not the Base64 of a user and a password.
fn is_basic(token: &str) -> bool {
    // The shortest names and passwords that mean anything give as many.
    const SHORT: usize = 8;
    let word = token.trim_end_matches('.');
    let is_lower =
        |(at, b): (usize, u8)| b.is_ascii_lowercase() || (at == 0 && b.is_ascii_uppercase());
    let is_word = word.len() < SHORT && word.bytes().enumerate().all(is_lower);
    !is_word || decodes_to_pair(token)
}

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
        // Each digit but the first of four completes one byte.
        at % 4 != 0 && (bits >> (6 - 2 * (at % 4))) as u8 == b':'
    })
}

/// `at` is a `J`: maybe that of `eyJ`, which is how Base64 writes `{"`.
pub(super) fn look_for_jwt(pass: &mut Pass<'_, '_>, at: usize) {
    let Some(start) = at
        .checked_sub(2)
        .filter(|&start| pass.text.as_bytes()[start..].starts_with(b"ey"))
    else {
        return;
    };
    let rest = pass.rest(start);
    // Base64url without padding, by the letter; some write the other Base64, and pad it.
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let len = rest.find(|c| !is_part(c) && c != '.').unwrap_or(rest.len());
    let parts = rest[..len].split('.').count();
    let may_go_on = pass.open && len == rest.len();
    if parts >= 3 || may_go_on {
        // A full stop after a token ends a sentence. (The third part may be empty, though: such a
        // token is not signed.)
        let token = rest[..len].trim_end_matches('.');
        pass.hide(start, start + token.len());
    } else {
        pass.at = pass.at.max(start + len);
    }
}

/// `at` is an `@`: maybe behind the user information of a URL.
pub(super) fn look_for_user_info(pass: &mut Pass<'_, '_>, at: usize) {
    let UserInfo { from, found } = pass.user_info;
    let before = &pass.text[from..at];
    let (start, found) = match before.rfind(ends_authority) {
        Some(_) => {
            let start = after_last(before, ends_authority);
            let url = before[..start].ends_with("//") || before[..start].ends_with(":\\\\");
            (from + start, url)
        }
        // The same word as before: a password may have an `@` in it.
        None => (from, found),
    };
    if found && start < at {
        pass.replace(start, at + 1, "");
    }
    pass.user_info = UserInfo {
        from: at + 1,
        found,
    };
}

/// What is known about the last `@`: nothing before it is looked at again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UserInfo {
    from: usize,
    found: bool,
}

/// How much of `rest`, which follows the `//` of a URL, is user information.
///
/// The `@` after it may be missing, or stand behind a character that ought to be encoded in a
/// password: what follows a colon and is no port is not a host either. `blanks` says that there may be
/// blanks in it, because the text was percent-encoded.
pub(crate) fn user_info_len(rest: &str, open: bool, blanks: bool) -> usize {
    const MAX_PORT: usize = 5;
    let len = rest.find(ends_authority).unwrap_or(rest.len());
    let authority = &rest[..len];
    match authority.rfind('@') {
        None => {}
        // Nobody's, and `//@` is not always a URL.
        Some(0) => return 0,
        Some(at) => return at + 1,
    }
    let port = match authority.strip_prefix('[') {
        Some(address) => address.split_once(']').map_or("", |(_, port)| port),
        None => authority.split_once(':').map_or("", |(_, port)| port),
    };
    if port.len() > MAX_PORT || !port.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        let ends =
            |c: char| (is_blank(c) && !blanks) || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        return word.rfind('@').map_or(word.len(), |at| at + 1);
    }
    if open && len == rest.len() { len } else { 0 }
}

fn ends_authority(c: char) -> bool {
    is_blank(c) || matches!(c, '/' | '\\' | '?' | '#' | '"' | '\'' | '<' | '>')
}
