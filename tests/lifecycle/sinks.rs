//! Sinks and hooks that panic harm nobody.

use std::{panic::panic_any, time::Duration};

use actix_bodylog::{Record, Sink};
use actix_web::{test::TestRequest, web};
use log::Level;
use serde_json::json;

use super::*;
use crate::support::assert_fields;

/// A panic's payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload panics");
    }
}

/// Two recorders, and between them a sink that panics.
fn log_with(sink: impl Sink + 'static) -> (Recorder, Recorder, BodyLog) {
    let (before, log) = Recorder::with_log();
    let after = Recorder::default();
    let log = log.sink(sink).sink(after.clone());
    (before, after, log)
}

#[actix_web::test]
async fn a_sink_that_panics_is_counted_and_the_others_are_served() {
    let sinks: [fn(&Record<'_>); 2] = [|_| panic!("the sink panics"), |_| panic_any(Bomb)];
    for sink in sinks {
        let (before, after, log) = log_with(sink);
        let app = app(&log, |routes| {
            routes.route("/", web::get().to(|| async { "fine" }));
        })
        .await;
        let result = app.call(TestRequest::get().to_request()).await;
        assert_eq!(deliver(result).await.1, "fine");
        assert_eq!(only_record(&before, &log), after.only());
        assert_eq!(log.stats().sink_failures, 1);
    }
}

#[actix_web::test]
async fn a_sink_that_panics_while_the_thread_unwinds_is_counted_and_the_others_are_served() {
    let sinks: [fn(&Record<'_>); 2] = [|_| panic!("the sink panics"), |_| panic_any(Bomb)];
    for sink in sinks {
        let (before, after, log) = log_with(sink);
        let app = app(&log, |routes| {
            routes.route("/", web::get().to(panicking));
        })
        .await;
        let mut call = Box::pin(app.call(TestRequest::get().to_request()));
        assert_panics(move || poll(call.as_mut()).is_pending());
        let record = only_record(&before, &log);
        assert_fields(&record, json!({"exchange.outcome": "panicked"}));
        assert_eq!(record, after.only());
        assert_eq!(log.stats().sink_failures, 1);
    }
}

#[test]
fn on_a_socket_a_sink_that_panics_changes_no_response() {
    let (before, after, log) = log_with(|_: &Record<'_>| panic!("the sink panics"));
    let wrap = log.clone();
    let server = Server::http1(move || {
        App::new()
            .route("/", web::get().to(|| async { "fine" }))
            .wrap(wrap.clone())
    });
    let site = Site {
        server,
        log: log.clone(),
        recorder: before,
    };
    for _ in 0..2 {
        let response = site
            .server
            .exchange("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert!(response.ends_with(b"\r\n\r\nfine"));
    }
    site.records(2);
    after.wait_for(2);
    assert_eq!(log.stats().sink_failures, 2);
}

/// Panics whenever it is asked.
struct Undecided;

impl Sink for Undecided {
    fn enabled(&self, _: Level) -> bool {
        panic!("cannot decide")
    }

    fn emit(&self, _: &Record<'_>) {
        unreachable!("it did not say that it wants any")
    }
}

#[actix_web::test]
async fn a_sink_that_panics_when_asked_whether_it_wants_a_record_gets_none() {
    let (before, after, log) = log_with(Undecided);
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(|| async { "fine" }));
    })
    .await;
    let result = app.call(TestRequest::get().to_request()).await;
    assert_eq!(deliver(result).await.1, "fine");
    assert_eq!(only_record(&before, &log), after.only());
    assert_ne!(log.stats().sink_failures, 0);
}

/// Panics wherever `drain` and `stats` call it.
struct Stuck;

impl Sink for Stuck {
    fn emit(&self, _: &Record<'_>) {}

    fn flush(&self, _: Duration) -> bool {
        panic!("cannot flush")
    }

    fn lost(&self) -> u64 {
        panic!("cannot count")
    }
}

#[actix_web::test]
async fn a_sink_that_panics_when_flushed_or_counted_does_not_stop_drain() {
    let (_, _, log) = log_with(Stuck);
    assert!(!log.drain(PATIENCE).await);
    assert_ne!(log.stats().sink_failures, 0);
}

#[actix_web::test]
async fn hooks_that_panic_are_counted_and_the_request_is_recorded() {
    type Change = fn(BodyLog) -> BodyLog;
    let changes: [Change; 2] = [
        |log| log.skip_if(|_| panic!("skip_if panics")),
        |log| log.code_levels(|_| panic!("code_levels panics")),
    ];
    for change in changes {
        let (recorder, log) = Recorder::with_log();
        let log = change(log);
        let app = app(&log, |routes| {
            let handler = || async { web::Json(json!({"code": 500})) };
            routes.route("/", web::get().to(handler));
        })
        .await;
        let result = app.call(TestRequest::get().to_request()).await;
        assert_eq!(deliver(result).await.1, r#"{"code":500}"#);
        let stats = log.stats();
        assert_eq!((stats.sink_failures, stats.records), (1, 1));
        assert_fields(
            &only_record(&recorder, &log),
            json!({"exchange.outcome": "completed", "http.response.body.code": 500}),
        );
    }
}

#[actix_web::test]
async fn a_code_whose_level_panics_asks_for_none() {
    let (recorder, log) = Recorder::with_log();
    let log = log.code_levels(|_| panic!("code_levels panics"));
    let app = app(&log, |routes| {
        let handler = || async { web::Json(json!({"code": 500})) };
        routes.route("/", web::get().to(handler));
    })
    .await;
    deliver(app.call(TestRequest::get().to_request()).await).await;
    assert_fields(&only_record(&recorder, &log), json!({"level": "DEBUG"}));
}

#[actix_web::test]
async fn a_sink_may_use_the_logger_it_belongs_to() {
    // The counters of the logger, looked at from inside its own sink.
    let slot = std::sync::Arc::new(std::sync::OnceLock::<BodyLog>::new());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let (recorder, log) = Recorder::with_log();
    let log = log.sink({
        let (slot, seen) = (slot.clone(), seen.clone());
        move |_: &Record<'_>| *seen.lock().unwrap() = Some(slot.get().unwrap().stats())
    });
    slot.set(log.clone()).unwrap();
    let app = app(&log, |_| {}).await;
    deliver(app.call(TestRequest::get().to_request()).await).await;
    only_record(&recorder, &log);
    let stats = seen.lock().unwrap().unwrap();
    // Until its record was handed on it is in flight, so that `drain` waits for that.
    assert_eq!(stats.in_flight, 1);
}

/// Panics when it is dropped.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("the destructor panics")
    }
}

impl Sink for PanicsOnDrop {
    fn emit(&self, _: &Record<'_>) {}
}

/// Loggers that own something whose destructor panics.
fn logs_that_panic_on_drop() -> [BodyLog; 3] {
    let (hook, levels) = (PanicsOnDrop, PanicsOnDrop);
    [
        BodyLog::new().sink(PanicsOnDrop),
        BodyLog::new().skip_if(move |_| {
            let _ = &hook;
            false
        }),
        BodyLog::new().code_levels(move |_| {
            let _ = &levels;
            None
        }),
    ]
}

#[test]
fn a_sink_or_hook_whose_destructor_panics_does_not_stop_the_owner_of_the_logger() {
    logs_that_panic_on_drop().into_iter().for_each(drop);
}

// If the second panic were not caught, these would abort the process.

#[test]
fn a_sink_or_hook_whose_destructor_panics_is_dropped_while_the_thread_unwinds() {
    for log in logs_that_panic_on_drop() {
        assert_panics(move || {
            let _log = log;
            panic!("the owner of the logger panics");
        });
    }
}

#[actix_web::test]
async fn a_panicking_handler_drops_the_last_reference_to_a_sink_whose_destructor_panics() {
    for log in logs_that_panic_on_drop() {
        let routes = App::new().route("/", web::get().to(panicking));
        let app = init_service(routes.wrap(log)).await;
        let mut call = Box::pin(app.call(TestRequest::get().to_request()));
        drop(app);
        assert_panics(move || poll(call.as_mut()).is_pending());
    }
}
