//! The logger among other middleware: the record for each wrap order, and nested loggers.

mod support;

use std::{future::poll_fn, pin::Pin, time::Duration};

use actix_bodylog::{BodyLog, BodyPolicy, RecordExt as _};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::{StatusCode, header},
    middleware::{Compat, Compress, Condition, Next, NormalizePath, from_fn},
    test::{TestRequest, call_and_read_body, call_service, init_service, read_body},
    web,
};
use futures_util::{StreamExt as _, stream};
use log::Level;

use support::{Recorder, Server, script::request};

fn get(uri: &str) -> actix_http::Request {
    TestRequest::with_uri(uri).to_request()
}

fn get_with_gzip(uri: &str) -> actix_http::Request {
    let req = TestRequest::with_uri(uri);
    req.insert_header((header::ACCEPT_ENCODING, "gzip"))
        .to_request()
}

async fn long_text() -> String {
    "compress me ".repeat(50)
}

fn gzip_request() -> Vec<u8> {
    request("GET", "/", "accept-encoding: gzip\r\nconnection: close\r\n")
}

#[test]
fn logger_inside_compress_records_plain_text_and_its_size() {
    let (recorder, log) = Recorder::with_full_log();
    let server = Server::http1(move || {
        App::new()
            .route("/", web::to(long_text))
            .wrap(log.clone())
            .wrap(Compress::default())
    });
    let response = server.exchange(gzip_request());
    let head = String::from_utf8_lossy(&response);
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let record = &recorder.wait_for(1)[0];
    assert_eq!(
        record["http.response.body.content"],
        "compress me ".repeat(50)
    );
    assert_eq!(record["http.response.body.size"], 600);
    assert_eq!(record.get("exchange.response.omitted"), None);
    assert_eq!(record["exchange.outcome"], "completed");
}

#[cfg(feature = "compress-gzip")]
#[test]
fn logger_outside_compress_records_decoded_text_and_the_compressed_size() {
    let (recorder, log) = Recorder::with_full_log();
    let server = Server::http1(move || {
        App::new()
            .route("/", web::to(long_text))
            .wrap(Compress::default())
            .wrap(log.clone())
    });
    let response = server.exchange(gzip_request());
    assert!(String::from_utf8_lossy(&response).contains("content-encoding: gzip"));
    let record = &recorder.wait_for(1)[0];
    assert_eq!(
        record["http.response.body.content"],
        "compress me ".repeat(50)
    );
    assert_eq!(record.get("exchange.response.truncated"), None);
    let size = record["http.response.body.size"].as_u64().unwrap();
    assert!((1..600).contains(&size), "{size}");
    assert_eq!(record["exchange.outcome"], "completed");
}

#[test]
fn logger_outside_compress_records_plain_text_for_a_client_without_accept_encoding() {
    let (recorder, log) = Recorder::with_full_log();
    let server = Server::http1(move || {
        App::new()
            .route("/", web::to(long_text))
            .wrap(Compress::default())
            .wrap(log.clone())
    });
    server.exchange(request("GET", "/", "connection: close\r\n"));
    let record = &recorder.wait_for(1)[0];
    assert_eq!(
        record["http.response.body.content"],
        "compress me ".repeat(50)
    );
}

#[actix_web::test]
async fn response_in_memory_is_completed_when_a_resource_or_compress_takes_it() {
    let gzip = || get_with_gzip("/");
    let (recorder, log) = Recorder::with_full_log();
    let app = App::new().service(web::resource("/").wrap(log).to(long_text));
    let _res = call_service(&init_service(app).await, gzip()).await;
    assert_eq!(recorder.only()["exchange.outcome"], "completed");

    let (recorder, log) = Recorder::with_full_log();
    let app = App::new().route("/", web::to(long_text));
    let app = app.wrap(log).wrap(Compress::default());
    let _res = call_service(&init_service(app).await, gzip()).await;
    assert_eq!(recorder.only()["exchange.outcome"], "completed");

    // The outermost logger sees when the response is read.
    let (recorder, log) = Recorder::with_full_log();
    let app = App::new().route("/", web::to(long_text)).wrap(log);
    let res = call_service(&init_service(app).await, gzip()).await;
    recorder.wait_for(0);
    read_body(res).await;
    assert_eq!(recorder.only()["exchange.outcome"], "completed");
}

