//! A program as a child process: starts on a free port, answers over loopback, and stops on a signal.
#![allow(dead_code, reason = "each test file uses a part of this module")]

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// The time after which a test that waits for an event fails.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Status and body of a response.
pub type Answer = (u16, String);

/// The output of a program that has ended.
pub struct Written {
    pub stdout: String,
    /// The lines of standard error that were not read before the end.
    pub stderr: Vec<String>,
}

/// A running program, killed on drop.
pub struct Program {
    child: Child,
    /// The address that the program listens on, such as `127.0.0.1:4711`.
    pub addr: String,
    said: Receiver<String>,
    stdout: Receiver<String>,
}

impl Program {
    /// Starts `command`, whose first line on standard error must be `listening on` and a URL.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .env("ADDR", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = read_all(child.stdout.take().expect("stdout is piped"));
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, said) = mpsc::channel();
        // Keep reading, so that the program never blocks on a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut program = Self {
            child,
            addr: String::new(),
            said,
            stdout,
        };
        let first = program.next_line();
        let addr = first.strip_prefix("listening on ").and_then(|url| {
            let (_scheme, addr) = url.split_once("://")?;
            Some(addr)
        });
        program.addr = addr
            .unwrap_or_else(|| panic!("the first line is not an address: {first:?}"))
            .to_owned();
        program
    }

    /// Waits for the next line on standard error.
    pub fn next_line(&self) -> String {
        let line = self.said.recv_timeout(TEST_TIMEOUT);
        line.expect("the program writes another line")
    }

    /// Waits for a line on standard error that contains `part`, and returns it.
    pub fn wait_for_line(&self, part: &str) -> String {
        loop {
            let line = self.next_line();
            if line.contains(part) {
                return line;
            }
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.addr
        ))
    }

    pub fn post_json(&self, path: &str, body: &str) -> Answer {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        ))
    }

    /// Sends a request, which should have `connection: close`, on a new connection.
    pub fn send(&self, request: &str) -> Answer {
        send(&self.addr, request)
    }

    /// Sends a signal, such as `HUP`, to the program.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(
            killed.is_ok_and(|status| status.success()),
            "the program runs"
        );
    }

    /// Stops the program with SIGTERM and waits for its end.
    pub fn stop(mut self) -> Written {
        self.signal("TERM");
        let stdout = self.stdout.recv_timeout(TEST_TIMEOUT);
        let stdout = stdout.expect("the program ends");
        let status = self
            .child
            .wait()
            .expect("the program is a child of this process");
        assert!(status.success(), "the program ended with {status}");
        // Only the program wrote to the channel, so this ends.
        let stderr = self.said.iter().collect();
        Written { stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request, which should have `connection: close`, on a new connection.
pub fn send(addr: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(addr).expect("the program accepts connections");
    let patience = Some(TEST_TIMEOUT);
    stream.set_read_timeout(patience).expect("a timeout is set");
    stream
        .set_write_timeout(patience)
        .expect("a timeout is set");
    stream
        .write_all(request.as_bytes())
        .expect("the request is sent");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is read");
    parse(&answer)
}

/// Splits a response over HTTP/1.1, whose body has a length, into status and body.
pub fn parse(answer: &str) -> Answer {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .expect("a response has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a response has a status"), body.to_owned())
}

/// Reads to the end, on another thread.
fn read_all(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, all) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text)
            .expect("the program writes UTF-8");
        let _ = sender.send(text);
    });
    all
}
