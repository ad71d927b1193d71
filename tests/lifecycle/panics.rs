//! Panics in guards, handlers, middleware, bodies and destructors.

use std::{cell::RefCell, convert::Infallible, future::ready, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, ResponseError, guard, test::TestRequest, web};
use serde_json::json;

use super::*;
use crate::support::assert_fields;

async fn handler() -> HttpResponse {
    pause().await;
    panic!("the handler panics")
}

#[actix_web::test]
async fn panic_in_a_handler_is_recorded_while_the_thread_unwinds() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(handler));
    })
    .await;
    let mut call = Box::pin(app.call(TestRequest::get().to_request()));
    assert!(poll(call.as_mut()).is_pending());
    // The closure owns the call, so unwinding drops it.
    assert_panics(move || poll(call.as_mut()).is_pending());
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "panicked",
            "level": "ERROR",
            "http.response.status_code": null,
            "http.response.body.size": null,
        }),
    );
}

#[actix_web::test]
async fn panic_caught_before_the_call_is_dropped_is_panicked() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        routes.route("/", web::get().to(handler));
    })
    .await;
    let mut call = Box::pin(app.call(TestRequest::get().to_request()));
    assert!(poll(call.as_mut()).is_pending());
    assert_panics(|| poll(call.as_mut()).is_pending());
    assert_eq!(recorder.records().len(), 0);
    drop(call);
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "panicked", "level": "ERROR"}),
    );
}

#[actix_web::test]
async fn panic_that_inner_middleware_turns_into_a_response_is_completed() {
    let (recorder, log) = Recorder::with_log();
    let app = init_service(
        App::new()
            .route("/", web::get().to(handler))
            .wrap_fn(|req, srv| {
                let mut inner = Box::pin(srv.call(req));
                std::future::poll_fn(move |cx| {
                    let poll = || inner.as_mut().poll(cx);
                    catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|_| {
                        Poll::Ready(Err(actix_web::error::ErrorInternalServerError("caught")))
                    })
                })
            })
            .wrap(log.clone()),
    )
    .await;
    let (status, body) = deliver(app.call(TestRequest::get().to_request()).await).await;
    assert_eq!((status.as_u16(), &*body), (500, &b"caught"[..]));
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "completed", "http.response.status_code": 500}),
    );
}

#[actix_web::test]
async fn panic_in_the_inner_call_is_recorded() {
    let (recorder, log) = Recorder::with_log();
    let app = init_service(
        App::new()
            .wrap_fn(|req, srv| {
                assert!(req.path() != "/panic", "the call panics");
                srv.call(req)
            })
            .wrap(log.clone()),
    )
    .await;
    let request = TestRequest::with_uri("/panic").to_request();
    assert_panics(|| drop(app.call(request)));
    assert_fields(
        &only_record(&recorder, &log),
        json!({"exchange.outcome": "panicked", "level": "ERROR"}),
    );
}

#[actix_web::test]
async fn panic_in_a_body_is_recorded_with_the_status() {
    for dropped_by_unwinding in [true, false] {
        let (recorder, log) = Recorder::with_log();
        let app = app(&log, |routes| {
            let script = || Script::new([Step::Chunk("half"), Step::Panic]);
            let handler = move || async move { HttpResponse::Ok().message_body(script()) };
            routes.route("/", web::get().to(handler));
        })
        .await;
        let res = app.call(TestRequest::get().to_request()).await.unwrap();
        let mut body = Box::pin(res.into_body());
        assert!(matches!(poll_body(body.as_mut()), Poll::Ready(Some(Ok(_)))));
        if dropped_by_unwinding {
            assert_panics(move || poll_body(body.as_mut()).is_pending());
        } else {
            assert_panics(|| poll_body(body.as_mut()).is_pending());
            drop(body);
        }
        assert_fields(
            &only_record(&recorder, &log),
            json!({
                "exchange.outcome": "panicked",
                "level": "ERROR",
                "http.response.status_code": 200,
                "http.response.body.size": 4,
            }),
        );
    }
}

/// An error whose response body polls the body in the slot, if there is one, and then panics.
#[derive(Clone, Debug, Default)]
struct Relay(Rc<RefCell<Option<Pin<Box<BoxBody>>>>>);

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("relayed")
    }
}

impl ResponseError for Relay {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::BadGateway().body(self.clone())
    }
}

