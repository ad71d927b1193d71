//! Parameters of header values: `; name=value; name="quoted value"` (RFC 9110, section 5.6.6).

use std::borrow::Cow;

/// Returns the parameters of `text`, which begins at or after the first semicolon, in their order.
///
/// Names are unchanged. Values are unquoted. Malformed parameters are accepted: a parameter without `=` is skipped, and
/// a quote that is not closed ends with the text.
pub(crate) fn parameters(text: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([';', ' ', '\t']);
            if rest.is_empty() {
                return None;
            }
            let name = &rest[..rest.find(['=', ';']).unwrap_or(rest.len())];
            rest = &rest[name.len()..];
            let Some(value) = rest.strip_prefix('=') else {
                continue;
            };
            let value = value.trim_start_matches([' ', '\t']);
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => {
                    let (value, after) = value.split_at(value.find(';').unwrap_or(value.len()));
                    (Cow::Borrowed(value.trim_end()), after)
                }
            };
            // Other text before the next semicolon is ignored.
            rest = &after[after.find(';').unwrap_or(after.len())..];
            return Some((name.trim(), value));
        }
    })
}

/// Splits `text`, which begins after a quote, into the unquoted string and the text after the closing quote.
fn unquote(text: &str) -> (Cow<'_, str>, &str) {
    let end = text.find(['"', '\\']).unwrap_or(text.len());
    if !text[end..].starts_with('\\') {
        return (
            Cow::Borrowed(&text[..end]),
            text.get(end + 1..).unwrap_or_default(),
        );
    }
    let mut value = String::from(&text[..end]);
    let mut chars = text[end..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (Cow::Owned(value), &text[end + at + 1..]),
            // A backslash escapes only a quote or another backslash, because old browsers write the path of a file with
            // single backslashes.
            '\\' => match chars.clone().next() {
                Some((_, next @ ('"' | '\\'))) => {
                    chars.next();
                    value.push(next);
                }
                _ => value.push(c),
            },
            c => value.push(c),
        }
    }
    (Cow::Owned(value), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_unquoted_and_malformed_parameters_are_accepted() {
        for (text, expected) in [
            ("", &[][..]),
            ("; a=b", &[("a", "b")]),
            (";a=b ; C = d;e", &[("a", "b"), ("C", "d")]),
            (r#"a="b;c"; d="e\"f""#, &[("a", "b;c"), ("d", "e\"f")]),
            (
                r#"a="C:\dir\x\\y"x;b=1"#,
                &[("a", r"C:\dir\x\y"), ("b", "1")],
            ),
            (r#"a="open; b=1"#, &[("a", "open; b=1")]),
            (r#"a="open\"#, &[("a", r"open\")]),
            ("a=;;b==c", &[("a", ""), ("b", "=c")]),
            ("=x; a=1", &[("", "x"), ("a", "1")]),
        ] {
            let read: Vec<_> = parameters(text).collect();
            let read: Vec<_> = read.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(read, expected, "{text}");
        }
    }
}
