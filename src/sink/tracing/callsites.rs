//! The callsites of `tracing`, one for each level of each schema.

use ::tracing::{Value, event, level_filters::STATIC_MAX_LEVEL};
use log::Level;
use tracing_core::{Kind, Metadata, callsite::DefaultCallsite, field::FieldSet, identify_callsite};

use crate::{
    record::{
        flatten::{Pair, Scalar},
        schema::Schema,
    },
    sink::target::TARGET,
};

/// The fields of an event.
pub(super) struct Fields<'r> {
    pub(super) message: &'r str,
    pub(super) fixed: FixedFields<'r>,
    /// JSON object of the headers and the custom fields.
    pub(super) others: Option<String>,
}

/// The fields whose names are fixed, in their order.
pub(super) struct FixedFields<'r>(pub(super) &'r [Pair]);

impl<'r> FixedFields<'r> {
    /// Removes and returns the value of the next field if it has this name.
    ///
    /// The names of the callsites are in the order of the record, so that every field is found.
    fn take(&mut self, name: &str) -> Option<&'r dyn Value> {
        let (first, rest) = self.0.split_first()?;
        if first.name != name {
            return None;
        }
        self.0 = rest;
        Some(match &first.value {
            Scalar::Text(value) => value,
            Scalar::Integer(value) => value,
            Scalar::Unsigned(value) => value,
            Scalar::Float(value) => value,
            Scalar::Bool(value) => value,
        })
    }
}

/// Returns whether a subscriber may be interested in events of this level, by the cached interest in a callsite.
pub(super) fn is_wanted(schema: Schema, level: Level) -> bool {
    match schema {
        Schema::OpenTelemetry => open_telemetry::is_wanted(level),
        Schema::Ecs => ecs::is_wanted(level),
        Schema::GoogleCloud => google_cloud::is_wanted(level),
    }
}

/// Emits an event.
pub(super) fn emit(schema: Schema, level: Level, fields: Fields<'_>) {
    match schema {
        Schema::OpenTelemetry => open_telemetry::emit(level, fields),
        Schema::Ecs => ecs::emit(level, fields),
        Schema::GoogleCloud => google_cloud::emit(level, fields),
    }
}

/// Defines a module with the callsites for a list of names.
macro_rules! callsites {
    ($module:ident, $($name:literal)*) => {
        mod $module {
            use crate::sink::tracing::callsites::*;

            /// Names of the fields of each event.
            pub(super) const NAMES: &[&str] = &["message", $($name,)* "field.others"];

            pub(super) fn is_wanted(level: Level) -> bool {
                match level {
                    Level::Error => is_level_wanted!(NAMES, ERROR),
                    Level::Warn => is_level_wanted!(NAMES, WARN),
                    Level::Info => is_level_wanted!(NAMES, INFO),
                    Level::Debug => is_level_wanted!(NAMES, DEBUG),
                    Level::Trace => is_level_wanted!(NAMES, TRACE),
                }
            }

            pub(super) fn emit(level: Level, fields: Fields<'_>) {
                match level {
                    Level::Error => emit_event!(fields, ERROR, $($name)*),
                    Level::Warn => emit_event!(fields, WARN, $($name)*),
                    Level::Info => emit_event!(fields, INFO, $($name)*),
                    Level::Debug => emit_event!(fields, DEBUG, $($name)*),
                    Level::Trace => emit_event!(fields, TRACE, $($name)*),
                }
            }
        }
    };
}

/// Returns whether a subscriber is interested in a level. Uses a second callsite with the same metadata as
/// [`emit_event`], because `event!` does not expose its callsite.
macro_rules! is_level_wanted {
    ($names:expr, $level:ident) => {{
        static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
        static METADATA: Metadata<'static> = Metadata::new(
            "exchange",
            TARGET,
            ::tracing::Level::$level,
            None,
            None,
            Some(module_path!()),
            FieldSet::new($names, identify_callsite!(&CALLSITE)),
            Kind::EVENT,
        );
        ::tracing::Level::$level <= STATIC_MAX_LEVEL && !CALLSITE.interest().is_never()
    }};
}

macro_rules! emit_event {
    ($fields:ident, $level:ident, $($name:literal)*) => {{
        let Fields {
            message,
            mut fixed,
            others,
        } = $fields;
        event!(
            name: "exchange",
            target: TARGET,
            ::tracing::Level::$level,
            {
                message = message,
                $($name = fixed.take($name),)*
                "field.others" = others.as_deref(),
            }
        );
    }};
}

