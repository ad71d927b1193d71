//! Segments of paths that are hidden: by pattern, and by the names of route parameters.

use std::{
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
};

use actix_bodylog::{BodyLog, Redaction, Schema};
use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error,
    http::header,
    middleware::{Next, NormalizePath, from_fn},
    test::{TestRequest, call_service, init_service, read_body, try_call_service},
    web,
};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

mod support;
use support::{Recorder, Server, TEST_TIMEOUT, assert_fields};

const SECRET: &str = "S3CR3T";

/// The records in every schema, as text.
type Texts = Arc<Mutex<String>>;

/// Makes a logger whose records are also collected as text, in every schema.
fn log_with_texts() -> (Recorder, BodyLog, Texts) {
    let (recorder, log) = Recorder::with_log();
    let texts = Texts::default();
    let collected = Arc::clone(&texts);
    let log = log.sink_fn(move |record| {
        for schema in [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud] {
            collected.lock().unwrap().push_str(&record.to_json(schema));
        }
    });
    (recorder, log, texts)
}

/// Reads the response and returns the only record. Checks that the secret is in no schema.
async fn record_without_secret<B: MessageBody>(
    res: Option<ServiceResponse<B>>,
    recorder: &Recorder,
    texts: &Texts,
) -> Value {
    if let Some(res) = res {
        read_body(res).await;
    }
    let texts = texts.lock().unwrap();
    assert!(!texts.contains(SECRET), "{texts}");
    assert!(texts.contains("requestUrl"), "{texts}");
    recorder.only()
}

/// Requests a path from an app with these routes, and returns the path in the record.
macro_rules! path_of {
    ($app:expr, $change:expr, $uri:expr) => {{
        let (recorder, log, texts) = log_with_texts();
        let change: fn(BodyLog) -> BodyLog = $change;
        let app = init_service($app.wrap(change(log))).await;
        let req = TestRequest::with_uri($uri).to_request();
        let res = try_call_service(&app, req).await.ok();
        let record = record_without_secret(res, &recorder, &texts).await;
        let (path, message) = (&record["url.path"], &record["message"]);
        let path = path.as_str().unwrap().to_owned();
        assert!(
            message
                .as_str()
                .unwrap()
                .starts_with(&format!("GET {path}")),
            "{record}"
        );
        path
    }};
}

fn reset() -> App<
    impl actix_service::ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .route("/reset/{token}", web::get().to(HttpResponse::Ok))
        .route("/users/{id}", web::get().to(HttpResponse::Ok))
        .route("/fail/{token}", web::get().to(fail))
        .service(
            web::resource("/reject/{token}")
                .wrap(from_fn(|_, _| async {
                    Err::<ServiceResponse, _>(error::ErrorForbidden("no"))
                }))
                .to(HttpResponse::Ok),
        )
        .service(
            web::scope("/u/{secret}").service(
                web::scope("/x")
                    .route("/{id}", web::get().to(HttpResponse::Ok))
                    .route("/only/post", web::post().to(HttpResponse::Ok)),
            ),
        )
        .service(web::resource(["/a/{id}", "/b/{token}"]).to(HttpResponse::Ok))
        .route("/files/{token:.*}", web::get().to(HttpResponse::Ok))
        .route("/m-{token}.json", web::get().to(HttpResponse::Ok))
}

async fn fail() -> Result<HttpResponse, actix_web::Error> {
    Err(error::ErrorInternalServerError("broken"))
}

