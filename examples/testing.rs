//! Tests of your own: what does a record of your application contain?
//!
//! ```text
//! cargo test --example testing    # runs the tests at the end of this file
//! cargo run --example testing     # serves the same application; records on standard output
//! curl 127.0.0.1:8080/acme/pay -H 'content-type: application/json' -d '{"amount":5000,"iban":"DE02120300000000"}'
//! ```
//!
//! `main` and the tests share the rules of the logger and the routes. Tests have their own sink, a
//! [`TestSink`](actix_bodylog::TestSink); nothing is global.

#[path = "common/mod.rs"]
mod common;

use std::{process::ExitCode, time::Duration};

use actix_bodylog::{BodyLog, JsonLines, RecordExt as _};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Responder, error, get, post, web};
use serde::Deserialize;
use serde_json::json;

/// Builds a logger without a sink: `main` and the tests add their own.
fn body_log() -> BodyLog {
    BodyLog::new().redact("iban").quiet("/health")
}

fn routes(config: &mut web::ServiceConfig) {
    // The original error quotes the value that does not fit, which may be a password.
    let json = web::JsonConfig::default()
        .error_handler(|_, _| error::ErrorBadRequest("invalid JSON for this call"));
    config.app_data(json).service((sign_up, pay, health));
}

#[derive(Deserialize)]
struct SignUp {
    name: String,
    password: String,
}

#[post("/{tenant}/sign-up")]
async fn sign_up(
    req: HttpRequest,
    tenant: web::Path<String>,
    user: web::Json<SignUp>,
) -> HttpResponse {
    req.record_field("tenant", tenant.into_inner());
    if user.password.len() < 8 {
        return HttpResponse::BadRequest().json(json!({"code": 400, "msg": "password too short"}));
    }
    HttpResponse::Created().json(json!({"code": 0, "hello": user.name, "token": "t0ps3cret"}))
}

#[derive(Deserialize)]
struct Payment {
    amount: u64,
}

/// Answers with a result code in the body, as services do whose status is always 200.
#[post("/{tenant}/pay")]
async fn pay(
    req: HttpRequest,
    tenant: web::Path<String>,
    payment: web::Json<Payment>,
) -> impl Responder {
    req.record_field("tenant", tenant.into_inner());
    web::Json(match payment.amount {
        ..=1000 => json!({"code": 0, "paid": payment.amount}),
        _ => json!({"code": 503, "msg": "the bank does not answer"}),
    })
}

#[get("/health")]
async fn health(req: HttpRequest) -> HttpResponse {
    match req.query_string() {
        "fail=1" => HttpResponse::ServiceUnavailable().body("failing on request"),
        _ => HttpResponse::Ok().body("healthy"),
    }
}

#[actix_web::main]
async fn main() -> ExitCode {
    common::exit(serve().await)
}

async fn serve() -> common::Result {
    let addrs = common::addresses("127.0.0.1:8080")?;
    let body_log = body_log().sink(JsonLines::stdout());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || App::new().configure(routes).wrap(for_workers.clone()))
        .shutdown_timeout(5)
        .bind(&addrs[..])?;
    common::announce("http", &server.addrs());
    server.run().await?;
    if let Err(error) = body_log.drain(Duration::from_secs(5)).await {
        eprintln!("{error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_bodylog::TestSink;
    use actix_web::{
        http::header::{self, HeaderMap, HeaderValue},
        test::{self, TestRequest},
    };
    use serde_json::Value;

    use super::*;

    /// Sends one request to the application and returns its records.
    async fn records_of(req: TestRequest) -> Vec<Value> {
        let sink = TestSink::new();
        let log = body_log().sink(sink.clone());
        let app = test::init_service(App::new().configure(routes).wrap(log)).await;
        let res = test::call_service(&app, req.to_request()).await;
        // The record is emitted at the end of the response.
        test::read_body(res).await;
        sink.records()
    }

    async fn record_of(req: TestRequest) -> Value {
        let mut records = records_of(req).await;
        assert_eq!(records.len(), 1, "{records:#?}");
        records.remove(0)
    }

    fn post(path: &str, body: Value) -> TestRequest {
        TestRequest::post().uri(path).set_json(body)
    }

    #[actix_web::test]
    async fn password_is_never_recorded() {
        const PASSWORD: &str = "correct-horse-battery";
        let whole = json!({"name": "ann", "password": PASSWORD});
        let cut = format!(r#"{{"name":"ann","password":"{PASSWORD}"#);
        let wrong = json!({"name": "ann", "password": {"it is": PASSWORD}});
        for (req, status) in [
            (post("/acme/sign-up", whole), 201),
            (post("/acme/sign-up", wrong), 400),
            (
                post("/acme/sign-up", json!({"name": "ann"})).set_payload(cut),
                400,
            ),
            (
                TestRequest::get().uri(&format!("/nowhere?password={PASSWORD}")),
                404,
            ),
        ] {
            let record = record_of(req).await;
            // The request took the path that this case is about.
            assert_eq!(record["http.response.status_code"], status);
            assert!(!record.to_string().contains(PASSWORD), "{record:#}");
        }
    }

    #[actix_web::test]
    async fn tenant_is_recorded_and_token_is_redacted() {
        let user = json!({"name": "ann", "password": "long enough"});
        let record = record_of(post("/acme/sign-up", user)).await;
        assert_eq!(record["tenant"], "acme");
        assert_eq!(record["http.route"], "/{tenant}/sign-up");
        assert_eq!(
            record["http.response.body.content"],
            r#"{"code":0,"hello":"ann","token":"[REDACTED]"}"#
        );
    }

    #[actix_web::test]
    async fn failed_call_is_recorded_as_error_with_its_code() {
        let record = record_of(post("/acme/pay", json!({"amount": 5000}))).await;
        assert_eq!(record["level"], "ERROR");
        assert_eq!(record["exchange.code"], 503);
        // The level comes from the code: the status is a success.
        assert_eq!(record["http.response.status_code"], 200);

        let record = record_of(post("/acme/pay", json!({"amount": 5}))).await;
        assert_eq!(record["level"], "DEBUG");
        assert_eq!(record["exchange.code"], 0);
    }

    #[actix_web::test]
    async fn health_check_is_recorded_only_if_it_fails() {
        assert!(
            records_of(TestRequest::get().uri("/health"))
                .await
                .is_empty()
        );
        let record = record_of(TestRequest::get().uri("/health?fail=1")).await;
        assert_eq!(record["level"], "ERROR");
        assert_eq!(record["http.response.status_code"], 503);
    }

    /// Needs no request: `preview` returns the content that a record would have.
    #[test]
    fn iban_is_redacted_and_amount_is_not() {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let body = br#"{"code":0,"amount":5,"to":[{"iban":"DE02120300000000202051"}]}"#;
        let preview = body_log().preview(&headers, body);
        assert_eq!(
            preview.content.as_deref(),
            Some(r#"{"code":0,"amount":5,"to":[{"iban":"[REDACTED]"}]}"#)
        );
        assert_eq!(preview.code.as_deref(), Some("0"));
        // The same for each prefix, as a limit leaves it.
        for end in 0..body.len() {
            let shown = body_log().preview(&headers, &body[..end]).content;
            assert!(!shown.is_some_and(|shown| shown.contains("DE02")), "{end}");
        }
    }
}
