//! Queries and forms: `application/x-www-form-urlencoded` pairs, as they stand.

use std::borrow::Cow;

use crate::names::{Names, REDACTED};

/// Hides the sensitive values of a form.
pub(crate) fn redact_form<'a>(pairs: &'a str, names: &Names) -> Cow<'a, str> {
    redact(pairs, |key| names.is_sensitive_in_form(key))
}

/// Hides the sensitive values of a query, and the user information of URLs in it.
pub(crate) fn redact_query<'a>(pairs: &'a str, names: &Names) -> Cow<'a, str> {
    let redacted = redact(pairs, |key| names.is_sensitive_in_query(key));
    match without_user_info(&redacted) {
        Cow::Borrowed(_) => redacted,
        Cow::Owned(text) => Cow::Owned(text),
    }
}

/// Hides the sensitive values in the query and the fragment of a URL or a path (a fragment carries
/// tokens too: RFC 6749, section 4.2.2), and removes the user information.
pub(crate) fn redact_url(url: &str, names: &Names) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (before, after) = url.split_at(end);
    let mut out = String::with_capacity(url.len());
    let scheme = before.find(':').filter(|&at| is_scheme(&before[..at]));
    let (scheme, rest) = before.split_at(scheme.map_or(0, |at| at + 1));
    let path = rest.trim_start_matches(['/', '\\']);
    let slashes = &rest[..rest.len() - path.len()];
    out.push_str(scheme);
    out.push_str(slashes);
    // One slash and no scheme begin a path. Anything else is read as a host where some client might.
    let (host, path) = match (scheme, slashes) {
        ("", "/") => ("", path),
        _ => path.split_at(path.find(['/', '\\']).unwrap_or(path.len())),
    };
    out.push_str(host.rsplit('@').next().unwrap_or_default());
    out.push_str(&without_user_info(path));
    let (query, fragment) = after.split_at(after.find('#').unwrap_or(after.len()));
    for part in [query, fragment] {
        let (mark, pairs) = part.split_at(part.len().min(1));
        out.push_str(mark);
        out.push_str(&redact_query(pairs, names));
    }
    out
}

/// The host and port of a `Host` header or an authority, without anything that is neither.
pub(crate) fn host_and_port(authority: &str) -> &str {
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    authority[..end].rsplit('@').next().unwrap_or_default()
}

fn is_scheme(text: &str) -> bool {
    // In `user:password@host` the first part looks like one as well.
    matches!(text, "http" | "https" | "ws" | "wss" | "ftp")
}

/// Removes what stands between `//` and `@` (RFC 3986, section 3.2.1).
fn without_user_info(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find("//") {
        let start = from + at + 2;
        let rest = &text[start..];
        let authority = &rest[..rest.find(['/', '?', '#', '&']).unwrap_or(rest.len())];
        if let Some(user) = authority.rfind('@') {
            out.push_str(&text[copied..start]);
            copied = start + user + 1;
        }
        from = start;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Puts [`REDACTED`] in the place of sensitive values. Everything else stays as it was written,
/// percent-encoding included.
///
/// A pair ends at `&`. A key is also looked for after `;`, which separated pairs once, and after `?`
/// and `#`, for a URL as a value; but what is hidden is hidden up to the `&`, for to most readers
/// those are ordinary characters of a value.
///
/// Works on any prefix: a value is hidden by the name before it, and a name that was cut has no
/// value after it.
fn redact(pairs: &str, is_sensitive: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut start = 0;
    for pair in pairs.split('&') {
        if let Some(value) = sensitive_value(pair, &is_sensitive) {
            out.push_str(&pairs[copied..start + value]);
            out.push_str(REDACTED);
            copied = start + pair.len();
        }
        start += pair.len() + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(pairs);
    }
    out.push_str(&pairs[copied..]);
    Cow::Owned(out)
}

/// Where the first sensitive value in `pair` begins.
fn sensitive_value(pair: &str, is_sensitive: impl Fn(&str) -> bool) -> Option<usize> {
    let mut start = 0;
    pair.split([';', '?', '#']).find_map(|part| {
        let key = part.split_once('=').map(|(key, _)| key);
        let hidden = key.filter(|key| is_sensitive(&decode(key)));
        let value = hidden.map(|key| start + key.len() + 1);
        start += part.len() + 1;
        value
    })
}

/// Decodes `%XX` and `+`. A broken escape stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        out.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.get(at)), hex(bytes.get(at + 1))) {
                (Some(high), Some(low)) => {
                    at += 2;
                    (high * 16 + low) as u8
                }
                _ => byte,
            },
            _ => byte,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_values_are_hidden_and_the_rest_is_as_it_was() {
        for (pairs, expected) in [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            (
                "user=ann&password=hunter2&page=2",
                "user=ann&password=[REDACTED]&page=2",
            ),
            ("password=", "password=[REDACTED]"),
            ("password", "password"),
            ("password=a=b", "password=[REDACTED]"),
            ("p%61ssword=x", "p%61ssword=[REDACTED]"),
            ("user%5Bpin%5D=1234&a=%20", "user%5Bpin%5D=[REDACTED]&a=%20"),
            ("my+token=x&&=y", "my+token=[REDACTED]&&=y"),
            ("a=1;token=x;b=2&c=3", "a=1;token=[REDACTED]&c=3"),
            ("password=a;b?c#d&e=f", "password=[REDACTED]&e=f"),
            ("next=/cb?token=x&a=1", "next=/cb?token=[REDACTED]&a=1"),
            ("%zz=1&%=2&token=%", "%zz=1&%=2&token=[REDACTED]"),
        ] {
            assert_eq!(redact_form(pairs, &Names::default()), expected);
        }
    }

    #[test]
    fn a_secret_value_does_not_survive_any_cut() {
        let pairs = "user=ann&api_key=SECRETSECRET&x=1";
        for end in 0..pairs.len() {
            let shown = redact_query(&pairs[..end], &Names::default()).into_owned();
            assert!(!shown.contains("SEC"), "{shown}");
        }
    }

    #[test]
    fn urls_lose_their_secrets_and_keep_their_shape() {
        for (url, expected) in [
            ("/a/b?token=x&y=1", "/a/b?token=[REDACTED]&y=1"),
            ("https://h/p?q=1", "https://h/p?q=1"),
            ("https://ann:pw@h:8/p@q?q=a@b", "https://h:8/p@q?q=a@b"),
            ("//u@h", "//h"),
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
        ] {
            assert_eq!(redact_url(url, &Names::default()), expected);
        }
    }
}
