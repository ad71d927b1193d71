//! The service that is audited: orders, and reports that take some time.

use std::{sync::Mutex, time::Duration};

use actix_bodylog::{RecordExt as _, User};
use actix_web::{
    Error, HttpRequest, HttpResponse, Responder,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error, get,
    http::header,
    middleware::{Next, from_fn},
    post, rt, web,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

const MAX_REPORT: Duration = Duration::from_secs(5);

/// The prefix of bearer tokens; the user's name follows. The service does not check it.
const TOKEN_PREFIX: &str = "token-of-";

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

/// The orders of all workers. Their numbers begin with 1.
#[derive(Default)]
pub struct Orders(Mutex<Vec<Order>>);

pub fn routes(config: &mut web::ServiceConfig) {
    // The original error quotes the value that does not fit, which may be a password.
    let json = web::JsonConfig::default()
        .error_handler(|_, _| error::ErrorBadRequest("invalid JSON for this call"));
    let scope = web::scope("").wrap(from_fn(record_user));
    config
        .app_data(json)
        .service(login)
        .service(scope.service((list, create, show, report)));
}

/// Adds the user of the bearer token to the record.
async fn record_user(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let token = req.headers().get(header::AUTHORIZATION);
    let name = token
        .and_then(|token| token.to_str().ok())
        .and_then(|token| token.strip_prefix("Bearer ")?.strip_prefix(TOKEN_PREFIX));
    if let Some(name) = name {
        req.record_user(user(name));
    }
    next.call(req).await
}

fn user(name: &str) -> User {
    User::new(format!("u-{name}"))
        .name(name.to_owned())
        .role("customer")
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// Answers with a token. Neither the password nor the token is recorded.
#[post("/login")]
async fn login(req: HttpRequest, login: web::Json<Login>) -> HttpResponse {
    let Login { username, password } = login.into_inner();
    if username.is_empty() || password.is_empty() {
        return HttpResponse::Unauthorized().json(json!({"code": 401, "msg": "login failed"}));
    }
    req.record_user(user(&username));
    let token = format!("{TOKEN_PREFIX}{username}");
    HttpResponse::Ok().json(json!({"code": 0, "token": token}))
}

#[get("/orders")]
async fn list(orders: web::Data<Orders>) -> impl Responder {
    let orders = orders.0.lock().expect("no handler panics with the lock");
    web::Json(json!({"code": 0, "orders": *orders}))
}

#[post("/orders")]
async fn create(orders: web::Data<Orders>, order: web::Json<Order>) -> impl Responder {
    let mut orders = orders.0.lock().expect("no handler panics with the lock");
    orders.push(order.into_inner());
    HttpResponse::Created().json(json!({"code": 0, "id": orders.len()}))
}

/// Answers with a result code in the body, as services do whose status is always 200.
#[get("/orders/{id}")]
async fn show(orders: web::Data<Orders>, id: web::Path<usize>) -> impl Responder {
    let orders = orders.0.lock().expect("no handler panics with the lock");
    web::Json(match id.into_inner() {
        13 => json!({"code": 500, "msg": "the warehouse does not answer"}),
        id => match id.checked_sub(1).and_then(|index| orders.get(index)) {
            Some(order) => json!({"code": 0, "order": order}),
            None => json!({"code": 404, "msg": "no such order"}),
        },
    })
}

/// Takes the given number of milliseconds.
#[get("/reports/{ms}")]
async fn report(ms: web::Path<u64>) -> impl Responder {
    let pause = Duration::from_millis(ms.into_inner()).min(MAX_REPORT);
    rt::time::sleep(pause).await;
    web::Json(json!({"code": 0, "took_ms": pause.as_millis() as u64}))
}
