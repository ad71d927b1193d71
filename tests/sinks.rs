//! Several sinks, sinks that fail, and sinks with a minimum level.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, Record, Schema, Sink, TestSink, record::Outcome};
use actix_web::{
    App, HttpMessage as _, HttpResponse,
    dev::ServiceRequest,
    middleware::{Next, from_fn},
    rt::System,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use log::Level;

mod support;
use support::{Recorder, TEST_TIMEOUT};

async fn send(log: BodyLog, uri: &str) {
    let app = App::new()
        .route("/fine", web::to(HttpResponse::Ok))
        .wrap(log);
    let app = init_service(app).await;
    let req = TestRequest::with_uri(uri).to_request();
    read_body(call_service(&app, req).await).await;
}

/// A writer that collects what is written, and fails when it is full.
#[derive(Clone, Default)]
struct Paper {
    text: Arc<Mutex<Vec<u8>>>,
    /// Number of bytes that are accepted before all further writes fail.
    room: Option<Arc<AtomicUsize>>,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &self.room {
            None => bytes.len(),
            Some(room) => {
                let taken = room.load(Relaxed).min(bytes.len());
                room.fetch_sub(taken, Relaxed);
                taken
            }
        };
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

/// A sink with a minimum level.
struct From(Level, Recorder);

impl Sink for From {
    fn enabled(&self, level: Level) -> bool {
        level <= self.0
    }

    fn emit(&self, record: &Record<'_>) {
        self.1.emit(record);
    }
}

#[actix_web::test]
async fn each_sink_receives_only_records_of_its_enabled_levels() {
    let (all, warnings, errors) = <(Recorder, Recorder, Recorder)>::default();
    let log = BodyLog::new()
        .sink(all.clone())
        .sink(From(Level::Warn, warnings.clone()))
        .sink(From(Level::Error, errors.clone()));
    send(log.clone(), "/fine").await;
    send(log.clone(), "/missing").await;
    assert_eq!(
        (
            all.records().len(),
            warnings.records().len(),
            errors.records().len()
        ),
        (2, 1, 0)
    );
    assert_eq!(warnings.only()["http.response.status_code"], 404);
    // A record counts once, however many sinks receive it.
    assert_eq!((log.stats().records, log.stats().muted), (2, 0));
}

#[actix_web::test]
async fn a_record_that_no_sink_enables_is_counted_as_muted() {
    let errors = Recorder::default();
    let log = BodyLog::new().sink(From(Level::Error, errors.clone()));
    send(log.clone(), "/fine").await;
    assert_eq!((log.stats().records, log.stats().muted), (0, 1));
    assert!(errors.records().is_empty());
}

#[actix_web::test]
async fn a_closure_is_a_sink_and_reads_typed_fields() {
    let seen = Arc::new(Mutex::new(None));
    let log = BodyLog::new().sink_fn({
        let seen = Arc::clone(&seen);
        move |record| {
            let status = record.status.map(|status| status.as_u16());
            *seen.lock().unwrap() =
                Some((record.level, status, record.outcome, record.path.to_owned()));
        }
    });
    send(log, "/fine").await;
    let seen = seen.lock().unwrap().take();
    assert_eq!(
        seen,
        Some((
            Level::Debug,
            Some(200),
            Outcome::Completed,
            "/fine".to_owned()
        ))
    );
}

#[actix_web::test]
async fn json_lines_writes_one_object_on_each_line() {
    let paper = Paper::default();
    let log = BodyLog::new().sink(JsonLines::new(paper.clone()));
    send(log.clone(), "/fine").await;
    send(log, "/missing").await;
    let text = paper.text();
    assert!(text.ends_with("}\n"));
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["url.path"], &lines[1]["url.path"]),
        (&"/fine".into(), &"/missing".into())
    );
}

#[actix_web::test]
async fn records_are_lost_and_counted_while_the_disk_is_full_and_later_lines_are_whole() {
    let room = Arc::new(AtomicUsize::new(100));
    let paper = Paper {
        room: Some(Arc::clone(&room)),
        ..Paper::default()
    };
    let log = BodyLog::new().sink(JsonLines::new(paper.clone()));
    send(log.clone(), "/fine").await;
    send(log.clone(), "/fine").await;
    assert_eq!(log.stats().sink_losses, 2);
    room.store(1 << 20, Relaxed);
    send(log.clone(), "/missing").await;
    assert_eq!(log.stats().sink_losses, 2);

    let text = paper.text();
    let (torn, whole) = text.split_once('\n').unwrap();
    assert_eq!(torn.len(), 100);
    let record: serde_json::Value = serde_json::from_str(whole).unwrap();
    assert_eq!(record["url.path"], "/missing");
}

