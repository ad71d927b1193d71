//! The example `shipper`: its lines in each schema, and rotation of its file.

#[path = "support/program.rs"]
mod program;
#[path = "demo/service.rs"]
mod service;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use program::{Program, TEST_TIMEOUT, send};
use serde_json::{Value, json};

fn shipper() -> Command {
    static SHIPPER: OnceLock<PathBuf> = OnceLock::new();
    let shipper = SHIPPER.get_or_init(|| service::build("shipper", !cfg!(debug_assertions)));
    let mut command = Command::new(shipper);
    command.env_remove("RUST_LOG");
    command
}

/// A new folder, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("shipper-{}-{test}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("exchanges.jsonl")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Parses complete lines.
#[track_caller]
fn parse(lines: &str) -> Vec<Value> {
    assert!(lines.is_empty() || lines.ends_with('\n'), "{lines}");
    let parsed = lines.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().unwrap()
}

#[test]
fn each_schema_has_its_field_names_and_redacts_the_card_number() {
    for (schema, expected) in [
        (
            "otel",
            json!({
                "/level": "ERROR", "/http.response.status_code": 200, "/exchange.code": 500,
                "/url.path": "/orders/13", "/order": 13,
            }),
        ),
        (
            "ecs",
            json!({
                "/log.level": "error", "/http.response.status_code": 200, "/event.outcome": "failure",
                "/exchange.code": "500", "/url.path": "/orders/13", "/order": 13,
            }),
        ),
        (
            "gcp",
            json!({
                "/severity": "ERROR", "/httpRequest/status": 200, "/httpRequest/requestMethod": "GET",
                "/exchange.code": 500, "/order": 13,
            }),
        ),
    ] {
        let mut command = shipper();
        command.env("SCHEMA", schema);
        let program = Program::start(command);
        let order = r#"{"item":"tea","card_number":"4111 1111 1111 1111"}"#;
        assert_eq!(program.post_json("/orders", order).0, 201);
        assert_eq!(program.get("/orders/13").0, 200);
        assert_eq!(program.get("/health").0, 200);
        let lines = program.stop().stdout;
        let records = parse(&lines);
        assert_eq!(records.len(), 2, "{lines}");
        // The records of two workers are in any order.
        let has_order = |record: &&Value| record.get("order").is_some();
        let record = records.iter().find(has_order).unwrap();
        assert!(
            lines.contains("[REDACTED]") && !lines.contains("4111 1111"),
            "{lines}"
        );
        for (pointer, expected) in expected.as_object().unwrap() {
            let actual = record.pointer(pointer);
            assert_eq!(actual, Some(expected), "{pointer} of {schema}: {lines}");
        }
    }
}

#[test]
fn existing_file_is_appended_to_and_standard_output_stays_empty() {
    let folder = Folder::new("append");
    for runs in 1..=2 {
        let mut command = shipper();
        command.env("OUTPUT", folder.file());
        let program = Program::start(command);
        program.get("/orders/1");
        program.get("/orders/2");
        assert_eq!(program.stop().stdout, "");
        let lines = fs::read_to_string(folder.file()).unwrap();
        assert_eq!(parse(&lines).len(), 2 * runs);
    }
}

#[test]
fn invalid_value_is_an_error_with_exit_code_2() {
    for (name, value) in [("ADDR", "nonsense"), ("SCHEMA", "syslog"), ("SCHEMA", "")] {
        let mut command = shipper();
        let output = command.env("ADDR", "127.0.0.1:0").env(name, value).output();
        let output = output.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {stderr}");
        assert!(stderr.contains(name) && stderr.contains(value), "{stderr}");
    }
    let output = shipper()
        .env("ADDR", "127.0.0.1:0")
        .env("OUTPUT", "/no/such/file")
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("/no/such/file")
    );
}

/// Sends requests until `stop` is set, and reports each response.
fn send_requests(addr: &str, ids: &AtomicU64, stop: &AtomicBool, answered: &mpsc::Sender<u64>) {
    while !stop.load(Relaxed) {
        let id = ids.fetch_add(1, Relaxed);
        let request = format!("GET /orders/{id} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert_eq!(send(addr, &request).0, 200);
        answered.send(id).unwrap();
    }
}

#[test]
fn rotation_under_load_loses_and_splits_no_line() {
    const ROTATIONS: usize = 8;
    /// Responses between two rotations, and between the two steps of a rotation.
    const SOME: usize = 60;

    let folder = Folder::new("rotation");
    let mut command = shipper();
    command.env("OUTPUT", folder.file());
    let program = Program::start(command);
    let (ids, stop) = (AtomicU64::new(1000), AtomicBool::new(false));
    let mut asked = Vec::new();
    thread::scope(|scope| {
        let (sender, answered) = mpsc::channel();
        for sender in [sender.clone(), sender] {
            let (addr, ids, stop) = (&program.addr, &ids, &stop);
            scope.spawn(move || send_requests(addr, ids, stop, &sender));
        }
        // Stops the clients even if this closure panics.
        let stops = StopWhenDropped(&stop);
        let mut wait_for_some = || {
            // Queued responses belong to an earlier step.
            asked.extend(answered.try_iter());
            for _ in 0..SOME {
                asked.push(answered.recv_timeout(TEST_TIMEOUT).unwrap());
            }
        };
        for nth in 1..=ROTATIONS {
            wait_for_some();
            let old = folder.file().with_extension(format!("jsonl.{nth}"));
            fs::rename(folder.file(), old).unwrap();
            // These go to the old file.
            wait_for_some();
            program.signal("HUP");
            program.wait_for_line("reopened");
            assert!(folder.file().exists());
        }
        wait_for_some();
        drop(stops);
        asked.extend(answered.iter());
    });
    let written = program.stop();
    assert_eq!(written.stderr, [""; 0], "no loss is reported");

    let mut recorded = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(&folder.0).unwrap() {
        let records = parse(&fs::read_to_string(entry.unwrap().path()).unwrap());
        // Each file has records of its step.
        assert!(records.len() >= SOME / 2);
        recorded.extend(
            records
                .iter()
                .map(|record| record["order"].as_u64().unwrap()),
        );
        files += 1;
    }
    assert_eq!(files, ROTATIONS + 1);
    asked.sort_unstable();
    recorded.sort_unstable();
    assert_eq!(recorded, asked);
}

struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
