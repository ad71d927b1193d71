//! An audit trail: every exchange becomes a row of an SQLite file, as long as the disk keeps up; what the queue before
//! it has no room for is counted.
//!
//! ```text
//! cargo run -p audit              # serves; prints the report when it is stopped
//! cargo run -p audit -- report    # prints the report of a file that is there
//! ```
//!
//! `ADDR` is where to listen (default `127.0.0.1:8080`), `DATABASE` the file (default `audit.sqlite`). The
//! report goes to standard output, everything else to standard error.

mod queue;
mod report;
mod service;
mod sink;
mod store;

use std::{
    env, error,
    io::{self, Write as _},
    net::{SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, RequestIds};
use actix_web::{App, HttpServer, web};
use service::Orders;
use store::Store;

/// The file, unless the environment names another one.
const DATABASE: &str = "audit.sqlite";

struct Settings {
    command: Command,
    database: PathBuf,
}

enum Command {
    Serve(Vec<SocketAddr>),
    Report,
}

impl Settings {
    fn new(args: &[String]) -> Result<Self, String> {
        let database = variable("DATABASE")?.unwrap_or_else(|| DATABASE.into());
        if database.is_empty() {
            // SQLite would make a file that is gone in the end.
            return Err("DATABASE is empty".to_owned());
        }
        let command = match args {
            [] => Command::Serve(addresses()?),
            [command] if command == "report" => Command::Report,
            _ => return Err("it takes no argument, or `report`".to_owned()),
        };
        Ok(Self {
            command,
            database: database.into(),
        })
    }
}

fn addresses() -> Result<Vec<SocketAddr>, String> {
    let addr = variable("ADDR")?.unwrap_or_else(|| "127.0.0.1:8080".into());
    addr.to_socket_addrs()
        .map(Iterator::collect)
        .map_err(|error| format!("ADDR is {addr:?}: {error}"))
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
    let args: Vec<_> = env::args().skip(1).collect();
    let settings = match Settings::new(&args) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("audit: {error}");
            return ExitCode::from(2);
        }
    };
    let done = match settings.command {
        Command::Serve(addrs) => serve(&addrs, &settings.database).await,
        Command::Report => print_report(&settings.database),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("audit: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(addrs: &[SocketAddr], database: &Path) -> Result<(), Box<dyn error::Error>> {
    let store = Store::open(database).map_err(|error| about(database, &error))?;
    let (sink, writer) = sink::start(store)?;
    // Outside the factory: all workers share one queue.
    let body_log = BodyLog::new().request_id(RequestIds::Generate).sink(sink);

    let orders = web::Data::new(Orders::default());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(orders.clone())
            .configure(service::routes)
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5);
    let server = server
        .bind(addrs)
        .map_err(|error| format!("cannot listen on {addrs:?}: {error}"))?;
    say_what_to_try(&server.addrs(), database);
    let served = server.run().await;
    body_log.drain(Duration::from_secs(5)).await;
    writer.close();
    served?;
    match body_log.stats().sink_failures {
        0 => {}
        lost => eprintln!("audit: records lost: {lost}"),
    }
    print_report(database)
}

fn say_what_to_try(addrs: &[SocketAddr], database: &Path) {
    for addr in addrs {
        eprintln!("listening on http://{addr}");
    }
    let Some(addr) = addrs.first() else { return };
    let json = "-H 'content-type: application/json'";
    let bearer = "-H 'authorization: Bearer token-of-ann'";
    eprintln!("now, from another terminal:");
    eprintln!("  curl {addr}/login {json} -d '{{\"username\":\"ann\",\"password\":\"hunter2\"}}'");
    eprintln!("  curl {addr}/orders {json} {bearer} -d '{{\"item\":\"tea\",\"quantity\":2}}'");
    eprintln!("  curl {addr}/orders {bearer}");
    eprintln!("  curl {addr}/orders/13 {bearer}");
    eprintln!("  curl {addr}/reports/1500");
    match database.to_str() {
        Some(DATABASE) => eprintln!("  cargo run -p audit -- report"),
        _ => eprintln!("  DATABASE={database:?} cargo run -p audit -- report"),
    }
    eprintln!("and Ctrl-C here: it prints the report, too");
}

fn print_report(database: &Path) -> Result<(), Box<dyn error::Error>> {
    let text = store::open_existing(database).and_then(|connection| report::text(&connection));
    let text = text.map_err(|error| about(database, &error))?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn about(database: &Path, error: &rusqlite::Error) -> String {
    format!("{}: {error}", database.display())
}
