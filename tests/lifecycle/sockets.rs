//! Endings that need a real HTTP/1 connection.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::mpsc,
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, rt, web};
use futures_util::StreamExt as _;
use serde_json::json;

use super::*;
use crate::support::{assert_fields, read_until};

fn read_to_end(mut client: TcpStream) -> String {
    let mut response = String::new();
    client.read_to_string(&mut response).unwrap();
    response
}

/// Sends a request, and resets the connection when this much of the response has arrived.
fn leave_after(site: &Site, received: &str) {
    let mut client = site.server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    read_until(&mut client, received);
    reset(client);
}

/// Closes the connection with a reset.
fn reset(client: TcpStream) {
    let socket = socket2::SockRef::from(&client);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn each_request_of_one_connection_has_one_record() {
    let site = Site::new(|routes| {
        routes.route(
            "/{n}",
            web::get().to(|n: web::Path<String>| async { n.into_inner() }),
        );
    });
    let mut client = site.server.connect();
    for n in 1..=3 {
        write!(client, "GET /{n} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        read_until(&mut client, &format!("\r\n\r\n{n}"));
        let record = site.recorder.wait_for(n).remove(n - 1);
        let path = format!("/{n}");
        assert_fields(
            &record,
            json!({"url.path": path, "exchange.outcome": "completed"}),
        );
    }
    // Pipelined requests.
    write!(
        client,
        "GET /4 HTTP/1.1\r\nhost: a\r\n\r\nGET /5 HTTP/1.1\r\nhost: a\r\n\r\n"
    )
    .unwrap();
    read_until(&mut client, "\r\n\r\n5");
    site.records(5);
}

#[test]
fn request_that_actix_http_rejects_has_no_record() {
    let site = Site::new(|_| {});
    for malformed in [
        "NOT HTTP AT ALL\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let response = site.server.exchange(malformed);
        assert!(response.starts_with(b"HTTP/1.1 400 "));
    }
    site.server
        .exchange("GET /good HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_fields(&site.record(), json!({"url.path": "/good"}));
}

fn collecting() -> Site {
    Site::new(|routes| {
        routes.route("/", web::post().to(|body: Bytes| async { body }));
    })
}

#[test]
fn upload_whose_client_leaves_is_completed_with_the_error_of_the_extractor() {
    let site = collecting();
    let mut client = site.server.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly this")
        .unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let response = read_to_end(client);
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let record = site.record();
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "completed",
            "level": "WARN",
            "http.response.status_code": 400,
            "http.request.body.size": 9,
            "exchange.request.unread": null,
        }),
    );
    let error = record["exception.message"].as_str().unwrap();
    assert!(error.contains("EOF"), "{error}");
}

#[test]
fn invalid_chunked_upload_is_completed_with_the_error_of_the_extractor() {
    let site = collecting();
    let mut client = site.server.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\nbad!\r\n")
        .unwrap();
    let response = read_to_end(client);
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let record = site.record();
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "completed",
            "level": "WARN",
            "http.response.status_code": 400,
            "http.request.body.size": 4,
        }),
    );
    assert!(record["exception.message"].is_string(), "{record:#}");
}

#[test]
fn upload_over_the_limit_of_the_extractor_is_recorded_with_the_size_that_was_read() {
    let site = Site::new(|routes| {
        routes
            .app_data(web::PayloadConfig::default().limit(4))
            .route("/", web::post().to(|body: Bytes| async { body }));
    });
    let mut client = site.server.connect();
    client
        .write_all(
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n8\r\ntoo long\r\n",
        )
        .unwrap();
    read_until(&mut client, "HTTP/1.1 413 ");
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "completed",
            "level": "WARN",
            "http.response.status_code": 413,
            "http.request.body.size": 8,
            "exchange.request.unread": true,
        }),
    );
}

/// Starts a server without half-closed connections, with a handler that never answers.
fn stalling() -> (Site, mpsc::Receiver<()>) {
    let (started, when_started) = mpsc::channel();
    let (recorder, log) = Recorder::with_log();
    let wrap = log.clone();
    let factory = move || {
        let started = started.clone();
        let stall = move || {
            started.send(()).unwrap();
            std::future::pending::<HttpResponse>()
        };
        App::new()
            .route("/", web::get().to(stall))
            .wrap(wrap.clone())
    };
    let server = Server::http1_with(factory, |server| server.h1_allow_half_closed(false));
    let site = Site {
        server,
        log,
        recorder,
    };
    (site, when_started)
}

#[test]
fn client_that_leaves_while_the_handler_runs_aborts_the_exchange_without_status() {
    for leave in [reset, drop::<TcpStream>] {
        let (site, when_started) = stalling();
        let mut client = site.server.connect();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        when_started.recv_timeout(TEST_TIMEOUT).unwrap();
        assert_eq!(site.recorder.records().len(), 0);
        leave(client);
        assert_fields(
            &site.record(),
            json!({
                "exchange.outcome": "aborted",
                "level": "WARN",
                "http.response.status_code": null,
                "http.response.body.size": null,
            }),
        );
    }
}

