//! One thread with a subscriber and one without. A separate process, because callsites are global.

#[path = "tracing/events.rs"]
mod events;

use std::thread;

use actix_bodylog::{BodyLog, RecordExt as _, TracingSink};
use actix_web::{
    App, HttpRequest, HttpResponse,
    rt::System,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use tracing::subscriber::with_default;
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use events::Events;

async fn send(log: BodyLog, name: &'static str) {
    let handler = move |req: HttpRequest| async move {
        req.record_field(name, 1);
        HttpResponse::Ok().finish()
    };
    let app = App::new().default_service(web::to(handler)).wrap(log);
    let app = init_service(app).await;
    let req = TestRequest::default().to_request();
    read_body(call_service(&app, req).await).await;
}

#[test]
fn a_thread_without_a_subscriber_does_not_disable_events_of_another_thread() {
    let log = BodyLog::new().sink(TracingSink::new());
    let events = Events::default();
    with_default(Registry::default().with(events.clone()), || {
        for name in ["first", "second"] {
            // The first thread that could use the callsites has no subscriber.
            thread::scope(|scope| {
                scope.spawn(|| System::new().block_on(send(log.clone(), name)));
            });
            System::new().block_on(send(log.clone(), name));
            assert_eq!(events.take().len(), 1, "{name}");
        }
    });
}
