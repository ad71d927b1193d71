//! An audit trail: each exchange becomes a row in an SQLite file. A report lists slow and failed calls.
//!
//! ```text
//! cargo run -p audit              # serves, and prints the report when it is stopped
//! curl 127.0.0.1:8080/login -H 'content-type: application/json' -d '{"username":"ann","password":"hunter2"}'
//! curl 127.0.0.1:8080/orders/13 -H 'authorization: Bearer token-of-ann'
//! curl 127.0.0.1:8080/reports/1500
//! cargo run -p audit -- report    # prints the report of an existing file
//! ```
//!
//! `ADDR` is the address to listen on (default `127.0.0.1:8080`), `DATABASE` the file (default `audit.sqlite`).

#[path = "../../common/mod.rs"]
mod common;
mod report;
mod service;
mod store;

use std::{
    env,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, RequestIdSource};
use actix_web::{App, HttpServer, web};
use common::InvalidSetting;
use service::Orders;
use store::SqliteWriter;

/// Maximum number of bytes of records that wait for the database.
const QUEUE: usize = 8 * 1024 * 1024;

#[actix_web::main]
async fn main() -> ExitCode {
    // The sink reports lost records through the `log` facade.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let args: Vec<_> = env::args().skip(1).collect();
    common::exit(run(&args).await)
}

async fn run(args: &[String]) -> common::Result {
    let database = common::variable("DATABASE")?.unwrap_or_else(|| "audit.sqlite".into());
    let database = Path::new(&database);
    match args {
        [] => serve(database).await?,
        [command] if command == "report" => {}
        _ => return Err(InvalidSetting("expected no argument, or `report`".into()).into()),
    }
    let report = store::open_existing(database).and_then(|connection| report::text(&connection));
    let report = report.map_err(|error| about(database, &error))?;
    io::stdout().write_all(report.as_bytes())?;
    Ok(())
}

async fn serve(database: &Path) -> common::Result {
    let addrs = common::addresses("127.0.0.1:8080")?;
    let writer = SqliteWriter::open(database).map_err(|error| about(database, &error))?;
    // A background thread writes, so that no request waits for the disk.
    let body_log = BodyLog::new()
        .request_id(RequestIdSource::Generate)
        .sink(JsonLines::background(writer, QUEUE));

    let orders = web::Data::new(Orders::default());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(orders.clone())
            .configure(service::routes)
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5)
    .bind(&addrs[..])?;
    common::announce("http", &server.addrs());
    server.run().await?;
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    match body_log.stats().sink_losses {
        0 => {}
        lost => eprintln!("audit: records lost: {lost}"),
    }
    Ok(())
}

fn about(database: &Path, error: &rusqlite::Error) -> String {
    format!("{}: {error}", database.display())
}
