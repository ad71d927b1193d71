//! A variant as a server process, and the counters of the kernel for it.
//!
//! The servers are new processes of the program that starts them, so it calls [`serve_if_asked`] first.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use actix_bodylog::BodyLog;
use actix_web::HttpServer;
use socket2::{Domain, Socket, Type};

use super::{Out, Variant, body_log, with_app};

const SERVE: &str = "--serve";
/// The timeout that makes a stalled connection an error.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of a server.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The memory budget of the logger, in bytes.
    pub budget: usize,
    /// The size of the socket buffers of each connection, in bytes. By default the kernel adapts it to each
    /// connection while it runs, up to several MiB.
    pub socket_buffers: Option<usize>,
}

impl Settings {
    pub const USUAL: Self = Self {
        budget: 16 << 20,
        socket_buffers: None,
    };
}

/// In a process that [`Server::start`] started, serves until the parent exits, and does not return.
pub fn serve_if_asked() {
    let args: Vec<_> = env::args().skip(1).collect();
    if let [flag, variant, records, budget, socket_buffers] = &args[..]
        && flag == SERVE
        && let (Ok(variant), Ok(budget)) = (variant.parse(), budget.parse())
    {
        let settings = Settings {
            budget,
            socket_buffers: socket_buffers.parse().ok(),
        };
        serve(variant, Path::new(records), settings).expect("the server runs");
        process::exit(0);
    }
}

fn serve(variant: Variant, records: &Path, settings: Settings) -> io::Result<()> {
    let out = Out::open(records, variant);
    let body_log = body_log(variant, &out).memory_budget(settings.budget);
    let counted = body_log.clone();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = settings.socket_buffers {
        // Connections inherit the options.
        listener.set_send_buffer_size(bytes)?;
        listener.set_recv_buffer_size(bytes)?;
    }
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(2048)?;
    let listener = TcpListener::from(listener);
    actix_web::rt::System::new().block_on(async {
        with_app!(variant, body_log, |app| {
            let server = HttpServer::new(app)
                .workers(1)
                // A connection is idle while other servers are measured.
                .keep_alive(Duration::from_secs(600))
                .disable_signals()
                .listen(listener)?;
            println!("{}", server.addrs()[0]);
            thread::spawn(move || answer_parent(&counted));
            server.run().await
        })
    })
}

/// Prints the counters for each line that the parent writes. Exits when the parent has exited.
fn answer_parent(body_log: &BodyLog) {
    for _ in io::stdin().lines().map_while(Result::ok) {
        let stats = body_log.stats();
        println!(
            "{} {} {}",
            stats.in_flight, stats.budget_used, stats.budget_refusals
        );
    }
    process::exit(0);
}

/// The counters of a server's logger.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub in_flight: usize,
    pub budget_used: usize,
    pub budget_refusals: usize,
}

/// A running server. Dropping it ends the process and removes its records.
#[derive(Debug)]
pub struct Server {
    pub variant: Variant,
    address: SocketAddr,
    records: PathBuf,
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(variant: Variant, settings: Settings) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let nth = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("bodylog-bench-{}-{nth}.log", process::id());
        let records = env::temp_dir().join(name);
        let mut child = Command::new(env::current_exe().expect("this program has a path"))
            .args([SERVE, variant.name()])
            .arg(&records)
            .arg(settings.budget.to_string())
            // A word that is not a number means the default.
            .arg(
                settings
                    .socket_buffers
                    .map_or("-".into(), |n| n.to_string()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let questions = child.stdin.take().expect("standard input is piped");
        let answers = child.stdout.take().expect("standard output is piped");
        let mut answers = BufReader::new(answers);
        let mut address = String::new();
        let read = answers.read_line(&mut address);
        read.expect("the server says where it listens");
        Self {
            variant,
            address: address.trim().parse().expect("the server listens"),
            records,
            child,
            questions,
            answers,
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        // A request is sent in pieces, without delay.
        stream.set_nodelay(true).expect("a socket option is set");
        stream
            .set_read_timeout(Some(STALL_TIMEOUT))
            .expect("a timeout is set");
        stream
            .set_write_timeout(Some(STALL_TIMEOUT))
            .expect("a timeout is set");
        stream
    }

    pub fn counters(&mut self) -> Counters {
        self.questions
            .write_all(b"?\n")
            .expect("the server is asked");
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.expect("the server answers");
        let mut numbers = line.split_whitespace().map(|word| word.parse());
        let mut next = || match numbers.next() {
            Some(Ok(number)) => number,
            _ => panic!("{line:?} is not an answer"),
        };
        Counters {
            in_flight: next(),
            budget_used: next(),
            budget_refusals: next(),
        }
    }

    /// Returns the size of the file of records.
    pub fn records_end(&self) -> u64 {
        let metadata = fs::metadata(&self.records);
        metadata.expect("the file of the records is there").len()
    }

    /// Truncates the file of records, so that it does not fill the disk. The server continues to write at its
    /// old position, after a hole.
    pub fn forget_records(&self) {
        let file = OpenOptions::new().write(true).open(&self.records);
        file.and_then(|file| file.set_len(0))
            .expect("the file of the records can be cut");
    }

    /// Returns the processor time of all threads.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(self.proc("task")).expect("the server runs");
        let nanoseconds = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns the processor time of all threads in user and in kernel mode, in ticks.
    pub fn ticks(&self) -> [u64; 2] {
        let stat = fs::read_to_string(self.proc("stat")).expect("the server runs");
        // The name of the program, in parentheses, may have blanks.
        let (_, fields) = stat.rsplit_once(')').expect("the kernel tells");
        let mut ticks = fields.split_whitespace().skip(11).map(|word| word.parse());
        let mut next = || match ticks.next() {
            Some(Ok(ticks)) => ticks,
            _ => panic!("{stat:?} has no times"),
        };
        [next(), next()]
    }

    /// Waits until the server is idle.
    pub fn settle(&self) {
        const PAUSE: Duration = Duration::from_millis(30);
        let start = Instant::now();
        let (mut before, mut idle) = (self.cpu(), 0);
        while idle < 4 {
            assert!(
                start.elapsed() < STALL_TIMEOUT,
                "the server never comes to rest"
            );
            thread::sleep(PAUSE);
            let now = self.cpu();
            // The timers of an idle server use a little time.
            idle = if now - before < PAUSE / 100 {
                idle + 1
            } else {
                0
            };
            before = now;
        }
    }

    /// Returns the peak of resident memory, in KiB.
    pub fn peak(&self) -> u64 {
        self.kib("status", "VmHWM:").expect("the kernel tells")
    }

    /// Returns the resident memory, in KiB.
    pub fn resident(&self) -> u64 {
        // The first value is exact; the second may be out of date by many pages.
        self.kib("smaps_rollup", "Rss:")
            .or_else(|| self.kib("status", "VmRSS:"))
            .expect("the kernel tells")
    }

    fn kib(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.proc(file)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.records);
    }
}
