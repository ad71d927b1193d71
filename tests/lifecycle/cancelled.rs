//! Futures and bodies that are dropped before their end.

use actix_bodylog::RecordExt as _;
use actix_web::{HttpRequest, HttpResponse, body::SizedStream, test::TestRequest, web};
use futures_util::stream;
use serde_json::json;

use super::*;
use crate::support::assert_fields;

#[actix_web::test]
async fn future_dropped_at_any_await_point_is_aborted_without_status() {
    const PAUSES: usize = 3;
    for polls in 0..=PAUSES {
        let (recorder, log) = Recorder::with_log();
        let app = app(&log, |routes| {
            let handler = |body: Bytes| async move {
                for _ in 0..PAUSES {
                    pause().await;
                }
                body
            };
            routes.route("/", web::post().to(handler));
        })
        .await;
        let request = TestRequest::post().set_payload("hello").to_request();
        let mut call = Box::pin(app.call(request));
        for _ in 0..polls {
            assert!(poll(call.as_mut()).is_pending());
        }
        assert_eq!(recorder.records().len(), 0);
        drop(call);
        assert_fields(
            &only_record(&recorder, &log),
            json!({
                "exchange.outcome": "aborted",
                "level": "WARN",
                "http.response.status_code": null,
                "http.response.body.size": null,
                "exchange.time_to_head": null,
                "http.request.body.size": if polls == 0 { 0 } else { 5 },
                "exception.message": null,
            }),
        );
    }
}

#[actix_web::test]
async fn field_recorded_by_a_destructor_of_the_handler_is_in_the_record() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = |req: HttpRequest| async move {
            let _cleanup = OnDrop(|| req.record_field("cleanup", true));
            std::future::pending::<HttpResponse>().await
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let mut call = Box::pin(app.call(TestRequest::get().to_request()));
    assert!(poll(call.as_mut()).is_pending());
    drop(call);
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "aborted", "cleanup": true}),
    );
}

#[actix_web::test]
async fn response_body_dropped_before_its_end_is_aborted_if_it_was_polled_and_replaced_otherwise() {
    use Step::*;
    const POLLS: usize = 4;
    for (polls, size) in [0, 0, 3, 3, 6].into_iter().enumerate() {
        assert!(polls <= POLLS);
        let (recorder, log) = Recorder::with_log();
        let app = app(&log, |routes| {
            let script = || Script::new([Pending, Chunk("one"), Pending, Chunk("two")]);
            let handler = move || async move { HttpResponse::Ok().message_body(script()) };
            routes.route("/", web::get().to(handler));
        })
        .await;
        let res = app.call(TestRequest::get().to_request()).await.unwrap();
        let mut body = Box::pin(res.into_body());
        for _ in 0..polls {
            let poll = poll_body(body.as_mut());
            assert!(!matches!(poll, Poll::Ready(None)));
        }
        assert_eq!(recorder.records().len(), 0);
        drop(body);
        let (outcome, level) = match polls {
            0 => ("replaced", "DEBUG"),
            _ => ("aborted", "WARN"),
        };
        assert_fields(
            &only_record(&recorder, &log),
            json!({
                "exchange.outcome": outcome,
                "level": level,
                "http.response.status_code": 200,
                "http.response.body.size": size,
            }),
        );
    }
}

#[actix_web::test]
async fn response_that_announces_no_bytes_is_completed_unless_its_body_was_polled() {
    for (polls, outcome) in [(0, "completed"), (1, "aborted"), (2, "aborted")] {
        let (recorder, log) = Recorder::with_log();
        let app = app(&log, |routes| {
            let body = || SizedStream::new(0, stream::pending::<Result<Bytes, Error>>());
            let handler = move || async move { HttpResponse::Ok().body(body()) };
            routes.route("/", web::get().to(handler));
        })
        .await;
        let res = app.call(TestRequest::get().to_request()).await.unwrap();
        let mut body = Box::pin(res.into_body());
        for _ in 0..polls {
            assert!(poll_body(body.as_mut()).is_pending());
        }
        drop(body);
        let record = only_record(&recorder, &log);
        assert_fields(&record, json!({"exchange.outcome": outcome}));
    }
}

#[actix_web::test]
async fn unread_response_in_memory_is_replaced() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(|| async { "unread" }));
    })
    .await;
    drop(app.call(TestRequest::get().to_request()).await.unwrap());
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "replaced",
            "error.type": "replaced",
            "level": "DEBUG",
            "http.response.status_code": 200,
            "http.response.body.size": 0,
        }),
    );
}

#[actix_web::test]
async fn echo_dropped_together_with_its_payload_is_aborted() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/", web::post().to(echo));
    })
    .await;
    let request = TestRequest::post().set_payload("ping").to_request();
    let res = app.call(request).await.unwrap();
    let mut body = Box::pin(res.into_body());
    assert!(matches!(poll_body(body.as_mut()), Poll::Ready(Some(Ok(_)))));
    // The body owns the payload, which is dropped while the exchange ends.
    drop(body);
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "aborted",
            "http.request.body.size": 4,
            "http.response.body.size": 4,
        }),
    );
}
