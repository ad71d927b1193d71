//! Hides secrets in URLs, as in request targets and headers.

use crate::{
    redact::{
        form,
        key_cache::Redactor,
        names::Names,
        pieces::{Replacement, push_replaced},
        text::{hide_secrets, user_info_len},
    },
    util::bytes::{self, class},
};

/// Hides the sensitive values in the query and the fragment of a URL or a path, and removes the user
/// information. A fragment may also contain tokens (RFC 6749, section 4.2.2).
///
/// `open` says that the URL was truncated.
pub(crate) fn redact_url(url: &str, open: bool, redactor: Redactor<'_>) -> String {
    if redactor.is_off() {
        return url.to_owned();
    }
    let mut out = String::with_capacity(url.len());
    let scheme = url.find(':').filter(|&at| is_scheme(&url[..at]));
    let (scheme, rest) = url.split_at(scheme.map_or(0, |at| at + 1));
    let after_slashes = rest.trim_start_matches(['/', '\\']);
    let slashes = &rest[..rest.len() - after_slashes.len()];
    out.extend([scheme, slashes]);
    // One slash without a scheme begins a path. In all other cases, some clients read a host.
    let rest = match (scheme, slashes) {
        ("", "/") => after_slashes,
        _ => &after_slashes[user_info_len(after_slashes, open, false)..],
    };
    let (path, after) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let shown = redact_path(path, open && after.is_empty(), &redactor);
    out.push_str(shown.as_deref().unwrap_or(path));
    let (query, fragment) = after.split_at(after.find('#').unwrap_or(after.len()));
    for (part, open) in [(query, open && fragment.is_empty()), (fragment, open)] {
        let (mark, pairs) = part.split_at(part.len().min(1));
        out.push_str(mark);
        if !form::push_query(&mut out, pairs, open, redactor) {
            out.push_str(pairs);
        }
    }
    out
}

/// Hides secrets in the segments of a path. `open` says that the path was truncated. Returns `None` if the path has no
/// secrets.
pub(crate) fn redact_path(path: &str, open: bool, names: &Names) -> Option<String> {
    if !names.is_off()
        && let Some(slashes) = path.find("//")
    {
        // The path of a request to a proxy may contain a URL.
        let host = slashes + 2;
        let user_info = user_info_len(&path[host..], open, false);
        if user_info > 0 {
            let path = format!("{}{}", &path[..host], &path[host + user_info..]);
            return Some(redact_path(&path, open, names).unwrap_or(path));
        }
    }
    let mut out = String::new();
    let separators = memchr::memchr2_iter(b'/', b'\\', path.as_bytes());
    let has_secrets = push_replaced(&mut out, path, separators, |segment, is_last| {
        let shown = form::hide_in_value(segment, open && is_last, names)?;
        Some(Replacement {
            kept: 0,
            shown: shown.into(),
        })
    });
    has_secrets.then_some(out)
}

/// Returns the host and port of a `Host` header or an authority, without user information and without a path, query or
/// fragment.
pub(crate) fn host_and_port(authority: &[u8]) -> &[u8] {
    let ends = |block| class::is(block, b'/') | class::is(block, b'?') | class::is(block, b'#');
    // Most authorities consist of only host and port.
    if bytes::find(authority, |block| ends(block) | class::is(block, b'@')).is_none() {
        return authority;
    }
    let end = bytes::find(authority, ends);
    let authority = &authority[..end.unwrap_or(authority.len())];
    let user = authority.iter().rposition(|&byte| byte == b'@');
    &authority[user.map_or(0, |at| at + 1)..]
}

/// Returns the length of the port at the end of `host`, with its colon.
pub(crate) fn port_len(host: &str) -> usize {
    let digits = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    match host.as_bytes()[..host.len() - digits] {
        // The highest port is 65535.
        [.., b':'] if digits <= 5 => digits + 1,
        _ => 0,
    }
}

