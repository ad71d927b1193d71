//! What stands between a body and its consumer adds nothing, takes nothing, and does nothing on its
//! own: polled by hand, one poll outside is one poll inside.

mod support;

use std::{
    cell::Cell,
    future::{Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_bodylog::{BodyLog, ResponseBody};
use actix_service::{Service, Transform, fn_service};
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{self, BodySize, BoxBody, EitherBody, MessageBody, SizedStream},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    rt,
    test::{self, TestRequest},
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use support::{
    Recorder,
    scripted::{Failure, Item, Scripted, Wakes},
};

/// The body of a response that went through the logger.
async fn logged<B: MessageBody>(log: &BodyLog, body: B) -> impl MessageBody + use<B> {
    let body = Cell::new(Some(body));
    let inner = fn_service(|req: ServiceRequest| {
        let res = HttpResponse::Ok().message_body(body.take().unwrap());
        ready(res.map(|res| req.into_response(res)))
    });
    let service = log.new_transform(inner).await.unwrap();
    let req = TestRequest::default().to_srv_request();
    service.call(req).await.unwrap().into_body()
}

fn busy() -> (Recorder, BodyLog) {
    let (recorder, log) = Recorder::with_log();
    (recorder, log.response_body(ResponseBody::Always))
}

fn chunks(texts: &[&'static str]) -> Vec<Bytes> {
    // Copies, so that equal texts do not share their memory.
    texts
        .iter()
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect()
}

/// Where a chunk lies: one that was passed on lies where it did.
fn places(chunks: &[Bytes]) -> Vec<(*const u8, usize)> {
    chunks
        .iter()
        .map(|chunk| (chunk.as_ptr(), chunk.len()))
        .collect()
}

fn poll<B: MessageBody>(body: Pin<&mut B>, waker: &Waker) -> Poll<Option<Result<Bytes, B::Error>>> {
    body.poll_next(&mut Context::from_waker(waker))
}

#[actix_web::test]
async fn every_response_chunk_is_passed_on_as_it_is_also_an_empty_one() {
    let (recorder, log) = busy();
    let sent = chunks(&["one", "", "", "three", ""]);
    let mut body = Box::pin(logged(&log, Scripted::of(&sent)).await);
    let mut received = Vec::new();
    while let Poll::Ready(Some(chunk)) = poll(body.as_mut(), Waker::noop()) {
        received.push(chunk.ok().unwrap());
    }
    assert_eq!(places(&received), places(&sent));
    assert_eq!(recorder.only()["http.response.body.size"], 8);
}

#[actix_web::test]
async fn one_poll_of_a_response_is_one_poll_of_the_body_inside() {
    use Item::*;
    let (_, log) = busy();
    let text = Bytes::from_static(b"text");
    let inner = Scripted::new([
        Pending,
        Chunk(text.clone()),
        Pending,
        Pending,
        Chunk(text),
        End,
    ]);
    let mut body = Box::pin(logged(&log, inner.clone()).await);
    assert_eq!(inner.polls.get(), 0, "nobody asked yet");
    let (wakes, waker) = Wakes::new();
    for (nth, pending) in [true, false, true, true, false, false]
        .into_iter()
        .enumerate()
    {
        assert_eq!(poll(body.as_mut(), &waker).is_pending(), pending);
        assert_eq!(inner.polls.get(), nth + 1);
    }
    drop(body);
    assert_eq!(inner.polls.get(), 6);
    assert_eq!(wakes.count(), 0, "the body inside woke nobody");
    // It was given the consumer's own waker, each time.
    let wakers = inner.wakers.borrow();
    assert_eq!(wakers.len(), 3);
    assert!(wakers.iter().all(|inner| inner.will_wake(&waker)));
}

#[actix_web::test]
async fn a_body_that_fails_is_not_polled_again_and_its_error_is_the_same() {
    let (recorder, log) = busy();
    let inner = Scripted::new([Item::Fail]);
    let mut body = Box::pin(logged(&log, inner.clone()).await);
    let Poll::Ready(Some(Err(error))) = poll(body.as_mut(), Waker::noop()) else {
        panic!("no error");
    };
    let error: Box<dyn std::error::Error> = error.into();
    assert_eq!(error.downcast_ref::<Failure>(), Some(&Failure));
    drop(body);
    assert_eq!(inner.polls.get(), 1);
    assert_eq!(recorder.only()["exchange.outcome"], "failed");
}

#[actix_web::test]
async fn polling_after_the_end_is_the_consumers_affair() {
    let (recorder, log) = busy();
    let inner = Scripted::new([Item::End, Item::End, Item::Chunk(Bytes::new())]);
    let mut body = Box::pin(logged(&log, inner.clone()).await);
    assert!(matches!(
        poll(body.as_mut(), Waker::noop()),
        Poll::Ready(None)
    ));
    assert!(matches!(
        poll(body.as_mut(), Waker::noop()),
        Poll::Ready(None)
    ));
    assert!(matches!(
        poll(body.as_mut(), Waker::noop()),
        Poll::Ready(Some(Ok(_)))
    ));
    drop(body);
    assert_eq!(inner.polls.get(), 3);
    recorder.only();
}

#[actix_web::test]
async fn the_size_is_that_of_the_body_inside() {
    let (_, log) = busy();
    for size in [
        BodySize::None,
        BodySize::Sized(0),
        BodySize::Sized(u64::MAX),
        BodySize::Stream,
    ] {
        let mut inner = Scripted::of(&[]);
        inner.size = size;
        assert_eq!(logged(&log, inner).await.size(), size);
    }
    assert_eq!(logged(&log, body::None::new()).await.size(), BodySize::None);
    assert_eq!(logged(&log, ()).await.size(), BodySize::Sized(0));
    assert_eq!(logged(&log, "abc").await.size(), BodySize::Sized(3));
    let stream = SizedStream::new(7, futures_util::stream::empty::<Result<Bytes, Error>>());
    assert_eq!(logged(&log, stream).await.size(), BodySize::Sized(7));
}

#[actix_web::test]
async fn a_body_in_memory_is_handed_over_whole_and_not_copied() {
    let (recorder, log) = busy();
    let sent = chunks(&["in memory"]);
    let received = logged(&log, sent[0].clone())
        .await
        .try_into_bytes()
        .ok()
        .unwrap();
    assert_eq!(places(&[received]), places(&sent));
    let record = recorder.only();
    assert_eq!(record["http.response.body.content"], "in memory");
    assert_eq!(record["exchange.outcome"], "completed");
}

#[actix_web::test]
async fn a_stream_that_cannot_be_handed_over_goes_on_as_it_was() {
    let (recorder, log) = busy();
    let sent = chunks(&["one", "two"]);
    let inner = Scripted::of(&sent);
    let body = logged(&log, inner.clone())
        .await
        .try_into_bytes()
        .err()
        .unwrap();
    assert_eq!(inner.polls.get(), 0);
    assert!(recorder.records().is_empty());
    assert_eq!(body.size(), BodySize::Stream);
    let all = body::to_bytes(body).await.ok().unwrap();
    assert_eq!(all, "onetwo");
    assert_eq!(recorder.only()["http.response.body.size"], 6);
}

#[actix_web::test]
async fn tests_that_take_a_response_apart_work_as_before() {
    let (recorder, log) = busy();
    let app = test::init_service(
        App::new()
            .route("/", web::to(|| async { "plain" }))
            .route("/json", web::to(|| async { web::Json([1, 2]) }))
            .wrap(log),
    )
    .await;
    // `unwrap` needs the body to be `Debug`.
    let res = test::call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(res.into_body().try_into_bytes().unwrap(), "plain");
    let res = test::call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(test::read_body(res).await, "plain");
    let json = || TestRequest::with_uri("/json").to_request();
    let body = test::call_and_read_body(&app, json()).await;
    assert_eq!(body, "[1,2]");
    let numbers: Vec<i32> = test::call_and_read_body_json(&app, json()).await;
    assert_eq!(numbers, [1, 2]);
    let res = test::call_service(&app, json()).await.map_into_boxed_body();
    assert_eq!(res.into_body().size(), BodySize::Sized(5));
    assert_eq!(recorder.records().len(), 5);
}

#[actix_web::test]
async fn a_response_shows_itself_as_one_with_the_body_inside() {
    let (_, log) = busy();
    let inner = fn_service(|req: ServiceRequest| {
        ready(Ok::<_, Error>(
            req.into_response(HttpResponse::Ok().body("seen in debug")),
        ))
    });
    let service = log.new_transform(inner).await.unwrap();
    let res = service
        .call(TestRequest::default().to_srv_request())
        .await
        .unwrap();
    assert!(format!("{:?}", res.response().body()).contains("seen in debug"));
}

#[actix_web::test]
async fn a_service_may_borrow_and_its_body_need_be_neither_static_nor_clone() {
    struct Counting<'a>(&'a Cell<u32>);

    struct Borrowed<'a>(&'a Cell<u32>);

    impl MessageBody for Borrowed<'_> {
        type Error = std::convert::Infallible;

        fn size(&self) -> BodySize {
            BodySize::Stream
        }

        fn poll_next(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Bytes, Self::Error>>> {
            self.0.set(self.0.get() + 10);
            Poll::Ready(None)
        }
    }

    impl<'a> Service<ServiceRequest> for Counting<'a> {
        type Response = ServiceResponse<Borrowed<'a>>;
        type Error = Error;
        type Future = Ready<Result<Self::Response, Error>>;

        actix_service::always_ready!();

        fn call(&self, req: ServiceRequest) -> Self::Future {
            self.0.set(self.0.get() + 1);
            let res = HttpResponse::Ok().message_body(Borrowed(self.0));
            ready(res.map(|res| req.into_response(res)))
        }
    }

    let (recorder, log) = busy();
    let calls = Cell::new(0);
    let service = log.new_transform(Counting(&calls)).await.unwrap();
    let res = service
        .call(TestRequest::default().to_srv_request())
        .await
        .unwrap();
    assert_eq!(calls.get(), 1);
    let mut body = Box::pin(res.into_body());
    assert!(matches!(
        poll(body.as_mut(), Waker::noop()),
        Poll::Ready(None)
    ));
    assert_eq!(calls.get(), 11);
    recorder.only();
}

#[actix_web::test]
async fn a_service_that_is_not_ready_makes_nobody_ready() {
    struct Busy;

    impl Service<ServiceRequest> for Busy {
        type Response = ServiceResponse;
        type Error = Error;
        type Future = Ready<Result<ServiceResponse, Error>>;

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn call(&self, _: ServiceRequest) -> Self::Future {
            unreachable!("it is not ready");
        }
    }

    let (_, log) = busy();
    let service = log.new_transform(Busy).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
}

#[actix_web::test]
async fn the_handlers_future_is_polled_once_per_poll_and_with_the_callers_waker() {
    let (_, log) = busy();
    let (polls, wakes) = (Rc::new(Cell::new(0)), Wakes::new());
    let inner = fn_service({
        let polls = Rc::clone(&polls);
        let waker = wakes.1.clone();
        move |req: ServiceRequest| {
            let (polls, waker) = (Rc::clone(&polls), waker.clone());
            let mut req = Some(req);
            std::future::poll_fn(move |cx| {
                assert!(cx.waker().will_wake(&waker));
                polls.set(polls.get() + 1);
                match polls.get() {
                    1 | 2 => Poll::Pending,
                    _ => Poll::Ready(Ok::<_, Error>(
                        req.take()
                            .unwrap()
                            .into_response(HttpResponse::Ok().finish()),
                    )),
                }
            })
        }
    });
    let service = log.new_transform(inner).await.unwrap();
    let mut call = Box::pin(service.call(TestRequest::default().to_srv_request()));
    assert_eq!(polls.get(), 0, "calling is not polling");
    let mut cx = Context::from_waker(&wakes.1);
    for nth in 1..=3 {
        assert_eq!(call.as_mut().poll(&mut cx).is_ready(), nth == 3);
        assert_eq!(polls.get(), nth);
    }
    assert_eq!(wakes.0.count(), 0);
}

/// Calls `f` with the payload as a handler inside the logger gets it.
async fn with_payload(log: &BodyLog, payload: Payload, f: impl Fn(&HttpRequest, Payload)) {
    let inner = fn_service(|req: ServiceRequest| {
        let (req, payload) = req.into_parts();
        f(&req, payload);
        let res = HttpResponse::Ok().finish();
        ready(Ok::<_, Error>(ServiceResponse::new(req, res)))
    });
    let service = log.new_transform(inner).await.unwrap();
    let (req, _) = TestRequest::post().to_http_parts();
    let req = ServiceRequest::from_parts(req, payload);
    drop(service.call(req).await.unwrap());
}

#[actix_web::test]
async fn every_request_chunk_is_passed_on_as_it_is_also_an_empty_one() {
    let (recorder, log) = busy();
    let sent = chunks(&["one", "", "", "three", ""]);
    let inner = Scripted::of(&sent);
    with_payload(&log, inner.payload(), |_, mut payload| {
        let mut received = Vec::new();
        while let Some(Some(chunk)) = payload.next().now_or_never() {
            received.push(chunk.unwrap());
        }
        assert_eq!(places(&received), places(&sent));
    })
    .await;
    assert_eq!(recorder.only()["http.request.body.size"], 8);
    assert_eq!(inner.polls.get(), 6);
}

#[actix_web::test]
async fn a_payload_is_polled_only_when_the_handler_polls() {
    use Item::*;
    let (_, log) = busy();
    let text = Bytes::from_static(b"text");
    let inner = Scripted::new([Pending, Chunk(text.clone()), Pending, Fail, End]);
    with_payload(&log, inner.payload(), |_, mut payload| {
        assert_eq!(inner.polls.get(), 0, "nobody asked yet");
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        let mut poll = |nth| {
            let item = Pin::new(&mut payload).poll_next(&mut cx);
            assert_eq!(inner.polls.get(), nth);
            item
        };
        assert!(poll(1).is_pending());
        assert!(matches!(poll(2), Poll::Ready(Some(Ok(chunk))) if chunk == text));
        assert!(poll(3).is_pending());
        let failed = poll(4);
        assert!(matches!(
            failed,
            Poll::Ready(Some(Err(PayloadError::Incomplete(None))))
        ));
        // To ask again after an error is the handler's choice.
        assert!(matches!(poll(5), Poll::Ready(None)));
        assert_eq!(wakes.count(), 0);
        let wakers = inner.wakers.borrow();
        assert!(wakers.len() == 2 && wakers.iter().all(|inner| inner.will_wake(&waker)));
    })
    .await;
    assert_eq!(inner.polls.get(), 5);
}

#[actix_web::test]
async fn a_payload_that_nobody_reads_is_not_polled_and_is_dropped_with_the_handlers() {
    let (recorder, log) = busy();
    let inner = Scripted::of(&chunks(&["unread"]));
    with_payload(&log, inner.payload(), |_, payload| {
        assert_eq!(Rc::strong_count(&inner.polls), 2);
        drop(payload);
        assert_eq!(Rc::strong_count(&inner.polls), 1, "something else holds it");
    })
    .await;
    assert_eq!(inner.polls.get(), 0);
    assert_eq!(recorder.only()["http.request.body.size"], 0);
}

#[actix_web::test]
async fn a_payload_kept_for_later_works_when_the_exchange_is_long_over() {
    let (recorder, log) = busy();
    let sent = chunks(&["late"]);
    let kept = Cell::new(None);
    with_payload(&log, Scripted::of(&sent).payload(), |_, payload| {
        kept.set(Some(payload));
    })
    .await;
    recorder.only();
    assert_eq!(log.stats().in_flight, 0);
    let mut payload = kept.take().unwrap();
    assert_eq!(payload.next().await.unwrap().unwrap(), "late");
    assert!(payload.next().await.is_none());
    recorder.only();
}

#[actix_web::test]
async fn no_payload_stays_no_payload() {
    let (_, log) = busy();
    with_payload(&log, Payload::None, |_, payload| {
        assert!(matches!(payload, Payload::None));
    })
    .await;
}

#[actix_web::test]
async fn the_size_hint_of_a_payload_is_passed_on() {
    let (_, log) = busy();
    let mut inner = Scripted::of(&[]);
    inner.hint = (3, Some(14));
    with_payload(&log, inner.payload(), |_, payload| {
        // `Payload` itself does not tell the hint of what is in it.
        let Payload::Stream { payload } = payload else {
            panic!("not a stream any more");
        };
        assert_eq!(payload.size_hint(), (3, Some(14)));
    })
    .await;
}

#[actix_web::test]
async fn a_body_that_owns_the_payload_streams_it_back_untouched() {
    let (recorder, log) = busy();
    let sent = chunks(&["there", "", "and back"]);
    let app = fn_service(|req: ServiceRequest| {
        let (req, payload) = req.into_parts();
        let res = HttpResponse::Ok()
            .content_type("text/plain")
            .streaming(payload);
        ready(Ok::<_, Error>(ServiceResponse::new(req, res)))
    });
    let service = log.new_transform(app).await.unwrap();
    let (req, _) = TestRequest::post().to_http_parts();
    let req = ServiceRequest::from_parts(req, Scripted::of(&sent).payload());
    let mut body = Box::pin(service.call(req).await.unwrap().into_body());
    let mut received = Vec::new();
    while let Poll::Ready(Some(chunk)) = poll(body.as_mut(), Waker::noop()) {
        received.push(chunk.unwrap());
    }
    // actix's stream of a body leaves out empty chunks itself.
    let sent: Vec<_> = sent.into_iter().filter(|chunk| !chunk.is_empty()).collect();
    assert_eq!(places(&received), places(&sent));
    let record = recorder.only();
    assert_eq!(record["http.request.body.content"], "thereand back");
    assert_eq!(record["http.response.body.content"], "thereand back");
}

#[actix_web::test]
async fn bodies_of_other_middleware_can_stand_inside() {
    let (recorder, log) = busy();
    let either: EitherBody<&str, BoxBody> = EitherBody::new("left");
    assert_eq!(
        logged(&log, either).await.try_into_bytes().ok().unwrap(),
        "left"
    );
    let twice = logged(
        &log,
        logged(&BodyLog::new().skip_if(|_| true), "twice").await,
    )
    .await;
    assert_eq!(twice.try_into_bytes().ok().unwrap(), "twice");
    assert_eq!(recorder.records().len(), 2);
}

#[actix_web::test]
async fn extensions_of_a_response_and_of_its_request_are_the_applications() {
    let (_, log) = busy();
    let inner = fn_service(|req: ServiceRequest| {
        assert_eq!(req.extensions().get::<&str>(), Some(&"from outside"));
        req.extensions_mut().insert(7_u32);
        let mut res = HttpResponse::Ok();
        res.extensions_mut().insert(9_u64);
        ready(Ok::<_, Error>(req.into_response(res.finish())))
    });
    let service = log.new_transform(inner).await.unwrap();
    let req = TestRequest::default().to_srv_request();
    req.extensions_mut().insert("from outside");
    let res = service.call(req).await.unwrap();
    assert_eq!(res.request().extensions().get::<u32>(), Some(&7));
    assert_eq!(res.response().extensions().get::<u64>(), Some(&9));
    // A spawned task may go on holding the request.
    let request = res.request().clone();
    drop(res);
    rt::spawn(async move { assert_eq!(request.extensions().get::<u32>(), Some(&7)) })
        .await
        .unwrap();
}
