//! Records as events of `tracing`, in the span of their request.
//!
//! Callsites are global, and the first thread that reaches a callsite determines whether it is enabled.
//! So every test in this file needs a subscriber, or it could disable spans of actix-web for the others.

#[path = "tracing/events.rs"]
mod events;
mod support;

use std::{
    future::poll_fn,
    hint::black_box,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_bodylog::{
    BodyLog, Record, RecordExt as _, Sink, TestSink, TracingSink, record::MAX_FIELDS,
};
use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceResponse},
    error,
    http::header,
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service, read_body, try_call_service},
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use serde_json::{Value, json};
use tracing::{Event, Subscriber, span::Id, subscriber::DefaultGuard};
use tracing_actix_web::TracingLogger;
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use events::Events;
use support::assert_fields;

/// Sets a subscriber for this thread.
fn subscribed() -> (Events, DefaultGuard) {
    let events = Events::default();
    let guard = tracing::subscriber::set_default(Registry::default().with(events.clone()));
    (events, guard)
}

#[track_caller]
fn only(events: &Events) -> Value {
    let mut events = events.take();
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

fn log() -> BodyLog {
    BodyLog::new().sink(TracingSink::new())
}

async fn handler(req: HttpRequest, body: Bytes) -> HttpResponse {
    req.record_field("tenant", "acme");
    req.record_field("cart.items", 3);
    req.record_field("vip", true);
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body)
}

#[actix_web::test]
async fn fixed_fields_are_typed_and_all_others_are_in_one_json_field() {
    let (events, _guard) = subscribed();
    let app = App::new()
        .route("/orders/{id}", web::post().to(handler))
        .wrap(log());
    let app = init_service(app).await;
    let req = TestRequest::post()
        .uri("/orders/7?token=t0ps3cret")
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(r#"{"code":1.5,"password":"hunter2"}"#)
        .to_request();
    read_body(call_service(&app, req).await).await;
    let event = only(&events);
    assert_eq!(event["level"], "DEBUG");
    let fields = &event["fields"];
    assert_fields(
        fields,
        json!({
            "message": "POST /orders/7?token=[REDACTED]",
            "level": null,
            "timestamp": null,
            "http.request.method": "POST",
            "url.query": "token=[REDACTED]",
            "http.request.body.size": 33,
            "http.request.body.content": r#"{"code":1.5,"password":"[REDACTED]"}"#,
            "http.response.status_code": 200,
            "exchange.code": 1.5,
            "exchange.outcome": "completed",
            "tenant": null,
        }),
    );
    assert!(fields["exchange.duration"].is_f64());
    assert_fields(
        &event["others"],
        json!({
            "http.request.header.content-type": ["application/json"],
            "http.response.header.content-type": ["application/json"],
            "tenant": "acme",
            "cart.items": 3,
            "vip": true,
        }),
    );
    // Absent fields are left out, and so is the field for others.
    read_body(call_service(&app, TestRequest::with_uri("/missing").to_request()).await).await;
    let event = only(&events);
    assert_fields(
        &event["fields"],
        json!({"http.route": null, "url.query": null, "field.others": null}),
    );
}

#[actix_web::test]
async fn any_number_of_custom_names_is_kept() {
    let (events, _guard) = subscribed();
    let many = |req: HttpRequest| async move {
        for nth in 0..MAX_FIELDS {
            req.record_field(format!("{}-{nth}", req.path()), nth);
        }
        HttpResponse::Ok().finish()
    };
    let app = App::new().default_service(web::to(many)).wrap(log());
    let app = init_service(app).await;
    for id in 0..20 {
        let req = TestRequest::with_uri(&format!("/{id}")).to_request();
        read_body(call_service(&app, req).await).await;
        let event = only(&events);
        for nth in 0..MAX_FIELDS {
            assert_eq!(event["others"][format!("/{id}-{nth}")], nth);
        }
        assert_eq!(event["fields"]["http.response.status_code"], 200);
    }
}

#[actix_web::test]
async fn fields_are_in_the_order_of_the_record() {
    let (events, _guard) = subscribed();
    let failing = |req: HttpRequest| async move {
        req.record_field("order", 7);
        req.record_error("unavailable");
        HttpResponse::BadGateway().finish()
    };
    let app = App::new()
        .default_service(web::to(handler))
        .route("/fails", web::to(failing))
        .wrap(
            log()
                .request_header(header::DNT)
                .request_header(header::ETAG),
        );
    let app = init_service(app).await;
    let requests = [
        TestRequest::default(),
        TestRequest::default().insert_header(("etag", "1")),
        TestRequest::with_uri("/fails"),
        TestRequest::post()
            .insert_header(("dnt", "1"))
            .set_payload("text"),
        TestRequest::with_uri("/fails")
            .insert_header(("dnt", "1"))
            .insert_header(("etag", "1")),
    ];
    for req in requests {
        read_body(call_service(&app, req.to_request()).await).await;
    }
    let order = [
        "message",
        "http.request.method",
        "url.path",
        "http.request.body.size",
        "http.request.body.content",
        "http.response.status_code",
        "exchange.duration",
        "exchange.outcome",
        "error.type",
        "exception.message",
        "field.others",
    ];
    for event in events.take() {
        let names = event["names"].as_array().unwrap().iter();
        let places: Vec<_> = names
            .filter_map(|name| order.iter().position(|known| known == name))
            .collect();
        assert!(places.len() > 5 && places.is_sorted(), "{event:#}");
    }
}

#[actix_web::test]
async fn the_event_is_in_the_span_of_the_request_however_the_exchange_ends() {
    let (events, _guard) = subscribed();
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, error::Error>(Bytes::from("chunk")));
        HttpResponse::Ok().streaming(chunks)
    };
    let app = App::new()
        .route("/fine", web::to(HttpResponse::Ok))
        .route("/text", web::to(|| async { "text" }))
        .route(
            "/error",
            web::to(|| async { Err::<HttpResponse, _>(error::ErrorBadGateway("unavailable")) }),
        )
        .route("/endless", web::to(endless))
        .route("/stall", web::to(std::future::pending::<HttpResponse>))
        .route(
            "/panic",
            web::to(|| async {
                match black_box(true) {
                    true => panic!("on purpose"),
                    false => HttpResponse::Ok().finish(),
                }
            }),
        )
        .service(
            web::resource("/reject")
                .wrap(from_fn(|_, _: Next<BoxBody>| async {
                    Err::<ServiceResponse, _>(error::ErrorForbidden("no"))
                }))
                .to(HttpResponse::Ok),
        )
        .wrap(log())
        .wrap(TracingLogger::default());
    let app = init_service(app).await;
    for (path, outcome) in [
        ("/fine", "completed"),
        ("/text", "completed"),
        ("/error", "completed"),
        ("/endless", "replaced"),
        ("/stall", "aborted"),
        ("/panic", "panicked"),
        ("/reject", "failed"),
    ] {
        let req = TestRequest::with_uri(path).to_request();
        match path {
            "/fine" | "/text" | "/error" => {
                read_body(call_service(&app, req).await).await;
            }
            "/endless" => drop(call_service(&app, req).await),
            "/stall" => {
                let mut stalled = Box::pin(app.call(req));
                assert!(futures_util::poll!(&mut stalled).is_pending());
            }
            "/panic" => {
                let call = AssertUnwindSafe(app.call(req));
                assert!(call.catch_unwind().await.is_err());
            }
            _ => drop(try_call_service(&app, req).await),
        }
        let event = only(&events);
        assert_eq!(event["span"], "HTTP request", "{path}: {event:#}");
        assert_eq!(event["fields"]["exchange.outcome"], outcome, "{path}");
    }
}

