//! A small upload service whose exchanges are recorded.
//!
//! Records go to standard output as JSON Lines, and to the page at `/`. Everything else goes to standard error. If
//! nobody reads standard output, requests go on, and `/stats` counts the lost records.
//!
//! ```text
//! cargo run --example demo
//! curl -d '{"user":"ann","password":"hunter2"}' -H 'content-type: application/json' localhost:8080/echo
//! ```
//!
//! Environment variables configure it; see `settings.rs`.

#[path = "../common/mod.rs"]
mod common;
mod feed;
mod page;
mod routes;
mod settings;
mod stop;

use std::{future::poll_fn, io, pin::pin, process::ExitCode, task::Poll, time::Duration};

use actix_bodylog::{BodyLog, JsonLines};
use actix_web::{App, HttpServer, rt, web};
use feed::Feed;
use settings::Settings;

/// Maximum number of bytes of records that wait for standard output.
const QUEUE: usize = 8 * 1024 * 1024;

#[actix_web::main]
async fn main() -> ExitCode {
    common::exit(serve().await)
}

async fn serve() -> common::Result {
    let settings = Settings::from_env()?;
    let feed = Feed::new();
    // Built once, outside the factory: workers share one budget, one set of counters and one list of sinks.
    let body_log = BodyLog::new()
        .request_limit(settings.request_limit)
        .response_limit(settings.response_limit)
        .code_limit(settings.code_limit)
        .record_limit(settings.record_limit)
        .memory_budget(settings.memory_budget)
        .success_level(settings.success_level)
        .request_body(settings.request_body)
        .response_body(settings.response_body)
        .quiet("/health")
        .sink(JsonLines::background(io::stdout(), QUEUE))
        .sink(feed.clone());

    let for_workers = body_log.clone();
    let for_page = web::Data::new(feed.clone());
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(for_workers.clone()))
            .app_data(for_page.clone())
            .configure(routes::routes)
            .configure(page::routes)
            // The last `wrap` is the outermost middleware.
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let addrs = &settings.addrs[..];
    let server = server
        .bind(addrs)
        .map_err(|error| format!("cannot listen on {addrs:?}: {error}"))?;
    let addrs = server.addrs();
    let mut server = pin!(server.run());
    // The first poll starts the workers and installs the signal handlers. Only then is the address announced,
    // because a reader of that line may send a signal at once.
    let first = poll_fn(|cx| Poll::Ready(server.as_mut().poll(cx))).await;
    // Listen for signals after the server does. A signal that reached only this listener would not stop the server.
    let stop_signal = stop::stop_signal()?;
    rt::spawn(async move {
        stop_signal.await;
        // An open page would keep the server running until its shutdown timeout.
        feed.close();
    });
    common::announce("http", &addrs);
    env_logger::init();
    match first {
        Poll::Ready(result) => result?,
        Poll::Pending => server.await?,
    }
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}
