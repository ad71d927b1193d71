//! The settings of the demo.

use std::{net::TcpListener, process::Command};

use serde_json::{Value, json};

use super::*;

#[test]
fn invalid_value_is_an_error_with_exit_code_2() {
    for (name, value) in [
        ("ADDR", "nonsense"),
        ("ADDR", "127.0.0.1:99999"),
        ("WORKERS", "0"),
        ("WORKERS", "100000"),
        ("REQUEST_LIMIT", "-1"),
        ("RESPONSE_LIMIT", "4k"),
        ("CODE_LIMIT", ""),
        ("RECORD_LIMIT", "1023"),
        ("MEMORY_BUDGET", "1e6"),
        ("SUCCESS_LEVEL", "loud"),
        ("REQUEST_BODY", "sometimes"),
        ("RESPONSE_BODY", "sometimes"),
    ] {
        let output = Command::new(demo())
            .env("ADDR", "127.0.0.1:0")
            .env(name, value)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {stderr}");
        assert!(stderr.contains(name) && stderr.contains(value), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn address_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = Command::new(demo()).env("ADDR", &addr).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&addr));
}

#[test]
fn limits_truncate_content_and_code() {
    let mut site = Site::start(&[
        ("REQUEST_LIMIT", "5"),
        ("RESPONSE_LIMIT", "7"),
        ("CODE_LIMIT", "12"),
        ("RESPONSE_BODY", "always"),
        ("SUCCESS_LEVEL", "info"),
    ]);
    site.post("/echo", "text/plain", "0123456789");
    site.get("/code/5000");
    let records = site.records();
    assert_fields(
        &records[0],
        json!({
            "level": "INFO",
            "http.request.body.content": "01234", "exchange.request.truncated": true,
            "http.response.body.content": "0123456", "exchange.response.truncated": true,
        }),
    );
    // `{"code":5000` has 12 bytes, so the number may continue after the limit.
    assert_fields(
        &records[1],
        json!({
            "exchange.code": null, "exchange.code_state": "cut",
        }),
    );
}

#[test]
fn lines_are_not_longer_than_the_record_limit() {
    for limit in [1024, 2000, 15360] {
        let text = limit.to_string();
        let big = (1 << 20).to_string();
        let mut site = Site::start(&[
            ("RECORD_LIMIT", &text),
            ("REQUEST_LIMIT", &big),
            ("RESPONSE_LIMIT", &big),
        ]);
        let hostile = "\"\\".repeat(50_000);
        site.post("/echo", "text/plain", &hostile);
        site.post(
            "/echo",
            "application/json",
            json!({ "a": hostile }).to_string(),
        );
        site.get(&format!("/{}?{}", "p".repeat(5000), "q".repeat(5000)));
        let lines = site.service.stop("TERM");
        assert_eq!(lines.len(), 3);
        for line in lines {
            parse(&line);
            assert!(
                (limit / 2..limit).contains(&line.len()),
                "{} bytes of {limit}",
                line.len()
            );
        }
    }
}

#[test]
fn service_works_with_a_budget_of_zero_and_keeps_no_content() {
    let mut site = Site::start(&[("MEMORY_BUDGET", "0")]);
    assert_eq!(
        site.post("/echo", "text/plain", "hello"),
        (200, "hello".to_owned())
    );
    let stats: Value = serde_json::from_str(&site.get("/stats").1).unwrap();
    assert_fields(&stats, json!({"budget_limit": 0, "budget_peak": 0}));
    let records = site.records();
    assert_fields(
        &records[0],
        json!({
            "exchange.request.omitted": "budget", "exchange.response.omitted": "budget",
            "http.request.body.size": 5, "http.response.body.size": 5,
        }),
    );
}

#[test]
fn response_body_never_omits_all_response_bodies() {
    let mut site = Site::start(&[("RESPONSE_BODY", "never")]);
    site.get("/code/500");
    assert_fields(
        &site.records()[0],
        json!({
            "http.response.body.content": null, "exchange.response.omitted": "disabled",
            "exchange.code": 500, "level": "ERROR",
        }),
    );
}
