use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    formats::{
        charset::Charset,
        json::{
            finder::CodeFinder,
            lexer::{Lexer, Token},
        },
    },
    redact::{names::REDACTED, text::hide_secrets},
    util::text,
};

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
    let hidden = |text: &str| hide_secrets(text, false, &names);
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

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", " ", "\n", "\\", "\\u0041", "\\ud83d\\ude00", "\\n",
            "\"a\":", "\"password\":", "\"code\":", "\"x\"", "\"token: abc\"", "1", "-", "0", "1.5", "e3", "true", "fals", "null", "12",
            "{\"a\":1,", "[1,2,", "\"k\":{", "\"pin\":[", "\"code", "\"k", "}}", "]]", "Bearer abc", "\u{7f}", "\u{2028}", "é", "\"long string that has more than a block in it\""]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_lexer_comes_as_far(text in pieces()) {
        let mut lexer = Lexer::new(Lease::unlimited());
        let broke = lexer.feed(text.as_bytes()).any(|token| token == Token::Invalid);
        let expected = match (broke, lexer.is_complete()) {
            (true, _) => Ending::Malformed,
            (false, true) => Ending::Complete,
            (false, false) => Ending::Cut,
        };
        prop_assert_eq!(redacted(&text).1, expected);
    }

    #[test]
    fn the_finder_finds_the_same_code(text in pieces(), whole in any::<bool>(), deep in any::<bool>()) {
        let path = CodePath::new(if deep { "/k/code" } else { "code" });
        let mut finder = CodeFinder::new(4096, Charset::Utf8, Lease::unlimited());
        finder.push(&path, text.as_bytes());
        let (ending, watch) = find(&text, &path);
        let found = watch.finish(ending, whole);
        prop_assert_eq!(&found, &finder.finish(whole));
        let mut shown = String::new();
        let (ending, watch) = redact_and_find(&mut shown, &text, &Names::default(), &path);
        prop_assert_eq!(watch.finish(ending, whole), found);
        prop_assert_eq!((shown, ending), redacted(&text));
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