callsites! {
    open_telemetry,
    "http.request.method"
    "http.request.method_original"
    "url.path"
    "url.query"
    "url.scheme"
    "network.protocol.version"
    "server.address"
    "server.port"
    "client.address"
    "user_agent.original"
    "network.peer.address"
    "http.route"
    "trace_id"
    "trace_flags"
    "parent_span_id"
    "http.request.body.size"
    "http.request.body.content"
    "exchange.request.truncated"
    "exchange.request.malformed"
    "exchange.request.omitted"
    "exchange.request.unread"
    "http.response.status_code"
    "http.response.body.size"
    "http.response.body.content"
    "exchange.response.truncated"
    "exchange.response.malformed"
    "exchange.response.omitted"
    "exchange.code"
    "exchange.code_state"
    "exchange.duration"
    "exchange.time_to_head"
    "exchange.level_reason"
    "exchange.outcome"
    "exchange.headers_omitted"
    "exchange.fields_omitted"
    "exchange.sample_rate"
    "error.type"
    "exception.message"
    "user.id"
    "user.name"
    "user.roles"
}

callsites! {
    ecs,
    "http.request.method"
    "url.path"
    "url.query"
    "url.scheme"
    "http.version"
    "url.domain"
    "url.port"
    "client.ip"
    "user_agent.original"
    "ecs.version"
    "http.request.id"
    "http.request.referrer"
    "event.duration"
    "event.outcome"
    "source.ip"
    "http.route"
    "trace.id"
    "trace_flags"
    "parent.id"
    "http.request.body.bytes"
    "http.request.body.content"
    "exchange.request.truncated"
    "exchange.request.malformed"
    "exchange.request.omitted"
    "exchange.request.unread"
    "http.response.status_code"
    "http.response.body.bytes"
    "http.response.body.content"
    "exchange.response.truncated"
    "exchange.response.malformed"
    "exchange.response.omitted"
    "exchange.code"
    "exchange.code_state"
    "exchange.time_to_head"
    "exchange.level_reason"
    "exchange.outcome"
    "exchange.headers_omitted"
    "exchange.fields_omitted"
    "exchange.sample_rate"
    "error.type"
    "error.message"
    "user.id"
    "user.name"
    "user.roles"
}

callsites! {
    google_cloud,
    "httpRequest.requestMethod"
    "httpRequest.requestUrl"
    "httpRequest.status"
    "httpRequest.userAgent"
    "httpRequest.remoteIp"
    "httpRequest.referer"
    "httpRequest.latency"
    "httpRequest.protocol"
    "logging.googleapis.com/labels.request_id"
    "network.peer.address"
    "http.route"
    "logging.googleapis.com/trace"
    "logging.googleapis.com/trace_sampled"
    "parent_span_id"
    "http.request.body.size"
    "http.request.body.content"
    "exchange.request.truncated"
    "exchange.request.malformed"
    "exchange.request.omitted"
    "exchange.request.unread"
    "http.response.body.size"
    "http.response.body.content"
    "exchange.response.truncated"
    "exchange.response.malformed"
    "exchange.response.omitted"
    "exchange.code"
    "exchange.code_state"
    "exchange.time_to_head"
    "exchange.level_reason"
    "exchange.outcome"
    "exchange.headers_omitted"
    "exchange.fields_omitted"
    "exchange.sample_rate"
    "error.type"
    "error.message"
    "user.id"
    "user.name"
    "user.roles"
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;

    use super::*;
    use crate::{
        record::{
            data::{Record, with_every_field},
            headers::{HeaderField, HeaderValue, Headers},
            part::HeadPart,
        },
        sink::tracing::fixed_fields,
    };

    #[test]
    fn callsites_have_the_names_of_every_field_in_the_order_of_a_record() {
        for (schema, names) in [
            (Schema::OpenTelemetry, open_telemetry::NAMES),
            (Schema::Ecs, ecs::NAMES),
            (Schema::GoogleCloud, google_cloud::NAMES),
        ] {
            // Some schemas have a field for this header.
            let fields = [HeaderField::new("", header::REFERER)];
            let values = [HeaderValue {
                field: 0,
                part: HeadPart::default(),
            }];
            let fixed = with_every_field(|record| {
                let mut record: Record<'_> = record;
                record.request_headers = Headers::new("", true, &values, &fields);
                fixed_fields(&record, schema)
            });
            let fixed: Vec<_> = fixed.iter().map(|field| &*field.name).collect();
            assert_eq!(
                [&["message"], &fixed[..], &["field.others"]].concat(),
                names
            );
        }
    }
}
