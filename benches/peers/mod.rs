//! The middleware that actix-bodylog is compared with, and the service that each of them wraps. Each writes one
//! line per request to a file.

#![allow(
    dead_code,
    reason = "each program that includes this uses a part of it"
)]

#[allow(
    clippy::collapsible_str_replace,
    reason = "a port does what the original did"
)]
mod buffering;
pub mod cases;
pub mod child;
pub mod quartiles;

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    str::FromStr,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use actix_bodylog::{BodyLog, BodyPolicy, JsonLines};
use actix_web::{
    Error, HttpResponse,
    http::header::{self, ContentType},
    web::{self, Bytes},
};
pub use buffering::{copy_and_paste, incident, incident_fixed};
use futures_util::{StreamExt as _, stream};
use tracing_subscriber::fmt::format::FmtSpan;

/// The middleware around the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// No middleware.
    Bare,
    /// This crate, with both bodies in every record.
    BodyLog,
    /// This crate, with a thread that writes the records.
    Background,
    /// This crate, with events for a `tracing` subscriber that writes JSON. Needs the feature `tracing`.
    Events,
    /// `actix_web::middleware::Logger`: one line without bodies.
    Logger,
    /// `tracing_actix_web::TracingLogger` and a subscriber that writes JSON, without bodies.
    Tracing,
    /// The usual answer on the web to how bodies are logged. It buffers both bodies.
    CopyAndPaste,
    /// A port of the middleware that brought the service down.
    Incident,
    /// The same port after the first fix.
    IncidentFixed,
}

impl Variant {
    pub const ALL: &[Self] = &[
        Self::Bare,
        Self::BodyLog,
        Self::Background,
        #[cfg(feature = "tracing")]
        Self::Events,
        Self::Logger,
        Self::Tracing,
        Self::CopyAndPaste,
        Self::Incident,
        Self::IncidentFixed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BodyLog => "bodylog",
            Self::Background => "background",
            Self::Events => "events",
            Self::Logger => "logger",
            Self::Tracing => "tracing",
            Self::CopyAndPaste => "copy-paste",
            Self::Incident => "incident",
            Self::IncidentFixed => "incident-fixed",
        }
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.iter().copied();
        let found = all.find(|variant| variant.name() == name);
        found.ok_or_else(|| format!("{name:?} is not a variant"))
    }
}

/// Evaluates `$use` with `$app` bound to an `App` in the middleware of `$variant`. A macro, because the types of
/// wrapped apps cannot be named.
macro_rules! with_app {
    ($variant:expr, $body_log:expr, |$app:ident| $use:expr) => {{
        use $crate::peers::{Variant, copy_and_paste, incident, incident_fixed, routes};
        macro_rules! wrapped {
            ($wrap:expr) => {{
                let $app = move || actix_web::App::new().configure(routes).wrap($wrap);
                $use
            }};
        }
        match $variant {
            Variant::Bare => {
                let $app = || actix_web::App::new().configure(routes);
                $use
            }
            Variant::BodyLog | Variant::Background | Variant::Events => {
                let body_log: actix_bodylog::BodyLog = $body_log;
                wrapped!(body_log.clone())
            }
            Variant::Logger => wrapped!(actix_web::middleware::Logger::default()),
            Variant::Tracing => wrapped!(tracing_actix_web::TracingLogger::default()),
            Variant::CopyAndPaste => wrapped!(actix_web::middleware::from_fn(copy_and_paste)),
            Variant::Incident => wrapped!(actix_web::middleware::from_fn(incident)),
            Variant::IncidentFixed => wrapped!(actix_web::middleware::from_fn(incident_fixed)),
        }
    }};
}
pub(crate) use with_app;

/// Builds a logger with everything in its records: both bodies, and all headers of the allowlist.
pub fn body_log(variant: Variant, out: &Out) -> BodyLog {
    let log = BodyLog::new().response_body(BodyPolicy::Always);
    match variant {
        Variant::Background => log.sink(JsonLines::background(out.writer(), 8 * 1024 * 1024)),
        #[cfg(feature = "tracing")]
        Variant::Events => log.sink(actix_bodylog::TracingSink::new()),
        _ => log.sink(JsonLines::new(out.writer())),
    }
}

/// The file of records.
#[derive(Debug)]
pub struct Out(File);

impl Out {
    /// Creates the file and makes `variant` write to it.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be created, or if a global logger was set before.
    pub fn open(path: &Path, variant: Variant) -> Self {
        let out = Self(File::create(path).expect("the file of the records can be created"));
        match variant {
            Variant::Logger => env_logger::Builder::new()
                .filter_module("actix_web::middleware::logger", log::LevelFilter::Info)
                .target(env_logger::Target::Pipe(Box::new(out.writer())))
                .init(),
            Variant::Events => tracing_subscriber::fmt()
                .json()
                .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
                .with_writer(Mutex::new(out.writer()))
                .init(),
            Variant::Tracing => tracing_subscriber::fmt()
                .json()
                // Otherwise successful requests write nothing.
                .with_span_events(FmtSpan::CLOSE)
                .with_writer(Mutex::new(out.writer()))
                .init(),
            _ => {}
        }
        if matches!(
            variant,
            Variant::CopyAndPaste | Variant::Incident | Variant::IncidentFixed
        ) {
            assert!(LINES.set(Mutex::new(out.writer())).is_ok());
        }
        out
    }

    fn writer(&self) -> File {
        self.0.try_clone().expect("a file can be opened again")
    }
}

static LINES: OnceLock<Mutex<File>> = OnceLock::new();

/// Writes a line for the middleware that has no writer.
fn write_line(mut line: String) {
    line.push('\n');
    let Some(lines) = LINES.get() else { return };
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = lines.write_all(line.as_bytes()) {
        eprintln!("a record was lost: {error}");
    }
}

/// Configures the service.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/echo", web::post().to(echo))
        .route("/upload", web::post().to(upload))
        .route("/download/{chunks}", web::get().to(download));
}

async fn echo(body: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body)
}

async fn upload(mut body: web::Payload) -> Result<HttpResponse, Error> {
    let mut bytes = 0_u64;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len() as u64;
    }
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(format!(r#"{{"code":0,"bytes":{bytes}}}"#)))
}

/// A chunk of a large body.
pub static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

async fn download(chunks: web::Path<usize>) -> HttpResponse {
    let chunks = stream::iter(0..*chunks).map(|_| Ok::<_, io::Error>(Bytes::from_static(&CHUNK)));
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, ContentType::plaintext()))
        .streaming(chunks)
}

/// Returns seconds, as the peers write them.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
