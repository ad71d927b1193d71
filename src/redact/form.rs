//! Hides secrets in queries and forms. Everything else stays unchanged, including its percent-encoding.

use std::borrow::Cow;

use crate::{
    formats::form,
    redact::{
        json::hide_in_json_text,
        key_cache::Redactor,
        listed::{NameClass, Place},
        pieces::REDACTED,
        pieces::{Replacement, push_replaced},
        text::{has_trigger, hide_encoded, hide_secrets},
    },
};

/// Hides the sensitive values of a form. `open` says that the form was truncated.
pub(crate) fn redact_form<'a>(pairs: &'a str, open: bool, redactor: Redactor<'_>) -> Cow<'a, str> {
    let mut out = String::new();
    // A form with a signature and a date is a signed query. In a truncated form, the date may follow.
    let is_signed = open || (may_have_signature(pairs) && has_date(pairs, redactor));
    let place = if is_signed { Place::Query } else { Place::Form };
    match push_pairs(&mut out, pairs, open, redactor, place) {
        false => Cow::Borrowed(pairs),
        true => Cow::Owned(out),
    }
}

/// Appends a query with its sensitive values replaced. If the query has no secrets, appends nothing and returns false.
/// `open` says that the query was truncated.
pub(crate) fn push_query(
    out: &mut String,
    pairs: &str,
    open: bool,
    redactor: Redactor<'_>,
) -> bool {
    push_pairs(out, pairs, open, redactor, Place::Query)
}

/// Returns whether the letters `ig`, which the name of each signature has, occur in any spelling.
fn may_have_signature(pairs: &str) -> bool {
    let pairs = pairs.as_bytes();
    // A `g` is less frequent than an `i`.
    memchr::memchr3_iter(b'g', b'G', b'%', pairs).any(|at| match (&pairs[..at], &pairs[at..]) {
        (_, [b'%', b'4' | b'6', b'7', ..]) => true,
        (_, [b'%', ..]) => false,
        ([.., b'i' | b'I'] | [.., b'%', b'4' | b'6', b'9'], _) => true,
        _ => false,
    })
}

/// Returns whether a pair is a date or an expiry.
fn has_date(pairs: &str, redactor: Redactor<'_>) -> bool {
    let keys = pairs.split('&').flat_map(form::keys);
    let mut classes = keys.map(|(_, key)| redactor.class_of(&form::decode(key)));
    classes.any(|class| class == NameClass::Dated)
}

/// Hides secrets in a value whose name is not sensitive. Returns `None` if the value has no secrets.
pub(crate) fn hide_in_value(value: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    if redactor.is_off() || value.is_empty() {
        return None;
    }
    if open && redactor.has_conditions() {
        return Some(REDACTED.to_owned());
    }
    if value.contains(['%', '+']) {
        return hide_encoded(value, open, redactor);
    }
    hide_secrets(value, open, redactor)
}

/// Appends pairs with their secrets replaced. If there are no secrets, appends nothing and returns false.
///
/// The search for names needs no case for a truncated pair: a value follows its name, and a truncated name has no
/// value. The search inside of a value must know that the value was truncated.
fn push_pairs(
    out: &mut String,
    pairs: &str,
    open: bool,
    redactor: Redactor<'_>,
    place: Place,
) -> bool {
    let separators = memchr::memchr_iter(b'&', pairs.as_bytes());
    let is_plain = is_plain(pairs, redactor);
    push_replaced(out, pairs, separators, |pair, is_last| {
        if is_plain
            && let Some(equals) = memchr::memchr(b'=', pair.as_bytes())
            && let (key, value) = (&pair[..equals], &pair[equals + 1..])
            && !value.contains('=')
            && !(open && is_last)
        {
            return redactor
                .class_of(key)
                .hides(value, place)
                .then(|| Replacement {
                    kept: key.len() + 1,
                    shown: REDACTED.into(),
                });
        }
        let open = open && is_last;
        let hides = |start: usize, key: &str| {
            let class = redactor.class_of(&form::decode(key));
            let value = &pair[start + key.len() + 1..];
            class.hides(&form::decode(value), place)
                || (open && !value.is_empty() && class.may_hide(place))
        };
        let sensitive = form::keys(pair).find(|&(start, key)| hides(start, key));
        match sensitive {
            None => hide_in_pair(pair, open, redactor).map(|shown| Replacement {
                kept: 0,
                shown: shown.into(),
            }),
            Some((start, key)) => Some(hide_value(pair, start, key, redactor)),
        }
    })
}

/// Returns whether no value has to be looked at, and `pairs` have no encoded character, no mark that ends a key, and no
/// trigger except `=`.
fn is_plain(pairs: &str, redactor: Redactor<'_>) -> bool {
    !redactor.has_conditions() && !has_trigger(pairs, [b'+', b';', b'?', b'#'], [b'='])
}

/// Hides the value of the sensitive `key` that begins at `start`, up to the end of the pair.
///
/// Only `&` ends the value, because most readers take other marks for characters of the value.
fn hide_value(pair: &str, start: usize, key: &str, redactor: Redactor<'_>) -> Replacement {
    let before = hide_in_pair(&pair[..start], false, redactor);
    // The key is sensitive because a part of the key is. Another part may be a secret.
    let key_shown = hide_in_value(key, false, redactor);
    if before.is_none() && key_shown.is_none() {
        return Replacement {
            kept: start + key.len() + 1,
            shown: REDACTED.into(),
        };
    }
    let before = before.as_deref().unwrap_or(&pair[..start]);
    let key = key_shown.as_deref().unwrap_or(key);
    Replacement {
        kept: 0,
        shown: format!("{before}{key}={REDACTED}").into(),
    }
}

