//! Records in batches, if all sinks defer.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    time::{Duration, Instant},
};

use actix_bodylog::{BodyLog, Record, RecordExt as _, Sink};
use actix_http::Request;
use actix_service::Service;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    rt::{self, System, task::yield_now},
    test::{TestRequest, init_service},
    web,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use log::Level;
use serde_json::json;

mod support;
use support::{Recorder, Server, TEST_TIMEOUT, assert_fields};

/// The number of exchanges in a full batch.
const BATCH: usize = 64;

/// The longest time for which a record waits.
const DELAY: Duration = Duration::from_millis(2);

/// A recorder that defers.
#[derive(Clone, Default)]
struct Deferring(Recorder);

impl Sink for Deferring {
    fn deferred(&self) -> bool {
        true
    }

    fn emit(&self, record: &Record<'_>) {
        self.0.emit(record);
    }
}

impl Deferring {
    fn with_log() -> (Recorder, BodyLog) {
        let sink = Self::default();
        (sink.0.clone(), BodyLog::new().sink(sink))
    }
}

/// Makes an application that answers with the path of the request.
async fn app(
    log: &BodyLog,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody + use<>>, Error = Error> + use<>
{
    let handler = async |req: HttpRequest, _: Bytes| req.path().to_owned();
    let app = App::new().default_service(web::to(handler));
    init_service(app.wrap(log.clone())).await
}

/// Completes an exchange, without a turn of the runtime.
fn exchange<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    req: TestRequest,
) {
    let res = app.call(req.to_request()).now_or_never().unwrap().unwrap();
    assert!(res.into_body().try_into_bytes().is_ok());
}

fn paths(recorder: &Recorder) -> Vec<String> {
    let records = recorder.records();
    let paths = records.iter().map(|record| record["url.path"].as_str());
    paths.map(|path| path.unwrap().to_owned()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|nth| format!("/{nth}")).collect()
}

/// Gives the tasks of this thread turns until `condition` holds.
async fn turns_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never holds");
        yield_now().await;
    }
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Asserts that nothing is in flight, waits or is held.
#[track_caller]
fn assert_all_recorded(log: &BodyLog, records: usize) {
    let stats = log.stats();
    assert_eq!(
        (stats.in_flight, stats.waiting, stats.budget_used),
        (0, 0, 0),
        "{stats:?}"
    );
    assert_eq!(stats.records, records as u64, "{stats:?}");
}

#[actix_web::test]
async fn a_full_batch_is_recorded_at_once_and_in_order() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    let start = Instant::now();
    for (nth, path) in numbered(2 * BATCH).iter().enumerate() {
        let stats = log.stats();
        assert_eq!(stats.in_flight, 0);
        assert_eq!(stats.budget_used > 0, stats.waiting > 0);
        assert!(stats.waiting < BATCH);
        if start.elapsed() < DELAY {
            assert_eq!(stats.waiting, nth % BATCH);
        }
        exchange(&app, TestRequest::with_uri(path));
    }
    drop(app);
    assert_eq!(paths(&recorder), numbered(2 * BATCH));
    assert_all_recorded(&log, 2 * BATCH);
}

#[actix_web::test]
async fn large_exchanges_fill_a_batch_earlier() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    let start = Instant::now();
    let mut count = 0;
    while recorder.records().is_empty() {
        let req = TestRequest::post().insert_header(("content-type", "text/plain"));
        exchange(&app, req.set_payload("x".repeat(4096)));
        count += 1;
    }
    // Each exchange holds a little more than 4 KiB of 128 KiB.
    assert!(count <= 32, "{count}");
    assert!(count >= 30 || start.elapsed() >= DELAY, "{count}");
    assert_all_recorded(&log, count);
}

#[actix_web::test]
async fn an_idle_worker_makes_records_at_once() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    for round in 1..=3 {
        exchange(&app, TestRequest::default());
        assert_eq!(
            (recorder.records().len(), log.stats().waiting),
            (round - 1, 1)
        );
        turns_until(|| log.stats().waiting == 0).await;
        assert_eq!(recorder.records().len(), round);
    }
    assert_all_recorded(&log, 3);
}

