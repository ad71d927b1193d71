//! The memory budget that all exchanges in flight share.

use std::{
    cell::Cell,
    collections::HashSet,
    io::{Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::mpsc,
    thread,
};

use actix_bodylog::{BodyLog, BodyPolicy, RecordExt as _, RequestIdSource, User};
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Payload, Service as _},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

mod support;
use support::{Recorder, Server, TEST_TIMEOUT, gate::Gate, script::request};

/// Reads the request body and then never answers, so that the captured prefix stays in memory.
async fn read_and_stall(mut body: web::Payload) -> HttpResponse {
    while let Some(chunk) = body.next().await {
        chunk.unwrap();
    }
    std::future::pending().await
}

/// The most that the heads of the exchanges in these tests hold, in bytes.
const MAX_HEADS: usize = 200;

/// Asserts that exchanges in flight hold `bytes` bytes of bodies, and their heads.
#[track_caller]
fn assert_held(log: &BodyLog, bytes: usize) {
    let used = log.stats().budget_used;
    assert!((bytes + 1..=bytes + MAX_HEADS).contains(&used), "{used}");
}

fn text(bytes: usize) -> TestRequest {
    TestRequest::post()
        .insert_header(("content-type", "text/plain"))
        .set_payload("x".repeat(bytes))
}

#[actix_web::test]
async fn body_without_room_in_the_budget_passes_and_is_omitted_with_reason_budget() {
    let (recorder, log) = Recorder::with_log();
    let log = log.memory_budget(1500).response_body(BodyPolicy::Always);
    let app = App::new()
        .route("/stall", web::post().to(read_and_stall))
        .default_service(web::to(async |body: Bytes| {
            HttpResponse::Ok().content_type("text/plain").body(body)
        }))
        .wrap(log.clone());
    let app = init_service(app).await;

    let mut holds = Box::pin(app.call(text(1000).uri("/stall").to_request()));
    assert!(holds.as_mut().now_or_never().is_none());
    assert_held(&log, 1000);

    let res = app.call(text(1000).to_request()).await.unwrap();
    let body = actix_web::body::to_bytes(res.into_body()).await;
    assert_eq!(
        body.unwrap_or_default().len(),
        1000,
        "the response is complete"
    );
    let refused = recorder.only();
    for side in ["request", "response"] {
        assert_eq!(refused[&format!("exchange.{side}.omitted")], "budget");
        assert_eq!(refused[&format!("http.{side}.body.size")], 1000);
        assert_eq!(refused[&format!("http.{side}.body.content")], Value::Null);
    }
    assert_eq!(log.stats().budget_refusals, 2);
    assert_held(&log, 1000);

    drop(holds);
    assert_eq!(recorder.records()[1]["exchange.outcome"], "aborted");
    assert_eq!(log.stats().budget_used, 0);

    let res = app.call(text(700).to_request()).await.unwrap();
    drop(res);
    assert_eq!(
        recorder.records()[2]["http.request.body.content"],
        "x".repeat(700)
    );
    assert_eq!(log.stats().budget_used, 0);
    assert!(log.stats().budget_peak <= 1500);
}

#[actix_web::test]
async fn large_content_length_reserves_only_memory_for_the_bytes_that_arrived() {
    let (_, log) = Recorder::with_log();
    let log = log.request_limit(1 << 30).memory_budget(1 << 30);
    let app = App::new()
        .default_service(web::to(read_and_stall))
        .wrap(log.clone());
    let app = init_service(app).await;
    let (first, rest) = (Bytes::from_static(b"hello"), stream::pending());
    let chunks = stream::iter([Ok(first)]).chain(rest);
    let req = TestRequest::post()
        .insert_header(("content-length", "1000000000"))
        .insert_header(("content-type", "text/plain"))
        .to_request();
    let (req, _) = req.replace_payload(Payload::from(chunks.boxed_local()));
    let mut call = Box::pin(app.call(req));
    assert!(call.as_mut().now_or_never().is_none());
    let used = log.stats().budget_used;
    assert!((5..=256 + MAX_HEADS).contains(&used), "{used}");
}

