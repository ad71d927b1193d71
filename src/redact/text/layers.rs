//! Layers of escapes: a text is searched as its reader would read it.

use std::borrow::Cow;

use crate::{
    formats::{
        json::unescape::unescape,
        references::{MAX_REFERENCE_LEN, decode_references},
    },
    redact::{
        pieces::REDACTED,
        text::{input::Input, triggers::find_trigger},
    },
};

/// The most layers that are decoded. A text with more of them is hidden if it may have a secret.
const MAX_LAYERS: usize = 4;

/// Hides secrets in a text, and in what its escapes stand for. Returns `None` if there are no secrets. `hide` hides the
/// secrets of one layer.
///
/// Each layer is searched after the secrets of the layer before it were hidden, because without its escapes, the end of
/// a quoted value cannot be found. The text is shown as it was in the last layer that had a secret.
pub(super) fn hide_in_layers(
    input: Input<'_, '_>,
    hide: impl Fn(Input<'_, '_>) -> Option<String>,
) -> Option<String> {
    let mut shown = hide(input);
    let mut layer = match &shown {
        Some(shown) => Cow::Owned(shown.clone()),
        None => Cow::Borrowed(input.text),
    };
    for _ in 0..MAX_LAYERS {
        let whole = match input.open {
            true => without_truncated_mark(&layer),
            false => &layer,
        };
        let is_shorter = whole.len() < layer.len();
        let Some(decoded) = decode(whole).or_else(|| is_shorter.then(|| whole.to_owned())) else {
            return shown;
        };
        let hidden = hide(Input {
            text: &decoded,
            ..input
        });
        layer = Cow::Owned(hidden.clone().unwrap_or(decoded));
        shown = hidden.or(shown);
    }
    let may_have_secret =
        |text: String| input.redactor.has_conditions() || find_trigger(&text, 0).is_some();
    match decode(&layer).is_some_and(may_have_secret) {
        true => Some(REDACTED.to_owned()),
        false => shown,
    }
}

/// Returns a truncated text without the part of an escape or of a reference at its end, because a secret that is
/// not complete is recognized only at the end of the text.
fn without_truncated_mark(text: &str) -> &str {
    let Some(at) = memchr::memrchr2(b'\\', b'&', text.as_bytes()) else {
        return text;
    };
    let (before, escape) = text.split_at(at);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'#';
    let is_truncated = match escape.strip_prefix('\\') {
        // The second of two backslashes is escaped.
        Some("") => before.len() % 2 == before.trim_end_matches('\\').len() % 2,
        Some(code) => code.starts_with('u') && code.len() < "u0000".len(),
        None => escape.len() < MAX_REFERENCE_LEN && escape[1..].bytes().all(is_part),
    };
    if is_truncated { before } else { text }
}

/// Decodes the escapes of JSON, the references of XML and HTML, and the doubled quotes of CSV. Returns `None` if there
/// are none.
fn decode(text: &str) -> Option<String> {
    // JSON in a cell of CSV (RFC 4180). Other doubled quotes are empty values.
    let has_doubled = text.contains("\"\":");
    if !has_doubled && memchr::memchr2(b'\\', b'&', text.as_bytes()).is_none() {
        return None;
    }
    let unescaped = unescape(text);
    let mut decoded = match unescaped.contains('&') {
        true => decode_references(&unescaped),
        false => unescaped.into_owned(),
    };
    if has_doubled {
        decoded = decoded.replace("\"\"", "\"");
    }
    (decoded != text).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
        text::hide_secrets,
    };

    #[test]
    fn token_before_a_truncated_escape_is_hidden() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        for end in [
            "\\", "\\u", "\\u002", "\\\\\\u0", "&", "&#x2", "&amp;#", "&amp", "%", "%2", "%25",
            "%252",
        ] {
            let text = format!("a whsec_hunter{end}");
            let shown = hide_secrets(&text, true, redactor);
            assert!(shown.is_some_and(|shown| !shown.contains("hunt")), "{text}");
        }
        for text in [r"a\\", r"a\u0041", "a&amp;", "a& b", "a&abcdefghi"] {
            assert_eq!(without_truncated_mark(text), text);
        }
    }

    #[test]
    fn escapes_and_references_are_decoded() {
        for (text, decoded) in [
            ("plain", None),
            ("a & b &x; &#; &#xzz; &#1114112;", None),
            (r"https:\/\/h\/\u0026a", Some("https://h/&a")),
            ("&lt;a&gt;&#58;&#x2F;&apos;&amp;lt;", Some("<a>:/'&lt;")),
            (r#"\"a\""#, Some("\"a\"")),
            (r#"1,"{""a"":""b""}""#, Some(r#"1,"{"a":"b"}""#)),
            (r#"a="" b="c" d:"""#, None),
        ] {
            assert_eq!(decode(text).as_deref(), decoded, "{text}");
        }
    }
}
