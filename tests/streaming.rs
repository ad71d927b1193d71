//! What is in motion stays in motion: events arrive one by one, and nobody is hurried.

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix_bodylog::{BodyLog, ResponseBody};
use actix_web::{App, Error, HttpResponse, web};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use support::{Recorder, Server, gate::Turnstile, script::request};

fn busy() -> (Recorder, BodyLog) {
    let (recorder, log) = Recorder::with_log();
    (recorder, log.response_body(ResponseBody::Always))
}

fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut received = Vec::new();
    let mut byte = [0];
    while !received.ends_with(text.as_bytes()) {
        let n = stream.read(&mut byte).unwrap();
        assert_eq!(n, 1, "no {text:?}: {}", received.escape_ascii());
        received.push(byte[0]);
    }
    String::from_utf8(received).unwrap()
}

#[test]
fn every_event_can_be_read_before_the_next_one_is_made() {
    const EVENTS: usize = 5;
    let (recorder, log) = busy();
    let (gate, made) = (Turnstile::default(), Arc::new(AtomicUsize::new(0)));
    let server = Server::http1({
        let (gate, made) = (gate.clone(), Arc::clone(&made));
        move || {
            let (gate, made) = (gate.clone(), Arc::clone(&made));
            let events = move || {
                let (gate, made) = (gate.clone(), Arc::clone(&made));
                let events = stream::unfold(0, move |nth| {
                    let (gate, made) = (gate.clone(), Arc::clone(&made));
                    async move {
                        gate.pass().await;
                        let event = Bytes::from(format!("data: {nth}\n\n"));
                        made.fetch_add(1, SeqCst);
                        (nth < EVENTS).then_some((Ok::<_, Error>(event), nth + 1))
                    }
                });
                async {
                    HttpResponse::Ok()
                        .content_type("text/event-stream")
                        .streaming(events)
                }
            };
            App::new().route("/", web::to(events)).wrap(log.clone())
        }
    });
    let mut stream = server.connect();
    stream
        .write_all(&request("GET", "/", "connection: close\r\n"))
        .unwrap();
    // The head does not wait for the first event.
    read_until(&mut stream, "\r\n\r\n");
    assert_eq!(made.load(SeqCst), 0);
    for nth in 0..EVENTS {
        gate.open();
        assert_eq!(
            read_until(&mut stream, "\n\n\r\n"),
            format!("9\r\ndata: {nth}\n\n\r\n")
        );
        assert_eq!(made.load(SeqCst), nth + 1);
        assert!(recorder.records().is_empty(), "it is not over yet");
    }
    gate.open();
    read_until(&mut stream, "0\r\n\r\n");
    let record = &recorder.wait_for(1)[0];
    assert_eq!(record["http.response.body.size"], 9 * EVENTS);
    assert_eq!(record["exchange.outcome"], "completed");
}

#[test]
fn a_handler_that_does_not_read_holds_the_client_back_and_gets_everything_later() {
    const TOTAL: usize = 64 << 20;
    // Kernel buffers on both sides of loopback grow to a few MiB.
    const BOUND: usize = 24 << 20;
    let (recorder, log) = busy();
    let gate = Turnstile::default();
    let server = Server::http1({
        let gate = gate.clone();
        move || {
            let gate = gate.clone();
            let handler = move |mut payload: web::Payload| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    let mut bytes = 0;
                    while let Some(chunk) = payload.next().await {
                        bytes += chunk?.len();
                    }
                    Ok::<_, Error>(HttpResponse::Ok().body(bytes.to_string()))
                }
            };
            App::new().route("/", web::to(handler)).wrap(log.clone())
        }
    });
    let mut stream = server.connect();
    let length = format!("content-length: {TOTAL}\r\nconnection: close\r\n");
    stream.write_all(&request("POST", "/", &length)).unwrap();

    // Writes until the kernel takes no more: that is what a write that times out says.
    let patience = stream.write_timeout().unwrap();
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < TOTAL {
        match stream.write(&piece[..piece.len().min(TOTAL - sent)]) {
            Ok(n) => sent += n,
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut));
                break;
            }
        }
    }
    assert!(
        sent < BOUND,
        "{sent} bytes went to a handler that reads none"
    );

    gate.open();
    stream.set_write_timeout(patience).unwrap();
    while sent < TOTAL {
        sent += stream
            .write(&piece[..piece.len().min(TOTAL - sent)])
            .unwrap();
    }
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.ends_with(&TOTAL.to_string()), "{response}");
    assert_eq!(recorder.wait_for(1)[0]["http.request.body.size"], TOTAL);
}

#[test]
fn a_client_that_does_not_read_holds_the_response_back() {
    const CHUNK: usize = 64 * 1024;
    const TOTAL: usize = 1024;
    const BOUND: usize = 24 << 20;
    let (recorder, log) = busy();
    let made = Arc::new(AtomicUsize::new(0));
    let server = Server::http1({
        let made = Arc::clone(&made);
        move || {
            let made = Arc::clone(&made);
            let handler = move || {
                let made = Arc::clone(&made);
                let chunk = Bytes::from(vec![b'x'; CHUNK]);
                let chunks = stream::iter(0..TOTAL).map(move |_| {
                    made.fetch_add(1, SeqCst);
                    Ok::<_, Error>(chunk.clone())
                });
                async { HttpResponse::Ok().streaming(chunks) }
            };
            App::new()
                .route("/", web::to(handler))
                .route("/made", web::to(HttpResponse::Ok))
                .wrap(log.clone())
        }
    });
    let mut stream = server.connect();
    stream
        .write_all(&request("GET", "/", "connection: close\r\n"))
        .unwrap();
    read_until(&mut stream, "\r\n\r\n");
    // There is one worker, on one thread: when it has answered somebody else a few times, it has
    // done with the first connection what it can.
    for _ in 0..50 {
        server.exchange(request("GET", "/made", "connection: close\r\n"));
    }
    let made_ahead = made.load(SeqCst) * CHUNK;
    assert!(made_ahead < BOUND, "{made_ahead} bytes for nobody");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > TOTAL * CHUNK);
    assert_eq!(made.load(SeqCst), TOTAL);
    recorder.wait_for(51);
}

#[test]
fn an_upload_is_answered_piece_by_piece_while_it_goes_on() {
    let (recorder, log) = busy();
    let server = Server::http1(move || {
        let echo = |payload: web::Payload| async { HttpResponse::Ok().streaming(payload) };
        App::new().route("/", web::to(echo)).wrap(log.clone())
    });
    let mut stream = server.connect();
    stream
        .write_all(&request("POST", "/", "content-length: 300\r\n"))
        .unwrap();
    read_until(&mut stream, "\r\n\r\n");
    for nth in 100..200 {
        let piece = nth.to_string();
        stream.write_all(piece.as_bytes()).unwrap();
        assert_eq!(
            read_until(&mut stream, &format!("{piece}\r\n")),
            format!("3\r\n{piece}\r\n")
        );
    }
    read_until(&mut stream, "0\r\n\r\n");
    let record = &recorder.wait_for(1)[0];
    assert_eq!(record["http.request.body.size"], 300);
    assert_eq!(record["http.response.body.size"], 300);
}