#[actix_web::test]
async fn the_event_is_in_the_span_in_which_the_request_was_received() {
    let (events, _guard) = subscribed();
    let app = App::new()
        .route("/", web::to(|| async { "text" }))
        .wrap(log());
    let app = init_service(app).await;
    let req = TestRequest::default().to_request();
    let res = {
        let span = tracing::info_span!("of_the_caller");
        let call = span.in_scope(|| app.call(req));
        drop(span);
        call.await.unwrap()
    };
    assert!(events.take().is_empty());
    tracing::info_span!("another")
        .in_scope(|| read_body(res))
        .await;
    assert_eq!(only(&events)["span"], "of_the_caller");
}

/// Collects the names of the spans in which it is called.
#[derive(Clone, Default)]
struct SpanNames {
    defers: bool,
    wants_span: bool,
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Sink for SpanNames {
    fn wants_span(&self) -> bool {
        self.wants_span
    }

    fn deferred(&self) -> bool {
        self.defers
    }

    fn emit(&self, _: &Record<'_>) {
        let span = tracing::Span::current();
        let name = span.metadata().map_or("", |span| span.name());
        self.seen.lock().unwrap().push(name);
    }
}

#[actix_web::test]
async fn sinks_that_want_the_span_of_the_request_are_called_in_it_and_others_are_not() {
    let (_, _guard) = subscribed();
    for defers in [false, true] {
        let sink = |wants_span| SpanNames {
            defers,
            wants_span,
            ..SpanNames::default()
        };
        let (sink, other) = (sink(true), sink(false));
        let log = BodyLog::new().sink(sink.clone()).sink(other.clone());
        let app = App::new().default_service(web::to(HttpResponse::Ok));
        let app = init_service(app.wrap(log)).await;
        for name in ["one", "two"] {
            let span = match name {
                "one" => tracing::info_span!("one"),
                _ => tracing::info_span!("two"),
            };
            let req = TestRequest::default().to_request();
            let res = span.in_scope(|| app.call(req)).await.unwrap();
            drop(span);
            read_body(res).await;
            assert!(defers || sink.seen.lock().unwrap().last() == Some(&name));
        }
        // Makes the records that were put aside, in another span.
        tracing::info_span!("other").in_scope(|| drop(app));
        assert_eq!(*sink.seen.lock().unwrap(), ["one", "two"]);
        let expected = match defers {
            true => ["other"; 2],
            false => [""; 2],
        };
        assert_eq!(*other.seen.lock().unwrap(), expected);
    }
}

#[actix_web::test]
async fn a_span_is_kept_open_only_for_a_sink_that_wants_it() {
    for wants_span in [true, false] {
        let spans = Spans::default();
        let subscriber = Registry::default().with(spans.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let sink = SpanNames {
            wants_span,
            ..SpanNames::default()
        };
        let app = App::new().default_service(web::to(|| async { "text" }));
        let app = init_service(app.wrap(BodyLog::new().sink(sink))).await;
        let span = tracing::info_span!("request");
        let res = span.in_scope(|| app.call(TestRequest::default().to_request()));
        drop(span);
        let res = res.await.unwrap();
        assert_eq!(spans.closed(), usize::from(!wants_span));
        read_body(res).await;
        assert_eq!(spans.closed(), 1);
    }
}

/// Collects the names of closed spans, and panics in one step.
#[derive(Clone, Default)]
struct Spans {
    closed: Arc<Mutex<Vec<&'static str>>>,
    panics: Option<&'static str>,
}

impl Spans {
    fn reach(&self, step: &str) {
        assert_ne!(self.panics, Some(step), "on purpose");
    }

    fn closed(&self) -> usize {
        self.closed.lock().unwrap().len()
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "actix_bodylog" {
            self.reach("event");
        }
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.reach("enter");
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.reach("exit");
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let name = context.span(&id).unwrap().name();
        self.closed.lock().unwrap().push(name);
        self.reach("close");
    }
}

/// Sends a request in a span that only the exchange keeps open.
async fn in_separate_span(
    app: &impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = Error>,
    path: &str,
) -> ServiceResponse<impl MessageBody> {
    let span = tracing::info_span!("own");
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let call = {
        // A guard of the span would panic here.
        let id = span.id().unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| dispatch.enter(&id)));
        let call = app.call(TestRequest::with_uri(path).to_request());
        let _ = catch_unwind(AssertUnwindSafe(|| dispatch.exit(&id)));
        call
    };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(span)));
    call.await.unwrap()
}

