//! Many concurrent exchanges, counted by the clients and by the records.

use std::{collections::BTreeMap, io::Write as _, thread, time::Instant};

use actix_web::{HttpResponse, web};

use super::*;
use crate::support::Server;

fn routes(routes: &mut ServiceConfig) {
    let script = |end: fn() -> Step| {
        move || async move {
            HttpResponse::Ok().message_body(Script::new([Step::Chunk("a"), Step::Pending, end()]))
        }
    };
    routes
        .route("/ok", web::get().to(|| async { "ok" }))
        .route("/empty", web::get().to(HttpResponse::NoContent))
        .route("/stream", web::get().to(script(|| Step::Chunk("b"))))
        .route("/broken", web::get().to(script(|| Step::Fail)))
        .route("/crash", web::get().to(script(|| Step::Panic)))
        .route(
            "/error",
            web::get().to(|| async {
                Err::<String, _>(actix_web::error::ErrorInternalServerError("broken"))
            }),
        )
        .route("/panic", web::get().to(panicking))
        .route(
            "/echo",
            web::post().to(|body: web::Payload| async { HttpResponse::Ok().streaming(body) }),
        )
        .route("/collect", web::post().to(|body: Bytes| async { body }))
        .route(
            "/stall",
            web::get().to(std::future::pending::<HttpResponse>),
        );
}

/// The path, the rest of the request, and the outcome. A client whose request ends with `cut` closes
/// its half of the connection.
const KINDS: [(&str, &str, &str); 11] = [
    ("/ok", "", "completed"),
    ("/empty", "", "completed"),
    ("/unmatched", "", "completed"),
    ("/stream", "", "completed"),
    ("/broken", "", "failed"),
    ("/crash", "", "panicked"),
    ("/error", "", "completed"),
    ("/panic", "", "panicked"),
    ("/echo", "content-length: 4\r\n\r\nping", "completed"),
    ("/collect", "content-length: 9\r\n\r\ncut", "completed"),
    ("/stall", "", "aborted"),
];

fn send(server: &Server, (path, rest, outcome): (&str, &str, &str)) {
    use std::{io::Read as _, net::Shutdown};
    let method = if rest.is_empty() { "GET" } else { "POST" };
    let rest = if rest.is_empty() { "\r\n" } else { rest };
    let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{rest}");
    let mut client = server.connect();
    client.write_all(request.as_bytes()).unwrap();
    if outcome == "aborted" {
        // Leave the connection open until the server stops.
        std::mem::forget(client);
        return;
    }
    if request.ends_with("cut") {
        client.shutdown(Shutdown::Write).unwrap();
    }
    // The connection may end with a reset. The test does not check the response.
    let _ = client.read_to_end(&mut Vec::new());
}

#[test]
fn concurrent_requests_have_one_record_each_for_each_ending() {
    const THREADS: usize = 6;
    const ROUNDS: usize = 5;
    let site = Site::new(routes);
    let mut sent = BTreeMap::new();
    let counts: Vec<_> = thread::scope(|scope| {
        let client = |thread: usize| {
            let server = &site.server;
            scope.spawn(move || {
                let mut sent = Vec::new();
                for nth in 0..ROUNDS * KINDS.len() {
                    // Each thread uses another order.
                    let kind = KINDS[(nth * (thread + 1) + thread) % KINDS.len()];
                    send(server, kind);
                    sent.push((kind.0.to_owned(), kind.2.to_owned()));
                }
                sent
            })
        };
        let threads: Vec<_> = (0..THREADS).map(client).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    for kind in counts {
        *sent.entry(kind).or_insert(0) += 1;
    }

    let Site {
        server,
        log,
        recorder,
    } = site;
    let total: usize = sent.values().sum();
    let stalled = sent[&("/stall".to_owned(), "aborted".to_owned())];
    // The stop of the server ends the stalled exchanges. They must have begun before: a request
    // that does not reach the middleware has no record.
    recorder.wait_for(total - stalled);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while log.stats().in_flight < stalled {
        assert!(Instant::now() < deadline, "{:?}", log.stats());
        thread::yield_now();
    }
    drop(server);
    assert!(drain(&log));

    let mut recorded = BTreeMap::new();
    for record in recorder.records() {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        *recorded
            .entry((text("url.path"), text("exchange.outcome")))
            .or_insert(0) += 1;
    }
    assert_eq!(recorded, sent);
    let stats = log.stats();
    assert_eq!(
        (stats.records, stats.in_flight, stats.budget_used),
        (total as u64, 0, 0)
    );
    assert_ne!(stats.budget_peak, 0);
}
