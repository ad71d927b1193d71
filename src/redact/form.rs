//! Queries and forms: `application/x-www-form-urlencoded` pairs, as they stand.

use std::borrow::Cow;

use crate::{
    formats::percent,
    redact::{
        key_cache::KeyMemo,
        names::{Names, REDACTED},
        text::{hide_encoded, hide_secrets, is_trigger},
    },
};

/// Hides the sensitive values of a form. `open` says that it was cut at its end.
pub(crate) fn redact_form<'a>(pairs: &'a str, open: bool, names: &Names) -> Cow<'a, str> {
    let mut out = String::new();
    let is_sensitive = |key: &str| names.is_sensitive_in_form(key);
    match redact(&mut out, pairs, open, names, is_sensitive) {
        false => Cow::Borrowed(pairs),
        true => Cow::Owned(out),
    }
}

/// Hides the sensitive values of a query.
pub(crate) fn redact_query<'a>(pairs: &'a str, open: bool, names: &Names) -> Cow<'a, str> {
    let mut out = String::new();
    match push_query(&mut out, pairs, open, names) {
        false => Cow::Borrowed(pairs),
        true => Cow::Owned(out),
    }
}

/// Appends a query without its sensitive values. False if it can be shown as it is; then nothing was
/// appended.
pub(crate) fn push_query(out: &mut String, pairs: &str, open: bool, names: &Names) -> bool {
    KeyMemo::with_queries(names, |memo| {
        redact(out, pairs, open, names, |key| {
            memo.is_sensitive(key, |key| names.is_sensitive_in_query(key))
        })
    })
}

/// How a value is shown whose name says nothing; `None` if it may stay as it is.
pub(crate) fn hide_in_value(value: &str, open: bool, names: &Names) -> Option<String> {
    if names.is_off() || value.is_empty() {
        return None;
    }
    if value.contains(['%', '+']) {
        return hide_encoded(value, open, names);
    }
    hide_secrets(value, open, names)
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
fn redact(
    out: &mut String,
    pairs: &str,
    open: bool,
    names: &Names,
    mut is_sensitive: impl FnMut(&str) -> bool,
) -> bool {
    let mut copied = 0;
    let mut start = 0;
    while let Some(rest) = pairs.get(start..) {
        if let Some(PlainPair { key, pair }) = PlainPair::first_of(rest)
            && !(open && pair.len() == rest.len())
        {
            let end = start + pair.len();
            if is_sensitive(key) {
                out.push_str(&pairs[copied..start + key.len() + 1]);
                out.push_str(REDACTED);
                copied = end;
            }
            start = end + 1;
            continue;
        }
        let pair = rest.split('&').next().unwrap_or_default();
        let end = start + pair.len();
        let hidden = sensitive_value(pair, &mut is_sensitive);
        let (key_start, value_start) = hidden.unwrap_or((pair.len(), pair.len()));
        let (shown, hidden_key) = pair[..value_start].split_at(key_start);
        let (key, value) = shown.split_at(shown.find('=').map_or(0, |at| at + 1));
        let open = open && end == pairs.len() && hidden.is_none();
        let key_shown = hide_in_value(key.trim_end_matches('='), false, names);
        let value_shown = hide_in_value(value, open, names);
        if hidden.is_some() || key_shown.is_some() || value_shown.is_some() {
            out.push_str(&pairs[copied..start]);
            match key_shown {
                Some(key) => out.extend([&*key, "="]),
                None => out.push_str(key),
            }
            out.push_str(value_shown.as_deref().unwrap_or(value));
            if hidden.is_some() {
                // It is a name because it has one in it: there may be more.
                let name = hidden_key.trim_end_matches('=');
                let name_shown = hide_in_value(name, false, names);
                out.push_str(name_shown.as_deref().unwrap_or(name));
                out.extend(["=", REDACTED]);
            }
            copied = end;
        }
        start = end + 1;
    }
    if copied == 0 {
        return false;
    }
    out.push_str(&pairs[copied..]);
    true
}

/// A pair whose key and value are of letters, digits and a few marks, with nothing in them by which a
/// secret could be told: most pairs.
struct PlainPair<'p> {
    key: &'p str,
    pair: &'p str,
}

impl<'p> PlainPair<'p> {
    /// The pair that `pairs` begins with, if it is a plain one.
    fn first_of(pairs: &'p str) -> Option<Self> {
        let bytes = pairs.as_bytes();
        let class = |at| bytes.get(at).map(|&byte| CLASSES[usize::from(byte)]);
        let mut key = None;
        let mut end = 0;
        loop {
            while class(end) == Some(Class::Plain) {
                end += 1;
            }
            match class(end) {
                None | Some(Class::Ampersand) => break,
                Some(Class::Equals) if key.is_none() => key = Some(&pairs[..end]),
                // Of `eyJ`, `Bearer` and `Basic`.
                Some(Class::Shape) if !is_trigger(bytes, end) => {}
                Some(_) => return None,
            }
            end += 1;
        }
        let pair = &pairs[..end];
        key.map(|key| Self { key, pair })
    }
}

/// What a byte means to a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Equals,
    Ampersand,
    /// May belong to the shape of a secret.
    Shape,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'J' | b'B' | b'b' => Class::Shape,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' => Class::Plain,
            b'=' => Class::Equals,
            b'&' => Class::Ampersand,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// Where the first sensitive key in `pair` begins, and its value.
fn sensitive_value(
    pair: &str,
    mut is_sensitive: impl FnMut(&str) -> bool,
) -> Option<(usize, usize)> {
    let mut start = 0;
    pair.split([';', '?', '#']).find_map(|part| {
        let key = part.split_once('=').map(|(key, _)| key);
        let hidden = key.filter(|key| is_sensitive(&percent::decode(key)));
        let value = hidden.map(|key| (start, start + key.len() + 1));
        start += part.len() + 1;
        value
    })
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
            ("note=Bearer+abc&b=a+b", "note=Bearer+[REDACTED]&b=a+b"),
            (
                "a=Bearer%20abc;token=x",
                "a=Bearer+[REDACTED]%3Btoken=[REDACTED]",
            ),
            (
                "payload=%7B%22password%22%3A%22x%22%2C%22n%22%3A1%7D",
                "payload={%22password%22:%22[REDACTED]%22,%22n%22:1}",
            ),
            ("u=http%3A%2F%2Fann%3Apw%40h%2F", "u=http://h/"),
            ("a=%C4%E3&b=%C4%E3%20Bearer%20x", "a=%C4%E3&b=[REDACTED]"),
            ("eyJh.eyJi.sig", "[REDACTED]"),
            ("eyJh.eyJi.sig=1", "[REDACTED]=1"),
            ("mail=ann@h.example&t=12:30", "mail=ann@h.example&t=12:30"),
        ] {
            assert_eq!(redact_form(pairs, false, &Names::default()), expected);
        }
    }

    #[test]
    fn nothing_is_hidden_with_redaction_off() {
        let pairs = "password=x&a=Bearer+abc";
        assert_eq!(redact_form(pairs, false, &Names::none()), pairs);
    }

    #[test]
    fn a_secret_value_does_not_survive_any_cut() {
        let pairs = "user=ann&api_key=SECRETSECRET&x=1";
        for end in 0..pairs.len() {
            let shown = redact_query(&pairs[..end], true, &Names::default()).into_owned();
            assert!(!shown.contains("SEC"), "{shown}");
        }
    }
}