#[actix_web::test]
async fn empty_body_that_compress_drops_is_completed() {
    for path in ["/empty", "/none", "/204"] {
        let (recorder, log) = Recorder::with_full_log();
        let app = App::new()
            .route("/empty", web::to(|| async { "" }))
            .route("/none", web::to(HttpResponse::Ok))
            .route("/204", web::to(HttpResponse::NoContent))
            .wrap(log)
            .wrap(Compress::default());
        let app = init_service(app).await;
        let body = call_and_read_body(&app, get_with_gzip(path)).await;
        assert_eq!(body.len(), 0, "{path}");
        let record = recorder.only();
        assert_eq!(record["exchange.outcome"], "completed", "{path}");
        assert_eq!(record["http.response.body.size"], 0, "{path}");
    }
}

#[actix_web::test]
async fn response_that_outer_middleware_replaces_is_recorded_as_the_inner_one() {
    let (recorder, log) = Recorder::with_full_log();
    let inner = || async { HttpResponse::InternalServerError().body("inner") };
    let app = App::new()
        .route("/", web::to(inner))
        .wrap(log)
        .wrap(from_fn(replace));
    let app = init_service(app).await;

    async fn replace(
        req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let res = next.call(req).await?;
        Ok(res.into_response(HttpResponse::Ok().body("outer")))
    }

    let res = call_service(&app, get("/")).await;
    assert_eq!(res.status(), StatusCode::OK);
    assert_eq!(read_body(res).await, "outer");
    let record = recorder.only();
    assert_eq!(record["http.response.status_code"], 500);
    assert_eq!(record["http.response.body.size"], 0);
    assert_eq!(record["exchange.outcome"], "replaced");
    assert_eq!(record["exchange.level_reason"], "status");
}

#[actix_web::test]
async fn condition_switches_the_logger_on_and_off() {
    for on in [true, false] {
        let (recorder, log) = Recorder::with_full_log();
        let app = init_service(
            App::new()
                .route("/", web::to(long_text))
                .wrap(Condition::new(on, log)),
        )
        .await;
        assert_eq!(call_and_read_body(&app, get("/")).await.len(), 600);
        assert_eq!(recorder.records().len(), usize::from(on));
    }
}

#[actix_web::test]
async fn logger_in_compat_records_once() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .service(
                web::scope("/a")
                    .route("/b", web::to(long_text))
                    .wrap(Compat::new(log.clone())),
            )
            .wrap(Compat::new(Condition::new(true, Compat::new(log)))),
    )
    .await;
    assert_eq!(call_and_read_body(&app, get("/a/b")).await.len(), 600);
    let record = recorder.only();
    assert_eq!(record["http.response.body.size"], 600);
}

#[actix_web::test]
async fn logger_around_an_app_records_matched_refused_and_unmatched_requests() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .service(web::resource("/here").route(web::get().to(long_text)))
            .wrap(log),
    )
    .await;
    for (uri, method, status) in [
        ("/here", "GET", 200),
        ("/here", "POST", 405),
        ("/nowhere", "GET", 404),
    ] {
        let req = TestRequest::with_uri(uri)
            .method(method.parse().unwrap())
            .to_request();
        assert_eq!(call_service(&app, req).await.status(), status);
    }
    let seen: Vec<_> = recorder
        .records()
        .iter()
        .map(|record| {
            let route = record
                .get("http.route")
                .map(|route| route.as_str().unwrap().to_owned());
            (record["http.response.status_code"].as_u64().unwrap(), route)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (200, Some("/here".into())),
            (405, Some("/here".into())),
            (404, None)
        ]
    );
}

