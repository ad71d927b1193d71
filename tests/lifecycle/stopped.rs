//! Exchanges when the server stops, and `drain`.

use std::{net::TcpStream, pin::pin, time::Duration};

use actix_web::{test::TestRequest, web};
use serde_json::json;

use super::*;
use crate::support::assert_fields;

#[test]
fn forced_stop_aborts_a_stalled_handler_and_drain_waits_for_its_record() {
    let (site, _client) = stalled_site();
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

#[test]
fn graceful_stop_lets_an_exchange_finish() {
    use std::{
        io::{Read as _, Write as _},
        thread,
        time::Instant,
    };
    let (gate, when_started, handler) = gated("finished");
    let site = Site::new(move |routes| {
        routes.route("/", web::get().to(handler.clone()));
    });
    let Site {
        server,
        log,
        recorder,
    } = site;
    let addr = server.addr;
    let mut client = server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    when_started.recv_timeout(TEST_TIMEOUT).unwrap();
    let stopping = thread::spawn(move || server.stop_gracefully());
    // The server accepts no connections once it is stopping.
    let deadline = Instant::now() + TEST_TIMEOUT;
    while TcpStream::connect(addr).is_ok() {
        assert!(Instant::now() < deadline, "the server does not stop");
        thread::yield_now();
    }
    gate.open();
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    assert!(response.ends_with("\r\n\r\nfinished"), "{response}");
    stopping.join().unwrap();
    assert!(drain(&log));
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "completed", "http.response.status_code": 200}),
    );
}

#[test]
fn graceful_stop_aborts_an_exchange_at_its_timeout() {
    let (site, _client) = stalled_site();
    let Site {
        server,
        log,
        recorder,
    } = site;
    server.stop_gracefully();
    assert!(drain(&log));
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "aborted", "http.response.status_code": null}),
    );
}

#[actix_web::test]
async fn every_drain_resolves_when_the_last_exchange_ends() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |_| {}).await;
    let one = app.call(TestRequest::get().to_request());
    let two = app.call(TestRequest::get().to_request());
    let mut first = pin!(log.drain(TEST_TIMEOUT));
    let mut second = pin!(log.drain(TEST_TIMEOUT));
    assert!(poll(first.as_mut()).is_pending());
    drop(one);
    for drained in [first.as_mut(), second.as_mut()] {
        assert!(poll(drained).is_pending());
    }
    drop(two);
    assert_eq!((first.await, second.await), (Ok(()), Ok(())));
    assert_eq!(recorder.records().len(), 2);
}

#[actix_web::test]
async fn drain_fails_at_its_limit_and_says_what_is_left() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |_| {}).await;
    let call = app.call(TestRequest::get().to_request());
    let left = log.drain(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(
        (left.in_flight, left.waiting, left.unflushed_sinks),
        (1, 0, 0)
    );
    assert_eq!(
        left.to_string(),
        "not all exchanges are recorded: 1 in flight, 0 waiting for their records, 0 sinks not flushed"
    );
    assert_eq!(recorder.records().len(), 0);
    drop(call);
    assert_eq!(log.drain(Duration::ZERO).await, Ok(()));
    only_record(&recorder, &log);
}