/// A task that waits for exchanges by polling would keep the processor busy.
#[test]
fn a_worker_without_exchanges_sleeps() {
    let (sleeps, asleep) = mpsc::channel();
    let runtime = move || {
        let sleeps = sleeps.clone();
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let builder = builder.enable_all().on_thread_park(move || {
            let _ = sleeps.send(());
        });
        builder.build().unwrap()
    };
    System::with_tokio_rt(runtime).block_on(async {
        let (_recorder, log) = Deferring::with_log();
        let app = app(&log).await;
        for records in 1..=2 {
            exchange(&app, TestRequest::default());
            turns_until(|| log.stats().waiting == 0).await;
            assert_all_recorded(&log, records);
        }
        // The runtime sleeps while nothing but the other thread can wake it.
        while asleep.try_recv().is_ok() {}
        let waits = rt::task::spawn_blocking(move || asleep.recv_timeout(TEST_TIMEOUT));
        assert!(waits.await.unwrap().is_ok());
    });
}

#[actix_web::test]
async fn a_busy_worker_makes_records_after_two_milliseconds() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    exchange(&app, TestRequest::default());
    spin(DELAY);
    assert_eq!(recorder.records().len(), 0);
    exchange(&app, TestRequest::default());
    assert_all_recorded(&log, 2);
    // Each turn puts an exchange aside, so the worker is never idle.
    let start = Instant::now();
    for _ in 1..BATCH {
        exchange(&app, TestRequest::default());
        spin(DELAY / 16);
        yield_now().await;
        if recorder.records().len() > 2 {
            break;
        }
    }
    assert!(recorder.records().len() > 2 && start.elapsed() >= DELAY);
}

#[actix_web::test]
async fn records_show_the_moment_when_the_exchange_ended() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    let start = Instant::now();
    drop(app.call(TestRequest::default().to_request()));
    exchange(&app, TestRequest::default());
    let both_took = start.elapsed();
    spin(DELAY);
    drop(app);
    let records = recorder.records();
    for (record, outcome) in records.iter().zip(["aborted", "completed"]) {
        assert_fields(record, json!({"exchange.outcome": outcome}));
        let duration = record["exchange.duration"].as_f64();
        let is_shorter = |duration| duration <= both_took.as_secs_f64();
        assert!(duration.is_some_and(is_shorter), "{record:#}");
    }
    assert_all_recorded(&log, 2);
}

#[actix_web::test]
async fn what_is_added_after_the_end_is_not_recorded() {
    let (recorder, log) = Deferring::with_log();
    let kept = Rc::new(Cell::new(None::<HttpRequest>));
    let handler = {
        let kept = Rc::clone(&kept);
        move |req: HttpRequest| {
            req.record_field("when", "before");
            kept.set(Some(req));
            std::future::ready("fine")
        }
    };
    let app = App::new().default_service(web::to(handler));
    let app = init_service(app.wrap(log.clone())).await;
    exchange(&app, TestRequest::default());
    let req = kept.take().unwrap();
    req.record_field("when", "after");
    req.record_error("after");
    assert_eq!(log.stats().waiting, 1);
    drop(app);
    let expected = json!({"when": "before", "exception.message": null});
    assert_fields(&recorder.only(), expected);
    drop(req);
    assert_all_recorded(&log, 1);
}

#[actix_web::test]
async fn drain_flushes_after_the_records_that_were_put_aside() {
    /// Counts the records before the flush.
    #[derive(Clone, Default)]
    struct Flushed {
        records: Recorder,
        before_flush: Arc<AtomicUsize>,
    }
    impl Sink for Flushed {
        fn deferred(&self) -> bool {
            true
        }

        fn emit(&self, record: &Record<'_>) {
            self.records.emit(record);
        }

        fn flush(&self, _: Duration) -> bool {
            self.before_flush
                .store(self.records.records().len(), Relaxed);
            true
        }
    }
    let sink = Flushed::default();
    let log = BodyLog::new().sink(sink.clone());
    let app = app(&log).await;
    exchange(&app, TestRequest::default());
    assert_eq!(log.stats().waiting, 1);
    assert_eq!(log.drain(TEST_TIMEOUT).await, Ok(()));
    assert_eq!(sink.before_flush.load(Relaxed), 1);
}

