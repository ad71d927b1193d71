//! Records of exchanges over HTTP/2.

mod support;

use std::sync::mpsc;

use actix_bodylog::BodyLog;
use actix_web::{
    App, HttpResponse,
    rt::{
        self,
        net::TcpStream,
        task::{JoinHandle, spawn_blocking},
    },
    web::{self, ServiceConfig},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all, stream};
use h2::{
    Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support::{
    Recorder, Server, TEST_TIMEOUT, assert_fields,
    gate::{Gate, gated},
};

async fn panicking() -> HttpResponse {
    panic!("the handler panics")
}

/// A server with its logger and recorder, and one connection to the server.
struct Site {
    server: Server,
    log: BodyLog,
    recorder: Recorder,
    client: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Site {
    async fn new(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let (recorder, log) = Recorder::with_log();
        let wrap = log.clone();
        let server = Server::http2(move || App::new().configure(routes.clone()).wrap(wrap.clone()));
        let socket = TcpStream::connect(server.addr).await.unwrap();
        let (client, connection) = h2::client::handshake(socket).await.unwrap();
        Self {
            server,
            log,
            recorder,
            client,
            connection: rt::spawn(connection),
        }
    }

    /// Sends a request head. The caller sends a body of `length` bytes, if any.
    async fn start(
        &self,
        method: &str,
        path: &str,
        length: Option<usize>,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let uri = format!("http://localhost{path}");
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let mut client = self.client.clone().ready().await.unwrap();
        let request = request.body(()).unwrap();
        client.send_request(request, length.is_none()).unwrap()
    }

    async fn get(&self, path: &str) -> (Response<()>, Vec<u8>) {
        let response = self.start("GET", path, None).await.0.await.unwrap();
        let (head, mut body) = response.into_parts();
        let body = read(&mut body).await.unwrap();
        (Response::from_parts(head, ()), body)
    }

    /// Waits for records on another thread, because this one drives the connection.
    async fn wait_for(&self, count: usize) -> Vec<Value> {
        let recorder = self.recorder.clone();
        spawn_blocking(move || recorder.wait_for(count))
            .await
            .unwrap()
    }

    /// Waits for `count` records and stops the server. Then checks that there are no more records,
    /// nothing is in flight, and the budget is unused.
    async fn records(self, count: usize) -> Vec<Value> {
        self.wait_for(count).await;
        self.connection.abort();
        spawn_blocking(move || drop(self.server)).await.unwrap();
        assert_eq!(self.log.drain(TEST_TIMEOUT).await, Ok(()));
        let stats = self.log.stats();
        let left = (stats.records, stats.in_flight, stats.budget_used);
        assert_eq!(left, (count as u64, 0, 0));
        self.recorder.wait_for(count)
    }

    async fn record(self) -> Value {
        self.records(1).await.remove(0)
    }
}

async fn read(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len()).unwrap();
        bytes.extend(chunk);
    }
    Ok(bytes)
}

fn find<'a>(records: &'a [Value], path: &str) -> &'a Value {
    let mut found = records.iter().filter(|record| record["url.path"] == path);
    let record = found.next().unwrap();
    assert!(found.next().is_none(), "two records of {path}");
    record
}

#[actix_web::test]
async fn get_is_recorded_with_version_2_and_an_empty_request_body() {
    let site = Site::new(|routes| {
        routes.route("/", web::get().to(|| async { "hello" }));
    })
    .await;
    let (head, body) = site.get("/?a=b").await;
    assert_eq!((head.status().as_u16(), &*body), (200, &b"hello"[..]));
    assert_fields(
        &site.record().await,
        json!({
            "network.protocol.version": "2",
            "message": "GET /?a=b",
            "server.address": "localhost",
            "client.address": "127.0.0.1",
            "exchange.outcome": "completed",
            "level": "DEBUG",
            "http.response.status_code": 200,
            "http.request.body.size": 0,
            "exchange.request.unread": null,
            "http.response.body.size": 5,
        }),
    );
}

#[actix_web::test]
async fn streaming_echo_is_recorded_with_both_sizes() {
    let site = Site::new(|routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/", web::post().to(echo));
    })
    .await;
    let (response, mut upload) = site.start("POST", "/", Some(9)).await;
    let mut body = response.await.unwrap().into_body();
    for chunk in ["ping ", "pong"] {
        assert_eq!(site.recorder.records().len(), 0);
        upload.send_data(chunk.into(), chunk == "pong").unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), chunk);
    }
    assert_eq!(read(&mut body).await.unwrap(), b"");
    assert_fields(
        &site.record().await,
        json!({
            "network.protocol.version": "2",
            "exchange.outcome": "completed",
            "http.request.body.size": 9,
            "http.response.body.size": 9,
            "exchange.request.unread": null,
        }),
    );
}

