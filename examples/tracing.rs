//! Records as events of `tracing`, in the spans of `tracing-actix-web`.
//!
//! ```text
//! cargo run --features tracing --example tracing
//! curl 127.0.0.1:8080/orders -H 'content-type: application/json' -d '{"items":[1,2],"card_number":"4111 1111"}'
//! curl 127.0.0.1:8080/orders/7
//! ```
//!
//! The custom field `items` and the recorded headers are in the field `field.others` of the event, as a JSON object.
//! `RUST_LOG` filters the events; the default is `info,actix_bodylog=debug`.

#[path = "common/mod.rs"]
mod common;

use std::{process::ExitCode, time::Duration};

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
    common::exit(serve().await)
}

async fn serve() -> common::Result {
    let addrs = common::addresses("127.0.0.1:8080")?;
    let filter = common::variable("RUST_LOG")?;
    let filter = filter.unwrap_or_else(|| "info,actix_bodylog=debug".into());
    let parsed: Targets = filter
        .parse()
        .map_err(|error| common::invalid("RUST_LOG", &filter, error))?;
    tracing_subscriber::registry()
        .with(parsed)
        .with(fmt::layer().json())
        .init();

    let body_log = BodyLog::new().sink(TracingSink::new());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || {
        App::new()
            .service((create, look))
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