#[actix_web::test]
async fn a_record_of_which_no_byte_was_written_leaves_no_empty_line() {
    let room = Arc::new(AtomicUsize::new(0));
    let paper = Paper {
        room: Some(Arc::clone(&room)),
        ..Paper::default()
    };
    let log = BodyLog::new().sink(JsonLines::new(paper.clone()));
    send(log.clone(), "/fine").await;
    room.store(1 << 20, Relaxed);
    send(log.clone(), "/missing").await;
    assert_eq!(log.stats().sink_losses, 1);
    assert_eq!(paper.text().lines().count(), 1);
    let record: serde_json::Value = serde_json::from_str(&paper.text()).unwrap();
    assert_eq!(record["url.path"], "/missing");
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn requests_succeed_while_the_disk_is_full() {
    let full = || std::fs::File::options().write(true).open("/dev/full");
    let buffered = io::BufWriter::new(full().unwrap());
    for sink in [JsonLines::new(full().unwrap()), JsonLines::new(buffered)] {
        let log = BodyLog::new().sink(sink);
        for _ in 0..3 {
            send(log.clone(), "/fine").await;
        }
        let stats = log.stats();
        assert_eq!((stats.records, stats.sink_losses), (3, 3));
    }
}

#[actix_web::test]
async fn requests_succeed_after_the_pipe_is_closed() {
    let (reader, writer) = io::pipe().unwrap();
    let log = BodyLog::new().sink(JsonLines::new(writer));
    send(log.clone(), "/fine").await;
    assert_eq!(log.stats().sink_losses, 0);
    drop(reader);
    send(log.clone(), "/fine").await;
    assert_eq!(log.stats().sink_losses, 1);
}

#[actix_web::test]
async fn a_writer_that_panics_is_used_again() {
    struct PanicsOnce(Paper, bool);
    impl Write for PanicsOnce {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(std::mem::replace(&mut self.1, true), "on purpose");
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let paper = Paper::default();
    let log = BodyLog::new().sink(JsonLines::new(PanicsOnce(paper.clone(), false)));
    send(log.clone(), "/fine").await;
    send(log.clone(), "/missing").await;
    assert_eq!(log.stats().sink_panics, 1);
    assert!(paper.text().contains("/missing"));
}

/// A writer that reports each write, and is stuck until the other end is dropped.
struct Stuck(Sender<()>, Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        let _ = self.1.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn drain_does_not_wait_for_a_stuck_writer() {
    let ((arrived, has_arrived), (leave, may_leave)) = (mpsc::channel(), mpsc::channel());
    let log = BodyLog::new().sink(JsonLines::new(Stuck(arrived, may_leave)));
    let worker = std::thread::spawn({
        let log = log.clone();
        move || System::new().block_on(send(log, "/fine"))
    });
    has_arrived.recv_timeout(TEST_TIMEOUT).unwrap();
    assert!(System::new().block_on(log.drain(Duration::ZERO)).is_err());
    drop(leave);
    worker.join().unwrap();
    assert_eq!((log.stats().in_flight, log.stats().records), (0, 1));
}

#[actix_web::test]
async fn drain_returns_false_if_a_background_writer_is_not_done_in_time() {
    let ((arrived, has_arrived), (leave, may_leave)) = (mpsc::channel(), mpsc::channel());
    let log = BodyLog::new().sink(JsonLines::background(Stuck(arrived, may_leave), 1 << 20));
    send(log.clone(), "/fine").await;
    has_arrived.recv_timeout(TEST_TIMEOUT).unwrap();
    assert!(log.drain(Duration::ZERO).await.is_err());
    drop(leave);
    assert_eq!(log.drain(TEST_TIMEOUT).await, Ok(()));
}

#[actix_web::test]
async fn an_error_whose_display_panics_is_left_out_and_counted() {
    struct Panics;
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("on purpose");
        }
    }
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(HttpResponse::Ok))
        .wrap(from_fn(async |req: ServiceRequest, next: Next<_>| {
            use actix_bodylog::RecordExt as _;
            req.record_error(Panics);
            req.extensions_mut().insert(1_u8);
            next.call(req).await
        }))
        .wrap(log.clone());
    let app = init_service(app).await;
    read_body(call_service(&app, TestRequest::get().to_request()).await).await;
    assert_eq!(
        recorder.only()["exception.message"],
        serde_json::Value::Null
    );
    assert_eq!(log.stats().sink_panics, 1);
}

