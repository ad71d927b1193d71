//! Request ids and trace ids.

use std::cell::RefCell;

use actix_bodylog::{BodyLog, RequestId, RequestIdSource, record::MAX_REQUEST_ID_LEN};
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service as _, ServiceRequest, ServiceResponse},
    error::ErrorForbidden,
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::{Condition, Next, from_fn},
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::{Value, json};

mod support;
use support::{DisabledSink, Recorder, Server, assert_fields};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FIELD: &str = "http.request.header.x-request-id";

fn request(values: &[&[u8]]) -> TestRequest {
    let values = values.iter().map(|value| HeaderValue::from_bytes(value));
    let request = TestRequest::get();
    values.fold(request, |request, value| {
        request.append_header((X_REQUEST_ID, value.unwrap()))
    })
}

fn ids(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(X_REQUEST_ID);
    values
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

/// Answers with the id that the handler sees.
async fn show_id(req: HttpRequest) -> String {
    let id = req.extensions().get::<RequestId>().cloned();
    id.map_or("none".into(), |id| id.to_string())
}

/// Returns the ids of the response, the id that the handler saw, and the record.
async fn exchange(log: BodyLog, req: TestRequest) -> (Vec<String>, String, Value) {
    let recorder = Recorder::default();
    let log = log.sink(recorder.clone());
    let app = init_service(App::new().default_service(web::to(show_id)).wrap(log)).await;
    let res = call_service(&app, req.to_request()).await;
    let sent = ids(res.headers());
    let body = String::from_utf8(read_body(res).await.to_vec()).unwrap();
    (sent, body, recorder.only())
}

fn generating() -> BodyLog {
    BodyLog::new().request_id(RequestIdSource::Generate)
}

#[actix_web::test]
async fn incoming_id_is_recorded_and_changes_nothing_else() {
    let longest = "x".repeat(MAX_REQUEST_ID_LEN);
    for id in ["r-1", longest.as_str()] {
        let (sent, seen, record) = exchange(BodyLog::new(), request(&[id.as_bytes()])).await;
        assert_eq!((sent, seen.as_str()), (vec![], "none"));
        assert_fields(&record, json!({FIELD: [id]}));
    }
}

#[actix_web::test]
async fn invalid_id_is_not_recorded_and_is_replaced_by_a_generated_one() {
    let too_long = "x".repeat(MAX_REQUEST_ID_LEN + 1);
    let others: [&[u8]; 4] = [b"a b", b"", "\u{202e}".as_bytes(), too_long.as_bytes()];
    for id in others {
        let (.., record) = exchange(BodyLog::new(), request(&[id])).await;
        assert_fields(&record, json!({FIELD: null}));
        let (sent, seen, record) = exchange(generating(), request(&[id])).await;
        assert_eq!((seen.len(), &sent), (36, &vec![seen.clone()]));
        assert_fields(&record, json!({FIELD: [seen]}));
    }
}

#[actix_web::test]
async fn id_is_generated_if_the_request_has_none() {
    let (sent, seen, record) = exchange(generating(), request(&[])).await;
    assert_eq!(sent, std::slice::from_ref(&seen));
    assert_fields(&record, json!({FIELD: [seen]}));
    let (other, ..) = exchange(generating(), request(&[])).await;
    assert_ne!(sent, other);

    let (sent, seen, record) = exchange(generating(), request(&[b"r-1"])).await;
    assert_eq!((sent, seen.as_str()), (vec!["r-1".to_owned()], "r-1"));
    assert_fields(&record, json!({FIELD: ["r-1"]}));
}

#[actix_web::test]
async fn id_in_the_response_of_the_application_is_kept() {
    let handler = || async {
        HttpResponse::Ok()
            .insert_header((X_REQUEST_ID, "id-of-the-app"))
            .finish()
    };
    let app = App::new()
        .default_service(web::to(handler))
        .wrap(generating());
    let res = call_service(&init_service(app).await, request(&[]).to_request()).await;
    assert_eq!(ids(res.headers()), ["id-of-the-app"]);
}

async fn refuse<B: MessageBody>(
    _: ServiceRequest,
    _: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    Err(ErrorForbidden("refused"))
}

#[test]
fn response_of_an_error_has_the_id() {
    let recorder = Recorder::default();
    let log = generating().sink(recorder.clone());
    let server = Server::http1(move || App::new().wrap(from_fn(refuse)).wrap(log.clone()));
    let response = server.exchange("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let response = String::from_utf8(response).unwrap();
    let record = recorder.wait_for(1).remove(0);
    let id = record[FIELD][0].as_str().unwrap();
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert!(
        response.contains(&format!("x-request-id: {id}\r\n")),
        "{response}"
    );
}

#[actix_web::test]
async fn nested_loggers_use_one_id() {
    for (outer, inner) in [
        (generating(), generating()),
        (generating(), BodyLog::new()),
        (BodyLog::new(), generating()),
    ] {
        let recorder = Recorder::default();
        let app = App::new()
            .default_service(web::to(show_id))
            .wrap(inner)
            .wrap(outer.sink(recorder.clone()));
        let res = call_service(&init_service(app).await, request(&[]).to_request()).await;
        let sent = ids(res.headers());
        let seen = String::from_utf8(read_body(res).await.to_vec()).unwrap();
        assert_eq!((seen.len(), &sent), (36, &vec![seen.clone()]));
        assert_fields(&recorder.only(), json!({FIELD: [seen]}));
    }
}

#[actix_web::test]
async fn record_has_the_id_that_the_handler_and_the_client_get() {
    for changed in [None, Some("changed")] {
        let change_id = move |mut req: ServiceRequest, next: Next<BoxBody>| {
            req.headers_mut().remove(X_REQUEST_ID);
            if let Some(id) = changed {
                let id = HeaderValue::from_static(id);
                req.headers_mut().insert(X_REQUEST_ID, id);
            }
            next.call(req)
        };
        let recorder = Recorder::default();
        let app = App::new()
            .service(
                web::scope("")
                    .wrap(generating())
                    .default_service(web::to(show_id)),
            )
            .wrap(from_fn(change_id))
            .wrap(BodyLog::new().sink(recorder.clone()));
        let req = request(&[b"of-the-client", b"another"]).to_request();
        let res = call_service(&init_service(app).await, req).await;
        let sent = ids(res.headers());
        assert_eq!(read_body(res).await, sent[0]);
        assert_eq!(changed.is_some_and(|id| id == sent[0]), changed.is_some());
        assert_fields(&recorder.only(), json!({FIELD: sent}));
    }
}

#[actix_web::test]
async fn ids_are_generated_and_sent_without_a_record() {
    let recorder = Recorder::default();
    let skipping = generating().exclude_if(|_| true).sink(recorder.clone());
    let quiet = generating().sink(DisabledSink);
    for (log, outer) in [
        (skipping.clone(), None),
        (quiet.clone(), None),
        // The outer logger does not record the request. It generates an id in the last case only.
        (generating(), Some(BodyLog::off())),
        (skipping, Some(quiet)),
    ] {
        let app = App::new()
            .route("/", web::to(show_id))
            .service(web::resource("/refused").wrap(from_fn(refuse)).to(show_id))
            .wrap(log)
            .wrap(Condition::new(outer.is_some(), outer.unwrap_or_default()));
        let app = init_service(app).await;
        let res = call_service(&app, request(&[]).to_request()).await;
        let sent = ids(res.headers());
        assert_eq!(sent.len(), 1);
        assert_eq!(read_body(res).await, sent[0]);
        let res = call_service(&app, request(&[b"r-1"]).to_request()).await;
        assert_eq!(ids(res.headers()), ["r-1"]);
        let refused = request(&[b"r-2"]).uri("/refused").to_request();
        let error = app.call(refused).await.err().unwrap();
        assert_eq!(ids(error.error_response().headers()), ["r-2"]);
    }
    recorder.wait_for(0);
}

#[actix_web::test]
async fn logger_nested_in_an_off_logger_generates_ids() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .service(
            web::scope("/off")
                .wrap(BodyLog::off())
                .service(web::resource("/in").wrap(generating()).to(show_id)),
        )
        .wrap(log);
    let app = init_service(app).await;
    let res = call_service(&app, TestRequest::with_uri("/off/in").to_request()).await;
    let ids = ids(res.headers());
    assert_eq!(ids.len(), 1);
    assert_eq!(read_body(res).await, ids[0]);
    recorder.wait_for(0);
}

#[actix_web::test]
async fn nested_off_logger_sends_the_id_of_the_outer_logger() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .service(web::resource("/off").wrap(BodyLog::off()).to(show_id))
        .route("/on", web::to(show_id))
        .wrap(log.request_id(RequestIdSource::Generate));
    let app = init_service(app).await;
    let res = call_service(&app, TestRequest::with_uri("/off").to_request()).await;
    let ids = ids(res.headers());
    assert_eq!(ids.len(), 1);
    assert_eq!(read_body(res).await, ids[0]);
    recorder.wait_for(0);
    // The next request gets another id.
    let res = call_service(&app, TestRequest::with_uri("/on").to_request()).await;
    assert_ne!(read_body(res).await, ids[0]);
    assert_ne!(recorder.only()[FIELD], json!(ids));
}

