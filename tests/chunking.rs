//! Properties of bodies in both directions: chunks pass unchanged, and the record does not depend on them.

mod support;

use std::{cell::RefCell, rc::Rc};

use actix_bodylog::BodyPolicy;
use actix_service::{Service, Transform, fn_service};
use actix_web::{
    Error, HttpMessage as _, HttpResponse, body::MessageBody, dev::ServiceRequest, http::header,
    rt::System, test::TestRequest,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use proptest::{prelude::*, sample};
use serde_json::Value;

use support::{Recorder, scripted::Scripted};

/// A body and its Content-Type, which may not fit the body.
fn body() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let text = "[\\PC]{0,60}".prop_map(String::into_bytes);
    let json = (any::<i16>(), "[a-z\\PC]{0,40}").prop_map(|(code, text)| {
        serde_json::json!({"msg": text, "token": "hunter2", "code": code})
            .to_string()
            .into_bytes()
    });
    let form = "[a-z]{1,5}=[a-z%0-9]{0,20}&token=hunter2".prop_map(String::into_bytes);
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let types = sample::select(vec![
        "text/plain",
        "text/plain; charset=latin1",
        "application/json",
        "application/json; charset=x-none",
        "application/x-ndjson",
        "text/event-stream",
        "application/x-www-form-urlencoded",
        "image/png",
    ]);
    (types, prop_oneof![text, json, form, bytes])
}

/// The places at which a body is split into chunks. The same place twice makes an empty chunk.
fn cuts() -> impl Strategy<Value = Vec<sample::Index>> {
    prop::collection::vec(any::<sample::Index>(), 0..8)
}

fn split(body: &[u8], cuts: &[sample::Index]) -> Vec<Bytes> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort();
    let mut start = 0;
    ends.into_iter()
        .map(|end| Bytes::copy_from_slice(&body[std::mem::replace(&mut start, end)..end]))
        .collect()
}

struct Seen {
    request: Vec<Bytes>,
    response: Vec<Bytes>,
    record: Value,
}

/// Runs one exchange through the logger.
fn exchange(
    (request_type, request): (&str, &[Bytes]),
    (response_type, response): (&'static str, &[Bytes]),
    limits: (usize, usize, usize),
) -> Seen {
    let (recorder, log) = Recorder::with_log();
    let log = log
        .request_limit(limits.0)
        .response_limit(limits.1)
        .code_limit(limits.2)
        .response_body(BodyPolicy::Always);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let answer = Scripted::of(response);
    let inner = fn_service({
        let seen = Rc::clone(&seen);
        move |mut req: ServiceRequest| {
            let (seen, answer) = (Rc::clone(&seen), answer.clone());
            async move {
                let mut payload = req.take_payload();
                while let Some(chunk) = payload.next().await {
                    seen.borrow_mut().push(chunk?);
                }
                let res = HttpResponse::Ok()
                    .insert_header((header::CONTENT_TYPE, response_type))
                    .message_body(answer)?;
                Ok::<_, Error>(req.into_response(res))
            }
        }
    });
    let received = System::new().block_on(async {
        let service = log.new_transform(inner).await.unwrap();
        let total: usize = request.iter().map(Bytes::len).sum();
        let (req, _) = TestRequest::post()
            .insert_header((header::CONTENT_TYPE, request_type))
            .insert_header((header::CONTENT_LENGTH, total))
            .to_http_parts();
        let req = ServiceRequest::from_parts(req, Scripted::of(request).payload());
        let mut body = Box::pin(service.call(req).await.unwrap().into_body());
        let mut received = Vec::new();
        while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            received.push(chunk.unwrap());
        }
        received
    });
    let mut record = recorder.only();
    // These differ from run to run.
    for field in ["timestamp", "exchange.duration", "exchange.time_to_head"] {
        assert!(record.as_object_mut().unwrap().remove(field).is_some());
    }
    Seen {
        request: seen.take(),
        response: received,
        record,
    }
}

proptest! {
    #[test]
    fn chunks_pass_unchanged_and_the_record_does_not_depend_on_them(
        (request_type, request) in body(),
        (response_type, response) in body(),
        request_cuts in cuts(),
        response_cuts in cuts(),
        limits in (0_usize..100, 0_usize..100, 0_usize..100),
    ) {
        let up = split(&request, &request_cuts);
        let down = split(&response, &response_cuts);
        let seen = exchange((request_type, &up), (response_type, &down), limits);
        prop_assert_eq!(&seen.request, &up);
        prop_assert_eq!(&seen.response, &down);
        prop_assert_eq!(&seen.record["http.request.body.size"], request.len());
        prop_assert_eq!(&seen.record["http.response.body.size"], response.len());
        for (content, limit) in [
            ("http.request.body.content", limits.0),
            ("http.response.body.content", limits.1),
        ] {
            if let Some(content) = seen.record[content].as_str() {
                prop_assert!(content.len() <= limit);
            }
        }
        let whole = exchange(
            (request_type, &split(&request, &[])),
            (response_type, &split(&response, &[])),
            limits,
        );
        prop_assert_eq!(seen.record, whole.record);
    }

    #[test]
    fn text_below_the_limit_is_recorded_whole_for_any_chunks(
        text in "[a-z é€😀]{1,40}",
        request_cuts in cuts(),
        response_cuts in cuts(),
    ) {
        let up = split(text.as_bytes(), &request_cuts);
        let down = split(text.as_bytes(), &response_cuts);
        let seen = exchange(("text/plain", &up), ("text/plain", &down), (1000, 1000, 0));
        prop_assert_eq!(&seen.record["http.request.body.content"], text.as_str());
        prop_assert_eq!(&seen.record["http.response.body.content"], text.as_str());
        prop_assert_eq!(&seen.record["exchange.response.truncated"], &Value::Null);
    }
}

#[test]
fn json_with_the_content_type_of_a_form_is_redacted() {
    // `curl -d` sends JSON like this if no other type is given.
    let form = "application/x-www-form-urlencoded";
    let body = [Bytes::from_static(
        b"{\"user\":\"ann\",\"password\":\"hunter2\"}",
    )];
    let seen = exchange((form, &body), (form, &body), (1000, 1000, 0));
    assert!(
        !seen.record.to_string().contains("hunter2"),
        "{:#}",
        seen.record
    );
}
