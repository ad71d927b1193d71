//! The smallest real use: `RUST_LOG=debug cargo run --example quickstart`, then
//! `curl localhost:8080/login -H 'content-type: application/json' -d '{"name":"ann","password":"hunter2"}'`.

use actix_bodylog::BodyLog;
use actix_web::{App, HttpServer, web};
use serde_json::{Value, json};

async fn login(body: web::Json<Value>) -> web::Json<Value> {
    web::Json(json!({"code": 0, "hello": body["name"], "token": "t0ps3cret"}))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    env_logger::init();
    let body_log = BodyLog::new();
    HttpServer::new(move || {
        App::new()
            .route("/login", web::post().to(login))
            .wrap(body_log.clone())
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
