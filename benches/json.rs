//! Measures what reading a JSON body for a record costs, in time and in instructions per byte.
//!
//! ```sh
//! cargo bench --bench json     # the instructions need valgrind on the PATH
//! ```
//!
//! Columns: `record` finds the code, redacts, compacts and validates the document, as for a record. `code` only
//! finds the code. `ignored` and `value` are serde_json's `IgnoredAny` and `Value` on the same bytes. The time is
//! the median of several runs. The instructions are the difference between two runs of different length, without
//! the start of the process.

use std::{
    env,
    hint::black_box,
    process::Command,
    time::{Duration, Instant},
};

use actix_bodylog::BodyLog;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const SIZES: [usize; 3] = [200, 4 * 1024, 64 * 1024];
const KINDS: [&str; 3] = ["text", "strings", "structure"];
const CODES: [&str; 3] = ["first", "last", "absent"];
const READERS: [&str; 4] = ["record", "code", "ignored", "value"];

/// Builds a document of `size` bytes: one long string, some strings, or many small values under short keys.
fn document(kind: &str, size: usize, code: &str) -> Vec<u8> {
    let item = match kind {
        "strings" => json!({
            "title": "A day at the sea", "text": "The quick brown fox jumps over the lazy dog. ".repeat(8),
            "author": "Ann Example", "password": "correct horse battery staple",
        }),
        _ => json!({
            "id": 4711, "ok": true, "tags": ["a", "b", null], "at": {"x": 1.5, "y": -2, "z": [[], {}]},
            "name": "ann", "pin": 1234,
        }),
    };
    let mut body = match code {
        "first" => r#"{"code":0,"items":["#.to_owned(),
        _ => r#"{"items":["#.to_owned(),
    };
    let end = match code {
        "last" => r#"],"code":0}"#,
        _ => "]}",
    };
    let item = item.to_string();
    while kind != "text" && body.len() + item.len() + end.len() < size {
        body.push_str(&item);
        body.push(',');
    }
    // One string fills the document up to its size.
    let rest = size.saturating_sub(body.len() + end.len() + 2);
    let text = "The harbour was quiet that morning, and the boats that had come back before dawn lay \
                side by side. Nobody was about but an old man who mended his nets, as he had for years. ";
    let text = text.repeat(rest / text.len() + 1);
    body.push_str(&format!("\"{}\"{end}", &text[..rest]));
    body.into_bytes()
}

struct Readers {
    headers: HeaderMap,
    record: BodyLog,
    code: BodyLog,
}

impl Readers {
    fn new() -> Self {
        let json = HeaderValue::from_static("application/json");
        let limit = 128 * 1024;
        Self {
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json)]),
            record: BodyLog::new().response_limit(limit).code_limit(limit),
            code: BodyLog::new().response_limit(0).code_limit(limit),
        }
    }

    fn read(&self, reader: &str, body: &[u8]) {
        let body = black_box(body);
        match reader {
            "record" => drop(black_box(self.record.preview(&self.headers, body))),
            "code" => drop(black_box(self.code.preview(&self.headers, body))),
            "ignored" => drop(black_box(serde_json::from_slice::<IgnoredAny>(body))),
            _ => drop(black_box(serde_json::from_slice::<Value>(body))),
        }
    }
}

/// Returns the megabytes that are read per second.
fn speed(readers: &Readers, reader: &str, body: &[u8]) -> f64 {
    const RUNS: usize = 15;
    const RUN: Duration = Duration::from_millis(4);
    let mut speeds: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let mut bytes = 0;
            while start.elapsed() < RUN {
                for _ in 0..(16 * 1024 / body.len()).max(1) {
                    readers.read(reader, body);
                    bytes += body.len();
                }
            }
            bytes as f64 / start.elapsed().as_secs_f64() / 1e6
        })
        .collect();
    speeds.sort_by(f64::total_cmp);
    speeds[RUNS / 2]
}

/// Counts the instructions of a new process of this program that reads one document `count` times.
fn instructions(document: [&str; 3], reader: &str, count: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args(["--read", &count.to_string(), reader])
        .args(document)
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let total = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))?;
    total.1.trim().parse().ok()
}

fn main() {
    let args: Vec<_> = env::args().collect();
    if let [_, flag, count, reader, kind, size, code] = &args[..]
        && flag == "--read"
    {
        let body = document(kind, size.parse().unwrap(), code);
        let readers = Readers::new();
        for _ in 0..count.parse().unwrap() {
            readers.read(reader, &body);
        }
        return;
    }

    let readers = Readers::new();
    let has_valgrind = Command::new("valgrind").arg("--version").output().is_ok();
    if !has_valgrind {
        println!("valgrind was not found: no instructions are counted");
    }
    println!("{:35}{:^40}{:^40}", "", "MB/s", "instructions per byte");
    print!("{:10}{:>8}  {:8}       ", "document", "bytes", "code");
    for reader in READERS.iter().chain(&READERS) {
        print!("{reader:>10}");
    }
    println!();
    for kind in KINDS {
        for size in SIZES {
            for code in CODES {
                let body = document(kind, size, code);
                print!("{kind:10}{:>8}  {code:8}       ", body.len());
                for reader in READERS {
                    print!("{:>10.0}", speed(&readers, reader, &body));
                }
                for reader in READERS.into_iter().filter(|_| has_valgrind) {
                    let count = 200_000 / body.len();
                    let size = size.to_string();
                    let count_of = |count| instructions([kind, &size, code], reader, count);
                    match (count_of(count), count_of(2 * count)) {
                        (Some(once), Some(twice)) => {
                            let bytes = (count * body.len()) as f64;
                            print!("{:>10.2}", (twice - once) as f64 / bytes);
                        }
                        _ => print!("{:>10}", "?"),
                    }
                }
                println!();
            }
        }
    }
}
