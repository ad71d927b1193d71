//! Where nothing is to be logged, nothing is allocated.

use actix_bodylog::{BodyLog, Record, Sink};
use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    middleware::Condition,
    test::{TestRequest, init_service},
    web,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use log::Level;

/// Wants nothing.
struct Off;

impl Sink for Off {
    fn enabled(&self, _: Level) -> bool {
        false
    }

    fn emit(&self, _: &Record<'_>) {
        panic!("a record for a sink that wants none");
    }
}

/// Wants everything, and lets it fall.
struct On;

impl Sink for On {
    fn emit(&self, _: &Record<'_>) {}
}

/// Allocations of one request, after a few that warm pools up.
async fn allocations<B: MessageBody>(
    app: impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
) -> u64 {
    let exchange = || {
        let req = TestRequest::post()
            .uri("/")
            .set_payload("x".repeat(200))
            .to_request();
        let count = allocation_counter::measure(|| {
            let res = app.call(req).now_or_never().unwrap().unwrap();
            let Ok(body) = to_bytes(res.into_body()).now_or_never().unwrap() else {
                panic!("the body is in memory");
            };
            assert_eq!(body.len(), 200);
        });
        count.count_total
    };
    for _ in 0..10 {
        exchange();
    }
    exchange()
}

async fn with(log: Option<BodyLog>) -> u64 {
    let wanted = log.is_some();
    let app = App::new()
        .service(
            web::resource("/")
                .wrap(Condition::new(wanted, log.clone().unwrap_or_default()))
                .to(async |body: Bytes| HttpResponse::Ok().body(body)),
        )
        .wrap(Condition::new(wanted, log.unwrap_or_default()));
    allocations(init_service(app).await).await
}

#[actix_web::test]
async fn nothing_is_allocated_when_no_sink_wants_an_error_or_the_request_is_skipped() {
    let bare = with(None).await;
    assert!(bare > 0);
    assert_eq!(with(Some(BodyLog::new().sink(Off))).await, bare);
    assert_eq!(
        with(Some(BodyLog::new().sink(On).skip_if(|_| true))).await,
        bare
    );
    // The measure sees what a record costs.
    assert!(with(Some(BodyLog::new().sink(On))).await > bare);
}

#[actix_web::test]
async fn a_logger_inside_one_that_is_off_stays_off() {
    for outer in [
        BodyLog::new().sink(Off),
        BodyLog::new().sink(On).skip_if(|_| true),
    ] {
        let inner = BodyLog::new().sink(On);
        let app = App::new()
            .service(web::resource("/").wrap(inner.clone()).to(HttpResponse::Ok))
            .wrap(outer);
        let app = init_service(app).await;
        app.call(TestRequest::get().to_request()).await.unwrap();
        assert_eq!(inner.stats().records, 0);
    }
}