#[actix_web::test]
async fn the_end_of_a_worker_makes_its_records() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).await;
    for path in numbered(5) {
        exchange(&app, TestRequest::with_uri(&path));
    }
    // In flight at the end, and dropped after the application.
    let call = app.call(TestRequest::with_uri("/5").to_request());
    drop(app);
    assert_eq!(log.stats().in_flight, 1);
    drop(call);
    assert_eq!(paths(&recorder), numbered(6));
    assert_all_recorded(&log, 6);
}

#[test]
fn the_end_of_a_runtime_makes_the_records_of_its_tasks() {
    let (recorder, log) = Deferring::with_log();
    System::new().block_on(async {
        let app = app(&log).await;
        for path in numbered(3) {
            exchange(&app, TestRequest::with_uri(&path));
        }
        let call = app.call(TestRequest::with_uri("/3").to_request());
        rt::spawn(async move {
            let _held = (call, app);
            std::future::pending::<()>().await;
        });
    });
    assert_eq!(paths(&recorder), numbered(4));
    assert_all_recorded(&log, 4);
}

#[test]
fn a_thread_that_panics_makes_its_records() {
    let (recorder, log) = Deferring::with_log();
    let for_thread = log.clone();
    let thread = std::thread::spawn(move || {
        System::new().block_on(async {
            let app = app(&for_thread).await;
            exchange(&app, TestRequest::with_uri("/0"));
            let _call = app.call(TestRequest::with_uri("/1").to_request());
            panic!("the worker panics");
        });
    });
    assert!(thread.join().is_err());
    assert_eq!(paths(&recorder), numbered(2));
    assert_eq!(recorder.records()[1]["exchange.outcome"], "panicked");
    assert_all_recorded(&log, 2);
}

#[test]
fn without_a_place_for_tasks_records_are_made_on_the_spot() {
    let (recorder, log) = Deferring::with_log();
    let app = app(&log).now_or_never().unwrap();
    for path in numbered(3) {
        exchange(&app, TestRequest::with_uri(&path));
    }
    assert_eq!(paths(&recorder), numbered(3));
    assert_all_recorded(&log, 3);
}

#[test]
fn an_application_survives_the_runtime_in_which_it_was_called_first() {
    let (recorder, log) = Deferring::with_log();
    let app = System::new().block_on(async {
        let app = app(&log).await;
        exchange(&app, TestRequest::with_uri("/0"));
        app
    });
    assert_eq!(paths(&recorder), numbered(1));
    System::new().block_on(async {
        exchange(&app, TestRequest::with_uri("/1"));
        turns_until(|| log.stats().waiting == 0).await;
        exchange(&app, TestRequest::with_uri("/2"));
        turns_until(|| log.stats().waiting == 0).await;
    });
    assert_eq!(paths(&recorder), numbered(3));
}

#[actix_web::test]
async fn records_are_made_on_the_spot_unless_all_sinks_defer() {
    let (deferring, log) = Deferring::with_log();
    let direct = Recorder::default();
    let app = app(&log.clone().sink(direct.clone())).await;
    exchange(&app, TestRequest::default());
    assert_eq!((direct.records().len(), deferring.records().len()), (1, 1));
    assert_eq!(log.stats().waiting, 0);
}

#[actix_web::test]
async fn records_are_made_on_the_spot_if_half_of_the_budget_is_used() {
    let (recorder, log) = Deferring::with_log();
    let log = log.memory_budget(4000);
    let app = app(&log).await;
    for count in 1..=20 {
        let req = TestRequest::post().insert_header(("content-type", "text/plain"));
        exchange(&app, req.set_payload("x".repeat(2500)));
        assert_eq!(recorder.records().len(), count);
    }
    for record in recorder.records() {
        assert_eq!(record["http.request.body.content"], "x".repeat(2500));
    }
    assert_all_recorded(&log, 20);
}

