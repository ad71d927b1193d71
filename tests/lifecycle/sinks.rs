//! Panics of sinks and hooks are counted and change no response.

use std::{panic::panic_any, time::Duration};

use actix_bodylog::{Record, Sink};
use actix_web::{test::TestRequest, web};
use log::Level;
use serde_json::json;

use super::*;
use crate::support::assert_fields;

/// The payload of a panic, which panics on drop.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload panics");
    }
}

/// A function as a sink.
struct Function<F>(F);

impl<F: Fn(&Record<'_>) + Send + Sync> Sink for Function<F> {
    fn emit(&self, record: &Record<'_>) {
        (self.0)(record);
    }
}

/// Makes a logger with `sink` between two recorders.
fn log_with(sink: impl Sink + 'static) -> (Recorder, Recorder, BodyLog) {
    let (before, log) = Recorder::with_log();
    let after = Recorder::default();
    let log = log.sink(sink).sink(after.clone());
    (before, after, log)
}

#[actix_web::test]
async fn panicking_sink_is_counted_and_other_sinks_get_the_record() {
    let sinks: [fn(&Record<'_>); 2] = [|_| panic!("the sink panics"), |_| panic_any(Bomb)];
    for sink in sinks {
        let (before, after, log) = log_with(Function(sink));
        let app = app(&log, |routes| {
            routes.route("/", web::get().to(|| async { "fine" }));
        })
        .await;
        let result = app.call(TestRequest::get().to_request()).await;
        assert_eq!(deliver(result).await.1, "fine");
        assert_eq!(only_record(&before, &log), after.only());
        assert_eq!(log.stats().sink_panics, 1);
    }
}

#[actix_web::test]
async fn panicking_sink_during_unwinding_is_counted_and_other_sinks_get_the_record() {
    let sinks: [fn(&Record<'_>); 2] = [|_| panic!("the sink panics"), |_| panic_any(Bomb)];
    for sink in sinks {
        let (before, after, log) = log_with(Function(sink));
        let app = app(&log, |routes| {
            routes.route("/", web::get().to(panicking));
        })
        .await;
        let mut call = Box::pin(app.call(TestRequest::get().to_request()));
        assert_panics(move || poll(call.as_mut()).is_pending());
        let record = only_record(&before, &log);
        assert_fields(&record, json!({"exchange.outcome": "panicked"}));
        assert_eq!(record, after.only());
        assert_eq!(log.stats().sink_panics, 1);
    }
}

#[test]
fn panicking_sink_changes_no_response_over_http1() {
    let (before, after, log) = log_with(Function(|_: &Record<'_>| panic!("the sink panics")));
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
    assert_eq!(log.stats().sink_panics, 2);
}

/// A sink whose `enabled` panics.
struct EnabledPanics;

impl Sink for EnabledPanics {
    fn enabled(&self, _: Level) -> bool {
        panic!("enabled panics")
    }

    fn emit(&self, _: &Record<'_>) {
        unreachable!("the sink is not enabled")
    }
}

#[actix_web::test]
async fn sink_whose_enabled_panics_gets_no_record() {
    let (before, after, log) = log_with(EnabledPanics);
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(|| async { "fine" }));
    })
    .await;
    let result = app.call(TestRequest::get().to_request()).await;
    assert_eq!(deliver(result).await.1, "fine");
    assert_eq!(only_record(&before, &log), after.only());
    assert_ne!(log.stats().sink_panics, 0);
}

/// A sink that panics when `drain` and `stats` call it.
struct FlushPanics;

impl Sink for FlushPanics {
    fn emit(&self, _: &Record<'_>) {}

    fn flush(&self, _: Duration) -> bool {
        panic!("flush panics")
    }

    fn lost(&self) -> u64 {
        panic!("lost panics")
    }
}

#[test]
fn counters_of_lost_records_do_not_overflow() {
    struct AllLost;
    impl Sink for AllLost {
        fn emit(&self, _: &Record<'_>) {}

        fn lost(&self) -> u64 {
            u64::MAX
        }
    }
    let log = BodyLog::new().sink(AllLost).sink(AllLost);
    assert_eq!(log.stats().sink_losses, u64::MAX);
}

#[actix_web::test]
async fn drain_fails_if_the_flush_of_a_sink_panics() {
    let (_, _, log) = log_with(FlushPanics);
    assert!(log.drain(TEST_TIMEOUT).await.is_err());
    assert_ne!(log.stats().sink_panics, 0);
}

#[actix_web::test]
async fn panicking_hook_is_counted_and_the_request_is_recorded() {
    type Change = fn(BodyLog) -> BodyLog;
    let changes: [Change; 2] = [
        |log| log.exclude_if(|_| panic!("exclude_if panics")),
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
        assert_eq!((stats.sink_panics, stats.records), (1, 1));
        assert_fields(
            &only_record(&recorder, &log),
            json!({"exchange.outcome": "completed", "exchange.code": 500}),
        );
    }
}

#[actix_web::test]
async fn code_whose_level_hook_panics_does_not_raise_the_level() {
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
async fn exchange_is_in_flight_while_its_sinks_are_called() {
    // The sink reads the counters of the logger that calls it.
    let slot = std::sync::Arc::new(std::sync::OnceLock::<BodyLog>::new());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let (recorder, log) = Recorder::with_log();
    let log = log.sink_fn({
        let (slot, seen) = (slot.clone(), seen.clone());
        move |_| *seen.lock().unwrap() = Some(slot.get().unwrap().stats())
    });
    slot.set(log.clone()).unwrap();
    let app = app(&log, |_| {}).await;
    deliver(app.call(TestRequest::get().to_request()).await).await;
    only_record(&recorder, &log);
    let stats = seen.lock().unwrap().unwrap();
    // `drain` waits for exchanges in flight, so it also waits for this sink.
    assert_eq!(stats.in_flight, 1);
}

/// A sink or hook that panics on drop.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("the destructor panics")
    }
}

impl Sink for PanicsOnDrop {
    fn emit(&self, _: &Record<'_>) {}
}

/// Makes loggers whose sink or hook panics on drop.
fn logs_that_panic_on_drop() -> [BodyLog; 3] {
    let (hook, levels) = (PanicsOnDrop, PanicsOnDrop);
    [
        BodyLog::new().sink(PanicsOnDrop),
        BodyLog::new().exclude_if(move |_| {
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
fn panic_in_the_destructor_of_a_sink_or_hook_does_not_leave_the_logger() {
    logs_that_panic_on_drop().into_iter().for_each(drop);
}

// The next two tests would abort the process if the second panic were not caught.

#[test]
fn panic_in_the_destructor_of_a_sink_or_hook_is_caught_during_unwinding() {
    for log in logs_that_panic_on_drop() {
        assert_panics(move || {
            let _log = log;
            panic!("the owner of the logger panics");
        });
    }
}

#[actix_web::test]
async fn panic_in_the_destructor_of_a_sink_is_caught_when_a_panicking_handler_drops_the_logger() {
    for log in logs_that_panic_on_drop() {
        let routes = App::new().route("/", web::get().to(panicking));
        let app = init_service(routes.wrap(log)).await;
        let mut call = Box::pin(app.call(TestRequest::get().to_request()));
        drop(app);
        assert_panics(move || poll(call.as_mut()).is_pending());
    }
}
