//! Raw bytes to send on one connection, and what came back.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

use super::Server;

enum Step {
    Send(Vec<u8>),
    Until(&'static [u8]),
    HangUp,
}

/// What one client does on one connection. It reads until the server closes.
pub struct Script {
    pub name: String,
    steps: Vec<Step>,
    expected: Vec<&'static str>,
    records: usize,
}

impl Script {
    /// Nothing is sent yet; one request will be.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
            expected: Vec::new(),
            records: 1,
        }
    }

    /// One GET request, with `connection: close`.
    pub fn get(target: &'static str) -> Self {
        Self::new(format!("GET {target}")).send(request("GET", target, "connection: close\r\n"))
    }

    /// One HEAD request, with `connection: close`.
    pub fn head(target: &'static str) -> Self {
        Self::new(format!("HEAD {target}")).send(request("HEAD", target, "connection: close\r\n"))
    }

    /// One request with a body of known length.
    pub fn post(target: &'static str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = format!(
            "connection: close\r\ncontent-length: {}\r\n{headers}",
            body.len()
        );
        Self::new(format!("POST {target} {headers:?}"))
            .send(request("POST", target, &length))
            .append(body)
    }

    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Sends in one piece.
    pub fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Sends together with what was to be sent before.
    pub fn append(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let Some(Step::Send(before)) = self.steps.last_mut() else {
            panic!("nothing to append to");
        };
        before.extend_from_slice(bytes.as_ref());
        self
    }

    /// Reads until `text` has arrived, counted from the step before.
    pub fn until(mut self, text: &'static (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.steps.push(Step::Until(text.as_ref()));
        self
    }

    /// Says that nothing more will be sent.
    pub fn hang_up(mut self) -> Self {
        self.steps.push(Step::HangUp);
        self
    }

    /// What the responses must contain, in this order: a script that does not get there compares
    /// nothing.
    pub fn expect(mut self, text: &'static str) -> Self {
        self.expected.push(text);
        self
    }

    /// How many requests the middleware gets to see.
    pub fn records(mut self, count: usize) -> Self {
        self.records = count;
        self
    }

    /// Everything that the server sent, comparable.
    pub fn play(&self, server: &Server) -> Vec<u8> {
        let mut stream = server.connect();
        let mut received = Vec::new();
        for step in &self.steps {
            match step {
                // It may fail: some responses come, and close, before the request is complete.
                Step::Send(bytes) => drop(stream.write_all(bytes)),
                Step::Until(text) => self.read_until(&mut stream, &mut received, text),
                Step::HangUp => stream.shutdown(Shutdown::Write).unwrap(),
            }
        }
        // Whether a connection that is closed with something unread is reset is up to the kernel.
        match stream.read_to_end(&mut received) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{}: {error}: {}", self.name, received.escape_ascii()),
        }
        normal(&received)
    }

    fn read_until(&self, stream: &mut TcpStream, received: &mut Vec<u8>, text: &[u8]) {
        let start = received.len();
        let mut buffer = [0; 4096];
        while !contains(&received[start..], text) {
            match stream.read(&mut buffer).unwrap_or(0) {
                // Noticed by `faults`, with all that was received.
                0 => return,
                n => received.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// What was expected and did not come.
    fn faults(&self, received: &[u8]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut rest = received;
        let mut missing = |text: &[u8]| {
            faults.push(format!(
                "{}: no \"{}\": {}",
                self.name,
                text.escape_ascii(),
                received.escape_ascii()
            ));
        };
        for text in &self.expected {
            match position(rest, text.as_bytes()) {
                Some(at) => rest = &rest[at + text.len()..],
                None => missing(text.as_bytes()),
            }
        }
        for step in &self.steps {
            if let Step::Until(text) = step
                && !contains(received, text)
            {
                missing(text);
            }
        }
        faults
    }
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    position(bytes, what).is_some()
}

/// A request head; `headers` are whole lines.
pub fn request(method: &str, target: &str, headers: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nhost: example.test\r\n{headers}\r\n").into_bytes()
}

/// What a plain server says to the scripts, to compare others with.
pub struct Plain(Vec<Vec<u8>>);

impl Plain {
    /// `server` is the plain catalogue: what the scripts expect is checked.
    pub fn catalogue(server: &Server, scripts: &[Script]) -> Self {
        let plain = Self::record(server, scripts);
        let faults: Vec<_> = scripts
            .iter()
            .zip(&plain.0)
            .flat_map(|(script, received)| script.faults(received))
            .collect();
        assert!(
            faults.is_empty(),
            "{}",
            faults.join(
                "
"
            )
        );
        plain
    }

    /// `server` is the catalogue with something around it that is not a logger.
    pub fn record(server: &Server, scripts: &[Script]) -> Self {
        Self(scripts.iter().map(|script| script.play(server)).collect())
    }

    /// Plays the scripts to another server, and returns how many requests should be on record.
    #[track_caller]
    pub fn assert_same(&self, server: &Server, scripts: &[Script]) -> usize {
        for (plain, script) in self.0.iter().zip(scripts) {
            let received = script.play(server);
            assert!(
                *plain == received,
                "{}\nplain:  {}\nlogged: {}",
                script.name,
                plain.escape_ascii(),
                received.escape_ascii()
            );
        }
        scripts.iter().map(|script| script.records).sum()
    }
}

/// The same bytes, but for the date, and the order of the header fields: actix's map of them
/// iterates in random order.
fn normal(received: &[u8]) -> Vec<u8> {
    const START: &[u8] = b"HTTP/1.";
    const END: &[u8] = b"\r\n\r\n";
    let mut out = Vec::new();
    let mut rest = received;
    while let Some(start) = position(rest, START) {
        let Some(end) = position(&rest[start..], END) else {
            break;
        };
        out.extend_from_slice(&rest[..start]);
        let head = &rest[start..start + end];
        let mut lines: Vec<Vec<u8>> = head.split(|&byte| byte == b'\n').map(Vec::from).collect();
        for line in &mut lines {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if line.starts_with(b"date: ") {
                *line = b"date: now".into();
            }
        }
        lines[1..].sort();
        out.extend_from_slice(&lines.join(&b"\r\n"[..]));
        out.extend_from_slice(END);
        rest = &rest[start + end + END.len()..];
    }
    out.extend_from_slice(rest);
    out
}