#[actix_web::test]
async fn logger_around_a_scope_records_only_requests_of_that_scope() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .service(
                web::scope("/mine")
                    .route("/here", web::to(long_text))
                    .wrap(log),
            )
            .service(web::scope("/other").route("/here", web::to(long_text)))
            .route("/minelike", web::to(long_text)),
    )
    .await;
    for uri in [
        "/mine/here",
        "/other/here",
        "/minelike",
        "/nowhere",
        "/mine/nowhere",
    ] {
        call_service(&app, get(uri)).await;
    }
    let records = recorder.records();
    let seen: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record["url.path"].as_str().unwrap(),
                record.get("http.route"),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("/mine/here", Some(&"/mine/here".into())),
            ("/mine/nowhere", None)
        ]
    );
}

#[actix_web::test]
async fn logger_around_a_resource_records_its_405() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .service(
                web::resource("/r/{id}")
                    .wrap(log)
                    .route(web::get().to(long_text)),
            )
            .service(web::resource("/other").to(long_text)),
    )
    .await;
    let post = TestRequest::post().uri("/r/1").to_request();
    assert_eq!(
        call_service(&app, post).await.status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    call_service(&app, get("/other")).await;
    call_service(&app, get("/r")).await;
    let record = recorder.only();
    assert_eq!(record["http.response.status_code"], 405);
    assert_eq!(record["http.route"], "/r/{id}");
}

#[actix_web::test]
async fn route_names_the_resource_whose_guard_or_routes_refused() {
    let (recorder, log) = Recorder::with_full_log();
    let key = || guard::Header("x-key", "1");
    let app = init_service(
        App::new()
            .service(web::resource("/a/{x}").route(web::route().guard(key()).to(long_text)))
            .service(web::resource("/b/{x}").guard(key()).to(long_text))
            .wrap(log),
    )
    .await;
    call_service(&app, get("/a/1")).await;
    call_service(&app, get("/b/1")).await;
    let records = recorder.wait_for(2);
    assert_eq!(records[0]["http.route"], "/a/{x}");
    assert_eq!(records[0]["http.response.status_code"], 405);
    assert_eq!(records[1]["http.route"], "/b/{x}");
    assert_eq!(records[1]["http.response.status_code"], 404);
}

#[actix_web::test]
async fn logger_outside_normalize_path_records_the_received_path_and_the_matched_route() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .route("/a/{b}", web::to(long_text))
            .wrap(NormalizePath::trim())
            .wrap(log),
    )
    .await;
    call_service(&app, get("//a///b/?c=d")).await;
    let record = recorder.only();
    assert_eq!(record["url.path"], "//a///b/");
    assert_eq!(record["message"], "GET //a///b/?c=d");
    assert_eq!(record["http.route"], "/a/{b}");
}

#[actix_web::test]
async fn logger_inside_normalize_path_records_the_normalized_path() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .route("/a/{b}", web::to(long_text))
            .wrap(log)
            .wrap(NormalizePath::trim()),
    )
    .await;
    call_service(&app, get("//a///b/?c=d")).await;
    let record = recorder.only();
    assert_eq!(record["url.path"], "/a/b");
    assert_eq!(record["url.query"], "c=d");
    assert_eq!(record["http.route"], "/a/{b}");
}

#[actix_web::test]
async fn route_of_nested_scopes_is_the_whole_pattern() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .service(web::scope("/v{version}").service(
                web::scope("/users").service(web::resource("/{id}/{rest:.*}").to(long_text)),
            ))
            .wrap(log),
    )
    .await;
    call_service(&app, get("/v1/users/7/a/b")).await;
    assert_eq!(
        recorder.only()["http.route"],
        "/v{version}/users/{id}/{rest:.*}"
    );
}

/// Makes an application with a nested logger around the scope `/in`, and without one around `/out`.
async fn nested(
    outer: BodyLog,
    inner: BodyLog,
) -> impl actix_web::dev::Service<
    actix_http::Request,
    Response = ServiceResponse<impl MessageBody>,
    Error = Error,
> {
    let echo = |body: String| async { body };
    init_service(
        App::new()
            .service(web::scope("/in").route("", web::to(echo)).wrap(inner))
            .route("/out", web::to(echo))
            .wrap(outer),
    )
    .await
}

