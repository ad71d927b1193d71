//! Requests that are not recorded pass without allocations.

use actix_bodylog::BodyLog;
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

mod support;
use support::DisabledSink;

/// Makes a logger that makes all records and discards them.
fn discarding() -> BodyLog {
    BodyLog::new().sink_fn(|_| {})
}

/// Counts the allocations of one request, after a few requests that fill the pools.
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
async fn disabled_sinks_and_skip_if_cause_no_allocation() {
    let bare = with(None).await;
    assert!(bare > 0);
    assert_eq!(with(Some(BodyLog::new().sink(DisabledSink))).await, bare);
    assert_eq!(with(Some(discarding().exclude_if(|_| true))).await, bare);
    // The measurement sees the allocations of a record.
    assert!(with(Some(discarding())).await > bare);
}

#[actix_web::test]
async fn logger_nested_in_a_disabled_or_skipping_one_records_nothing() {
    for outer in [
        BodyLog::new().sink(DisabledSink),
        discarding().exclude_if(|_| true),
    ] {
        let inner = discarding();
        let app = App::new()
            .service(web::resource("/").wrap(inner.clone()).to(HttpResponse::Ok))
            .wrap(outer);
        let app = init_service(app).await;
        app.call(TestRequest::get().to_request()).await.unwrap();
        assert_eq!(inner.stats().records, 0);
    }
}
