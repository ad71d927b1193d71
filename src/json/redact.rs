//! A kept prefix of a JSON text, without its secrets, on one line.

use std::borrow::Cow;

use super::{
    lexer::{Lexer, Token},
    unescape::unescape,
};
use crate::{
    budget::Lease,
    names::{Names, REDACTED},
    secrets, text,
};

/// How far the reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// One whole JSON text.
    Complete,
    /// The beginning of one.
    Cut,
    /// Not JSON from some point on. What stands before that point is shown, nothing after it: who
    /// has lost their bearings cannot tell a key from a value.
    Malformed,
}

/// Appends `input` to `out`: white space outside strings dropped, values of sensitive keys and
/// secrets in strings replaced, whatever a log line must not contain written as a `\u` escape.
pub(crate) fn redact(out: &mut String, input: &str, names: &Names) -> Ending {
    let mut lexer = Lexer::new(Lease::unlimited());
    let mut tokens = lexer.feed(input.as_bytes());
    let mut key_is_sensitive = false;
    // The depth at which the value that is being left out began.
    let mut hidden: Option<usize> = None;
    // The string that is being read.
    let mut string: Option<Span> = None;
    let mut malformed = false;

    while let Some(token) = tokens.next() {
        let end = tokens.position();
        let depth = tokens.depth();
        if let Some(from) = hidden {
            let ended = matches!(
                token,
                Token::Close(_)
                    | Token::EndQuote { key: false }
                    | Token::EndScalar
                    | Token::Scalar { ended: true, .. }
                    | Token::Text { key: false, .. }
            );
            if ended && depth == from {
                hidden = None;
            }
            malformed |= matches!(token, Token::Invalid | Token::TooDeep);
            continue;
        }
        if key_is_sensitive {
            let value_from = match token {
                Token::Open(_) => Some(depth - 1),
                Token::Quote { key: false } | Token::Scalar { ended: false, .. } => Some(depth),
                Token::Text { key: false, .. } | Token::Scalar { ended: true, .. } => None,
                // The colon. (A fault stops the reading.)
                _ => {
                    if token == Token::Colon {
                        out.push(':');
                    }
                    malformed |= matches!(token, Token::Invalid | Token::TooDeep);
                    continue;
                }
            };
            out.extend(["\"", REDACTED, "\""]);
            key_is_sensitive = false;
            hidden = value_from;
            continue;
        }
        match token {
            Token::Text { key, bytes } => {
                let string = Span {
                    start: end - 1 - bytes.len(),
                    end: end - 1,
                    escaped: false,
                };
                if key {
                    key_is_sensitive = names.is_sensitive(&string.text(input));
                }
                out.push('"');
                string.push(out, input, false, names);
                out.push('"');
            }
            Token::Quote { .. } => {
                out.push('"');
                string = Some(Span {
                    start: end,
                    end,
                    escaped: false,
                });
            }
            Token::Chars(_) | Token::Escape(_) => {
                if let Some(string) = &mut string {
                    string.end = end;
                    string.escaped |= matches!(token, Token::Escape(_));
                }
            }
            Token::EndQuote { key } => {
                if let Some(string) = string.take() {
                    if key {
                        key_is_sensitive = names.is_sensitive(&string.text(input));
                    }
                    string.push(out, input, false, names);
                    out.push('"');
                }
            }
            Token::Open(container) => out.push(container.opening()),
            Token::Close(container) => out.push(container.closing()),
            Token::Colon => out.push(':'),
            Token::Comma => out.push(','),
            Token::Scalar { bytes, .. } => out.push_str(&input[end - bytes.len()..end]),
            Token::EndScalar => {}
            Token::Invalid | Token::TooDeep => malformed = true,
        }
    }

    if let Some(string) = string {
        string.push(out, input, true, names);
    }
    if malformed {
        Ending::Malformed
    } else if lexer.is_complete() {
        Ending::Complete
    } else {
        Ending::Cut
    }
}

/// Where the characters of a string stand, as far as they are whole.
struct Span {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Span {
    fn text<'i>(&self, input: &'i str) -> Cow<'i, str> {
        let raw = &input[self.start..self.end];
        match self.escaped {
            true => unescape(raw),
            false => Cow::Borrowed(raw),
        }
    }

    /// Appends the characters, as they were written if there is nothing in them to hide. Those that
    /// a line must not contain are legal in a string, so they are escaped: the text means the same
    /// afterwards.
    fn push(&self, out: &mut String, input: &str, open: bool, names: &Names) {
        let raw = &input[self.start..self.end];
        if !self.escaped && !secrets::needs_a_look(raw) {
            out.push_str(raw);
            return;
        }
        match secrets::hide(&self.text(input), open, names) {
            Some(shown) => push_escaped(out, &shown),
            None => push_on_one_line(out, raw),
        }
    }
}