fn post(uri: &str, text: &'static str) -> actix_http::Request {
    TestRequest::post()
        .uri(uri)
        .insert_header(header::ContentType::plaintext())
        .set_payload(text)
        .to_request()
}

#[actix_web::test]
async fn nested_logger_sets_the_rules_and_shares_sinks_budget_and_counters_of_the_outer() {
    let (outer_recorder, outer) = Recorder::with_full_log();
    let (inner_recorder, inner) = Recorder::with_full_log();
    let inner = inner
        .request_limit(3)
        .response_limit(5)
        .success_level(Level::Info);
    let app = nested(outer.clone(), inner.clone()).await;
    assert_eq!(
        call_and_read_body(&app, post("/in", "0123456789")).await,
        "0123456789"
    );
    let record = outer_recorder.only();
    assert_eq!(record["http.request.body.content"], "012");
    assert_eq!(record["http.response.body.content"], "01234");
    assert_eq!(record["http.request.body.size"], 10);
    assert_eq!(record["level"], "INFO");

    call_and_read_body(&app, post("/out", "0123456789")).await;
    let record = &outer_recorder.wait_for(2)[1];
    assert_eq!(record["http.request.body.content"], "0123456789");
    assert_eq!(record["level"], "DEBUG");

    inner_recorder.wait_for(0);
    assert_eq!(outer.stats().records, 2);
    assert_eq!(inner.stats().records, 0);
    assert_eq!((outer.stats().in_flight, outer.stats().budget_used), (0, 0));
    assert!(outer.stats().budget_peak > 0);
    assert_eq!(inner.stats().budget_peak, 0);
}

#[actix_web::test]
async fn nested_logger_can_raise_the_limits() {
    let (recorder, outer) = Recorder::with_full_log();
    let inner = BodyLog::new().request_limit(64).response_limit(64);
    let app = nested(outer.request_limit(2).response_limit(2), inner).await;
    call_and_read_body(&app, post("/in", "0123456789")).await;
    let record = recorder.only();
    assert_eq!(record["http.request.body.content"], "0123456789");
    assert_eq!(record["http.response.body.content"], "0123456789");
    assert_eq!(record.get("exchange.request.truncated"), None);
}

#[actix_web::test]
async fn nested_logger_sets_response_policy_and_code_rules() {
    let (recorder, outer) = Recorder::with_full_log();
    let inner = BodyLog::new()
        .response_body(BodyPolicy::Never)
        .code_field("/error/number")
        .code_levels(|number| (number == 7).then_some(Level::Error));
    let json = || async { web::Json(serde_json::json!({"code": 0, "error": {"number": 7}})) };
    let app = init_service(
        App::new()
            .service(web::resource("/in").wrap(inner).to(json))
            .route("/out", web::to(json))
            .wrap(outer),
    )
    .await;
    call_and_read_body(&app, get("/in")).await;
    call_and_read_body(&app, get("/out")).await;
    let records = recorder.wait_for(2);
    assert_eq!(records[0]["exchange.code"], 7);
    assert_eq!(records[0]["level"], "ERROR");
    assert_eq!(records[0]["exchange.response.omitted"], "disabled");
    assert_eq!(records[1]["exchange.code"], 0);
    assert_eq!(records[1]["level"], "DEBUG");
    assert!(records[1]["http.response.body.content"].is_string());
}

#[actix_web::test]
async fn request_excluded_by_the_outer_logger_is_not_recorded_by_the_nested_one() {
    let (outer_recorder, outer) = Recorder::with_full_log();
    let (inner_recorder, inner) = Recorder::with_full_log();
    let outer = outer.exclude_if(|req| req.path() == "/in");
    let app = nested(outer.clone(), inner.clone()).await;
    assert_eq!(call_and_read_body(&app, post("/in", "text")).await, "text");
    outer_recorder.wait_for(0);
    inner_recorder.wait_for(0);
    assert_eq!(outer.stats().excluded, 1);
    // The next request is recorded.
    call_and_read_body(&app, post("/out", "text")).await;
    outer_recorder.wait_for(1);
}

