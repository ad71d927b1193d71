//! Shared by the tests: a sink that collects records, and a server on loopback that stops when it is dropped.
#![allow(dead_code, reason = "each test file uses a part of this module")]

pub mod catalogue;
pub mod gate;
pub mod key_values;
pub mod lines;
pub mod script;
pub mod scripted;
pub mod scripts;

use std::{
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use actix_bodylog::{BodyLog, BodyPolicy, Record, Sink, TestSink};
use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, ServerHandle},
    rt::System,
};
use log::Level;
use serde_json::Value;

/// The time after which a test that waits for an event fails.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Collects the records of one logger.
#[derive(Clone, Debug, Default)]
pub struct Recorder(TestSink);

impl Sink for Recorder {
    fn emit(&self, record: &Record<'_>) {
        self.0.emit(record);
    }
}

impl Recorder {
    /// Makes a recorder, and a logger with default settings that writes to the recorder.
    pub fn with_log() -> (Self, BodyLog) {
        let recorder = Self::default();
        let log = BodyLog::new().sink(recorder.clone());
        (recorder, log)
    }

    /// Makes a recorder, and a logger that records the content of every response.
    pub fn with_full_log() -> (Self, BodyLog) {
        let (recorder, log) = Self::with_log();
        (recorder, log.response_body(BodyPolicy::Always))
    }

    /// Returns the records so far.
    pub fn records(&self) -> Vec<Value> {
        self.0.records()
    }

    /// Returns the only record so far; panics if there are none or several.
    #[track_caller]
    pub fn only(&self) -> Value {
        self.0.only()
    }

    /// Waits until there are `count` records; panics if there are more, or too few after [`TEST_TIMEOUT`].
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let records = self.0.wait_for(count, TEST_TIMEOUT);
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }
}

/// A sink that no level is enabled for.
pub struct DisabledSink;

impl Sink for DisabledSink {
    fn enabled(&self, _: Level) -> bool {
        false
    }

    fn emit(&self, _: &Record<'_>) {
        panic!("a disabled sink got a record");
    }
}

/// Returns whether `c` may not occur in a record: control characters, line and paragraph separators, and
/// bidirectional overrides and isolates.
pub fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Reads byte by byte until the received text ends with `end`.
#[track_caller]
pub fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut received = Vec::new();
    let mut byte = [0];
    while !received.ends_with(end.as_bytes()) {
        let n = stream.read(&mut byte).unwrap();
        assert_eq!(n, 1, "no {end:?}: {}", received.escape_ascii());
        received.push(byte[0]);
    }
    String::from_utf8(received).unwrap()
}

/// Checks the given fields of a record; `null` means that the field must be absent.
#[track_caller]
pub fn assert_fields(record: &Value, expected: Value) {
    for (name, expected) in expected.as_object().unwrap() {
        let actual = record.get(name).unwrap_or(&Value::Null);
        assert_eq!(actual, expected, "{name} of {record:#}");
    }
}

/// A server with one worker on 127.0.0.1. Dropping it stops the server and joins its thread.
pub struct Server {
    pub addr: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server for HTTP/1.
    pub fn http1<F, I, S, B>(factory: F) -> Self
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        Self::start(factory, false, |server| server)
    }

    /// Starts a server for HTTP/1 with changed settings.
    pub fn http1_with<F, I, S, B>(
        factory: F,
        settings: impl FnOnce(HttpServer<F, I, S, B>) -> HttpServer<F, I, S, B> + Send + 'static,
    ) -> Self
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        Self::start(factory, false, settings)
    }

    /// Starts a server for HTTP/2 with prior knowledge, without TLS.
    pub fn http2<F, I, S, B>(factory: F) -> Self
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        Self::start(factory, true, |server| server)
    }

    fn start<F, I, S, B>(
        factory: F,
        http2: bool,
        settings: impl FnOnce(HttpServer<F, I, S, B>) -> HttpServer<F, I, S, B> + Send + 'static,
    ) -> Self
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>>,
        B: MessageBody + 'static,
    {
        let (started, when_started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(factory)
                    .workers(1)
                    .disable_signals()
                    .shutdown_timeout(1);
                let server = settings(server);
                let server = match http2 {
                    true => server.bind_auto_h2c(("127.0.0.1", 0)),
                    false => server.bind(("127.0.0.1", 0)),
                };
                let server = server.unwrap();
                let addr = server.addrs()[0];
                let server = server.run();
                started.send((addr, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (addr, handle) = when_started.recv_timeout(TEST_TIMEOUT).unwrap();
        Self {
            addr,
            handle,
            thread: Some(thread),
        }
    }

    /// Opens a connection whose reads and writes fail after [`TEST_TIMEOUT`].
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TEST_TIMEOUT)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `request` on a new connection and reads until the server closes the connection. The
    /// request should have `connection: close`, unless the server closes for another reason.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        response
    }
}

impl Server {
    /// Stops the server, waits for the exchanges in flight (up to a second), and joins its thread.
    pub fn stop_gracefully(mut self) {
        self.stop(true);
    }

    fn stop(&mut self, graceful: bool) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The call sends the command. Its future is not awaited: this thread has no runtime.
        drop(self.handle.stop(graceful));
        let ended = thread.join();
        if !std::thread::panicking() {
            ended.unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(false);
    }
}
