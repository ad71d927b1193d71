//! Which records are emitted, depending on all subscribers of the process. So this is the only test in
//! its process.

#[path = "tracing/events.rs"]
mod events;

use actix_bodylog::{BodyLog, Sink as _, TracingSink};
use actix_web::{
    App, HttpResponse,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use tracing::{Level, subscriber::with_default};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
};

use events::Events;

async fn send(log: &BodyLog, path: &str) {
    let app = App::new()
        .route("/", web::to(HttpResponse::Ok))
        .route(
            "/event",
            web::to(|| async {
                tracing::error!(target: "application", message = "an event of the application");
                HttpResponse::Ok().finish()
            }),
        )
        .wrap(log.clone());
    let app = init_service(app).await;
    let req = TestRequest::with_uri(path).to_request();
    read_body(call_service(&app, req).await).await;
}

#[test]
fn subscribers_decide_which_records_are_emitted() {
    let log = BodyLog::new().sink(TracingSink::new());
    let send = |path: &str| {
        let system = actix_web::rt::System::new();
        system.block_on(send(&log, path));
    };

    // Without a subscriber, requests pass through untouched.
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
        assert_eq!(stats.sink_panics, 0);
    }

    // A filter of a single layer remembers its answer until an event follows. If it was asked about an
    // event that does not follow, its layer would miss the next event.
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
}
