//! Redaction rules, and the content of bodies that are not plain text.

use actix_bodylog::{BodyLog, BodyPolicy, RecordExt as _, Redaction, User};
use actix_web::{
    App, HttpRequest, HttpResponse, error,
    http::header::{self, HeaderMap, HeaderName},
    middleware::Compress,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

mod support;
use support::{Recorder, assert_fields, is_forbidden};

const JSON: &str = "application/json";

/// Answers with the body, the type and the coding of the request.
async fn echo(req: HttpRequest, mut body: web::Payload) -> HttpResponse {
    use futures_util::StreamExt as _;
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    let mut res = HttpResponse::Ok();
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
        if let Some(value) = req.headers().get(&name) {
            res.insert_header((name, value));
        }
    }
    res.insert_header(("x-tenant", "acme"));
    res.insert_header(("x-session-token", "hunter2"));
    res.body(bytes.freeze())
}

/// Sends one request through a logger with these changes and returns the only record.
async fn record_of(change: impl FnOnce(BodyLog) -> BodyLog, req: TestRequest) -> Value {
    let (recorder, log) = Recorder::with_log();
    let app = App::new().default_service(web::to(echo)).wrap(change(log));
    let app = init_service(app).await;
    read_body(call_service(&app, req.to_request()).await).await;
    recorder.only()
}

fn post(content_type: &str, body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post()
        .insert_header((header::CONTENT_TYPE, content_type))
        .set_payload(body)
}

#[actix_web::test]
async fn sensitive_names_can_be_added_and_removed() {
    let body = r#"{"code":1,"iban":"a","salary_2":"b","token":"c","token_type":"d","pin":"e"}"#;
    let hidden = |log: BodyLog| {
        log.redact("IBAN")
            .redact_containing("salary")
            .keep("token_type")
            .keep("pin")
    };
    let shown = r#"{"code":1,"iban":"[REDACTED]","salary_2":"[REDACTED]","token":"[REDACTED]","token_type":"d","pin":"e"}"#;
    let record = record_of(hidden, post(JSON, body).uri("/?iban=a&pin=e&token=c")).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content": shown,
            "http.response.body.content": shown,
            "url.query": "iban=[REDACTED]&pin=e&token=[REDACTED]",
            "exchange.code": 1,
        }),
    );

    let rules = Redaction::default()
        .redact("iban")
        .redact_containing("salary");
    let rules = rules.keep("token_type").keep("pin");
    let record = record_of(|log| log.redaction(rules), post(JSON, body)).await;
    assert_eq!(record["http.request.body.content"], shown);
}

/// The numbers of customers, which the application knows by their form.
fn is_customer(value: &str) -> bool {
    value.len() == 8 && value.starts_with("77")
}