/// Appends clean text as characters of a JSON string.
fn push_escaped(out: &mut String, clean: &str) {
    for c in clean.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

fn push_on_one_line(out: &mut String, mut chars: &str) {
    while let Some(at) = text::find_forbidden(chars) {
        out.push_str(&chars[..at]);
        let mut rest = chars[at..].chars();
        if let Some(c) = rest.next() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        chars = rest.as_str();
    }
    out.push_str(chars);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn redacted(input: &str) -> (String, Ending) {
        let mut out = String::new();
        let ending = redact(&mut out, input, &Names::default());
        (out, ending)
    }

    #[test]
    fn sensitive_values_are_hidden_whole_and_the_rest_is_compacted() {
        for (input, expected) in [
            (
                r#" { "a" : [ 1 , "x y" , null ] } "#,
                r#"{"a":[1,"x y",null]}"#,
            ),
            (
                r#"{"password":"p","n":1}"#,
                r#"{"password":"[REDACTED]","n":1}"#,
            ),
            (
                r#"{"password":"","n":1}"#,
                r#"{"password":"[REDACTED]","n":1}"#,
            ),
            (r#"{"pin": 1234, "n":1}"#, r#"{"pin":"[REDACTED]","n":1}"#),
            (r#"{"token":null}"#, r#"{"token":"[REDACTED]"}"#),
            (
                r#"{"token":["a",{"b":"c"}],"n":1}"#,
                r#"{"token":"[REDACTED]","n":1}"#,
            ),
            (
                r#"{"secret":{"password":"p","x":[1]},"n":[1]}"#,
                r#"{"secret":"[REDACTED]","n":[1]}"#,
            ),
            (
                r#"{"pass\u0077ord":"p"}"#,
                r#"{"pass\u0077ord":"[REDACTED]"}"#,
            ),
            (
                r#"{"API-Key":"p","api":{"key":"shown"}}"#,
                r#"{"API-Key":"[REDACTED]","api":{"key":"shown"}}"#,
            ),
            (
                r#"{"name":"password","v":"p\"q\n"}"#,
                r#"{"name":"password","v":"p\"q\n"}"#,
            ),
            (
                r#"[{"token":1},{"token":[[2]]},3]"#,
                r#"[{"token":"[REDACTED]"},{"token":"[REDACTED]"},3]"#,
            ),
            ("7", "7"),
            (r#""text""#, r#""text""#),
            (
                "{\"a\":\"\u{7f}\u{2028}x\u{202e}\"}",
                r#"{"a":"\u007f\u2028x\u202e"}"#,
            ),
        ] {
            assert_eq!(
                redacted(input),
                (expected.to_owned(), Ending::Complete),
                "{input}"
            );
        }
    }

    #[test]
    fn nothing_after_a_fault_is_shown() {
        for (input, expected) in [
            ("", ""),
            ("<html>password=x", ""),
            ("{'password':'x'}", "{"),
            (r#"{"a":1}{"password":"x"}"#, r#"{"a":1}"#),
            (r#"{"a":1,/* password */"b":2}"#, r#"{"a":1,"#),
            (r#"{"a":tru3,"b":2}"#, r#"{"a":"#),
            ("{\"a\":\"x\ny\"}", r#"{"a":"x"#),
        ] {
            let (shown, ending) = redacted(input);
            assert_eq!(shown, expected, "{input}");
            assert_ne!(ending, Ending::Complete);
        }
        assert_eq!(redacted("").1, Ending::Cut);
        assert_eq!(redacted("<").1, Ending::Malformed);
    }

    #[test]
    fn a_secret_does_not_survive_any_cut() {
        let text = r#"{"a":{"password":"SECRET"},"tok\u0065n":["SECRET",{"x":"SECRET"}],"pin":"SECRET","b":1}"#;
        for end in 0..text.len() {
            let (shown, ending) = redacted(&text[..end]);
            assert!(!shown.contains("SE"), "{shown}");
            assert_eq!(ending, Ending::Cut);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let key = prop_oneof![4 => "[a-z]{0,4}", 1 => Just("user_password".to_owned()), 1 => any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn hide(value: &mut Value) {
        let names = Names::default();
        let hidden = |text: &str| secrets::hide(text, false, &names);
        match value {
            Value::String(text) => *text = hidden(text).unwrap_or(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(hide),
            Value::Object(entries) => {
                for (key, mut value) in std::mem::take(entries) {
                    if names.is_sensitive(&key) {
                        value = REDACTED.into();
                    } else {
                        hide(&mut value);
                    }
                    entries.insert(hidden(&key).unwrap_or(key), value);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_whole_document_stays_the_same_value_but_for_what_is_hidden(value in values(), pretty in any::<bool>()) {
            let text = if pretty {
                serde_json::to_string_pretty(&value)
            } else {
                serde_json::to_string(&value)
            }.unwrap();
            let (shown, ending) = redacted(&text);
            let mut expected = value;
            hide(&mut expected);
            prop_assert_eq!(ending, Ending::Complete);
            prop_assert!(!shown.contains(text::is_forbidden));
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), expected);
            prop_assert_eq!(redacted(&shown), (shown, Ending::Complete));
        }

        #[test]
        fn any_text_is_survived_and_never_contains_what_a_line_must_not(text in any::<String>()) {
            let (shown, _) = redacted(&text);
            prop_assert!(!shown.contains(text::is_forbidden));
        }
    }
}