#[test]
fn client_that_resets_while_the_handler_runs_aborts_the_exchange_by_default() {
    let (site, client) = stalled_site();
    reset(client);
    assert_fields(
        &site.record(),
        json!({"exchange.outcome": "aborted", "http.response.status_code": null}),
    );
}

#[test]
fn client_that_closes_its_half_gets_the_response() {
    let (gate, when_started, handler) = gated("still here");
    let site = Site::new(move |routes| {
        routes.route("/", web::get().to(handler.clone()));
    });
    let mut client = site.server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    when_started.recv_timeout(TEST_TIMEOUT).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    gate.open();
    assert!(read_to_end(client).ends_with("\r\n\r\nstill here"));
    assert_fields(
        &site.record(),
        json!({"exchange.outcome": "completed", "http.response.status_code": 200}),
    );
}

#[test]
fn large_response_in_memory_whose_client_leaves_is_aborted_with_its_whole_size() {
    // More than the kernel's buffers on loopback hold.
    const SIZE: usize = 32 << 20;
    let site = Site::new(|routes| {
        routes.route("/", web::get().to(|| async { vec![b'x'; SIZE] }));
    });
    leave_after(&site, "\r\n\r\n");
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "aborted",
            "level": "WARN",
            "http.response.status_code": 200,
            "http.response.body.size": SIZE,
        }),
    );
}

#[test]
fn client_that_leaves_before_the_server_asks_for_the_body_aborts_the_exchange() {
    // The server asks for the body when the head has left its buffer. The kernel's buffers on loopback hold less.
    const HEAD_SIZE: usize = 32 << 20;
    let site = Site::new(|routes| {
        let handler = || async {
            let large = "x".repeat(HEAD_SIZE);
            HttpResponse::Ok()
                .insert_header(("x-large", large))
                .body("never asked for")
        };
        routes.route("/", web::get().to(handler));
    });
    leave_after(&site, "HTTP/1.1 200");
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "aborted",
            "level": "WARN",
            "http.response.status_code": 200,
            "http.response.body.size": 0,
        }),
    );
}

#[test]
fn response_body_that_differs_from_its_announced_length_is_completed_with_its_own_size() {
    for announced in [20, 4] {
        let site = Site::new(move |routes| {
            let handler = move || async move {
                let size = BodySize::Sized(announced);
                let script = Script::sized(size, [Step::Chunk("one"), Step::Chunk("two")]);
                HttpResponse::Ok().message_body(script)
            };
            routes.route("/", web::get().to(handler));
        });
        site.server
            .exchange("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_fields(
            &site.record(),
            json!({"exchange.outcome": "completed", "http.response.body.size": 6}),
        );
    }
}

#[test]
fn client_that_leaves_during_a_download_aborts_the_exchange() {
    let site = Site::new(|routes| {
        let endless = || async {
            let chunk = Bytes::from_static(&[b'x'; 16 * 1024]);
            HttpResponse::Ok().message_body(Script::new([Step::Repeat(chunk)]))
        };
        routes.route("/", web::get().to(endless));
    });
    let mut client = site.server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    read_until(&mut client, "xxxx");
    drop(client);
    let record = site.record();
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "aborted",
            "level": "WARN",
            "http.response.status_code": 200,
        }),
    );
    assert!(
        record["http.response.body.size"].as_u64() >= Some(16 * 1024),
        "{record:#}"
    );
}

#[test]
fn failing_response_body_closes_the_connection_and_is_failed() {
    let site = Site::new(|routes| {
        let script = || Script::new([Step::Chunk("half"), Step::Pending, Step::Fail]);
        let handler = move || async move { HttpResponse::Ok().message_body(script()) };
        routes.route("/", web::get().to(handler));
    });
    let response = site.server.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(
        response.ends_with(b"4\r\nhalf\r\n"),
        "the last chunk is not sent"
    );
    assert_fields(
        &site.record(),
        json!({"exchange.outcome": "failed", "level": "ERROR", "http.response.body.size": 4}),
    );
}

#[test]
fn streaming_echo_is_recorded_at_the_end_of_the_response() {
    let site = Site::new(|routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/", web::post().to(echo));
    });
    let mut client = site.server.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        .unwrap();
    for chunk in ["one", "two", "six"] {
        write!(client, "3\r\n{chunk}\r\n").unwrap();
        read_until(&mut client, &format!("3\r\n{chunk}\r\n"));
        assert_eq!(site.recorder.records().len(), 0);
    }
    client.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(read_to_end(client), "0\r\n\r\n");
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "completed",
            "http.request.body.size": 9,
            "http.response.body.size": 9,
            "exchange.request.unread": null,
        }),
    );
}

#[test]
fn client_that_leaves_during_an_echo_fails_the_response_body() {
    let site = Site::new(|routes| {
        let echo = |body: web::Payload| async { HttpResponse::Ok().streaming(body) };
        routes.route("/", web::post().to(echo));
    });
    let mut client = site.server.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nping")
        .unwrap();
    read_until(&mut client, "4\r\nping\r\n");
    client.shutdown(Shutdown::Write).unwrap();
    read_to_end(client);
    let record = site.record();
    assert_fields(
        &record,
        json!({
            // The body fails with the error of the payload.
            "exchange.outcome": "failed",
            "level": "ERROR",
            "http.response.status_code": 200,
            "http.request.body.size": 4,
            "http.response.body.size": 4,
        }),
    );
    let error = record["exception.message"].as_str().unwrap();
    assert_eq!(error.matches("EOF").count(), 1, "recorded once: {error}");
}

