//! The fields of a record and the rules behind them, tested in process.

use std::{net::IpAddr, sync::mpsc, time::Duration};

use actix_bodylog::{
    BodyLog, BodyPolicy, IpNet, RecordExt as _, Schema, User, http_code_level, record::FieldValue,
    redact::Shape,
};
use actix_web::{
    App, HttpMessage as _, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service as _, ServiceRequest, ServiceResponse},
    error,
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use bytes::Bytes;
use log::Level;
use serde_json::{Value, json};

mod support;
use support::{Recorder, assert_fields, is_forbidden};

/// Answers with the request body, and the `status` and content `type` of the query.
async fn answer(req: HttpRequest, body: Bytes) -> HttpResponse {
    let query = web::Query::<Vec<(String, String)>>::from_query(req.query_string()).unwrap();
    let find = |wanted| {
        query
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let status = find("status").map_or(200, |status| status.parse().unwrap());
    let mut res = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(kind) = find("type") {
        res.content_type(kind.as_str());
    }
    res.body(body)
}

/// Sends one request through the logger and returns the only record.
async fn record_of(log: BodyLog, recorder: &Recorder, req: TestRequest) -> Value {
    let app = App::new().default_service(web::to(answer)).wrap(log);
    let app = init_service(app).await;
    let res = call_service(&app, req.to_request()).await;
    read_body(res).await;
    recorder.only()
}

fn post_json(body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post()
        .uri("/?type=application/json")
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(body)
}

#[actix_web::test]
async fn record_has_all_fields_of_the_exchange() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .route(
            "/orders/{id}",
            web::post().to(|req: HttpRequest, _: Bytes| async move {
                req.record_user(User::new("42").name("ann"));
                req.record_field("tenant", "acme");
                req.record_field("items", 3);
                req.record_error("a remark");
                HttpResponse::Ok()
                    .insert_header((header::LOCATION, "/orders/7?token=t"))
                    .content_type("application/json")
                    .body(r#"{"code": 300, "msg": "ok"}"#)
            }),
        )
        .wrap(log);
    let app = init_service(app).await;
    let req = TestRequest::post()
        .uri("/orders/7?a=1&api_key=k")
        .peer_addr("203.0.113.9:4711".parse().unwrap())
        .insert_header((header::HOST, "shop.example:8443"))
        .insert_header((header::USER_AGENT, "tester/1"))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::AUTHORIZATION, "Bearer x"))
        .insert_header((header::COOKIE, "a=b"))
        .set_payload(r#"{"pin": 1}"#);
    read_body(call_service(&app, req.to_request()).await).await;

    let mut record = recorder.only();
    let fields = record.as_object_mut().unwrap();
    for name in ["exchange.duration", "exchange.time_to_head"] {
        let seconds = fields.remove(name).unwrap().as_f64().unwrap();
        assert!(
            (0.0..support::TEST_TIMEOUT.as_secs_f64()).contains(&seconds),
            "{name}: {seconds}"
        );
    }
    let timestamp = fields.remove("timestamp").unwrap();
    let timestamp = timestamp.as_str().unwrap();
    assert!(
        timestamp.len() == 27 && timestamp.ends_with('Z'),
        "{timestamp}"
    );
    assert_eq!(
        record,
        json!({
            "level": "WARN",
            "message": "POST /orders/7?a=1&api_key=[REDACTED]",
            "http.request.method": "POST",
            "url.path": "/orders/7",
            "url.query": "a=1&api_key=[REDACTED]",
            "url.scheme": "http",
            "http.route": "/orders/{id}",
            "network.protocol.version": "1.1",
            "server.address": "shop.example",
            "server.port": 8443,
            "client.address": "203.0.113.9",
            "user_agent.original": "tester/1",
            "http.request.header.content-type": ["application/json"],
            "http.request.body.size": 10,
            "http.request.body.content": r#"{"pin":"[REDACTED]"}"#,
            "http.response.status_code": 200,
            "http.response.header.content-type": ["application/json"],
            "http.response.header.location": ["/orders/7?token=[REDACTED]"],
            "http.response.body.size": 26,
            "http.response.body.content": r#"{"code":300,"msg":"ok"}"#,
            "exchange.code": 300,
            "exchange.level_reason": "code",
            "exchange.outcome": "completed",
            "exception.message": "a remark",
            "user.id": "42",
            "user.name": "ann",
            "tenant": "acme",
            "items": 3,
        })
    );
}

