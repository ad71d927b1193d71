//! Responses that are read to their end.

use std::{cell::RefCell, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, dev::Payload, http::Method, test::TestRequest, web};
use futures_util::StreamExt as _;
use serde_json::json;

use super::*;
use crate::support::assert_fields;

#[actix_web::test]
async fn response_read_to_its_end_is_completed() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        routes.route("/", web::post().to(|body: String| async move { body }));
    })
    .await;
    let request = TestRequest::post().set_payload("hello").to_request();
    let result = app.call(request).await;
    assert_eq!(recorder.records().len(), 0, "the body is not read yet");
    assert_eq!(log.stats().in_flight, 1);
    assert_ne!(log.stats().budget_used, 0);

    assert_eq!(deliver(result).await.1, "hello");
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "level": "DEBUG",
            "http.response.status_code": 200,
            "http.request.body.size": 5,
            "http.response.body.size": 5,
            "http.response.body.content": "hello",
            "exception.message": null,
        }),
    );
}

#[actix_web::test]
async fn stream_is_recorded_when_its_end_is_polled() {
    use Step::*;
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let script = || {
            Script::new([
                Pending,
                Chunk("one"),
                Pending,
                Pending,
                Chunk("two"),
                Pending,
            ])
        };
        let handler = move || async move { HttpResponse::Ok().message_body(script()) };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    let mut body = Box::pin(res.into_body());
    let (mut pending, mut bytes) = (0, Vec::new());
    loop {
        assert_eq!(recorder.records().len(), 0);
        match poll_body(body.as_mut()) {
            Poll::Pending => pending += 1,
            Poll::Ready(Some(chunk)) => bytes.extend(chunk.unwrap()),
            Poll::Ready(None) => break,
        }
    }
    assert_eq!((pending, &*bytes), (4, &b"onetwo"[..]));
    // The record does not wait for the drop of the body.
    let record = only_record(&recorder, &log);
    drop(body);
    assert_eq!(recorder.records().len(), 1);
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "completed",
            "level": "DEBUG",
            "http.response.body.size": 6,
            "http.response.status_code": 200,
        }),
    );
}

#[actix_web::test]
async fn response_taken_with_try_into_bytes_is_completed() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(|| async { "whole" }));
    })
    .await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    assert_eq!(res.into_body().try_into_bytes().unwrap(), "whole");
    let record = only_record(&recorder, &log);
    assert_fields(
        &record,
        json!({"exchange.outcome": "completed", "http.response.body.size": 5}),
    );
}

#[actix_web::test]
async fn body_of_size_none_or_zero_is_completed_without_a_poll() {
    for (size, status) in [
        (BodySize::None, 200),
        (BodySize::None, 204),
        (BodySize::None, 205),
        (BodySize::None, 304),
        (BodySize::Sized(0), 200),
        (BodySize::Sized(0), 404),
    ] {
        let (recorder, log) = Recorder::with_log();
        let status = StatusCode::from_u16(status).unwrap();
        let app = app(&log, |routes| {
            let handler = move || async move {
                HttpResponse::build(status).message_body(Script::sized(size, [Step::Panic]))
            };
            routes.route("/", web::get().to(handler));
        })
        .await;
        drop(app.call(TestRequest::get().to_request()).await.unwrap());
        assert_fields(
            &only_record(&recorder, &log),
            json!({
                "exchange.outcome": "completed",
                "http.response.status_code": status.as_u16(),
                "http.response.body.size": 0,
                "level": if status.is_client_error() { "WARN" } else { "DEBUG" },
            }),
        );
    }
}

#[test]
fn responses_without_a_body_are_completed_over_http1() {
    let site = Site::new(|routes| {
        let routes = routes
            .route("/204", web::get().to(HttpResponse::NoContent))
            .route("/304", web::get().to(HttpResponse::NotModified))
            .route("/empty", web::get().to(|| async { "" }));
        let script = || Script::new([Step::Chunk("head"), Step::Pending, Step::Chunk("ed")]);
        let handler = move || async move { HttpResponse::Ok().message_body(script()) };
        routes.route("/head", web::method(Method::HEAD).to(handler));
    });
    let mut sent = 0;
    // Over HTTP/1, the body of a HEAD is polled and not sent: its size is what the body produced.
    for (method, path, status, size) in [
        ("GET", "/204", 204, 0),
        ("GET", "/304", 304, 0),
        ("GET", "/empty", 200, 0),
        ("HEAD", "/head", 200, 6),
    ] {
        let response = site.server.exchange(format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        ));
        let response = String::from_utf8(response).unwrap();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
        assert!(response.ends_with("\r\n\r\n"), "{response}");
        sent += 1;
        let record = site.recorder.wait_for(sent).remove(sent - 1);
        assert_fields(
            &record,
            json!({
                "url.path": path,
                "exchange.outcome": "completed",
                "http.response.status_code": status,
                "http.response.body.size": size,
            }),
        );
    }
    site.records(sent);
}

#[actix_web::test]
async fn body_that_owns_the_payload_is_completed_with_both_sizes() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/", web::post().to(echo));
    })
    .await;
    let request = TestRequest::post()
        .insert_header(("content-length", 9))
        .set_payload("ping pong")
        .to_request();
    let result = app.call(request).await;
    assert_eq!(deliver(result).await.1, "ping pong");
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "completed",
            "http.request.body.size": 9,
            "http.response.body.size": 9,
            "exchange.request.unread": null,
        }),
    );
}