#[actix_web::test]
async fn request_excluded_by_the_nested_logger_is_not_recorded_by_the_outer_one() {
    let (outer_recorder, outer) = Recorder::with_full_log();
    let (inner_recorder, inner) = Recorder::with_full_log();
    let inner = inner.exclude_if(|req| req.headers().contains_key("x-exclude"));
    let app = nested(outer.clone(), inner).await;
    let excluded = TestRequest::post()
        .uri("/in")
        .insert_header(("x-exclude", "1"))
        .to_request();
    call_and_read_body(&app, excluded).await;
    outer_recorder.wait_for(0);
    call_and_read_body(&app, post("/in", "text")).await;
    outer_recorder.wait_for(1);
    inner_recorder.wait_for(0);
}

#[actix_web::test]
async fn request_excluded_by_the_middle_of_three_loggers_is_not_recorded() {
    let (recorder, outer) = Recorder::with_full_log();
    let between = BodyLog::new().exclude_if(|_| true);
    let app = App::new()
        .service(
            web::scope("/in").wrap(between).service(
                web::resource("/deep")
                    .wrap(BodyLog::new())
                    .to(HttpResponse::Ok),
            ),
        )
        .wrap(outer);
    let app = init_service(app).await;
    call_and_read_body(&app, get("/in/deep")).await;
    recorder.wait_for(0);
}

#[actix_web::test]
async fn nested_off_logger_prevents_the_record() {
    let (recorder, log) = Recorder::with_full_log();
    let failing = || async { HttpResponse::InternalServerError().finish() };
    let app = App::new()
        .service(web::resource("/metrics").wrap(BodyLog::off()).to(failing))
        .route("/out", web::to(long_text))
        .wrap(log.clone());
    let app = init_service(app).await;
    assert_eq!(call_service(&app, get("/metrics")).await.status(), 500);
    recorder.wait_for(0);
    assert_eq!(log.stats().excluded, 1);
    call_and_read_body(&app, get("/out")).await;
    recorder.wait_for(1);
}

#[actix_web::test]
async fn request_under_a_nested_off_logger_holds_no_memory_and_does_not_delay_drain() {
    let (recorder, log) = Recorder::with_full_log();
    let endless =
        |body: web::Payload| async { HttpResponse::Ok().streaming(body.chain(stream::pending())) };
    let app = App::new()
        .service(web::resource("/events").wrap(BodyLog::off()).to(endless))
        .wrap(log.clone());
    let app = init_service(app).await;
    let req = TestRequest::post()
        .uri("/events")
        .set_payload("x".repeat(1000));
    let mut body = call_service(&app, req.to_request()).await.into_body();
    let chunk = poll_fn(|cx| Pin::new(&mut body).poll_next(cx))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(chunk.len(), 1000);
    let stats = log.stats();
    assert_eq!(
        (stats.in_flight, stats.budget_used, stats.excluded),
        (0, 0, 1)
    );
    assert_eq!(log.drain(Duration::ZERO).await, Ok(()));
    drop(body);
    assert_eq!(log.stats(), stats);
    recorder.wait_for(0);
}

#[actix_web::test]
async fn outer_off_logger_switches_off_nested_loggers() {
    let (recorder, log) = Recorder::with_full_log();
    let app = App::new()
        .default_service(web::to(long_text))
        .wrap(log)
        .wrap(BodyLog::off().sink(recorder.clone()));
    let app = init_service(app).await;
    call_and_read_body(&app, get("/")).await;
    recorder.wait_for(0);
}

#[actix_web::test]
async fn path_that_is_quiet_in_the_nested_logger_is_recorded_on_failure() {
    let (recorder, outer) = Recorder::with_full_log();
    let inner = BodyLog::new().quiet("/health");
    let health = |req: HttpRequest| async move {
        match req.query_string() {
            "fail" => HttpResponse::ServiceUnavailable(),
            _ => HttpResponse::Ok(),
        }
        .finish()
    };
    let app = init_service(
        App::new()
            .service(web::resource("/health").wrap(inner).to(health))
            .wrap(outer),
    )
    .await;
    call_and_read_body(&app, get("/health")).await;
    recorder.wait_for(0);
    call_and_read_body(&app, get("/health?fail")).await;
    assert_eq!(recorder.only()["http.response.status_code"], 503);
}

