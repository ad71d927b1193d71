//! The service.

use actix_bodylog::{RecordExt as _, User};
use actix_web::{HttpRequest, Responder, get, post, web};
use serde_json::{Value, json};

pub fn routes(config: &mut web::ServiceConfig) {
    config.service((create, look));
}

#[post("/orders")]
async fn create(req: HttpRequest, order: web::Json<Value>) -> impl Responder {
    req.record_user(User::new("42").name("ann").role("customer"));
    req.record_field("items", order["items"].as_array().map_or(0, Vec::len));
    req.record_field("gift", false);
    req.record_field("total", 12.5);
    web::Json(json!({"code": 0, "id": 7, "token": "t0ps3cret"}))
}

#[get("/orders/{id}")]
async fn look(id: web::Path<i64>) -> impl Responder {
    web::Json(json!({"code": 404, "msg": format!("order {id} not found")}))
}
