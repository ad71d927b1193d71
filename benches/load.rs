//! Measures what a logger costs a server under load over sockets, compared with other loggers: requests per
//! second, and processor time per request.
//!
//! ```sh
//! cargo bench --bench load                    # 2 minutes; Linux only
//! cargo bench --bench load -- bodylog logger  # only these variants
//! ```
//!
//! Each variant is a server process with one worker. This process keeps connections to all of them. On each
//! connection it sends `POST /echo` with 200 bytes of JSON, checks the answer, and sends the next request at once. It
//! polls and never sleeps: otherwise a slow server would have to wake it for each answer, and a fast one would not.
//! The servers run in short turns, one after the other, so that other load on the machine affects all of them. Each
//! cycle of turns gives a ratio to the bare server for each variant; the bench prints the median of the ratios and
//! their quartiles. The row of the bare server, compared with another bare server, shows the noise.
//!
//! Processor time is what the kernel counts for the server, including system calls. Its parts in user and kernel mode
//! are counted in ticks of 10 milliseconds, so these columns are sums of all turns. If other processes use the same
//! processors, processor time is more precise than requests per second.

mod peers;

use std::{
    env, fs,
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
/// Short, so that the load of the machine is mostly the same in all turns of a cycle.
const TURN: Duration = Duration::from_millis(150);
const CYCLES: usize = 20;
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

/// What was measured of one variant.
struct Results {
    variant: Variant,
    /// One turn of each cycle.
    turns: Vec<Turn>,
    /// The ticks of all turns in user and in kernel mode.
    ticks: [u64; 2],
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
    println!("{}\n", machine());
    // The first is what the others are compared with.
    let all = [&[Variant::Bare], &variants[..]].concat();
    let mut results: Vec<_> = all
        .iter()
        .map(|&variant| Results {
            variant,
            turns: Vec::new(),
            ticks: [0; 2],
        })
        .collect();
    for _ in 0..ROUNDS {
        round(&mut results);
    }
    print_results(&results);
    print_goals(&results[1..]);
    ExitCode::SUCCESS
}

/// Describes the processors.
fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = info.lines().filter(|line| line.starts_with("model name"));
    let models: Vec<_> = models.filter_map(|line| line.split(": ").nth(1)).collect();
    let model = models.first().copied().unwrap_or("unknown");
    format!("{model}, {} processors", models.len())
}

/// Runs a new server of each variant in turns.
fn round(results: &mut [Results]) {
    let exchange = Exchange::new();
    let servers = results.iter().map(|result| Loaded::start(result.variant));
    let mut servers: Vec<_> = servers.collect();
    for server in &mut servers {
        // Warm up caches and allocators.
        server.turn(&exchange);
    }
    let before: Vec<_> = servers.iter().map(|server| server.server.ticks()).collect();
    for nth in 0..CYCLES {
        for at in 0..servers.len() {
            // Each server is first equally often.
            let at = (at + nth) % servers.len();
            results[at].turns.push(servers[at].turn(&exchange));
            servers[at].server.forget_records();
        }
    }
    for ((result, server), before) in results.iter_mut().zip(&servers).zip(before) {
        for (sum, (after, before)) in result
            .ticks
            .iter_mut()
            .zip(server.server.ticks().into_iter().zip(before))
        {
            *sum += after - before;
        }
    }
}

fn print_results(results: &[Results]) {
    println!(
        "{:16}{:>12}{:>20}{:>14}{:>8}{:>8}{:>20}{:>14}{:>8}",
        "variant",
        "requests/s",
        "ratio",
        "CPU, us each",
        "user",
        "kernel",
        "ratio",
        "record, bytes",
        "busy"
    );
    for result in &results[1..] {
        let of = |number: fn(&Turn) -> f64| Quartiles::of(result.turns.iter().map(number));
        let cpu = of(|turn| turn.cpu).median;
        let [user, kernel] = result.ticks.map(|ticks| ticks as f64);
        println!(
            "{:16}{:>12.0}{:>20}{cpu:>14.1}{:>8.1}{:>8.1}{:>20}{:>14.0}{:>8.2}",
            result.variant.name(),
            of(|turn| turn.rate).median,
            result.relative_to(&results[0], |turn| turn.rate),
            cpu * user / (user + kernel),
            cpu * kernel / (user + kernel),
            result.relative_to(&results[0], |turn| turn.cpu),
            of(|turn| turn.written).median,
            of(|turn| turn.busy).median,
        );
    }
}

/// Compares this crate with the loggers whose speed it should reach.
fn print_goals(results: &[Results]) {
    let pairs = [
        (Variant::Background, Variant::Logger),
        (Variant::BodyLog, Variant::Incident),
        (Variant::BodyLog, Variant::CopyAndPaste),
    ];
    println!("\n{:32}{:>20}{:>20}", "", "requests/s", "CPU");
    for (ours, other) in pairs {
        let find = |variant| results.iter().find(|result| result.variant == variant);
        if let (Some(ours), Some(other)) = (find(ours), find(other)) {
            println!(
                "{:32}{:>20}{:>20}",
                format!("{} / {}", ours.variant.name(), other.variant.name()),
                ours.relative_to(other, |turn| turn.rate),
                ours.relative_to(other, |turn| turn.cpu),
            );
        }
    }
}

impl Results {
    /// Compares the turns of each cycle.
    fn relative_to(&self, other: &Self, number: fn(&Turn) -> f64) -> Quartiles {
        let pairs = self.turns.iter().zip(&other.turns);
        Quartiles::of(pairs.map(|(ours, other)| number(ours) / number(other)))
    }
}
