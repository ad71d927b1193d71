//! Records as OpenTelemetry logs.
//!
//! ```text
//! VIA=tracing cargo run -p opentelemetry-example
//! curl 127.0.0.1:8080/orders -H 'content-type: application/json' -d '{"items":[1,2],"card_number":"4111 1111"}'
//! curl 127.0.0.1:8080/orders/7
//! ```
//!
//! `VIA=tracing` (the default) sends records as events of `tracing`, in the traces of their requests, with
//! headers and custom fields as a JSON object in the attribute `field.others`. `VIA=log` sends them through
//! the `log` facade, with an attribute for each field. This example prints logs and spans to standard
//! output, in batches: after a second, and at the end. To send them to a collector, replace the exporters by those of
//! `opentelemetry-otlp`.

mod app;
#[path = "../../common/mod.rs"]
mod common;
mod export;
#[cfg(test)]
mod tests;

use std::{process::ExitCode, time::Duration};

use actix_bodylog::{BodyLog, LogSink, TracingSink};
use actix_web::{App, HttpServer};
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use tracing_actix_web::TracingLogger;

#[actix_web::main]
async fn main() -> ExitCode {
    let logs = SdkLoggerProvider::builder()
        .with_batch_exporter(opentelemetry_stdout::LogExporter::default())
        .build();
    let spans = SdkTracerProvider::builder()
        .with_batch_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let result = serve(&logs, &spans).await;
    // Export what is still buffered.
    for shutdown in [logs.shutdown(), spans.shutdown()] {
        if let Err(error) = shutdown {
            eprintln!("opentelemetry: some data was not exported: {error}");
        }
    }
    common::exit(result)
}

async fn serve(logs: &SdkLoggerProvider, spans: &SdkTracerProvider) -> common::Result {
    let addrs = common::addresses("127.0.0.1:8080")?;
    let body_log = match common::variable("VIA")?.as_deref() {
        None | Some("tracing") => {
            tracing::subscriber::set_global_default(export::subscriber(logs, spans))?;
            BodyLog::new().sink(TracingSink::new())
        }
        Some("log") => {
            export::set_logger(logs)?;
            BodyLog::new().sink(LogSink::new())
        }
        Some(other) => return Err(common::invalid("VIA", other, "not tracing or log")),
    };
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(app::routes)
            // The middleware that creates the span has to be outside of the logger.
            .wrap(for_workers.clone())
            .wrap(TracingLogger::default())
    })
    .shutdown_timeout(5)
    .bind(&addrs[..])?;
    common::announce("http", &server.addrs());
    server.run().await?;
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}