#[actix_web::test]
async fn payload_that_outlives_the_response_works_and_does_not_delay_the_record() {
    let (recorder, log) = Recorder::with_log();
    let kept = Rc::new(RefCell::new(None::<Payload>));
    let slot = Rc::clone(&kept);
    let app = app(&log, move |routes| {
        let handler = move |body: web::Payload| {
            slot.replace(Some(body.into_inner()));
            async { "done" }
        };
        routes.route("/", web::post().to(handler));
    })
    .await;
    let request = TestRequest::post()
        .insert_header(("content-length", 4))
        .set_payload("late")
        .to_request();
    assert_eq!(deliver(app.call(request).await).await.1, "done");

    let record = only_record(&recorder, &log);
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "completed",
            "http.request.body.size": 0,
            "exchange.request.unread": true,
        }),
    );
    let mut payload = kept.take().unwrap();
    assert_eq!(payload.next().await.unwrap().unwrap(), "late");
    assert!(payload.next().await.is_none());
    drop(payload);
    assert_eq!(only_record(&recorder, &log), record);
}

#[actix_web::test]
async fn request_that_outlives_the_response_does_not_delay_the_record() {
    use actix_bodylog::RecordExt as _;
    let (recorder, log) = Recorder::with_log();
    let kept = Rc::new(RefCell::new(None::<HttpRequest>));
    let slot = Rc::clone(&kept);
    let app = app(&log, move |routes| {
        let handler = move |req: HttpRequest| {
            slot.replace(Some(req));
            async { "done" }
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    deliver(app.call(TestRequest::get().to_request()).await).await;
    let record = only_record(&recorder, &log);
    // After the record, this has no effect.
    kept.take().unwrap().record_field("late", true);
    assert_eq!(only_record(&recorder, &log), record);
    assert_fields(
        &record,
        json!({"exchange.outcome": "completed", "late": null}),
    );
}

#[actix_web::test]
async fn skipped_request_that_waits_or_panics_does_not_suppress_other_records() {
    let (recorder, log) = Recorder::with_log();
    let log = log.exclude_if(|req| req.path().starts_with("/skipped"));
    let app = app(&log, |routes| {
        let handler = |req: HttpRequest| async move {
            pause().await;
            assert!(req.path() != "/skipped/panic", "the handler panics");
            pause().await;
            "done"
        };
        routes.route("/{any:.*}", web::get().to(handler));
    })
    .await;
    let call = |path| Box::pin(app.call(TestRequest::with_uri(path).to_request()));
    let mut waiting = call("/skipped/wait");
    let mut panicking = call("/skipped/panic");
    assert!(poll(waiting.as_mut()).is_pending());
    assert!(poll(panicking.as_mut()).is_pending());
    assert_panics(move || poll(panicking.as_mut()).is_pending());
    deliver(call("/recorded").await).await;
    deliver(waiting.await).await;
    assert_fields(
        &only_record(&recorder, &log),
        json!({"url.path": "/recorded"}),
    );
    assert_eq!(log.stats().excluded, 2);
}

#[actix_web::test]
async fn logger_at_three_levels_makes_one_record_for_each_ending() {
    for (path, outcome, status) in [
        ("/scope/ok", "completed", json!(200)),
        ("/scope/error", "completed", json!(500)),
        ("/scope/unmatched", "completed", json!(404)),
        ("/scope/panic", "panicked", Value::Null),
        ("/scope/broken", "failed", json!(200)),
        ("/scope/reject", "completed", json!(403)),
    ] {
        let (recorder, log) = Recorder::with_log();
        let resource = |path| web::resource(path).wrap(log.clone());
        let scope = web::scope("/scope")
            .wrap(log.clone())
            .service(resource("/ok").to(|| async { "ok" }))
            .service(resource("/error").to(|| async {
                Err::<String, _>(actix_web::error::ErrorInternalServerError("broken"))
            }))
            .service(resource("/panic").to(panicking))
            .service(resource("/broken").to(|| async {
                HttpResponse::Ok().message_body(Script::new([Step::Chunk("a"), Step::Fail]))
            }))
            .service(
                web::resource("/reject")
                    .wrap_fn(|_, _| {
                        let error = actix_web::error::ErrorForbidden("not you");
                        std::future::ready(Err::<ServiceResponse, _>(error))
                    })
                    .wrap(log.clone()),
            );
        let app = init_service(App::new().service(scope).wrap(log.clone())).await;
        let request = TestRequest::with_uri(path).to_request();
        let mut whole = Box::pin(async {
            let response: Response<BoxBody> = match app.call(request).await {
                Ok(res) => res.map_into_boxed_body().into(),
                Err(error) => error.into(),
            };
            let _ = to_bytes(response.into_body()).await;
        });
        let result = catch_unwind(AssertUnwindSafe(|| poll(whole.as_mut())));
        assert_eq!(result.is_err(), outcome == "panicked", "{path}");
        drop(whole);
        assert_fields(
            &only_record(&recorder, &log),
            json!({
                "url.path": path,
                "exchange.outcome": outcome,
                "http.response.status_code": status,
            }),
        );
    }
}
