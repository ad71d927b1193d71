//! Hides secrets in URLs, as in request targets and headers.

use crate::{
    redact::{
        form,
        key_cache::Redactor,
        pieces::REDACTED,
        pieces::{Replacement, push_replaced},
        shapes::Shape,
        text::{Authorities, hide_secrets},
    },
    util::bytes::{self, class},
};

/// Hides the sensitive values in the query and the fragment of a URL or a path, and the user information. A fragment
/// may also contain tokens (RFC 6749, section 4.2.2).
///
/// `open` says that the URL was truncated.
pub(crate) fn redact_url(url: &str, open: bool, redactor: Redactor<'_>) -> String {
    if redactor.is_off() {
        return url.to_owned();
    }
    let mut out = String::with_capacity(url.len());
    let (scheme, rest) = url.split_at(scheme_len(url));
    let after_slashes = rest.trim_start_matches(['/', '\\']);
    let slashes = &rest[..rest.len() - after_slashes.len()];
    out.extend([scheme, slashes]);
    // One slash without a scheme begins a path. In all other cases, some clients read a host.
    let may_have_host = match (scheme, slashes) {
        ("", "/") => false,
        _ => !is_opaque(scheme) && redactor.hides(Shape::UserInfo),
    };
    // Without a scheme and slashes, only an `@` shows that this is not a path.
    let may_be_cut = open && !(scheme.is_empty() && slashes.is_empty());
    let user_info = match may_have_host {
        true => Authorities::new(after_slashes, may_be_cut, false).user_info(0),
        false => None,
    };
    let rest = match user_info {
        Some(range) => {
            push_hidden_user_info(&mut out, &after_slashes[range.clone()]);
            &after_slashes[range.end..]
        }
        None => after_slashes,
    };
    let (path, after) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let shown = redact_path(path, open && after.is_empty(), redactor);
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

/// Appends the replacement of user information, with its `@` if it has one.
fn push_hidden_user_info(out: &mut String, user_info: &str) {
    out.push_str(REDACTED);
    if user_info.ends_with('@') {
        out.push('@');
    }
}

/// Hides secrets in the segments of a path. `open` says that the path was truncated. Returns `None` if the path has no
/// secrets.
pub(crate) fn redact_path(path: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    if redactor.is_off() {
        return None;
    }
    let without_user_info = hide_user_info(path, open, redactor);
    let shown = redact_segments(without_user_info.as_deref().unwrap_or(path), open, redactor);
    shown.or(without_user_info)
}

/// Hides the user information of the URLs in a path, as in a request to a proxy.
fn hide_user_info(path: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    if !redactor.hides(Shape::UserInfo) {
        return None;
    }
    let mut authorities = Authorities::new(path, open, false);
    let mut out = String::new();
    let (mut copied, mut from) = (0, 0);
    while let Some(slashes) = path[from..].find("//") {
        let host = from + slashes + "//".len();
        // The second of these slashes may be the first of two others.
        from = host - 1;
        if let Some(range) = authorities.user_info(host) {
            out.push_str(&path[copied..host]);
            push_hidden_user_info(&mut out, &path[range.clone()]);
            copied = range.end;
            from = range.end;
        }
    }
    out.push_str(&path[copied..]);
    (copied > 0).then_some(out)
}

fn redact_segments(path: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    let mut out = String::new();
    let separators = memchr::memchr2_iter(b'/', b'\\', path.as_bytes());
    let has_secrets = push_replaced(&mut out, path, separators, |segment, is_last| {
        let shown = form::hide_in_value(segment, open && is_last, redactor)?;
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
pub(crate) fn redact_host(host: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    // A name before a port is a host, not the name of a value.
    let (name, port) = host.split_at(host.len() - port_len(host));
    let shown = hide_secrets(name, open && port.is_empty(), redactor)?;
    Some(format!("{shown}{port}"))
}

/// Returns the length of the scheme of `url`, with its colon. Another word before a colon may be a user, as in
/// `user:password@host`.
fn scheme_len(url: &str) -> usize {
    let Some(colon) = url.find(':') else { return 0 };
    let (scheme, rest) = url.split_at(colon + 1);
    let in_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let has_slashes = rest.starts_with("//") && url[..colon].bytes().all(in_scheme);
    let is_known = matches!(scheme, "http:" | "https:" | "ws:" | "wss:" | "ftp:");
    match is_known || has_slashes || is_opaque(scheme) {
        true => scheme.len(),
        false => 0,
    }
}

/// Returns whether URLs of this scheme, which ends with its colon, have no authority.
fn is_opaque(scheme: &str) -> bool {
    const OPAQUE: [&str; 8] = [
        "about:",
        "blob:",
        "data:",
        "javascript:",
        "mailto:",
        "sms:",
        "tel:",
        "urn:",
    ];
    OPAQUE
        .iter()
        .any(|opaque| scheme.eq_ignore_ascii_case(opaque))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    #[test]
    fn secrets_in_url_are_hidden() {
        for (url, expected) in [
            ("/a/b?token=x&y=1", "/a/b?token=[REDACTED]&y=1"),
            ("https://h/p?q=1", "https://h/p?q=1"),
            (
                "https://ann:pw@h:8/p@q?q=a@b",
                "https://[REDACTED]@h:8/p@q?q=a@b",
            ),
            ("//u@h", "//[REDACTED]@h"),
            ("https://ann:it's@h/x", "https://[REDACTED]@h/x"),
            (
                "/cb?a=?&sig=x#access_token=y&z=1",
                "/cb?a=?&sig=[REDACTED]#access_token=[REDACTED]&z=1",
            ),
            (
                "https://u@h?token=x",
                "https://[REDACTED]@h?token=[REDACTED]",
            ),
            ("/a#b", "/a#b"),
            ("/plain", "/plain"),
            ("/@user/b@c", "/@user/b@c"),
            ("http:/u:p@h/", "http:/[REDACTED]@h/"),
            ("http:u:p@h", "http:[REDACTED]@h"),
            ("http:\\\\u:p@h\\a", "http:\\\\[REDACTED]@h\\a"),
            ("u:p@h/a", "[REDACTED]@h/a"),
            ("foo://ann:a/pw@h/x", "foo://[REDACTED]@h/x"),
            ("foo:ann:pw@h/x", "[REDACTED]@h/x"),
            ("blob:https://ann:pw@h/x", "blob:https://[REDACTED]@h/x"),
            ("https://[REDACTED]@h", "https://[REDACTED]@h"),
            ("/pay/4111111111111111/x", "/pay/[REDACTED]/x"),
            ("/x?key=sk_live_HUNTERhunter", "/x?key=[REDACTED]"),
            ("/x?n=4111+1111+1111+1111", "/x?n=[REDACTED]"),
            (
                "http://a/?r=http://u:p@h/b@c&d=e@f",
                "http://a/?r=http://[REDACTED]@h/b@c&d=e@f",
            ),
            ("/x?a=//u:p@h?b=1", "/x?a=//[REDACTED]@h?b=1"),
            (
                "/x?next=https%3A%2F%2Fu%3Ap%40h%2F%3Ftoken%3Dx%26a%3D1&b=2",
                "/x?next=https://[REDACTED]@h/?token%3D[REDACTED]%26a%3D1&b=2",
            ),
            ("/x?n=%252Fcb%253Ftoken%253Dx", "/x?n=[REDACTED]"),
            ("/reset/eyJh.eyJi.c/a", "/reset/[REDACTED]/a"),
            ("/reset/token=abc/a", "/reset/token=[REDACTED]/a"),
            ("/p/https://u:p@h/a//@x", "/p/https://[REDACTED]@h/a//@x"),
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
    fn user_information_after_every_double_slash_of_a_path_is_hidden() {
        for (path, expected) in [
            ("/proxy//https://ann:pw@h/", "/proxy//https://[REDACTED]@h/"),
            ("/a//b//u:p@h", "/a//b//[REDACTED]@h"),
            ("/a///u:p@h//v:q@i/x", "/a///[REDACTED]@h//[REDACTED]@i/x"),
            ("/a//ann:a/b@h/c", "/a//[REDACTED]@h/c"),
            ("/a//[REDACTED]@h/c", "/a//[REDACTED]@h/c"),
        ] {
            let shown = redact_path(
                path,
                false,
                Redactor::new(&Names::default(), &KeyCache::new()),
            );
            assert_eq!(shown.as_deref().unwrap_or(path), expected);
        }
        for path in ["/a//b", "/a//h:80/x", "/a//h:x/y", "//"] {
            assert_eq!(
                redact_path(
                    path,
                    false,
                    Redactor::new(&Names::default(), &KeyCache::new())
                ),
                None
            );
        }
    }

    #[test]
    fn url_without_user_information_is_unchanged() {
        for url in [
            "about:client",
            "data:text/html,hi",
            "mailto:ann@h.example",
            "blob:https://h/1-2",
            "javascript:f(a@b)",
            "android-app://com.example.app/",
            "foo:bar",
            "urn:isbn:1",
            "http://localhost:8080.",
            "https://{tenant}:{port}/v1",
        ] {
            let (names, keys) = (Names::default(), KeyCache::new());
            let redactor = Redactor::new(&names, &keys);
            assert_eq!(redact_url(url, false, redactor), url);
        }
        let mut names = Names::default();
        names.keep_shape(Shape::UserInfo);
        for url in ["https://ann:pw@h/p//u@h?x=//u@h", "ann:pw@h"] {
            let keys = KeyCache::new();
            assert_eq!(redact_url(url, true, Redactor::new(&names, &keys)), url);
        }
    }

    #[test]
    fn truncated_url_shows_no_part_of_user_information() {
        for (url, expected) in [
            ("https://ann:hunt", "https://[REDACTED]"),
            ("https://ann:hunt/", "https://[REDACTED]"),
            ("https://h/a?x=//ann:hunt", "https://h/a?x=//[REDACTED]"),
            (
                "https://h/a?x=ftp://ann:hunt",
                "https://h/a?x=ftp://[REDACTED]",
            ),
            ("/a/eyJhb", "/a/[REDACTED]"),
            ("/a/ghp_", "/a/[REDACTED]"),
            ("/a?n=411111111111", "/a?n=[REDACTED]"),
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
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        for (host, shown) in [
            ("token:8080", None),
            ("[::1]:80", None),
            ("password: hunter2", Some("password: [REDACTED]")),
            ("password:hunter2", Some("password:[REDACTED]")),
            ("token:123456", Some("token:[REDACTED]")),
            ("token:hunter2:80", Some("token:[REDACTED]:80")),
        ] {
            assert_eq!(
                redact_host(host, false, redactor).as_deref(),
                shown,
                "{host}"
            );
        }
    }
}
