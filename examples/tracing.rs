//! Records as events of `tracing`, each in the span of its request, beside `tracing-actix-web`:
//! `cargo run --example tracing`, then what it says on standard error.
//!
//! `RUST_LOG` filters, as in `RUST_LOG=info,actix_bodylog=debug`.

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

/// Its event and the record are in one span: whoever looks for the id of a request finds both.
#[instrument(skip_all)]
async fn reserve(order: &Value) -> u64 {
    info!(warehouse = 3, "the goods are reserved");
    order.to_string().len() as u64
}

#[get("/orders/{id}")]
async fn look(id: web::Path<i64>) -> impl Responder {
    web::Json(json!({"code": 404, "msg": format!("there is no order {id}")}))
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
            // The span has to be there when the request reaches the logger: outside of it.
            .wrap(for_workers.clone())
            .wrap(TracingLogger::default())
    })
    .shutdown_timeout(5);
    let server = server.bind(addrs).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {addrs:?}: {error}"))
    })?;
    say_what_to_try(&server.addrs());
    server.run().await?;
    body_log.drain(Duration::from_secs(5)).await;
    Ok(())
}

fn say_what_to_try(addrs: &[SocketAddr]) {
    for addr in addrs {
        eprintln!("listening on http://{addr}");
    }
    let Some(addr) = addrs.first() else { return };
    eprintln!("now, from another terminal:");
    eprintln!(
        "  curl {addr}/orders -H 'content-type: application/json' \
         -d '{{\"items\":[1,2],\"card_number\":\"4111111111111111\"}}'"
    );
    eprintln!("  curl {addr}/orders/7");
}
