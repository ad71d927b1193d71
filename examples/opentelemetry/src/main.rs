//! Records as OpenTelemetry logs: `cargo run -p opentelemetry-logs`, then what it says on standard error.
//!
//! `VIA=tracing` (the default) sends them as events of `tracing`, in the trace of their request; `VIA=log`
//! through the `log` facade. Logs and spans are printed to standard output here; an exporter of
//! `opentelemetry-otlp` in its place sends them to a collector.

mod app;
mod export;
#[cfg(test)]
mod tests;

use std::{env, io, process::ExitCode, time::Duration};

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
    let body_log = match env::var("VIA").as_deref() {
        Ok("tracing") | Err(env::VarError::NotPresent) => {
            tracing::subscriber::set_global_default(export::subscriber(&logs, &spans))
                .expect("nobody else subscribes");
            BodyLog::new().sink(TracingSink::new())
        }
        Ok("log") => {
            export::set_logger(&logs);
            BodyLog::new().sink(LogSink::new())
        }
        _ => {
            eprintln!("VIA must be tracing or log");
            return ExitCode::from(2);
        }
    };
    let result = serve(body_log).await;
    // What is not yet exported.
    for shutdown in [logs.shutdown(), spans.shutdown()] {
        if let Err(error) = shutdown {
            eprintln!("not all was exported: {error}");
        }
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn serve(body_log: BodyLog) -> io::Result<()> {
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(app::routes)
            // The span has to be there when the request reaches the logger: outside of it.
            .wrap(for_workers.clone())
            .wrap(TracingLogger::default())
    })
    .bind(&addr)
    .map_err(|error| io::Error::new(error.kind(), format!("ADDR is {addr:?}: {error}")))?;
    for addr in server.addrs() {
        eprintln!("listening on http://{addr}");
        eprintln!("  curl http://{addr}/orders -H 'content-type: application/json' \\");
        eprintln!("    -d '{{\"items\":[1,2],\"card_number\":\"4111111111111111\"}}'");
        eprintln!("  curl http://{addr}/orders/7");
        eprintln!("what is exported comes in batches, after a second or at the end (Ctrl-C)");
    }
    server.run().await?;
    body_log.drain(Duration::from_secs(5)).await;
    Ok(())
}
