//! A logger inside of another logger changes only what was set on it.

mod support;

use std::time::Duration;

use actix_bodylog::{
    BodyLog, BodyPolicy, Config, IpNet, RecordExt as _, Redaction, RequestIdSource, User,
    http_code_level, redact::Shape,
};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    get,
    http::{
        Method,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    rt::System,
    test::{TestRequest, call_and_read_body, call_service, init_service, read_body},
    web::{self, Bytes, ServiceConfig},
};
use log::Level;
use proptest::prelude::*;
use serde_json::{Value, json};

use support::{Recorder, assert_fields};

const JSON: &str =
    r#"{"code":0,"iban":"DE02","salary":"90000","token":"t0ps3cret","token_type":"bearer"}"#;

async fn echo(req: HttpRequest, body: Bytes) -> HttpResponse {
    req.record_user(User::new("42").role("customer"));
    req.record_field("iban", "DE02");
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body)
}

/// Changes headers between two loggers, which must not change what the outer logger recorded.
async fn change_headers(
    mut req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let headers = req.headers_mut();
    let changed = HeaderValue::from_static("https://changed");
    headers.insert(header::ORIGIN, changed.clone());
    headers.insert(HeaderName::from_static("x-changed"), changed);
    headers.remove(header::REFERER);
    headers.remove("x-forwarded-for");
    next.call(req).await
}

/// Returns the record of a request that passes through these loggers, the outermost first.
async fn record_inside(loggers: [BodyLog; 3], req: TestRequest) -> Value {
    let recorder = Recorder::default();
    let [outer, middle, inner] = loggers;
    let resource = web::resource("/echo").wrap(inner).to(echo);
    let scope = web::scope("")
        .service(resource)
        .wrap(from_fn(change_headers))
        .wrap(middle);
    let app = App::new()
        .service(scope)
        .wrap(from_fn(change_headers))
        .wrap(outer.sink(recorder.clone()));
    let app = init_service(app).await;
    let req = req.uri("/echo").insert_header(header::ContentType::json());
    read_body(call_service(&app, req.set_payload(JSON).to_request()).await).await;
    recorder.only()
}

fn none() -> BodyLog {
    BodyLog::new()
}

#[actix_web::test]
async fn fresh_logger_inside_changes_one_limit_and_nothing_else() {
    let outer = || {
        none()
            .redact("iban")
            .redact_containing("salar")
            .keep("token_type")
            .response_body(BodyPolicy::Always)
            .success_level(Level::Info)
            .request_header("x-tenant")
            .omit_field("url.scheme")
            .response_limit(30)
    };
    let inner = || none().request_limit(64 * 1024);
    for loggers in [
        [outer(), inner(), none()],
        [outer(), none(), inner()],
        [outer(), inner(), inner()],
    ] {
        let req = TestRequest::post().insert_header(("x-tenant", "acme"));
        let record = record_inside(loggers, req).await;
        assert_fields(
            &record,
            json!({
                "level": "INFO",
                "url.scheme": null,
                "http.request.header.x-tenant": ["acme"],
                "http.request.body.content": concat!(
                    r#"{"code":0,"iban":"[REDACTED]","salary":"[REDACTED]","#,
                    r#""token":"[REDACTED]","token_type":"bearer"}"#,
                ),
                "http.response.body.content": r#"{"code":0,"iban":"[REDACTED]","#,
                "exchange.response.truncated": true,
                "iban": "[REDACTED]",
                "user.id": "42",
            }),
        );
    }
}

