//! Properties that are true for any input. The fuzz targets check them, and so do the tests, on the corpus
//! and on random documents.

use actix_bodylog::{
    BodyLog, Preview,
    record::{CodeState, OmitReason},
};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::Value;

const LIMIT: usize = 4096;
const REDACTED: &str = "[REDACTED]";

type Headers = [(header::HeaderName, &'static str)];

fn preview(headers: &Headers, body: &[u8], limit: usize) -> Preview {
    preview_by(&BodyLog::new(), headers, body, limit)
}

fn preview_by(log: &BodyLog, headers: &Headers, body: &[u8], limit: usize) -> Preview {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name.clone(), HeaderValue::from_static(value));
    }
    let log = log.clone().response_limit(limit).code_limit(limit);
    let preview = log.preview(&map, body);
    if let Some(content) = &preview.content {
        assert!(content.len() <= limit);
        assert_one_clean_line(content);
    }
    if let Some(code) = &preview.code {
        assert_one_clean_line(code);
    }
    assert!(preview.content.is_none() || preview.omitted.is_none());
    assert!(preview.truncated || !preview.malformed);
    preview
}

fn typed(content_type: &'static str, body: &[u8], limit: usize) -> Preview {
    preview(&[(header::CONTENT_TYPE, content_type)], body, limit)
}

fn assert_one_clean_line(text: &str) {
    let forbidden =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(forbidden), "{text:?}");
}

/// Asserts that the content of a body does not change if the content is sent as a body.
fn assert_stable(content_type: &'static str, shown: &Preview, limit: usize) {
    // A byte order mark after another one is shown, and would be skipped if the content was sent.
    let content = shown.content.as_ref();
    if let Some(content) = content.filter(|content| !content.starts_with('\u{feff}')) {
        match typed(content_type, content.as_bytes(), limit).content {
            Some(again) => assert_eq!(again, *content),
            // The content of a prefix is malformed as a body, which is omitted if it has no letter and no digit.
            None => assert!(!content.contains(char::is_alphanumeric), "{content}"),
        }
    }
}

/// Returns the limit that the first byte stands for, and the other bytes.
fn cut(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        None => (LIMIT, data),
        Some((&first, rest)) if first >= 0x80 => (usize::from(first & 0x7f), rest),
        Some((_, rest)) => (LIMIT, rest),
    }
}

/// Nested containers that are read.
const MAX_DEPTH: usize = 512;

/// Checks that JSON is malformed if serde_json rejects it as texts in a row, and only then, and that only secrets
/// change.
pub fn json(data: &[u8]) {
    const JSON: &str = "application/json";
    let (limit, body) = cut(data);
    if limit == 0 || body.is_empty() {
        return;
    }
    let shown = typed(JSON, body, limit);
    if shown.omitted == Some(OmitReason::Charset) {
        assert!(std::str::from_utf8(body).is_err());
        return;
    }
    if !shown.malformed
        && shown
            .content
            .as_ref()
            .is_some_and(|content| content.len() < limit)
    {
        assert_stable(JSON, &shown, limit);
    }
    if body.len() > limit {
        return;
    }
    // serde_json rejects a byte order mark.
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if body.is_empty() {
        return;
    }
    // Several texts in a row are valid, and no text at all is not.
    let texts = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    let texts: Result<Vec<_>, _> = texts.collect();
    if texts.is_err() || texts.is_ok_and(|texts| texts.is_empty()) {
        let opened = body.iter().filter(|byte| b"[{".contains(byte)).count();
        if opened > MAX_DEPTH && shown.code_state == Some(CodeState::Cut) {
            // The reading stopped before the fault.
            return;
        }
        assert_eq!(shown.code_state, Some(CodeState::Malformed));
        assert_eq!(shown.code, None);
        assert!(shown.malformed || shown.omitted == Some(OmitReason::Malformed));
        return;
    }
    // A `Value` cannot hold lone surrogates, numbers that no f64 can, or more than 128 levels.
    let Ok(parsed) = values(body) else {
        assert!(!shown.malformed);
        return;
    };
    let found = parsed
        .iter()
        .filter_map(|text| text.get("code"))
        .next_back();
    match found {
        Some(Value::String(_)) => assert!(shown.code.is_some()),
        // A number of more than 128 digits is reported as cut.
        Some(Value::Number(_)) => {
            assert!(shown.code.is_some() || shown.code_state == Some(CodeState::Cut));
        }
        _ => assert_eq!(shown.code_state, None),
    }
    if let (Some(Value::Number(number)), Some(code)) = (found, &shown.code) {
        assert_eq!(
            serde_json::from_str::<Value>(code).unwrap(),
            Value::Number(number.clone())
        );
    }
    assert!(!shown.malformed && shown.omitted.is_none());
    if shown.truncated {
        return;
    }
    let content = values(shown.content.unwrap().as_bytes()).unwrap();
    assert_eq!(content.len(), parsed.len());
    parsed
        .iter()
        .zip(&content)
        .for_each(|(sent, shown)| assert_same(sent, shown));
}

