//! What an exchange costs above a bare actix-web service, beside other loggers: in instructions, in
//! allocations, and in time.
//!
//! ```sh
//! cargo bench --bench exchange                    # instructions need valgrind on the PATH
//! cargo bench --bench exchange -- bodylog logger  # some variants only
//! ```
//!
//! Exchanges run in process, through `actix_web::test`, without sockets. Instructions and allocations
//! are exact: the difference of runs of different length, less the same of the bare service. Time is
//! a ratio to the bare service, the median of runs in turns on a machine that may be busy.

mod peers;

use std::{
    env,
    hint::black_box,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use actix_bodylog::{BodyLog, JsonLines, Record, Sink};
use actix_http::{BoxedPayloadStream, Request};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{Payload, Service, ServiceResponse},
    error::PayloadError,
    http::header,
    test::{self, TestRequest},
    web::Bytes,
};
use futures_util::{StreamExt as _, stream};
use log::Level;
use peers::{CHUNK, Out, Variant, with_app};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// `POST /echo` of 200 bytes of JSON each way.
    Small,
    /// The same with 4 KiB.
    Large,
    /// One chunk of 64 KiB of an upload, past what is kept.
    Upload,
    /// One chunk of 64 KiB of a download, past what is kept.
    Download,
    /// The small exchange where no sink wants anything.
    Off,
    /// The small exchange where it is skipped by its request.
    Skipped,
    /// The small exchange where the sink wants errors only.
    ErrorsOnly,
}

impl Case {
    const ALL: [Self; 7] = [
        Self::Small,
        Self::Large,
        Self::Upload,
        Self::Download,
        Self::Off,
        Self::Skipped,
        Self::ErrorsOnly,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "4-kib",
            Self::Upload => "upload-chunk",
            Self::Download => "download-chunk",
            Self::Off => "off",
            Self::Skipped => "skipped",
            Self::ErrorsOnly => "errors-only",
        }
    }

    /// The settings exist in this crate only.
    fn is_for(self, variant: Variant) -> bool {
        match self {
            Self::Off | Self::Skipped | Self::ErrorsOnly => {
                matches!(variant, Variant::Bare | Variant::BodyLog)
            }
            // Peers that collect a body cost what all of it costs, not a chunk.
            Self::Upload | Self::Download => !matches!(
                variant,
                Variant::CopyAndPaste | Variant::Incident | Variant::IncidentFixed
            ),
            Self::Small | Self::Large => true,
        }
    }

    fn body_log(self, out: &Out) -> BodyLog {
        match self {
            Self::Off => BodyLog::new().sink(Only(None, JsonLines::stderr())),
            Self::ErrorsOnly => BodyLog::new().sink(Only(Some(Level::Error), JsonLines::stderr())),
            Self::Skipped => peers::body_log(out).skip_if(|_| true),
            _ => peers::body_log(out),
        }
    }

    /// Does it `count` times.
    async fn run<S, B>(self, app: &S, count: usize)
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        match self {
            Self::Upload => {
                let chunks = stream::iter(0..count);
                let chunks =
                    chunks.map(|_| Ok::<_, PayloadError>(Bytes::from_static(black_box(&CHUNK))));
                let (req, _) = TestRequest::post()
                    .uri("/upload")
                    .insert_header((header::CONTENT_TYPE, "text/plain"))
                    .to_request()
                    .replace_payload(Payload::Stream {
                        payload: Box::pin(chunks) as BoxedPayloadStream,
                    });
                exchange(app, req).await;
            }
            Self::Download => {
                let uri = format!("/download/{count}");
                exchange(app, TestRequest::with_uri(&uri).to_request()).await;
            }
            _ => {
                let body = Bytes::from(document(match self {
                    Self::Large => 4096,
                    _ => 200,
                }));
                for _ in 0..count {
                    exchange(app, echo(&body)).await;
                }
            }
        }
    }

    /// How often it is done to be counted.
    fn count(self) -> usize {
        match self {
            Self::Upload | Self::Download => 1000,
            Self::Large => 200,
            _ => 500,
        }
    }
}

/// A sink that wants records of this level and above.
struct Only(Option<Level>, JsonLines);

impl Sink for Only {
    fn enabled(&self, level: Level) -> bool {
        self.0.is_some_and(|most| level <= most)
    }

    fn emit(&self, record: &Record<'_>) {
        self.1.emit(record);
    }
}

/// A list such as APIs answer with, and a code.
fn document(size: usize) -> String {
    let mut body = r#"{"code":0,"msg":"ok","data":["#.to_owned();
    let item = r#"{"id":4711,"title":"A day at the sea","author":"Ann Example","password":"correct horse","text":"The quick brown fox jumps over the lazy dog, and back again.","price":12.5,"sold":true},"#;
    let end = r#""]}"#;
    while body.len() + item.len() + end.len() < size {
        body.push_str(item);
    }
    body.push('"');
    let rest = "The harbour was quiet that morning, and the boats lay side by side. ".repeat(8);
    body.push_str(&rest[..size - body.len() - end.len()]);
    body + end
}

fn echo(body: &Bytes) -> Request {
    TestRequest::post()
        .uri("/echo?page=2&token=t0ps3cret")
        .peer_addr(([127, 0, 0, 1], 50000).into())
        .insert_header((header::HOST, "localhost:8080"))
        .insert_header((
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64) bench/1.0",
        ))
        .insert_header((header::ACCEPT, "*/*"))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CONTENT_LENGTH, body.len()))
        .set_payload(body.clone())
        .to_request()
}

