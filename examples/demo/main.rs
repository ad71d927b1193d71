//! A small upload service that shows what actix-bodylog makes of real traffic.
//!
//! Records go to standard output as JSON Lines, and to the page at `/`; everything else to standard error:
//!
//! ```text
//! cargo run --example demo
//! curl -d '{"user":"ann","password":"hunter2"}' -H 'content-type: application/json' localhost:8080/echo
//! ```
//!
//! The environment configures it; see `settings.rs`.

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

#[actix_web::main]
async fn main() -> ExitCode {
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> io::Result<()> {
    let feed = Feed::new();
    // Outside the factory: all workers share one budget, one set of counters, one list of sinks.
    let body_log = BodyLog::new()
        .request_limit(settings.request_limit)
        .response_limit(settings.response_limit)
        .code_limit(settings.code_limit)
        .record_limit(settings.record_limit)
        .memory_budget(settings.memory_budget)
        .success_level(settings.success_level)
        .response_body(settings.response_body)
        .skip("/health")
        .sink(JsonLines::stdout())
        .sink(feed.clone());

    let for_workers = body_log.clone();
    let for_page = web::Data::new(feed.clone());
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(for_workers.clone()))
            .app_data(for_page.clone())
            .configure(routes::routes)
            .configure(page::routes)
            // The last `wrap` is the outermost: it sees everything.
            .wrap(for_workers.clone())
    })
    .shutdown_timeout(5);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let server = server.bind(&settings.addr[..]).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {:?}: {error}", settings.addr),
        )
    })?;
    let addrs = server.addrs();
    let mut server = pin!(server.run());
    // The first poll starts the workers and installs the signal handlers: whoever reads the line
    // below may end us at once.
    let first = poll_fn(|cx| Poll::Ready(server.as_mut().poll(cx))).await;
    // Only now: a signal that we hear and the server does not would end nothing.
    let told_to_stop = stop::told_to_stop()?;
    rt::spawn(async move {
        told_to_stop.await;
        // A page that is open would hold up the server until its timeout.
        feed.close();
    });
    for addr in addrs {
        eprintln!("listening on http://{addr}");
    }
    env_logger::init();
    match first {
        Poll::Ready(result) => result?,
        Poll::Pending => server.await?,
    }
    body_log.drain(Duration::from_secs(5)).await;
    Ok(())
}
