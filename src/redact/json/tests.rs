use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;
use crate::{
    formats::json::{
        code::{Code, CodeState, MAX_CODE_LEN},
        nesting::MAX_DEPTH,
    },
    redact::{key_cache::KeyCache, names::Names, pieces::REDACTED},
    util::text,
};

fn redacted(input: &str) -> (String, Ending) {
    let mut out = String::new();
    let (names, keys) = (Names::default(), KeyCache::new());
    let ending = redact_json(&mut out, input, Redactor::new(&names, &keys));
    (out, ending)
}

#[test]
fn values_of_sensitive_keys_are_hidden_and_white_space_is_dropped() {
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
            r#"{"password":" ","n":1}"#,
            r#"{"password":"[REDACTED]","n":1}"#,
        ),
        (r#"{"pin": 1234, "n":1}"#, r#"{"pin":"[REDACTED]","n":1}"#),
        (r#"{"token":null}"#, r#"{"token":null}"#),
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
fn card_numbers_are_hidden_in_numbers_keys_and_strings() {
    for (input, expected) in [
        (
            r#"{"n":4111111111111111,"m":378282246310005 , "o":[5555555555554444]}"#,
            r#"{"n":"[REDACTED]","m":"[REDACTED]","o":["[REDACTED]"]}"#,
        ),
        ("4111111111111111", r#""[REDACTED]""#),
        (
            r#"[4111111111111112,1700000000000000,-411111111111111,41111111111111.1]"#,
            r#"[4111111111111112,1700000000000000,-411111111111111,41111111111111.1]"#,
        ),
        (
            r#"{"378282246310005":"4111 1111 1111 1111","a":"4111111111111111"}"#,
            r#"{"[REDACTED]":"[REDACTED]","a":"[REDACTED]"}"#,
        ),
        // The digits begin at any place of a block.
        (
            r#"["a 4111111111111111","abcdefgh 4111111111111111","abcdefghijk-4111-1111-1111-1111"]"#,
            r#"["a [REDACTED]","abcdefgh [REDACTED]","abcdefghijk-[REDACTED]"]"#,
        ),
        (r#"{"pin":4111111111111111}"#, r#"{"pin":"[REDACTED]"}"#),
        (r#"["sk_live_HUNTERhunter",1]"#, r#"["[REDACTED]",1]"#),
        (
            r#"["-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"]"#,
            r#"["[REDACTED] "]"#,
        ),
    ] {
        assert_eq!(
            redacted(input),
            (expected.to_owned(), Ending::Complete),
            "{input}"
        );
    }
    for len in 0..40 {
        let input = format!(r#"["{}4111 1111 1111 1111","x"]"#, " ".repeat(len));
        assert!(!redacted(&input).0.contains("1111"), "{input}");
    }
}

#[test]
fn beginning_of_a_card_number_at_a_cut_is_hidden() {
    for (input, expected) in [
        (r#"{"n":411111111111"#, r#"{"n":"[REDACTED]""#),
        (r#"[1, 4111111111111111"#, r#"[1,"[REDACTED]""#),
        (r#"[1,41111111111"#, "[1,41111111111"),
        (r#"["a 4111 1111 1111"#, r#"["a [REDACTED]"#),
        (r#"["a ghp_ab"#, r#"["a [REDACTED]"#),
    ] {
        assert_eq!(redacted(input).0, expected, "{input}");
    }
}

#[test]
fn nothing_after_a_fault_is_shown() {
    for (input, expected) in [
        ("", ""),
        ("<html>password=x", ""),
        ("{'password':'x'}", "{"),
        (r#"{"a":1}}{"password":"x"}"#, r#"{"a":1}"#),
        (r#"{"a":1} trailing password=x"#, r#"{"a":1}"#),
        (r#"{"a":1}, {"password":"x"}"#, r#"{"a":1}"#),
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
fn several_texts_in_a_row_are_joined_by_one_space() {
    for (input, expected) in [
        (r#"{"a":1}{"pin":2}"#, r#"{"a":1} {"pin":"[REDACTED]"}"#),
        ("{\"pin\":\n1}\n\n[ 2 ]\r\n", r#"{"pin":"[REDACTED]"} [2]"#),
        (r#"[1]"a""b"1 2"c"null{}"#, r#"[1] "a" "b" 1 2 "c" null {}"#),
    ] {
        assert_eq!(redacted(input), (expected.to_owned(), Ending::Complete));
    }
    let sequence = "\u{1e}{\"a\":1}\n\u{1e} \u{1e}{\"pin\":2}\n\u{1e}";
    for (input, expected, ending) in [
        (
            sequence,
            r#"{"a":1} {"pin":"[REDACTED]"}"#,
            Ending::Complete,
        ),
        ("", "", Ending::Complete),
        (" \n\u{1e}\n", "", Ending::Complete),
        ("\u{1e}{\"a\":", r#"{"a":"#, Ending::Cut),
        ("{\"a\":\u{1e}1}", r#"{"a":"#, Ending::Malformed),
        ("{\"a\u{1e}\":1}", r#"{"a"#, Ending::Malformed),
    ] {
        let (names, keys, mut out) = (Names::default(), KeyCache::new(), String::new());
        let read = redact_json_lines(&mut out, input, Redactor::new(&names, &keys));
        assert_eq!((&*out, read), (expected, ending), "{input:?}");
    }
    assert_eq!(redacted("\u{1e}{}").1, Ending::Malformed);
}

#[test]
fn no_prefix_shows_a_secret() {
    let text = r#"{"a":{"password":"SECRET"},"tok\u0065n":["SECRET",{"x":"SECRET"}],"pin":"SECRET","b":1}"#;
    for end in 0..text.len() {
        let (shown, ending) = redacted(&text[..end]);
        assert!(!shown.contains("SE"), "{shown}");
        assert_eq!(ending, Ending::Cut);
    }
}

/// Compares the reader with serde_json.
fn agrees_with_serde_json(text: &str) {
    let read = |text: &str| {
        let texts = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        texts.collect::<Result<Vec<_>, _>>()
    };
    let (_, ending) = redacted(text);
    let expected = match read(text) {
        Ok(texts) if texts.is_empty() => Ending::Cut,
        Ok(_) => Ending::Complete,
        // serde_json reports a truncated number as invalid. With another digit, the number may be valid.
        Err(error) => match read(&format!("{text}0")) {
            _ if error.is_eof() => Ending::Cut,
            Ok(_) => Ending::Cut,
            Err(longer) if longer.is_eof() => Ending::Cut,
            Err(_) => Ending::Malformed,
        },
    };
    assert_eq!(ending, expected, "{}", text.escape_debug());
}

#[test]
fn edge_cases_of_the_grammar_give_the_same_result_as_serde_json() {
    for text in [
        r#"{}"#,
        r#"[]"#,
        r#" {"a" : [1 , -0.5e+7, "\u00e9\\\"", null,true,false]} "#,
        r#"0"#,
        r#"-0"#,
        r#"01"#,
        r#"-"#,
        r#"+1"#,
        r#"1."#,
        r#".5"#,
        r#"1e"#,
        r#"1e+"#,
        r#"1e5"#,
        r#"0x10"#,
        r#"1_000"#,
        r#"NaN"#,
        r#"Infinity"#,
        r#"nul"#,
        r#"nulll"#,
        r#"truefalse"#,
        r#"tru e"#,
        r#""""#,
        r#"""#,
        r#""\"#,
        r#""\x""#,
        r#""\u12"#,
        r#""\u12g4""#,
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,}"#,
        r#"{1:2}"#,
        r#"{'a':1}"#,
        r#"{a:1}"#,
        r#"[1,]"#,
        r#"[,1]"#,
        r#"[1 2]"#,
        r#"[}"#,
        r#"{]"#,
        r#"]"#,
        r#"}"#,
        r#"[1]]"#,
        r#"{}{}"#,
        r#"{} {}"#,
        r#"1 2"#,
        r#"/**/1"#,
        r#"[1]//"#,
        "",
        " ",
        "\u{feff}{}",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\0\"",
        "\0",
        "{\"a\":\"\u{7f}\u{2028}\"}",
        r#"{"a":"\ud800"}"#,
        "\x0c1",
        "<html></html>",
        "[1]\0",
    ] {
        agrees_with_serde_json(text);
    }
}

#[test]
fn nesting_is_read_to_a_fixed_depth() {
    let document = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(redacted(&document(MAX_DEPTH)).1, Ending::Complete);
    let (shown, ending) = redacted(&document(MAX_DEPTH + 1));
    assert_eq!((shown, ending), ("[".repeat(MAX_DEPTH), Ending::TooDeep));
    let crossed = "[".repeat(MAX_DEPTH) + "}";
    assert_eq!(redacted(&crossed).1, Ending::Malformed);
    // The response is JSON, but its code is not known.
    let deep = format!("{{\"a\":{},\"code\":1}}", document(MAX_DEPTH));
    assert_eq!(code_in("code", &deep, true), Err(Some(CodeState::Cut)));
    let first = format!("{{\"code\":1,\"a\":{}}}", document(MAX_DEPTH));
    assert_eq!(code_in("code", &first, true), Ok("1".to_owned()));
}

/// Returns the text of the code, after a `"` if the code is a string. If there is no code, returns the reason why it is
/// not known, if there is one.
fn code_in(field: &str, text: &str, whole: bool) -> Result<String, Option<CodeState>> {
    let path = CodePath::parse(field).unwrap();
    let (ending, code) = find_code(text, &path);
    let code = code.finish(ending, whole).ok_or(None)??;
    Ok(match code.as_code() {
        Code::Number(digits) => digits.to_owned(),
        Code::Text(text) => format!("\"{text}"),
    })
}

#[test]
fn only_the_configured_key_at_its_depth_is_the_code() {
    for (text, expected) in [
        (r#"{"code":0}"#, Ok("0")),
        (r#" { "msg" : "x" , "code" : -12.50e+1 } "#, Ok("-12.50e+1")),
        (r#"{"code":"E42"}"#, Ok("\"E42")),
        (r#"{"code":"404"}"#, Ok("\"404")),
        (r#"{"\u0063\u006fde":7}"#, Ok("7")),
        (r#"{"data":{"code":500},"code":1}"#, Ok("1")),
        (r#"{"code":1,"data":{"code":500}}"#, Ok("1")),
        (r#"{"code":1,"data":[{"code":500}]}"#, Ok("1")),
        (r#"{"code":1,"msg":"\"code\":500"}"#, Ok("1")),
        (r#"{"msg":"code","x":2}"#, Err(None)),
        (r#"{"codes":1,"cod":2,"Code":3,"":4}"#, Err(None)),
        (r#"{"data":{"code":500}}"#, Err(None)),
        (r#"[{"code":500}]"#, Err(None)),
        (r#"[[{"code":500}]]"#, Err(None)),
        (r#"{"code":null}"#, Err(None)),
        (r#"{"code":{"code":5}}"#, Err(None)),
        (r#"{"code":[5]}"#, Err(None)),
        (r#"{"code":true,"a":5}"#, Err(None)),
        (r#"{"code":1,"code":2}"#, Ok("2")),
        (r#"{"code":1,"code":null}"#, Err(None)),
        (r#""code""#, Err(None)),
        ("5", Err(None)),
        ("", Err(Some(CodeState::Malformed))),
        ("code", Err(Some(CodeState::Malformed))),
        (r#"{"code":5"#, Err(Some(CodeState::Malformed))),
        (r#"{"code":5}}"#, Err(Some(CodeState::Malformed))),
        (r#"{"code":5}{"code":6}"#, Ok("6")),
        ("{\"code\":5}\n{\"a\":[{\"code\":7}]}\n", Ok("5")),
        (r#"{"code":5} [{"code":6}] "code" 7"#, Ok("5")),
        (r#"{"code":5} {"code":null}"#, Err(None)),
        (r#"{"code":5} {"code""#, Err(Some(CodeState::Malformed))),
        (r#"{'code':5}"#, Err(Some(CodeState::Malformed))),
    ] {
        assert_eq!(
            code_in("code", text, true),
            expected.map(str::to_owned),
            "{text}"
        );
    }
}

#[test]
fn pointer_finds_a_code_in_nested_objects_but_not_in_arrays() {
    for (field, text, expected) in [
        (
            "/error/code",
            r#"{"code":1,"error":{"x":[{}],"code":2}}"#,
            Ok("2"),
        ),
        (
            "/error/code",
            r#"{"error":{"code":2},"error":{}}"#,
            Err(None),
        ),
        (
            "/error/code",
            r#"{"error":{"code":2},"error":3}"#,
            Err(None),
        ),
        (
            "/error/code",
            r#"{"error":{"code":2}} {"code":3} {"error":{"code":4}}"#,
            Ok("4"),
        ),
        ("/error/code", r#"{"error":{"e":{"code":2}}}"#, Err(None)),
        ("/error/code", r#"{"error":[{"code":2}]}"#, Err(None)),
        (
            "/error/code",
            r#"{"x":{"code":2},"error":{"code":3},"y":{"code":4}}"#,
            Ok("3"),
        ),
        ("/a~1b/m~0n", r#"{"a/b":{"m~n":5}}"#, Ok("5")),
        ("/code", r#"{"code":6}"#, Ok("6")),
        ("/", r#"{"":7}"#, Ok("7")),
        ("é", r#"{"\u00e9":8}"#, Ok("8")),
        ("😀", r#"{"\ud83d\ude00":9}"#, Ok("9")),
    ] {
        let found = code_in(field, text, true);
        assert_eq!(found, expected.map(str::to_owned), "{field} in {text}");
    }
}

#[test]
fn truncated_code_is_not_recorded_as_a_shorter_code() {
    let text = r#"{"code":1234,"m":"x"}"#;
    for len in 0..text.len() {
        let expected = match len {
            0..=12 => Err(Some(CodeState::Cut)),
            _ => Ok("1234".to_owned()),
        };
        assert_eq!(code_in("code", &text[..len], false), expected, "{len}");
    }
    let text = r#"{"code":"1234"}"#;
    for len in 0..text.len() - 1 {
        assert_eq!(
            code_in("code", &text[..len], false),
            Err(Some(CodeState::Cut))
        );
    }
    // Of two codes, the last is not known, and the first does not count.
    let cut = r#"{"code":1,"code":"#;
    assert_eq!(code_in("code", cut, false), Err(Some(CodeState::Cut)));
}

#[test]
fn truncated_response_without_code_is_cut_unless_it_is_malformed() {
    for (text, whole, state) in [
        (r#"{"a":1"#, false, CodeState::Cut),
        ("{}", false, CodeState::Cut),
        ("", false, CodeState::Cut),
        ("<htm", false, CodeState::Malformed),
        (r#"{"a":1"#, true, CodeState::Malformed),
        ("", true, CodeState::Malformed),
    ] {
        assert_eq!(code_in("code", text, whole), Err(Some(state)), "{text}");
    }
}

#[test]
fn long_string_code_is_truncated_and_long_number_is_not_recorded() {
    let find = |text: &str| code_in("code", text, true);
    let digits = "9".repeat(MAX_CODE_LEN + 1);
    assert_eq!(
        find(&format!(r#"{{"code":{digits}}}"#)),
        Err(Some(CodeState::Cut))
    );
    let fits = &digits[1..];
    assert_eq!(find(&format!(r#"{{"code":{fits}}}"#)), Ok(fits.to_owned()));
    let text = "é".repeat(MAX_CODE_LEN);
    let expected = format!("\"{}", "é".repeat(MAX_CODE_LEN / 2));
    assert_eq!(find(&format!(r#"{{"code":"{text}"}}"#)), Ok(expected));
}

#[test]
fn text_codes_are_unescaped_and_on_one_line() {
    assert_eq!(
        code_in(
            "code",
            r#"{"code":"a\n\u0000\u202eb\ud83d\ude00\ud83d"}"#,
            true
        )
        .unwrap(),
        "\"a   b😀\u{fffd}"
    );
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
    let (names, keys) = (Names::default(), KeyCache::new());
    let redactor = Redactor::new(&names, &keys);
    let hidden = |text: &str| hide_secrets(text, false, redactor);
    match value {
        Value::String(text) => *text = hidden(text).unwrap_or(std::mem::take(text)),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(entries) => {
            for (key, mut value) in std::mem::take(entries) {
                if names.is_sensitive(&key) {
                    if !is_nothing(&value) {
                        value = REDACTED.into();
                    }
                } else {
                    hide(&mut value);
                }
                entries.insert(hidden(&key).unwrap_or(key), value);
            }
        }
        _ => {}
    }
}

/// Returns whether a value is not a secret, whatever its name is.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
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

fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("-2.5e3".to_owned()),
        Just("null".to_owned()),
        Just("\"code\"".to_owned()),
        Just("\"\\\"code\\\":9\"".to_owned()),
        Just("\"x\\ud83d\\ude00\"".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![
            Just("\"code\""),
            Just("\"c\\u006fde\""),
            Just("\"other\""),
            Just("\"codes\"")
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((key, inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

#[test]
fn facts_about_secrets_and_empty_values_are_shown() {
    for text in [
        r#"{"password":true,"pin":null,"secret":false,"token":"","cookies":[],"auth":{}}"#,
        r#"{"max_tokens":512,"prompt_tokens_details":{"cached_tokens":0,"n":[1]}}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"nextPageToken":"abc"}"#,
        r#"{"errors":{"password":["is too short","is common"],"user":{"pin":["x"]}}}"#,
        r#"{"choices":[{"logprobs":{"content":[{"token":"Hel","top_logprobs":[{"token":"Hi"}]}]}}]}"#,
        r#"{"password":"${DB_PASSWORD}","token":"{{token}}","secret":"%s"}"#,
        r#"{"country_code":"AT","code":"INSUFFICIENT_FUNDS_1"}"#,
    ] {
        assert_eq!(redacted(text), (text.to_owned(), Ending::Complete));
    }
    for (text, expected) in [
        (r#"{"password":[ ],"n":1}"#, r#"{"password":[],"n":1}"#),
        (
            r#"{"tokens":{"a":"x","n":1,"b":["y"]},"c":"z"}"#,
            r#"{"tokens":{"a":"[REDACTED]","n":1,"b":["[REDACTED]"]},"c":"z"}"#,
        ),
        (
            r#"{"errors":{"password":"x","pin":["y",1],"otp":["Bearer abc"]}}"#,
            r#"{"errors":{"password":"[REDACTED]","pin":"[REDACTED]","otp":["Bearer [REDACTED]"]}}"#,
        ),
        (
            r#"{"logprobs":{"x":{"access_token":"y"}},"token":"z"}"#,
            r#"{"logprobs":{"x":{"access_token":"[REDACTED]"}},"token":"[REDACTED]"}"#,
        ),
    ] {
        assert_eq!(redacted(text), (expected.to_owned(), Ending::Complete));
    }
}

#[test]
fn long_code_is_hidden_in_requests() {
    let (names, keys) = (Names::default(), KeyCache::new());
    let redactor = Redactor::new(&names, &keys).for_request();
    for (text, expected) in [
        (r#"{"code":"HUNTER0123456789"}"#, r#"{"code":"[REDACTED]"}"#),
        (r#"{"code":"HUNTER0123456789x"#, r#"{"code":"[REDACTED]""#),
        (
            r#"{"code":"not a code of OAuth"}"#,
            r#"{"code":"not a code of OAuth"}"#,
        ),
        (
            r#"{"code":"DE","error_code":"HUNTER0123456789"}"#,
            r#"{"code":"DE","error_code":"HUNTER0123456789"}"#,
        ),
        (r#"{"code":4111}"#, r#"{"code":4111}"#),
    ] {
        let mut out = String::new();
        redact_json(&mut out, text, redactor);
        assert_eq!(out, expected);
    }
}

#[test]
fn json_in_a_string_is_redacted_like_json() {
    for (text, expected) in [
        (
            r#"{"a":"{\"user.pin\":\"x\",\"n\":1}"}"#,
            r#"{"a":"{\"user.pin\":\"[REDACTED]\",\"n\":1}"}"#,
        ),
        (
            r#"{"a":"{\"name\":\"pin\",\"value\":\"x\"}"}"#,
            r#"{"a":"{\"name\":\"pin\",\"value\":\"[REDACTED]\"}"}"#,
        ),
        (
            r#"{"a":"[{\"b\":\"{\\\"pin\\\":1}\"}]"}"#,
            r#"{"a":"[{\"b\":\"{\\\"pin\\\":\\\"[REDACTED]\\\"}\"}]"}"#,
        ),
        (r#"{"a":"{ \"b\": 1 }"}"#, r#"{"a":"{ \"b\": 1 }"}"#),
    ] {
        assert_eq!(redacted(text), (expected.to_owned(), Ending::Complete));
    }
}

proptest! {
    #[test]
    fn arbitrary_pieces_give_the_same_result_as_serde_json(text in pieces()) {
        agrees_with_serde_json(&text);
    }

    #[test]
    fn arbitrary_text_gives_the_same_result_as_serde_json(
        text in r#"([\[\]{}:, "\\u0-9eE.+tfn-]|true|false|null|"a"|\\u00e9|"b":|1)*"#)
    {
        agrees_with_serde_json(&text);
    }

    #[test]
    fn one_pass_gives_the_same_code_and_text_as_two(
        text in pieces(), whole in any::<bool>(), deep in any::<bool>())
    {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        let path = CodePath::parse(if deep { "/k/code" } else { "code" }).unwrap();
        let (ending, code) = find_code(&text, &path);
        let found = code.finish(ending, whole);
        let mut shown = String::new();
        let (ending, code) = redact_json_and_find_code(&mut shown, &text, redactor, &path);
        prop_assert_eq!(code.finish(ending, whole), found);
        prop_assert_eq!((shown, ending), redacted(&text));
    }

    #[test]
    fn redaction_of_a_whole_document_changes_only_secrets(value in values(), pretty in any::<bool>()) {
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
    fn no_input_panics_or_leaves_a_forbidden_character(text in any::<String>()) {
        let (shown, _) = redacted(&text);
        prop_assert!(!shown.contains(text::is_forbidden));
    }

    #[test]
    fn code_of_a_whole_document_is_the_same_as_with_serde_json(text in documents()) {
        let expected = match serde_json::from_str::<Value>(&text).unwrap().get("code") {
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::String(text)) => Ok(format!("\"{text}")),
            _ => Err(None),
        };
        let found = code_in("code", &text, true).map(|found| match found.as_str() {
            "-2.5e3" => "-2500.0".to_owned(),
            _ => found,
        });
        prop_assert_eq!(found, expected);
    }
}