#[actix_web::test]
async fn route_parameter_with_a_sensitive_name_is_hidden() {
    let long = format!("/reset/{}", SECRET.repeat(1000));
    for (uri, expected) in [
        ("/reset/S3CR3T", "/reset/[REDACTED]"),
        ("/reset/S3CR3T?a=1", "/reset/[REDACTED]"),
        ("/reset/S3CR3T%2Fb", "/reset/[REDACTED]"),
        ("/reset/S3CR3T%ff", "/reset/[REDACTED]"),
        ("/%72eset/S3CR3T", "/%72eset/[REDACTED]"),
        ("http://h/reset/S3CR3T", "/reset/[REDACTED]"),
        ("/users/42", "/users/42"),
        ("/fail/S3CR3T", "/fail/[REDACTED]"),
        ("/reject/S3CR3T", "/reject/[REDACTED]"),
        ("/u/S3CR3T/x/1", "/u/[REDACTED]/x/1"),
        ("/u/S3CR3T/x/only/post", "/u/[REDACTED]/x/only/post"),
        ("/u/S3CR3T/x/y/z", "/u/[REDACTED]/x/y/z"),
        ("/b/S3CR3T", "/b/[REDACTED]"),
        ("/files/S3CR3T/S3CR3T", "/files/[REDACTED]/[REDACTED]"),
        ("/m-S3CR3T.json", "/[REDACTED]"),
        ("/reset/", "/reset/"),
        (&long, "/reset/[REDACTED]"),
    ] {
        assert_eq!(path_of!(reset(), |log| log, uri), expected, "{uri}");
        // There is no room for the route.
        let without_room = path_of!(reset(), |log| log.memory_budget(0), uri);
        assert_eq!(without_room, expected, "{uri}");
    }
}

#[actix_web::test]
async fn names_of_the_logger_decide_about_route_parameters() {
    let kept = |log: BodyLog| log.keep("token");
    assert_eq!(path_of!(reset(), kept, "/reset/abc"), "/reset/abc");
    let none = |log: BodyLog| log.redaction(Redaction::none());
    assert_eq!(path_of!(reset(), none, "/reset/abc"), "/reset/abc");
    let added = |log: BodyLog| log.redact("id");
    assert_eq!(
        path_of!(reset(), added, "/users/S3CR3T"),
        "/users/[REDACTED]"
    );
}

#[actix_web::test]
async fn path_that_another_middleware_rewrote_shows_only_literals_of_the_route() {
    let normalized = || reset().wrap(NormalizePath::trim());
    for (uri, expected) in [
        ("//reset///S3CR3T/", "//reset///[REDACTED]/"),
        ("//reject/S3CR3T/", "//reject/[REDACTED]/"),
    ] {
        assert_eq!(path_of!(normalized(), |log| log, uri), expected);
    }
    let rewritten = || reset().wrap(from_fn(rewrite));
    let shown = path_of!(rewritten(), |log| log, "/v1/S3CR3T");
    assert_eq!(shown, "/[REDACTED]/[REDACTED]");
}

/// Routes requests of `/v1/` as those of `/reset/`.
async fn rewrite<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let path = req.path().replace("/v1/", "/reset/");
    let uri = path.parse().unwrap();
    req.match_info_mut().get_mut().update(&uri);
    next.call(req).await
}

#[actix_web::test]
async fn parameters_of_a_pattern_are_hidden_whether_the_request_is_routed_or_not() {
    let long = format!("/in/{}", SECRET.repeat(1000));
    let app = || {
        App::new()
            .route("/in/{id}", web::get().to(HttpResponse::Ok))
            .service(
                web::scope("/rejected")
                    .wrap(from_fn(|_, _| async {
                        Err::<ServiceResponse, _>(error::ErrorForbidden("no"))
                    }))
                    .route("/{id}", web::get().to(HttpResponse::Ok)),
            )
    };
    let change = |log: BodyLog| {
        log.redact_path("/in/{id}")
            .redact_path("/nowhere/{name:[^/]{2,9}}/x")
            .redact_path("/rejected/{id}")
            .redact_path("/tail/{all}*")
    };
    for (uri, expected) in [
        ("/in/S3CR3T", "/in/[REDACTED]"),
        ("//in//S3CR3T/?a=1", "//in//[REDACTED]/"),
        ("/%69n/S3CR3T%2Fb", "/%69n/[REDACTED]"),
        ("http://h:1/in/S3CR3T", "/in/[REDACTED]"),
        ("/nowhere/S3CR3T/x", "/nowhere/[REDACTED]/x"),
        ("/rejected/S3CR3T", "/rejected/[REDACTED]"),
        ("/tail/S3CR3T/S3CR3T", "/tail/[REDACTED]/[REDACTED]"),
        ("/in/", "/in/"),
        ("/IN/x", "/IN/x"),
        ("/in/a/b", "/in/a/b"),
        (&long, "/in/[REDACTED]"),
    ] {
        assert_eq!(path_of!(app(), change, uri), expected, "{uri}");
        let without_room = |log: BodyLog| {
            log.redact_path("/in/{id}")
                .redact_path("/nowhere/{name}/x")
                .redact_path("/rejected/{id}")
                .redact_path("/tail/{all:.*}")
                .memory_budget(0)
        };
        assert_eq!(path_of!(app(), without_room, uri), expected, "{uri}");
    }
    let shared = |log: BodyLog| log.redaction(Redaction::none().redact_path("/in/{id}"));
    assert_eq!(path_of!(app(), shared, "/in/S3CR3T"), "/in/[REDACTED]");
}

