//! The routes of the service.

use std::time::Duration;

use actix_bodylog::{BodyLog, RecordExt as _, User};
use actix_web::{
    Either, Error, HttpRequest, HttpResponse, Responder,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error, get,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    post, rt, web,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub fn routes(config: &mut web::ServiceConfig) {
    config
        // The original error quotes the value that does not fit, which may be a password.
        .app_data(
            web::JsonConfig::default()
                .error_handler(|_, _| error::ErrorBadRequest("invalid JSON for a login")),
        )
        .service((upload, echo, download, code, login, reset, events, ws))
        .service((fail, stall, crash, health, stats))
        .service(
            web::resource("/reject")
                .wrap(from_fn(reject))
                .to(HttpResponse::Ok),
        );
}

/// The body of a response, with a result code that does not depend on the status.
#[derive(Serialize)]
struct Reply {
    code: i64,
    msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Reply {
    fn ok(data: Value) -> Self {
        Self {
            code: 0,
            msg: "ok".into(),
            data: Some(data),
        }
    }

    fn new(result: i64, msg: impl Into<String>) -> Self {
        Self {
            code: result,
            msg: msg.into(),
            data: None,
        }
    }
}

/// Reads the request body and discards it.
#[post("/upload")]
async fn upload(mut body: web::Payload) -> Result<impl Responder, Error> {
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len();
    }
    Ok(web::Json(Reply::ok(json!({"bytes": bytes}))))
}

#[derive(Deserialize)]
struct EchoQuery {
    status: Option<u16>,
}

/// Streams the request body back without waiting for its end.
#[post("/echo")]
async fn echo(
    req: HttpRequest,
    query: web::Query<EchoQuery>,
    body: web::Payload,
) -> Result<HttpResponse, Error> {
    let status = StatusCode::from_u16(query.status.unwrap_or(200))
        .map_err(|_| error::ErrorBadRequest("status must be a status code"))?;
    let mut res = HttpResponse::build(status);
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
        if let Some(value) = req.headers().get(&name) {
            res.insert_header((name, value.clone()));
        }
    }
    Ok(res.streaming(body))
}

#[derive(Deserialize)]
struct DownloadQuery {
    bytes: u64,
    chunk: Option<usize>,
}

/// Streams `bytes` bytes in chunks of `chunk` bytes.
#[get("/download")]
async fn download(query: web::Query<DownloadQuery>) -> Result<HttpResponse, Error> {
    let chunk = query.chunk.unwrap_or(64 * 1024);
    if !(1..=16 << 20).contains(&chunk) {
        return Err(error::ErrorBadRequest("chunk must be 1 byte to 16 MiB"));
    }
    let chunk = Bytes::from(vec![b'x'; chunk]);
    let chunks = stream::iter(0..query.bytes.div_ceil(chunk.len() as u64)).map({
        let bytes = query.bytes;
        move |nth| {
            let left = bytes - nth * chunk.len() as u64;
            let len = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
            Ok::<_, Error>(chunk.slice(..len))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .streaming(chunks))
}

/// Answers with a result code in the body, as services do whose status is always 200.
#[get("/code/{n}")]
async fn code(n: web::Path<i64>) -> impl Responder {
    let n = n.into_inner();
    web::Json(Reply::new(n, format!("this is code {n}")))
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// Records the user. Neither the password nor the token is recorded.
#[post("/login")]
async fn login(req: HttpRequest, form: Either<web::Json<Login>, web::Form<Login>>) -> HttpResponse {
    let Login { username, password } = match form {
        Either::Left(json) => json.into_inner(),
        Either::Right(form) => form.into_inner(),
    };
    if username.is_empty() || password.is_empty() {
        return HttpResponse::Unauthorized().json(Reply::new(401, "login failed"));
    }
    req.record_user(
        User::new(username.len().to_string())
            .name(username)
            .role("customer"),
    );
    let token = "a-token-that-must-not-be-logged";
    HttpResponse::Ok().json(Reply::ok(json!({"token": token})))
}

/// Stands for a link in a mail, whose path carries a secret.
#[get("/reset/{token}")]
async fn reset(_token: web::Path<String>) -> impl Responder {
    web::Json(json!({"code": 0}))
}

#[derive(Deserialize)]
struct EventsQuery {
    n: Option<u64>,
    ms: Option<u64>,
}

/// Streams server-sent events.
#[get("/events")]
async fn events(query: web::Query<EventsQuery>) -> HttpResponse {
    let pause = Duration::from_millis(query.ms.unwrap_or(100));
    let events = stream::iter(0..query.n.unwrap_or(10)).then(move |nth| async move {
        if nth > 0 {
            rt::time::sleep(pause).await;
        }
        Ok::<_, Error>(Bytes::from(format!("data: {nth}\n\n")))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(events)
}

/// Echoes the messages of a WebSocket.
#[get("/ws")]
async fn ws(req: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    let (res, mut session, mut messages) = actix_ws::handle(&req, body)?;
    rt::spawn(async move {
        use actix_ws::Message;
        while let Some(Ok(message)) = messages.next().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                Message::Binary(bytes) => session.binary(bytes).await,
                Message::Ping(bytes) => session.pong(&bytes).await,
                Message::Close(reason) => {
                    let _ = session.close(reason).await;
                    return;
                }
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
        let _ = session.close(None).await;
    });
    Ok(res)
}

/// Fails with an error.
#[get("/error")]
async fn fail() -> Result<HttpResponse, Error> {
    Err(error::ErrorInternalServerError("the disk is on fire"))
}

/// Fails in a middleware, so the logger sees an error instead of a response.
async fn reject(
    _: ServiceRequest,
    _: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    Err::<ServiceResponse, _>(error::ErrorForbidden("not on the list"))
}

/// Never answers.
#[get("/stall")]
async fn stall() -> HttpResponse {
    std::future::pending().await
}

#[get("/panic")]
async fn crash() -> HttpResponse {
    panic!("panicking on request")
}

#[derive(Deserialize)]
struct HealthQuery {
    fail: Option<u8>,
}

#[get("/health")]
async fn health(query: web::Query<HealthQuery>) -> HttpResponse {
    match query.fail {
        Some(1) => HttpResponse::ServiceUnavailable().body("failing on request"),
        _ => HttpResponse::Ok().body("healthy"),
    }
}

#[get("/stats")]
async fn stats(body_log: web::Data<BodyLog>) -> impl Responder {
    web::Json(body_log.stats())
}
