//! Records as events of `tracing`, in the spans of `tracing-actix-web`: run
//! `cargo run --features tracing --example tracing` and follow the instructions on standard error.
//!
//! The custom field `items` and the recorded headers are in the field `field.others` of the event, as a
//! JSON object.
//!
//! `RUST_LOG` filters the events, for example `RUST_LOG=info,actix_bodylog=debug`.

use std::{
    env, io,
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, RecordExt as _, TracingSink};
use actix_web::{App, HttpRequest, HttpServer, Responder, get, post, web};
use serde_json::{Value, json};
use tracing::{info, instrument};
use tracing_actix_web::TracingLogger;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

#[post("/orders")]
async fn create(req: HttpRequest, order: web::Json<Value>) -> impl Responder {
    req.record_field("items", order["items"].as_array().map_or(0, Vec::len));
    let id = reserve(&order).await;
    web::Json(json!({"code": 0, "id": id, "token": "t0ps3cret"}))
}

/// The event of this function and the record are in the same span, so both have the request id.
#[instrument(skip_all)]
async fn reserve(order: &Value) -> u64 {
    info!(warehouse = 3, "goods reserved");
    order.to_string().len() as u64
}

#[get("/orders/{id}")]
async fn look(id: web::Path<i64>) -> impl Responder {
    web::Json(json!({"code": 404, "msg": format!("order {id} not found")}))
}

#[actix_web::main]
async fn main() -> ExitCode {
    let filter = env::var("RUST_LOG").unwrap_or_else(|_| "info,actix_bodylog=debug".into());
    let filter = match filter.parse::<Targets>() {
        Ok(filter) => filter,
        Err(error) => return refuse(&format!("RUST_LOG is {filter:?}: {error}")),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().json())
        .init();
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let addrs: Vec<SocketAddr> = match addr.to_socket_addrs() {
        Ok(addrs) => addrs.collect(),
        Err(error) => return refuse(&format!("ADDR is {addr:?}: {error}")),
    };
    match serve(&addrs).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tracing: {error}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("tracing: {why}");
    ExitCode::from(2)
}

async fn serve(addrs: &[SocketAddr]) -> io::Result<()> {
    let body_log = BodyLog::new().sink(TracingSink::new());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service((create, look))
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
}