#[cfg(feature = "charsets")]
#[actix_web::test]
async fn large_first_chunk_without_room_in_the_budget_is_searched_only_up_to_the_limit() {
    let (recorder, log) = Recorder::with_log();
    let chunk = |len: usize| {
        let json = format!(r#"{{"code":500,"a":"{}"}}"#, "x".repeat(len));
        let units = json.encode_utf16().flat_map(u16::to_le_bytes);
        Bytes::from_iter(units)
    };
    let memory = async |chunk: Bytes| {
        let handler = move || {
            let chunk = chunk.clone();
            async move {
                HttpResponse::Ok()
                    .content_type("application/json; charset=utf-16le")
                    .body(chunk)
            }
        };
        let app = App::new()
            .default_service(web::to(handler))
            .wrap(log.clone().memory_budget(0));
        let app = init_service(app).await;
        let req = TestRequest::get().to_request();
        let cost = allocation_counter::measure(|| {
            let res = app.call(req).now_or_never().unwrap().unwrap();
            assert!(res.into_body().try_into_bytes().is_ok());
        });
        cost.bytes_max
    };
    let (small, large) = (memory(chunk(10_000)).await, memory(chunk(10_000_000)).await);
    assert!(large < small + 10_000, "{small} and {large} bytes");
    for record in recorder.records() {
        assert_eq!(record["exchange.response.omitted"], "budget");
        assert_eq!(record["exchange.code"], 500);
    }
}

#[actix_web::test]
async fn clones_share_budget_and_counters() {
    let (recorder, log) = Recorder::with_log();
    let (one, two) = (log.clone(), log.clone().request_limit(1));
    for log in [&one, &two] {
        let app = App::new()
            .default_service(web::to(HttpResponse::Ok))
            .wrap(log.clone());
        let app = init_service(app).await;
        drop(app.call(TestRequest::get().to_request()).await);
    }
    assert_eq!(recorder.records().len(), 2);
    assert_eq!((one.stats(), two.stats()), (log.stats(), log.stats()));
    assert_eq!(log.stats().records, 2);
    let _: BodyLog = one.memory_budget(7);
    assert_eq!(two.stats().budget_limit, 7);
}

#[test]
fn workers_share_budget_counters_and_sinks() {
    const SIZE: usize = 1000;
    let (recorder, log) = Recorder::with_log();
    let (arrived, when_arrived) = mpsc::channel();
    let gate = Gate::default();
    let server = {
        let (log, gate) = (log.clone(), gate.clone());
        let factory = move || {
            let (gate, arrived) = (gate.clone(), arrived.clone());
            let handler = move |body: Bytes| {
                arrived.send(thread::current().id()).unwrap();
                let gate = gate.clone();
                async move {
                    gate.passed().await;
                    body
                }
            };
            App::new()
                .route("/", web::post().to(handler))
                .wrap(log.clone())
        };
        Server::http1_with(factory, |server| server.workers(2))
    };
    let headers = format!("connection: close\r\ncontent-length: {SIZE}\r\n");
    let mut request = request("POST", "/", &headers);
    request.extend_from_slice(&[b'x'; SIZE]);

    let (mut clients, mut workers) = (Vec::new(), HashSet::new());
    while workers.len() < 2 {
        assert!(clients.len() < 100, "one worker got all connections");
        let mut client = server.connect();
        client.write_all(&request).unwrap();
        workers.insert(when_arrived.recv_timeout(TEST_TIMEOUT).unwrap());
        clients.push(client);
    }
    let stats = log.stats();
    assert_eq!(stats.in_flight, clients.len());
    assert!(stats.budget_used >= clients.len() * SIZE, "{stats:?}");
    gate.open();
    for client in &mut clients {
        client.read_to_end(&mut Vec::new()).unwrap();
    }
    recorder.wait_for(clients.len());
    drop(server);
    let stats = log.stats();
    assert_eq!(stats.records, clients.len() as u64);
    assert_eq!((stats.in_flight, stats.budget_used), (0, 0));
}

#[actix_web::test]
async fn failed_or_dropped_response_returns_its_memory_to_the_budget() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new()
        .default_service(web::to(async || {
            let chunks = stream::iter([Ok(Bytes::from(vec![b'x'; 500]))]);
            let chunks = chunks.chain(stream::once(async {
                Err(Error::from(std::io::Error::other("broken")))
            }));
            HttpResponse::Ok()
                .content_type("text/plain")
                .streaming(chunks)
        }))
        .wrap(log.clone());
    let app = init_service(app).await;
    for polls in 0..3 {
        let res = app.call(TestRequest::post().to_request()).await.unwrap();
        let mut body = Box::pin(res.into_body());
        for _ in 0..polls {
            let _ = std::future::poll_fn(|cx| MessageBody::poll_next(body.as_mut(), cx)).await;
        }
        // Memory is held between the first chunk and the error.
        match polls {
            0 => assert_held(&log, 0),
            1 => assert_held(&log, 500),
            _ => assert_eq!(log.stats().budget_used, 0),
        }
        drop(body);
        assert_eq!((log.stats().budget_used, log.stats().in_flight), (0, 0));
    }
    let outcomes: Vec<_> = recorder
        .records()
        .iter()
        .map(|record| record["exchange.outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["replaced", "aborted", "failed"]);
}

#[actix_web::test]
async fn code_is_cut_if_the_budget_has_no_room_for_a_later_chunk() {
    let (recorder, log) = Recorder::with_log();
    let log = log.memory_budget(20).response_body(BodyPolicy::Always);
    let app = App::new()
        .default_service(web::to(async || {
            // The second chunk alone is JSON with a code, and must not be taken for the response.
            let chunks = [r#"{"code":0,"#, r#"{"code":500}"#];
            let chunks = chunks.map(|chunk| Ok::<_, Error>(Bytes::from(chunk)));
            HttpResponse::Ok()
                .content_type("application/json")
                .streaming(stream::iter(chunks))
        }))
        .wrap(log.clone());
    let app = init_service(app).await;
    let res = app.call(TestRequest::get().to_request()).await.unwrap();
    let body = actix_web::body::to_bytes(res.into_body()).await;
    assert_eq!(body.unwrap_or_default(), r#"{"code":0,{"code":500}"#);
    let record = recorder.only();
    assert_eq!(record["exchange.response.omitted"], "budget");
    assert_eq!(record["exchange.code"], Value::Null);
    assert_eq!(record["exchange.code_state"], "cut");
}

#[actix_web::test]
async fn response_whose_content_is_never_shown_takes_only_memory_for_its_code() {
    for (status, content_type, expected) in [
        (200, "application/json", 400),
        (200, "text/plain", 0),
        (101, "text/plain", 0),
    ] {
        let (_, log) = Recorder::with_log();
        let policy = match status {
            101 => BodyPolicy::Always,
            _ => BodyPolicy::Never,
        };
        let log = log.code_limit(400).response_body(policy);
        let app = App::new()
            .default_service(web::to(move || async move {
                let status = StatusCode::from_u16(status).unwrap();
                let chunks = [Ok::<_, Error>(Bytes::from(vec![b' '; 500]))];
                HttpResponse::build(status)
                    .content_type(content_type)
                    .streaming(stream::iter(chunks).chain(stream::pending()))
            }))
            .wrap(log.clone());
        let app = init_service(app).await;
        let res = app.call(TestRequest::get().to_request()).await.unwrap();
        let mut body = Box::pin(res.into_body());
        let _ = std::future::poll_fn(|cx| MessageBody::poll_next(body.as_mut(), cx)).await;
        assert_held(&log, expected);
    }
}

#[test]
fn hostile_multipart_body_takes_little_more_memory_than_its_limit() {
    const LIMIT: usize = 256 * 1024;
    let log = BodyLog::new().response_limit(LIMIT);
    let multipart = HeaderValue::from_static("multipart/form-data; boundary=B");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, multipart)]);
    for (start, piece) in [
        ("", "--B\r\n"),
        ("", "--B\r\n\r\n\r\n"),
        ("--B\r\nContent-Disposition: form-data", "; name=a"),
        ("--B\r\nContent-Disposition: form-data", "; filename=a"),
        ("--B\r\nContent-Disposition: form-data", "; filename*=a"),
        ("--B\r\nContent-Disposition: form-data", ";\r\n name=a"),
        ("--B\r\n", "Content-Disposition: form-data; name=a\r\n"),
        ("--B\r\n", "Content-Type: a\r\n"),
        (
            "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n",
            "a=\"password: ",
        ),
    ] {
        let body = format!(
            "{start}{}\r\n\r\nx\r\n--B--",
            piece.repeat(LIMIT / piece.len() / 2)
        );
        let cost = allocation_counter::measure(|| drop(log.preview(&headers, body.as_bytes())));
        let (max, most) = (cost.bytes_max as usize, 4 * LIMIT);
        assert!(max < most, "{start:?} {piece:?}: {max} bytes");
    }
}

/// A request whose head takes several KiB.
fn with_fat_head() -> TestRequest {
    let mut req = TestRequest::post().uri(&format!("/{}?{}", "p".repeat(900), "q".repeat(900)));
    for name in ["accept", "origin", "referer"] {
        for _ in 0..8 {
            req = req.append_header((name, "h".repeat(500)));
        }
    }
    let req = req.insert_header((header::USER_AGENT, "agent"));
    req.insert_header((header::CONTENT_TYPE, "text/plain"))
}

#[actix_web::test]
async fn nested_logger_that_adds_no_header_takes_no_more_memory() {
    for (inner, takes_more) in [
        (BodyLog::new(), false),
        (BodyLog::new().request_limit(8192), false),
        (BodyLog::new().response_header("etag").redact("iban"), false),
        (BodyLog::new().request_header("accept"), true),
    ] {
        let log = BodyLog::new().sink(Recorder::default());
        let held = async |inner: Option<BodyLog>| {
            let stall = web::resource("{path:.*}").route(web::to(read_and_stall));
            let scope = web::scope("").service(stall);
            let app = match inner {
                Some(inner) => App::new().service(scope.wrap(inner)),
                None => App::new().service(scope),
            };
            let app = init_service(app.wrap(log.clone())).await;
            let mut call = Box::pin(app.call(with_fat_head().to_request()));
            assert!(call.as_mut().now_or_never().is_none());
            log.stats().budget_used
        };
        let alone = held(None).await;
        let nested = held(Some(inner)).await;
        assert_eq!(nested > alone, takes_more, "{nested} and {alone}");
    }
}

#[actix_web::test]
async fn heads_are_taken_from_the_budget() {
    let (recorder, log) = Recorder::with_log();
    let log = log.record_limit(64 * 1024).request_header("accept");
    let app = App::new().default_service(web::to(read_and_stall));
    let app = init_service(app.wrap(log.clone())).await;
    let calls: Vec<_> = (1..=3)
        .map(|nth| {
            let mut call = Box::pin(app.call(with_fat_head().to_request()));
            assert!(call.as_mut().now_or_never().is_none());
            let used = log.stats().budget_used;
            let head = 2 * 900 + 3 * 8 * 500;
            assert!((nth * head..nth * (head + 500)).contains(&used), "{used}");
            call
        })
        .collect();
    drop(calls);
    assert_eq!(log.stats().budget_used, 0);
    for record in recorder.records() {
        assert_eq!(record["exchange.headers_omitted"], Value::Null);
        assert_eq!(
            record["http.request.header.accept"]
                .as_array()
                .map(Vec::len),
            Some(8)
        );
    }
}

#[actix_web::test]
async fn headers_that_the_outer_logger_omitted_are_not_copied_for_an_inner_logger() {
    let (recorder, log) = Recorder::with_log();
    let inner = BodyLog::new()
        .request_header("x-small")
        .redact("origin")
        .request_id(RequestIdSource::Generate);
    let scope = web::scope("")
        .wrap(inner)
        .default_service(web::to(HttpResponse::Ok));
    let app = App::new()
        .service(scope)
        .wrap(log.memory_budget(10_000).request_header("accept"));
    let app = init_service(app).await;
    let req = with_fat_head().insert_header(("x-small", "small"));
    read_body(call_service(&app, req.to_request()).await).await;
    let record = recorder.only();
    assert_eq!(record["exchange.headers_omitted"], "budget");
    assert!(
        !record.to_string().contains("http.request.header."),
        "{record}"
    );
}

#[actix_web::test]
async fn headers_are_omitted_and_then_the_target_is_cut_if_the_budget_has_no_room() {
    for (budget, target, route) in [
        (10_000, 1802, Value::from("/{path}")),
        (1500, 256, Value::from("/{path}")),
        (0, 256, Value::Null),
    ] {
        let (recorder, log) = Recorder::with_log();
        let log = log.memory_budget(budget);
        let handler = async |body: Bytes| HttpResponse::Created().body(body);
        let app = App::new().route("/{path}", web::post().to(handler));
        let app = init_service(app.wrap(log.clone())).await;
        let body = "x".repeat(100);
        let req = with_fat_head().set_payload(body.clone());
        let res = app.call(req.to_request()).await.unwrap();
        assert_eq!(
            res.status(),
            StatusCode::CREATED,
            "no request is refused service"
        );
        let sent = actix_web::body::to_bytes(res.into_body()).await;
        assert_eq!(sent.unwrap_or_default(), body);

        let record = recorder.only();
        assert_eq!(record["exchange.headers_omitted"], "budget");
        for absent in [
            "http.request.header.accept",
            "user_agent.original",
            "exchange.fields_omitted",
        ] {
            assert_eq!(record[absent], Value::Null, "{absent}");
        }
        let shown = record["message"].as_str().unwrap();
        assert_eq!(shown.len(), "POST ".len() + target, "{shown}");
        assert!(shown.starts_with("POST /ppp"));
        for (name, expected) in [
            ("http.route", route),
            ("http.request.method", Value::from("POST")),
            ("http.response.status_code", 201.into()),
            ("http.request.body.size", 100.into()),
            ("http.response.body.size", 100.into()),
            ("exchange.outcome", "completed".into()),
            ("level", "DEBUG".into()),
        ] {
            assert_eq!(record[name], expected, "{name}");
        }
        let stats = log.stats();
        assert!(stats.budget_peak <= budget, "{stats:?}");
        assert_eq!((stats.budget_used, stats.in_flight), (0, 0));
        assert_ne!(stats.budget_refusals, 0);
    }
}

#[actix_web::test]
async fn a_large_head_without_room_in_the_budget_holds_little_memory() {
    const COUNT: u64 = 100;
    let memory = async |log: BodyLog| {
        let app = App::new().default_service(web::to(read_and_stall));
        let app = init_service(app.wrap(log.memory_budget(0))).await;
        let requests: Vec<_> = (0..COUNT).map(|_| with_fat_head().to_request()).collect();
        let mut calls = Vec::with_capacity(requests.len());
        let cost = allocation_counter::measure(|| {
            for req in requests {
                let mut call = Box::pin(app.call(req));
                assert!(call.as_mut().now_or_never().is_none());
                calls.push(call);
            }
        });
        cost.bytes_current
    };
    // An exchange that is skipped holds nothing.
    let without = memory(BodyLog::new().exclude_if(|_| true)).await;
    let (_recorder, log) = Recorder::with_log();
    let above = memory(log).await - without;
    assert!(above < 2048 * COUNT as i64, "{above} bytes");
}

#[actix_web::test]
async fn a_target_that_is_cut_is_redacted_like_a_prefix() {
    let (recorder, log) = Recorder::with_log();
    let app = App::new().default_service(web::to(HttpResponse::Ok));
    let app = init_service(app.wrap(log.memory_budget(0))).await;
    for len in 200..256 {
        let path = format!("/{}/eyJhbGciOi.eyJzdWIiOi.c2ln", "p".repeat(len));
        let query = format!("/?a={}&token=t0ps3cret&b=1", "q".repeat(len));
        let umlauts = format!("/{}", "%C3%BC".repeat(len));
        for uri in [path, query, umlauts] {
            drop(
                app.call(TestRequest::with_uri(&uri).to_request())
                    .await
                    .unwrap(),
            );
        }
    }
    for record in recorder.records() {
        let message = record["message"].as_str().unwrap();
        assert!(
            !message.contains("eyJ") && !message.contains("t0p"),
            "{message}"
        );
        assert!(message.len() <= "GET ".len() + 256 + "[REDACTED]".len());
    }
}

#[actix_web::test]
async fn fields_users_and_errors_are_taken_from_the_budget() {
    let (recorder, log) = Recorder::with_log();
    let held = Rc::new(Cell::new(0));
    let handler = {
        let (log, held) = (log.clone(), Rc::clone(&held));
        move |req: HttpRequest| {
            let used = || log.stats().budget_used;
            let before = used();
            for nth in 0..32 {
                req.record_field(format!("field{nth}"), nth);
            }
            // A field takes memory beside its texts.
            assert!(used() >= before + 32 * 40);
            for nth in 0..40 {
                req.record_field(format!("field{nth}"), "v".repeat(1024));
            }
            let fields = used() - before;
            assert!((32 * 1024..40 * 1024).contains(&fields), "{fields}");
            req.record_field("field0", "short");
            assert!(used() < before + fields - 1000);
            req.record_field("field0", None::<&str>);
            req.record_user(user("u"));
            let with_user = used();
            assert!(with_user >= before + 3 * 256);
            req.record_error("e".repeat(10_000));
            assert!(used() >= with_user + 2000);
            held.set(used());
            std::future::ready(HttpResponse::Ok())
        }
    };
    let app = App::new().default_service(web::to(handler));
    let app = init_service(app.wrap(log.clone())).await;
    drop(app.call(TestRequest::default().to_request()).await.unwrap());
    assert!(held.get() > 32 * 1024 && held.get() < 45 * 1024);
    assert_eq!(recorder.only()["exchange.fields_omitted"], Value::Null);
    assert_eq!(log.stats().budget_used, 0);
}

fn user(part: &str) -> User {
    let part = part.repeat(256);
    User::new(part.clone()).name(part.clone()).role(part)
}

#[actix_web::test]
async fn additions_without_room_in_the_budget_are_omitted() {
    type Add = fn(&HttpRequest);
    let additions: [(&str, Add); 3] = [
        ("tenant", |req| req.record_field("tenant", "t".repeat(900))),
        ("user.id", |req| req.record_user(user("u"))),
        ("exception.message", |req| req.record_error("e".repeat(900))),
    ];
    for (name, add) in additions {
        let (recorder, log) = Recorder::with_log();
        let app = App::new().default_service(web::to(move |req: HttpRequest| {
            let cost = allocation_counter::measure(|| add(&req));
            assert_eq!(cost.bytes_current, 0, "nothing is kept");
            // A small addition that comes later has room.
            req.record_field("small", 1);
            std::future::ready(HttpResponse::Ok())
        }));
        let app = init_service(app.wrap(log.clone().memory_budget(700))).await;
        drop(app.call(TestRequest::default().to_request()).await.unwrap());
        let record = recorder.only();
        assert_eq!(record["exchange.fields_omitted"], "budget", "{name}");
        assert_eq!(record[name], Value::Null);
        assert_eq!(record["small"], 1);
        let stats = log.stats();
        assert!(
            stats.budget_peak <= 700 && stats.budget_used == 0,
            "{stats:?}"
        );
    }
}

#[actix_web::test]
async fn everything_is_within_any_budget_and_given_back_on_every_ending() {
    for budget in (0..12_000).step_by(250) {
        let (recorder, log) = Recorder::with_log();
        let log = log
            .memory_budget(budget)
            .request_id(RequestIdSource::Generate)
            .response_body(BodyPolicy::Always);
        let nested = log
            .clone()
            .redact("tenant")
            .request_header(header::ACCEPT_LANGUAGE);
        let handler = async |req: HttpRequest, body: Bytes| {
            req.record_field("tenant", "t".repeat(500));
            req.record_user(user("u"));
            req.record_error("e".repeat(500));
            match req.path() {
                "/panic" => panic!("the handler panics"),
                "/error" => Err(actix_web::error::ErrorConflict("conflict")),
                "/stall" => std::future::pending().await,
                "/upgrade" => Ok(HttpResponse::SwitchingProtocols().body(body)),
                _ => Ok(HttpResponse::Ok().content_type("text/plain").body(body)),
            }
        };
        let inner = web::scope("").wrap(nested);
        let app = App::new().service(inner.default_service(web::to(handler)));
        let app = init_service(app.wrap(log.clone())).await;
        let paths = ["/", "/panic", "/error", "/stall", "/upgrade", "/taken"];
        for path in paths {
            let req = with_fat_head().uri(path).set_payload("x".repeat(1000));
            let call = AssertUnwindSafe(app.call(req.to_request()));
            let polled = catch_unwind(AssertUnwindSafe(|| call.now_or_never()));
            let stats = log.stats();
            assert!(stats.budget_peak <= budget, "{stats:?}");
            let Ok(Some(Ok(res))) = polled else { continue };
            if path == "/taken" {
                assert!(res.into_body().try_into_bytes().is_ok());
            }
        }
        assert_eq!(recorder.records().len(), paths.len());
        let stats = log.stats();
        assert_eq!((stats.budget_used, stats.in_flight), (0, 0), "{stats:?}");
        assert!(stats.budget_peak <= budget, "{stats:?}");
    }
}
