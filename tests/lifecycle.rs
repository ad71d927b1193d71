//! Every request has exactly one record, however the exchange ends.

mod support;

#[path = "lifecycle/cancelled.rs"]
mod cancelled;
#[path = "lifecycle/delivered.rs"]
mod delivered;
#[path = "lifecycle/errors.rs"]
mod errors;
#[path = "lifecycle/many.rs"]
mod many;
#[path = "lifecycle/panics.rs"]
mod panics;
#[path = "lifecycle/sinks.rs"]
mod sinks;
#[path = "lifecycle/sockets.rs"]
mod sockets;
#[path = "lifecycle/stopped.rs"]
mod stopped;

use std::{
    collections::VecDeque,
    error::Error as StdError,
    fmt,
    io::Write as _,
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll, Waker},
};

use actix_bodylog::{BodyLog, middleware::RecordedBody};
use actix_http::{Request, Response};
use actix_service::Service;
use actix_web::{
    App, Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody, to_bytes},
    dev::ServiceResponse,
    http::StatusCode,
    rt::System,
    test::init_service,
    web::{self, ServiceConfig},
};
use bytes::Bytes;
use serde_json::Value;

use crate::support::{
    Recorder, Server, TEST_TIMEOUT,
    gate::{Gate, gated},
};

/// A response body that follows a script.
struct Script {
    size: BodySize,
    steps: VecDeque<Step>,
}

enum Step {
    Chunk(&'static str),
    /// Pending, with a wake-up at once.
    Pending,
    Gate(Gate),
    Fail,
    Panic,
    /// The same chunk without end.
    Repeat(Bytes),
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::sized(BodySize::Stream, steps)
    }

    fn sized(size: BodySize, steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().collect();
        Self { size, steps }
    }
}

impl MessageBody for Script {
    type Error = BodyFailed;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyFailed>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Chunk(chunk)) => Poll::Ready(Some(Ok(chunk.into()))),
            Some(Step::Fail) => Poll::Ready(Some(Err(BodyFailed(DiskFull)))),
            Some(Step::Panic) => panic!("the body panics"),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Repeat(chunk)) => {
                self.steps.push_front(Step::Repeat(chunk.clone()));
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(Step::Gate(gate)) => match gate.poll_passed(cx) {
                Poll::Ready(()) => self.poll_next(cx),
                Poll::Pending => {
                    self.steps.push_front(Step::Gate(gate));
                    Poll::Pending
                }
            },
        }
    }
}

#[derive(Debug)]
struct BodyFailed(DiskFull);

impl fmt::Display for BodyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body failed")
    }
}

impl StdError for BodyFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

#[derive(Debug)]
struct DiskFull;

impl fmt::Display for DiskFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk is full")
    }
}

impl StdError for DiskFull {}

type Wrapped = ServiceResponse<RecordedBody<BoxBody>>;

/// Makes an app with the logger around it, in process.
async fn app(
    log: &BodyLog,
    routes: impl FnOnce(&mut ServiceConfig),
) -> impl Service<Request, Response = Wrapped, Error = Error> {
    init_service(App::new().configure(routes).wrap(log.clone())).await
}

/// Makes a response from the result of an app and reads its body, as a server does.
async fn deliver<B>(result: Result<ServiceResponse<B>, Error>) -> (StatusCode, Bytes)
where
    B: MessageBody + 'static,
{
    let response: Response<BoxBody> = match result {
        Ok(res) => res.map_into_boxed_body().into(),
        Err(error) => error.into(),
    };
    let status = response.status();
    (status, to_bytes(response.into_body()).await.unwrap())
}

/// Polls once, with a waker that does nothing.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn poll_body<B: MessageBody>(body: Pin<&mut B>) -> Poll<Option<Result<Bytes, B::Error>>> {
    body.poll_next(&mut Context::from_waker(Waker::noop()))
}

async fn panicking() -> HttpResponse {
    panic!("the handler panics")
}

/// Is pending once.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Calls a function on drop.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[track_caller]
fn assert_panics<T>(f: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

/// Returns the only record. Checks that nothing is in flight and the budget is unused.
#[track_caller]
fn only_record(recorder: &Recorder, log: &BodyLog) -> Value {
    let stats = log.stats();
    let left = (stats.records, stats.in_flight, stats.budget_used);
    assert_eq!(left, (1, 0, 0));
    recorder.only()
}

/// A server on a socket with its logger and recorder.
struct Site {
    server: Server,
    log: BodyLog,
    recorder: Recorder,
}

impl Site {
    fn new(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let (recorder, log) = Recorder::with_log();
        let wrap = log.clone();
        let server = Server::http1(move || App::new().configure(routes.clone()).wrap(wrap.clone()));
        Self {
            server,
            log,
            recorder,
        }
    }

    /// Waits for `count` records and stops the server. Then checks that there are no more records,
    /// nothing is in flight, and the budget is unused.
    #[track_caller]
    fn records(self, count: usize) -> Vec<Value> {
        self.recorder.wait_for(count);
        drop(self.server);
        assert!(drain(&self.log), "exchanges are still in flight");
        let stats = self.log.stats();
        let left = (stats.records, stats.in_flight, stats.budget_used);
        assert_eq!(left, (count as u64, 0, 0));
        self.recorder.wait_for(count)
    }

    #[track_caller]
    fn record(self) -> Value {
        self.records(1).remove(0)
    }
}

fn drain(log: &BodyLog) -> bool {
    System::new().block_on(log.drain(TEST_TIMEOUT)).is_ok()
}

/// Starts a server whose handler never answers, and a client that has called it.
fn stalled_site() -> (Site, TcpStream) {
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
    when_started.recv_timeout(TEST_TIMEOUT).unwrap();
    (site, client)
}