#[actix_web::test]
async fn bodies_that_http2_does_not_poll_are_completed() {
    let site = Site::new(|routes| {
        // With GET and status 200, an exchange that drops this body before a poll would be aborted.
        let streaming = |mut res: actix_web::HttpResponseBuilder| {
            res.streaming(stream::pending::<Result<Bytes, actix_web::Error>>())
        };
        let head = move || async move { streaming(HttpResponse::Ok()) };
        let no_content = move || async move { streaming(HttpResponse::NoContent()) };
        routes
            .route("/head", web::head().to(head))
            .route("/sized", web::head().to(|| async { "sized" }))
            .route("/204", web::get().to(no_content))
            .route("/304", web::get().to(HttpResponse::NotModified))
            .route("/empty", web::get().to(|| async { "" }));
    })
    .await;
    let mut sent = 0;
    for (method, path, status) in [
        ("HEAD", "/head", 200),
        ("HEAD", "/sized", 200),
        ("GET", "/204", 204),
        ("GET", "/304", 304),
        ("GET", "/empty", 200),
    ] {
        let response = site.start(method, path, None).await.0.await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(read(&mut response.into_body()).await.unwrap(), b"");
        sent += 1;
        assert_fields(
            &site.wait_for(sent).await[sent - 1],
            json!({
                "url.path": path,
                "exchange.outcome": "completed",
                "level": "DEBUG",
                "http.response.status_code": status,
                "http.response.body.size": 0,
            }),
        );
    }
    site.records(sent).await;
}

#[actix_web::test]
async fn stream_reset_before_the_head_does_not_cancel_the_handler_and_is_aborted() {
    let (gate, when_started, handler) = gated("too late");
    let site = Site::new(move |routes| {
        routes
            .route("/reset", web::get().to(handler.clone()))
            .route("/fine", web::get().to(|| async { "fine" }));
    })
    .await;
    let (response, mut upload) = site.start("GET", "/reset", None).await;
    spawn_blocking(move || when_started.recv_timeout(TEST_TIMEOUT).unwrap())
        .await
        .unwrap();
    upload.send_reset(Reason::CANCEL);
    assert!(response.await.is_err());
    // Frames arrive in order, so the server has received the reset before this request.
    assert_eq!(site.get("/fine").await.1, b"fine");
    // actix-http does not cancel the handler on a reset.
    assert_eq!(site.log.stats().in_flight, 1);
    gate.open();
    let records = site.records(2).await;
    assert_fields(
        find(&records, "/reset"),
        json!({
            "exchange.outcome": "aborted",
            "level": "WARN",
            // The handler made a response, but none of it was sent.
            "http.response.status_code": 200,
            "http.response.body.size": 0,
        }),
    );
    assert_fields(
        find(&records, "/fine"),
        json!({"exchange.outcome": "completed"}),
    );
}

#[actix_web::test]
async fn stream_reset_during_the_body_is_aborted_and_other_streams_complete() {
    let site = Site::new(|routes| {
        let endless = || async {
            let chunks = stream::repeat_with(|| Ok::<_, actix_web::Error>(Bytes::from("chunk")));
            HttpResponse::Ok().streaming(chunks)
        };
        routes
            .route("/endless", web::get().to(endless))
            .route("/fine", web::get().to(|| async { "fine" }));
    })
    .await;
    let (response, mut upload) = site.start("GET", "/endless", None).await;
    let mut body = response.await.unwrap().into_body();
    assert!(body.data().await.unwrap().is_ok());
    upload.send_reset(Reason::CANCEL);
    drop(body);
    assert_eq!(site.get("/fine").await.1, b"fine");
    let records = site.records(2).await;
    let record = find(&records, "/endless");
    assert_fields(
        record,
        json!({"exchange.outcome": "aborted", "level": "WARN", "http.response.status_code": 200}),
    );
    assert_ne!(record["http.response.body.size"], 0);
    assert_fields(
        find(&records, "/fine"),
        json!({"exchange.outcome": "completed"}),
    );
}

#[actix_web::test]
async fn lost_connection_aborts_its_open_streams() {
    let site = Site::new(|routes| {
        let endless = || async {
            let chunks = stream::repeat_with(|| Ok::<_, actix_web::Error>(Bytes::from("chunk")));
            HttpResponse::Ok().streaming(chunks)
        };
        routes.route("/{n}", web::get().to(endless));
    })
    .await;
    let mut bodies = Vec::new();
    for path in ["/1", "/2", "/3"] {
        let response = site.start("GET", path, None).await.0.await.unwrap();
        bodies.push(response.into_body());
    }
    assert_eq!(site.recorder.records().len(), 0);
    site.connection.abort();
    for record in site.records(3).await {
        assert_fields(
            &record,
            json!({"exchange.outcome": "aborted", "level": "WARN"}),
        );
    }
}

