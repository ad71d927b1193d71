//! Random documents: a sensitive name in a random spelling, in a random kind of document, in random layers of escapes.

use std::{fmt::Write as _, ops::Range};

use actix_bodylog::BodyLog;
use proptest::prelude::*;

use super::{
    EVENTS, FORM, JSON, MULTIPART, NDJSON, TEXT, UNTYPED, XML, YAML, assert_hidden, headers,
};

/// Letters and digits only, so that no layer changes the secret.
const SECRET: &str = "hunter2XyZZy";

/// The words of sensitive names.
const NAMES: [&[&str]; 24] = [
    &["user", "pin"],
    &["api", "key"],
    &["new", "pwd"],
    &["card", "cvv"],
    &["sms", "otp", "code"],
    &["aws", "secret", "access", "key"],
    &["db", "password"],
    &["session", "id"],
    &["credit", "card", "number"],
    &["private", "key", "pem"],
    &["reset", "token"],
    &["root", "pass"],
    &["two", "factor", "answer"],
    &["password"],
    &["mfa", "code"],
    &["csrf", "answer"],
    &["backup", "codes"],
    // The rules of the user.
    &["my", "iban"],
    &["iban", "number"],
    &["ключ", "доступа"],
    &["old", "口座番号"],
    &["monthly", "salary"],
    &["salaried"],
    &["hausgröße", "alt"],
];

/// Adds the rules for the [`NAMES`] of the user, and exceptions that hide nothing.
pub fn with_rules(log: BodyLog) -> BodyLog {
    log.redact("IBAN")
        .redact("ключ-доступа")
        .redact("口座番号")
        .redact_containing("Salar")
        .redact_containing("GRÖSSE")
        .keep("password_hint")
        .keep("note")
}

/// Writes the words of a name as one name.
fn spelled(words: &[&str], spelling: u8) -> String {
    let title = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        first.chain(chars).collect::<String>()
    };
    let titles: Vec<_> = words.iter().map(|word| title(word)).collect();
    match spelling {
        0 => words.join("_"),
        1 => [words[0], &titles[1..].concat()].concat(),
        2 => words.join("-"),
        3 => words.join("."),
        4 => titles.join(" "),
        5 => words.join("_").to_uppercase(),
        6 => titles.concat(),
        7 => words.join("_") + "_2",
        _ => format!("form[{}]", words.join("][")),
    }
}

/// Percent-encodes everything except letters and digits.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
        out
    })
}

/// Writes a JSON string. The style decides which characters are escaped that need not be.
fn json_string(text: &str, style: u8) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    match style {
        0 => quoted,
        // PHP
        1 => quoted.replace('/', r"\/"),
        // Go and Gson
        _ => {
            let escaped = quoted.replace('&', r"\u0026").replace('=', r"\u003d");
            escaped.replace('<', r"\u003c").replace('>', r"\u003E")
        }
    }
}

/// Writes the text of an element or an attribute.
fn xml_text(text: &str, style: u8) -> String {
    let amp = text.replace('&', if style == 0 { "&amp;" } else { "&#38;" });
    let text = amp.replace('<', "&lt;").replace('>', "&gt;");
    match style {
        0 => text.replace('"', "&quot;"),
        1 => text
            .replace('"', "&#34;")
            .replace('\'', "&#39;")
            .replace('/', "&#x2F;"),
        _ => text
            .replace('"', "&quot;")
            .replace(':', "&#x3a;")
            .replace('=', "&#61;"),
    }
}

/// The number of kinds of documents.
const KINDS: usize = 30;
/// The number of those that are recognized in every layer. The others are recognized if their type is known.
const LAYERED_KINDS: usize = 21;