#[actix_web::test]
async fn what_the_outer_logger_copied_stays_although_a_middleware_between_changed_it() {
    let proxies = || ["10.0.0.0/8".parse::<IpNet>().unwrap()];
    let outer = || {
        none()
            .trusted_proxies(proxies())
            .request_header("x-changed")
            .redact("x-hidden")
            .request_header("x-hidden")
    };
    let expected = json!({
        "client.address": "203.0.113.9",
        "http.request.header.origin": ["https://app"],
        "http.request.header.referer": ["https://app/list"],
        "http.request.header.x-changed": ["1", "2"],
        "http.request.header.x-hidden": ["[REDACTED]"],
    });
    let with = |name: &str, value| {
        let mut expected = expected.clone();
        expected[format!("http.request.header.{name}")] = value;
        expected
    };
    for (inner, expected) in [
        (none().request_limit(5), expected.clone()),
        (none().trusted_proxies(proxies()), expected.clone()),
        (none().redact("iban"), expected.clone()),
        (none().code_field("/x/pin"), expected.clone()),
        (
            none().request_header("x-new"),
            with("x-new", json!(["new"])),
        ),
        (none().request_header("x-gone"), expected.clone()),
        (
            none().redact("referer"),
            with("referer", json!(["[REDACTED]"])),
        ),
        (
            none().redact_containing("chang"),
            with("x-changed", json!(["[REDACTED]", "[REDACTED]"])),
        ),
        (
            none().omit_field("http.request.header.origin"),
            with("origin", json!(null)),
        ),
        // The outer logger did not copy the value.
        (none().keep("x-hidden"), with("x-hidden", json!(["hidden"]))),
    ] {
        let req = TestRequest::post()
            .peer_addr("10.0.0.1:4711".parse().unwrap())
            .insert_header(("x-forwarded-for", "203.0.113.9"))
            .insert_header((header::ORIGIN, "https://app"))
            .insert_header((header::REFERER, "https://app/list"))
            .append_header(("x-changed", "1"))
            .append_header(("x-changed", "2"))
            .insert_header(("x-new", "new"))
            .insert_header(("x-hidden", "hidden"));
        let record = record_inside([outer(), none(), inner], req).await;
        assert_fields(&record, expected);
    }
}

#[actix_web::test]
async fn smaller_limit_inside_is_the_limit() {
    for (outer, inner) in [(4096, 8), (4096, 0), (8, 4096), (0, 4096)] {
        let (outer_log, inner_log) = (none().request_limit(outer), none().request_limit(inner));
        let record = record_inside([outer_log, none(), inner_log], TestRequest::post()).await;
        let content = record["http.request.body.content"].as_str();
        match inner {
            0 => assert_eq!(record["exchange.request.omitted"], "disabled"),
            8 => assert_eq!(content, Some(r#"{"code":"#)),
            _ => assert!(content.unwrap().ends_with('}'), "{content:?}"),
        }
        assert_eq!(record["http.request.body.size"], JSON.len());
    }
}

#[actix_web::test]
async fn each_of_three_loggers_adds_its_settings() {
    let outer = none().redact("iban").response_limit(0);
    let middle = none().redact("salary").request_header("x-one");
    let inner = none()
        .keep("token")
        .request_header("x-two")
        .request_limit(72);
    let req = TestRequest::post()
        .insert_header(("x-one", "1"))
        .insert_header(("x-two", "2"));
    let record = record_inside([outer, middle, inner], req).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content":
                r#"{"code":0,"iban":"[REDACTED]","salary":"[REDACTED]","token":"t0ps3cret","#,
            "exchange.request.truncated": true,
            "exchange.response.omitted": "disabled",
            "http.request.header.x-one": ["1"],
            "http.request.header.x-two": ["2"],
        }),
    );
}

