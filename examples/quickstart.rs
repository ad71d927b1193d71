//! The smallest use: `RUST_LOG=actix_bodylog=debug cargo run --example quickstart`, then
//! `curl 127.0.0.1:8080/login -H 'content-type: application/json' -d '{"name":"ann","password":"hunter2"}'`.

use std::time::Duration;

use actix_bodylog::BodyLog;
use actix_web::{App, HttpServer, web};
use serde_json::{Value, json};

async fn login(body: web::Json<Value>) -> web::Json<Value> {
    web::Json(json!({"code": 0, "hello": body["name"], "token": "t0ps3cret"}))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    env_logger::init();
    // Built once, outside the factory: clones share the memory budget and the sinks.
    let body_log = BodyLog::new();
    let for_workers = body_log.clone();
    HttpServer::new(move || {
        App::new()
            .route("/login", web::post().to(login))
            .wrap(for_workers.clone())
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    // Wait for the last records.
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}
