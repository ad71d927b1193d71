//! Errors of handlers, extractors, inner middleware and bodies.

use std::future::ready;

use actix_web::{
    HttpResponse, ResponseError,
    dev::Payload,
    error::{ErrorForbidden, ErrorInternalServerError, InternalError, PayloadError},
    test::TestRequest,
    web,
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use super::*;
use crate::support::assert_fields;

#[actix_web::test]
async fn error_of_a_handler_is_recorded_with_its_response() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = || async { Err::<String, _>(ErrorInternalServerError("no disk")) };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let (status, body) = deliver(app.call(TestRequest::get().to_request()).await).await;
    assert_eq!((status.as_u16(), &*body), (500, &b"no disk"[..]));
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "level": "ERROR",
            "http.response.status_code": 500,
            "http.response.body.size": 7,
            "http.response.body.content": "no disk",
            "exception.message": "no disk",
        }),
    );
}

#[actix_web::test]
async fn error_of_an_extractor_is_recorded_with_its_status() {
    // The announced length is already over the limit, so the extractor reads nothing.
    for (limit, body, status, read) in [(100, "not json", 400, 8), (4, r#""too long""#, 413, 0)] {
        let (recorder, log) = Recorder::with_log();
        let app = app(&log, |routes| {
            let handler = |json: web::Json<String>| async { json.into_inner() };
            routes
                .app_data(web::JsonConfig::default().limit(limit))
                .route("/", web::post().to(handler));
        })
        .await;
        let request = TestRequest::post()
            .insert_header(("content-type", "application/json"))
            .set_payload(body)
            .to_request();
        assert_eq!(deliver(app.call(request).await).await.0.as_u16(), status);
        let record = only_record(&recorder, &log);
        assert_fields(
            &record,
            json!({
                "exchange.outcome": "completed",
                "level": "WARN",
                "http.response.status_code": status,
                "http.request.body.size": read,
                "exchange.request.unread": if read == 0 { json!(true) } else { Value::Null },
            }),
        );
        assert!(record["exception.message"].is_string(), "{record:#}");
    }
}

/// Makes an app with a middleware inside the logger that returns this error, and another one outside.
macro_rules! rejecting {
    ($log:expr, $error:expr, $outer:expr) => {
        init_service(
            App::new()
                .wrap_fn(move |_, _| ready(Err::<ServiceResponse, Error>($error.into())))
                .wrap($log.clone())
                .wrap_fn($outer),
        )
        .await
    };
}

#[actix_web::test]
async fn error_of_inner_middleware_is_recorded_with_its_response() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, ErrorForbidden("not you"), |req, srv| srv.call(req));
    let result = app.call(TestRequest::get().to_request()).await;
    assert_eq!(
        log.stats().in_flight,
        1,
        "the error has not become a response yet"
    );
    let (status, body) = deliver(result).await;
    assert_eq!((status.as_u16(), &*body), (403, &b"not you"[..]));
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "level": "WARN",
            "http.response.status_code": 403,
            "http.response.body.size": 7,
            "exception.message": "not you",
        }),
    );
}

#[actix_web::test]
async fn error_that_makes_several_responses_has_one_record_of_the_last() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, ErrorForbidden("not you"), |req, srv| {
        let result = srv.call(req);
        async {
            result.await.inspect_err(|error| {
                assert_eq!(error.error_response().status().as_u16(), 403);
                assert_eq!(error.error_response().status().as_u16(), 403);
            })
        }
    });
    let result = app.call(TestRequest::get().to_request()).await;
    assert_eq!(
        recorder.records().len(),
        0,
        "calling error_response does not end the exchange"
    );
    assert_eq!(deliver(result).await.1, "not you");
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "http.response.status_code": 403,
            // The bytes of one response, not of three.
            "http.response.body.size": 7,
            "exception.message": "not you",
        }),
    );
}

#[actix_web::test]
async fn error_that_outer_middleware_replaces_is_failed() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, ErrorForbidden("not you"), |req, srv| {
        let result = srv.call(req);
        async { result.await.map_err(|_| ErrorInternalServerError("other")) }
    });
    let result = app.call(TestRequest::get().to_request()).await;
    let record = only_record(&recorder, &log);
    assert_eq!(deliver(result).await.0.as_u16(), 500);
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "failed",
            "level": "ERROR",
            "http.response.status_code": 403,
            "http.response.body.size": null,
            "exception.message": "not you",
        }),
    );
    only_record(&recorder, &log);
}

#[actix_web::test]
async fn error_that_outer_middleware_converts_with_from_err_is_failed_with_its_status() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, ErrorForbidden("not you"), |req, srv| {
        let request = req.request().clone();
        // Routing would need the only reference to the request. This app has no routes.
        let result = srv.call(req);
        async move {
            match result.await {
                Ok(res) => Ok(res.map_into_boxed_body()),
                Err(error) => Ok(ServiceResponse::from_err(error, request)),
            }
        }
    });
    let (status, body) = deliver(app.call(TestRequest::get().to_request()).await).await;
    assert_eq!((status.as_u16(), &*body), (403, &b"not you"[..]));
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "failed",
            "level": "ERROR",
            "http.response.status_code": 403,
            "exception.message": "not you",
        }),
    );
}

#[actix_web::test]
async fn response_inside_an_internal_error_stays_unchanged() {
    let (recorder, log) = Recorder::with_log();
    let error = || {
        let response = HttpResponse::ImATeapot()
            .insert_header(("x-own", "kept"))
            .body("short and stout");
        InternalError::from_response("no coffee", response)
    };
    let app = rejecting!(log, error(), |req, srv| srv.call(req));
    let Err(error) = app.call(TestRequest::get().to_request()).await else {
        panic!("the middleware returned an error");
    };
    let response: Response<BoxBody> = error.into();
    assert_eq!(response.status().as_u16(), 418);
    assert_eq!(response.headers().get("x-own").unwrap(), "kept");
    let body = to_bytes(response.into_body()).await.unwrap();
    assert_eq!(body, "short and stout");
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "level": "WARN",
            "http.response.status_code": 418,
            "http.response.body.size": 15,
            "exception.message": "no coffee",
        }),
    );
}

