//! Fields that the application leaves out of its records.

use actix_web::http::header::HeaderName;

use crate::record::{data::Record, user::Roles};

/// Removes one field from a record.
type Remove = fn(&mut Record<'_>);

/// The fields that may be left out, by their names in OpenTelemetry.
const OPTIONAL: [(&str, Remove); 24] = [
    ("http.request.method_original", |record| {
        record.method_original = None;
    }),
    ("url.query", |record| {
        // The query ends the message, after a question mark.
        let query = record.query.take().map_or(0, |query| query.len() + 1);
        record.message = &record.message[..record.message.len().saturating_sub(query)];
    }),
    ("url.scheme", |record| record.scheme = None),
    ("http.route", |record| record.route = None),
    ("network.protocol.version", |record| record.version = None),
    ("server.address", |record| record.server_address = None),
    ("server.port", |record| record.server_port = None),
    ("client.address", |record| record.client_address = None),
    ("network.peer.address", |record| record.peer_address = None),
    ("user_agent.original", |record| record.user_agent = None),
    ("http.request.body.content", |record| {
        record.request_body.remove_content();
    }),
    ("http.response.body.content", |record| {
        record.response_body.remove_content();
    }),
    ("exchange.code", |record| record.code = None),
    ("exchange.code_state", |record| record.code_state = None),
    ("exchange.time_to_head", |record| record.time_to_head = None),
    ("exchange.level_reason", |record| record.level_reason = None),
    ("trace_id", |record| record.trace_id = None),
    ("trace_flags", |record| record.trace_flags = None),
    ("parent_span_id", |record| record.parent_span_id = None),
    ("error.type", |record| record.omits_error_type = true),
    ("exception.message", |record| record.error = None),
    ("user.id", |record| record.user_id = None),
    ("user.name", |record| record.user_name = None),
    ("user.roles", |record| record.user_roles = Roles::default()),
];

/// The fields that must stay, because a record could not be understood without them.
const REQUIRED: [&str; 20] = [
    "timestamp",
    "level",
    "message",
    "http.request.method",
    "url.path",
    "http.request.body.size",
    "http.response.body.size",
    "http.response.status_code",
    "exchange.request.truncated",
    "exchange.response.truncated",
    "exchange.request.malformed",
    "exchange.response.malformed",
    "exchange.request.omitted",
    "exchange.response.omitted",
    "exchange.request.unread",
    "exchange.duration",
    "exchange.outcome",
    "exchange.sample_rate",
    "exchange.headers_omitted",
    "exchange.fields_omitted",
];

/// A field that is left out.
#[derive(Clone, Debug)]
pub(crate) enum Omission {
    Field(Remove),
    RequestHeader(HeaderName),
    ResponseHeader(HeaderName),
}

/// All fields that a logger leaves out, except headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Omissions(Vec<Remove>);

impl Omissions {
    /// Finds a field by its name in OpenTelemetry. Returns the reason why the field cannot be left out otherwise.
    pub(crate) fn parse(name: &str) -> Result<Omission, String> {
        if let Some((_, remove)) = OPTIONAL.iter().find(|(optional, _)| *optional == name) {
            return Ok(Omission::Field(*remove));
        }
        if REQUIRED.contains(&name) {
            return Err(format!(
                "{name:?} cannot be omitted: a record could not be understood without it"
            ));
        }
        let header = |prefix| name.strip_prefix(prefix)?.parse().ok();
        if let Some(header) = header("http.request.header.") {
            return Ok(Omission::RequestHeader(header));
        }
        if let Some(header) = header("http.response.header.") {
            return Ok(Omission::ResponseHeader(header));
        }
        let names = OPTIONAL.map(|(name, _)| name).join(", ");
        Err(format!(
            "{name:?} is not a field of a record. Fields that can be omitted: {names}, http.request.header.<name>, \
             http.response.header.<name>"
        ))
    }

    pub(crate) fn add(&mut self, remove: Remove) {
        self.0.push(remove);
    }

    /// Removes the fields from a record.
    pub(crate) fn apply(&self, record: &mut Record<'_>) {
        for remove in &self.0 {
            remove(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{data::with_every_field, schema::Schema, value, visit};

    fn names(record: &Record<'_>) -> Vec<String> {
        let mut names = Vec::new();
        let mut push = |key: value::Key<'_>, _: value::Value<'_>| names.push(key.name().to_owned());
        visit::visit(record, Schema::OpenTelemetry, &mut push);
        names
    }

    #[test]
    fn every_field_can_be_omitted_or_must_stay() {
        let all = with_every_field(|record| names(&record));
        assert_eq!(all.len(), OPTIONAL.len() + REQUIRED.len());
        for name in &all {
            let Ok(omission) = Omissions::parse(name) else {
                assert!(REQUIRED.contains(&&**name), "{name}");
                continue;
            };
            let Omission::Field(remove) = omission else {
                panic!("{name} is no header");
            };
            let mut omissions = Omissions::default();
            omissions.add(remove);
            let rest = with_every_field(|record| {
                let mut record: Record<'_> = record;
                omissions.apply(&mut record);
                names(&record)
            });
            // Nothing is said about a content that is not there.
            let about_content = match &**name {
                "http.request.body.content" => {
                    ["truncated", "malformed"].map(|mark| format!("exchange.request.{mark}"))
                }
                "http.response.body.content" => {
                    ["truncated", "malformed"].map(|mark| format!("exchange.response.{mark}"))
                }
                _ => Default::default(),
            };
            let expected: Vec<_> = all
                .iter()
                .filter(|other| *other != name && !about_content.contains(other))
                .collect();
            assert_eq!(rest.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_field_that_does_not_exist_or_must_stay_is_an_error_with_the_reason() {
        let error = |name| Omissions::parse(name).unwrap_err();
        assert!(error("url.schema").contains("\"url.schema\" is not a field of a record"));
        assert!(error("url.schema").contains("url.scheme"));
        assert!(error("exchange.outcome").contains("cannot be omitted"));
        for name in [
            "",
            "tenant",
            "http.request.header.",
            "http.request.header.a b",
            "Level",
        ] {
            assert!(error(name).contains("is not a field"), "{name}");
        }
        assert!(matches!(
            Omissions::parse("http.request.header.Referer"),
            Ok(Omission::RequestHeader(header)) if header == "referer"
        ));
    }
}
