//! A sink that collects records for assertions in tests.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    record::{data::Record, schema::Schema},
    sink::sink_trait::Sink,
};

/// Collects records, so that you can test what is recorded of your application. Clones share the
/// records.
///
/// A record is available after its response was read to the end or dropped.
///
/// ```
/// use actix_bodylog::{BodyLog, RecordExt as _, TestSink};
/// use actix_web::{App, HttpRequest, HttpResponse, test, web};
///
/// async fn handler(req: HttpRequest) -> HttpResponse {
///     req.record_field("tenant", "acme");
///     HttpResponse::Ok().json(serde_json::json!({"code": 0, "token": "t0ps3cret"}))
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let sink = TestSink::new();
/// let body_log = BodyLog::new().sink(sink.clone());
/// let app = test::init_service(App::new().route("/", web::post().to(handler)).wrap(body_log)).await;
/// let res = test::call_service(&app, test::TestRequest::post().to_request()).await;
/// test::read_body(res).await;
///
/// let record = sink.only();
/// assert_eq!(record["level"], "DEBUG");
/// assert_eq!(record["tenant"], "acme");
/// assert_eq!(record["http.response.body.content"], r#"{"code":0,"token":"[REDACTED]"}"#);
/// # }
/// ```
#[derive(Clone, Default)]
pub struct TestSink {
    shared: Arc<Shared>,
    schema: Schema,
}

#[derive(Default)]
struct Shared {
    records: Mutex<Vec<Value>>,
    arrived: Condvar,
}

impl TestSink {
    /// Returns a sink without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }

    /// Returns the records so far, in the order in which the exchanges ended.
    #[must_use]
    pub fn records(&self) -> Vec<Value> {
        self.lock().clone()
    }

    /// Removes and returns the records so far.
    #[must_use]
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.lock())
    }

    /// Returns the only record.
    ///
    /// # Panics
    ///
    /// Panics if the number of records is not one. The message shows all records.
    #[must_use]
    #[track_caller]
    pub fn only(&self) -> Value {
        let records = self.records();
        match <[Value; 1]>::try_from(records) {
            Ok([record]) => record,
            Err(records) => panic!(
                "one record is expected, not {}: {records:#?}",
                records.len()
            ),
        }
    }

    /// Waits until there are at least `count` records, and returns all records without removing them. For
    /// servers on other threads.
    ///
    /// This blocks the thread, so do not use it if the server runs on the same thread.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer than `count` records when `limit` has passed.
    #[must_use]
    #[track_caller]
    pub fn wait_for(&self, count: usize, limit: Duration) -> Vec<Value> {
        let lacks = |records: &mut Vec<Value>| records.len() < count;
        let arrived = &self.shared.arrived;
        let waited = arrived.wait_timeout_while(self.lock(), limit, lacks);
        let (records, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let records = records.clone();
        assert!(
            !timeout.timed_out(),
            "{count} records are expected after {limit:?}, not {}: {records:#?}",
            records.len()
        );
        records
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        let records = self.shared.records.lock();
        records.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for TestSink {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn emit(&self, record: &Record<'_>) {
        // Succeeds: all keys are strings, and all numbers are finite.
        if let Ok(record) = serde_json::to_value(record.in_schema(self.schema)) {
            self.lock().push(record);
            self.shared.arrived.notify_all();
        }
    }
}

impl fmt::Debug for TestSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSink")
            .field("schema", &self.schema)
            .field("records", &self.lock().len())
            .finish()
    }
}