/// An error that makes a new streaming response on each call.
#[derive(Debug)]
struct Streaming;

impl fmt::Display for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("streamed")
    }
}

impl ResponseError for Streaming {
    fn error_response(&self) -> HttpResponse {
        let script = Script::new([Step::Chunk("one"), Step::Chunk("two")]);
        HttpResponse::BadGateway().body(script)
    }
}

#[actix_web::test]
async fn error_with_a_streaming_response_is_recorded_at_the_end_of_the_stream() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, Streaming, |req, srv| {
        let result = srv.call(req);
        async {
            result
                .await
                .inspect_err(|error| drop(error.error_response()))
        }
    });
    let Err(error) = app.call(TestRequest::get().to_request()).await else {
        panic!("the middleware returned an error");
    };
    let response: Response<BoxBody> = error.into();
    assert_eq!(recorder.records().len(), 0);
    let body = to_bytes(response.into_body()).await.unwrap();
    assert_eq!(body, "onetwo");
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "level": "ERROR",
            "http.response.status_code": 502,
            "http.response.body.size": 6,
            "exception.message": "streamed",
        }),
    );
}

#[actix_web::test]
async fn error_whose_streaming_response_is_dropped_is_aborted() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, Streaming, |req, srv| srv.call(req));
    let Err(error) = app.call(TestRequest::get().to_request()).await else {
        panic!("the middleware returned an error");
    };
    let response: Response<BoxBody> = error.into();
    let mut body = Box::pin(response.into_body());
    assert!(matches!(poll_body(body.as_mut()), Poll::Ready(Some(Ok(_)))));
    drop(body);
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "aborted",
            "http.response.status_code": 502,
            "http.response.body.size": 3,
        }),
    );
}

/// An error whose text and status panic.
#[derive(Debug)]
struct Hostile;

impl fmt::Display for Hostile {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text")
    }
}

impl ResponseError for Hostile {
    fn status_code(&self) -> StatusCode {
        panic!("no status")
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::BadGateway().body("made")
    }
}

#[actix_web::test]
async fn error_whose_text_panics_is_recorded_with_its_response() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, Hostile, |req, srv| srv.call(req));
    let (status, body) = deliver(app.call(TestRequest::get().to_request()).await).await;
    assert_eq!((status.as_u16(), &*body), (502, &b"made"[..]));
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "http.response.status_code": 502,
            "exception.message": null,
        }),
    );
}

#[actix_web::test]
async fn error_whose_text_and_status_panic_is_failed_if_no_response_is_built_from_it() {
    let (recorder, log) = Recorder::with_log();
    let app = rejecting!(log, Hostile, |req, srv| srv.call(req));
    drop(app.call(TestRequest::get().to_request()).await);
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "failed", "level": "ERROR"}),
    );
}

#[actix_web::test]
async fn failing_response_body_is_failed_with_the_cause() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let script = || Script::new([Step::Chunk("half"), Step::Pending, Step::Fail]);
        let handler = move || async move { HttpResponse::Ok().message_body(script()) };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    assert!(to_bytes(res.into_body()).await.is_err());
    let record = only_record(&recorder, &log);
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "failed",
            "level": "ERROR",
            "http.response.status_code": 200,
            "http.response.body.size": 4,
        }),
    );
    let error = record["exception.message"].as_str().unwrap();
    assert!(error.contains("the body failed"), "{error}");
    assert!(error.contains("the disk is full"), "{error}");
}

#[actix_web::test]
async fn error_of_the_payload_that_a_body_owns_is_recorded_once() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = || async {
            let stream = stream::iter([Err::<Bytes, _>(PayloadError::Overflow)]);
            HttpResponse::Ok().streaming(stream)
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    assert!(to_bytes(res.into_body()).await.is_err());
    let record = only_record(&recorder, &log);
    assert_fields(&record, json!({"exchange.outcome": "failed"}));
    let error = record["exception.message"].as_str().unwrap();
    assert_eq!(
        error.matches(&PayloadError::Overflow.to_string()).count(),
        1,
        "{error}"
    );
}

#[actix_web::test]
async fn first_error_of_the_payload_is_recorded() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = |mut body: web::Payload| async move {
            while body.next().await.is_some() {}
            "read"
        };
        routes.route("/", web::post().to(handler));
    })
    .await;
    let errors = [PayloadError::Overflow, PayloadError::UnknownLength];
    let payload = stream::iter(errors.map(Err::<Bytes, _>)).boxed_local();
    let (request, _) = TestRequest::post()
        .to_request()
        .replace_payload(Payload::from(payload));
    deliver(app.call(request).await).await;
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "exception.message": PayloadError::Overflow.to_string(),
        }),
    );
}

#[test]
fn error_of_inner_middleware_is_sent_and_recorded_over_http1() {
    let (recorder, log) = Recorder::with_log();
    let wrap = log.clone();
    let server = Server::http1(move || {
        App::new()
            .wrap_fn(|_, _| ready(Err::<ServiceResponse, _>(ErrorForbidden("not you"))))
            .wrap(wrap.clone())
    });
    let site = Site {
        server,
        log,
        recorder,
    };
    let response = site
        .server
        .exchange("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    assert!(response.ends_with("\r\n\r\nnot you"), "{response}");
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "completed",
            "http.response.status_code": 403,
            "http.response.body.size": 7,
        }),
    );
}