impl MessageBody for Relay {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let Some(mut other) = self.0.take() else {
            return Poll::Ready(Some(Ok("one".into())));
        };
        assert!(matches!(
            poll_body(other.as_mut()),
            Poll::Ready(Some(Ok(_)))
        ));
        panic!("the outer body panics")
    }
}

#[actix_web::test]
async fn panic_in_a_body_that_polled_another_body_of_the_exchange_is_recorded() {
    let (recorder, log) = Recorder::with_log();
    let slot = Relay::default();
    let error = slot.clone();
    let app = init_service(
        App::new()
            .wrap_fn(move |_, _| ready(Err::<ServiceResponse, _>(error.clone().into())))
            .wrap(log.clone()),
    )
    .await;
    let Err(error) = app.call(TestRequest::get().to_request()).await else {
        panic!("the middleware returned an error");
    };
    let inner = error.error_response().into_body();
    slot.0.replace(Some(Box::pin(inner)));
    let mut outer = Box::pin(error.error_response().into_body());
    assert_panics(|| poll_body(outer.as_mut()).is_pending());
    drop((outer, error));
    let record = only_record(&recorder, &log);
    assert_fields(&record, json!({"exchange.outcome": "panicked"}));
}

#[actix_web::test]
async fn exchange_that_begins_during_unwinding_is_not_panicked() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |_| {}).await;
    assert_panics(|| {
        let _exchange = OnDrop(|| drop(app.call(TestRequest::get().to_request())));
        panic!("something else");
    });
    let record = only_record(&recorder, &log);
    assert_fields(&record, json!({"exchange.outcome": "aborted"}));
}

#[actix_web::test]
async fn panic_in_a_destructor_of_the_handler_is_recorded() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = || async {
            let _bomb = OnDrop(|| panic!("the handler panics when dropped"));
            std::future::pending::<HttpResponse>().await
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let mut call = Box::pin(app.call(TestRequest::get().to_request()));
    assert!(poll(call.as_mut()).is_pending());
    assert_panics(|| drop(call));
    let record = only_record(&recorder, &log);
    assert_fields(&record, json!({"exchange.outcome": "panicked"}));
}

#[actix_web::test]
async fn panic_in_a_destructor_of_the_body_is_recorded() {
    let (recorder, log) = Recorder::with_log();
    let app = app(&log, |routes| {
        let handler = || async {
            let bomb = OnDrop(|| panic!("the body panics when dropped"));
            let chunks = futures_util::stream::repeat_with(move || {
                let _ = &bomb;
                Ok::<_, Error>(Bytes::from_static(b"half"))
            });
            HttpResponse::Ok().streaming(chunks)
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    let mut body = Box::pin(res.into_body());
    assert!(matches!(poll_body(body.as_mut()), Poll::Ready(Some(Ok(_)))));
    assert_panics(|| drop(body));
    assert_fields(
        &only_record(&recorder, &log),
        json!({
            "exchange.outcome": "panicked",
            "http.response.status_code": 200,
            "http.response.body.size": 4,
        }),
    );
}

#[test]
fn panic_closes_its_http1_connection_and_not_the_worker() {
    let site = Site::new(|routes| {
        let panicking_guard = guard::fn_guard(|ctx| {
            assert!(ctx.head().uri.path() != "/guard", "the guard panics");
            true
        });
        let script = || Script::new([Step::Chunk("half"), Step::Pending, Step::Panic]);
        let body = move || async move { HttpResponse::Ok().message_body(script()) };
        routes
            .route("/handler", web::get().to(handler))
            .route("/guard", web::get().guard(panicking_guard).to(handler))
            .route("/body", web::get().to(body))
            .route(
                "/fine",
                web::get().to(|req: HttpRequest| async move { req.path().to_owned() }),
            );
    });
    let mut sent = 0;
    for (path, outcome, status) in [
        ("/handler", "panicked", Value::Null),
        ("/guard", "panicked", Value::Null),
        ("/body", "panicked", json!(200)),
        ("/fine", "completed", json!(200)),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let response = site.server.exchange(request);
        assert_eq!(response.is_empty(), status.is_null(), "{path}");
        sent += 1;
        let record = site.recorder.wait_for(sent).remove(sent - 1);
        assert_fields(
            &record,
            json!({
                "url.path": path,
                "exchange.outcome": outcome,
                "level": if outcome == "panicked" { "ERROR" } else { "DEBUG" },
                "http.response.status_code": status,
            }),
        );
    }
    site.records(sent);
}