#[actix_web::test]
async fn a_panic_of_a_sink_or_hook_costs_only_its_own_record() {
    struct PanicsAt(usize, AtomicUsize);
    impl Sink for PanicsAt {
        fn deferred(&self) -> bool {
            true
        }

        fn emit(&self, _: &Record<'_>) {
            assert_ne!(self.1.fetch_add(1, Relaxed), self.0, "the sink panics");
        }
    }
    let (recorder, log) = Deferring::with_log();
    let counted = Arc::new(AtomicUsize::new(0));
    let levels = Arc::clone(&counted);
    let log = log
        .sink(PanicsAt(3, AtomicUsize::new(0)))
        .code_levels(move |_| {
            assert_ne!(levels.fetch_add(1, Relaxed), 5, "the hook panics");
            Some(Level::Info)
        });
    let handler = async || HttpResponse::Ok().json(json!({"code": 1}));
    let app = App::new().default_service(web::to(handler));
    let app = init_service(app.wrap(log.clone())).await;
    for path in numbered(8) {
        exchange(&app, TestRequest::with_uri(&path));
    }
    drop(app);
    assert_eq!(paths(&recorder), numbered(8));
    assert_eq!(counted.load(Relaxed), 8);
    assert_eq!(log.stats().sink_panics, 2);
    assert_all_recorded(&log, 8);
}

#[actix_web::test]
async fn an_exchange_that_a_sink_completes_is_recorded_after_its_batch() {
    type Nested = Box<dyn Fn()>;
    thread_local! {
        static NESTED: Cell<Option<Nested>> = const { Cell::new(None) };
    }
    /// Calls the application when it gets the first record.
    struct Calls(Recorder);
    impl Sink for Calls {
        fn deferred(&self) -> bool {
            true
        }

        fn emit(&self, record: &Record<'_>) {
            if let Some(call) = NESTED.take() {
                call();
            }
            self.0.emit(record);
        }
    }
    let recorder = Recorder::default();
    let log = BodyLog::new().sink(Calls(recorder.clone()));
    let app = Rc::new(app(&log).await);
    let for_sink = Rc::clone(&app);
    NESTED.set(Some(Box::new(move || {
        exchange(&*for_sink, TestRequest::with_uri("/2"));
    })));
    for path in ["/0", "/1"] {
        exchange(&*app, TestRequest::with_uri(path));
    }
    turns_until(|| log.stats().waiting == 0).await;
    assert_eq!(paths(&recorder), numbered(3));
    drop(app);
    assert_all_recorded(&log, 3);
}

#[actix_web::test]
async fn sinks_are_asked_when_the_records_are_made() {
    struct Switched(Recorder, Arc<AtomicUsize>);
    impl Sink for Switched {
        fn deferred(&self) -> bool {
            true
        }

        fn enabled(&self, level: Level) -> bool {
            level as usize <= self.1.load(Relaxed)
        }

        fn emit(&self, record: &Record<'_>) {
            self.0.emit(record);
        }
    }
    let (recorder, level) = (Recorder::default(), Arc::new(AtomicUsize::new(5)));
    let log = BodyLog::new().sink(Switched(recorder.clone(), Arc::clone(&level)));
    let app = app(&log).await;
    exchange(&app, TestRequest::default());
    level.store(Level::Error as usize, Relaxed);
    drop(app);
    assert_eq!(recorder.records().len(), 0);
    assert_eq!(log.stats().muted, 1);
    assert_all_recorded(&log, 0);
}

#[test]
fn every_request_of_many_connections_is_recorded_once() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 50;
    let (recorder, log) = Deferring::with_log();
    let server = {
        let log = log.clone();
        Server::http1_with(
            move || {
                let handler = async |req: HttpRequest, _: Bytes| req.path().to_owned();
                App::new()
                    .default_service(web::to(handler))
                    .wrap(log.clone())
            },
            |server| server.workers(2),
        )
    };
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                for nth in 0..REQUESTS {
                    let request = format!(
                        "POST /{client}/{nth} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
                         content-length: 2\r\n\r\nhi"
                    );
                    let response = server.exchange(request);
                    assert!(response.starts_with(b"HTTP/1.1 200 OK"));
                }
            });
        }
    });
    recorder.wait_for(CLIENTS * REQUESTS);
    server.stop_gracefully();
    let mut seen = paths(&recorder);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), CLIENTS * REQUESTS);
    assert_all_recorded(&log, CLIENTS * REQUESTS);
}
