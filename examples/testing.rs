//! Tests of your own: what is your application recorded with?
//!
//! ```text
//! cargo test --example testing    # the tests at the end of this file
//! cargo run --example testing     # the same application, served; records on standard output
//! ```
//!
//! The rules of the logger and the application stand in one place each, for `main` and for the tests. Tests
//! have a sink of their own, a [`TestSink`](actix_bodylog::TestSink), and nothing global.

use std::{
    env, io,
    net::{SocketAddr, ToSocketAddrs as _},
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, RecordExt as _};
use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer, Responder,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    error, get, post, web,
};
use serde::Deserialize;
use serde_json::json;

/// What is hidden and what is left out; where records go is for the caller to say.
fn body_log() -> BodyLog {
    BodyLog::new().redact("iban").skip("/health")
}

/// The application with its logger around it.
fn app(
    body_log: BodyLog,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        // The original text quotes the value that does not fit: perhaps a password.
        .app_data(
            web::JsonConfig::default()
                .error_handler(|_, _| error::ErrorBadRequest("not the JSON of this call")),
        )
        .service((sign_up, pay, health))
        .wrap(body_log)
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
        return HttpResponse::BadRequest().json(json!({"code": 400, "msg": "it is too short"}));
    }
    HttpResponse::Created().json(json!({"code": 0, "hello": user.name, "token": "t0ps3cret"}))
}

#[derive(Deserialize)]
struct Payment {
    amount: u64,
}

/// Answers with a code of its own in the body, as services do whose status is always 200.
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

#[derive(Deserialize)]
struct HealthQuery {
    fail: Option<u8>,
}

#[get("/health")]
async fn health(query: web::Query<HealthQuery>) -> HttpResponse {
    match query.fail {
        Some(1) => HttpResponse::ServiceUnavailable().body("failing, as it was asked to"),
        _ => HttpResponse::Ok().body("healthy"),
    }
}

#[actix_web::main]
async fn main() -> ExitCode {
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let addrs: Vec<SocketAddr> = match addr.to_socket_addrs() {
        Ok(addrs) => addrs.collect(),
        Err(error) => {
            eprintln!("testing: ADDR is {addr:?}: {error}");
            return ExitCode::from(2);
        }
    };
    match serve(&addrs).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testing: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(addrs: &[SocketAddr]) -> io::Result<()> {
    let body_log = body_log().sink(JsonLines::stdout());
    let for_workers = body_log.clone();
    let server = HttpServer::new(move || app(for_workers.clone())).shutdown_timeout(5);
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
    let json = "-H 'content-type: application/json'";
    eprintln!("now, from another terminal:");
    eprintln!(
        "  curl {addr}/acme/sign-up {json} -d '{{\"name\":\"ann\",\"password\":\"correct-horse\"}}'"
    );
    eprintln!(
        "  curl {addr}/acme/pay {json} -d '{{\"amount\":5000,\"iban\":\"DE02120300000000202051\"}}'"
    );
    eprintln!("  curl {addr}/health");
    eprintln!("  curl '{addr}/health?fail=1'");
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

    /// The records of one request to the application as it is served.
    async fn records_of(req: TestRequest) -> Vec<Value> {
        let sink = TestSink::new();
        let app = test::init_service(app(body_log().sink(sink.clone()))).await;
        let res = test::call_service(&app, req.to_request()).await;
        // The record is there when the response is over.
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
    async fn a_password_is_in_no_record() {
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
            // All of them got as far as they should.
            assert_eq!(record["http.response.status_code"], status);
            assert!(!record.to_string().contains(PASSWORD), "{record:#}");
        }
    }

    #[actix_web::test]
    async fn the_tenant_is_recorded_and_the_token_is_not() {
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
    async fn a_call_that_fails_is_an_error_with_its_code() {
        let record = record_of(post("/acme/pay", json!({"amount": 5000}))).await;
        assert_eq!(record["level"], "ERROR");
        assert_eq!(record["http.response.body.code"], 503);
        // Not the status, which says that all is well.
        assert_eq!(record["http.response.status_code"], 200);

        let record = record_of(post("/acme/pay", json!({"amount": 5}))).await;
        assert_eq!(record["level"], "DEBUG");
        assert_eq!(record["http.response.body.code"], 0);
    }

    #[actix_web::test]
    async fn a_health_check_is_recorded_only_if_it_fails() {
        assert!(
            records_of(TestRequest::get().uri("/health"))
                .await
                .is_empty()
        );
        let record = record_of(TestRequest::get().uri("/health?fail=1")).await;
        assert_eq!(record["level"], "ERROR");
        assert_eq!(record["http.response.status_code"], 503);
    }

    /// Without a request: what would be shown of a body?
    #[test]
    fn an_iban_is_hidden_and_the_amount_is_not() {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
        let body = br#"{"code":0,"amount":5,"to":[{"iban":"DE02120300000000202051"}]}"#;
        let preview = body_log().preview(&headers, body);
        assert_eq!(
            preview.content.as_deref(),
            Some(r#"{"code":0,"amount":5,"to":[{"iban":"[REDACTED]"}]}"#)
        );
        assert_eq!(preview.code.as_deref(), Some("0"));
        // Cut in the middle of it, as a limit does.
        for end in 0..body.len() {
            let shown = body_log().preview(&headers, &body[..end]).content;
            assert!(!shown.is_some_and(|shown| shown.contains("DE02")), "{end}");
        }
    }
}
