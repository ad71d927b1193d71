//! The records of all sinks in all schemas.

#[cfg(feature = "tracing")]
#[path = "tracing/events.rs"]
mod events;

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines, LogSink, RecordExt as _, Schema, Sink, TestSink, User};
use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service as _,
    http::header,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use bytes::Bytes;
use log::{Log, Metadata};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

mod support;
use support::{is_forbidden, key_values::key_values, lines::Lines};

const SCHEMAS: [Schema; 3] = [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud];

/// The logger of this process. Only one test uses it.
struct Logger {
    messages: Mutex<Vec<String>>,
    pairs: Mutex<Vec<Map<String, Value>>>,
}

static LOGGER: Logger = Logger {
    messages: Mutex::new(Vec::new()),
    pairs: Mutex::new(Vec::new()),
};

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "actix_bodylog" {
            let mut pairs = Map::new();
            for (key, value) in key_values(record) {
                assert!(
                    pairs.insert(key.clone(), value).is_none(),
                    "{key} occurs twice"
                );
            }
            let message = record.args().to_string();
            self.messages.lock().unwrap().push(message);
            self.pairs.lock().unwrap().push(pairs);
        }
    }

    fn flush(&self) {}
}

async fn handler(req: HttpRequest, body: Bytes) -> HttpResponse {
    req.record_user(User::new("42").name("ann").role("customer"));
    req.record_field("tenant", "acme");
    req.record_field("user", "not an object");
    req.record_field("cart.items", 3);
    req.record_error("a remark");
    HttpResponse::Ok()
        .content_type("application/json")
        .body(body)
}

