//! What has to hold for any bytes. The fuzz targets call these, and `tests/fuzz.rs` replays the
//! corpus through them.

use actix_bodylog::{BodyLog, CodeState, Omitted, Preview};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::Value;

const LIMIT: usize = 4096;

fn preview(headers: &[(header::HeaderName, &'static str)], body: &[u8], limit: usize) -> Preview {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name.clone(), HeaderValue::from_static(value));
    }
    let log = BodyLog::new().response_limit(limit).code_limit(limit);
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

/// The content of a body stays the same if it comes in again.
fn assert_settled(content_type: &'static str, shown: &Preview, limit: usize) {
    if let Some(content) = &shown.content {
        let again = typed(content_type, content.as_bytes(), limit).content;
        assert_eq!(again.unwrap_or_default(), *content);
    }
}

/// The first byte says where the rest is cut.
fn cut(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        None => (LIMIT, data),
        Some((&first, rest)) if first >= 0x80 => (usize::from(first & 0x7f), rest),
        Some((_, rest)) => (LIMIT, rest),
    }
}

/// JSON: judged as serde_json judges it; well-formed if it was; and what is hidden is all that
/// changed.
pub fn json(data: &[u8]) {
    const JSON: &str = "application/json";
    let (limit, body) = cut(data);
    if limit == 0 || body.is_empty() {
        return;
    }
    let shown = typed(JSON, body, limit);
    if shown.omitted == Some(Omitted::Charset) {
        assert!(std::str::from_utf8(body).is_err());
        return;
    }
    if !shown.malformed
        && shown
            .content
            .as_ref()
            .is_some_and(|content| content.len() < limit)
    {
        assert_settled(JSON, &shown, limit);
    }
    if body.len() > limit {
        return;
    }
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        assert_eq!(shown.code_state, Some(CodeState::Malformed));
        assert_eq!(shown.code, None);
        return;
    }
    // A `Value` cannot hold lone surrogates, numbers that no f64 can, or more than 128 levels.
    let Ok(parsed) = serde_json::from_slice::<Value>(body) else {
        assert!(!shown.malformed);
        return;
    };
    let found = parsed.get("code");
    match found {
        Some(Value::String(_)) => assert!(shown.code.is_some()),
        // One of more than 128 digits is called cut.
        Some(Value::Number(_)) => {
            assert!(shown.code.is_some() || shown.code_state == Some(CodeState::Cut));
        }
        _ => assert_eq!(shown.code_state, Some(CodeState::Absent)),
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
    let content = shown.content.unwrap();
    assert_same(&parsed, &serde_json::from_str(&content).unwrap());
}

/// Says that `shown` is `sent` with some strings in the place of other values, or in other words.
fn assert_same(sent: &Value, shown: &Value) {
    match (sent, shown) {
        // A whole value, or a secret inside of it.
        (_, Value::String(shown)) if shown.contains("[REDACTED]") => {}
        // User information is taken out of URLs.
        (Value::String(sent), Value::String(_))
            if sent.contains("//") || sent.contains(":\\\\") => {}
        (Value::Array(sent), Value::Array(shown)) => {
            assert_eq!(sent.len(), shown.len());
            sent.iter()
                .zip(shown)
                .for_each(|(sent, shown)| assert_same(sent, shown));
        }
        (Value::Object(sent), Value::Object(shown)) => {
            // A key may have had a secret in it.
            assert!(shown.len() <= sent.len());
            for (key, shown) in shown {
                if let Some(sent) = sent.get(key) {
                    assert_same(sent, shown);
                }
            }
        }
        (sent, shown) => assert_eq!(sent, shown),
    }
}

/// Text of every kind: on one clean line, and stable.
pub fn text(data: &[u8]) {
    let (limit, body) = cut(data);
    for content_type in ["text/plain", "application/xml", "text/event-stream"] {
        let shown = typed(content_type, body, limit);
        if body.len() <= limit && !shown.truncated {
            assert_settled(content_type, &shown, LIMIT * 4);
        }
    }
    typed("", body, limit);
    typed("application/x-ndjson", body, limit);
    typed("text/plain; charset=gbk", body, limit);
    typed("application/json; charset=utf-16", body, limit);
}

/// Forms.
pub fn form(data: &[u8]) {
    let (limit, body) = cut(data);
    typed("application/x-www-form-urlencoded", body, limit);
}

/// Multipart bodies: the outline is JSON, and no more than that.
pub fn multipart(data: &[u8]) {
    let (limit, body) = cut(data);
    let shown = typed("multipart/form-data; boundary=B", body, limit);
    if let Some(content) = shown.content
        && content.len() + 4 < limit
    {
        let parts: Vec<Value> = serde_json::from_str(&content).unwrap();
        for part in parts {
            let is_file = part.get("filename").is_some();
            assert!(!is_file || part.get("text").is_none(), "{part}");
        }
    }
}

/// Encoded bodies: the first byte picks the coding.
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

/// A secret between two pieces of anything.
pub fn planted(data: &[u8]) {
    // Nothing in it that percent-encoding writes.
    const SECRET: &str = "hunterqXyZZy";
    const TYPES: [&str; 8] = [
        "application/json",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/xml",
        "application/yaml",
        "text/event-stream",
        "",
    ];
    const SHAPES: [&str; 4] = [
        "\"password\":\"{S}\"",
        "\"password\": {\"x\":\"{S}\"}",
        "\"Bearer {S}\"",
        "\"secret\" : [ \"{S}\" ]",
    ];
    let [first, second, rest @ ..] = data else {
        return;
    };
    let rest = String::from_utf8_lossy(rest);
    let at = usize::from(*second) * rest.len() / 256;
    let at = (0..=at)
        .rev()
        .find(|&at| rest.is_char_boundary(at))
        .unwrap_or(0);
    let shape = SHAPES[usize::from(first & 3)].replace("{S}", SECRET);
    let body = format!("{}{shape}{}", &rest[..at], &rest[at..]);
    let content_type = TYPES[usize::from(first >> 2) % TYPES.len()];
    for limit in [LIMIT, at + shape.len() - 3, at + shape.len() - 7] {
        let shown = typed(content_type, body.as_bytes(), limit);
        let shown = shown.content.unwrap_or_default();
        for part in SECRET.as_bytes().windows(4) {
            let part = std::str::from_utf8(part).unwrap();
            // It may have been in what came from outside.
            assert!(
                rest.contains(part) || !shown.contains(part),
                "{content_type}: {shown} of {body}"
            );
        }
    }
}
