//! A page that shows records as they are emitted.

use std::{convert::Infallible, future::ready, time::Duration};

use actix_bodylog::BodyLog;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, http::header, rt, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use crate::feed::Feed;

/// The content security policy. `img-src data:` allows the icon.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The interval of keep-alive comments. A server notices that a client has left only when it sends something.
const BEAT: Duration = Duration::from_secs(10);
/// The delay before a browser reconnects.
const RETRY: &str = "retry: 1000\n\n";

pub fn routes(config: &mut web::ServiceConfig) {
    config.service((page, style, script, records));
}

/// Begins a response that other sites cannot read and caches do not store, because records contain client data.
fn answer(content_type: &'static str) -> HttpResponseBuilder {
    let mut res = HttpResponse::Ok();
    res.content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    res
}

/// Serves the page. This request is recorded like any other.
#[get("/")]
async fn page() -> HttpResponse {
    answer("text/html; charset=utf-8").body(include_str!("page.html"))
}

#[get("/page.css", wrap = "BodyLog::off()")]
async fn style() -> HttpResponse {
    answer("text/css; charset=utf-8").body(include_str!("page.css"))
}

#[get("/page.js", wrap = "BodyLog::off()")]
async fn script() -> HttpResponse {
    answer("text/javascript; charset=utf-8").body(include_str!("page.js"))
}

/// Streams the records as server-sent events. This route is not recorded: its record would always be that of an
/// aborted response.
#[get("/records", wrap = "BodyLog::off()")]
async fn records(req: HttpRequest, feed: web::Data<Feed>) -> HttpResponse {
    // A reconnecting browser sends the id of the last event it received.
    let last = req.headers().get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let Some(reader) = feed.read(last) else {
        return HttpResponse::ServiceUnavailable().body("too many readers");
    };
    let beats = stream::unfold((), |()| async {
        rt::time::sleep(BEAT).await;
        // A comment in the event stream.
        Some((Bytes::from_static(b":\n\n"), ()))
    });
    let events = reader.map(|(id, json)| Bytes::from(format!("id: {id}\ndata: {json}\n\n")));
    let first = Bytes::from_static(RETRY.as_bytes());
    let events = stream::iter([first]).chain(until_end(events, beats));
    answer("text/event-stream").streaming(events.map(Ok::<_, Infallible>))
}

/// Merges two streams until the first ends.
fn until_end<T>(
    items: impl Stream<Item = T>,
    others: impl Stream<Item = T>,
) -> impl Stream<Item = T> {
    let items = items.map(Some).chain(stream::iter([None]));
    let both = stream::select(items, others.map(Some));
    both.take_while(|item| ready(item.is_some()))
        .filter_map(ready)
}
