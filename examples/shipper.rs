//! Records for a log shipper: JSON Lines on standard output, or in a file that can be rotated.
//!
//! ```text
//! SCHEMA=ecs OUTPUT=exchanges.jsonl cargo run --example shipper
//! curl 127.0.0.1:8080/orders -H 'content-type: application/json' -d '{"item":"tea","card_number":"4111 1111"}'
//! curl 127.0.0.1:8080/orders/13
//! ```
//!
//! `SCHEMA` is `otel` (default), `ecs` or `gcp`. `OUTPUT` is a file to append to, or `-` for standard output (default).
//! A background thread writes, so a slow disk or pipe does not delay requests.
//!
//! On SIGHUP the file is reopened, as logrotate's `create` mode needs. The switch happens between two lines, so no
//! line is lost or split.
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
//! Vector, with `SCHEMA=otel` (the JSON parsers of Fluent Bit, Promtail and Alloy read these lines too):
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
//! Google Cloud's agents read `SCHEMA=gcp` from standard output without further settings.

#[path = "common/mod.rs"]
mod common;
#[path = "shipper/log_file.rs"]
mod log_file;

use std::{io, path::Path, process::ExitCode, time::Duration};

use actix_bodylog::{BodyLog, JsonLines, RecordExt as _, RequestIdSource, Schema};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, get, post, web};
use log_file::LogFile;
use serde::Deserialize;
use serde_json::json;

/// Capacity of the writer's queue in bytes: some thousand records of the usual length.
const QUEUE: usize = 8 * 1024 * 1024;

#[actix_web::main]
async fn main() -> ExitCode {
    // The sink reports lost records through the `log` facade.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    common::exit(serve().await)
}

async fn serve() -> common::Result {
    let addrs = common::addresses("127.0.0.1:8080")?;
    let schema = match common::variable("SCHEMA")?.as_deref() {
        None | Some("otel") => Schema::OpenTelemetry,
        Some("ecs") => Schema::Ecs,
        Some("gcp") => Schema::GoogleCloud,
        Some(other) => return Err(common::invalid("SCHEMA", other, "not otel, ecs or gcp")),
    };
    let lines = match common::variable("OUTPUT")?.as_deref() {
        None | Some("-") => JsonLines::background(io::stdout(), QUEUE),
        Some(path) => JsonLines::background(LogFile::open(Path::new(path))?, QUEUE),
    };
    let body_log = BodyLog::new()
        .request_id(RequestIdSource::Generate)
        .quiet("/health")
        .sink(lines.schema(schema));

    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service((create, show, health))
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5)
    .bind(&addrs[..])?;
    common::announce("http", &server.addrs());
    server.run().await?;
    // Write the lines that are still queued.
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

#[post("/orders")]
async fn create(order: web::Json<Order>) -> impl Responder {
    HttpResponse::Created().json(json!({"code": 0, "item": order.item}))
}

/// Answers with a result code in the body, as services do whose status is always 200.
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
