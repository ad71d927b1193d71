//! Loggers that buffer complete bodies.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix_http::h1;
use actix_web::{
    Error, HttpMessage as _,
    body::{self, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::{seconds, write_line};

/// The usual answer to "how do I log bodies in actix-web?": buffers both bodies and logs them as strings.
pub async fn copy_and_paste(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request = read(&mut req).await?;
    let (method, uri) = (req.method().to_string(), req.uri().to_string());
    set_payload(&mut req, request.clone());
    let (res, response) = buffered(next.call(req).await?).await?;
    let line = serde_json::json!({
        "method": method,
        "uri": uri,
        "status": res.status().as_u16(),
        "request": String::from_utf8_lossy(&request),
        "response": String::from_utf8_lossy(&response),
        "elapsed": format!("{:?}", started.elapsed()),
    });
    write_line(line.to_string());
    Ok(res)
}

/// A port of the middleware of the incident. Logs the complete request body as a string, without white space,
/// and parses the complete response for its code.
pub async fn incident(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    recorded(req, next, |body| {
        let params = String::from_utf8_lossy(body).into_owned();
        params.replace('\n', "").replace(' ', "")
    })
    .await
}

/// The same middleware after its fix, which truncates the string but still buffers the complete body.
pub async fn incident_fixed(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    recorded(req, next, |body| {
        let params = String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned();
        params.replace('\n', "").replace(' ', "")
    })
    .await
}

#[derive(Serialize)]
struct Record<'a> {
    level: &'static str,
    start_time: u128,
    ip: Option<String>,
    agent: Option<String>,
    uri: String,
    method: String,
    params: String,
    current_user: Option<&'a str>,
    response: &'a str,
    code: u16,
    latency: f64,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    code: i64,
}

async fn recorded(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    params: impl FnOnce(&[u8]) -> String,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let start_time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let body = read(&mut req).await?;
    let params = params(&body);
    let ip = req.peer_addr().map(|address| address.ip().to_string());
    let agent = req.headers().get(header::USER_AGENT);
    let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let (method, uri) = (req.method().to_string(), req.uri().to_string());
    set_payload(&mut req, body);
    let (res, response) = buffered(next.call(req).await?).await?;
    let answer = serde_json::from_slice::<Answer>(&response);
    let level = match &answer {
        Ok(answer) if answer.code >= 500 => "ERROR",
        Ok(answer) if answer.code > 100 => "WARN",
        Ok(_) => "DEBUG",
        Err(_) => "ERROR",
    };
    let record = Record {
        level,
        start_time: start_time.as_micros(),
        ip,
        agent,
        uri,
        method,
        params,
        current_user: None,
        response: &String::from_utf8_lossy(&response),
        code: res.status().as_u16(),
        latency: seconds(started.elapsed()),
        error: res.response().error().map(ToString::to_string),
    };
    write_line(serde_json::to_string(&record).unwrap_or_default());
    Ok(res)
}

async fn read(req: &mut ServiceRequest) -> Result<Bytes, Error> {
    let mut payload = req.take_payload();
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        body.extend_from_slice(&chunk?);
    }
    Ok(body.freeze())
}

fn set_payload(req: &mut ServiceRequest, body: Bytes) {
    let (_, mut payload) = h1::Payload::create(true);
    payload.unread_data(body);
    req.set_payload(Payload::from(payload));
}

/// Buffers the body of a response. Returns the response with the same body, and the body.
async fn buffered<B: MessageBody + 'static>(
    res: ServiceResponse<B>,
) -> Result<(ServiceResponse<BoxBody>, Bytes), Error> {
    let (req, res) = res.into_parts();
    let (res, body) = res.into_parts();
    let bytes = body::to_bytes(body)
        .await
        .map_err(|_| actix_web::error::ErrorInternalServerError("the body failed"))?;
    let res = res.set_body(BoxBody::new(bytes.clone()));
    Ok((ServiceResponse::new(req, res), bytes))
}