#[actix_web::test]
async fn same_logger_wrapped_five_times_makes_one_record() {
    let (recorder, log) = Recorder::with_full_log();
    let echo = |req: HttpRequest, body: String| async move {
        req.record_field("tenant", "acme");
        body
    };
    let app = init_service(
        App::new()
            .service(
                web::scope("/a")
                    .service(
                        web::scope("/b")
                            .service(web::resource("/c").wrap(log.clone()).to(echo))
                            .wrap(log.clone()),
                    )
                    .wrap(log.clone()),
            )
            .wrap(log.clone())
            .wrap(log.clone()),
    )
    .await;
    assert_eq!(
        call_and_read_body(&app, post("/a/b/c", "text")).await,
        "text"
    );
    let record = recorder.only();
    // Each byte is counted once, not once per wrap.
    assert_eq!(record["http.request.body.size"], 4);
    assert_eq!(record["http.response.body.size"], 4);
    assert_eq!(record["tenant"], "acme");
    assert_eq!(log.stats().records, 1);
}

#[actix_web::test]
async fn error_of_middleware_between_two_loggers_is_in_the_record() {
    let (recorder, outer) = Recorder::with_full_log();
    let (inner_recorder, inner) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .route("/", web::to(long_text))
            .wrap(inner)
            .wrap(from_fn(fail_afterwards))
            .wrap(outer),
    )
    .await;

    async fn fail_afterwards(
        req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        drop(next.call(req).await?);
        Err::<ServiceResponse, _>(actix_web::error::ErrorBadGateway("changed my mind"))
    }

    let error = actix_web::dev::Service::call(&app, get("/"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.error_response().status(), StatusCode::BAD_GATEWAY);
    drop(error);
    let record = recorder.only();
    assert_eq!(record["http.response.status_code"], 502);
    assert_eq!(record["exception.message"], "changed my mind");
    inner_recorder.wait_for(0);
}

#[actix_web::test]
async fn body_passes_many_layers_unchanged() {
    let (recorder, log) = Recorder::with_full_log();
    let app = init_service(
        App::new()
            .route("/", web::to(long_text))
            .wrap(Condition::new(true, log.clone()))
            .wrap(NormalizePath::trim())
            .wrap(Compress::default())
            .wrap(Compat::new(log.clone()))
            .wrap(Condition::new(false, log)),
    )
    .await;
    let res = call_service(&app, get("/")).await;
    assert_eq!(read_body(res).await, "compress me ".repeat(50));
    assert_eq!(recorder.only()["http.response.body.size"], 600);
}

#[actix_web::test]
async fn not_found_behind_an_outer_error_handler_is_replaced_and_not_a_client_that_left() {
    use actix_web::middleware::{ErrorHandlerResponse, ErrorHandlers};

    let (recorder, log) = Recorder::with_full_log();
    let server = Server::http1(move || {
        let page = |res: ServiceResponse<_>| {
            let (req, res) = res.into_parts();
            let res = res.set_body("a page for people").map_into_boxed_body();
            let res = ServiceResponse::new(req, res).map_into_right_body();
            Ok(ErrorHandlerResponse::Response(res))
        };
        let not_found = || async { HttpResponse::NotFound().body("nothing here") };
        App::new()
            .route("/found", web::to(long_text))
            .default_service(web::to(not_found))
            .wrap(log.clone())
            .wrap(ErrorHandlers::new().handler(StatusCode::NOT_FOUND, page))
    });
    let response = server.exchange(request("GET", "/missing", "connection: close\r\n"));
    assert!(String::from_utf8_lossy(&response).ends_with("a page for people"));
    let record = &recorder.wait_for(1)[0];
    assert_eq!(record["exchange.outcome"], "replaced");
    assert_eq!(
        (&record["level"], &record["exchange.level_reason"]),
        (&"WARN".into(), &"status".into())
    );
    server.exchange(request("GET", "/found", "connection: close\r\n"));
    assert_eq!(recorder.wait_for(2)[1]["exchange.outcome"], "completed");
}
