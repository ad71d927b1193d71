//! The wrappers of bodies and payloads pass each poll, chunk, error, size and waker on, unchanged.

mod support;

use std::{
    cell::Cell,
    future::{Ready, ready},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_bodylog::BodyLog;
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

/// Returns the body after it has passed through the logger.
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

fn chunks(texts: &[&'static str]) -> Vec<Bytes> {
    // Copy the texts, so that equal texts are at different addresses.
    texts
        .iter()
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect()
}

/// Returns the addresses and lengths of chunks. A chunk that is not copied keeps its address.
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
async fn response_chunks_pass_unchanged_including_empty_ones() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn one_poll_of_the_response_body_is_one_poll_of_the_inner_body() {
    use Item::*;
    let (_, log) = Recorder::with_full_log();
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
    assert_eq!(inner.polls.get(), 0, "polled ahead");
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
    assert_eq!(wakes.count(), 0, "the logger woke the consumer");
    // The inner body got the waker of the consumer each time.
    let wakers = inner.wakers.borrow();
    assert_eq!(wakers.len(), 3);
    assert!(wakers.iter().all(|inner| inner.will_wake(&waker)));
}

#[actix_web::test]
async fn error_of_a_body_passes_unchanged_and_the_body_is_not_polled_again() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn polls_after_the_end_reach_the_inner_body() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn size_is_the_size_of_the_inner_body() {
    let (_, log) = Recorder::with_full_log();
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
async fn body_in_memory_passes_try_into_bytes_without_a_copy() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn stream_is_usable_after_try_into_bytes_fails() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn test_helpers_of_actix_web_work_with_the_body() {
    let (recorder, log) = Recorder::with_full_log();
    let app = test::init_service(
        App::new()
            .route("/", web::to(|| async { "plain" }))
            .route("/json", web::to(|| async { web::Json([1, 2]) }))
            .wrap(log),
    )
    .await;
    // `unwrap` needs a body that implements `Debug`.
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
async fn debug_of_the_body_shows_the_inner_body() {
    let (_, log) = Recorder::with_full_log();
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
async fn inner_service_and_body_need_not_be_static_or_clone() {
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

    let (recorder, log) = Recorder::with_full_log();
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
async fn readiness_is_the_readiness_of_the_inner_service() {
    struct Busy;

    impl Service<ServiceRequest> for Busy {
        type Response = ServiceResponse;
        type Error = Error;
        type Future = Ready<Result<ServiceResponse, Error>>;

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Pending
        }

        fn call(&self, _: ServiceRequest) -> Self::Future {
            unreachable!("the service is not ready");
        }
    }

    let (_, log) = Recorder::with_full_log();
    let service = log.new_transform(Busy).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
}

#[actix_web::test]
async fn inner_future_is_polled_once_per_poll_with_the_same_waker() {
    let (_, log) = Recorder::with_full_log();
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
    assert_eq!(polls.get(), 0, "polled by the call");
    let mut cx = Context::from_waker(&wakes.1);
    for nth in 1..=3 {
        assert_eq!(call.as_mut().poll(&mut cx).is_ready(), nth == 3);
        assert_eq!(polls.get(), nth);
    }
    assert_eq!(wakes.0.count(), 0);
}

/// Calls `f` with the payload that a handler inside the logger gets.
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
async fn request_chunks_pass_unchanged_including_empty_ones() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn one_poll_of_the_payload_is_one_poll_of_the_inner_payload() {
    use Item::*;
    let (_, log) = Recorder::with_full_log();
    let text = Bytes::from_static(b"text");
    let inner = Scripted::new([Pending, Chunk(text.clone()), Pending, Fail, End]);
    with_payload(&log, inner.payload(), |_, mut payload| {
        assert_eq!(inner.polls.get(), 0, "polled ahead");
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
        // A poll after an error reaches the inner payload.
        assert!(matches!(poll(5), Poll::Ready(None)));
        assert_eq!(wakes.count(), 0);
        let wakers = inner.wakers.borrow();
        assert!(wakers.len() == 2 && wakers.iter().all(|inner| inner.will_wake(&waker)));
    })
    .await;
    assert_eq!(inner.polls.get(), 5);
}

#[actix_web::test]
async fn logger_keeps_no_reference_to_a_chunk() {
    let (_, log) = Recorder::with_full_log();
    let script = || {
        let chunk = Bytes::from(b"a chunk".to_vec());
        Scripted::new([Item::Chunk(chunk), Item::End])
    };
    with_payload(&log, script().payload(), |_, mut payload| {
        let chunk = payload.next().now_or_never().unwrap();
        assert!(chunk.unwrap().unwrap().is_unique());
    })
    .await;
    let mut body = Box::pin(logged(&log, script()).await);
    let Poll::Ready(Some(Ok(chunk))) = poll(body.as_mut(), Waker::noop()) else {
        panic!("no chunk");
    };
    assert!(chunk.is_unique());
}

#[actix_web::test]
async fn unread_payload_is_not_polled_and_is_dropped_by_the_handler() {
    let (recorder, log) = Recorder::with_full_log();
    let inner = Scripted::of(&chunks(&["unread"]));
    with_payload(&log, inner.payload(), |_, payload| {
        assert_eq!(Rc::strong_count(&inner.polls), 2);
        drop(payload);
        assert_eq!(
            Rc::strong_count(&inner.polls),
            1,
            "the logger holds the payload"
        );
    })
    .await;
    assert_eq!(inner.polls.get(), 0);
    assert_eq!(recorder.only()["http.request.body.size"], 0);
}

#[actix_web::test]
async fn payload_works_after_the_end_of_the_exchange() {
    let (recorder, log) = Recorder::with_full_log();
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
async fn payload_none_stays_none() {
    let (_, log) = Recorder::with_full_log();
    with_payload(&log, Payload::None, |_, payload| {
        assert!(matches!(payload, Payload::None));
    })
    .await;
}

#[actix_web::test]
async fn size_hint_of_the_payload_passes_unchanged() {
    let (_, log) = Recorder::with_full_log();
    let mut inner = Scripted::of(&[]);
    inner.hint = (3, Some(14));
    with_payload(&log, inner.payload(), |_, payload| {
        // `Payload` does not forward the hint of its stream.
        let Payload::Stream { payload } = payload else {
            panic!("the payload is not a stream");
        };
        assert_eq!(payload.size_hint(), (3, Some(14)));
    })
    .await;
}

#[actix_web::test]
async fn body_that_owns_the_payload_streams_its_chunks_unchanged() {
    let (recorder, log) = Recorder::with_full_log();
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
    // The stream body of actix-http skips empty chunks.
    let sent: Vec<_> = sent.into_iter().filter(|chunk| !chunk.is_empty()).collect();
    assert_eq!(places(&received), places(&sent));
    let record = recorder.only();
    assert_eq!(record["http.request.body.content"], "thereand back");
    assert_eq!(record["http.response.body.content"], "thereand back");
}

#[actix_web::test]
async fn bodies_of_other_middleware_can_be_inside() {
    let (recorder, log) = Recorder::with_full_log();
    let either: EitherBody<&str, BoxBody> = EitherBody::new("left");
    assert_eq!(
        logged(&log, either).await.try_into_bytes().ok().unwrap(),
        "left"
    );
    let twice = logged(
        &log,
        logged(&BodyLog::new().exclude_if(|_| true), "twice").await,
    )
    .await;
    assert_eq!(twice.try_into_bytes().ok().unwrap(), "twice");
    assert_eq!(recorder.records().len(), 2);
}

#[actix_web::test]
async fn extensions_of_request_and_response_are_kept() {
    let (_, log) = Recorder::with_full_log();
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
    // A spawned task can hold the request longer.
    let request = res.request().clone();
    drop(res);
    rt::spawn(async move { assert_eq!(request.extensions().get::<u32>(), Some(&7)) })
        .await
        .unwrap();
}
