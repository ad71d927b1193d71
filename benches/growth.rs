//! Measures how the cost of a logger grows, compared with a bare server: memory with the length of bodies,
//! memory with the number of exchanges in flight, and processor time after the limit of a body.
//!
//! ```sh
//! cargo bench --bench growth    # Linux only
//! ```
//!
//! Each server is a process with one worker. Memory is resident memory, and processor time includes system
//! calls, both as the kernel counts them. Each measurement of memory uses a new server that has served only a
//! few small exchanges.

mod peers;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::ExitCode,
    thread,
    time::Duration,
};

use peers::{
    CHUNK, Variant,
    child::{self, Counters, Server, Settings},
    quartiles::Quartiles,
};
use socket2::SockRef;

const MIB: u64 = 1 << 20;
/// The numbers of exchanges in flight.
const AT_ONCE: [usize; 5] = [100, 250, 500, 1000, 2000];
/// A budget that is too small for most of these exchanges.
const STRAINED: Settings = Settings {
    budget: 1 << 20,
    socket_buffers: Some(64 * 1024),
};
/// The bytes that each upload in flight has sent.
const SENT: usize = 4096;
/// The length that each upload in flight has announced, in bytes.
const ANNOUNCED: u64 = MIB;
/// The chunks of each download in flight, more than the kernel buffers.
const UNREAD_CHUNKS: u64 = 64;
/// The bytes of a run after the limit.
const TURN: u64 = 128 * MIB;
/// The number of pairs of runs.
const PAIRS: usize = 61;
/// Socket buffers of fixed size, because the time of a run depends on them most.
const STEADY: Settings = Settings {
    socket_buffers: Some(128 * 1024),
    ..Settings::USUAL
};
/// Enough for the connections and everything else.
const OPEN_FILES: u64 = 2_000 + 200;

#[derive(Clone, Copy, Debug)]
enum Direction {
    Upload,
    /// An upload whose head has 14 KiB that are recorded.
    FatHead,
    Download,
}

impl Direction {
    const BOTH: [Self; 2] = [Self::Upload, Self::Download];

    fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::FatHead => "fat head",
            Self::Download => "download",
        }
    }

    /// Transfers a body of this many bytes.
    fn transfer(self, server: &Server, bytes: u64) {
        match self {
            Self::Upload | Self::FatHead => upload(server, bytes),
            Self::Download => download(server, bytes),
        }
    }

    /// Begins an exchange that ends only with the connection.
    fn begin(self, server: &Server) -> TcpStream {
        let mut stream = server.connect();
        match self {
            Self::Upload => {
                let mut request = upload_head(ANNOUNCED).into_bytes();
                request.extend_from_slice(&CHUNK[..SENT]);
                stream.write_all(&request)
            }
            Self::FatHead => stream.write_all(fat_head().as_bytes()),
            Self::Download => {
                // The buffers of the client are not part of the server's memory.
                let socket = SockRef::from(&stream);
                let set = socket.set_recv_buffer_size(SENT);
                set.expect("a socket option is set");
                stream.write_all(download_head(UNREAD_CHUNKS).as_bytes())
            }
        }
        .expect("a request is sent");
        stream
    }
}

fn upload_head(bytes: u64) -> String {
    format!(
        "POST /upload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {bytes}\r\n\r\n"
    )
}

/// Returns a head with a long target and as many values of listed headers as are kept. Its body never comes.
fn fat_head() -> String {
    let mut headers = String::new();
    for name in ["accept", "origin", "referer"] {
        for _ in 0..8 {
            headers += &format!("{name}: {}\r\n", "h".repeat(500));
        }
    }
    format!(
        "POST /upload?{} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {ANNOUNCED}\r\n\r\n",
        "q".repeat(2000)
    )
}