/// Reads all JSON texts of a body.
fn values(body: &[u8]) -> serde_json::Result<Vec<Value>> {
    let texts = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    texts.collect()
}

/// The sensitive names of the README, in lower case and without `-` and `_`.
const NAMES: &str = "accesstoken apikey authorization cardnumber clientsecret cookie credentials csrftoken cvc cvv idtoken \
    mysqlpwd openid otp passphrase passwd password pin privatekey proxyauthorization pwd refreshtoken secret \
    session sessionid setcookie ssn token";
/// The names that are sensitive in queries only.
const QUERY_NAMES: &str = "awsaccesskeyid sig signature xamzsignature xgoogsignature";
/// The parts that make any name sensitive.
const PARTS: [&str; 6] = ["passw", "secret", "token", "credit", "apikey", "privatekey"];

fn normalized(name: &str) -> String {
    name.to_lowercase().replace(['-', '_'], "")
}

/// True if the key is a whole sensitive name, so that its value must be hidden.
fn is_sensitive(key: &str) -> bool {
    let key = normalized(key);
    NAMES.split(' ').any(|name| name == key)
}

/// True if the value of the key may be hidden: the key has letters of a sensitive name, or may be paired with one.
fn may_be_sensitive(key: &str) -> bool {
    let key: String = decoded(key).to_lowercase();
    let key: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
    const OTHERS: &str = "key pass auth cred session cookie jwt csrf xsrf otp code factor social security value val input \
        assertion saml pw senha contrase motdepasse kennwort wachtwoord has";
    PARTS.iter().any(|part| key.contains(part))
        || NAMES
            .split(' ')
            .chain(OTHERS.split_whitespace())
            .any(|name| key.contains(name))
        || !key.is_ascii()
}

/// True for values that are not secrets, whatever their name is.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty() || text.starts_with(['$', '{', '<', '%']),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Decodes percent-encoding and escapes, as often as they are nested in a text.
fn decoded(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..6 {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, next @ ..] = rest {
            let (skipped, digits) = match rest {
                [b'%', digits @ ..] => (1, digits.get(..2)),
                [b'\\', b'u', digits @ ..] => (2, digits.get(..4)),
                _ => (0, None),
            };
            let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            rest = match (code, digits) {
                (Some(code), Some(digits)) => {
                    bytes.push(code);
                    &rest[skipped + digits.len()..]
                }
                _ => {
                    bytes.push(*first);
                    next
                }
            };
        }
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    text
}

/// True if something in a text may be a secret: after a sensitive name, after an authentication scheme, in
/// a JSON web token, or in the user information of a URL.
fn may_hold_a_secret(text: &str) -> bool {
    let text = decoded(text);
    let lower = normalized(&text);
    // `api key: x` has a name of two words.
    let joined: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let has_name = |name: &str| {
        let mut words = lower.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word == name) || (name.len() > 5 && joined.contains(name))
    };
    PARTS.iter().any(|part| lower.contains(part))
        || NAMES.split(' ').chain(QUERY_NAMES.split(' ')).any(has_name)
        || ["bearer", "basic"]
            .iter()
            .any(|scheme| lower.contains(scheme))
        || text.contains("eyJ")
        || (text.contains('@') && text.contains(['/', '\\']))
}

