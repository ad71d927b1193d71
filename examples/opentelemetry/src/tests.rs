//! The fields of a record are exported as attributes, with their types, in the trace of the request.

use actix_bodylog::{BodyLog, LogSink, TestSink, TracingSink};
use actix_web::{
    App,
    middleware::Condition,
    test::{TestRequest, call_service, init_service, read_body},
};
use opentelemetry::logs::{AnyValue, Severity};
use opentelemetry_sdk::{
    logs::{InMemoryLogExporter, SdkLogRecord, SdkLoggerProvider},
    trace::{InMemorySpanExporter, SdkTracerProvider},
};
use serde_json::{Map, Value, json};
use tracing_actix_web::TracingLogger;

use crate::{app, export};

struct Exported {
    logs: InMemoryLogExporter,
    spans: InMemorySpanExporter,
    log_provider: SdkLoggerProvider,
    span_provider: SdkTracerProvider,
}

impl Exported {
    fn new() -> Self {
        let (logs, spans) = (
            InMemoryLogExporter::default(),
            InMemorySpanExporter::default(),
        );
        Self {
            log_provider: SdkLoggerProvider::builder()
                .with_simple_exporter(logs.clone())
                .build(),
            span_provider: SdkTracerProvider::builder()
                .with_simple_exporter(spans.clone())
                .build(),
            logs,
            spans,
        }
    }

    fn logs(&self) -> Vec<SdkLogRecord> {
        let logs = self.logs.get_emitted_logs().unwrap().into_iter();
        let ours = logs.map(|log| log.record);
        ours.filter(|log| log.target().is_some_and(|target| target == "actix_bodylog"))
            .collect()
    }
}

/// Sends an order and a query to the service, with or without spans.
///
/// A test without a subscriber must not create spans: callsites are global, and a callsite that is first
/// reached on a thread without a subscriber may be disabled for all threads.
async fn send_two(body_log: BodyLog, has_spans: bool) {
    let app = App::new()
        .configure(app::routes)
        .wrap(body_log)
        .wrap(Condition::new(has_spans, TracingLogger::default()));
    let app = init_service(app).await;
    let order = TestRequest::post()
        .uri("/orders?coupon=1&api_key=t0ps3cret")
        .insert_header((
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ))
        .insert_header(("accept", "text/html"))
        .peer_addr("192.0.2.7:4711".parse().unwrap())
        .set_json(json!({"items": [1, 2], "card_number": "4111111111111111"}));
    let query = TestRequest::with_uri("/orders/7");
    for req in [order, query] {
        read_body(call_service(&app, req.to_request()).await).await;
    }
}

fn attributes(log: &SdkLogRecord) -> Map<String, Value> {
    let attributes = log.attributes_iter().map(|(key, value)| {
        let value = match value {
            AnyValue::String(text) => json!(text.as_str()),
            AnyValue::Int(number) => json!(number),
            AnyValue::Double(number) => json!(number),
            AnyValue::Boolean(flag) => json!(flag),
            other => panic!("{key} has an unexpected type: {other:?}"),
        };
        (key.to_string(), value)
    });
    attributes.collect()
}

/// Returns the attributes of a record: values of a header are joined, and `elsewhere` is left out.
fn expected(record: &Value, elsewhere: &[&str]) -> Map<String, Value> {
    let fields = record.as_object().unwrap().iter();
    let fields = fields.filter(|(name, _)| !elsewhere.contains(&name.as_str()));
    let flat = fields.map(|(name, value)| match value {
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| value.as_str().unwrap()).collect();
            (name.clone(), json!(values.join(", ")))
        }
        value => (name.clone(), value.clone()),
    });
    flat.collect()
}

/// Replaces the attribute `field.others` by the fields in its JSON object.
fn expand_others(mut attributes: Map<String, Value>) -> Map<String, Value> {
    if let Some(others) = attributes.remove("field.others") {
        let others: Value = serde_json::from_str(others.as_str().unwrap()).unwrap();
        attributes.extend(expected(&others, &[]));
    }
    attributes
}

fn check(logs: &[SdkLogRecord], records: &[Value], elsewhere: &[&str]) {
    assert_eq!((logs.len(), records.len()), (2, 2));
    for (log, record) in logs.iter().zip(records) {
        assert_eq!(expand_others(attributes(log)), expected(record, elsewhere));
        let message = record["message"].as_str().unwrap().to_owned();
        assert_eq!(log.body(), Some(&AnyValue::from(message)));
    }
    let severities = [Severity::Debug, Severity::Warn];
    assert!(
        logs.iter()
            .map(|log| log.severity_number())
            .eq(severities.map(Some))
    );

    let order = expand_others(attributes(&logs[0]));
    assert_eq!(order["items"], 2);
    assert_eq!(order["gift"], false);
    assert_eq!(order["total"], 12.5);
    assert_eq!(order["user.name"], "ann");
    assert_eq!(order["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(order["exchange.code"], 0);
    let text = format!("{logs:?}");
    for secret in ["t0ps3cret", "4111111111111111"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[actix_web::test]
async fn events_have_all_attributes_and_are_in_the_trace_of_their_request() {
    let exported = Exported::new();
    let subscriber = export::subscriber(&exported.log_provider, &exported.span_provider);
    let guard = tracing::subscriber::set_default(subscriber);
    let json = TestSink::new();
    let body_log = BodyLog::new().sink(TracingSink::new()).sink(json.clone());
    send_two(body_log, true).await;
    drop(guard);
    let records = json.take();

    let logs = exported.logs();
    check(&logs, &records, &["timestamp", "level", "message"]);
    let spans = exported.spans.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 2);
    for (log, span) in logs.iter().zip(&spans) {
        let trace = log.trace_context().unwrap();
        assert_eq!(trace.trace_id, span.span_context.trace_id());
        assert_eq!(trace.span_id, span.span_context.span_id());
    }
}

#[actix_web::test]
async fn log_records_have_all_attributes() {
    let exported = Exported::new();
    export::set_logger(&exported.log_provider).unwrap();
    let json = TestSink::new();
    let body_log = BodyLog::new().sink(LogSink::new()).sink(json.clone());
    send_two(body_log, false).await;
    check(&exported.logs(), &json.take(), &["level", "message"]);
}