/// Makes a document with the secret under a sensitive name.
fn document(kind: usize, name: &str, style: u8) -> (&'static str, String) {
    let json = json_string(name, style);
    let form = percent(name);
    let xml = xml_text(name, style);
    // A name of an element or without quotes.
    let word = name.replace([' ', '['], "_").replace(']', "");
    let s = SECRET;
    match kind {
        0 => (JSON, format!(r#"{{"a":[{{{json}:"{s}"}}],"n":1}}"#)),
        1 => (JSON, format!(r#"{{{json} : {{"x":["{s}"]}},"n":1}}"#)),
        2 => (NDJSON, format!("{{\"n\":1}}\n{{{json}:[\"{s}\"]}}\n")),
        3 => (FORM, format!("a=1&{form}={s}&b=2")),
        4 => (FORM, format!("u%5B{form}%5D={s}")),
        5 => (XML, format!("<r><n>1</n><{word}>{s}</{word}></r>")),
        6 => (XML, format!("<r a=\"1\" {word} = '{s}'/>")),
        7 => (XML, format!("<r><p name=\"{xml}\"><v>{s}</v></p></r>")),
        8 => (
            XML,
            format!("<input name='{xml}' type=\"x\" value=\"{s}\">"),
        ),
        9 => (
            XML,
            format!("<dict><key>{xml}</key><string>{s}</string></dict>"),
        ),
        10 => (XML, format!("<p><name>{xml}</name><value>{s}</value></p>")),
        11 => (YAML, format!("a: 1\n{word}: {s}\nb: 2\n")),
        12 => (YAML, format!("{{a: 1, '{name}': '{s}'}}")),
        13 => (TEXT, format!("user=ann {word}={s} ip=1")),
        14 => (TEXT, format!("x, {word}: {s}")),
        15 => (TEXT, format!("said {{\"a\":1,{json}: \"{s}\"}} loudly")),
        16 => (TEXT, format!("see https://h/x?a=1&{form}={s}&b=2 there")),
        17 => (TEXT, format!("User {{ a: 1, {word}: Some(\"{s}\") }}")),
        18 => (TEXT, format!("'{name}' => '{s}', 'b' => 1")),
        19 => (UNTYPED, format!("{{{json}:\"{s}\"}}")),
        20 => (UNTYPED, format!("{form}={s}")),
        21 => (XML, format!("<input value=\"{s}\" name=\"{xml}\">")),
        22 => (
            YAML,
            format!("a:\n  \"{name}\":\n    - {s}\n    - b: {s}\nc: 1\n"),
        ),
        23 => (JSON, format!(r#"{{"n":1,"name":{json},"value":"{s}"}}"#)),
        24 => (
            JSON,
            format!(r#"{{"env":[{{"value":"{s}","key":{json}}},{{"key":"a"}}]}}"#),
        ),
        25 => {
            let path = json_string(&format!("/u/{word}"), style);
            (
                JSON,
                format!(r#"[{{"op":"add","path":{path},"value":{{"a":"{s}"}}}}]"#),
            )
        }
        26 => (
            JSON,
            format!(r#"{{"loc":["body",{json}],"msg":"x","input":"{s}"}}"#),
        ),
        27 => {
            let pair = format!(r#"{{"name":{json},"value":"{s}"}}"#);
            (JSON, format!(r#"{{"request":{{"queryString":[{pair}]}}}}"#))
        }
        28 => {
            let head = format!("Content-Disposition: form-data; name=\"{name}\"");
            (MULTIPART, format!("--B\r\n{head}\r\n\r\n{s}\r\n--B--\r\n"))
        }
        _ => {
            let name = form.replace('+', "%20");
            let head = format!("Content-Disposition: form-data; name*=UTF-8''{name}");
            (MULTIPART, format!("--B\r\n{head}\r\n\r\n{s}\r\n--B--\r\n"))
        }
    }
}

/// Puts a text into a document of another type, escaped as that type prescribes.
fn in_layer(layer: u8, style: u8, text: &str) -> (&'static str, String) {
    match layer {
        0 => (
            JSON,
            format!(r#"{{"log":{},"n":1}}"#, json_string(text, style)),
        ),
        1 => (FORM, format!("a=1&data={}&b=2", percent(text))),
        2 => (
            XML,
            format!("<r><data>{}</data></r>", xml_text(text, style)),
        ),
        3 => (
            TEXT,
            format!("<a data-x=\"{}\">b</a>", xml_text(text, style)),
        ),
        4 => {
            let lines = text.replace("\r\n", "\n").replace('\n', "\ndata: ");
            (EVENTS, format!("id: 1\ndata: {lines}\n\n"))
        }
        _ => (TEXT, format!("got {} here", json_string(text, style))),
    }
}

/// Puts a text into layers, each with its style.
pub fn layered(text: &str, layers: &[(u8, u8)]) -> (&'static str, String) {
    let first = (TEXT, text.to_owned());
    let put = |(_, text): (_, String), &(layer, style): &_| in_layer(layer, style, &text);
    layers.iter().fold(first, put)
}

pub fn layers(count: Range<usize>) -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0_u8..6, 0_u8..3), count)
}

/// Asserts that the secret, which no layer changes at its start, is hidden in every prefix that has a part of it.
pub fn assert_hidden_when_cut(log: &BodyLog, content_type: &str, body: &str, secret: &str) {
    let headers = headers(content_type);
    let first = body.find(&secret[..4]).expect("the body has the secret") + 4;
    for cut in first..=body.len() {
        let log = log.clone().response_limit(cut).code_limit(cut);
        let preview = log.preview(&headers, body.as_bytes());
        let shown = format!("{:?} {:?}", preview.content, preview.code);
        assert_hidden(
            &shown,
            secret,
            &format!("{content_type}, cut at {cut}: {body}"),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn sensitive_names_are_hidden_in_every_spelling_and_kind_of_document(
        words in prop::sample::select(&NAMES[..]),
        spelling in 0_u8..9,
        kind in 0..KINDS,
        style in 0_u8..3,
    ) {
        let (content_type, body) = document(kind, &spelled(words, spelling), style);
        assert_hidden_when_cut(&with_rules(BodyLog::new()), content_type, &body, SECRET);
    }

    #[test]
    fn sensitive_names_are_hidden_in_layers_of_escapes(
        words in prop::sample::select(&NAMES[..]),
        spelling in 0_u8..9,
        kind in 0..LAYERED_KINDS,
        style in 0_u8..3,
        layers in layers(1..3),
    ) {
        let (_, body) = document(kind, &spelled(words, spelling), style);
        let (content_type, body) = layered(&body, &layers);
        assert_hidden_when_cut(&with_rules(BodyLog::new()), content_type, &body, SECRET);
    }
}
