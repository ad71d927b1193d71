//! Measures what the logger costs in memory, on the demo in another process:
//!
//! ```text
//! cargo bench --bench memory
//! ```
//!
//! Uploads and downloads 1 GiB, then keeps 2,000 slow uploads in flight at once under a budget of
//! 256 KiB. It prints the peak of resident memory (`VmHWM`) around each step. It fails if a large
//! transfer adds 2 MiB to the peak of a small load, if the budget is exceeded, if an upload has no response, or
//! if a record is missing. Linux only.

#[path = "../tests/demo/service.rs"]
mod service;

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::ExitCode,
};

use service::Service;

const GIB: u64 = 1 << 30;
const SMALL_REQUESTS: usize = 2_000;
const SLOW_UPLOADS: usize = 2_000;
const BUDGET: u64 = 256 * 1024;
/// The most bytes that the head of a request for the counters holds.
const MAX_HEAD: u64 = 200;
/// The bytes of a slow upload and of each of its pieces.
const UPLOAD: usize = 4096;
const PIECE: usize = 256;
/// The growth of the peak that a transfer of 1 GiB may cause, in KiB.
const ALLOWED: u64 = 2 * 1024;
/// Enough for the connections and everything else.
const OPEN_FILES: u64 = SLOW_UPLOADS as u64 + 200;

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        println!("memory: skipped, because only Linux provides the peak of a process");
        return ExitCode::SUCCESS;
    }
    // The demo inherits the limit.
    if !rlimit::increase_nofile_limit(OPEN_FILES).is_ok_and(|limit| limit >= OPEN_FILES) {
        eprintln!("memory: {OPEN_FILES} open files are needed");
        return ExitCode::FAILURE;
    }
    let demo = service::build("demo", true);
    let mut broken = Vec::new();
    println!(
        "{:32}{:>12}{:>12}{:>12}",
        "step", "before, KiB", "after, KiB", "growth, KiB"
    );
    large_transfers(&demo, &mut broken);
    slow_uploads(&demo, &mut broken);
    for promise in &broken {
        eprintln!("memory: broken: {promise}");
    }
    match broken.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs a step and prints the growth of the peak, in KiB.
fn step(service: &Service, name: &str, work: impl FnOnce()) -> u64 {
    let before = service.peak();
    work();
    // The kernel updates the peak lazily, so a later value can be a little lower.
    let after = service.peak().max(before);
    println!("{name:32}{before:>12}{after:>12}{:>12}", after - before);
    after - before
}

fn large_transfers(demo: &Path, broken: &mut Vec<String>) {
    let service = Service::start(demo, &[]);
    step(&service, "2,000 small requests", || {
        small_requests(&service)
    });
    let upload = step(&service, "upload of 1 GiB", || upload(&service));
    let download = step(&service, "download of 1 GiB", || download(&service));
    for (name, growth) in [("upload", upload), ("download", download)] {
        if growth >= ALLOWED {
            broken.push(format!("the {name} added {growth} KiB"));
        }
    }
    let records = service.stop("TERM").len();
    if records != SMALL_REQUESTS + 2 {
        broken.push(format!(
            "{records} records of {} requests",
            SMALL_REQUESTS + 2
        ));
    }
}

fn small_requests(service: &Service) {
    let body = r#"{"code":0,"password":"hunter2"}"#.repeat(6);
    let mut connections: Vec<_> = (0..4).map(|_| service.connect()).collect();
    for nth in 0..SMALL_REQUESTS {
        let stream = &mut connections[nth % 4];
        write!(
            stream,
            "POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the request is sent");
        assert!(answer(stream).contains(&format!(r#""bytes":{}"#, body.len())));
    }
}

fn upload(service: &Service) {
    let mut stream = service.connect();
    write!(
        stream,
        "POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
         content-length: {GIB}\r\n\r\n"
    )
    .expect("the head is sent");
    let chunk = [b'x'; 64 * 1024];
    for _ in 0..GIB / chunk.len() as u64 {
        stream.write_all(&chunk).expect("the body is sent");
    }
    assert!(answer(&mut stream).contains(&format!(r#""bytes":{GIB}"#)));
}

fn download(service: &Service) {
    let mut stream = service.connect();
    write!(
        stream,
        "GET /download?bytes={GIB} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .expect("the request is sent");
    let bytes = io::copy(&mut stream, &mut io::sink()).expect("the body is read");
    assert!(bytes > GIB, "only {bytes} bytes came");
}

fn slow_uploads(demo: &Path, broken: &mut Vec<String>) {
    let service = Service::start(demo, &[("MEMORY_BUDGET", &BUDGET.to_string())]);
    let (mut answered, mut in_flight, mut asked) = (0, 0, 0);
    step(&service, "2,000 slow uploads at once", || {
        let mut uploads: Vec<_> = (0..SLOW_UPLOADS).map(|_| begin_upload(&service)).collect();
        for round in 1..=UPLOAD / PIECE {
            for stream in &mut uploads {
                stream.write_all(&[b'x'; PIECE]).expect("a piece is sent");
            }
            if round == UPLOAD / PIECE / 2 {
                let stats = service.stats();
                asked += 1;
                // The request for the counters is in flight, too.
                in_flight = stats["in_flight"].as_u64().unwrap_or(0) - 1;
            }
        }
        answered = uploads
            .iter_mut()
            .map(answer)
            .filter(|answer| answer.contains(&format!(r#""bytes":{UPLOAD}"#)))
            .count();
    });
    // A record may be made a moment after its response.
    let stats = loop {
        let stats = service.stats();
        asked += 1;
        if stats["waiting"] == 0 {
            break stats;
        }
    };
    let requests = SLOW_UPLOADS + asked;
    let records = service.stop("TERM").len();

    let number = |name: &str| stats[name].as_u64().unwrap_or(u64::MAX);
    let rows = [
        ("uploads in flight at once", in_flight, SLOW_UPLOADS as u64),
        ("uploads answered", answered as u64, SLOW_UPLOADS as u64),
        ("records, of all requests", records as u64, requests as u64),
    ];
    println!();
    for (name, value, expected) in rows {
        println!("{name:32}{value:>12}");
        if value != expected {
            broken.push(format!("{name}: {value}, not {expected}"));
        }
    }
    println!("{:32}{BUDGET:>12}", "memory_budget, bytes");
    for name in ["budget_peak", "budget_used", "budget_refusals"] {
        println!("{name:32}{:>12}", number(name));
    }
    // The request for the counters is in flight itself.
    if number("budget_peak") > BUDGET || number("budget_used") > MAX_HEAD {
        broken.push("the budget was exceeded, or its bytes were not given back".into());
    }
    if number("budget_refusals") == 0 {
        broken.push("the uploads did not strain the budget: nothing was measured".into());
    }
}

fn begin_upload(service: &Service) -> TcpStream {
    let mut stream = service.connect();
    write!(
        stream,
        "POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
         content-length: {UPLOAD}\r\n\r\n"
    )
    .expect("a head is sent");
    stream
}

/// Reads a response with a `content-length`.
fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head is read");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .expect("the answer announces its length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body is read");
    String::from_utf8(body).expect("a body is text")
}
