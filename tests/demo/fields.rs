//! The fields of the demo's records, one by one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Text,
    Number,
    True,
    Texts,
    TextOrNumber,
}

use Type::{Number, Text, TextOrNumber, Texts, True};

/// All fields of a record, and whether the requests of this test have them.
const FIELDS: [(&str, Type, bool); 47] = [
    ("timestamp", Text, true),
    ("level", Text, true),
    ("message", Text, true),
    ("http.request.method", Text, true),
    ("http.request.method_original", Text, true),
    ("url.path", Text, true),
    ("url.query", Text, true),
    ("url.scheme", Text, true),
    ("http.route", Text, true),
    ("network.protocol.version", Text, true),
    ("server.address", Text, true),
    ("server.port", Number, true),
    ("client.address", Text, true),
    // Only behind a trusted proxy.
    ("network.peer.address", Text, false),
    ("user_agent.original", Text, true),
    ("http.request.header.content-encoding", Texts, true),
    ("http.request.header.content-type", Texts, true),
    ("http.request.header.origin", Texts, true),
    ("http.request.header.referer", Texts, true),
    ("http.request.header.x-request-id", Texts, true),
    ("http.response.header.content-encoding", Texts, true),
    ("http.response.header.content-type", Texts, true),
    ("http.request.body.size", Number, true),
    ("http.response.body.size", Number, true),
    ("http.request.body.content", Text, true),
    ("http.response.body.content", Text, true),
    ("exchange.request.truncated", True, true),
    ("exchange.response.truncated", True, true),
    ("exchange.request.malformed", True, true),
    ("exchange.response.malformed", True, true),
    ("exchange.request.omitted", Text, true),
    ("exchange.response.omitted", Text, true),
    ("exchange.request.unread", True, true),
    ("http.response.status_code", Number, true),
    ("exchange.code", TextOrNumber, true),
    ("exchange.code_state", Text, true),
    ("exchange.duration", Number, true),
    ("exchange.time_to_head", Number, true),
    ("exchange.level_reason", Text, true),
    ("exchange.outcome", Text, true),
    ("trace_id", Text, true),
    ("trace_flags", Text, true),
    ("parent_span_id", Text, true),
    ("error.type", Text, true),
    ("exception.message", Text, true),
    ("user.id", Text, true),
    ("user.name", Text, true),
];

#[test]
fn records_have_all_fields_with_their_types_and_no_others() {
    let mut site = Site::start(&[("RESPONSE_BODY", "always")]);
    let long = "x".repeat(5000);
    site.post("/echo?page=1&token=t0ps3cret", "text/plain", long.as_str());
    site.post("/echo", "application/json", r#"{"code":"E7"}}"#);
    site.post("/echo", "image/png", "\u{89}PNG");
    site.post(
        "/login",
        "application/json",
        r#"{"username":"ann","password":"hunter2"}"#,
    );
    for path in ["/error", "/reject", "/code/500", "/nowhere"] {
        site.get(path);
    }
    for head in [
        "PURGE /echo HTTP/1.1\r\norigin: https://a.example\r\nreferer: https://a.example/?token=t0ps3cret\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx-request-id: r-1\r\n",
        "POST /code/7 HTTP/1.1\r\ncontent-length: 4\r\n",
        "POST /echo HTTP/1.1\r\ncontent-type: application/json\r\ncontent-encoding: compress\r\n\
         content-length: 4\r\n",
    ] {
        site.raw(&format!(
            "{head}host: {}\r\nconnection: close\r\n\r\ntext",
            site.service.addr
        ));
    }
    let mut seen = BTreeSet::new();
    for record in site.records() {
        for (name, value) in record.as_object().unwrap() {
            if name == "user.roles" {
                assert_eq!(*value, serde_json::json!(["customer"]));
                continue;
            }
            let known = FIELDS.iter().find(|(known, ..)| known == name);
            let (_, kind, _) = known.unwrap_or_else(|| panic!("{name} in {record:#}"));
            let fits = match kind {
                Text => value.is_string(),
                Number => value.is_number(),
                True => *value == true,
                Texts => value
                    .as_array()
                    .is_some_and(|all| all.iter().all(Value::is_string)),
                TextOrNumber => value.is_string() || value.is_number(),
            };
            assert!(fits, "{name} is {value}");
            seen.insert(name.clone());
        }
    }
    for (name, _, occurs) in FIELDS {
        assert_eq!(seen.contains(name), occurs, "{name}");
    }
}