fn download_head(chunks: u64) -> String {
    format!("GET /download/{chunks} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

fn upload(server: &Server, bytes: u64) {
    let mut stream = server.connect();
    let head = upload_head(bytes);
    stream.write_all(head.as_bytes()).expect("a head is sent");
    for _ in 0..bytes / CHUNK.len() as u64 {
        stream.write_all(&CHUNK).expect("a chunk is sent");
    }
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    read.expect("an answer is read");
    assert!(
        answer.contains(&format!(r#""bytes":{bytes}}}"#)),
        "{answer}"
    );
}

fn download(server: &Server, bytes: u64) {
    let mut stream = server.connect();
    let head = download_head(bytes / CHUNK.len() as u64);
    stream.write_all(head.as_bytes()).expect("a head is sent");
    let mut buffer = vec![0; CHUNK.len()];
    let mut came = 0;
    loop {
        match stream.read(&mut buffer).expect("a body is read") {
            0 => break,
            read => came += read as u64,
        }
    }
    assert!(came > bytes, "only {came} bytes came");
}

/// Starts a server that serves a few small exchanges.
fn warm(variant: Variant, settings: Settings) -> Server {
    let server = Server::start(variant, settings);
    for _ in 0..20 {
        upload(&server, CHUNK.len() as u64);
        download(&server, CHUNK.len() as u64);
    }
    server.settle();
    server
}

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        println!(
            "growth: skipped, because it reads the counters of the kernel as only Linux provides them"
        );
        return ExitCode::SUCCESS;
    }
    child::serve_if_asked();
    // The servers inherit the limit.
    if !rlimit::increase_nofile_limit(OPEN_FILES).is_ok_and(|limit| limit >= OPEN_FILES) {
        eprintln!("growth: {OPEN_FILES} open files are needed");
        return ExitCode::FAILURE;
    }
    long_bodies();
    many_at_once();
    after_the_limit();
    ExitCode::SUCCESS
}

fn long_bodies() {
    println!("What one body adds to the peak of the memory, in KiB:\n");
    println!("{:16}{:>12}{:>12}{:>12}", "body", "MiB", "bare", "bodylog");
    for direction in Direction::BOTH {
        for mib in [1, 16, 256, 1024] {
            let growth = |variant| {
                let server = warm(variant, Settings::USUAL);
                let before = server.peak();
                direction.transfer(&server, mib * MIB);
                // The kernel updates the peak lazily, so a later value can be a little lower.
                server.peak().saturating_sub(before)
            };
            println!(
                "{:16}{mib:>12}{:>12}{:>12}",
                direction.name(),
                growth(Variant::Bare),
                growth(Variant::BodyLog),
            );
        }
    }
}

fn many_at_once() {
    println!(
        "\nMemory of exchanges in flight at once, under a budget of {} KiB:\n",
        STRAINED.budget / 1024
    );
    println!(
        "{:16}{:>8}{:>12}{:>14}{:>14}{:>17}{:>12}{:>14}{:>16}",
        "",
        "at once",
        "bare, KiB",
        "bodylog, KiB",
        "above, bytes",
        "budget, bytes",
        "refusals",
        "above, each",
        "less budget"
    );
    for direction in [Direction::Upload, Direction::FatHead, Direction::Download] {
        for count in AT_ONCE {
            let mut counters = Counters::default();
            let mut growth = |variant| {
                let runs = (0..3).map(|_| {
                    let (growth, counted) = held(variant, direction, count);
                    counters = counted;
                    growth as f64
                });
                Quartiles::of(runs).median
            };
            let (bare, bodylog) = (growth(Variant::Bare), growth(Variant::BodyLog));
            let above = (bodylog - bare) * 1024.0;
            println!(
                "{:16}{count:>8}{bare:>12}{bodylog:>14}{above:>14}{:>17}{:>12}{:>14.0}{:>16.0}",
                direction.name(),
                counters.budget_used,
                counters.budget_refusals,
                above / count as f64,
                (above - counters.budget_used as f64) / count as f64,
            );
        }
    }
}

/// Returns the growth of memory by this many exchanges in flight, in KiB.
fn held(variant: Variant, direction: Direction, count: usize) -> (u64, Counters) {
    let mut server = warm(variant, STRAINED);
    let before = server.resident();
    let streams: Vec<_> = (0..count).map(|_| direction.begin(&server)).collect();
    server.settle();
    let growth = server.resident().saturating_sub(before);
    let counters = server.counters();
    if variant == Variant::BodyLog {
        assert_eq!(counters.in_flight, count, "all exchanges are in flight");
    }
    drop(streams);
    (growth, counters)
}

fn after_the_limit() {
    println!("\nProcessor seconds for a GiB of one body:\n");
    println!(
        "{:16}{:>12}{:>12}{:>20}",
        "body", "bare", "bodylog", "ratio"
    );
    for direction in Direction::BOTH {
        let servers = [Variant::Bare, Variant::BodyLog].map(|variant| warm(variant, STEADY));
        let seconds = |server: &Server| {
            let before = server.cpu();
            direction.transfer(server, TURN);
            // The server closes the connection, which takes processor time, too.
            thread::sleep(Duration::from_millis(5));
            (server.cpu() - before).as_secs_f64() * (1024 * MIB / TURN) as f64
        };
        let pairs: Vec<_> = (0..PAIRS)
            .map(|nth| {
                // Both servers are first equally often.
                let first = (nth % 2 == 0).then(|| seconds(&servers[0]));
                let bodylog = seconds(&servers[1]);
                (first.unwrap_or_else(|| seconds(&servers[0])), bodylog)
            })
            .collect();
        let of = |number: fn(&(f64, f64)) -> f64| Quartiles::of(pairs.iter().map(number));
        println!(
            "{:16}{:>12.3}{:>12.3}{:>20}",
            direction.name(),
            of(|(bare, _)| *bare).median,
            of(|(_, bodylog)| *bodylog).median,
            of(|(bare, bodylog)| bodylog / bare),
        );
    }
}
