//! TLS with HTTP/2, as the records show.
//!
//! ```text
//! cargo run -p tls
//! curl -k --http2 https://127.0.0.1:8443/hello
//! curl -k --http1.1 https://127.0.0.1:8443/hello
//! curl -k --http2 https://127.0.0.1:8443/login -d 'username=ann&password=hunter2'
//! ```
//!
//! Records go to standard output as JSON Lines. `ADDR` is the address to listen on (default `127.0.0.1:8443`). At start
//! a self-signed certificate is generated for `localhost` and the loopback addresses. If `CERT` is set, the certificate
//! is written to that file as PEM, for clients that want to trust it.

mod certificate;
#[path = "../../common/mod.rs"]
mod common;

use std::{fs, io, process::ExitCode, time::Duration};

use actix_bodylog::{BodyLog, JsonLines};
use actix_web::{App, HttpServer, Responder, get, post, web};
use certificate::Identity;
use serde_json::{Value, json};

/// Capacity of the writer's queue in bytes.
const QUEUE: usize = 8 * 1024 * 1024;

#[actix_web::main]
async fn main() -> ExitCode {
    common::exit(serve().await)
}

async fn serve() -> common::Result {
    let addrs = common::addresses("127.0.0.1:8443")?;
    let identity = Identity::new()?;
    if let Some(path) = common::variable("CERT")? {
        fs::write(&path, identity.pem()).map_err(|error| format!("CERT is {path:?}: {error}"))?;
    }
    let body_log = BodyLog::new().sink(JsonLines::background(io::stdout(), QUEUE));
    let for_workers = body_log.clone();
    // The server offers HTTP/2 and HTTP/1.1, and the client chooses (ALPN, RFC 7301).
    let server =
        HttpServer::new(move || App::new().service((hello, login)).wrap(for_workers.clone()))
            .shutdown_timeout(5)
            .bind_rustls_0_23(&addrs[..], identity.into_config()?)?;
    common::announce("https", &server.addrs());
    server.run().await?;
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}

#[get("/hello")]
async fn hello() -> impl Responder {
    web::Json(json!({"code": 0, "msg": "hello"}))
}

#[post("/login")]
async fn login(form: web::Form<Value>) -> impl Responder {
    web::Json(json!({"code": 0, "hello": form["username"], "token": "t0ps3cret"}))
}