#[actix_web::test]
async fn what_is_set_on_the_inner_logger_takes_precedence() {
    let outer = || none().keep("token").redact("iban");
    let shown = |record: Value| {
        record["http.request.body.content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let inner = none().redact("token").keep("iban");
    let content = shown(record_inside([outer(), inner, none()], TestRequest::post()).await);
    assert!(content.contains(r#""token":"[REDACTED]""#), "{content}");
    assert!(content.contains(r#""iban":"DE02""#), "{content}");
    // The exception of the outer logger is more precise than a fragment.
    let inner = none().redact_containing("tok").redact_containing("iba");
    let content = shown(record_inside([outer(), none(), inner], TestRequest::post()).await);
    assert!(content.contains(r#""token":"t0ps3cret""#), "{content}");
    assert!(content.contains(r#""iban":"[REDACTED]""#), "{content}");
}

#[actix_web::test]
async fn shape_that_the_inner_logger_keeps_is_shown_inside() {
    let content = |record: Value| record["user_agent.original"].clone();
    let req = || TestRequest::post().insert_header((header::USER_AGENT, "card 4111111111111111"));
    for (inner, shown) in [
        (none(), "card [REDACTED]"),
        (
            none().keep_shape(Shape::CardNumber),
            "card 4111111111111111",
        ),
        (none().keep_shape(Shape::Jwt), "card [REDACTED]"),
    ] {
        let record = record_inside([none(), none(), inner], req()).await;
        assert_eq!(content(record), shown);
    }
}

#[actix_web::test]
async fn clone_of_the_outer_logger_changes_what_was_set_on_the_clone() {
    let base = none().redact("iban").response_body(BodyPolicy::Always);
    let outer = base.clone().redact("salary").response_limit(20);
    let inner = base.request_limit(40);
    let record = record_inside([outer, none(), inner], TestRequest::post()).await;
    assert_fields(
        &record,
        json!({
            "http.request.body.content": r#"{"code":0,"iban":"[REDACTED]","salary":""#,
            "http.response.body.content": r#"{"code":0,"iban":"[R"#,
        }),
    );
}

#[actix_web::test]
async fn every_setting_can_be_changed_inside() {
    let inner = none()
        .code_field("salary")
        .code_levels(http_code_level)
        .code_limit(60)
        .record_limit(1500)
        .response_body(BodyPolicy::Never)
        .request_body(BodyPolicy::OnFailure)
        .success_level(Level::Trace)
        .request_id(RequestIdSource::Generate)
        .response_header("content-length")
        .omit_field("user.id");
    let record = record_inside([none(), none(), inner], TestRequest::post()).await;
    assert_fields(
        &record,
        json!({
            "level": "TRACE",
            "exchange.code": "90000",
            "exchange.request.omitted": "policy",
            "exchange.response.omitted": "disabled",
            "user.id": null,
            "user.roles": ["customer"],
        }),
    );
    assert!(record["http.request.header.x-request-id"].is_array());
}

#[actix_web::test]
async fn proxies_that_only_the_inner_logger_trusts_are_trusted() {
    let recorder = Recorder::default();
    let proxies = ["10.0.0.0/8".parse::<IpNet>().unwrap()];
    let inner = none().trusted_proxies(proxies);
    let scope = web::scope("").route("/echo", web::to(echo)).wrap(inner);
    let app = App::new()
        .service(scope)
        .wrap(none().sink(recorder.clone()));
    let app = init_service(app).await;
    let req = TestRequest::with_uri("/echo")
        .peer_addr("10.0.0.1:4711".parse().unwrap())
        .insert_header(("x-forwarded-for", "203.0.113.9"));
    read_body(call_service(&app, req.to_request()).await).await;
    assert_fields(
        &recorder.only(),
        json!({"client.address": "203.0.113.9", "network.peer.address": "10.0.0.1"}),
    );
}

#[actix_web::test]
async fn limit_that_is_raised_after_the_body_passed_shows_nothing() {
    let read_it = async |mut req: ServiceRequest, next: Next<BoxBody>| {
        let body = req.extract::<Bytes>().await?;
        req.set_payload(body.into());
        next.call(req).await
    };
    let recorder = Recorder::default();
    let inner = none().request_limit(4096);
    let scope = web::scope("").route("/echo", web::to(echo)).wrap(inner);
    let app = App::new()
        .service(scope)
        .wrap(from_fn(read_it))
        .wrap(none().request_limit(0).sink(recorder.clone()));
    let app = init_service(app).await;
    let req = TestRequest::post().uri("/echo").set_payload("hello");
    read_body(call_service(&app, req.to_request()).await).await;
    assert_fields(
        &recorder.only(),
        json!({
            "http.request.body.size": 5,
            "http.request.body.content": null,
            "exchange.request.omitted": "disabled",
        }),
    );
}

#[actix_web::test]
async fn names_of_the_inner_logger_hide_fields_that_were_recorded_before() {
    let long = format!("{}.iban", "x".repeat(80));
    let name = long.clone();
    let record_fields = move |req: ServiceRequest, next: Next<BoxBody>| {
        req.record_field("user.iban", "DE02");
        req.record_field(&name, "DE02");
        req.record_field("kept", "shown");
        next.call(req)
    };
    let record = async |inner: BodyLog| {
        let recorder = Recorder::default();
        let scope = web::scope("").route("/echo", web::to(echo)).wrap(inner);
        let app = App::new()
            .service(scope)
            .wrap(from_fn(record_fields.clone()))
            .wrap(none().sink(recorder.clone()));
        let app = init_service(app).await;
        let req = TestRequest::with_uri("/echo").to_request();
        read_body(call_service(&app, req).await).await;
        recorder.only()
    };
    let shown = json!({"field.user.iban": "DE02", &long[..64]: "DE02", "kept": "shown"});
    assert_fields(&record(none().request_limit(1)).await, shown);
    let hidden = json!({
        "field.user.iban": "[REDACTED]",
        // Whether its name ends with `iban` is not known any more.
        &long[..64]: "[REDACTED]",
        "kept": "shown",
    });
    assert_fields(&record(none().redact("user.iban")).await, hidden);
}

#[actix_web::test]
async fn logger_of_a_configuration_changes_what_differs_from_the_defaults() {
    let outer = none()
        .request_body(BodyPolicy::Never)
        .response_limit(10)
        .response_body(BodyPolicy::Always)
        .success_level(Level::Info)
        .code_field("salary")
        .code_levels(http_code_level);
    let mut config = Config::default();
    config.redact.push("iban".into());
    config.response_limit = 30;
    let record = record_inside(
        [outer, none(), config.build().unwrap()],
        TestRequest::post(),
    )
    .await;
    assert_fields(
        &record,
        json!({
            // The outer logger's function gives this code no level.
            "level": "INFO",
            "exchange.code": "90000",
            "exchange.request.omitted": "disabled",
            "http.response.body.content": r#"{"code":0,"iban":"[REDACTED]","#,
        }),
    );
}

#[get("/attribute", wrap = "BodyLog::new().request_limit(4)")]
async fn with_attribute(_: Bytes) -> &'static str {
    "attribute"
}

fn configured(config: &mut ServiceConfig) {
    let log = BodyLog::new().request_limit(4);
    config.service(web::resource("/configured").wrap(log).to(echo));
}

#[actix_web::test]
async fn logger_in_an_attribute_or_in_a_configure_function_keeps_the_redaction_of_the_outer_logger()
{
    let recorder = Recorder::default();
    let outer = none().redact("pet").sink(recorder.clone());
    let app = App::new()
        .service(with_attribute)
        .configure(configured)
        .wrap(outer);
    let app = init_service(app).await;
    for path in ["/attribute", "/configured"] {
        let req = TestRequest::get()
            .uri(&format!("{path}?pet=rex"))
            .set_payload("0123456789");
        call_and_read_body(&app, req.to_request()).await;
    }
    let records = recorder.records();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record["url.query"], "pet=[REDACTED]");
        assert_eq!(record["http.request.body.content"], "0123");
    }
}

#[actix_web::test]
async fn paths_and_conditions_of_every_logger_apply_to_the_requests_that_reach_it() {
    let recorder = Recorder::default();
    let inner = none()
        .quiet_if(|req| req.query_string().contains("quiet"))
        .exclude("/in/excluded");
    let answer = |req: HttpRequest| async move {
        match req.query_string().contains("fail") {
            true => HttpResponse::InternalServerError().finish(),
            false => HttpResponse::Ok().finish(),
        }
    };
    let outer = none().quiet("/in/health").sink(recorder.clone());
    let app = App::new()
        .service(
            web::scope("/in")
                .wrap(inner)
                .default_service(web::to(answer)),
        )
        .default_service(web::to(answer))
        .wrap(outer.clone());
    let app = init_service(app).await;
    for (uri, records) in [
        ("/in/health", 0),
        ("/in/health?fail", 1),
        ("/in/x?quiet", 0),
        ("/in/x?quiet&fail", 1),
        ("/in/excluded?fail", 0),
        ("/in/excluded/", 1),
        ("/out?quiet", 1),
    ] {
        let before = recorder.records().len();
        call_service(&app, TestRequest::with_uri(uri).to_request()).await;
        assert_eq!(recorder.records().len() - before, records, "{uri}");
    }
    assert_eq!((outer.stats().quiet, outer.stats().excluded), (2, 1));
}

/// Settings, of which a name is never given to both `keep` and `redact`.
const SETTINGS: [fn(BodyLog) -> BodyLog; 25] = [
    |log| log.request_limit(5),
    |log| log.request_limit(4096),
    |log| log.response_limit(0),
    |log| log.response_limit(50),
    |log| log.code_limit(10),
    |log| log.code_field("salary"),
    |log| log.code_levels(http_code_level),
    |log| log.record_limit(1100),
    |log| log.status_levels(|_| Some(Level::Info)),
    |log| log.slow(Duration::from_nanos(1)),
    |log| log.field("service.name", "shop"),
    |log| log.field("iban", "DE03"),
    |log| log.success_level(Level::Info),
    |log| log.request_body(BodyPolicy::OnFailure),
    |log| log.response_body(BodyPolicy::Always),
    |log| log.redact("iban"),
    |log| log.redact_containing("sala"),
    |log| log.keep("token_type"),
    |log| log.keep_shape(Shape::Jwt),
    |log| log.redaction(Redaction::none()),
    |log| log.redaction(Redaction::default().redact("code")),
    |log| log.request_header("x-one"),
    |log| log.omit_field("url.scheme"),
    |log| log.omit_field("http.request.header.content-type"),
    |log| log.omit_field("http.request.header.origin"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nested_loggers_record_what_one_logger_with_all_settings_records(
        settings in prop::collection::vec(prop::sample::select(&SETTINGS[..]), 0..12),
        [one, two] in prop::array::uniform2(0_usize..12),
        fails in any::<bool>(),
    ) {
        let with = |settings: &[fn(BodyLog) -> BodyLog]| {
            settings.iter().fold(none(), |log, setting| setting(log))
        };
        let request = || TestRequest::default()
            .method(if fails { Method::POST } else { Method::GET })
            .peer_addr("10.0.0.1:4711".parse().unwrap())
            .insert_header((header::ORIGIN, "https://app/?token=t0ps3cret"))
            .insert_header((header::REFERER, "https://app/list"))
            .insert_header(("x-one", "1"));
        let (first, second) = (one.min(settings.len()), (one + two).min(settings.len()));
        let nested = [&settings[..first], &settings[first..second], &settings[second..]].map(with);
        let [nested, flat] = [nested, [with(&settings), none(), none()]].map(|loggers| {
            let record = System::new().block_on(record_inside(loggers, request()));
            let Value::Object(mut record) = record else { panic!("a record is an object") };
            for name in ["timestamp", "exchange.duration", "exchange.time_to_head"] {
                record.remove(name);
            }
            record
        });
        prop_assert_eq!(nested, flat);
    }
}