/// Sends requests of all kinds: with every field, with almost none, with hostile bytes, and one that is
/// dropped before its response.
async fn send_all(log: BodyLog) {
    let app = App::new()
        .route("/orders/{id}", web::post().to(handler))
        .route("/stall", web::to(std::future::pending::<HttpResponse>))
        .wrap(log);
    let app = init_service(app).await;
    let everything = |code: &'static str| {
        TestRequest::post()
            .uri("/orders/7?a=1&api_key=t0ps3cret")
            .peer_addr("[2001:db8::1]:4711".parse().unwrap())
            .insert_header((header::HOST, "shop.example:8443"))
            .insert_header((header::USER_AGENT, "an \"agent\"\\"))
            .insert_header((header::REFERER, "https://ann:hunter2@h/x?token=t0ps3cret"))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header(("x-request-id", "r-1"))
            .set_payload(format!(r#"{{"code":{code},"password":"hunter2"}}"#))
            .to_request()
    };
    for code in ["0", "500", r#""E42""#] {
        read_body(call_service(&app, everything(code)).await).await;
    }
    let bare = TestRequest::with_uri("/missing").to_request();
    read_body(call_service(&app, bare).await).await;
    let hostile = TestRequest::with_uri("/%0a\"\\?x=%00&password=hunter2")
        .insert_header((header::HOST, "[::1]:80"))
        .insert_header((header::USER_AGENT, b"a\tb\xe2\x80\xa8\xff".as_slice()))
        .to_request();
    read_body(call_service(&app, hostile).await).await;
    let mut stalled = Box::pin(app.call(TestRequest::with_uri("/stall").to_request()));
    assert!(futures_util::poll!(&mut stalled).is_pending());
}

const SENT: usize = 6;

/// Checks values that differ between runs, and replaces them by constants.
fn settled(mut record: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in &mut record {
        match name.as_str() {
            "timestamp" | "@timestamp" | "time" => {
                let text = value.as_str().unwrap();
                assert_eq!((text.len(), text.ends_with('Z')), (27, true), "{text}");
                *value = json!("now");
            }
            // Seconds.
            "exchange.duration" | "exchange.time_to_head" => {
                assert!((0.0..20.0).contains(&value.as_f64().unwrap()), "{value}");
                *value = json!(0.5);
            }
            // Nanoseconds.
            "event.duration" => {
                assert!((1_000..20_000_000_000).contains(&value.as_u64().unwrap()));
                *value = json!(1);
            }
            "httpRequest.latency" => {
                let seconds = value.as_str().unwrap().strip_suffix('s').unwrap();
                assert!(seconds.contains('.') && seconds.parse::<f64>().unwrap() < 20.0);
                *value = json!("0.5s");
            }
            _ => {}
        }
    }
    record
}

/// Returns the record with the names and values that key-values have: objects are flattened, and lists
/// are joined.
fn flat(record: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in record.as_object().unwrap() {
        match value {
            Value::Object(inner) => {
                let inner = inner.iter();
                all.extend(inner.map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            Value::Array(values) => {
                let values = values.iter().map(|value| value.as_str().unwrap());
                all.insert(name.clone(), json!(values.collect::<Vec<_>>().join(", ")));
            }
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
    all
}

fn parsed(lines: &[String]) -> Vec<Map<String, Value>> {
    let records = lines
        .iter()
        .map(|line| flat(&serde_json::from_str(line).unwrap()));
    records.map(settled).collect()
}

/// Returns the records of [`send_all`] by sink.
async fn records_in(schema: Schema) -> BTreeMap<&'static str, Vec<Map<String, Value>>> {
    let [direct, background, rendered, serialized] = [(); 4].map(|()| Lines::default());
    let log = |sink: Box<dyn Sink>| BodyLog::new().sink(sink);
    let mut all = BTreeMap::new();

    send_all(log(Box::new(JsonLines::new(direct.clone()).schema(schema)))).await;
    all.insert("lines", parsed(&direct.take_lines()));

    let lines = JsonLines::background(background.clone(), 1 << 20).schema(schema);
    let body_log = log(Box::new(lines));
    send_all(body_log.clone()).await;
    assert_eq!(body_log.drain(Duration::from_secs(20)).await, Ok(()));
    all.insert("background", parsed(&background.take_lines()));

    let paper = Mutex::new(rendered.clone());
    send_all(BodyLog::new().sink_fn(move |record| {
        record.with_json(schema, |json| {
            writeln!(paper.lock().unwrap(), "{json}").unwrap()
        });
    }))
    .await;
    all.insert("rendered", parsed(&rendered.take_lines()));

    let paper = Mutex::new(serialized.clone());
    send_all(BodyLog::new().sink_fn(move |record| {
        let mut line = serde_json::to_vec(&record.in_schema(schema)).unwrap();
        line.push(b'\n');
        paper.lock().unwrap().write_all(&line).unwrap();
    }))
    .await;
    all.insert("serialized", parsed(&serialized.take_lines()));

    send_all(log(Box::new(LogSink::json().schema(schema)))).await;
    let messages = std::mem::take(&mut *LOGGER.messages.lock().unwrap());
    let pairs = std::mem::take(&mut *LOGGER.pairs.lock().unwrap());
    assert!(pairs.iter().all(Map::is_empty));
    all.insert("messages", parsed(&messages));

    send_all(log(Box::new(LogSink::new().schema(schema)))).await;
    LOGGER.messages.lock().unwrap().clear();
    let pairs = std::mem::take(&mut *LOGGER.pairs.lock().unwrap());
    all.insert("pairs", pairs.into_iter().map(settled).collect());

    let collected = TestSink::new().schema(schema);
    send_all(log(Box::new(collected.clone()))).await;
    let records = collected.take().into_iter();
    all.insert(
        "collected",
        records.map(|record| settled(flat(&record))).collect(),
    );

    #[cfg(feature = "tracing")]
    {
        let fields = events_in(schema).await.into_iter();
        all.insert("events", fields.map(settled).collect());
    }
    all
}

#[cfg(feature = "tracing")]
async fn events_in(schema: Schema) -> Vec<Map<String, Value>> {
    use tracing_subscriber::layer::SubscriberExt as _;

    let events = events::Events::default();
    let subscriber = tracing_subscriber::Registry::default().with(events.clone());
    let guard = tracing::subscriber::set_default(subscriber);
    let sink = actix_bodylog::TracingSink::new().schema(schema);
    send_all(BodyLog::new().sink(sink)).await;
    drop(guard);
    let events = events.take().into_iter();
    let fields = events.map(|event| {
        let mut fields = flat(&event["fields"]);
        if fields.remove("field.others").is_some() {
            fields.extend(flat(&event["others"]));
        }
        fields
    });
    fields.collect()
}

#[actix_web::test]
async fn all_sinks_show_the_same_fields_in_each_schema() {
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for schema in SCHEMAS {
        let mut all = records_in(schema).await;
        let lines = all.remove("lines").unwrap();
        assert_eq!(lines.len(), SENT);
        let (time, level) = names(schema);
        // Loggers and events have separate places for these fields.
        let mut places = vec![("pairs", ["message", level])];
        if cfg!(feature = "tracing") {
            places.push(("events", [time, level]));
        }
        for (sink, elsewhere) in places {
            let without = lines.iter().cloned().map(|mut record| {
                assert!(elsewhere.iter().all(|name| record.remove(*name).is_some()));
                record
            });
            let without: Vec<_> = without.collect();
            assert_eq!(all.remove(sink).unwrap(), without, "{sink}, {schema:?}");
        }
        for (sink, records) in all {
            assert_eq!(records, lines, "{sink}, {schema:?}");
        }
        check(schema, &lines);
    }
}

/// Returns the names of the time and the level.
fn names(schema: Schema) -> (&'static str, &'static str) {
    match schema {
        Schema::Ecs => ("@timestamp", "log.level"),
        Schema::GoogleCloud => ("time", "severity"),
        _ => ("timestamp", "level"),
    }
}

/// Checks what holds for every record in a schema.
fn check(schema: Schema, records: &[Map<String, Value>]) {
    for record in records {
        let text = serde_json::to_string(record).unwrap();
        for secret in ["hunter2", "t0ps3cret", "ann:"] {
            assert!(!text.contains(secret), "{schema:?}: {text}");
        }
        for value in record.values() {
            // A string inside of an object or a list is part of this text, with its escapes.
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let has_forbidden = text.contains(is_forbidden) || text.contains("\\u");
            assert!(!has_forbidden, "{schema:?}: {text:?}");
        }
        // A store that turns dotted names into objects accepts the record.
        let mut names: Vec<_> = record.keys().map(|name| format!("{name}.")).collect();
        names.sort();
        let are_apart = |pair: &[String]| !pair[1].starts_with(&pair[0]);
        assert!(names.windows(2).all(are_apart), "{names:?}");
        assert!(record.contains_key(self::names(schema).0), "{text}");
    }
    // A field has the same type in all records, except the code, which may be a number or a string.
    let mut types = BTreeMap::new();
    for (name, value) in records.iter().flatten() {
        let kind = (value.is_string(), value.is_number());
        let is_code = name == "exchange.code" && schema != Schema::Ecs;
        assert!(
            is_code || *types.entry(name).or_insert(kind) == kind,
            "{name}"
        );
    }
}

async fn lines_in(schema: Schema) -> Vec<Value> {
    let paper = Lines::default();
    send_all(BodyLog::new().sink(JsonLines::new(paper.clone()).schema(schema))).await;
    let lines = paper.take_lines();
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[actix_web::test]
async fn ecs_has_its_names_and_types() {
    let records = lines_in(Schema::Ecs).await;
    let record = settled(flat(&records[1]));
    assert_eq!(
        Value::Object(record),
        json!({
            "@timestamp": "now",
            "log.level": "error",
            "message": "POST /orders/7?a=1&api_key=[REDACTED]",
            "ecs.version": "9.4.0",
            "http.request.method": "POST",
            "url.path": "/orders/7",
            "url.query": "a=1&api_key=[REDACTED]",
            "url.scheme": "http",
            "url.domain": "shop.example",
            "url.port": 8443,
            "http.route": "/orders/{id}",
            "http.version": "1.1",
            "client.ip": "2001:db8::1",
            "user_agent.original": "an \"agent\"\\",
            "http.request.id": "r-1",
            "http.request.referrer": "https://[REDACTED]@h/x?token=[REDACTED]",
            "http.request.header.content-type": "application/json",
            "http.request.header.referer": "https://[REDACTED]@h/x?token=[REDACTED]",
            "http.request.header.x-request-id": "r-1",
            "http.request.body.bytes": 33,
            "http.request.body.content": "{\"code\":500,\"password\":\"[REDACTED]\"}",
            "http.response.status_code": 200,
            "http.response.header.content-type": "application/json",
            "http.response.body.bytes": 33,
            "http.response.body.content": "{\"code\":500,\"password\":\"[REDACTED]\"}",
            "exchange.code": "500",
            "event.duration": 1,
            "exchange.time_to_head": 0.5,
            "exchange.level_reason": "code",
            "exchange.outcome": "completed",
            "event.outcome": "failure",
            "error.message": "a remark",
            "user.id": "42",
            "user.name": "ann",
            "user.roles": "customer",
            "tenant": "acme",
            "field.user": "not an object",
            "cart.items": 3,
        })
    );
    let outcomes = records.iter().map(|record| &record["event.outcome"]);
    let outcomes: Vec<_> = outcomes.map(|outcome| outcome.as_str().unwrap()).collect();
    // A request that the client got wrong is not a failure; an exchange that was not completed is.
    assert_eq!(
        outcomes,
        [
            "success", "failure", "success", "success", "success", "failure"
        ]
    );
    let addresses = records.iter().filter_map(|record| record.get("client.ip"));
    let addresses: Vec<_> = addresses.map(|address| address.as_str().unwrap()).collect();
    assert!(!addresses.is_empty());
    for address in addresses {
        assert!(address.parse::<IpAddr>().is_ok(), "{address}");
    }
}

#[actix_web::test]
async fn google_cloud_has_its_names_and_types() {
    let records = lines_in(Schema::GoogleCloud).await;
    let mut record = records[1].clone();
    let latency = record["httpRequest"]["latency"].take();
    let latency = latency.as_str().unwrap().strip_suffix('s').unwrap();
    assert!(latency.parse::<f64>().unwrap() < 20.0);
    assert_eq!(
        record["httpRequest"],
        json!({
            "requestMethod": "POST",
            "requestUrl": "http://shop.example:8443/orders/7?a=1&api_key=[REDACTED]",
            "status": 200,
            "userAgent": "an \"agent\"\\",
            "remoteIp": "2001:db8::1",
            "referer": "https://[REDACTED]@h/x?token=[REDACTED]",
            "latency": null,
            "protocol": "HTTP/1.1",
        })
    );
    assert_eq!(
        record["logging.googleapis.com/labels"],
        json!({"request_id": "r-1"})
    );
    assert_eq!(record["severity"], "ERROR");
    assert_eq!(record["http.route"], "/orders/{id}");
    assert_eq!(record["http.request.body.size"], 33);
    // Fields in the object do not occur outside of it.
    for name in ["url.path", "http.response.status_code", "client.address"] {
        assert_eq!(record.get(name), None);
    }
    let severities = records.iter().map(|record| &record["severity"]);
    let severities: Vec<_> = severities.map(|level| level.as_str().unwrap()).collect();
    assert_eq!(
        severities,
        ["DEBUG", "ERROR", "DEBUG", "WARNING", "WARNING", "WARNING"]
    );
    let urls = records
        .iter()
        .map(|record| record["httpRequest"]["requestUrl"].as_str().unwrap());
    let urls: Vec<_> = urls.collect();
    assert_eq!(urls[3], "/missing");
    assert_eq!(
        urls[4],
        r#"http://[::1]:80/%0a"\?x=%00&password=[REDACTED]"#
    );
    // Without a response, the status is absent.
    assert_eq!(records[5]["httpRequest"].get("status"), None);
}

#[test]
fn a_record_fits_into_its_limit_in_every_schema() {
    let text = r#"[a-z"\\=&é]{0,3000}"#;
    proptest!(ProptestConfig::with_cases(60), |(
        path in "[a-z%/]{0,2500}", query in "[a-z%&=]{0,2500}", agent in "[a-z\"\\\\ ]{0,600}",
        referer in "[a-z\"\\\\/]{0,600}", host in "[a-z.]{1,300}", body in text, limit in 1024_usize..6000,
        schema in prop::sample::select(&SCHEMAS[..]), other in prop::sample::select(&SCHEMAS[..]),
    )| {
        let [one, two] = [(); 2].map(|()| Lines::default());
        let log = BodyLog::new()
            .record_limit(limit)
            .sink(JsonLines::new(one.clone()).schema(schema))
            .sink(JsonLines::new(two.clone()).schema(other));
        actix_web::rt::System::new().block_on(async {
            let app = init_service(App::new().default_service(web::to(handler)).wrap(log)).await;
            let req = TestRequest::post()
                .uri(&format!("/{path}?{query}"))
                .insert_header((header::HOST, host))
                .insert_header((header::USER_AGENT, agent))
                .insert_header((header::REFERER, referer))
                .set_payload(body)
                .to_request();
            read_body(call_service(&app, req).await).await;
        });
        for line in [one.take_lines(), two.take_lines()].concat() {
            prop_assert!(line.len() < limit, "{} of {limit}: {line}", line.len() + 1);
            let record: Value = serde_json::from_str(&line).unwrap();
            let outcome = record.get("exchange.outcome");
            prop_assert_eq!(outcome.and_then(Value::as_str), Some("completed"));
        }
    });
}

#[actix_web::test]
async fn records_serialize_in_the_default_schema() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = BodyLog::new().sink_fn({
        let seen = Arc::clone(&seen);
        move |record| {
            let same = [json!(record), json!(record.in_schema(Schema::default()))];
            seen.lock().unwrap().push(same);
        }
    });
    send_all(log).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), SENT);
    assert!(seen.iter().all(|[plain, named]| plain == named));
    assert!(seen[0][0].get("url.path").is_some());
}