#[actix_web::test]
async fn pattern_applies_to_urls_in_headers() {
    let (recorder, log, texts) = log_with_texts();
    let log = log.redaction(Redaction::none()).redact_path("/in/{id}");
    let redirect = || async {
        HttpResponse::Found()
            .insert_header((header::LOCATION, "/in/S3CR3T?next=1#top"))
            .finish()
    };
    let app = init_service(App::new().default_service(web::to(redirect)).wrap(log)).await;
    let req = TestRequest::default()
        .insert_header((header::REFERER, "https://ann:pw@h:8/in/S3CR3T"))
        .insert_header((header::ORIGIN, "https://h:8"))
        .to_request();
    let res = call_service(&app, req).await;
    let record = record_without_secret(Some(res), &recorder, &texts).await;
    assert_fields(
        &record,
        json!({
            "http.request.header.referer": ["https://ann:pw@h:8/in/[REDACTED]"],
            "http.request.header.origin": ["https://h:8"],
            "http.response.header.location": ["/in/[REDACTED]?next=1#top"],
        }),
    );
}

#[actix_web::test]
async fn hidden_parameter_is_also_hidden_in_the_urls_of_headers() {
    let (recorder, log, texts) = log_with_texts();
    let redirect = || async {
        HttpResponse::Found()
            .insert_header((header::LOCATION, "/reset/S3CR3T/done?a=1"))
            .finish()
    };
    let app = App::new().route("/reset/{token}", web::to(redirect));
    let app = init_service(app.wrap(log)).await;
    let req = TestRequest::with_uri("/reset/S3CR3T")
        .insert_header((header::REFERER, "https://h/reset/S3CR3T"))
        .to_request();
    let res = call_service(&app, req).await;
    let record = record_without_secret(Some(res), &recorder, &texts).await;
    assert_fields(
        &record,
        json!({
            "url.path": "/reset/[REDACTED]",
            "http.request.header.referer": ["https://h/reset/[REDACTED]"],
            "http.response.header.location": ["/reset/[REDACTED]/done?a=1"],
        }),
    );
}

#[actix_web::test]
async fn inner_logger_adds_patterns_to_those_of_the_outer_logger() {
    for (uri, expected) in [
        ("/x/in/S3CR3T", "/x/in/[REDACTED]"),
        ("/x/out/S3CR3T", "/x/out/[REDACTED]"),
        ("/x/name/S3CR3T", "/x/name/[REDACTED]"),
    ] {
        let (recorder, log, texts) = log_with_texts();
        let inner = BodyLog::new().redact_path("/x/in/{id}").redact("name");
        let scope = web::scope("/x")
            .route("/name/{name}", web::get().to(HttpResponse::Ok))
            .wrap(inner);
        let app = App::new()
            .service(scope)
            .wrap(log.redact_path("/x/out/{id}"));
        let app = init_service(app).await;
        let res = call_service(&app, TestRequest::with_uri(uri).to_request()).await;
        let record = record_without_secret(Some(res), &recorder, &texts).await;
        assert_eq!(record["url.path"], expected);
    }
}