/// Hides secrets in a host. Returns `None` if the host has no secrets.
pub(crate) fn redact_host(host: &str, open: bool, names: &Names) -> Option<String> {
    // A name before a port is a host, not the name of a value.
    let (name, port) = host.split_at(host.len() - port_len(host));
    let shown = hide_secrets(name, open && port.is_empty(), names)?;
    Some(format!("{shown}{port}"))
}

/// Returns whether `text` is a known scheme. Another word before a colon may be a user, as in `user:password@host`.
fn is_scheme(text: &str) -> bool {
    matches!(text, "http" | "https" | "ws" | "wss" | "ftp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::key_cache::KeyCache;

    #[test]
    fn secrets_in_url_are_hidden_and_user_information_is_removed() {
        for (url, expected) in [
            ("/a/b?token=x&y=1", "/a/b?token=[REDACTED]&y=1"),
            ("https://h/p?q=1", "https://h/p?q=1"),
            ("https://ann:pw@h:8/p@q?q=a@b", "https://h:8/p@q?q=a@b"),
            ("//u@h", "//h"),
            ("https://ann:it's@h/x", "https://h/x"),
            (
                "/cb?a=?&sig=x#access_token=y&z=1",
                "/cb?a=?&sig=[REDACTED]#access_token=[REDACTED]&z=1",
            ),
            ("https://u@h?token=x", "https://h?token=[REDACTED]"),
            ("/a#b", "/a#b"),
            ("/plain", "/plain"),
            ("/@user/b@c", "/@user/b@c"),
            ("http:/u:p@h/", "http:/h/"),
            ("http:u:p@h", "http:h"),
            ("http:\\\\u:p@h\\a", "http:\\\\h\\a"),
            ("u:p@h/a", "h/a"),
            (
                "http://a/?r=http://u:p@h/b@c&d=e@f",
                "http://a/?r=http://h/b@c&d=e@f",
            ),
            ("/x?a=//u:p@h?b=1", "/x?a=//h?b=1"),
            (
                "/x?next=https%3A%2F%2Fu%3Ap%40h%2F%3Ftoken%3Dx%26a%3D1&b=2",
                "/x?next=https://h/?token%3D[REDACTED]%26a%3D1&b=2",
            ),
            ("/x?n=%252Fcb%253Ftoken%253Dx", "/x?n=[REDACTED]"),
            ("/reset/eyJh.eyJi.c/a", "/reset/[REDACTED]/a"),
            ("/reset/token=abc/a", "/reset/token=[REDACTED]/a"),
            ("/p/https://u:p@h/a//@x", "/p/https://h/a//@x"),
            ("/x/Bearer%20abc", "/x/Bearer+[REDACTED]"),
        ] {
            assert_eq!(
                redact_url(
                    url,
                    false,
                    Redactor::new(&Names::default(), &KeyCache::new())
                ),
                expected
            );
        }
    }

    #[test]
    fn truncated_url_shows_no_part_of_user_information() {
        for (url, expected) in [
            ("https://ann:hunt", "https://"),
            ("https://ann:hunt/", "https://"),
            ("https://h/a?x=//ann:hunt", "https://h/a?x=//"),
            ("https://h/a?x=ftp://ann:hunt", "https://h/a?x=ftp://"),
            ("/a/eyJhb", "/a/[REDACTED]"),
        ] {
            assert_eq!(
                redact_url(
                    url,
                    true,
                    Redactor::new(&Names::default(), &KeyCache::new())
                ),
                expected
            );
        }
    }

    #[test]
    fn host_with_sensitive_name_is_shown_if_a_port_follows() {
        let names = Names::default();
        for (host, shown) in [
            ("token:8080", None),
            ("[::1]:80", None),
            ("password: hunter2", Some("password: [REDACTED]")),
            ("password:hunter2", Some("password:[REDACTED]")),
            ("token:123456", Some("token:[REDACTED]")),
            ("token:hunter2:80", Some("token:[REDACTED]:80")),
        ] {
            assert_eq!(redact_host(host, false, &names).as_deref(), shown, "{host}");
        }
    }
}
