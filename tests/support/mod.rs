//! What the tests share: a sink that collects, and a server on loopback that ends by itself.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod catalogue;
pub mod gate;
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

use actix_bodylog::{BodyLog, Record, Sink, TestSink};
use actix_http::{Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error, HttpServer,
    body::MessageBody,
    dev::{AppConfig, ServerHandle},
    rt::System,
};
use serde_json::Value;

/// How long a test waits for what must happen. Nothing waits this long unless the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Collects the records of one logger.
#[derive(Clone, Debug, Default)]
pub struct Recorder(TestSink);

impl Sink for Recorder {
    fn emit(&self, record: &Record<'_>) {
        self.0.emit(record);
    }
}

impl Recorder {
    /// A recorder and a logger with defaults that writes to it.
    pub fn with_log() -> (Self, BodyLog) {
        let recorder = Self::default();
        let log = BodyLog::new().sink(recorder.clone());
        (recorder, log)
    }

    /// The records so far.
    pub fn records(&self) -> Vec<Value> {
        self.0.records()
    }

    /// The only record so far.
    #[track_caller]
    pub fn only(&self) -> Value {
        self.0.only()
    }

    /// Waits until there are `count` records; panics if there are more, or not enough in time.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        let records = self.0.wait_for(count, PATIENCE);
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }
}

/// Checks some fields of a record; `null` stands for a field that must be absent.
#[track_caller]
pub fn assert_fields(record: &Value, expected: Value) {
    for (name, expected) in expected.as_object().unwrap() {
        let actual = record.get(name).unwrap_or(&Value::Null);
        assert_eq!(actual, expected, "{name} of {record:#}");
    }
}

/// A server with one worker on 127.0.0.1; dropped, it stops and its thread is joined.
pub struct Server {
    pub addr: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves HTTP/1.
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

    /// Serves HTTP/1 with settings of the server's own.
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

    /// Serves HTTP/2 with prior knowledge, without TLS.
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
        let (addr, handle) = when_started.recv_timeout(PATIENCE).unwrap();
        Self {
            addr,
            handle,
            thread: Some(thread),
        }
    }

    /// A connection whose reads and writes fail rather than hang.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends `request` on a connection of its own and reads until the server closes it. The request
    /// should say `connection: close`, or the server must have a reason to close.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        response
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call; there is no runtime here to await its answer in.
        drop(self.handle.stop(false));
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