#[actix_web::test]
async fn parameters_are_hidden_if_the_handler_panics_or_is_dropped() {
    let routes = || {
        App::new()
            .route("/reset/{token}", web::get().to(panicking))
            .route("/stall/{token}", web::get().to(stalling))
            .wrap(NormalizePath::trim())
    };
    for uri in [
        "/reset/S3CR3T",
        "/stall/S3CR3T",
        "/%73tall//S3CR3T/",
        "/in/reset/S3CR3T",
    ] {
        for budget in [0, 1 << 20] {
            let (recorder, log, texts) = log_with_texts();
            let log = log.memory_budget(budget).redact_path("/in/reset/{id}");
            let app = init_service(routes().wrap(log)).await;
            let req = TestRequest::with_uri(uri).to_request();
            let polled = AssertUnwindSafe(|| call_service(&app, req).now_or_never());
            let _ = catch_unwind(polled).map(drop);
            let record = record_without_secret(None::<ServiceResponse>, &recorder, &texts).await;
            let path = record["url.path"].as_str().unwrap();
            assert!(
                path.trim_end_matches('/').ends_with("/[REDACTED]"),
                "{path}"
            );
        }
    }
    // The route of a path that is cut is found before it is cut.
    let (recorder, log, texts) = log_with_texts();
    let app = init_service(routes().wrap(log)).await;
    let uri = format!("/stall/{}", SECRET.repeat(1000));
    let req = TestRequest::with_uri(&uri).to_request();
    assert!(call_service(&app, req).now_or_never().is_none());
    let record = record_without_secret(None::<ServiceResponse>, &recorder, &texts).await;
    assert_eq!(record["url.path"], "/stall/[REDACTED]");
}

#[actix_web::test]
async fn names_of_an_inner_logger_apply_to_a_truncated_path_without_a_response() {
    let (recorder, log, texts) = log_with_texts();
    let scope = web::scope("/x")
        .route("/{name}/y", web::get().to(stalling))
        .wrap(BodyLog::new().redact("name"));
    let app = init_service(App::new().service(scope).wrap(log)).await;
    let uri = format!("/x/{}/y", SECRET.repeat(1000));
    let req = TestRequest::with_uri(&uri).to_request();
    assert!(call_service(&app, req).now_or_never().is_none());
    let record = record_without_secret(None::<ServiceResponse>, &recorder, &texts).await;
    assert_eq!(record["url.path"], "/x/[REDACTED]");
}

async fn panicking() -> HttpResponse {
    panic!("the handler panics")
}

async fn stalling() -> HttpResponse {
    std::future::pending().await
}

#[test]
fn parameters_are_hidden_if_the_server_stops_and_other_targets_are_shown() {
    let (recorder, log, texts) = log_with_texts();
    let (started, when_started) = mpsc::channel();
    let log = log.redact_path("/{any}");
    let server = Server::http1(move || {
        let started = started.clone();
        let stall = move || {
            started.send(()).unwrap();
            stalling()
        };
        App::new()
            .route("/stall/{token}", web::get().to(stall))
            .wrap(log.clone())
    });
    for (target, method, expected) in [
        ("a.example:443", "CONNECT", "a.example:443"),
        ("*", "OPTIONS", "*"),
        ("http://a/S3CR3T", "GET", "/[REDACTED]"),
        ("/S3CR3T", "GET", "/[REDACTED]"),
    ] {
        let count = recorder.records().len();
        let request = format!("{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        server.exchange(request);
        let record = recorder.wait_for(count + 1).remove(count);
        assert_eq!(record["url.path"], expected);
    }
    // The server stops while the handler runs.
    let mut client = server.connect();
    let request = b"GET /stall/S3CR3T HTTP/1.1\r\nhost: a\r\n\r\n";
    client.write_all(request).unwrap();
    when_started.recv_timeout(TEST_TIMEOUT).unwrap();
    drop(server);
    let record = recorder.wait_for(5).remove(4);
    assert_fields(
        &record,
        json!({"url.path": "/stall/[REDACTED]", "exchange.outcome": "aborted"}),
    );
    let texts = texts.lock().unwrap();
    assert!(!texts.contains(SECRET), "{texts}");
}

#[actix_web::test]
async fn path_with_thousands_of_slashes_is_shown() {
    let uri = "/x".repeat(3000) + &"/".repeat(3000);
    let change =
        |log: BodyLog| (0..100).fold(log, |log, n| log.redact_path(format!("/{n}/{{id}}")));
    let shown = path_of!(reset(), change, &uri);
    assert_eq!(shown, uri[..2048]);
}
