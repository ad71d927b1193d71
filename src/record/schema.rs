//! The names under which sinks show the fields of a record.

use log::Level;

/// The names, types and units that a sink uses. Default: [`OpenTelemetry`](Self::OpenTelemetry).
///
/// If a schema has no name for a field, the field keeps its name in
/// [`OpenTelemetry`](Self::OpenTelemetry). Custom fields always keep their names. The record limit
/// applies to a record in each [sink's schema](crate::Sink::schema).
///
/// ```
/// use actix_bodylog::{BodyLog, JsonLines, Schema};
///
/// let body_log = BodyLog::new().sink(JsonLines::stdout().schema(Schema::Ecs));
/// # let _ = body_log;
/// ```
///
/// Deserializes from `open_telemetry`, `ecs` and `google_cloud`, for your own configurations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schema {
    /// The semantic conventions of OpenTelemetry, with the names in the documentation of
    /// [`Record`](crate::Record). Durations are in seconds.
    #[default]
    OpenTelemetry,
    /// The Elastic Common Schema 8.11, with dotted names: `@timestamp`, `log.level` in lower case,
    /// `url.domain`, `client.ip`, `http.version`, `http.request.body.bytes`,
    /// `http.response.body.bytes`, `http.request.id` (the `x-request-id`), `http.request.referrer`,
    /// `trace.id`, `span.id`, `event.duration` in nanoseconds, and `event.outcome`. The outcome is
    /// `failure` if [`Level::Error`] is required or the exchange was not completed, and
    /// otherwise `success`.
    ///
    /// A code is always a string, because a field of an Elasticsearch index has one type.
    Ecs,
    /// Structured logging of Google Cloud: `time`, `severity`, `message`, and an object `httpRequest`
    /// with `requestMethod`, `requestUrl` (redacted), `status`, `userAgent`, `remoteIp`, `referer`,
    /// `latency` (a string such as `"0.123s"`) and `protocol` (`HTTP/1.1`). The `x-request-id` is the
    /// label `request_id`; `logging.googleapis.com/trace` and `/spanId` are the ids of the trace.
    GoogleCloud,
}

/// The schemas that the sinks of a logger use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schemas(u8);

impl Schemas {
    pub(crate) fn add(&mut self, schema: Schema) {
        self.0 |= 1 << schema as u8;
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Schema> {
        let all = [Schema::OpenTelemetry, Schema::Ecs, Schema::GoogleCloud];
        all.into_iter()
            .filter(move |&schema| self.0 & 1 << schema as u8 != 0)
    }

    /// Returns how often the value of one request header can occur in a record.
    pub(crate) fn repeats(self) -> usize {
        match self.iter().any(|schema| schema != Schema::OpenTelemetry) {
            true => 2,
            false => 1,
        }
    }
}

/// Names that differ between schemas, each a [`Key::Ready`](crate::record::visit::Key::Ready).
pub(crate) struct Keys {
    pub(crate) timestamp: &'static str,
    pub(crate) level: &'static str,
    pub(crate) version: &'static str,
    pub(crate) server_address: &'static str,
    pub(crate) client_address: &'static str,
    pub(crate) request_size: &'static str,
    pub(crate) response_size: &'static str,
    pub(crate) trace_id: &'static str,
    pub(crate) span_id: &'static str,
}

impl Schema {
    pub(crate) const fn keys(self) -> &'static Keys {
        match self {
            Schema::OpenTelemetry => &Keys {
                timestamp: r#","timestamp":""#,
                level: r#","level":""#,
                version: r#","network.protocol.version":""#,
                server_address: r#","server.address":""#,
                client_address: r#","client.address":""#,
                request_size: r#","http.request.body.size":"#,
                response_size: r#","http.response.body.size":"#,
                trace_id: r#","trace_id":""#,
                span_id: r#","span_id":""#,
            },
            Schema::Ecs => &Keys {
                timestamp: r#","@timestamp":""#,
                level: r#","log.level":""#,
                version: r#","http.version":""#,
                server_address: r#","url.domain":""#,
                client_address: r#","client.ip":""#,
                request_size: r#","http.request.body.bytes":"#,
                response_size: r#","http.response.body.bytes":"#,
                trace_id: r#","trace.id":""#,
                span_id: r#","span.id":""#,
            },
            Schema::GoogleCloud => &Keys {
                timestamp: r#","time":""#,
                level: r#","severity":""#,
                // The object of the request has these, under other names.
                version: "",
                server_address: "",
                client_address: "",
                request_size: r#","http.request.body.size":"#,
                response_size: r#","http.response.body.size":"#,
                trace_id: r#","logging.googleapis.com/trace":""#,
                span_id: r#","logging.googleapis.com/spanId":""#,
            },
        }
    }

    pub(crate) fn level(self, level: Level) -> &'static str {
        match (self, level) {
            (Schema::OpenTelemetry, _) => level.as_str(),
            (Schema::Ecs, Level::Error) => "error",
            (Schema::Ecs, Level::Warn) => "warn",
            (Schema::Ecs, Level::Info) => "info",
            (Schema::Ecs, Level::Debug) => "debug",
            (Schema::Ecs, Level::Trace) => "trace",
            // The `LogSeverity` of the Cloud Logging API.
            (Schema::GoogleCloud, Level::Error) => "ERROR",
            (Schema::GoogleCloud, Level::Warn) => "WARNING",
            (Schema::GoogleCloud, Level::Info) => "INFO",
            (Schema::GoogleCloud, Level::Debug | Level::Trace) => "DEBUG",
        }
    }
}
