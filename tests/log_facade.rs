//! Records and warnings through the `log` facade. A process has one logger, so this file has one test.

use std::{
    io::{self, Write},
    sync::{
        Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, LogSink, Redaction, Sink as _};
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use bytes::Bytes;
use log::{Level, LevelFilter, Log, Metadata};
use serde_json::json;

mod support;
use support::key_values::key_values;

#[derive(Debug)]
struct Line {
    level: Level,
    target: String,
    message: String,
    pairs: Vec<(String, serde_json::Value)>,
}

struct Collector {
    lines: Mutex<Vec<Line>>,
    flushed: Mutex<usize>,
}

static COLLECTOR: Collector = Collector {
    lines: Mutex::new(Vec::new()),
    flushed: Mutex::new(0),
};

impl Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "actix_bodylog" && metadata.level() <= Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() != "actix_bodylog" {
            return;
        }
        self.lines.lock().unwrap().push(Line {
            level: record.level(),
            target: record.target().into(),
            message: record.args().to_string(),
            pairs: key_values(record),
        });
    }

    fn flush(&self) {
        *self.flushed.lock().unwrap() += 1;
    }
}

/// A writer that announces each write and waits for a permit, until the permit's sender is dropped.
struct Slow(Sender<()>, Receiver<()>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        let _ = self.1.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn send(log: BodyLog, req: TestRequest) {
    let app = App::new()
        .default_service(web::to(async |_: Bytes| {
            HttpResponse::NotFound()
                .content_type("application/json")
                .body(r#"{"code":42}"#)
        }))
        .route("/fine", web::to(HttpResponse::Ok))
        .wrap(log);
    let app = init_service(app).await;
    read_body(call_service(&app, req.to_request()).await).await;
}

fn take() -> Vec<Line> {
    std::mem::take(&mut COLLECTOR.lines.lock().unwrap())
}

#[actix_web::test]
async fn records_reach_the_logger_of_the_process_and_follow_its_filter() {
    log::set_logger(&COLLECTOR).unwrap();

    // With all levels off, requests pass without a record.
    log::set_max_level(LevelFilter::Off);
    assert!(!LogSink::new().enabled(Level::Error));
    let off = BodyLog::new();
    send(off.clone(), TestRequest::with_uri("/x")).await;
    assert!(take().is_empty());
    assert_eq!((off.stats().records, off.stats().muted), (0, 0));

    // Without a sink, records go to `LogSink`: the fields are key-values.
    log::set_max_level(LevelFilter::Trace);
    let req = TestRequest::with_uri("/x?token=t")
        .insert_header(("accept", "text/html"))
        .insert_header(("origin", "https://example.com"))
        .set_payload("body");
    send(BodyLog::new(), req).await;
    let [line] = &take()[..] else {
        panic!("one record was expected");
    };
    assert_eq!((line.level, &*line.target), (Level::Warn, "actix_bodylog"));
    assert_eq!(line.message, "GET /x?token=[REDACTED]");
    let value = |name: &str| {
        line.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    assert_eq!(value("http.response.status_code"), Some(&json!(404)));
    assert_eq!(value("exchange.code"), Some(&json!(42)));
    assert_eq!(value("http.request.body.size"), Some(&json!(4)));
    assert_eq!(value("http.request.body.content"), Some(&json!("body")));
    assert_eq!(
        value("http.request.header.origin"),
        Some(&json!("https://example.com"))
    );
    assert_eq!(value("exchange.outcome"), Some(&json!("completed")));
    assert!(value("exchange.duration").is_some_and(serde_json::Value::is_f64));
    assert_eq!(value("level"), None);

    // A record of a disabled level is muted.
    let quiet = BodyLog::new();
    send(quiet.clone(), TestRequest::with_uri("/fine")).await;
    assert!(take().is_empty());
    assert_eq!((quiet.stats().records, quiet.stats().muted), (0, 1));

    // `LogSink::json` logs one JSON line without key-values.
    let json = BodyLog::new().sink(LogSink::json());
    send(json.clone(), TestRequest::with_uri("/x")).await;
    let [line] = &take()[..] else {
        panic!("one record was expected");
    };
    assert!(line.pairs.is_empty());
    let record: serde_json::Value = serde_json::from_str(&line.message).unwrap();
    assert_eq!(record["message"], "GET /x");
    assert_eq!(record["level"], "WARN");

    // `Redaction::none` is warned about once, not once per worker.
    let careless = BodyLog::new().redaction(Redaction::none());
    for _ in 0..2 {
        send(careless.clone(), TestRequest::with_uri("/fine?token=t")).await;
    }
    let [line] = &take()[..] else {
        panic!("one warning was expected");
    };
    assert_eq!((line.level, &*line.target), (Level::Warn, "actix_bodylog"));
    assert!(line.message.starts_with("redaction is off"), "{line:?}");

    // A coding that cannot be decoded is warned about once.
    let log = BodyLog::new().sink(actix_bodylog::TestSink::new());
    for coding in ["x-none", "identity", "compress"] {
        let req = TestRequest::post().insert_header(("content-encoding", coding));
        send(log.clone(), req.set_payload("encoded")).await;
    }
    let [line] = &take()[..] else {
        panic!("one warning was expected");
    };
    assert_eq!((line.level, &*line.target), (Level::Warn, "actix_bodylog"));
    assert!(
        line.message
            .starts_with("the content coding of a body is unknown: "),
        "{line:?}"
    );
    if cfg!(not(feature = "compress-brotli")) {
        let log = BodyLog::new().sink(actix_bodylog::TestSink::new());
        let req = TestRequest::post().insert_header(("content-encoding", "br"));
        send(log, req.set_payload("encoded")).await;
        let message = &take()[0].message;
        assert!(
            message.contains("needs the feature compress-brotli"),
            "{message}"
        );
    }

    // The first write error is logged, later ones are only counted.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let lossy = BodyLog::new().sink(JsonLines::new(writer));
    for _ in 0..3 {
        send(lossy.clone(), TestRequest::with_uri("/fine")).await;
    }
    let [line] = &take()[..] else {
        panic!("one line was expected");
    };
    assert_eq!((line.level, &*line.target), (Level::Error, "actix_bodylog"));
    assert!(
        line.message.starts_with("a record was not written: "),
        "{line:?}"
    );
    assert_eq!(lossy.stats().sink_losses, 3);

    // Records that a slow writer drops are reported after the writer has recovered.
    let (arrived, leave) = (mpsc::channel(), mpsc::channel());
    let slow = Slow(arrived.0, leave.1);
    let stalled = BodyLog::new().sink(JsonLines::background(slow, 4096));
    send(stalled.clone(), TestRequest::with_uri("/fine")).await;
    arrived.1.recv().unwrap();
    for _ in 0..20 {
        send(stalled.clone(), TestRequest::with_uri("/fine")).await;
    }
    let dropped = stalled.stats().sink_losses;
    assert!(dropped > 0 && take().is_empty());
    drop(leave.0);
    assert_eq!(stalled.drain(Duration::from_secs(10)).await, Ok(()));
    send(stalled.clone(), TestRequest::with_uri("/fine")).await;
    drop(stalled);
    let [line] = &take()[..] else {
        panic!("one line was expected");
    };
    assert_eq!((line.level, &*line.target), (Level::Warn, "actix_bodylog"));
    let expected = format!("{dropped} records were dropped: ");
    assert!(line.message.starts_with(&expected), "{line:?}");

    // A record that is larger than the queue is reported at once.
    let tiny = BodyLog::new().sink(JsonLines::background(std::io::sink(), 64));
    for _ in 0..3 {
        send(tiny.clone(), TestRequest::with_uri("/fine")).await;
    }
    assert_eq!(tiny.drain(Duration::from_secs(10)).await, Ok(()));
    let [line] = &take()[..] else {
        panic!("one line was expected");
    };
    assert!(
        line.message
            .contains(" was dropped: it is larger than the queue of 64 bytes"),
        "{line:?}"
    );
    assert_eq!(tiny.stats().sink_losses, 3);

    let flushed = *COLLECTOR.flushed.lock().unwrap();
    assert_eq!(json.drain(Duration::from_secs(1)).await, Ok(()));
    assert_eq!(*COLLECTOR.flushed.lock().unwrap(), flushed + 1);
}
