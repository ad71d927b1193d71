//! Measures what a logger costs a server under load over sockets, compared with other loggers: requests per
//! second, and processor time per request.
//!
//! ```sh
//! cargo bench --bench load                    # 3 minutes; Linux only
//! cargo bench --bench load -- bodylog logger  # only these variants
//! ```
//!
//! Each variant is a server process with one worker. This process keeps connections to it and to a bare server.
//! On each connection it sends `POST /echo` with 200 bytes of JSON, checks the answer, and sends the next request
//! at once. It polls and never sleeps: otherwise a slow server would have to wake it for each answer, and a fast
//! one would not. The two servers run in short turns, and each pair of turns gives a ratio, so that other load
//! on the machine affects both. The bench prints the median of the ratios and their quartiles. The row of the
//! bare server, compared with another bare server, shows the noise.
//!
//! Processor time is what the kernel counts for the server, including system calls. If other processes use the
//! same processors, it is more precise than requests per second.

mod peers;

use std::{
    env,
    io::{self, Read as _, Write as _},
    mem,
    net::TcpStream,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use peers::{
    Variant,
    child::{self, Server, Settings},
    quartiles::Quartiles,
};

const CONNECTIONS: usize = 32;
/// Short, so that the load of the machine is mostly the same in both turns of a pair.
const TURN: Duration = Duration::from_millis(150);
const PAIRS: usize = 16;
/// Each round starts new servers, because two processes of the same program differ by a few percent.
const ROUNDS: usize = 3;

/// A request and the body of its response.
struct Exchange {
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Exchange {
    fn new() -> Self {
        let body = r#"{"code":0,"msg":"ok","data":[{"id":4711,"title":"A day at the sea","author":"Ann Example","password":"correct horse","text":"The quick brown fox jumps over the lazy dog","price":12.5,"sold":true}]}   "#;
        assert_eq!(body.len(), 200);
        let request = format!(
            "POST /echo?page=2&token=t0ps3cret HTTP/1.1\r\n\
             host: localhost:8080\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64) bench/1.0\r\n\
             accept: */*\r\n\
             content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self {
            request: request.into(),
            body: body.into(),
        }
    }
}

/// A connection that is kept alive.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    fn send(&mut self, exchange: &Exchange) {
        let sent = self.stream.write_all(&exchange.request);
        sent.expect("a request is sent");
    }

    /// Reads what has arrived. Returns true if the response is complete.
    fn receives(&mut self, exchange: &Exchange) -> bool {
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(read) => {
                assert_ne!(read, 0, "the answer is cut");
                self.filled += read;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => panic!("an answer is read: {error}"),
        }
        let answer = &self.buffer[..self.filled];
        let Some(head) = memchr::memmem::find(answer, b"\r\n\r\n") else {
            return false;
        };
        let body = &answer[head + 4..];
        if body.len() < exchange.body.len() {
            return false;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(body, exchange.body, "the body that was sent");
        self.filled = 0;
        true
    }
}

/// A server and the connections to it.
struct Loaded {
    server: Server,
    connections: Vec<Connection>,
    /// The size of the file of records after the last turn.
    records_end: u64,
}

/// The results of a turn.
#[derive(Clone, Copy)]
struct Turn {
    /// Requests per second.
    rate: f64,
    /// Microseconds of processor time per request.
    cpu: f64,
    /// The share of a processor that the server used.
    busy: f64,
    /// Bytes of records per request.
    written: f64,
}

impl Loaded {
    fn start(variant: Variant) -> Self {
        let server = Server::start(variant, Settings::USUAL);
        let connections = (0..CONNECTIONS).map(|_| {
            let stream = server.connect();
            stream
                .set_nonblocking(true)
                .expect("a socket can be polled");
            Connection {
                stream,
                buffer: vec![0; 4096],
                filled: 0,
            }
        });
        Self {
            connections: connections.collect(),
            records_end: server.records_end(),
            server,
        }
    }

    fn turn(&mut self, exchange: &Exchange) -> Turn {
        let cpu = self.server.cpu();
        let start = Instant::now();
        let mut requests = 0_u32;
        for connection in &mut self.connections {
            connection.send(exchange);
        }
        while start.elapsed() < TURN {
            for connection in &mut self.connections {
                if connection.receives(exchange) {
                    connection.send(exchange);
                    requests += 1;
                }
            }
        }
        for connection in &mut self.connections {
            while !connection.receives(exchange) {}
            requests += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        // A record may be written after its response.
        thread::sleep(Duration::from_millis(5));
        let (cpu, requests) = (self.server.cpu() - cpu, f64::from(requests));
        let end = self.server.records_end();
        let written = end - mem::replace(&mut self.records_end, end);
        let is_bare = self.server.variant == Variant::Bare;
        assert_eq!(
            written == 0,
            is_bare,
            "a logger writes, and nothing else does"
        );
        Turn {
            rate: requests / seconds,
            cpu: cpu.as_secs_f64() * 1e6 / requests,
            busy: cpu.as_secs_f64() / seconds,
            written: written as f64 / requests,
        }
    }
}

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        println!(
            "load: skipped, because it reads the counters of the kernel as only Linux provides them"
        );
        return ExitCode::SUCCESS;
    }
    child::serve_if_asked();
    let args = env::args().skip(1).filter(|arg| arg != "--bench");
    let variants: Result<Vec<Variant>, _> = args.map(|arg| arg.parse()).collect();
    let mut variants = match variants {
        Ok(variants) => variants,
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::FAILURE;
        }
    };
    if variants.is_empty() {
        variants = Variant::ALL.to_vec();
    }
    let exchange = Exchange::new();
    println!(
        "{:16}{:>12}{:>20}{:>14}{:>20}{:>14}{:>8}",
        "variant", "requests/s", "ratio", "CPU, us each", "ratio", "record, bytes", "busy"
    );
    for variant in variants {
        compare(variant, &exchange);
    }
    ExitCode::SUCCESS
}

/// Loads a variant and a bare server in turns and prints a row.
fn compare(variant: Variant, exchange: &Exchange) {
    let pairs: Vec<_> = (0..ROUNDS).flat_map(|_| round(variant, exchange)).collect();
    let of = |number: fn(&(Turn, Turn)) -> f64| Quartiles::of(pairs.iter().map(number));
    println!(
        "{:16}{:>12.0}{:>20}{:>14.1}{:>20}{:>14.0}{:>8.2}",
        variant.name(),
        of(|(_, turn)| turn.rate).median,
        of(|(bare, turn)| turn.rate / bare.rate),
        of(|(_, turn)| turn.cpu).median,
        of(|(bare, turn)| turn.cpu / bare.cpu),
        of(|(_, turn)| turn.written).median,
        of(|(_, turn)| turn.busy).median,
    );
}

/// Runs pairs of turns, one of a bare server and one of the variant.
fn round(variant: Variant, exchange: &Exchange) -> Vec<(Turn, Turn)> {
    let (mut bare, mut other) = (Loaded::start(Variant::Bare), Loaded::start(variant));
    // Warm up caches and allocators.
    bare.turn(exchange);
    other.turn(exchange);
    let pair = |nth| {
        // Both servers are first equally often.
        let first = (nth % 2 == 0).then(|| bare.turn(exchange));
        let turn = other.turn(exchange);
        other.server.forget_records();
        (first.unwrap_or_else(|| bare.turn(exchange)), turn)
    };
    (0..PAIRS).map(pair).collect()
}
