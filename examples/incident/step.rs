//! One step with one logger: concurrent uploads.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crate::{
    options::Options,
    peers::{CHUNK, Variant},
    sample::{Sampler, Samples},
    server::Server,
    size,
};

/// The timeout of a connection to a server that hangs.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The time to wait for records after the last response.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A size and a number of concurrent uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub large: bool,
    pub at_once: usize,
}

pub const STEPS: [Step; 4] = [
    Step {
        large: false,
        at_once: 1,
    },
    Step {
        large: false,
        at_once: 8,
    },
    Step {
        large: true,
        at_once: 1,
    },
    Step {
        large: true,
        at_once: 8,
    },
];

impl Step {
    pub fn bytes(self, options: &Options) -> u64 {
        options.uploads()[usize::from(self.large)]
    }

    pub fn name(self, options: &Options) -> String {
        let bytes = size::show(self.bytes(options));
        match self.at_once {
            1 => bytes,
            many => format!("{many} x {bytes}"),
        }
    }
}

/// The result of a step.
#[derive(Debug)]
pub struct Run {
    pub variant: Variant,
    pub step: Step,
    pub samples: Samples,
    pub answered: usize,
    pub records: usize,
    pub killed: bool,
}

impl Run {
    pub fn new(variant: Variant, step: Step, options: &Options) -> io::Result<Self> {
        let mut server = Server::start(variant, options.limit)?;
        let sampler = Sampler::start(server.id());
        let bytes = step.bytes(options);
        let (sent, answered) = (AtomicU64::new(0), AtomicUsize::new(0));
        let name = format!("{:16}{:16}", variant.name(), step.name(options));
        let mut killed = false;
        let address = server.address;
        thread::scope(|scope| {
            let uploads: Vec<_> = (0..step.at_once)
                .map(|_| {
                    scope.spawn(|| {
                        let is_answered = upload(address, bytes, &sent).unwrap_or(false);
                        answered.fetch_add(is_answered.into(), Relaxed);
                    })
                })
                .collect();
            let start = Instant::now();
            while !uploads.iter().all(|upload| upload.is_finished()) {
                let done = sent.load(Relaxed) as f64 / (bytes * step.at_once as u64) as f64;
                show_progress(&name, done, start.elapsed());
                thread::sleep(POLL_INTERVAL);
            }
        });
        let answered = answered.into_inner();
        let start = Instant::now();
        while start.elapsed() < RECORD_TIMEOUT && !killed {
            killed = server.is_gone();
            if variant == Variant::Bare || server.records() >= step.at_once {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        let run = Self {
            variant,
            step,
            samples: sampler.stop(),
            answered,
            records: server.records(),
            killed: killed || server.is_gone(),
        };
        end_progress(&name, &run);
        Ok(run)
    }

    pub fn outcome(&self) -> String {
        match (self.killed, self.answered == self.step.at_once) {
            (true, _) => "killed".to_owned(),
            (false, true) => "answered".to_owned(),
            (false, false) => format!("{} of {} answered", self.answered, self.step.at_once),
        }
    }
}

/// Uploads, and reports whether the response is the expected one.
fn upload(address: SocketAddr, bytes: u64, sent: &AtomicU64) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
         content-length: {bytes}\r\nconnection: close\r\n\r\n"
    )?;
    let mut left = bytes;
    while left > 0 {
        let len = left.min(CHUNK.len() as u64);
        stream.write_all(&CHUNK[..len as usize])?;
        sent.fetch_add(len, Relaxed);
        left -= len;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("\"bytes\":{bytes}")))
}

fn show_progress(name: &str, done: f64, elapsed: Duration) {
    const WIDTH: usize = 40;
    if !io::stderr().is_terminal() {
        return;
    }
    let filled = ((done * WIDTH as f64) as usize).min(WIDTH);
    let bar = "#".repeat(filled) + &".".repeat(WIDTH - filled);
    let seconds = elapsed.as_secs_f64();
    eprint!("\r{name}[{bar}] {:3.0} % {seconds:6.1} s", done * 100.0);
}

fn end_progress(name: &str, run: &Run) {
    let clear = if io::stderr().is_terminal() {
        "\r\x1b[K"
    } else {
        ""
    };
    let peak = size::show(run.samples.peak);
    eprintln!("{clear}{name}peak {peak:>10}  {}", run.outcome());
}
