//! The ways in which exchanges and the demo itself can end.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    time::Instant,
};

use serde_json::json;

use super::*;

#[test]
fn panic_closes_only_its_connection_and_is_recorded() {
    let mut site = Site::start(&[]);
    site.asked += 1;
    assert!(site.agent.get(site.url("/panic")).call().is_err());
    assert_eq!(site.get("/code/0").0, 200);
    let records = site.records();
    assert_fields(
        &records[0],
        json!({
            "level": "ERROR", "exchange.outcome": "panicked", "http.response.status_code": null,
        }),
    );
}

#[test]
fn request_without_response_is_aborted_when_the_demo_stops() {
    let mut site = Site::start(&[]);
    let mut stalled = site.service.connect();
    stalled
        .write_all(b"GET /stall HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    site.asked += 1;
    // Wait until the server has received it.
    while !site.get("/stats").1.contains(r#""in_flight":2"#) {}
    let records = site.records_after("INT");
    let last = records
        .iter()
        .find(|record| record["url.path"] == "/stall")
        .unwrap();
    assert_fields(
        last,
        json!({
            "level": "WARN", "exchange.outcome": "aborted", "http.response.status_code": null,
        }),
    );
}

#[test]
fn interrupted_upload_is_recorded() {
    let mut site = Site::start(&[]);
    let mut stream = site.service.connect();
    stream
        .write_all(b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly this")
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    site.asked += 1;
    let records = site.records();
    assert_fields(
        &records[0],
        json!({
            "exchange.outcome": "completed", "http.response.status_code": 400, "level": "WARN",
            "http.request.body.size": 9, "http.request.body.content": "only this",
            "exchange.request.truncated": true,
        }),
    );
    assert!(records[0]["exception.message"].is_string());
}

#[test]
fn sigterm_and_sigint_stop_the_demo_after_the_last_record() {
    for signal in ["TERM", "INT"] {
        let mut site = Site::start(&[]);
        for nth in 0..50 {
            assert_eq!(site.get(&format!("/code/{nth}")).0, 200);
        }
        site.records_after(signal);
    }
    // The same directly after the start.
    Site::start(&[]).records();
}

#[test]
fn requests_go_on_and_sigterm_stops_the_demo_while_nobody_reads_standard_output() {
    // The pipe holds 64 KiB and the queue 8 MiB.
    const BODY: usize = 500_000;
    const REQUESTS: usize = 40;
    let limit = (2 * BODY).to_string();
    let limits = ["REQUEST_LIMIT", "RECORD_LIMIT"].map(|name| (name, &*limit));
    let (mut service, _stdout) = Service::start_unread(demo(), &limits);
    let body = "x".repeat(BODY);
    let url = format!("http://{}/echo", service.addr);
    for _ in 0..REQUESTS {
        let res = agent().post(&url).content_type("text/plain").send(&body);
        let mut res = res.unwrap();
        assert_eq!(res.status(), 200);
        assert_eq!(res.body_mut().read_to_string().unwrap().len(), BODY);
    }
    let stats = service.stats();
    assert_eq!(stats["records"], REQUESTS);
    let lost = stats["sink_losses"].as_u64().unwrap();
    assert!((10..REQUESTS as u64).contains(&lost), "{stats}");
    let started = Instant::now();
    service.end("TERM");
    assert!(started.elapsed() < Duration::from_secs(20));
}