async fn exchange<S, B>(app: &S, req: Request)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let res = app.call(req).await.expect("no handler fails");
    let mut body = std::pin::pin!(res.into_body());
    while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        drop(black_box(chunk.map_err(Into::into).expect("no body fails")));
    }
}

/// Runs `work` with a file for the records.
fn with_file<T>(variant: Variant, work: impl FnOnce(&Out) -> T) -> T {
    let path: PathBuf = env::temp_dir().join(format!("bodylog-bench-{}.log", std::process::id()));
    let value = work(&Out::open(&path, variant));
    let _ = std::fs::remove_file(&path);
    value
}

/// In a process of its own: does a case, so that its instructions can be counted.
fn run(variant: Variant, case: Case, count: usize) {
    with_file(variant, |out| {
        actix_web::rt::System::new().block_on(async {
            with_app!(variant, case.body_log(out), |app| {
                let app = test::init_service(app()).await;
                case.run(&app, count).await;
            });
        });
    });
}

/// In a process of its own: prints the allocations of a case, and the seconds of `count` times.
fn measure(variant: Variant, case: Case, count: usize) {
    with_file(variant, |out| {
        actix_web::rt::System::new().block_on(async {
            with_app!(variant, case.body_log(out), |app| {
                let app = test::init_service(app()).await;
                case.run(&app, count).await;
                let allocations = async |count| {
                    let mut run = std::pin::pin!(case.run(&app, count));
                    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                    // Everything is ready at once: there is nothing to wait for.
                    allocation_counter::measure(|| assert!(run.as_mut().poll(&mut cx).is_ready()))
                        .count_total
                };
                let (once, twice) = (allocations(count).await, allocations(2 * count).await);
                let start = Instant::now();
                case.run(&app, count).await;
                let seconds = start.elapsed().as_secs_f64();
                println!(
                    "{} {}",
                    (twice as f64 - once as f64) / count as f64,
                    seconds
                );
            });
        });
    });
}

/// Instructions of `count` times, by running this program under valgrind.
fn instructions(variant: Variant, case: Case, count: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args(["--run", variant.name(), case.name(), &count.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let total = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))?;
    total.1.trim().parse().ok()
}

fn instructions_each(variant: Variant, case: Case) -> Option<f64> {
    let count = case.count();
    let once = instructions(variant, case, count)?;
    let twice = instructions(variant, case, 2 * count)?;
    Some((twice - once) as f64 / count as f64)
}

/// Allocations each, and the seconds of `count` times.
fn measured(variant: Variant, case: Case, count: usize) -> (f64, f64) {
    let output = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--measure", variant.name(), case.name(), &count.to_string()])
        .output()
        .expect("this program can be started again");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().map(|word| word.parse());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(allocations)), Some(Ok(seconds))) => (allocations, seconds),
        _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn case(name: &str) -> Option<Case> {
    Case::ALL.into_iter().find(|case| case.name() == name)
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, variant, name, count] = &args[..]
        && let (Ok(variant), Some(case), Ok(count)) = (variant.parse(), case(name), count.parse())
    {
        match flag.as_str() {
            "--run" => run(variant, case, count),
            _ => measure(variant, case, count),
        }
        return ExitCode::SUCCESS;
    }
    let (mut variants, mut cases) = (Vec::new(), Vec::new());
    for arg in &args {
        match (arg.parse(), case(arg)) {
            (Ok(variant), _) => variants.push(variant),
            (_, Some(case)) => cases.push(case),
            (Err(error), None) => {
                eprintln!("exchange: {error}, nor a case");
                return ExitCode::FAILURE;
            }
        }
    }
    if variants.is_empty() {
        variants = Variant::ALL[1..].to_vec();
    }
    if cases.is_empty() {
        cases = Case::ALL.to_vec();
    }

    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind was not found: no instructions are counted");
    }
    println!(
        "{:16}{:16}{:>14}{:>14}{:>14}",
        "case", "variant", "instructions", "allocations", "time"
    );
    for case in cases {
        let bare = instructions_each(Variant::Bare, case);
        let (bare_allocations, _) = measured(Variant::Bare, case, case.count());
        let bare_text = bare.map_or("?".into(), |n| format!("{n:.0}"));
        println!(
            "{:16}{:16}{bare_text:>14}{bare_allocations:>14.2}{:>14}",
            case.name(),
            "bare",
            "1.00"
        );
        for &variant in variants.iter().filter(|&&variant| case.is_for(variant)) {
            let above = match (instructions_each(variant, case), bare) {
                (Some(each), Some(bare)) => format!("{:+.0}", each - bare),
                _ => "?".to_owned(),
            };
            const RUNS: usize = 9;
            let count = 20 * case.count();
            let mut allocations = 0.0;
            let mut ratios: Vec<_> = (0..RUNS)
                .map(|_| {
                    let (_, bare) = measured(Variant::Bare, case, count);
                    let (each, seconds) = measured(variant, case, count);
                    allocations = each - bare_allocations;
                    seconds / bare
                })
                .collect();
            ratios.sort_by(f64::total_cmp);
            println!(
                "{:16}{:16}{above:>14}{:>14}{:>14.2}",
                "",
                variant.name(),
                format!("{allocations:+.2}"),
                ratios[RUNS / 2]
            );
        }
    }
    ExitCode::SUCCESS
}
