//! A server in a child process.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{self, Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use actix_web::HttpServer;

use crate::peers::{self, Out, Variant, with_app};

const SERVE: &str = "--serve";
const UNLIMITED: &str = "none";

/// Serves until the parent ends, in a process that [`Server::start`] started. Returns `None` in any other process.
pub fn serve_if_asked(args: &[String]) -> Option<ExitCode> {
    let [flag, variant, limit] = args else {
        return None;
    };
    let variant = variant.parse().ok().filter(|_| flag == SERVE)?;
    Some(match serve(variant, limit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("incident: {error}");
            ExitCode::FAILURE
        }
    })
}

fn serve(variant: Variant, limit: &str) -> io::Result<()> {
    if let Ok(bytes) = limit.parse() {
        rlimit::Resource::AS.set(bytes, bytes)?;
    }
    // Standard output is a pipe to the parent, which counts the records and discards them. Some contain whole bodies,
    // so a file would add the disk to the measurement.
    let out = Out::open(Path::new("/dev/stdout"), variant);
    let body_log = peers::body_log(variant, &out);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    actix_web::rt::System::new().block_on(async {
        with_app!(variant, body_log, |app| {
            let server = HttpServer::new(app)
                .workers(2)
                .disable_signals()
                .listen(listener)?;
            eprintln!("{}", server.addrs()[0]);
            thread::spawn(|| {
                // The parent has closed its end, or has ended.
                let _ = io::stdin().read(&mut [0]);
                process::exit(0);
            });
            server.run().await
        })
    })
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    records: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(variant: Variant, limit: Option<u64>) -> io::Result<Self> {
        let limit = limit.map_or(UNLIMITED.to_owned(), |bytes| bytes.to_string());
        let mut child = Command::new(env::current_exe()?)
            .args([SERVE, variant.name(), &limit])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        if let Some(errors) = child.stderr.take() {
            let mut errors = BufReader::new(errors);
            errors.read_line(&mut address)?;
            // Discard the messages of a dying server, which are expected.
            thread::spawn(move || io::copy(&mut errors, &mut io::sink()));
        }
        let records = Arc::new(AtomicUsize::new(0));
        if let Some(mut output) = child.stdout.take() {
            let records = Arc::clone(&records);
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while let Ok(len @ 1..) = output.read(&mut buffer) {
                    let lines = buffer[..len].iter().filter(|&&byte| byte == b'\n');
                    records.fetch_add(lines.count(), Relaxed);
                }
            });
        }
        let address = address.trim();
        Ok(Self {
            address: address
                .parse()
                .map_err(|_| io::Error::other(format!("the server did not start: {address}")))?,
            child,
            records,
        })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the number of lines written so far.
    pub fn records(&self) -> usize {
        self.records.load(Relaxed)
    }

    /// Reports whether the process has ended.
    pub fn is_gone(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing standard input does not end a server that hangs in an allocation.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