#[actix_web::test]
async fn level_is_the_most_severe_of_code_and_status() {
    for (uri, body, level) in [
        ("/?type=application/json", r#"{"code":0}"#, "DEBUG"),
        ("/?type=application/json", r#"{"code":100}"#, "DEBUG"),
        ("/?type=application/json", r#"{"code":101}"#, "WARN"),
        ("/?type=application/json", r#"{"code":200}"#, "DEBUG"),
        ("/?type=application/json", r#"{"code":299}"#, "DEBUG"),
        ("/?type=application/json", r#"{"code":300}"#, "WARN"),
        ("/?type=application/json", r#"{"code":"500"}"#, "ERROR"),
        ("/?type=application/json", r#"{"code":"E500"}"#, "DEBUG"),
        (
            "/?type=application/json&status=404",
            r#"{"code":0}"#,
            "WARN",
        ),
        (
            "/?type=application/json&status=404",
            r#"{"code":500}"#,
            "ERROR",
        ),
        (
            "/?type=application/json&status=500",
            r#"{"code":101}"#,
            "ERROR",
        ),
        ("/?type=application/json", "<html>", "ERROR"),
        ("/?type=text/json", r#"{"code":500}"#, "ERROR"),
        (
            "/?type=application/problem%2Bjson",
            r#"{"code":500}"#,
            "ERROR",
        ),
        ("/?type=text/plain", r#"{"code":500}"#, "DEBUG"),
        ("/?type=text/plain", "<html>", "DEBUG"),
        ("/", r#"{"code":500}"#, "DEBUG"),
    ] {
        let (recorder, log) = Recorder::with_log();
        let req = TestRequest::post().uri(uri).set_payload(body);
        let record = record_of(log, &recorder, req).await;
        assert_eq!(record["level"], level, "{uri} {body}");
    }
}

#[actix_web::test]
async fn error_type_is_the_status_of_a_5xx_or_the_outcome_of_an_incomplete_exchange() {
    for (status, kind) in [
        (200, None),
        (404, None),
        (500, Some("500")),
        (503, Some("503")),
    ] {
        let (recorder, log) = Recorder::with_log();
        let req = TestRequest::with_uri(&format!("/?status={status}"));
        let record = record_of(log, &recorder, req).await;
        assert_eq!(record.get("error.type").and_then(Value::as_str), kind);
    }
    let (recorder, log) = Recorder::with_log();
    let record = record_of(log, &recorder, post_json(r#"{"code":500}"#)).await;
    assert_eq!(
        (record["level"].as_str(), record.get("error.type")),
        (Some("ERROR"), None)
    );

    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .route("/", web::to(std::future::pending::<HttpResponse>))
        .wrap(log);
    let app = init_service(app).await;
    let mut stalled = Box::pin(app.call(TestRequest::default().to_request()));
    assert!(futures_util::poll!(&mut stalled).is_pending());
    drop(stalled);
    assert_eq!(recorder.only()["error.type"], "aborted");
}

#[actix_web::test]
async fn code_field_and_code_levels_replace_the_defaults() {
    let (recorder, log) = Recorder::with_log();
    let log = log.code_field("/error/status").code_levels(http_code_level);
    let body = r#"{"code":500,"error":{"status":404}}"#;
    let record = record_of(log, &recorder, post_json(body)).await;
    assert_eq!(
        (&record["level"], &record["exchange.code"]),
        (&json!("WARN"), &json!(404))
    );
}

#[actix_web::test]
async fn code_with_a_sensitive_name_is_shown_as_the_code_and_nowhere_else() {
    let (recorder, log) = Recorder::with_log();
    let log = log.code_field("/result/pin");
    let body = r#"{"result":{"pin":7},"pin":"t0ps3cret"}"#;
    let req = post_json(body).uri("/?type=application/json&pin=t0ps3cret");
    let record = record_of(log, &recorder, req).await;
    assert_fields(
        &record,
        json!({
            "exchange.code": 7,
            "url.query": "type=application/json&pin=[REDACTED]",
            "http.request.body.content": r#"{"result":{"pin":"[REDACTED]"},"pin":"[REDACTED]"}"#,
        }),
    );
}

#[actix_web::test]
async fn json_response_whose_code_is_not_known_has_a_code_state() {
    for (body, limit, code, state) in [
        (r#"{"msg":1}"#, 4096, Value::Null, Value::Null),
        (r#"{"msg":1,"code":5}"#, 8, Value::Null, json!("cut")),
        (r#"{"msg":1,"code":55}"#, 17, Value::Null, json!("cut")),
        (r#"{"msg":1,"code":55}"#, 19, json!(55), Value::Null),
        (r#"{"code":5"#, 4096, Value::Null, json!("malformed")),
        (
            r#"{"code":18446744073709551615}"#,
            4096,
            json!(u64::MAX),
            Value::Null,
        ),
        (r#"{"code":1.5}"#, 4096, json!(1.5), Value::Null),
        (r#"{"code":"A"}"#, 4096, json!("A"), Value::Null),
        (r#"{"code":1e999}"#, 4096, json!("1e999"), Value::Null),
    ] {
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log.code_limit(limit), &recorder, post_json(body)).await;
        assert_eq!(record["exchange.code"], code, "{body}");
        assert_eq!(record["exchange.code_state"], state, "{body}");
    }
}

#[actix_web::test]
async fn card_number_as_a_numeric_code_is_hidden() {
    for (code, shown, kept) in [
        (
            "4111111111111111",
            json!("[REDACTED]"),
            json!(4_111_111_111_111_111_u64),
        ),
        (
            "\"4111111111111111\"",
            json!("[REDACTED]"),
            json!("4111111111111111"),
        ),
        (
            "4111111111111112",
            json!(4_111_111_111_111_112_u64),
            json!(4_111_111_111_111_112_u64),
        ),
    ] {
        let body = format!(r#"{{"code":{code}}}"#);
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log, &recorder, post_json(body.clone())).await;
        assert_eq!(record["exchange.code"], shown, "{body}");
        let (recorder, log) = Recorder::with_log();
        let log = log.keep_shape(Shape::CardNumber);
        let record = record_of(log, &recorder, post_json(body.clone())).await;
        assert_eq!(record["exchange.code"], kept, "{body}");
    }
}

#[actix_web::test]
async fn too_long_number_is_cut_unless_a_later_code_replaces_it_or_the_json_is_malformed() {
    let digits = "1".repeat(200);
    for (body, state) in [
        (format!(r#"{{"code":{digits}}}"#), json!("cut")),
        (format!(r#"{{"code":{digits},"code":null}}"#), Value::Null),
        (format!(r#"{{"code":{digits}"#), json!("malformed")),
    ] {
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log, &recorder, post_json(body.clone())).await;
        assert_eq!(record["exchange.code"], Value::Null, "{body}");
        assert_eq!(record["exchange.code_state"], state, "{body}");
    }
}

#[actix_web::test]
async fn empty_json_response_is_malformed_and_has_no_content() {
    let (recorder, log) = Recorder::with_log();
    let log = log.response_body(BodyPolicy::Always);
    let record = record_of(log, &recorder, post_json("")).await;
    assert_eq!(record["exchange.code_state"], "malformed");
    assert_eq!(record["level"], "ERROR");
    for name in ["content", "omitted", "truncated"] {
        assert_eq!(record[format!("http.response.body.{name}")], Value::Null);
    }
}

#[actix_web::test]
async fn json_response_with_a_status_without_content_is_not_malformed() {
    for status in [204, 205, 304] {
        let (recorder, log) = Recorder::with_log();
        let req = TestRequest::with_uri(&format!("/?status={status}&type=application/json"));
        let record = record_of(log, &recorder, req).await;
        assert_eq!(record["level"], "DEBUG", "{status}");
        assert_eq!(record["exchange.code_state"], Value::Null, "{status}");
    }
    // A body that is sent nevertheless is read.
    let (recorder, log) = Recorder::with_log();
    let req = TestRequest::post()
        .uri("/?status=205&type=application/json")
        .set_payload(r#"{"code":500}"#);
    let record = record_of(log, &recorder, req).await;
    assert_eq!(record["level"], "ERROR");
    assert_eq!(record["exchange.code"], 500);
    assert_eq!(record["http.response.body.content"], r#"{"code":500}"#);
}

#[actix_web::test]
async fn key_cut_by_the_code_limit_is_not_the_code_key_and_a_cut_character_is_malformed() {
    for (body, limit, code, state, level) in [
        (
            r#"{"code":500,"codex":1}"#,
            17,
            json!(500),
            Value::Null,
            "ERROR",
        ),
        (r#"{"a":1}é"#, 8, Value::Null, json!("malformed"), "ERROR"),
    ] {
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log.code_limit(limit), &recorder, post_json(body)).await;
        assert_eq!(record["exchange.code"], code, "{body}");
        assert_eq!(record["exchange.code_state"], state, "{body}");
        assert_eq!(record["level"], level, "{body}");
    }
}

#[actix_web::test]
async fn json_that_is_not_utf_8_is_malformed_and_a_character_cut_by_the_limit_is_not() {
    let (recorder, log) = Recorder::with_log();
    let body = &b"{\"a\":\"\xff\",\"code\":500}"[..];
    let record = record_of(log, &recorder, post_json(body)).await;
    assert_eq!(record["exchange.code_state"], "malformed");
    assert_eq!(record["exchange.code"], Value::Null);
    let body = r#"{"code":7,"a":"é"}"#;
    for limit in 10..body.len() {
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log.code_limit(limit), &recorder, post_json(body)).await;
        assert_eq!(record["exchange.code"], 7, "{limit}");
    }
}

#[actix_web::test]
async fn limits_of_zero_omit_the_content() {
    let (recorder, log) = Recorder::with_log();
    let log = log.response_limit(0).code_limit(0);
    let record = record_of(log, &recorder, post_json(r#"{"code":1}"#)).await;
    assert_eq!(record["exchange.response.omitted"], "disabled");
    assert_eq!(record["http.response.body.content"], Value::Null);
}

#[actix_web::test]
async fn truncated_text_hides_the_user_information_of_a_url() {
    for body in [
        r#"{"e":"e //ghp_secretsecret@h"}"#,
        r#"{"é":"é ¸//ghp_secretsecret@h"}"#,
    ] {
        let (recorder, log) = Recorder::with_log();
        let record = record_of(log.response_limit(20), &recorder, post_json(body)).await;
        let content = record["http.response.body.content"].as_str().unwrap();
        assert!(!content.contains("ghp"), "{content}");
    }
}

#[actix_web::test]
async fn limit_raised_by_a_nested_logger_does_not_append_after_a_gap() {
    use futures_util::StreamExt as _;
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .service(
            web::scope("")
                .wrap(log.clone().request_limit(4096))
                .default_service(web::to(async |_: Bytes| HttpResponse::Ok().finish())),
        )
        .wrap(from_fn(
            async |mut req: ServiceRequest, next: Next<actix_web::body::BoxBody>| {
                let mut payload = req.take_payload();
                for _ in 0..2 {
                    payload.next().await.unwrap().unwrap();
                }
                req.set_payload(payload);
                next.call(req).await
            },
        ))
        .wrap(log.request_limit(16));
    let app = init_service(app).await;
    let chunks = [
        &br#"{"a":"bcdefghi","#[..],
        br#""password":["x","#,
        br#""hunter2"]}"#,
    ];
    let chunks = chunks.map(|chunk| Ok::<_, error::PayloadError>(Bytes::from_static(chunk)));
    let stream: actix_http::BoxedPayloadStream = Box::pin(futures_util::stream::iter(chunks));
    let req = TestRequest::post()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .to_request();
    let (req, _) = req.replace_payload(actix_web::dev::Payload::Stream { payload: stream });
    read_body(call_service(&app, req).await).await;
    let record = recorder.only();
    assert_eq!(record["http.request.body.content"], r#"{"a":"bcdefghi","#);
}

#[actix_web::test]
async fn record_contains_nothing_of_an_earlier_exchange() {
    async fn fill(req: HttpRequest, body: Bytes) -> Result<HttpResponse, actix_web::Error> {
        req.record_user(User::new("1").name("ann").role("admin"));
        req.record_field("tenant", "acme");
        req.record_error("an error of the first");
        match req.query_string() {
            "fail" => Err(error::ErrorConflict("the first failed")),
            _ => Ok(HttpResponse::Ok()
                .insert_header(("location", "/elsewhere"))
                .content_type("application/json")
                .body(body)),
        }
    }
    let large: &'static str =
        r#"{"code":500,"pad":"PAD"}"#.replace("PAD", &"x".repeat(9000)).leak();
    let first = move |uri: &str| {
        TestRequest::post()
            .uri(uri)
            .insert_header(("user-agent", "first/1.0"))
            .insert_header(("referer", "https://example.org/?token=x"))
            .insert_header(("content-type", "application/json"))
            .set_payload(large)
    };
    // Each run uses a new thread, which has not recorded anything before.
    let second = move |before: &'static [&'static str]| {
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (recorder, log) = Recorder::with_log();
                let app = App::new()
                    .route("/fill/{id}", web::post().to(fill))
                    .default_service(web::to(HttpResponse::Ok))
                    .wrap(log);
                let app = init_service(app).await;
                for uri in before {
                    read_body(call_service(&app, first(uri).to_request()).await).await;
                }
                read_body(call_service(&app, TestRequest::get().to_request()).await).await;
                let mut record = recorder.records().remove(before.len());
                let record = record.as_object_mut().unwrap();
                let times = ["timestamp", "exchange.duration", "exchange.time_to_head"];
                record.retain(|name, _| !times.contains(&&**name));
                record.clone()
            })
        });
        thread.join().unwrap()
    };
    let alone = second(&[]);
    assert_eq!(second(&["/fill/1?page=2"]), alone);
    assert_eq!(second(&["/fill/1?fail", "/fill/2"]), alone);
}

#[actix_web::test]
async fn dropped_logger_drops_its_sink() {
    let held = std::sync::Arc::new(());
    let sink = held.clone();
    let log = BodyLog::new().sink_fn(move |_| {
        let _ = &sink;
    });
    let app = App::new().default_service(web::to(answer)).wrap(log);
    let app = init_service(app).await;
    read_body(call_service(&app, post_json("{}").to_request()).await).await;
    drop(app);
    assert_eq!(std::sync::Arc::strong_count(&held), 1);
}

#[actix_web::test]
async fn code_is_read_with_a_response_limit_of_zero() {
    let (recorder, log) = Recorder::with_log();
    let log = log.response_limit(0);
    let record = record_of(log, &recorder, post_json(r#"{"code":500}"#)).await;
    assert_eq!(record["exchange.code"], 500);
    assert_eq!(record["exchange.response.omitted"], "disabled");
    assert_eq!(record["http.response.body.content"], Value::Null);
}

#[actix_web::test]
async fn json_response_with_binary_transfer_encoding_has_no_code() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(|| async {
            HttpResponse::Ok()
                .content_type("application/json")
                .insert_header(("content-transfer-encoding", "binary"))
                .body(r#"{"code":500}"#)
        }))
        .wrap(log);
    let app = init_service(app).await;
    read_body(call_service(&app, TestRequest::get().to_request()).await).await;
    let record = recorder.only();
    assert_eq!(record["level"], "DEBUG");
    assert_eq!(record["exchange.code"], Value::Null);
    assert_eq!(record["exchange.code_state"], Value::Null);
}

#[actix_web::test]
async fn partial_json_response_is_not_malformed() {
    let (recorder, log) = Recorder::with_log();
    let req =
        TestRequest::with_uri("/?status=206&type=application/json").set_payload(r#"de":500,"a""#);
    let record = record_of(log, &recorder, req).await;
    assert_eq!(record["level"], "DEBUG");
    assert_eq!(record["exchange.code_state"], Value::Null);
}

#[actix_web::test]
async fn response_content_follows_the_policy() {
    use BodyPolicy::*;
    for (when, method, status, expected) in [
        (WhenNotable, Method::GET, 200, Some("policy")),
        (WhenNotable, Method::GET, 404, None),
        (WhenNotable, Method::POST, 200, None),
        (Always, Method::GET, 200, None),
        (Never, Method::POST, 500, Some("disabled")),
    ] {
        let (recorder, log) = Recorder::with_log();
        let req = TestRequest::with_uri(&format!("/?status={status}&type=text/plain"))
            .method(method.clone())
            .set_payload("hello");
        let record = record_of(log.response_body(when), &recorder, req).await;
        let content = match expected {
            None => json!("hello"),
            Some(_) => Value::Null,
        };
        assert_eq!(
            record["http.response.body.content"], content,
            "{when:?} {method} {status}"
        );
        assert_eq!(record["exchange.response.omitted"], json!(expected));
        assert_eq!(record["http.response.body.size"], 5);
    }
}

#[actix_web::test]
async fn success_level_replaces_debug_and_decides_what_is_notable() {
    let (recorder, log) = Recorder::with_log();
    let log = log.success_level(Level::Warn);
    // The level is not above the success level, so the policy omits the content.
    let req = TestRequest::with_uri("/?status=404").set_payload("x");
    let record = record_of(log, &recorder, req).await;
    assert_eq!(record["level"], "WARN");
    assert_eq!(record["exchange.response.omitted"], "policy");
}

#[actix_web::test]
async fn body_that_is_not_readable_text_is_omitted_with_the_reason() {
    for (name, value, body, why) in [
        ("content-type", "image/png", &b"\x89PNG"[..], "binary"),
        (
            "content-type",
            "multipart/form-data; boundary=x",
            b"--y--",
            "malformed",
        ),
        (
            "content-type",
            "text/plain; charset=x-none",
            b"abc",
            "charset",
        ),
        (
            "content-type",
            "text/plain; charset=gbk",
            b"a\xff",
            "charset",
        ),
        ("content-type", "text/plain", b"\xff\xfeabc", "charset"),
        ("content-type", "application/json", b"not json", "malformed"),
        ("content-encoding", "gzip", b"\x1f\x8b", "encoded"),
        ("x-nothing", "", b"\0\x01", "binary"),
    ] {
        let (recorder, log) = Recorder::with_log();
        let app = App::new()
            .default_service(web::to(async |_: web::Payload| ""))
            .wrap(log);
        let app = init_service(app).await;
        let req = TestRequest::post()
            .insert_header((name, value))
            .set_payload(body);
        read_body(call_service(&app, req.to_request()).await).await;
        // The handler reads nothing, so no body passes and none is omitted.
        let unread = recorder.only();
        assert_eq!(unread["exchange.request.omitted"], Value::Null);
        assert_eq!(unread["exchange.request.unread"], true);

        let (recorder, log) = Recorder::with_log();
        let app = App::new()
            .default_service(web::to(async |_: Bytes| ""))
            .wrap(log);
        let app = init_service(app).await;
        let req = TestRequest::post()
            .insert_header((name, value))
            .set_payload(body);
        let mut req = req.to_request();
        // Replace the coding by an unknown one, which the extractor does not decode.
        req.head_mut().headers_mut().remove("content-encoding");
        if name == "content-encoding" {
            req.head_mut().headers_mut().insert(
                header::CONTENT_ENCODING,
                header::HeaderValue::from_static("unheard-of"),
            );
        }
        read_body(call_service(&app, req).await).await;
        let record = recorder.only();
        assert_eq!(record["exchange.request.omitted"], why, "{value}");
        assert_eq!(record["http.request.body.content"], Value::Null);
        assert_eq!(record["http.request.body.size"], body.len());
    }
}

#[actix_web::test]
async fn content_is_truncated_at_the_limit_on_a_character_boundary() {
    let (recorder, log) = Recorder::with_log();
    let req = TestRequest::post()
        .uri("/?type=text/plain")
        .set_payload("žluťoučký");
    let record = record_of(log.request_limit(5).response_limit(4), &recorder, req).await;
    // `ž` and `ť` have two bytes each, and neither is split.
    assert_eq!(record["http.request.body.content"], "žlu");
    assert_eq!(record["http.response.body.content"], "žlu");
    assert_eq!(record["exchange.request.truncated"], true);
    assert_eq!(record["exchange.response.truncated"], true);
    assert_eq!(record["http.request.body.size"], 13);
}

#[actix_web::test]
async fn skipped_path_is_recorded_on_failure() {
    for (uri, body, recorded) in [
        ("/health", "", 0),
        ("/health?status=399", "", 0),
        ("/health?status=503", "", 1),
        ("/health?status=404", "", 1),
        ("/health?type=application/json", r#"{"code":500}"#, 1),
        ("/health/", "", 1),
        ("/Health", "", 1),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.quiet("/health");
        let stats = log.clone();
        let app = App::new().default_service(web::to(answer)).wrap(log);
        let app = init_service(app).await;
        let req = TestRequest::with_uri(uri).set_payload(body).to_request();
        read_body(call_service(&app, req).await).await;
        assert_eq!(recorder.records().len(), recorded, "{uri}");
        assert_eq!(stats.stats().quiet, 1 - recorded as u64);
        assert_eq!(stats.stats().records, recorded as u64);
    }
}

#[actix_web::test]
async fn request_that_matches_exclude_if_is_not_recorded() {
    let (recorder, log) = Recorder::with_log();
    let log = log.exclude_if(|req| req.path().starts_with("/internal"));
    let stats = log.clone();
    let app = App::new().default_service(web::to(answer)).wrap(log);
    let app = init_service(app).await;
    for uri in ["/internal?status=500", "/internal/x", "/public"] {
        read_body(call_service(&app, TestRequest::with_uri(uri).to_request()).await).await;
    }
    assert_eq!(recorder.only()["url.path"], "/public");
    assert_eq!(stats.stats().excluded, 2);
}

#[actix_web::test]
async fn inner_and_outer_middleware_can_add_fields_until_the_record() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(HttpResponse::Ok))
        .wrap(from_fn(async |req: ServiceRequest, next: Next<_>| {
            req.record_field("inside.before", true);
            let res = next.call(req).await?;
            res.request().record_field("inside.after", true);
            Ok(res)
        }))
        .wrap(log)
        .wrap(from_fn(async |req: ServiceRequest, next: Next<_>| {
            // Before the logger, this has no effect.
            req.record_field("outside.before", true);
            let res: ServiceResponse<_> = next.call(req).await?;
            // The response body is not read yet.
            res.request().record_field("outside.after", true);
            Ok(res)
        }));
    let app = init_service(app).await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    let req = res.request().clone();
    read_body(res).await;
    // After the record, this has no effect.
    req.record_field("late", true);
    let record = recorder.only();
    for (name, expected) in [
        ("inside.before", json!(true)),
        ("inside.after", json!(true)),
        ("outside.before", Value::Null),
        ("outside.after", json!(true)),
        ("late", Value::Null),
    ] {
        assert_eq!(record[name], expected, "{name}");
    }
}

#[actix_web::test]
async fn record_methods_without_the_middleware_have_no_effect() {
    let req = TestRequest::get().to_http_request();
    req.record_user(User::default());
    req.record_field("a", 1);
    req.record_error("e");
    assert!(!req.extensions().contains::<User>());
}

#[actix_web::test]
async fn last_user_and_last_value_of_a_field_win() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(async |req: HttpRequest| {
            for nth in ["first", "last"] {
                req.record_user(User::new(nth));
                req.record_field("nth", nth);
                req.record_error(nth);
            }
            for nth in 0..2 * actix_bodylog::record::MAX_FIELDS {
                req.record_field(format!("field {nth}"), nth);
            }
            HttpResponse::Ok().finish()
        }))
        .wrap(log);
    let app = init_service(app).await;
    read_body(call_service(&app, TestRequest::get().to_request()).await).await;
    let record = recorder.only();
    assert_eq!(record["user.id"], "last");
    assert_eq!(record["user.name"], Value::Null);
    assert_eq!(record["nth"], "last");
    assert_eq!(record["exception.message"], "first, last");
    let own = record
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("field "));
    assert_eq!(own.count(), actix_bodylog::record::MAX_FIELDS - 1);
}

#[actix_web::test]
async fn record_stays_below_its_limit_and_keeps_the_essential_fields() {
    let hostile = "\"\\".repeat(4000);
    for limit in [1024, 1500, 4096, 15 * 1024] {
        for (uri, fields) in [
            ("/", 0),
            ("/?status=500", 40),
            (&*format!("/{0}?q={0}", "\\\"".repeat(1000)), 40),
        ] {
            let (recorder, log) = Recorder::with_log();
            let log = log
                .record_limit(limit)
                .request_limit(1 << 20)
                .response_limit(1 << 20)
                .response_body(BodyPolicy::Always);
            let hostile_field = hostile.clone();
            let app = App::new()
                .default_service(web::to(move |req: HttpRequest, body: Bytes| {
                    for nth in 0..fields {
                        req.record_field(format!("f\"{nth}"), &*hostile_field);
                    }
                    req.record_error(&hostile_field);
                    req.record_user(
                        User::new(hostile_field.clone())
                            .name(hostile_field.clone())
                            .role(hostile_field.clone()),
                    );
                    answer(req, body)
                }))
                .wrap(log);
            let app = init_service(app).await;
            let uri = uri.replace(['"', '\\'], "%5C~~");
            let req = TestRequest::post()
                .uri(&uri)
                .insert_header((header::USER_AGENT, hostile.as_str()))
                .insert_header((header::REFERER, hostile.as_str()))
                .insert_header((header::HOST, hostile.as_str()))
                .set_payload(hostile.clone());
            read_body(call_service(&app, req.to_request()).await).await;
            let record = recorder.only();
            let line = serde_json::to_string(&record).unwrap() + "\n";
            assert!(
                line.len() <= limit,
                "{} bytes with a limit of {limit}",
                line.len()
            );
            assert!(
                line.len() > limit / 3,
                "only {} of {limit} bytes are used",
                line.len()
            );
            assert_eq!(record["http.request.method"], "POST");
            assert_eq!(record["exchange.outcome"], "completed");
            assert!(record["http.response.status_code"].is_u64());
            assert!(record["level"].is_string());
            let path = record["url.path"].as_str().unwrap();
            assert!(!path.is_empty() && uri.starts_with(path));
            assert!(record["message"].as_str().unwrap().starts_with("POST /"));
            assert_eq!(record["http.request.body.size"], hostile.len());
        }
    }
}

#[actix_web::test]
async fn no_field_contains_line_breaks_or_control_characters() {
    let forged =
        "x\r\n\0\u{1b}[31m\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\u{2066}{\"level\":\"ERROR\"}";
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(move |req: HttpRequest, body: Bytes| async move {
            req.record_field(forged, forged);
            req.record_user(User::new(forged).name(forged).role(forged));
            req.record_error(forged);
            let _ = body;
            Err::<HttpResponse, _>(error::ErrorInternalServerError(forged))
        }))
        .wrap(log);
    let app = init_service(app).await;
    let req = TestRequest::post()
        .uri("/%0d%0a%1b?q=%0a")
        .insert_header((
            header::USER_AGENT,
            header::HeaderValue::from_bytes("a\t\u{202e}\u{85}".as_bytes()).unwrap(),
        ))
        .set_payload(format!("text{}", forged.replace('\0', "")));
    read_body(call_service(&app, req.to_request()).await).await;
    let line = serde_json::to_string(&recorder.only()).unwrap();
    assert!(!line.contains(is_forbidden), "{line}");
    // The strings do not contain escapes of such characters either.
    let record: Value = serde_json::from_str(&line).unwrap();
    for (name, value) in record.as_object().unwrap() {
        assert!(!name.contains(is_forbidden), "{name}");
        if let Some(value) = value.as_str() {
            assert!(!value.contains(is_forbidden), "{name}: {value}");
        }
    }
    assert!(
        record["http.request.body.content"]
            .as_str()
            .unwrap()
            .starts_with("textx")
    );
}

#[actix_web::test]
async fn headers_are_recorded_in_alphabetical_order() {
    const NAMES: [&str; 6] = ["origin", "referer", "x-a", "x-b", "x-c", "x-d"];
    // The `HeaderMap` of each request iterates in another order.
    for _ in 0..10 {
        let (sender, lines) = std::sync::mpsc::channel();
        let mut log = BodyLog::new().sink_fn(move |record| {
            record.with_json(Schema::OpenTelemetry, |line| {
                sender.send(line.to_owned()).unwrap();
            });
        });
        let mut req = TestRequest::get();
        for name in NAMES.iter().rev() {
            log = log.request_header(header::HeaderName::from_static(name));
            req = req.insert_header((*name, "1"));
        }
        let app = App::new().default_service(web::to(answer)).wrap(log);
        let app = init_service(app).await;
        read_body(call_service(&app, req.to_request()).await).await;
        let line = lines.recv().unwrap();
        let places = NAMES.map(|name| line.find(&format!("\"http.request.header.{name}\"")));
        assert!(places.iter().all(Option::is_some), "{line}");
        assert!(places.is_sorted(), "{line}");
    }
}

#[actix_web::test]
async fn secrets_are_hidden_in_all_fields() {
    let (recorder, log) = Recorder::with_log();
    let log = log.response_body(BodyPolicy::Always);
    let app = App::new()
        .default_service(web::to(async |req: HttpRequest, _: Bytes| {
            req.record_field("session_token", "SECRET");
            req.record_field("login", json!({"password": "SECRET"}));
            HttpResponse::Ok()
                .insert_header((
                    header::LOCATION,
                    "https://u:SECRET@h/?sig=SECRET#access_token=SECRET",
                ))
                .insert_header((header::SET_COOKIE, "a=SECRET"))
                .content_type("application/json")
                .body(r#"{"data":{"refresh_token":["SECRET"]}}"#)
        }))
        .wrap(log);
    let app = init_service(app).await;
    let req = TestRequest::post()
        .uri("/?password=SECRET&X-Amz-Signature=SECRET")
        .insert_header((header::AUTHORIZATION, "SECRET"))
        .insert_header((header::COOKIE, "a=SECRET"))
        .insert_header(("x-api-key", "SECRET"))
        .insert_header((header::REFERER, "/?token=SECRET"))
        .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .set_payload("user%5Bpassword%5D=SECRET");
    read_body(call_service(&app, req.to_request()).await).await;
    let line = recorder.only().to_string();
    assert!(!line.contains("SECRET"), "{line}");
    assert_eq!(line.matches("[REDACTED]").count(), 12, "{line}");
}

#[actix_web::test]
async fn response_body_can_be_taken_with_try_into_bytes_and_unwrap() {
    let (_, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(async || "hello"))
        .wrap(log);
    let app = init_service(app).await;
    let res = call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(res.into_body().try_into_bytes().unwrap(), "hello");
}

#[actix_web::test]
async fn client_address_comes_from_forwarded_headers_of_trusted_proxies_only() {
    let proxies: [IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
    for (peer, proxies, client) in [
        ("10.0.0.1:80", &proxies[..], "203.0.113.9"),
        ("10.0.0.1:80", &[][..], "10.0.0.1"),
        ("198.51.100.1:80", &proxies[..], "198.51.100.1"),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.trusted_proxies(proxies.iter().copied());
        let req = TestRequest::default()
            .peer_addr(peer.parse().unwrap())
            .insert_header((header::X_FORWARDED_FOR, "1.1.1.1, 203.0.113.9"));
        let record = record_of(log, &recorder, req).await;
        assert_eq!(record["client.address"], client);
    }
}

#[actix_web::test]
async fn nested_logger_uses_its_own_trusted_proxies() {
    let (recorder, log) = Recorder::with_log();
    let proxy: IpAddr = "10.0.0.1".parse().unwrap();
    let app = App::new()
        .service(
            web::resource("/in")
                .wrap(log.clone().trusted_proxies([proxy]))
                .to(HttpResponse::Ok),
        )
        .wrap(log);
    let app = init_service(app).await;
    for (uri, client) in [("/in", "203.0.113.9"), ("/out", "10.0.0.1")] {
        let req = TestRequest::with_uri(uri)
            .peer_addr("10.0.0.1:80".parse().unwrap())
            .insert_header((header::X_FORWARDED_FOR, "203.0.113.9"));
        read_body(call_service(&app, req.to_request()).await).await;
        let last = recorder.records().pop().unwrap();
        assert_eq!(last["client.address"], client);
    }
}

#[actix_web::test]
async fn sampling_drops_successes_and_keeps_failures() {
    let (recorder, log) = Recorder::with_log();
    let log = log.sample(0.0);
    let app = App::new()
        .default_service(web::to(answer))
        .wrap(log.clone());
    let app = init_service(app).await;
    for uri in ["/", "/?status=302", "/?status=404", "/?status=500", "/"] {
        let req = TestRequest::with_uri(uri).to_request();
        read_body(call_service(&app, req).await).await;
    }
    let records = recorder.records();
    let statuses: Vec<_> = records
        .iter()
        .map(|record| &record["http.response.status_code"])
        .collect();
    assert_eq!(statuses, [404, 500]);
    assert!(
        records
            .iter()
            .all(|record| record.get("exchange.sample_rate").is_none())
    );
    let stats = log.stats();
    assert_eq!((stats.sampled_out, stats.quiet, stats.records), (3, 0, 2));
    assert_eq!(stats.in_flight, 0);
}

#[actix_web::test]
async fn sampling_keeps_failures_with_success_level_error() {
    let (recorder, log) = Recorder::with_log();
    let log = log.success_level(Level::Error).sample(0.0);
    let req = TestRequest::with_uri("/?status=500");
    assert_eq!(record_of(log, &recorder, req).await["level"], "ERROR");
}

#[actix_web::test]
async fn sampling_keeps_or_drops_all_records_of_a_trace_or_request_id() {
    for (name, kept, left_out) in [
        (
            "traceparent",
            "00-00000000000000000080000000000000-00000000000000a1-01",
            "00-0000000000000000007fffffffffffff-00000000000000a1-01",
        ),
        // The hashes of the ids decide.
        ("x-request-id", "r-2", "r-1"),
    ] {
        let (recorder, log) = Recorder::with_log();
        // An id decides although it is not shown.
        let log = log
            .omit_field("http.request.header.x-request-id")
            .omit_field("trace_id")
            .sample(0.5);
        let app = App::new().default_service(web::to(answer)).wrap(log);
        let app = init_service(app).await;
        for value in [kept, left_out, kept, left_out] {
            let req = TestRequest::default().insert_header((name, value));
            read_body(call_service(&app, req.to_request()).await).await;
        }
        for record in recorder.wait_for(2) {
            assert_eq!(record["exchange.sample_rate"], 0.5);
            assert!(!record.to_string().contains("r-2"), "{record}");
        }
    }
}

#[actix_web::test]
async fn redacted_ids_do_not_decide_sampling() {
    const FIELD: &str = "http.request.header.x-request-id";
    for is_omitted in [false, true] {
        let (recorder, log) = Recorder::with_log();
        let log = log.redact("x-request-id").redact("traceparent").sample(0.5);
        let log = match is_omitted {
            true => log.omit_field(FIELD),
            false => log,
        };
        let app = App::new().default_service(web::to(answer)).wrap(log);
        let app = init_service(app).await;
        for _ in 0..200 {
            let req = TestRequest::default()
                .insert_header(("x-request-id", "r-1"))
                .insert_header((
                    "traceparent",
                    "00-00000000000000000080000000000000-00000000000000a1-01",
                ));
            read_body(call_service(&app, req.to_request()).await).await;
        }
        // If the id or `[REDACTED]` decided, all records would be kept or none.
        let records = recorder.records();
        assert!((1..200).contains(&records.len()), "{}", records.len());
        for record in records {
            assert_eq!(record.get("trace_id"), None);
            let shown = record.get(FIELD).map(|ids| &ids[0]);
            assert_eq!(shown, (!is_omitted).then_some(&json!("[REDACTED]")));
        }
    }
}

#[actix_web::test]
async fn methods_outside_of_the_conventions_are_other() {
    for (method, other) in [
        ("GET", false),
        ("QUERY", false),
        ("PATCH", false),
        ("TRACE", false),
        ("PURGE", true),
        ("get", true),
        ("_OTHER", true),
    ] {
        let (recorder, log) = Recorder::with_log();
        let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
        let req = TestRequest::default().method(method.clone());
        let record = record_of(log, &recorder, req).await;
        let (name, original) = match other {
            true => ("_OTHER", json!(method.as_str())),
            false => (method.as_str(), Value::Null),
        };
        assert_eq!(record["http.request.method"], name);
        assert_eq!(record["http.request.method_original"], original);
        assert_eq!(record["message"], format!("{method} /"));
    }
}

#[actix_web::test]
async fn host_and_port_of_the_request_are_recorded_but_not_as_a_header() {
    for (host, address, port) in [
        ("shop.example", json!("shop.example"), Value::Null),
        ("shop.example:8443", json!("shop.example"), json!(8443)),
        ("[::1]:80", json!("::1"), json!(80)),
        (":80", Value::Null, Value::Null),
        ("shop.example:x", json!("shop.example"), Value::Null),
    ] {
        let (recorder, log) = Recorder::with_log();
        let req = TestRequest::default()
            .insert_header((header::HOST, host))
            .insert_header((header::ACCEPT, "*/*"))
            .insert_header((header::CONTENT_LENGTH, 0));
        let record = record_of(log, &recorder, req).await;
        assert_eq!(
            (&record["server.address"], &record["server.port"]),
            (&address, &port)
        );
        let fields = record.as_object().unwrap().keys();
        assert_eq!(fields.filter(|name| name.contains(".header.")).count(), 0);
    }
}

#[actix_web::test]
async fn roles_of_the_user_are_an_array_without_empty_or_surplus_ones() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(async |req: HttpRequest| {
            let user = User::new("42")
                .role("admin")
                .role("")
                .role("Bearer t0ps3cret");
            let roles = (0..100).map(|nth| nth.to_string());
            req.record_user(roles.fold(user, User::role));
            HttpResponse::Ok().finish()
        }))
        .wrap(log);
    let app = init_service(app).await;
    read_body(call_service(&app, TestRequest::get().to_request()).await).await;
    let record = recorder.only();
    let roles = record["user.roles"].as_array().unwrap();
    assert_eq!(roles.len(), actix_bodylog::record::MAX_USER_ROLES);
    assert_eq!(
        roles[..3],
        [json!("admin"), json!("Bearer [REDACTED]"), json!("0")]
    );
    assert_eq!(record.get("user.name"), None);
}

#[actix_web::test]
async fn policy_of_each_direction_decides_which_bodies_have_content() {
    use BodyPolicy::{Always, Never, OnFailure, WhenNotable};
    for (policy, [get, post, failed_get, failed_post]) in [
        (Always, [true; 4]),
        (WhenNotable, [false, true, true, true]),
        (OnFailure, [false, false, true, true]),
        (Never, [false; 4]),
    ] {
        for (req, uri, shown) in [
            (TestRequest::get(), "/", get),
            (TestRequest::post(), "/", post),
            (TestRequest::get(), "/?status=404", failed_get),
            (TestRequest::post(), "/?status=404", failed_post),
        ] {
            let (recorder, log) = Recorder::with_log();
            let log = log.request_body(policy).response_body(policy);
            let req = req
                .uri(uri)
                .insert_header((header::CONTENT_TYPE, "text/plain"));
            let record = record_of(log, &recorder, req.set_payload("text")).await;
            let (content, omitted) = match (shown, policy) {
                (true, _) => (json!("text"), Value::Null),
                (false, Never) => (Value::Null, json!("disabled")),
                (false, _) => (Value::Null, json!("policy")),
            };
            for side in ["request", "response"] {
                assert_eq!(
                    record[format!("http.{side}.body.content")],
                    content,
                    "{policy} {uri}"
                );
                assert_eq!(
                    record[format!("exchange.{side}.omitted")],
                    omitted,
                    "{policy} {uri}"
                );
                assert_eq!(record[format!("http.{side}.body.size")], 4);
            }
        }
    }
}

#[actix_web::test]
async fn reason_why_a_body_cannot_be_read_wins_over_the_policy() {
    for (content_type, coding, body, reason) in [
        ("image/png", "", &b"\x89PNG"[..], "binary"),
        ("text/plain", "", b"a\0b", "binary"),
        ("text/plain", "", b"caf\xe9 au lait", "charset"),
        ("text/plain; charset=x-none", "", b"text", "charset"),
        ("text/plain", "x-none", b"text", "encoded"),
        ("text/plain", "", b"text", "policy"),
        ("application/json", "", b"{}", "policy"),
        ("multipart/form-data; boundary=b", "", b"--b--", "policy"),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.request_body(BodyPolicy::OnFailure);
        let app = App::new()
            .default_service(web::to(move |_: Bytes| async move {
                let mut res = HttpResponse::Ok();
                res.insert_header((header::CONTENT_TYPE, content_type));
                if !coding.is_empty() {
                    res.insert_header((header::CONTENT_ENCODING, coding));
                }
                res.body(body)
            }))
            .wrap(log);
        let app = init_service(app).await;
        let mut req = TestRequest::get().insert_header((header::CONTENT_TYPE, content_type));
        if !coding.is_empty() {
            req = req.insert_header((header::CONTENT_ENCODING, coding));
        }
        read_body(call_service(&app, req.set_payload(body).to_request()).await).await;
        let record = recorder.only();
        assert_eq!(
            record["exchange.request.omitted"], reason,
            "{content_type} {coding}"
        );
        assert_eq!(
            record["exchange.response.omitted"], reason,
            "{content_type} {coding}"
        );
    }
}

#[actix_web::test]
async fn omitted_fields_are_in_no_record() {
    let (recorder, log) = Recorder::with_log();
    let log = log
        .omit_field("url.query")
        .omit_field("url.scheme")
        .omit_field("error.type")
        .omit_field("http.request.header.content-type")
        .omit_field("http.response.body.content");
    let req = TestRequest::post()
        .uri("/?status=500&secret=x")
        .insert_header((header::CONTENT_TYPE, "text/plain"))
        .set_payload("text");
    let record = record_of(log, &recorder, req).await;
    assert_eq!(record["message"], "POST /");
    assert_eq!(record["http.request.body.content"], "text");
    for name in [
        "url.query",
        "url.scheme",
        "error.type",
        "http.request.header.content-type",
        "http.response.body.content",
    ] {
        assert_eq!(record.get(name), None);
    }
}

#[actix_web::test]
async fn small_record_has_at_most_1100_bytes() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .route(
            "/login",
            web::post().to(|_: Bytes| async {
                let body = r#"{"code":0,"hello":"ann","token":"t0ps3cret"}"#;
                HttpResponse::Ok()
                    .content_type("application/json")
                    .body(body)
            }),
        )
        .wrap(log);
    let app = init_service(app).await;
    let body = r#"{"name":"ann","password":"hunter2"}"#;
    let req = TestRequest::post()
        .uri("/login?page=2")
        .peer_addr("127.0.0.1:50000".parse().unwrap())
        .insert_header((header::HOST, "127.0.0.1:8080"))
        .insert_header((
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64) bench/1.0",
        ))
        .insert_header((header::ACCEPT, "*/*"))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CONTENT_LENGTH, body.len()))
        .insert_header((
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ));
    read_body(call_service(&app, req.set_payload(body).to_request()).await).await;
    let line = recorder.only().to_string();
    assert!(line.len() <= 1100, "{} bytes: {line}", line.len());
}

#[actix_web::test]
async fn status_levels_replace_the_default() {
    let levels = |status: StatusCode| match status.as_u16() {
        404 => None,
        201 => Some(Level::Info),
        418 => panic!("on purpose"),
        _ => Some(Level::Error),
    };
    for (uri, level, reason) in [
        ("/?status=404", "DEBUG", Value::Null),
        ("/?status=201", "INFO", json!("status")),
        ("/?status=418", "DEBUG", Value::Null),
        ("/?status=200", "ERROR", json!("status")),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.status_levels(levels);
        let record = record_of(log.clone(), &recorder, TestRequest::with_uri(uri)).await;
        assert_eq!(
            (&record["level"], &record["exchange.level_reason"]),
            (&json!(level), &reason)
        );
        assert_eq!(log.stats().sink_panics > 0, uri.ends_with("418"));
    }
    // A status of no class has no level by default.
    let (recorder, log) = Recorder::with_log();
    let record = record_of(log, &recorder, TestRequest::with_uri("/?status=600")).await;
    assert_eq!(
        (&record["level"], &record["error.type"]),
        (&json!("DEBUG"), &Value::Null)
    );
}

#[actix_web::test]
async fn slow_exchange_is_at_least_a_warning() {
    let (nanosecond, day) = (Duration::from_nanos(1), Duration::from_secs(24 * 60 * 60));
    for (slow, uri, level, reason) in [
        (nanosecond, "/", "WARN", json!("slow")),
        (nanosecond, "/?status=404", "WARN", json!("status")),
        (nanosecond, "/?status=500", "ERROR", json!("status")),
        (day, "/", "DEBUG", Value::Null),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.slow(slow).quiet("/").sample(0.0);
        let app = App::new().default_service(web::to(answer));
        let app = init_service(app.wrap(log)).await;
        read_body(call_service(&app, TestRequest::with_uri(uri).to_request()).await).await;
        let records = recorder.records();
        assert_eq!(records.len(), usize::from(level != "DEBUG"), "{uri}");
        for record in records {
            assert_eq!(
                (&record["level"], &record["exchange.level_reason"]),
                (&json!(level), &reason)
            );
        }
    }
}

#[actix_web::test]
async fn fields_of_the_logger_are_in_every_record_unless_the_application_records_their_name() {
    let (recorder, log) = Recorder::with_log();
    let log = log
        .field("service.name", "wrong")
        .field("service.name", "shop")
        .field("replica", 3)
        .field("iban", "DE02")
        .field("nothing", None::<i64>)
        .field("note", "Bearer t0ps3cret")
        .redact("iban");
    let app = App::new()
        .route(
            "/named",
            web::get().to(|req: HttpRequest| async move {
                req.record_field("replica", "mine");
                HttpResponse::Ok().finish()
            }),
        )
        .default_service(web::to(answer))
        .wrap(log);
    let app = init_service(app).await;
    for uri in ["/", "/named"] {
        read_body(call_service(&app, TestRequest::with_uri(uri).to_request()).await).await;
    }
    let records = recorder.records();
    for (record, replica) in records.iter().zip([json!(3), json!("mine")]) {
        assert_eq!(record["service.name"], "shop");
        assert_eq!(record["replica"], replica);
        assert_eq!(record["iban"], "[REDACTED]");
        assert_eq!(record["note"], "Bearer [REDACTED]");
        assert_eq!(record.get("nothing"), None);
    }
}

#[actix_web::test]
async fn handler_can_omit_the_contents_of_both_bodies_and_the_code_is_still_read() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(|req: HttpRequest, body: Bytes| async move {
            req.omit_bodies();
            HttpResponse::Ok()
                .content_type("application/json")
                .body(body)
        }))
        .wrap(log.clone());
    let app = init_service(app).await;
    let req = TestRequest::post().set_payload(r#"{"code":500,"name":"ann"}"#);
    read_body(call_service(&app, req.to_request()).await).await;
    let record = recorder.only();
    assert!(!record.to_string().contains("ann"), "{record}");
    assert_eq!(record["exchange.request.omitted"], "disabled");
    assert_eq!(record["exchange.response.omitted"], "disabled");
    assert_eq!(
        (&record["exchange.code"], &record["level"]),
        (&json!(500), &json!("ERROR"))
    );
    assert_eq!(record["http.request.body.size"], 25);
    // The next exchange is not affected.
    let app = App::new().default_service(web::to(answer));
    let app = init_service(app.wrap(log)).await;
    read_body(call_service(&app, post_json(r#"{"name":"ann"}"#).to_request()).await).await;
    assert!(recorder.records()[1].to_string().contains("ann"));
    // Without the middleware, this does nothing.
    TestRequest::default().to_http_request().omit_bodies();
}

#[actix_web::test]
async fn sink_reads_typed_values() {
    let (sender, receiver) = mpsc::channel();
    let log = BodyLog::new().sink_fn(move |record| {
        let headers = record.request_headers;
        let code = record.code.unwrap();
        let _ = sender.send(json!({
            "content-type": [headers.get("Content-Type"), headers.get("content-type")],
            "absent": headers.get("x-absent"),
            "is_empty": [headers.is_empty(), record.response_headers.is_empty()],
            "scheme and version": [record.scheme, record.version],
            "code": [code.as_str(), code.to_string().as_str(), &format!("{code:>4}")],
            "tenant": record.fields.get("tenant") == Some(FieldValue::from("acme")),
            "replica": record.fields.get("replica").map(FieldValue::into_owned) == Some(3.into()),
            "no field": record.fields.get("x").is_none(),
        }));
    });
    let log = log
        .field("tenant", "acme")
        .field("replica", 3)
        .omit_field("url.scheme");
    let app = App::new().default_service(web::to(answer)).wrap(log);
    let app = init_service(app).await;
    let req = post_json(r#"{"code":"70"}"#).to_request();
    read_body(call_service(&app, req).await).await;
    let expected = json!({
        "content-type": ["application/json", "application/json"],
        "absent": null,
        "is_empty": [false, false],
        "scheme and version": [null, "1.1"],
        "code": ["70", "70", "  70"],
        "tenant": true,
        "replica": true,
        "no field": true,
    });
    assert_eq!(receiver.recv().unwrap(), expected);
}
