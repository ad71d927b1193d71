//! The response and the record of each route.

use std::io::Read as _;

use serde_json::{Value, json};
use tungstenite::Message;

use super::*;

#[test]
fn every_route_responds_and_is_recorded_once() {
    let mut site = Site::start(&[]);
    let body = |bytes: usize| format!(r#"{{"code":0,"msg":"ok","data":{{"bytes":{bytes}}}}}"#);

    let (status, answer) = site.post("/upload", "application/octet-stream", vec![0; 300_000]);
    assert_eq!((status, answer), (200, body(300_000)));
    let form = "--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nSECRET\r\n--b--\r\n";
    let (status, answer) = site.post("/upload", "multipart/form-data; boundary=b", form);
    assert_eq!((status, answer), (200, body(form.len())));
    let echoed = site.post("/echo?status=418", "text/plain", "hello");
    assert_eq!(echoed, (418, "hello".to_owned()));
    let (status, answer) = site.get("/download?bytes=200001&chunk=1000");
    assert_eq!((status, answer.len()), (200, 200_001));
    let (status, answer) = site.get("/code/503");
    assert_eq!(
        (status, answer),
        (200, r#"{"code":503,"msg":"this is code 503"}"#.to_owned())
    );
    let (status, answer) = site.get("/events?n=3&ms=1");
    assert_eq!(
        (status, answer),
        (200, "data: 0\n\ndata: 1\n\ndata: 2\n\n".to_owned())
    );
    assert_eq!(site.get("/error"), (500, "the disk is on fire".to_owned()));
    assert_eq!(site.get("/reject"), (403, "not on the list".to_owned()));
    let (status, answer) = site.get("/health?fail=1");
    assert_eq!((status, answer.is_empty()), (503, false));
    assert_eq!(site.get("/nowhere").0, 404);
    let (status, stats) = site.get("/stats");
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(status, 200);
    // All exchanges except this one are complete.
    assert_fields(
        &stats,
        json!({"in_flight": 1, "records": 10, "sink_panics": 0, "sink_losses": 0}),
    );
    let used = stats["budget_used"].as_u64();
    assert!(used.is_some_and(|used| used < 200), "{stats}");

    let (status, answer) = site.get("/reset/hunter2");
    assert_eq!((status, answer.as_str()), (200, r#"{"code":0}"#));
    let (status, answer) = site.get("/health");
    assert_eq!((status, answer.as_str()), (200, "healthy"));
    site.asked -= 1;

    let records = site.records();
    let ok = json!({"level": "DEBUG", "http.response.status_code": 200, "exchange.outcome": "completed"});
    assert_fields(
        &records[11],
        json!({
            "message": "GET /reset/[REDACTED]", "url.path": "/reset/[REDACTED]",
            "http.route": "/reset/{token}", "exchange.code": 0,
        }),
    );
    for at in [0, 1, 3, 5, 10, 11] {
        assert_fields(&records[at], ok.clone());
    }
    assert_fields(
        &records[0],
        json!({
            "message": "POST /upload", "http.route": "/upload", "client.address": "127.0.0.1",
            "http.request.body.size": 300_000, "exchange.request.omitted": "binary",
            "exchange.code": 0, "http.response.body.content": body(300_000),
        }),
    );
    assert_fields(
        &records[1],
        json!({
            "http.request.body.content": r#"[{"name":"f","filename":"x","size":6}]"#,
            "exchange.request.omitted": null, "exchange.request.truncated": null,
        }),
    );
    assert_fields(
        &records[2],
        json!({
            "level": "WARN", "http.response.status_code": 418, "url.query": "status=418",
            "http.request.body.content": "hello", "http.response.body.content": "hello",
            "exchange.request.truncated": null, "http.response.header.content-type": ["text/plain"],
        }),
    );
    assert_fields(
        &records[3],
        json!({
            "http.route": "/download", "http.response.body.size": 200_001,
            "exchange.response.omitted": "binary", "http.request.body.size": 0,
        }),
    );
    assert_fields(
        &records[4],
        json!({
            "level": "ERROR", "http.response.status_code": 200, "exchange.code": 503,
            "http.route": "/code/{n}", "http.response.body.content": r#"{"code":503,"msg":"this is code 503"}"#,
        }),
    );
    assert_fields(&records[5], json!({"http.response.body.size": 27}));
    assert_fields(
        &records[6],
        json!({
            "level": "ERROR", "http.response.status_code": 500, "exception.message": "the disk is on fire",
            "http.response.body.content": "the disk is on fire", "exchange.outcome": "completed",
        }),
    );
    assert_fields(
        &records[7],
        json!({
            "level": "WARN", "http.response.status_code": 403, "exception.message": "not on the list",
            "http.response.body.content": "not on the list", "exchange.outcome": "completed",
        }),
    );
    assert_fields(
        &records[8],
        json!({"level": "ERROR", "url.path": "/health"}),
    );
    assert_fields(
        &records[9],
        json!({
            "level": "WARN", "http.response.status_code": 404, "http.route": null,
        }),
    );
    assert_fields(
        &records[10],
        json!({
            "exchange.code_state": null, "exchange.response.omitted": "policy",
        }),
    );
}

#[test]
fn login_records_the_user_and_no_secret() {
    let mut site = Site::start(&[("RESPONSE_BODY", "always")]);
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let secret = "hunter2";
    for (content_type, body, expected) in [
        (json, r#"{"username":"anna","password":"hunter2"}"#, 200),
        (form, "username=anna&password=hunter2", 200),
        (json, r#"{"username":"","password":"hunter2"}"#, 401),
        (
            json,
            r#"{"username":["hunter2"],"password":"hunter2"}"#,
            400,
        ),
        (json, r#"{"password":"hunter2"#, 400),
    ] {
        let (status, answer) = site.post("/login", content_type, body);
        assert_eq!(
            (status, answer.contains("token")),
            (expected, expected == 200),
            "{body}"
        );
    }
    let records = site.records();
    for record in &records[..2] {
        assert_fields(
            record,
            json!({
                "user.name": "anna", "user.roles": ["customer"], "exchange.code": 0,
                "http.response.body.content": r#"{"code":0,"msg":"ok","data":{"token":"[REDACTED]"}}"#,
            }),
        );
    }
    assert_fields(&records[2], json!({"level": "WARN", "exchange.code": 401}));
    for (nth, record) in records.iter().enumerate() {
        let line = record.to_string();
        // In the fourth, the secret is sent as a user name, which no rule hides.
        assert!(nth == 3 || !line.contains(secret), "{line}");
        assert!(!line.contains("must-not-be-logged"), "{line}");
    }
}

#[test]
fn web_socket_is_one_record_without_content() {
    let mut site = Site::start(&[]);
    let (mut socket, res) = tungstenite::connect(format!("ws://{}/ws", site.service.addr)).unwrap();
    site.asked += 1;
    assert_eq!(res.status(), 101);
    for message in [Message::text("secret"), Message::binary(vec![7; 5000])] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    socket.send(Message::Ping("p".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("p".into()));
    socket.close(None).unwrap();
    while socket.read().is_ok() {}

    let records = site.records();
    assert_fields(
        &records[0],
        json!({
            "message": "GET /ws", "http.response.status_code": 101,
            "exchange.request.omitted": "upgrade", "exchange.response.omitted": "upgrade",
            "http.request.body.content": null, "http.response.body.content": null,
            "exchange.request.unread": null,
        }),
    );
    assert!(records[0]["http.response.body.size"].as_u64().unwrap() > 5000);
    assert!(records[0]["http.request.body.size"].as_u64().unwrap() > 5000);
}

#[test]
fn clients_cannot_forge_a_line() {
    let mut site = Site::start(&[("RESPONSE_BODY", "always")]);
    let forged = "a\u{85}\u{2028}\u{202e}b\r\n{\"level\":\"ERROR\"}\u{1b}[31m";
    for content_type in [
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded",
    ] {
        let quoted = json!({"a": forged, forged: 1}).to_string();
        for body in [forged, &quoted] {
            site.post("/echo?%0d%0a%1b=%e2%80%a8", content_type, body);
        }
    }
    site.asked += 1;
    let mut stream = site.service.connect();
    let head = "GET /\u{202e}x HTTP/1.1\r\nhost: a\r\nuser-agent: a\t\u{85}\u{2029}\r\nreferer: \u{2066}\r\n\
                connection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    if answer.starts_with(b"HTTP/1.1 400") {
        // The server itself rejected the head, so the middleware was not called.
        site.asked -= 1;
    }
    // `parse` checks for forbidden characters.
    site.records();
}
