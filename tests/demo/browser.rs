//! A real browser, driven over the DevTools protocol.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// The time limit for all that one test does with its browser.
const DEADLINE: Duration = Duration::from_secs(60);

const NOT_INSTALLED: &str = "no Chromium was found; install it (on Debian: `apt-get install chromium`) or set CHROMIUM \
     to the path of its executable";

/// A page in a new browser.
pub struct Browser {
    socket: WebSocket<TcpStream>,
    deadline: Instant,
    calls: u64,
    loaded: bool,
    errors: Vec<Value>,
    _process: Process,
}

impl Browser {
    /// Starts a browser. If none is installed, returns `None`, so that the test is skipped.
    ///
    /// # Panics
    ///
    /// Panics if no browser is installed and the variable `CI` is set.
    pub fn start() -> Option<Self> {
        let Some(program) = installed() else {
            assert!(env::var_os("CI").is_none(), "{NOT_INSTALLED}");
            // Not with `eprintln`, whose output is captured when a test passes.
            let _ = writeln!(io::stderr(), "skipped: {NOT_INSTALLED}");
            return None;
        };
        let deadline = Instant::now() + DEADLINE;
        let process = Process::start(program);
        let endpoint = process.endpoint(deadline);
        let (address, _) = endpoint.split_once('/').expect("an address and a path");
        let page = ureq::put(format!("http://{address}/json/new?about:blank"));
        let page = page.send_empty().expect("the browser opens a page");
        let page = page.into_body().read_to_string().expect("its description");
        let page: Value = serde_json::from_str(&page).expect("it is JSON");
        let url = page["webSocketDebuggerUrl"].as_str().expect("a socket");
        let stream = TcpStream::connect(address).expect("the browser accepts");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a timeout is set");
        let (socket, _) = tungstenite::client(url, stream).expect("the browser speaks WebSocket");
        let mut browser = Self {
            socket,
            deadline,
            calls: 0,
            loaded: false,
            errors: Vec::new(),
            _process: process,
        };
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    pub fn open(&mut self, url: &str) {
        self.loaded = false;
        self.call("Page.navigate", json!({"url": url}));
        while !self.loaded {
            self.read();
        }
    }

    /// Evaluates an expression and awaits it if it is a promise.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let mut result = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true}),
        );
        assert!(result["exceptionDetails"].is_null(), "{result:#}");
        result["result"]["value"].take()
    }

    /// Waits until an expression is true. It is evaluated again on each change of the document.
    #[track_caller]
    pub fn until(&mut self, condition: &str) {
        self.evaluate(&format!(
            "new Promise((resolve) => {{
                const observer = new MutationObserver(() => look());
                const look = () => {{
                    if ({condition}) {{
                        observer.disconnect();
                        resolve();
                    }}
                }};
                const all = {{subtree: true, childList: true, attributes: true, characterData: true}};
                observer.observe(document, all);
                look();
            }})"
        ));
    }

    /// Presses Enter on the focused element.
    pub fn press_enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            self.call(
                "Input.dispatchKeyEvent",
                json!({"type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}),
            );
        }
    }

    /// Checks that there was no uncaught error and that the browser itself logged nothing, such as a missing resource
    /// or a violation of the content security policy.
    #[track_caller]
    pub fn assert_no_error(&self) {
        assert!(self.errors.is_empty(), "{:#?}", self.errors);
    }

    pub fn wait_for_error(&mut self) {
        while self.errors.is_empty() {
            self.read();
        }
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let request = json!({"id": self.calls, "method": method, "params": params});
        self.socket
            .send(Message::text(request.to_string()))
            .expect("the browser listens");
        loop {
            let mut message = self.read();
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {message:#}");
                return message["result"].take();
            }
        }
    }

    fn read(&mut self) -> Value {
        let left = self.deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "the browser takes too long");
        self.socket
            .get_ref()
            .set_read_timeout(Some(left))
            .expect("a timeout is set");
        let message = self.socket.read().expect("the browser answers in time");
        let text = message.to_text().expect("messages are text");
        let mut message: Value = serde_json::from_str(text).expect("messages are JSON");
        match message["method"].as_str() {
            Some("Page.loadEventFired") => self.loaded = true,
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => {
                self.errors.push(message["params"].take());
            }
            _ => {}
        }
        message
    }
}

/// The process of a browser. On drop it is ended with its children, and its files are removed.
struct Process {
    child: Child,
    profile: PathBuf,
    /// The lines on standard error. The channel is closed when the last process of the browser has ended.
    lines: Receiver<String>,
}

impl Process {
    fn start(program: PathBuf) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let nth = STARTED.fetch_add(1, Relaxed);
        let profile = format!("bodylog-browser-{}-{nth}", process::id());
        let profile = env::temp_dir().join(profile);
        fs::create_dir(&profile).expect("the profile is new");
        let mut child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking"])
            .args(["--disable-component-update", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.display()))
            // The browser writes files to both.
            .env("HOME", &profile)
            .env("TMPDIR", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                // Continue without a receiver, so that the browser is never blocked by a full pipe.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self {
            child,
            profile,
            lines,
        }
    }

    /// Waits for the `address:port/path` of the protocol.
    fn endpoint(&self, deadline: Instant) -> String {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.expect("the browser prints its address");
            if let Some(endpoint) = line.strip_prefix("DevTools listening on ws://") {
                return endpoint.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Wait for the children, which end later and write files until then.
        while self.lines.recv_timeout(Duration::from_secs(10)).is_ok() {}
        let _ = fs::remove_dir_all(&self.profile);
    }
}

fn installed() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let on_path = env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let usual = PathBuf::from("/usr/bin/chromium");
    [usual].into_iter().chain(on_path).find(|it| it.is_file())
}
