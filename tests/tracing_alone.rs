//! What depends on all subscribers of a process, and on all names that it knows: in one with a single test.

#[path = "tracing/events.rs"]
mod events;

use actix_bodylog::{BodyLog, MAX_FIELDS, RecordExt as _, Sink as _, TracingSink};
use actix_web::{
    App, HttpRequest, HttpResponse,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::Value;
use tracing::{Level, subscriber::with_default};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
};

use events::Events;

async fn handler(req: HttpRequest) -> HttpResponse {
    for nth in 0..MAX_FIELDS {
        req.record_field(format!("{}-{nth}", req.path()), nth);
    }
    HttpResponse::Ok().finish()
}

async fn send(log: &BodyLog, path: &str) {
    let app = App::new()
        .route("/", web::to(HttpResponse::Ok))
        .route(
            "/event",
            web::to(|| async {
                tracing::error!(target: "application", message = "of its own");
                HttpResponse::Ok().finish()
            }),
        )
        .route(
            "/error",
            web::to(|req: HttpRequest| async move {
                req.record_error("it is away");
                HttpResponse::BadGateway()
                    .insert_header(("retry-after", "7"))
                    .finish()
            }),
        )
        .route("/fields/{id}", web::to(handler))
        .wrap(log.clone());
    let app = init_service(app).await;
    let req = TestRequest::with_uri(path).to_request();
    read_body(call_service(&app, req).await).await;
}

#[test]
fn subscribers_decide_and_names_are_bounded() {
    let log = BodyLog::new().sink(TracingSink::new());
    let send = |path: &str| {
        let system = actix_web::rt::System::new();
        system.block_on(send(&log, path));
    };

    // Nobody subscribes: nothing is even looked at.
    send("/");
    send("/missing");
    assert!(!TracingSink::new().enabled(log::Level::Error));
    assert_eq!((log.stats().records, log.stats().muted), (0, 0));

    let events = Events::default();
    let ours = |level| Targets::new().with_target("actix_bodylog", level);
    let all_but_ours = ours(LevelFilter::OFF).with_default(Level::TRACE);
    for (filter, fine, missing, muted) in [
        (ours(LevelFilter::TRACE), 1, 1, 0),
        (ours(LevelFilter::WARN), 0, 1, 1),
        (ours(LevelFilter::ERROR), 0, 0, 2),
        (all_but_ours, 0, 0, 0),
    ] {
        let before = log.stats();
        let text = filter.to_string();
        let subscriber = Registry::default().with(events.clone()).with(filter);
        with_default(subscriber, || {
            send("/");
            assert_eq!(events.take().len(), fine, "{text}");
            send("/missing");
            assert_eq!(events.take().len(), missing, "{text}");
        });
        let stats = log.stats();
        let records = (stats.records - before.records) as usize;
        assert_eq!(records, fine + missing, "{text}");
        assert_eq!(stats.muted - before.muted, muted, "{text}");
        assert_eq!(stats.sink_failures, 0);
    }

    // Filters of layers remember what they said of an event until they see it: to be asked for one that never
    // comes would cost them the next.
    let others = Events::default();
    let per_layer = Registry::default()
        .with(
            events
                .clone()
                .with_filter(ours(LevelFilter::OFF).with_default(Level::TRACE)),
        )
        .with(others.clone().with_filter(LevelFilter::TRACE));
    with_default(per_layer, || send("/event"));
    let targets = |events: &Events| {
        let events = events.take().into_iter();
        events
            .map(|event| event["target"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(targets(&events), ["application"]);
    assert_eq!(targets(&others), ["application", "actix_bodylog"]);

    // Applications that make up names.
    let late = Events::default();
    with_default(Registry::default().with(events.clone()), || {
        for id in 0..20 {
            send(&format!("/fields/{id}"));
        }
    });
    let events = events.take();
    assert_eq!(events.len(), 20);
    let (mut named, mut others) = (0, 0);
    for (id, event) in events.iter().enumerate() {
        let fields = &event["fields"];
        let other = fields["field.others"].as_str().unwrap_or("{}");
        let other: Value = serde_json::from_str(other).unwrap();
        for nth in 0..MAX_FIELDS {
            let name = format!("/fields/{id}-{nth}");
            let value = fields.get(&name).or(other.get(&name));
            assert_eq!(value.and_then(Value::as_u64), Some(nth as u64), "{name}");
            named += usize::from(fields.get(&name).is_some());
        }
        others += other.as_object().unwrap().len();
        assert_eq!(fields["http.response.status_code"], 200);
    }
    assert_eq!(named + others, 20 * MAX_FIELDS);
    assert_eq!(named, 128);

    // What is not made up has its place all the same, whatever comes first.
    with_default(Registry::default().with(late.clone()), || send("/error"));
    let event = &late.take()[0];
    for (name, value) in [
        ("error.type", "502"),
        ("error.message", "it is away"),
        ("http.response.header.retry-after", "7"),
    ] {
        assert_eq!(event["fields"][name], value, "{event:#}");
    }
    assert_eq!(event["fields"].get("field.others"), None);
}