#[actix_web::test]
async fn a_subscriber_that_panics_does_not_lose_the_record() {
    for step in ["enter", "exit", "close", "event"] {
        let spans = Spans {
            panics: Some(step),
            ..Spans::default()
        };
        let _guard = tracing::subscriber::set_default(Registry::default().with(spans));
        let (kept, log) = (TestSink::new(), log());
        let log = log.sink(kept.clone());
        let app = App::new().route("/", web::to(|| async { "text" }));
        let app = init_service(app.wrap(log.clone())).await;
        let res = in_separate_span(&app, "/").await;
        read_body(res).await;
        assert_eq!(kept.only()["exchange.outcome"], "completed", "{step}");
        assert_eq!(log.stats().in_flight, 0, "{step}");
        let counted = u64::from(matches!(step, "enter" | "event"));
        assert_eq!(log.stats().sink_panics, counted, "{step}");
    }
}

#[actix_web::test]
async fn the_span_is_closed_when_the_record_is_emitted_or_will_not_be() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(spans.clone()));
    let streaming = || async {
        let chunks = stream::iter([Ok::<_, Error>(Bytes::from("chunk"))]);
        HttpResponse::Ok().streaming(chunks)
    };
    let log = log();
    let app = App::new()
        .route("/on", web::to(streaming))
        .service(web::resource("/off").wrap(BodyLog::off()).to(streaming))
        .wrap(log.clone());
    let app = init_service(app).await;

    let mut body = in_separate_span(&app, "/on").await.into_body();
    assert_eq!(spans.closed(), 0);
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
        drop(chunk);
    }
    // The body has ended, but is not dropped.
    assert_eq!(spans.closed(), 1);
    assert_eq!(log.drain(Duration::ZERO).await, Ok(()));
    drop(body);

    let res = in_separate_span(&app, "/off").await;
    assert_eq!(spans.closed(), 2);
    drop(res);
}