#[actix_web::test]
async fn each_exchange_gets_a_new_id() {
    let log = generating().sink(Recorder::default());
    let app = init_service(App::new().default_service(web::to(show_id)).wrap(log)).await;
    let seen = RefCell::new(Vec::new());
    for _ in 0..3 {
        let res = call_service(&app, request(&[]).to_request()).await;
        seen.borrow_mut().extend(ids(res.headers()));
        read_body(res).await;
    }
    let mut seen = seen.into_inner();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[actix_web::test]
async fn trace_id_is_recorded_if_traceparent_is_well_formed() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";
    let header = format!("00-{TRACE}-{SPAN}-01");
    let malformed = format!("00-{TRACE}-{}-01", "0".repeat(16));
    let found = json!({
        "trace_id": TRACE,
        "trace_flags": "01",
        "parent_span_id": SPAN,
        "http.request.header.traceparent": null,
    });
    let nothing = json!({"trace_id": null, "trace_flags": null, "parent_span_id": null});
    for (headers, expected) in [
        (vec![header.as_str()], &found),
        (vec![malformed.as_str()], &nothing),
        (vec!["token=t0ps3cret"], &nothing),
        // Two traceparent headers are invalid.
        (vec![header.as_str(), header.as_str()], &nothing),
        (vec![], &nothing),
    ] {
        let mut req = TestRequest::get();
        for value in headers {
            req = req.append_header(("traceparent", value));
        }
        let (.., record) = exchange(BodyLog::new(), req).await;
        assert_fields(&record, expected.clone());
    }
}

