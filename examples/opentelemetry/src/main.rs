//! Records as OpenTelemetry logs: run `cargo run -p opentelemetry-example` and follow the instructions
//! on standard error.
//!
//! `VIA=tracing` (the default) sends records as events of `tracing`, in the traces of their requests, with
//! headers and custom fields as a JSON object in the attribute `field.others`. `VIA=log` sends them through
//! the `log` facade, with an attribute for each field. This example prints logs and spans to standard
//! output; replace the exporters by those of `opentelemetry-otlp` to send them to a collector.

mod app;
mod export;
#[cfg(test)]
mod tests;

use std::{
    env, io,
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, LogSink, TracingSink};
use actix_web::{App, HttpServer};
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tracing_actix_web::TracingLogger;

#[actix_web::main]
async fn main() -> ExitCode {
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let addrs: Vec<SocketAddr> = match addr.to_socket_addrs() {
        Ok(addrs) => addrs.collect(),
        Err(error) => return refuse(&format!("ADDR is {addr:?}: {error}")),
    };
    let logs = SdkLoggerProvider::builder()
        .with_batch_exporter(opentelemetry_stdout::LogExporter::default())
        .build();
    let spans = SdkTracerProvider::builder()
        .with_batch_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let via = env::var("VIA").unwrap_or_else(|_| "tracing".into());
    let body_log = match via.as_str() {
        "tracing" => {
            tracing::subscriber::set_global_default(export::subscriber(&logs, &spans))
                .expect("no other subscriber is set");
            BodyLog::new().sink(TracingSink::new())
        }
        "log" => {
            export::set_logger(&logs);
            BodyLog::new().sink(LogSink::new())
        }
        _ => return refuse(&format!("VIA is {via:?}; it must be tracing or log")),
    };
    let result = serve(&addrs, body_log).await;
    // Export what is still buffered.
    for shutdown in [logs.shutdown(), spans.shutdown()] {
        if let Err(error) = shutdown {
            eprintln!("opentelemetry: some data was not exported: {error}");
        }
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("opentelemetry: {error}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("opentelemetry: {why}");
    ExitCode::from(2)
}

async fn serve(addrs: &[SocketAddr], body_log: BodyLog) -> io::Result<()> {
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(app::routes)
            // The middleware that creates the span has to be outside of the logger.
            .wrap(for_workers.clone())
            .wrap(TracingLogger::default())
    })
    .shutdown_timeout(5);
    let server = server.bind(addrs).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {addrs:?}: {error}"))
    })?;
    print_instructions(&server.addrs());
    server.run().await?;
    body_log.drain(Duration::from_secs(5)).await;
    Ok(())
}

fn print_instructions(addrs: &[SocketAddr]) {
    for addr in addrs {
        eprintln!("listening on http://{addr}");
    }
    let Some(addr) = addrs.first() else { return };
    eprintln!("in another terminal, run:");
    eprintln!(
        "  curl {addr}/orders -H 'content-type: application/json' \
         -d '{{\"items\":[1,2],\"card_number\":\"4111111111111111\"}}'"
    );
    eprintln!("  curl {addr}/orders/7");
    eprintln!("data is exported in batches, after a second or at the end (Ctrl-C)");
}
