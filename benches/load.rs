//! What a server that is loaded over sockets loses to a logger, beside other loggers: in requests per
//! second, and in processor time per request.
//!
//! ```sh
//! cargo bench --bench load                    # 3 minutes; Linux only
//! cargo bench --bench load -- bodylog logger  # some variants only
//! ```
//!
//! Each variant is a server with one worker in a process of its own. This process keeps connections
//! to it and to a bare server, sends `POST /echo` with 200 bytes of JSON on each of them as soon as
//! the answer to the one before has come, and checks all answers. It never sleeps: a server would have
//! to wake it with each answer, but only one that is slower than it, and pay for that. The two servers are loaded in short
//! turns, and each pair of turns gives a ratio: what else the machine does meets both of them. The
//! median of the ratios is printed, with the quartiles. The bare server beside another bare server
//! shows what the machine adds by itself.
//!
//! Processor time is what the kernel counted for the server, its system calls included. It says more
//! than requests per second where other processes want the same processors.

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
/// Shorter than the ups and downs of a busy machine, mostly.
const TURN: Duration = Duration::from_millis(150);
const PAIRS: usize = 16;
/// Servers are started again for each round: two processes that are alike differ by a few percent.
const ROUNDS: usize = 3;

/// A request and the body that comes back.
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

/// A connection that is kept.
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

    /// Reads what there is; true once the answer is whole.
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
    /// Where the records ended after the last turn.
    records_end: u64,
}

/// What a turn gave.
#[derive(Clone, Copy)]
struct Turn {
    /// Requests per second.
    rate: f64,
    /// Microseconds of processor time per request.
    cpu: f64,
    /// How much of a processor the server had.
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
        // A record may be written after its answer.
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
        println!("load: only Linux tells the processor time of a process as needed here");
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

/// Loads a variant and a bare server in turns, and prints a row.
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

/// Pairs of turns: of a bare server, and of the variant.
fn round(variant: Variant, exchange: &Exchange) -> Vec<(Turn, Turn)> {
    let (mut bare, mut other) = (Loaded::start(Variant::Bare), Loaded::start(variant));
    // Caches and allocators get warm.
    bare.turn(exchange);
    other.turn(exchange);
    let pair = |nth| {
        // Neither is always the first.
        let first = (nth % 2 == 0).then(|| bare.turn(exchange));
        let turn = other.turn(exchange);
        other.server.forget_records();
        (first.unwrap_or_else(|| bare.turn(exchange)), turn)
    };
    (0..PAIRS).map(pair).collect()
}