#[actix_web::test]
async fn values_for_which_a_condition_holds_are_hidden_everywhere() {
    async fn handler(req: HttpRequest, body: web::Bytes) -> Result<HttpResponse, actix_web::Error> {
        req.record_field("customer", 77_000_001);
        req.record_field("note", "of 77000002");
        req.record_field("object", json!({"a": ["77000003", 77_000_004]}));
        req.record_user(User::new("77000005").role("77000006"));
        let res = HttpResponse::BadRequest()
            .insert_header((header::LOCATION, "/customers/77000007"))
            .content_type(JSON)
            .body(body);
        Err(error::InternalError::from_response("no 77000009", res).into())
    }
    for (content_type, body) in [
        (
            JSON,
            r#"{"code":77000010,"a":["77000011",{"77000012":77000013}],"b":"of 77000014"}"#,
        ),
        (JSON, r#"{"code":"77000010","c":"{\"d\":77000011}"}"#),
        (
            "application/x-www-form-urlencoded",
            "a=77000010&b=%37%37000011&c=of+77000012",
        ),
        ("application/xml", "<a b='77000010'>77000011</a>"),
        ("application/yaml", "a: 77000010\nb:\n- 77000011\n"),
        ("text/plain", "of 77000010, (77000011) and 77000012."),
        ("text/csv", "a,b\n77000010,77000011\n"),
        (
            "text/event-stream",
            "data: {\"a\":77000010}\n\ndata: 77000011\n\n",
        ),
        (
            "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n77000010\r\n--B--",
        ),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.redact_values(is_customer).redact_values(|_| false);
        let app = App::new().default_service(web::to(handler)).wrap(log);
        let app = init_service(app).await;
        let req = post(content_type, body)
            .uri("/customers/77000015/%37%37000016?a=77000017&b=of+77000018")
            .insert_header((header::USER_AGENT, "x (77000019)"))
            .insert_header((header::REFERER, "https://h/77000020"))
            .insert_header((header::ACCEPT, "77000022"));
        read_body(call_service(&app, req.to_request()).await).await;
        let record = recorder.only().to_string();
        assert!(!record.contains("7700"), "{content_type}: {record}");
        assert!(
            record.contains("/customers/[REDACTED]/[REDACTED]?a=[REDACTED]"),
            "{record}"
        );
    }
}

#[test]
fn truncated_value_is_hidden_if_there_is_a_condition_on_values() {
    let headers =
        |kind: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
    for (content_type, body) in [
        (
            JSON,
            r#"{"n":1,"a":77000001,"b":"77000002","c":[77000003]}"#,
        ),
        (
            "application/x-www-form-urlencoded",
            "n=1&a=77000001&b=77000002",
        ),
        ("application/xml", "<a n='1' b='77000001'>77000002</a>"),
        ("text/plain", "n: 1\na: 77000001\nof 77000002"),
    ] {
        for limit in 1..body.len() {
            let log = BodyLog::new()
                .response_limit(limit)
                .redact_values(is_customer);
            let content = log.preview(&headers(content_type), body.as_bytes()).content;
            assert!(
                !content.unwrap_or_default().contains("77"),
                "{limit} {body}"
            );
        }
    }
}

#[actix_web::test]
async fn redacted_code_field_is_hidden_and_sets_the_level() {
    for body in [r#"{"code":500}"#, r#"{"code":"500"}"#] {
        let record = record_of(|log| log.redact("code"), post(JSON, body)).await;
        assert_fields(
            &record,
            json!({
                "level": "ERROR",
                "exchange.code": "[REDACTED]",
                "http.response.body.content": r#"{"code":"[REDACTED]"}"#,
            }),
        );
    }
    // A fragment of the key, and the key of the object around it.
    let rules: [fn(BodyLog) -> BodyLog; 3] = [
        |log| log.redact_containing("stat"),
        |log| log.redact("error"),
        |log| log.redact_containing("rror"),
    ];
    for hide in rules {
        let log = |log: BodyLog| hide(log.code_field("/error/state"));
        let record = record_of(log, post(JSON, r#"{"error":{"state":500}}"#)).await;
        assert_fields(
            &record,
            json!({"level": "ERROR", "exchange.code": "[REDACTED]"}),
        );
        let content = &record["http.response.body.content"];
        assert!(!content.to_string().contains("500"), "{content}");
    }
    // The order of the calls does not matter.
    let log = |log: BodyLog| log.redact("state").code_field("state");
    let record = record_of(log, post(JSON, r#"{"state":500}"#)).await;
    assert_eq!(record["exchange.code"], "[REDACTED]");
}

#[actix_web::test]
async fn added_headers_are_recorded_and_credentials_only_with_keep() {
    let req = || {
        post("text/plain", "x")
            .insert_header((header::AUTHORIZATION, "Bearer hunter2"))
            .insert_header(("x-tenant", "acme"))
            .insert_header(("x-auth-token", "hunter2"))
    };
    let ask = |log: BodyLog| {
        log.request_header(header::AUTHORIZATION)
            .request_header(HeaderName::from_static("x-tenant"))
            .request_header(HeaderName::from_static("x-auth-token"))
            .response_header(HeaderName::from_static("x-tenant"))
            .response_header(HeaderName::from_static("x-session-token"))
    };
    let record = record_of(ask, req()).await;
    assert_fields(
        &record,
        json!({
            "http.request.header.authorization": null,
            "http.request.header.x-auth-token": null,
            "http.request.header.x-tenant": ["acme"],
            "http.request.header.content-type": ["text/plain"],
            "http.response.header.x-tenant": ["acme"],
            "http.response.header.x-session-token": ["[REDACTED]"],
        }),
    );
    let record = record_of(|log| ask(log).keep("Authorization"), req()).await;
    assert_fields(
        &record,
        json!({
            "http.request.header.authorization": ["Bearer hunter2"],
            "http.request.header.x-auth-token": null,
        }),
    );
    // Credentials are not recorded even if redaction is off.
    let record = record_of(|log| ask(log).redaction(Redaction::none()), req()).await;
    assert_eq!(record.get("http.request.header.authorization"), None);
}

#[actix_web::test]
async fn redaction_none_shows_everything_on_one_clean_line() {
    let none = |log: BodyLog| log.redaction(Redaction::none());
    for (content_type, body, shown) in [
        (
            JSON,
            r#"{"password": "hunter2"}"#,
            r#"{"password":"hunter2"}"#,
        ),
        (JSON, "{'password':\n'hunter2'}", "{'password': 'hunter2'}"),
        ("text/plain", "password=hunter2\r\nx", "password=hunter2  x"),
        ("text/plain", "{\"password\":", "{\"password\":"),
        (
            "application/x-www-form-urlencoded",
            "password=hunter2&a=Bearer+x",
            "password=hunter2&a=Bearer+x",
        ),
    ] {
        let record = record_of(none, post(content_type, body).uri("/?token=t")).await;
        assert_fields(
            &record,
            json!({"http.request.body.content": shown, "url.query": "token=t"}),
        );
    }
    let one = |log: BodyLog| log.redaction(Redaction::none().redact("pin"));
    let record = record_of(one, post(JSON, r#"{"password":"x","pin":1}"#)).await;
    assert_eq!(
        record["http.request.body.content"],
        r#"{"password":"x","pin":"[REDACTED]"}"#
    );
}

#[actix_web::test]
async fn redaction_of_a_nested_logger_applies_to_the_whole_record() {
    let (recorder, outer) = Recorder::with_log();
    let inner = BodyLog::new()
        .redact("iban")
        .keep("pin")
        .request_header(HeaderName::from_static("x-tenant"));
    let scope = web::scope("/in").default_service(web::to(echo)).wrap(inner);
    let app = App::new().service(scope).default_service(web::to(echo));
    let app = init_service(app.wrap(outer)).await;
    for uri in ["/in?iban=a&pin=b", "/out?iban=a&pin=b"] {
        let req = post(JSON, r#"{"iban":"a","pin":"b"}"#).uri(uri);
        let req = req.insert_header(("x-tenant", "acme"));
        read_body(call_service(&app, req.to_request()).await).await;
    }
    let records = recorder.records();
    assert_fields(
        &records[0],
        json!({
            "url.query": "iban=[REDACTED]&pin=b",
            "message": "POST /in?iban=[REDACTED]&pin=b",
            "http.request.body.content": r#"{"iban":"[REDACTED]","pin":"b"}"#,
            "http.request.header.x-tenant": ["acme"],
        }),
    );
    assert_fields(
        &records[1],
        json!({
            "url.query": "iban=a&pin=[REDACTED]",
            "http.request.body.content": r#"{"iban":"a","pin":"[REDACTED]"}"#,
            "http.request.header.x-tenant": null,
        }),
    );
}

#[actix_web::test]
async fn content_of_invalid_json_ends_at_the_fault_and_is_malformed() {
    let record = record_of(|log| log, post(JSON, r#"{"a":1}}{"pin":2}"#)).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content": r#"{"a":1}"#,
            "exchange.request.truncated": true,
            "exchange.request.malformed": true,
            "exchange.request.omitted": null,
            "exchange.response.malformed": true,
            "exchange.code_state": "malformed",
        }),
    );
    let record = record_of(|log| log, post(JSON, r#"{"a":1"#)).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content": r#"{"a":1"#,
            "exchange.request.truncated": true,
            "exchange.request.malformed": true,
            "exchange.response.malformed": true,
            "exchange.code_state": "malformed",
        }),
    );
}

#[actix_web::test]
async fn prefix_of_longer_json_is_truncated_and_not_malformed() {
    let limit = |log: BodyLog| log.request_limit(6).response_limit(6);
    let record = record_of(limit, post(JSON, r#"{"a":1,"code":2}"#)).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content": r#"{"a":1"#,
            "exchange.request.truncated": true,
            "exchange.request.malformed": null,
            "http.response.body.content": r#"{"a":1"#,
            "exchange.response.malformed": null,
            "exchange.code": 2,
        }),
    );
}

#[actix_web::test]
async fn several_json_texts_in_a_row_are_shown_and_the_last_code_counts() {
    let body = "{\"code\":1}\n{\"pin\":2,\"code\":3}\n[{\"code\":4}]\n";
    let record = record_of(|log| log, post(JSON, body)).await;
    let content = r#"{"code":1} {"pin":"[REDACTED]","code":3} [{"code":4}]"#;
    assert_fields(
        &record,
        json!({
            "level": "DEBUG",
            "http.request.body.content": content,
            "exchange.request.malformed": null,
            "http.response.body.content": content,
            "exchange.response.truncated": null,
            "exchange.code": 3,
            "exchange.code_state": null,
        }),
    );
}

#[actix_web::test]
async fn code_is_found_in_a_compressed_response_for_all_limits_and_policies() {
    let codings: &[&str] = &[
        #[cfg(feature = "compress-gzip")]
        "gzip",
        #[cfg(feature = "compress-gzip")]
        "deflate",
        #[cfg(feature = "compress-brotli")]
        "br",
        #[cfg(feature = "compress-zstd")]
        "zstd",
    ];
    for &coding in codings {
        for (limit, when) in [
            (4096, BodyPolicy::Always),
            (0, BodyPolicy::Always),
            (4096, BodyPolicy::Never),
        ] {
            let (recorder, log) = Recorder::with_log();
            let log = log.response_limit(limit).response_body(when);
            let text = "la ".repeat(500);
            let body = format!(r#"{{"code":500,"pin":1234,"text":"{text}"}}"#);
            let size = body.len();
            let answer = web::to(move || {
                let body = body.clone();
                async move { HttpResponse::Ok().content_type(JSON).body(body) }
            });
            let app = App::new().default_service(answer);
            let app = init_service(app.wrap(Compress::default()).wrap(log)).await;
            let req = TestRequest::get().insert_header((header::ACCEPT_ENCODING, coding));
            let res = call_service(&app, req.to_request()).await;
            let sent = res.headers().get(header::CONTENT_ENCODING).cloned();
            let Some(sent) = sent.filter(|sent| sent.as_bytes() == coding.as_bytes()) else {
                panic!("{coding} is not built into the actix-web of the tests");
            };
            let wire = read_body(res).await.len();
            assert!(wire < size, "{sent:?}");
            let record = recorder.only();
            assert_fields(
                &record,
                json!({"level": "ERROR", "exchange.code": 500, "http.response.body.size": wire}),
            );
            let shown = format!(r#"{{"code":500,"pin":"[REDACTED]","text":"{text}"}}"#);
            let (content, omitted) = match (limit, when) {
                (4096, BodyPolicy::Always) => (json!(shown), Value::Null),
                _ => (Value::Null, json!("disabled")),
            };
            assert_fields(
                &record,
                json!({"http.response.body.content": content, "exchange.response.omitted": omitted}),
            );
        }
    }
}

#[actix_web::test]
async fn invalid_or_unknown_content_coding_is_omitted_as_encoded() {
    for coding in ["gzip", "br", "zstd", "compress", "gzip, what"] {
        let req = post(JSON, "no such coding").insert_header((header::CONTENT_ENCODING, coding));
        let record = record_of(|log| log, req).await;
        assert_fields(
            &record,
            json!({
                "exchange.request.omitted": "encoded",
                "http.request.body.content": null,
                "exchange.code": null,
                "exchange.code_state": "unreadable",
            }),
        );
    }
}

#[cfg(feature = "charsets")]
#[actix_web::test]
async fn supported_charsets_are_decoded_and_invalid_bytes_are_omitted() {
    for (charset, body, shown, code) in [
        (
            "gbk",
            &b"{\"code\":7,\"a\":\"\xc4\xe3\"}"[..],
            Some(r#"{"code":7,"a":"你"}"#),
            Some(7),
        ),
        (
            "utf-16le",
            b"{\0\"\0c\0o\0d\0e\0\"\0:\x007\0}\0",
            Some(r#"{"code":7}"#),
            Some(7),
        ),
        (
            "iso-8859-1",
            b"{\"code\":7,\"a\":\"\xe9\"}",
            Some(r#"{"code":7,"a":"é"}"#),
            Some(7),
        ),
        ("gbk", b"{\"code\":7,\"a\":\"\xff\"}", None, None),
        ("x-none", b"{\"code\":7}", None, Some(7)),
    ] {
        let content_type = format!("application/json; charset={charset}");
        let record = record_of(|log| log, post(&content_type, body)).await;
        let omitted = shown.is_none().then_some("charset");
        assert_fields(
            &record,
            json!({
                "http.request.body.content": shown,
                "exchange.request.omitted": omitted,
                "http.response.body.content": shown,
                "exchange.code": code,
                "exchange.code_state": code.is_none().then_some("unreadable"),
            }),
        );
    }
}

#[actix_web::test]
async fn json_response_that_cannot_be_read_has_an_unreadable_code_whatever_is_kept() {
    let logs: [fn(BodyLog) -> BodyLog; 5] = [
        |log| log,
        |log| log.response_body(BodyPolicy::Always),
        |log| log.response_body(BodyPolicy::Never),
        |log| log.response_limit(0),
        |log| log.memory_budget(0).request_limit(0).response_limit(0),
    ];
    for change in logs {
        let body = r#"{"code":500,"a":"x"}"#;
        for (kind, coding, body, code) in [
            (
                "application/json; charset=x-none",
                "identity",
                body,
                Some(500),
            ),
            (
                "application/problem+json;charset=x-none",
                "identity",
                body,
                Some(500),
            ),
            (
                "application/json; charset=x-none",
                "identity",
                "nothing",
                None,
            ),
            ("application/json; charset=x-none", "compress", body, None),
            (JSON, "compress", body, None),
            (JSON, "gzip", body, None),
            (JSON, "gzip", "\u{1f}", None),
        ] {
            let req = post(kind, body).insert_header((header::CONTENT_ENCODING, coding));
            let record = record_of(change, req).await;
            let state = code.is_none().then_some("unreadable");
            assert_fields(
                &record,
                json!({
                    "level": if code.is_some() { "ERROR" } else { "DEBUG" },
                    "exchange.code": code,
                    "exchange.code_state": state,
                    "http.response.body.content": null,
                }),
            );
            let omitted = &record["exchange.response.omitted"];
            assert!(omitted.is_string(), "{kind} {coding}: {record}");
        }
    }
}

#[actix_web::test]
async fn multipart_body_is_shown_as_an_outline() {
    let body = "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
        --B\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n1234\r\n\
        --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\0\x01\x02\r\n--B--\r\n";
    let content_type = "multipart/form-data; boundary=B";
    let record = record_of(|log| log, post(content_type, body)).await;
    let outline: Value =
        serde_json::from_str(record["http.request.body.content"].as_str().unwrap()).unwrap();
    assert_eq!(
        outline,
        json!([
            {"name": "note", "text": "hello", "size": 5},
            {"name": "pin", "text": "[REDACTED]", "size": 4},
            {"name": "f", "filename": "a.bin", "type": "application/octet-stream", "size": 3},
        ])
    );
    assert_fields(
        &record,
        json!({"exchange.request.truncated": null, "http.request.body.size": body.len()}),
    );
    let cut = record_of(|log| log.request_limit(100), post(content_type, body)).await;
    assert_fields(
        &cut,
        json!({
            "http.request.body.content": r#"[{"name":"note","text":"hello","size":5}]"#,
            "exchange.request.truncated": true,
        }),
    );
}

#[actix_web::test]
async fn record_full_of_escapes_fits_the_smallest_limit() {
    let (recorder, log) = Recorder::with_log();
    let log = log.record_limit(1024);
    let quotes = "\"".repeat(3000);
    let answer = web::to(move |req: HttpRequest, _: Bytes| {
        let quotes = quotes.clone();
        async move {
            req.record_error(&quotes);
            req.record_field("tenant", quotes.as_str());
            let code = r"\\".repeat(128);
            let body = format!(r#"{{"code":"{code}","a":"{quotes}"}}"#);
            HttpResponse::Ok().content_type(JSON).body(body)
        }
    });
    let app = init_service(App::new().default_service(answer).wrap(log)).await;
    let req = post(JSON, "{\"a\":\"\\\\\\\\\"}}")
        .uri(&format!("/{}?{}", "a".repeat(3000), "b".repeat(3000)))
        .peer_addr(
            "[2001:db8:1111:2222:3333:4444:5555:6666]:1"
                .parse()
                .unwrap(),
        );
    read_body(call_service(&app, req.to_request()).await).await;
    let line = recorder.only().to_string();
    assert!(line.len() < 1024, "{}: {line}", line.len());
}

#[actix_web::test]
async fn field_without_a_value_removes_the_earlier_value() {
    let (recorder, log) = Recorder::with_log();
    let answer = web::to(async |req: HttpRequest| {
        req.record_field("tenant", "acme");
        req.record_field("tenant", None::<&str>);
        req.record_field("other", 1);
        HttpResponse::Ok().finish()
    });
    let app = init_service(App::new().default_service(answer).wrap(log)).await;
    read_body(call_service(&app, TestRequest::get().to_request()).await).await;
    assert_fields(&recorder.only(), json!({"tenant": null, "other": 1}));
}

#[actix_web::test]
async fn field_recorded_before_a_nested_logger_is_redacted_by_its_names() {
    use actix_web::dev::Service as _;
    let (recorder, outer) = Recorder::with_log();
    let inner = outer.clone().redact("iban");
    let scope = web::scope("/in")
        .default_service(web::to(HttpResponse::Ok))
        .wrap(inner);
    let app = App::new().service(scope).wrap_fn(|req, srv| {
        req.record_field("iban", "DE02");
        srv.call(req)
    });
    let app = init_service(app.wrap(outer)).await;
    let req = TestRequest::with_uri("/in").to_request();
    read_body(call_service(&app, req).await).await;
    assert_eq!(recorder.only()["iban"], "[REDACTED]");
}

#[test]
fn preview_omits_content_as_disabled_if_no_response_is_kept() {
    for log in [
        BodyLog::new().response_limit(0),
        BodyLog::new().response_body(BodyPolicy::Never),
    ] {
        let preview = log.preview(&header::HeaderMap::new(), b"abc");
        assert_eq!(
            preview.omitted,
            Some(actix_bodylog::record::OmitReason::Disabled)
        );
        assert_eq!(preview.content, None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn record_is_one_line_below_its_limit(
        limit in 1024_usize..6000,
        texts in prop::collection::vec("[\\\\\"a-c\u{e9}\u{202e}\u{2028}\u{85}\n\t]{0,1500}", 6),
    ) {
        let (recorder, log) = Recorder::with_log();
        let log = log.record_limit(limit).response_body(BodyPolicy::Always);
        let (request, response) = (texts[0].clone(), texts[1].clone());
        let more: Vec<String> = texts[2..].to_vec();
        actix_web::rt::System::new().block_on(async move {
            let answer = web::to(move |req: HttpRequest, _: Bytes| {
                let (body, more) = (response.clone(), more.clone());
                async move {
                    req.record_error(&more[0]);
                    req.record_field(&more[1], more[2].as_str());
                    HttpResponse::Ok().content_type("text/plain").body(body)
                }
            });
            let app = init_service(App::new().default_service(answer).wrap(log)).await;
            let agent: Vec<u8> = texts[5].bytes().filter(|&b| b >= 0x20 && b != 0x7f).collect();
            let uri = format!("/{}?{}", "a".repeat(texts[3].len()), "b".repeat(texts[4].len()));
            let req = post("text/plain", request).uri(&uri);
            let req = match header::HeaderValue::from_bytes(&agent) {
                Ok(agent) => req.insert_header((header::USER_AGENT, agent)),
                Err(_) => req,
            };
            read_body(call_service(&app, req.to_request()).await).await;
        });
        let record = recorder.only();
        let line = record.to_string();
        prop_assert!(line.len() < limit, "{} of {limit}", line.len());
        prop_assert!(!line.contains(is_forbidden));
        for name in ["http.request.method", "url.path", "http.response.status_code", "level", "exchange.outcome"] {
            prop_assert!(record.get(name).is_some(), "{name}");
        }
    }
}