/// Hides secrets in a key and its value, neither of which has a sensitive name.
fn hide_in_pair(pair: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    let Some((key, value)) = pair.split_once('=') else {
        return hide_in_value(pair, open, redactor);
    };
    let key_shown = hide_in_value(key, false, redactor);
    let value_shown =
        hide_in_json(value, open, redactor).unwrap_or_else(|| hide_in_value(value, open, redactor));
    if key_shown.is_none() && value_shown.is_none() {
        return None;
    }
    let key = key_shown.as_deref().unwrap_or(key);
    Some(format!("{key}={}", value_shown.as_deref().unwrap_or(value)))
}

/// Hides secrets in a value that is JSON. Returns `None` if it is not JSON.
fn hide_in_json(value: &str, open: bool, redactor: Redactor<'_>) -> Option<Option<String>> {
    let value = match open {
        true => form::without_truncated_percent(value),
        false => value,
    };
    let decoded = form::decode(value);
    if !decoded.starts_with(['{', '[']) {
        return None;
    }
    let shown = hide_in_json_text(&decoded, open, redactor)?;
    Some(shown.map(|shown| form::encode(&shown)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    #[test]
    fn sensitive_values_are_hidden_and_other_pairs_are_unchanged() {
        for (pairs, expected) in [
            ("", ""),
            ("a=1&b=2", "a=1&b=2"),
            (
                "user=ann&password=hunter2&page=2",
                "user=ann&password=[REDACTED]&page=2",
            ),
            ("password=", "password="),
            ("code=0123456789abcdef&code=7", "code=[REDACTED]&code=7"),
            ("sig=x&a=1", "sig=x&a=1"),
            ("sig=x&se=2026", "sig=[REDACTED]&se=2026"),
            ("SIG=x&SE=2026", "SIG=[REDACTED]&SE=2026"),
            ("s%69%67=x&se=2026", "s%69%67=[REDACTED]&se=2026"),
            ("si%67=x&s%65=2026", "si%67=[REDACTED]&s%65=2026"),
            ("S%49G=x&se=2026", "S%49G=[REDACTED]&se=2026"),
            ("big=x&se=2026", "big=x&se=2026"),
            ("Signature=x&Expires=1", "Signature=[REDACTED]&Expires=1"),
            (
                "API+Key=x&Card%20Number=y",
                "API+Key=[REDACTED]&Card%20Number=[REDACTED]",
            ),
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
            ("u=http%3A%2F%2Fann%3Apw%40h%2F", "u=http://[REDACTED]@h/"),
            ("a=%C4%E3&b=%C4%E3%20Bearer%20x", "a=%C4%E3&b=[REDACTED]"),
            ("eyJh.eyJi.sig", "[REDACTED]"),
            ("eyJh.eyJi.sig=1", "[REDACTED]=1"),
            ("mail=ann@h.example&t=12:30", "mail=ann@h.example&t=12:30"),
        ] {
            assert_eq!(
                redact_form(
                    pairs,
                    false,
                    Redactor::new(&Names::default(), &KeyCache::new())
                ),
                expected
            );
        }
    }

    #[test]
    fn form_is_unchanged_with_redaction_off() {
        let pairs = "password=x&a=Bearer+abc";
        assert_eq!(
            redact_form(
                pairs,
                false,
                Redactor::new(&Names::none(), &KeyCache::new())
            ),
            pairs
        );
    }

    #[test]
    fn truncated_form_shows_no_signature_because_a_date_may_follow() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        for form in [
            "a=1&sig=SECRETSECRET&b=2&se=2026",
            "a=1&x-amz-signature=SECRET&b=2&x-amz-date=1",
            "Signature=SECRET&Expires=1&c=3",
        ] {
            for end in 0..form.len() {
                let shown = redact_form(&form[..end], true, redactor);
                let shown = shown.replace(REDACTED, "");
                assert!(!shown.contains("=S"), "{shown}");
            }
        }
        assert_eq!(redact_form("a=1&b=x", true, redactor), "a=1&b=x");
    }

    #[test]
    fn truncated_query_shows_no_part_of_a_secret() {
        let pairs = [
            "user=ann&api_key=SECRETSECRET&x=1",
            "env=%7B%22name%22%3A%22pin%22%2C%22value%22%3A%22SECRET%22%7D&x=1",
            "env=%7B%22value%22%3A%22SECRET%22%2C%22name%22%3A%22p%69n%22%7D&x=1",
        ];
        let cuts = pairs
            .iter()
            .flat_map(|pairs| (0..pairs.len()).map(|end| &pairs[..end]));
        for pairs in cuts {
            let (names, keys) = (Names::default(), KeyCache::new());
            let mut shown = String::new();
            if !push_query(&mut shown, pairs, true, Redactor::new(&names, &keys)) {
                shown.push_str(pairs);
            }
            assert!(!shown.contains("SEC"), "{shown}");
        }
    }
}
