//! Raw bytes to send on one connection, and the bytes of the responses.

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

/// The steps of one client on one connection. After the last step, the client reads until the server closes.
pub struct Script {
    pub name: String,
    steps: Vec<Step>,
    expected: Vec<&'static str>,
    records: usize,
}

impl Script {
    /// Makes a script without steps, of one request.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
            expected: Vec::new(),
            records: 1,
        }
    }

    /// Makes a script of one GET request with `connection: close`.
    pub fn get(target: &'static str) -> Self {
        Self::new(format!("GET {target}")).send(request("GET", target, "connection: close\r\n"))
    }

    /// Makes a script of one HEAD request with `connection: close`.
    pub fn head(target: &'static str) -> Self {
        Self::new(format!("HEAD {target}")).send(request("HEAD", target, "connection: close\r\n"))
    }

    /// Makes a script of one POST request with a body of known length.
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

    /// Sends the bytes in one write.
    pub fn send(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Send(bytes.into()));
        self
    }

    /// Adds the bytes to the write before.
    pub fn append(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let Some(Step::Send(before)) = self.steps.last_mut() else {
            panic!("there is no write to append to");
        };
        before.extend_from_slice(bytes.as_ref());
        self
    }

    /// Reads until `text` has arrived after the previous step.
    pub fn until(mut self, text: &'static (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.steps.push(Step::Until(text.as_ref()));
        self
    }

    /// Closes the client's half of the connection.
    pub fn hang_up(mut self) -> Self {
        self.steps.push(Step::HangUp);
        self
    }

    /// Requires the responses to contain these texts in this order. Without them the script would
    /// compare only failures.
    pub fn expect(mut self, text: &'static str) -> Self {
        self.expected.push(text);
        self
    }

    /// Sets how many requests reach the middleware.
    pub fn records(mut self, count: usize) -> Self {
        self.records = count;
        self
    }

    /// Plays the script and returns all that the server sent, normalized for comparison.
    pub fn play(&self, server: &Server) -> Vec<u8> {
        let mut stream = server.connect();
        let mut received = Vec::new();
        for step in &self.steps {
            match step {
                // The write may fail: some servers answer and close before the request is complete.
                Step::Send(bytes) => drop(stream.write_all(bytes)),
                Step::Until(text) => self.read_until(&mut stream, &mut received, text),
                Step::HangUp => stream.shutdown(Shutdown::Write).unwrap(),
            }
        }
        // The kernel may reset a connection that is closed with unread data.
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
                // `faults` reports this, with all that was received.
                0 => return,
                n => received.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Lists the expected texts that are missing.
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

/// Formats a request head; `headers` are whole lines.
pub fn request(method: &str, target: &str, headers: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nhost: example.test\r\n{headers}\r\n").into_bytes()
}

/// The responses of a server without the logger, as the reference.
pub struct Plain(Vec<Vec<u8>>);

impl Plain {
    /// Plays the scripts to the plain catalogue and checks their expectations.
    pub fn catalogue(server: &Server, scripts: &[Script]) -> Self {
        let plain = Self::record(server, scripts);
        let faults: Vec<_> = scripts
            .iter()
            .zip(&plain.0)
            .flat_map(|(script, received)| script.faults(received))
            .collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        plain
    }

    /// Plays the scripts to the catalogue inside another middleware. Their expectations are not checked.
    pub fn record(server: &Server, scripts: &[Script]) -> Self {
        Self(scripts.iter().map(|script| script.play(server)).collect())
    }

    /// Plays the scripts to another server, compares, and returns the expected number of records.
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

/// Replaces the date and sorts the header fields, which actix-web sends in random order.
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
