//! A page that shows the records as they come.

use std::{convert::Infallible, future::ready, time::Duration};

use actix_bodylog::BodyLog;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, http::header, rt, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use crate::feed::Feed;

/// The icon is in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// How often something is sent where no record comes: only then does a server learn that nobody listens any more.
const BEAT: Duration = Duration::from_secs(10);
/// What a browser waits before it connects again.
const RETRY: &str = "retry: 1000\n\n";

pub fn routes(config: &mut web::ServiceConfig) {
    config.service((page, style, script, records));
}

/// Records hold what clients sent: no other site should see them, and no cache keep them.
fn answer(content_type: &'static str) -> HttpResponseBuilder {
    let mut res = HttpResponse::Ok();
    res.content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    res
}

/// Leaves a record, as any request does.
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

/// The records as server-sent events. To look at records makes none: that of this route would be that
/// of a client who left.
#[get("/records", wrap = "BodyLog::off()")]
async fn records(req: HttpRequest, feed: web::Data<Feed>) -> HttpResponse {
    // A browser that connects again says what it saw last.
    let last = req.headers().get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    let Some(reader) = feed.read(last) else {
        return HttpResponse::ServiceUnavailable().body("too many are looking");
    };
    let beats = stream::unfold((), |()| async {
        rt::time::sleep(BEAT).await;
        // A comment.
        Some((Bytes::from_static(b":\n\n"), ()))
    });
    let events = reader.map(|(id, json)| Bytes::from(format!("id: {id}\ndata: {json}\n\n")));
    let first = Bytes::from_static(RETRY.as_bytes());
    let events = stream::iter([first]).chain(until_end(events, beats));
    answer("text/event-stream").streaming(events.map(Ok::<_, Infallible>))
}

/// The items of both, until there are no more of the first.
fn until_end<T>(
    items: impl Stream<Item = T>,
    others: impl Stream<Item = T>,
) -> impl Stream<Item = T> {
    let items = items.map(Some).chain(stream::iter([None]));
    let both = stream::select(items, others.map(Some));
    both.take_while(|item| ready(item.is_some()))
        .filter_map(ready)
}