/// Asserts that `shown` is `sent` except for what had to be hidden: all values of sensitive names, and
/// secrets inside strings.
fn assert_same(sent: &Value, shown: &Value) {
    match (sent, shown) {
        (Value::Array(sent), Value::Array(shown)) => {
            assert_eq!(sent.len(), shown.len());
            sent.iter()
                .zip(shown)
                .for_each(|(sent, shown)| assert_same(sent, shown));
        }
        (Value::Object(sent), Value::Object(shown)) => {
            // Redaction may make two keys equal.
            assert!(shown.len() <= sent.len());
            for (key, sent) in sent {
                match shown.get(key) {
                    Some(shown) if shown == REDACTED && sent != REDACTED => {
                        assert!(may_be_sensitive(key) || may_hold_a_secret(&sent.to_string()));
                    }
                    Some(shown) => {
                        assert!(
                            !is_sensitive(key) || is_nothing(sent) || sent == REDACTED,
                            "{key:?}"
                        );
                        assert_same(sent, shown);
                    }
                    None => assert!(may_hold_a_secret(key), "{key:?} is missing"),
                }
            }
        }
        (Value::String(sent), Value::String(shown)) if sent != shown => {
            assert!(may_hold_a_secret(sent), "{sent:?} became {shown:?}");
            assert_only_removed(sent, shown);
        }
        (sent, shown) => assert_eq!(sent, shown),
    }
}

/// Asserts that `shown` consists of `[REDACTED]` and of characters of `sent`, in their order.
fn assert_only_removed(sent: &str, shown: &str) {
    // Percent-encoded text may have been decoded.
    if sent.contains('%') {
        return;
    }
    let rest = shown.replace(REDACTED, "");
    let mut sent_chars = sent.chars();
    for c in rest.chars().filter(|c| !c.is_whitespace()) {
        assert!(
            sent_chars.any(|sent| sent == c),
            "{sent:?} became {shown:?}"
        );
    }
}

/// Checks text of several types: the content is one clean line, and stable if one line is a document of its type.
pub fn text(data: &[u8]) {
    let (limit, body) = cut(data);
    for content_type in ["text/plain", "application/xml"] {
        let shown = typed(content_type, body, limit);
        if body.len() <= limit && !shown.truncated {
            assert_stable(content_type, &shown, LIMIT * 4);
        }
    }
    typed("text/event-stream", body, limit);
    typed("", body, limit);
    typed("application/x-ndjson", body, limit);
    typed("text/plain; charset=gbk", body, limit);
    typed("application/json; charset=utf-16", body, limit);
}

/// Checks forms.
pub fn form(data: &[u8]) {
    let (limit, body) = cut(data);
    typed("application/x-www-form-urlencoded", body, limit);
}

/// Checks multipart bodies: the outline is JSON, without the content of files.
pub fn multipart(data: &[u8]) {
    let (limit, body) = cut(data);
    // Under another type, a body that begins with a part is multipart.
    let labelled = [
        b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\nb",
        body,
    ]
    .concat();
    for (content_type, body) in [
        ("multipart/form-data; boundary=B", body),
        ("multipart/mixed; boundary=B", body),
        ("text/plain", &labelled[..]),
        ("", &labelled[..]),
    ] {
        let shown = typed(content_type, body, limit);
        // A shorter prefix of the other types is not known to be multipart.
        let is_known = content_type.starts_with("multipart") || limit > 64;
        if is_known
            && let Some(content) = shown.content
            && content.len() + 4 < limit
        {
            let parts: Vec<Value> = serde_json::from_str(&content).unwrap();
            for part in parts {
                let is_file = part.get("filename").is_some();
                assert!(!is_file || part.get("text").is_none(), "{part}");
            }
        }
    }
}

