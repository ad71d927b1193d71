//! The names under which sinks show the fields of a record.

use log::Level;

use crate::util::text_enum::text_enum;

text_enum! {
    /// The names, types and units that a sink uses. Default: [`OpenTelemetry`](Self::OpenTelemetry).
    ///
    /// If a schema has no name for a field, the field keeps its name in
    /// [`OpenTelemetry`](Self::OpenTelemetry). A custom field has the same name in every schema. The record limit
    /// applies to a record in each [sink's schema](crate::Sink::schema).
    ///
    /// ```
    /// use actix_bodylog::{BodyLog, JsonLines, Schema};
    ///
    /// let body_log = BodyLog::new().sink(JsonLines::stdout().schema(Schema::Ecs));
    /// # let _ = body_log;
    /// ```
    ///
    /// # Changes
    ///
    /// The conventions change, and this crate follows them. A field is renamed or removed, or changes its type or unit,
    /// only in a release that breaks compatibility (a new minor version before 1.0). The changelog lists each such
    /// change. New fields may come with every release.
    #[derive(Default)]
    pub enum Schema {
        /// The semantic conventions of OpenTelemetry, version 1.45, with the names in the documentation of
        /// [`Record`](crate::Record). Durations are in seconds. `trace_id` and `trace_flags` are those of "Trace
        /// Context in non-OTLP Log Formats". Fields for which the conventions have no name are under `exchange.`,
        /// except `timestamp`, `level`, `message` and `parent_span_id`.
        #[default]
        OpenTelemetry = "open_telemetry",
        /// The Elastic Common Schema, version 9.4, with dotted names: `@timestamp`, `log.level` in lower case,
        /// `url.domain`, `url.port`, `client.ip`, `source.ip` (the peer, if it is not the client), `http.version`,
        /// `http.request.method` (as in the request), `http.request.body.bytes`, `http.response.body.bytes`,
        /// `http.request.id` (the `x-request-id`), `http.request.referrer`, `trace.id`, `parent.id` (of Elastic APM),
        /// `error.message`, `event.duration` in nanoseconds, and `event.outcome`, which is `failure` if
        /// [`Level::Error`] is required, or if the exchange failed, was aborted or panicked, and otherwise `success`.
        ///
        /// A code is always a string, because a field of an Elasticsearch index has one type.
        Ecs = "ecs",
        /// Structured logging of Google Cloud, as in version 2 of the Cloud Logging API: `time`, `severity`, `message`,
        /// and an object `httpRequest` with `requestMethod` (as in the request), `requestUrl` (redacted), `status`,
        /// `userAgent`, `remoteIp`, `referer`, `latency` (a string such as `"0.123s"`) and `protocol` (`HTTP/1.1`). The
        /// `x-request-id` is the label `request_id`; `logging.googleapis.com/trace` is the id of the trace, and
        /// `logging.googleapis.com/trace_sampled` its flag. There is no `logging.googleapis.com/spanId`, because the
        /// span of a `traceparent` is the caller's. `error.message` has the errors.
        GoogleCloud = "google_cloud",
    }
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

/// Names that differ between schemas, each a [`Key::Ready`](crate::record::value::Key::Ready).
pub(crate) struct Keys {
    pub(crate) timestamp: &'static str,
    pub(crate) level: &'static str,
    pub(crate) version: &'static str,
    pub(crate) server_address: &'static str,
    pub(crate) server_port: &'static str,
    pub(crate) client_address: &'static str,
    pub(crate) peer_address: &'static str,
    pub(crate) request_size: &'static str,
    pub(crate) response_size: &'static str,
    pub(crate) trace_id: &'static str,
    pub(crate) parent_span_id: &'static str,
    pub(crate) error: &'static str,
}

impl Schema {
    pub(crate) const fn keys(self) -> &'static Keys {
        match self {
            Schema::OpenTelemetry => &Keys {
                timestamp: r#","timestamp":""#,
                level: r#","level":""#,
                version: r#","network.protocol.version":""#,
                server_address: r#","server.address":""#,
                server_port: r#","server.port":"#,
                client_address: r#","client.address":""#,
                peer_address: r#","network.peer.address":""#,
                request_size: r#","http.request.body.size":"#,
                response_size: r#","http.response.body.size":"#,
                trace_id: r#","trace_id":""#,
                parent_span_id: r#","parent_span_id":""#,
                error: r#","exception.message":""#,
            },
            Schema::Ecs => &Keys {
                timestamp: r#","@timestamp":""#,
                level: r#","log.level":""#,
                version: r#","http.version":""#,
                server_address: r#","url.domain":""#,
                server_port: r#","url.port":"#,
                client_address: r#","client.ip":""#,
                peer_address: r#","source.ip":""#,
                request_size: r#","http.request.body.bytes":"#,
                response_size: r#","http.response.body.bytes":"#,
                trace_id: r#","trace.id":""#,
                parent_span_id: r#","parent.id":""#,
                error: r#","error.message":""#,
            },
            Schema::GoogleCloud => &Keys {
                timestamp: r#","time":""#,
                level: r#","severity":""#,
                // The object of the request has these, under other names.
                version: "",
                server_address: "",
                server_port: "",
                client_address: "",
                peer_address: r#","network.peer.address":""#,
                request_size: r#","http.request.body.size":"#,
                response_size: r#","http.response.body.size":"#,
                trace_id: r#","logging.googleapis.com/trace":""#,
                parent_span_id: r#","parent_span_id":""#,
                error: r#","error.message":""#,
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
