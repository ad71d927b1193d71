//! The demo, run as a process with real clients. Each line that it writes is checked.

mod browser;
mod endings;
mod fields;
mod page;
mod routes;
mod service;
mod settings;
mod stream;

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    sync::OnceLock,
    time::Duration,
};

use serde_json::Value;
use service::Service;
use ureq::Agent;

fn demo() -> &'static PathBuf {
    static DEMO: OnceLock<PathBuf> = OnceLock::new();
    DEMO.get_or_init(|| service::build("demo", !cfg!(debug_assertions)))
}

/// A running demo with a client. `asked` counts the requests that must be recorded.
struct Site {
    service: Service,
    agent: Agent,
    asked: usize,
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)));
    config.build().into()
}

/// The status and the body of a response.
type Answer = (u16, String);

impl Site {
    fn start(environment: &[(&str, &str)]) -> Self {
        Self {
            service: Service::start(demo(), environment),
            agent: agent(),
            asked: 0,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.addr)
    }

    fn get(&mut self, path: &str) -> Answer {
        self.asked += 1;
        let res = self.agent.get(self.url(path)).call().unwrap();
        (
            res.status().as_u16(),
            res.into_body().read_to_string().unwrap(),
        )
    }

    fn post(&mut self, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        self.asked += 1;
        let req = self.agent.post(self.url(path));
        let res = req.content_type(content_type).send(body.as_ref()).unwrap();
        (
            res.status().as_u16(),
            res.into_body().read_to_string().unwrap(),
        )
    }

    /// Sends a request as it is, and waits until the demo closes the connection.
    fn raw(&mut self, request: &str) {
        self.asked += 1;
        let mut stream = self.service.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }

    /// Stops the demo and returns its records. Checks that there is one for each request.
    #[track_caller]
    fn records(self) -> Vec<Value> {
        self.records_after("TERM")
    }

    #[track_caller]
    fn records_after(self, signal: &str) -> Vec<Value> {
        let lines = self.service.stop(signal);
        assert_eq!(lines.len(), self.asked, "{lines:#?}");
        lines.iter().map(|line| parse(line)).collect()
    }
}

/// Parses a record. Checks that it is one flat object without characters that could forge a line.
#[track_caller]
fn parse(line: &str) -> Value {
    let record: Value = serde_json::from_str(line).unwrap();
    let forbidden =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    for (name, value) in record.as_object().unwrap() {
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        };
        for value in values {
            assert!(
                !value.is_array() && !value.is_object() && !value.is_null(),
                "{name}: {value}"
            );
            let text = value.as_str().unwrap_or_default();
            assert!(
                !name.contains(forbidden) && !text.contains(forbidden),
                "{name}: {text:?}"
            );
        }
    }
    record
}

/// Compares the given fields; `null` stands for a field that must be absent.
#[track_caller]
fn assert_fields(record: &Value, expected: Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&record[name], value, "{name} of {record:#}");
    }
}
