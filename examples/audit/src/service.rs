//! The service that is audited: orders, and reports that take their time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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

/// Bearer tokens are this and a name: whoever says that they are somebody is.
const TOKEN_PREFIX: &str = "token-of-";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

/// The orders of all workers, by number: the first one is 1.
#[derive(Debug, Default)]
pub struct Orders(Mutex<Vec<Order>>);

impl Orders {
    fn lock(&self) -> MutexGuard<'_, Vec<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn routes(config: &mut web::ServiceConfig) {
    // The original text quotes the value that does not fit: perhaps a password.
    config
        .app_data(
            web::JsonConfig::default()
                .error_handler(|_, _| error::ErrorBadRequest("not the JSON of this call")),
        )
        .service(login)
        .service(
            web::scope("")
                .wrap(from_fn(know_user))
                .service((list, create, show, report)),
        );
}

/// Tells the record who it is.
async fn know_user(
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
    User {
        id: format!("u-{name}"),
        name: name.to_owned(),
        kind: "customer".into(),
    }
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// Neither the password nor the token gets into the record.
#[post("/login")]
async fn login(req: HttpRequest, login: web::Json<Login>) -> HttpResponse {
    let Login { username, password } = login.into_inner();
    if username.is_empty() || password.is_empty() {
        return HttpResponse::Unauthorized().json(json!({"code": 401, "msg": "who are you?"}));
    }
    req.record_user(user(&username));
    let token = format!("{TOKEN_PREFIX}{username}");
    HttpResponse::Ok().json(json!({"code": 0, "token": token}))
}

#[get("/orders")]
async fn list(orders: web::Data<Orders>) -> impl Responder {
    web::Json(json!({"code": 0, "orders": *orders.lock()}))
}

#[post("/orders")]
async fn create(orders: web::Data<Orders>, order: web::Json<Order>) -> impl Responder {
    let mut orders = orders.lock();
    orders.push(order.into_inner());
    HttpResponse::Created().json(json!({"code": 0, "id": orders.len()}))
}

/// What goes wrong in here is a code in a response of status 200, as in services whose status is always that.
#[get("/orders/{id}")]
async fn show(orders: web::Data<Orders>, id: web::Path<usize>) -> impl Responder {
    let id = id.into_inner();
    let order = id
        .checked_sub(1)
        .and_then(|nth| orders.lock().get(nth).cloned());
    web::Json(match order {
        _ if id == 13 => json!({"code": 500, "msg": "the warehouse does not answer"}),
        Some(order) => json!({"code": 0, "order": order}),
        None => json!({"code": 404, "msg": "no such order"}),
    })
}

/// Takes so many milliseconds.
#[get("/reports/{ms}")]
async fn report(ms: web::Path<u64>) -> impl Responder {
    let pause = Duration::from_millis(ms.into_inner()).min(MAX_REPORT);
    rt::time::sleep(pause).await;
    web::Json(json!({"code": 0, "took_ms": pause.as_millis() as u64}))
}