#[actix_web::test]
async fn a_background_writer_writes_all_records_in_order() {
    let paper = Paper::default();
    let log = BodyLog::new().sink(JsonLines::background(paper.clone(), 1 << 20));
    for nth in 0..20 {
        send(log.clone(), &format!("/fine?nth={nth}")).await;
    }
    assert_eq!(log.drain(Duration::from_secs(10)).await, Ok(()));
    let text = paper.text();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let queries = lines.iter().map(|line| line["url.query"].as_str().unwrap());
    assert!(queries.eq((0..20).map(|nth| format!("nth={nth}"))));
    assert_eq!((log.stats().records, log.stats().sink_losses), (20, 0));
}

#[actix_web::test]
async fn dropping_the_logger_waits_for_the_background_writer() {
    let paper = Paper::default();
    let log = BodyLog::new().sink(JsonLines::background(paper.clone(), 1 << 20));
    send(log.clone(), "/fine").await;
    drop(log);
    assert_eq!(paper.text().lines().count(), 1);
}

#[actix_web::test]
async fn requests_succeed_while_the_disk_of_a_background_writer_is_full() {
    let paper = Paper {
        room: Some(Arc::default()),
        ..Paper::default()
    };
    let log = BodyLog::new().sink(JsonLines::background(paper.clone(), 1 << 20));
    for _ in 0..3 {
        send(log.clone(), "/fine").await;
    }
    assert_eq!(log.drain(Duration::from_secs(10)).await, Ok(()));
    assert_eq!((log.stats().records, log.stats().sink_losses), (3, 3));
}