#[actix_web::test]
async fn request_body_that_the_handler_does_not_read_is_unread() {
    let site = Site::new(|routes| {
        routes.route("/", web::post().to(|| async { "not interested" }));
    })
    .await;
    // After an early response the server resets the stream, which the client may report as an
    // error. The test does not check the response.
    let (response, _upload) = site.start("POST", "/", Some(4)).await;
    let _ = response.await;
    assert_fields(
        &site.record().await,
        json!({
            "exchange.outcome": "completed",
            "http.response.body.size": 14,
            "http.request.body.size": 0,
            "exchange.request.unread": true,
        }),
    );
}

#[actix_web::test]
async fn reset_upload_is_recorded_with_the_error_of_the_payload() {
    let (arrived, when_arrived) = mpsc::channel();
    let site = Site::new(move |routes| {
        let arrived = arrived.clone();
        let collect = move |mut body: web::Payload| {
            let arrived = arrived.clone();
            async move {
                while let Some(chunk) = body.next().await {
                    chunk?;
                    arrived.send(()).unwrap();
                }
                Ok::<_, actix_web::Error>("all of it")
            }
        };
        routes.route("/", web::post().to(collect));
    })
    .await;
    let (response, mut upload) = site.start("POST", "/", Some(100)).await;
    upload.send_data("only this".into(), false).unwrap();
    // Wait for the data to arrive: the client does not send a stream that it resets before any data.
    spawn_blocking(move || when_arrived.recv_timeout(TEST_TIMEOUT).unwrap())
        .await
        .unwrap();
    upload.send_reset(Reason::CANCEL);
    assert!(response.await.is_err());
    let record = site.record().await;
    assert_fields(&record, json!({"exchange.outcome": "aborted"}));
    assert!(record["exception.message"].is_string(), "{record:#}");
}

#[actix_web::test]
async fn panic_in_a_handler_ends_only_its_stream() {
    let gate = Gate::default();
    let site = {
        let gate = gate.clone();
        Site::new(move |routes| {
            let gate = gate.clone();
            let waiting = move || {
                let gate = gate.clone();
                async move {
                    gate.passed().await;
                    "waited"
                }
            };
            routes
                .route("/waiting", web::get().to(waiting))
                .route("/panic", web::get().to(panicking));
        })
        .await
    };
    let (waiting, _) = site.start("GET", "/waiting", None).await;
    let (panicking, _) = site.start("GET", "/panic", None).await;
    assert!(panicking.await.is_err());
    assert_fields(
        &site.wait_for(1).await[0],
        json!({
            "url.path": "/panic",
            "exchange.outcome": "panicked",
            "level": "ERROR",
            "http.response.status_code": null,
        }),
    );
    gate.open();
    let mut body = waiting.await.unwrap().into_body();
    assert_eq!(read(&mut body).await.unwrap(), b"waited");
    assert_fields(
        find(&site.records(2).await, "/waiting"),
        json!({"exchange.outcome": "completed", "level": "DEBUG"}),
    );
}

#[actix_web::test]
async fn failing_response_body_is_failed_with_the_cause() {
    let site = Site::new(|routes| {
        let broken = || async {
            let chunks = [
                Ok(Bytes::from("half")),
                Err(actix_web::error::ErrorInternalServerError("no disk")),
            ];
            HttpResponse::Ok().streaming(stream::iter(chunks))
        };
        routes.route("/", web::get().to(broken));
    })
    .await;
    let response = site.start("GET", "/", None).await.0.await.unwrap();
    assert!(read(&mut response.into_body()).await.is_err());
    let record = site.record().await;
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "failed",
            "level": "ERROR",
            "http.response.status_code": 200,
            "http.response.body.size": 4,
        }),
    );
    let error = record["exception.message"].as_str().unwrap();
    assert!(error.contains("no disk"), "{error}");
}

#[actix_web::test]
async fn each_parallel_stream_has_one_record() {
    const STREAMS: usize = 20;
    let site = Site::new(|routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/{n}", web::post().to(echo));
    })
    .await;
    let lengths = join_all((0..STREAMS).map(|n| {
        let site = &site;
        async move {
            // All streams are open before the first body is sent.
            let path = format!("/{n}");
            let (response, mut upload) = site.start("POST", &path, Some(n + 1)).await;
            let mut body = response.await.unwrap().into_body();
            upload.send_data(vec![b'x'; n + 1].into(), true).unwrap();
            read(&mut body).await.unwrap().len()
        }
    }))
    .await;
    assert_eq!(lengths, (1..=STREAMS).collect::<Vec<_>>());
    let records = site.records(STREAMS).await;
    for n in 0..STREAMS {
        assert_fields(
            find(&records, &format!("/{n}")),
            json!({
                "exchange.outcome": "completed",
                "http.request.body.size": n + 1,
                "http.response.body.size": n + 1,
            }),
        );
    }
}