#[actix_web::test]
async fn keep_does_not_record_an_invalid_id_and_redact_does_not_change_the_sent_id() {
    let (.., record) = exchange(generating().keep("x-request-id"), request(&[b"a b"])).await;
    assert_eq!(record[FIELD][0].as_str().unwrap().len(), 36);
    let (sent, _, record) = exchange(generating().redact("x-request-id"), request(&[])).await;
    assert_eq!(sent[0].len(), 36);
    assert_fields(&record, json!({FIELD: ["[REDACTED]"]}));
}

#[actix_web::test]
async fn request_id_is_an_extractor_that_can_be_sent_to_other_threads() {
    async fn on_another_thread(id: RequestId) -> String {
        let thread = std::thread::spawn(move || format!("{id:>4}"));
        thread.join().unwrap()
    }
    async fn optional(id: Option<RequestId>) -> String {
        id.map_or("none".to_owned(), |id| id.to_string())
    }
    let app = |log: BodyLog| {
        let app = App::new()
            .route("/", web::get().to(on_another_thread))
            .route("/optional", web::get().to(optional));
        init_service(app.wrap(log.sink(Recorder::default())))
    };
    let (incoming, generating) = (app(BodyLog::new()).await, app(generating()).await);
    let ask = |path: &str, ids: &[&[u8]]| request(ids).uri(path).to_request();

    let body = read_body(call_service(&incoming, ask("/", &[b"r1"])).await).await;
    assert_eq!(body, "  r1");
    let body = read_body(call_service(&incoming, ask("/optional", &[b"a b"])).await).await;
    assert_eq!(body, "none");
    let res = call_service(&incoming, ask("/", &[])).await;
    assert_eq!(res.status(), 500);

    let res = call_service(&generating, ask("/optional", &[b"a b"])).await;
    let sent = ids(res.headers());
    assert_eq!(read_body(res).await, sent[0]);
    assert_eq!(sent[0].len(), 36);
}
