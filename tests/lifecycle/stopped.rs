//! Exchanges when the server stops, and `drain`.

use std::{pin::pin, sync::mpsc, time::Duration};

use actix_web::{HttpResponse, test::TestRequest, web};
use serde_json::json;

use super::*;
use crate::support::assert_fields;

#[test]
fn forced_stop_aborts_a_stalled_handler_and_drain_waits_for_its_record() {
    use std::io::Write as _;
    let (started, when_started) = mpsc::channel();
    let site = Site::new(move |routes| {
        let started = started.clone();
        let stall = move || {
            started.send(()).unwrap();
            std::future::pending::<HttpResponse>()
        };
        routes.route("/stall", web::get().to(stall));
    });
    let mut client = site.server.connect();
    client
        .write_all(b"GET /stall HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    when_started.recv_timeout(PATIENCE).unwrap();
    assert_eq!(site.log.stats().in_flight, 1);
    assert_eq!(site.recorder.records().len(), 0);

    let Site {
        server,
        log,
        recorder,
    } = site;
    drop(server);
    assert!(drain(&log));
    // No `wait_for` here: the record is there after `drain`.
    assert_fields(
        &recorder.only(),
        json!({
            "url.path": "/stall",
            "exchange.outcome": "aborted",
            "level": "WARN",
            "http.response.status_code": null,
        }),
    );
    only_record(&recorder, &log);
}

#[actix_web::test]
async fn drain_resolves_when_the_last_exchange_ends() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |_| {}).await;
    let one = app.call(TestRequest::get().to_request());
    let two = app.call(TestRequest::get().to_request());
    let mut drained = pin!(log.drain(PATIENCE));
    assert!(poll(drained.as_mut()).is_pending());
    drop(one);
    assert!(poll(drained.as_mut()).is_pending());
    drop(two);
    assert_eq!(poll(drained.as_mut()), Poll::Ready(true));
    assert_eq!(recorder.records().len(), 2);
}

#[actix_web::test]
async fn drain_returns_false_at_its_limit() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |_| {}).await;
    let call = app.call(TestRequest::get().to_request());
    assert!(!log.drain(Duration::from_millis(1)).await);
    assert_eq!(recorder.records().len(), 0);
    drop(call);
    assert!(log.drain(Duration::ZERO).await);
    only_record(&recorder, &log);
}
