//! The event stream of records that the page reads.

use std::io::{BufRead as _, BufReader, Lines};

use serde_json::{Value, json};
use ureq::BodyReader;

use super::*;

/// The events of `/records`.
struct Events(Lines<BufReader<BodyReader<'static>>>);

impl Events {
    fn open(site: &Site, last: Option<&str>) -> Self {
        let mut req = site.agent.get(site.url("/records"));
        if let Some(last) = last {
            req = req.header("last-event-id", last);
        }
        let res = req.call().unwrap();
        assert_eq!(res.status(), 200);
        let mut events = Self(BufReader::new(res.into_body().into_reader()).lines());
        assert_eq!(events.lines(), ["retry: 1000"]);
        events
    }

    /// Reads up to the next empty line or the end of the stream.
    fn lines(&mut self) -> Vec<String> {
        let lines = self
            .0
            .by_ref()
            .map(|line| line.expect("the stream is whole"));
        lines.take_while(|line| !line.is_empty()).collect()
    }
}

impl Iterator for Events {
    /// The id and the record of an event.
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        let lines = self.lines();
        let [id, data] = &lines[..] else {
            assert!(lines.is_empty(), "{lines:#?}");
            return None;
        };
        let id = id.strip_prefix("id: ").expect("an id");
        let data = data.strip_prefix("data: ").expect("data");
        Some((id.to_owned(), parse(data)))
    }
}

#[test]
fn stream_has_kept_records_and_new_ones() {
    let mut site = Site::start(&[]);
    let form = "application/x-www-form-urlencoded";
    site.post("/login", form, "username=anna&password=hunter2");
    site.get("/code/500");
    let mut events = Events::open(&site, None);
    let mut seen: Vec<_> = events.by_ref().take(2).collect();
    site.get("/reject");
    site.post("/echo?status=418", "text/plain", "hello");
    seen.extend(events.by_ref().take(2));

    // Reconnect after the second event, as a browser does.
    let rest: Vec<_> = Events::open(&site, Some(&seen[1].0)).take(2).collect();
    assert_eq!(rest, seen[2..]);
    for nonsense in ["", "0123456789abcdef-1", "no id"] {
        let again: Vec<_> = Events::open(&site, Some(nonsense)).take(4).collect();
        assert_eq!(again, seen);
    }

    let seen: Vec<Value> = seen.into_iter().map(|(_, record)| record).collect();
    assert_fields(
        &seen[0],
        json!({"url.path": "/login", "user.name": "anna", "level": "DEBUG"}),
    );
    assert_fields(
        &seen[1],
        json!({"url.path": "/code/500", "exchange.code": 500, "level": "ERROR"}),
    );
    assert!(
        !seen
            .iter()
            .any(|record| record.to_string().contains("hunter2"))
    );
    assert_eq!(seen, site.records());
}

#[test]
fn reading_the_stream_is_not_recorded() {
    let mut site = Site::start(&[]);
    // The head arrives although there is no record yet.
    let mut open = Events::open(&site, None);
    for _ in 0..5 {
        drop(Events::open(&site, None));
    }
    let (_, stats) = site.get("/stats");
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_fields(&stats, json!({"records": 0}));
    assert_eq!(open.next().unwrap().1["url.path"], "/stats");
    site.records();
}

#[test]
fn open_stream_ends_when_the_demo_stops() {
    let mut site = Site::start(&[]);
    let mut events = Events::open(&site, None);
    site.get("/code/0");
    assert_eq!(events.next().unwrap().1["url.path"], "/code/0");
    site.records_after("TERM");
    // The stream is complete. After the shutdown timeout, its last chunk would be missing.
    assert_eq!(events.next(), None);
}
