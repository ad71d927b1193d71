//! The demo as a child process, for tests and benchmarks, and the paths of examples.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;

/// The timeout of connections.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Builds an example, which may be outdated, and returns its path.
pub fn build(example: &str, release: bool) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--all-features",
            "--example",
            example,
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(release.then_some("--release"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{example} builds");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == example)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo prints the path of the example")
}

/// A running demo. It is killed on drop.
pub struct Service {
    child: Child,
    pub addr: String,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Service {
    pub fn start(demo: &Path, environment: &[(&str, &str)]) -> Self {
        let (mut service, stdout) = Self::start_unread(demo, environment);
        let lines = BufReader::new(stdout).lines();
        let lines = thread::spawn(|| lines.map(|line| line.expect("a line is UTF-8")).collect());
        service.lines = Some(lines);
        service
    }

    /// Starts the demo and returns its standard output, which nobody reads.
    pub fn start_unread(demo: &Path, environment: &[(&str, &str)]) -> (Self, ChildStdout) {
        let mut child = Command::new(demo)
            .env("ADDR", "127.0.0.1:0")
            .env("WORKERS", "2")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the demo starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut first = String::new();
        let mut stderr = BufReader::new(stderr);
        stderr
            .read_line(&mut first)
            .expect("the demo prints its address");
        // Read the rest, so that the demo is never blocked by a full pipe.
        thread::spawn(move || stderr.lines().count());
        let addr = first.trim().strip_prefix("listening on http://");
        let service = Self {
            addr: addr.expect("the first line is the address").to_owned(),
            child,
            lines: None,
        };
        (service, stdout)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).expect("the demo accepts");
        // Tests send requests in pieces, which must not be delayed.
        stream.set_nodelay(true).expect("a socket option is set");
        stream
            .set_read_timeout(Some(TIMEOUT))
            .expect("a timeout is set");
        stream
            .set_write_timeout(Some(TIMEOUT))
            .expect("a timeout is set");
        stream
    }

    /// Sends a request without a body on a new connection and returns the body of the response.
    pub fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        .expect("the request is sent");
        let mut response = String::new();
        stream
            .read_to_string(&mut response)
            .expect("the response is read");
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        let (_, body) = response
            .split_once("\r\n\r\n")
            .expect("the response has a body");
        body.to_owned()
    }

    pub fn stats(&self) -> Value {
        serde_json::from_str(&self.get("/stats")).expect("the counters are JSON")
    }

    /// Returns the peak of resident memory so far, in KiB.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the demo runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.expect("the kernel reports the peak")
    }

    /// Stops the demo with a signal and returns the lines of its standard output.
    pub fn stop(mut self, signal: &str) -> Vec<String> {
        self.end(signal);
        let lines = self.lines.take().expect("standard output is read");
        lines.join().expect("the lines are read")
    }

    /// Sends a signal and waits until the demo has ended.
    pub fn end(&mut self, signal: &str) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(
            killed.is_ok_and(|status| status.success()),
            "the signal is sent"
        );
        let status = self.child.wait().expect("the demo ends");
        assert!(status.success(), "the demo ended with {status}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
