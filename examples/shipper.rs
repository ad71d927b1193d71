//! Records for a log shipper: JSON Lines on standard output or in a file that can be rotated.
//!
//! ```text
//! cargo run --example shipper
//! SCHEMA=ecs OUTPUT=exchanges.jsonl cargo run --example shipper
//! ```
//!
//! `SCHEMA` is `otel` (default), `ecs` or `gcp`. `OUTPUT` is `-` (standard output, default) or a file that is
//! appended to. A thread of its own writes, so that a slow disk or pipe holds up no request. Everything else
//! goes to standard error. `ADDR` is where to listen (default `127.0.0.1:8080`).
//!
//! On SIGHUP the file is opened anew, which is what logrotate's `create` mode needs. No line is lost or split:
//! the file is changed between two lines.
//!
//! ```text
//! /var/log/shop/exchanges.jsonl {
//!     daily
//!     rotate 7
//!     create 0640 shop adm
//!     compress
//!     delaycompress
//!     postrotate
//!         systemctl kill --signal=HUP shop.service
//!     endscript
//! }
//! ```
//!
//! Vector, with `SCHEMA=otel`; Fluent Bit, Promtail and Alloy read such lines with their JSON parsers too:
//!
//! ```text
//! [sources.exchanges]
//! type = "file"
//! include = ["/var/log/shop/exchanges.jsonl"]
//!
//! [transforms.records]
//! type = "remap"
//! inputs = ["exchanges"]
//! source = ". = parse_json!(string!(.message))"
//! ```
//!
//! Filebeat, with `SCHEMA=ecs`:
//!
//! ```text
//! filebeat.inputs:
//!   - type: filestream
//!     id: exchanges
//!     paths: ["/var/log/shop/exchanges.jsonl"]
//!     parsers:
//!       - ndjson:
//!           target: ""
//!           overwrite_keys: true
//!           expand_keys: true
//!           add_error_key: true
//! ```
//!
//! On Google Cloud, `SCHEMA=gcp` on standard output is all that its agents need.

#[path = "shipper/log_file.rs"]
mod log_file;

use std::{
    env, io,
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, RecordExt as _, RequestIds, Schema};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, get, post, web};
use log_file::LogFile;
use serde::Deserialize;
use serde_json::json;

/// Bytes of lines that may wait for the writer: some thousand records of the usual length.
const QUEUE: usize = 8 * 1024 * 1024;

struct Settings {
    addr: Vec<SocketAddr>,
    schema: Schema,
    /// `None` is standard output.
    output: Option<PathBuf>,
}

impl Settings {
    fn from_env() -> Result<Self, String> {
        let addr = variable("ADDR")?.unwrap_or_else(|| "127.0.0.1:8080".into());
        Ok(Self {
            addr: addr
                .to_socket_addrs()
                .map(Iterator::collect)
                .map_err(|error| format!("ADDR is {addr:?}: {error}"))?,
            schema: match variable("SCHEMA")?.as_deref() {
                None | Some("otel") => Schema::OpenTelemetry,
                Some("ecs") => Schema::Ecs,
                Some("gcp") => Schema::GoogleCloud,
                Some(other) => {
                    return Err(format!("SCHEMA is {other:?}; it must be otel, ecs or gcp"));
                }
            },
            output: variable("OUTPUT")?
                .filter(|output| output != "-")
                .map(PathBuf::from),
        })
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8")),
    }
}

#[actix_web::main]
async fn main() -> ExitCode {
    // For what the logger says of itself: records that were not written.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("shipper: {error}");
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shipper: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> io::Result<()> {
    let lines = match &settings.output {
        None => JsonLines::background(io::stdout(), QUEUE),
        Some(path) => JsonLines::background(LogFile::open(path)?, QUEUE),
    };
    let body_log = BodyLog::new()
        .request_id(RequestIds::Generate)
        .skip("/health")
        .sink(lines.schema(settings.schema));

    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service((create, show, health))
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5);
    let server = server.bind(&settings.addr[..]).map_err(|error| {
        let addr = &settings.addr;
        io::Error::new(error.kind(), format!("cannot listen on {addr:?}: {error}"))
    })?;
    say_what_to_try(&server.addrs(), settings.output.as_deref());
    server.run().await?;
    body_log.drain(Duration::from_secs(5)).await;
    match body_log.stats().sink_failures {
        0 => {}
        lost => eprintln!("shipper: records lost: {lost}"),
    }
    Ok(())
}

fn say_what_to_try(addrs: &[SocketAddr], output: Option<&Path>) {
    for addr in addrs {
        eprintln!("listening on http://{addr}");
    }
    let Some(addr) = addrs.first() else { return };
    eprintln!("now, from another terminal:");
    eprintln!(
        "  curl {addr}/orders -H 'content-type: application/json' \
         -d '{{\"item\":\"tea\",\"card_number\":\"4111 1111 1111 1111\"}}'"
    );
    eprintln!("  curl {addr}/orders/7");
    eprintln!("  curl {addr}/orders/13");
    if let Some(path) = output {
        let path = path.display();
        let pid = process::id();
        eprintln!("  mv {path} {path}.1 && kill -HUP {pid}");
    }
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

#[post("/orders")]
async fn create(order: web::Json<Order>) -> impl Responder {
    HttpResponse::Created().json(json!({"code": 0, "item": order.item}))
}

/// Answers with a code of its own in the body, as services do whose status is always 200.
#[get("/orders/{id}")]
async fn show(req: HttpRequest, id: web::Path<u64>) -> impl Responder {
    let id = id.into_inner();
    req.record_field("order", id);
    match id {
        13 => web::Json(json!({"code": 500, "msg": "the warehouse does not answer"})),
        _ => web::Json(json!({"code": 0, "id": id, "item": "tea"})),
    }
}

#[get("/health")]
async fn health() -> impl Responder {
    HttpResponse::Ok()
}