#[actix_web::test]
async fn each_write_of_a_background_writer_has_whole_lines_and_lines_after_a_failed_one_are_retried()
 {
    /// Fails in the first call that gets several lines.
    struct Database {
        batches: Arc<Mutex<Vec<Vec<String>>>>,
        has_failed: bool,
        may_write: Receiver<()>,
    }
    impl Write for Database {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Fails once the other end is dropped.
            let _ = self.may_write.recv();
            let lines = str::from_utf8(bytes).unwrap().strip_suffix('\n').unwrap();
            let path = |line| {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                record["url.path"].as_str().unwrap().to_owned()
            };
            let paths: Vec<_> = lines.split('\n').map(path).collect();
            if paths.len() > 1 && !std::mem::replace(&mut self.has_failed, true) {
                return Err(io::Error::other("the table is locked"));
            }
            self.batches.lock().unwrap().push(paths);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (leave, may_write) = mpsc::channel();
    let batches = Arc::<Mutex<Vec<Vec<String>>>>::default();
    let database = Database {
        batches: Arc::clone(&batches),
        has_failed: false,
        may_write,
    };
    let log = BodyLog::new().sink(JsonLines::background(database, 1 << 20));
    for path in ["/a", "/b", "/c", "/d"] {
        send(log.clone(), path).await;
    }
    drop(leave);
    assert_eq!(log.drain(TEST_TIMEOUT).await, Ok(()));
    let paths = batches.lock().unwrap().concat();
    assert_eq!(log.stats().sink_losses, 1);
    assert!(
        paths == ["/a", "/c", "/d"] || paths == ["/b", "/c", "/d"],
        "{paths:?}"
    );
}

#[actix_web::test]
async fn clones_of_a_test_sink_share_their_records() {
    let sink = TestSink::new().schema(Schema::Ecs);
    let log = BodyLog::new().sink(sink.clone());
    send(log.clone(), "/fine?a=1").await;
    assert_eq!(sink.only()["url.query"], "a=1");
    assert_eq!(sink.only()["log.level"], "debug");
    send(log, "/missing").await;
    assert_eq!(sink.wait_for(2, Duration::ZERO).len(), 2);
    assert_eq!(sink.take().len(), 2);
    assert!(sink.records().is_empty());
}

#[actix_web::test]
#[should_panic = "one record is expected, not 2"]
async fn method_only_of_the_test_sink_panics_if_there_are_two_records() {
    let sink = TestSink::new();
    for _ in 0..2 {
        send(BodyLog::new().sink(sink.clone()), "/fine").await;
    }
    let _ = sink.only();
}

#[test]
#[should_panic = "1 records are expected after 0ns, not 0"]
fn method_wait_for_of_the_test_sink_panics_after_its_limit() {
    let _ = TestSink::new().wait_for(1, Duration::ZERO);
}

#[actix_web::test]
async fn one_sink_serves_two_loggers_and_is_asked_what_it_lost() {
    let paper = Paper {
        room: Some(Arc::new(AtomicUsize::new(0))),
        ..Paper::default()
    };
    let lines = Arc::new(JsonLines::new(paper.clone()));
    let boxed: Box<dyn Sink> = Box::new(Arc::clone(&lines));
    let loggers = [
        BodyLog::new().sink(Arc::clone(&lines)),
        BodyLog::new().sink(boxed),
    ];
    for log in &loggers {
        send(log.clone(), "/fine").await;
        assert_eq!(log.stats().records, 1);
    }
    assert_eq!(lines.lost(), 2);
    assert!(loggers.iter().all(|log| log.stats().sink_losses == 2));
    // Without a limit, what another sink lost is still counted.
    paper.room.as_ref().unwrap().store(usize::MAX, Relaxed);
    loggers
        .iter()
        .for_each(|log| assert_eq!(log.stats().sink_panics, 0));
    send(loggers[0].clone(), "/missing").await;
    assert!(paper.text().contains("/missing"));
}

#[actix_web::test]
async fn pointer_to_a_sink_is_like_the_sink() {
    struct Other;
    impl Sink for Other {
        fn enabled(&self, level: Level) -> bool {
            level == Level::Warn
        }

        fn emit(&self, _: &Record<'_>) {
            panic!("on purpose");
        }

        fn schema(&self) -> Schema {
            Schema::Ecs
        }

        fn deferred(&self) -> bool {
            true
        }

        fn wants_span(&self) -> bool {
            true
        }

        fn flush(&self, _: Duration) -> bool {
            false
        }

        fn lost(&self) -> u64 {
            7
        }
    }
    // A wrapper answers like what it wraps.
    struct Wrapper<S>(S);
    impl<S: Sink> Sink for Wrapper<S> {
        fn emit(&self, record: &Record<'_>) {
            self.0.emit(record);
        }

        fn inner(&self) -> Option<&dyn Sink> {
            Some(&self.0)
        }
    }
    let pointers: [Box<dyn Sink>; 5] = [
        Box::new(&Other),
        Box::new(Box::new(Other)),
        Box::new(Arc::new(Other)),
        Box::new(Wrapper(Other)),
        Box::new(Arc::new(Wrapper(Wrapper(Other)))),
    ];
    for sink in pointers {
        assert!(sink.enabled(Level::Warn) && !sink.enabled(Level::Error));
        assert!(sink.deferred() && sink.wants_span() && !sink.flush(Duration::ZERO));
        assert_eq!((sink.schema(), sink.lost()), (Schema::Ecs, 7));
    }
    // A sink that has not flushed is what `drain` reports.
    let log = BodyLog::new().sink(Box::new(Other)).sink(TestSink::new());
    let left = log.drain(TEST_TIMEOUT).await.unwrap_err();
    assert_eq!(
        (left.in_flight, left.waiting, left.unflushed_sinks),
        (0, 0, 1)
    );
}

#[actix_web::test]
async fn record_is_sent_through_a_channel_as_owned_json() {
    let (sender, receiver) = mpsc::channel();
    let log = BodyLog::new().sink_fn(move |record| {
        let _ = sender.send(record.to_json(Schema::OpenTelemetry));
    });
    send(log, "/fine").await;
    let record: serde_json::Value = serde_json::from_str(&receiver.recv().unwrap()).unwrap();
    assert_eq!(record["url.path"], "/fine");
}
