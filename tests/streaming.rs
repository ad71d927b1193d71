//! Streaming and back-pressure over HTTP/1 are the same with the logger.

mod support;

use std::{
    io::{ErrorKind, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix_web::{App, Error, HttpResponse, web};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use support::{Recorder, Server, gate::Turnstile, read_until, script::request};

#[test]
fn each_event_arrives_before_the_next_one_is_made() {
    const EVENTS: usize = 5;
    let (recorder, log) = Recorder::with_full_log();
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
    // The head arrives before the first event.
    read_until(&mut stream, "\r\n\r\n");
    assert_eq!(made.load(SeqCst), 0);
    for nth in 0..EVENTS {
        gate.open();
        assert_eq!(
            read_until(&mut stream, "\n\n\r\n"),
            format!("9\r\ndata: {nth}\n\n\r\n")
        );
        assert_eq!(made.load(SeqCst), nth + 1);
        assert!(recorder.records().is_empty(), "the stream has not ended");
    }
    gate.open();
    read_until(&mut stream, "0\r\n\r\n");
    let record = &recorder.wait_for(1)[0];
    assert_eq!(record["http.response.body.size"], 9 * EVENTS);
    assert_eq!(record["exchange.outcome"], "completed");
}

#[test]
fn unread_upload_blocks_the_client_and_arrives_whole_later() {
    const TOTAL: usize = 64 << 20;
    // The kernel's buffers on loopback grow to a few MiB on each side.
    const BOUND: usize = 24 << 20;
    let (recorder, log) = Recorder::with_full_log();
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

    // Write until a write times out, which means that the buffers are full.
    let write_timeout = stream.write_timeout().unwrap();
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
        "{sent} bytes were accepted although the handler does not read"
    );

    gate.open();
    stream.set_write_timeout(write_timeout).unwrap();
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
fn client_that_does_not_read_blocks_the_response() {
    const CHUNK: usize = 64 * 1024;
    const TOTAL: usize = 1024;
    const BOUND: usize = 24 << 20;
    let (recorder, log) = Recorder::with_full_log();
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
    // The server has one worker. After it has answered other connections many times, it has made
    // all the progress on the first connection that it can.
    for _ in 0..50 {
        server.exchange(request("GET", "/made", "connection: close\r\n"));
    }
    let made_ahead = made.load(SeqCst) * CHUNK;
    assert!(
        made_ahead < BOUND,
        "{made_ahead} bytes were made although the client does not read"
    );
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > TOTAL * CHUNK);
    assert_eq!(made.load(SeqCst), TOTAL);
    recorder.wait_for(51);
}

#[test]
fn each_piece_of_an_upload_is_echoed_before_the_next_is_sent() {
    let (recorder, log) = Recorder::with_full_log();
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
