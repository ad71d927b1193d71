//! A program as a child process: started on a free port, asked over loopback, ended by a signal.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// How long a test waits for what must happen. Nothing waits this long unless the test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Status and body of an answer.
pub type Answer = (u16, String);

/// What a program wrote.
pub struct Written {
    pub stdout: String,
    /// The lines on standard error that nobody asked for before.
    pub stderr: Vec<String>,
}

/// A running program; ended when dropped.
pub struct Program {
    child: Child,
    /// Where it said that it listens: `127.0.0.1:4711`.
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
        // Reads on, so that the program never waits for a reader.
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
            .unwrap_or_else(|| panic!("it says where it listens, not {first:?}"))
            .to_owned();
        program
    }

    /// The next line that it says on standard error.
    pub fn next_line(&self) -> String {
        let line = self.said.recv_timeout(PATIENCE);
        line.expect("the program says something more")
    }

    /// Waits until it says something with `part` in it on standard error; gives that line.
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

    /// Sends a request, which should say `connection: close`, on a connection of its own.
    pub fn send(&self, request: &str) -> Answer {
        send(&self.addr, request)
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(killed.is_ok_and(|status| status.success()), "it is there");
    }

    /// Ends it in order.
    pub fn stop(mut self) -> Written {
        self.signal("TERM");
        let stdout = self.stdout.recv_timeout(PATIENCE);
        let stdout = stdout.expect("the program ends");
        let status = self.child.wait().expect("it is a child of ours");
        assert!(status.success(), "it ended with {status}");
        // To the end: the program was the last one to write to it.
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

/// Sends a request, which should say `connection: close`, on a connection of its own.
pub fn send(addr: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(addr).expect("it accepts");
    let patience = Some(PATIENCE);
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

/// Status and body of an answer over HTTP/1.1 whose body has a length.
pub fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").expect("it has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("it has a status"), body.to_owned())
}

/// Reads to the end, on a thread of its own.
fn read_all(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, all) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("it writes UTF-8");
        let _ = sender.send(text);
    });
    all
}