#[test]
fn request_and_payload_in_a_spawned_task_do_not_delay_the_record() {
    let (gate, ended) = (Gate::default(), mpsc::channel());
    let site = {
        let (gate, ended) = (gate.clone(), ended.0);
        Site::new(move |routes| {
            let (gate, ended) = (gate.clone(), ended.clone());
            let handler = move |req: HttpRequest, mut body: web::Payload| {
                let (gate, ended) = (gate.clone(), ended.clone());
                rt::spawn(async move {
                    gate.passed().await;
                    while body.next().await.is_some_and(|chunk| chunk.is_ok()) {}
                    drop((req, body));
                    ended.send(()).unwrap();
                });
                async { "accepted" }
            };
            routes.route("/", web::post().to(handler));
        })
    };
    let mut client = site.server.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nping")
        .unwrap();
    read_until(&mut client, "\r\n\r\naccepted");
    let record = site.recorder.wait_for(1).remove(0);
    assert_fields(
        &record,
        json!({
            "exchange.outcome": "completed",
            "level": "DEBUG",
            "http.response.status_code": 200,
            "exchange.request.unread": true,
        }),
    );
    drop(client);
    gate.open();
    ended.1.recv_timeout(TEST_TIMEOUT).unwrap();
    assert_eq!(site.record(), record);
}

#[test]
fn server_sent_events_are_recorded_at_their_end() {
    let gate = Gate::default();
    let site = {
        let gate = gate.clone();
        Site::new(move |routes| {
            let gate = gate.clone();
            let events = move || {
                let last = Step::Gate(gate.clone());
                let script =
                    Script::new([Step::Chunk("data: 1\n\n"), last, Step::Chunk("data: 2\n\n")]);
                async {
                    HttpResponse::Ok()
                        .content_type("text/event-stream")
                        .message_body(script)
                }
            };
            routes.route("/", web::get().to(events));
        })
    };
    let mut client = site.server.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .unwrap();
    read_until(&mut client, "data: 1\n\n\r\n");
    assert_eq!(site.log.stats().in_flight, 1);
    assert_eq!(site.recorder.records().len(), 0);
    gate.open();
    assert!(read_to_end(client).ends_with("data: 2\n\n\r\n0\r\n\r\n"));
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "completed",
            "http.response.status_code": 200,
            "http.response.body.size": 18,
        }),
    );
}

async fn websocket(req: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    use actix_ws::Message;
    let (res, mut session, mut messages) = actix_ws::handle(&req, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                Message::Text(text) => session.text(text).await.unwrap(),
                Message::Close(reason) => return session.close(reason).await.unwrap(),
                _ => {}
            }
        }
    });
    Ok(res)
}

#[test]
fn websocket_is_recorded_at_its_close_without_content() {
    let site = Site::new(|routes| {
        routes.route("/", web::get().to(websocket));
    });
    let (mut socket, response) =
        tungstenite::client("ws://localhost/", site.server.connect()).unwrap();
    assert_eq!(response.status().as_u16(), 101);
    socket.send("hello".into()).unwrap();
    assert_eq!(socket.read().unwrap().to_text().unwrap(), "hello");
    let stats = site.log.stats();
    assert_eq!(stats.in_flight, 1);
    let heads = "GET / HTTP/1.1".len()..200;
    assert!(heads.contains(&stats.budget_peak), "{stats:?}");
    assert_eq!(site.recorder.records().len(), 0);

    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "completed",
            "level": "DEBUG",
            "http.response.status_code": 101,
            // "hello" and a close frame without a reason. Each frame has a head of 2 bytes, and
            // those of the client also a mask of 4 bytes.
            "http.request.body.size": 6 + 5 + 6,
            "http.response.body.size": 2 + 5 + 2,
            "exchange.request.omitted": "upgrade",
            "exchange.response.omitted": "upgrade",
            "http.request.body.content": null,
            "http.response.body.content": null,
            "exchange.request.unread": null,
            "exchange.code_state": null,
            "exception.message": null,
        }),
    );
}

#[test]
fn websocket_whose_client_resets_is_aborted() {
    let site = Site::new(|routes| {
        routes.route("/", web::get().to(websocket));
    });
    let (mut socket, _) = tungstenite::client("ws://localhost/", site.server.connect()).unwrap();
    socket.send("hello".into()).unwrap();
    assert_eq!(socket.read().unwrap().to_text().unwrap(), "hello");
    reset(socket.get_ref().try_clone().unwrap());
    drop(socket);
    assert_fields(
        &site.record(),
        json!({
            "exchange.outcome": "aborted",
            "level": "WARN",
            "http.response.status_code": 101,
            "http.request.body.size": 11,
            "exchange.request.omitted": "upgrade",
        }),
    );
}