/// Checks encoded bodies. The first byte selects the coding.
pub fn coded(data: &[u8]) {
    const CODINGS: [&str; 6] = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip"];
    let Some((&first, body)) = data.split_first() else {
        return;
    };
    let coding = CODINGS[usize::from(first) % CODINGS.len()];
    for limit in [64, LIMIT] {
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CONTENT_ENCODING, coding),
        ];
        preview(&headers, body, limit);
    }
}

/// The types of bodies with a planted secret. Those after the first two are shown even if they are not well-formed.
const PLANTED_TYPES: [&str; 8] = [
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "application/xml",
    "application/yaml",
    "text/event-stream",
    "application/x-www-form-urlencoded",
    "",
];

/// Texts that show by a name or by their shape that they hold a secret, and the types in which they do.
const PLANTED: [(&str, &[&str]); 16] = [
    (r#""password":"{S}""#, &PLANTED_TYPES),
    (r#""password": {"x":"{S}"}"#, &PLANTED_TYPES),
    (r#""Bearer {S}""#, &PLANTED_TYPES),
    (r#""secret" : [ "{S}" ]"#, &PLANTED_TYPES),
    // By the rules of the user.
    (r#""Kunden-IBAN":"{S}""#, &PLANTED_TYPES),
    (r#""baseSalaries" : "{S}""#, &PLANTED_TYPES),
    (r#""ключДоступа":"{S}""#, &PLANTED_TYPES),
    // Tokens and keys.
    (r#""ghp_{S}""#, &PLANTED_TYPES),
    (
        "\n-----BEGIN PRIVATE KEY-----\n{S}\n-----END PRIVATE KEY-----",
        &PLANTED_TYPES,
    ),
    // Pairs.
    (
        r#"[{"name":"pin","value":["{S}"]}]"#,
        PLANTED_TYPES.split_at(2).0,
    ),
    (
        r#"[{"value":"{S}","key":"user.pin"}]"#,
        PLANTED_TYPES.split_at(2).0,
    ),
    (
        r#"{"path":"/a/pwd","val":{"a":"{S}"}}"#,
        PLANTED_TYPES.split_at(2).0,
    ),
    // Layers.
    (r#""\"user.pin\":\"{S}\"""#, PLANTED_TYPES.split_at(6).0),
    (
        "&quot;pin&quot;:&quot;{S}&quot;",
        PLANTED_TYPES.split_at(6).0,
    ),
    (r#""https:\/\/ann:{S}@h\/""#, PLANTED_TYPES.split_at(6).0),
    ("?a=%7B%22pin%22%3A%22{S}%22%7D&b", &PLANTED_TYPES),
];

/// Checks that a secret between two arbitrary texts is hidden, wherever it is truncated.
pub fn planted(data: &[u8]) {
    // Without `%` and hexadecimal digits in a row.
    const SECRET: &str = "hunterqXyZZy";
    let [first, second, rest @ ..] = data else {
        return;
    };
    let (template, types) = PLANTED[usize::from(first & 15)];
    let content_type = types[usize::from(first >> 4) % types.len()];
    let rest = String::from_utf8_lossy(rest);
    let at = usize::from(*second) * rest.len() / 256;
    let at = (0..=at).rev().find(|&at| rest.is_char_boundary(at));
    let (before, after) = rest.split_at(at.unwrap_or(0));
    let planted = template.replace("{S}", SECRET);
    let start = before.len() + template.find("{S}").unwrap_or(0);
    let end = before.len() + planted.len();
    let body = [before, &planted, after].concat();
    let log = BodyLog::new()
        .redact("iban")
        .redact("ключ доступа")
        .redact_containing("salar");
    for limit in (start + 4..=end).chain([LIMIT]) {
        let headers = [(header::CONTENT_TYPE, content_type)];
        let shown = preview_by(&log, &headers, body.as_bytes(), limit);
        let shown = shown.content.unwrap_or_default();
        for part in SECRET.as_bytes().windows(4) {
            let part = std::str::from_utf8(part).unwrap();
            // The surrounding text may contain it as well.
            assert!(
                rest.contains(part) || !shown.contains(part),
                "{content_type}, {limit}: {shown} of {body}"
            );
        }
    }
}
