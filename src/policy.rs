//! The settings of one logger, and the decisions that follow from them.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use actix_web::{
    dev::ServiceRequest,
    http::{StatusCode, header::HeaderName},
};
use log::Level;

use crate::{
    content::OmitReason,
    formats::json::code::CodePath,
    head::{Allowlists, client::Proxies, request_id::RequestIdSource},
    record::{
        field::{Field, FieldValue},
        level::{default_code_level, default_status_level},
        omission::{Omission, Omissions},
    },
    redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
    },
    sampling::Sampling,
    util::{catch_panic::catch_panic, text_enum::text_enum},
};

text_enum! {
    /// When the content of a body is recorded. Sizes, headers and the code are always recorded.
    #[derive(Default)]
    pub enum BodyPolicy {
        /// In every record.
        Always = "always",
        /// If the level is above the [success level](crate::BodyLog::success_level), or the method is not GET.
        /// Otherwise, the body is [omitted](OmitReason::Policy). The configuration may also say `notable`.
        #[default]
        WhenNotable = "when_notable" | "notable",
        /// If the level is above the [success level](crate::BodyLog::success_level). Otherwise, the body is
        /// [omitted](OmitReason::Policy).
        OnFailure = "on_failure",
        /// In no record. Nothing is captured for it.
        Never = "never",
    }
}

impl BodyPolicy {
    /// Returns the reason why the content of a body is not shown, if it does not depend on the body. `limit` is the
    /// number of bytes that may be shown.
    pub(crate) fn omits(self, limit: usize, is_raised: bool, is_get: bool) -> Option<OmitReason> {
        if limit == 0 {
            return Some(OmitReason::Disabled);
        }
        match self {
            Self::Never => Some(OmitReason::Disabled),
            Self::OnFailure if !is_raised => Some(OmitReason::Policy),
            Self::WhenNotable if !is_raised && is_get => Some(OmitReason::Policy),
            Self::Always | Self::WhenNotable | Self::OnFailure => None,
        }
    }
}

pub(crate) type CodeLevel = dyn Fn(i64) -> Option<Level> + Send + Sync;
pub(crate) type StatusLevel = dyn Fn(StatusCode) -> Option<Level> + Send + Sync;

/// The settings of one logger, except its budget, counters, filters and sinks. Sizes are in bytes.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) request_limit: usize,
    pub(crate) response_limit: usize,
    pub(crate) code_limit: usize,
    pub(crate) record_limit: usize,
    pub(crate) code_path: CodePath,
    /// `None` is [`default_code_level`].
    pub(crate) code_levels: Option<Arc<CodeLevel>>,
    /// `None` is [`default_status_level`].
    pub(crate) status_levels: Option<Arc<StatusLevel>>,
    /// The time to the response head from which an exchange is slow.
    pub(crate) slow: Option<Duration>,
    pub(crate) success_level: Level,
    pub(crate) request_body: BodyPolicy,
    pub(crate) response_body: BodyPolicy,
    pub(crate) proxies: Proxies,
    pub(crate) request_ids: RequestIdSource,
    pub(crate) sampling: Sampling,
    pub(crate) names: Names,
    /// The fields of every record.
    pub(crate) fields: Vec<Field>,
    /// The same fields before redaction.
    pub(crate) raw_fields: Vec<(String, FieldValue<'static>)>,
    /// Set if the application hides a key on the path to the code.
    pub(crate) hides_code: bool,
    /// Shared, so that it is known whether an inner logger changed them.
    pub(crate) headers: Arc<Allowlists>,
    pub(crate) omissions: Omissions,
}

impl Policy {
    /// Sets the place of the code.
    pub(crate) fn set_code_path(&mut self, path: CodePath) {
        self.code_path = path;
        self.update_hides_code();
    }

    fn update_hides_code(&mut self) {
        let mut keys = self.code_path.keys().iter();
        self.hides_code = keys.any(|key| self.names.is_redacted(key));
    }

    /// Changes the sensitive names, and updates what depends on them.
    pub(crate) fn change_names(&mut self, change: impl FnOnce(&mut Names)) {
        change(&mut self.names);
        self.update_hides_code();
        Arc::make_mut(&mut self.headers).rebuild(&self.names);
        self.redact_fields();
    }

    /// Adds a field to every record, in place of an earlier field with the same name.
    pub(crate) fn add_field(&mut self, name: &str, value: &FieldValue<'static>) {
        self.raw_fields.retain(|(earlier, _)| earlier != name);
        self.raw_fields.push((name.to_owned(), value.clone()));
        self.redact_fields();
    }

    fn redact_fields(&mut self) {
        let keys = KeyCache::new();
        let redactor = Redactor::new(&self.names, &keys);
        let fields = self.raw_fields.iter().cloned();
        self.fields = fields
            .filter_map(|(name, value)| Field::sanitized(&name, value, redactor))
            .collect();
    }

    /// Returns the address of the client, and that of the peer if it is not the client.
    pub(crate) fn client_and_peer(&self, req: &ServiceRequest) -> (Option<IpAddr>, Option<IpAddr>) {
        let peer = req.peer_addr().map(|address| address.ip().to_canonical());
        let client = self.proxies.client(peer, req.headers());
        (client, peer.filter(|_| peer != client))
    }

    /// Adds a request header to every record.
    pub(crate) fn add_request_header(&mut self, header: &HeaderName) {
        Arc::make_mut(&mut self.headers)
            .request
            .add(header, &self.names);
    }

    /// Adds a response header to every record.
    pub(crate) fn add_response_header(&mut self, header: &HeaderName) {
        Arc::make_mut(&mut self.headers)
            .response
            .add(header, &self.names);
    }

    /// Leaves a field out of every record.
    pub(crate) fn omit(&mut self, omission: &Omission) {
        match omission {
            Omission::Field(remove) => self.omissions.add(*remove),
            Omission::RequestHeader(header) => {
                Arc::make_mut(&mut self.headers)
                    .request
                    .omit(header, &self.names);
            }
            Omission::ResponseHeader(header) => {
                Arc::make_mut(&mut self.headers)
                    .response
                    .omit(header, &self.names);
            }
        }
    }

    /// Returns the level that a code requires.
    pub(crate) fn code_level(&self, code: i64) -> Option<Level> {
        match &self.code_levels {
            Some(levels) => levels(code),
            None => default_code_level(code),
        }
    }

    /// Returns the level that a status requires.
    pub(crate) fn status_level(&self, status: StatusCode) -> Option<Level> {
        match &self.status_levels {
            Some(levels) => levels(status),
            None => default_status_level(status),
        }
    }

    /// Returns the number of bytes that are kept of a response, if its content may be recorded.
    pub(crate) fn kept_limit(&self, wants_code: bool) -> usize {
        match wants_code {
            true => self.response_limit.max(self.code_limit),
            false => self.response_limit,
        }
    }

    /// Returns the level of a record. `required` is the most severe level that its code, status, outcome or malformed
    /// response requires.
    pub(crate) fn level(&self, required: Option<Level>) -> Level {
        // `log` orders levels by verbosity: the smallest is the most severe.
        required.map_or(self.success_level, |level| level.min(self.success_level))
    }
}

impl Drop for Policy {
    /// Drops the functions of the application, whose destructors may panic, perhaps while the thread unwinds.
    fn drop(&mut self) {
        let levels = self.code_levels.take();
        catch_panic(|| drop(levels));
        let levels = self.status_levels.take();
        catch_panic(|| drop(levels));
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("request_limit", &self.request_limit)
            .field("response_limit", &self.response_limit)
            .field("code_limit", &self.code_limit)
            .field("record_limit", &self.record_limit)
            .field("code_path", &self.code_path)
            .field("slow", &self.slow)
            .field("success_level", &self.success_level)
            .field("request_body", &self.request_body)
            .field("response_body", &self.response_body)
            .field("proxies", &self.proxies)
            .field("request_ids", &self.request_ids)
            .field("sampling", &self.sampling)
            .finish_non_exhaustive()
    }
}
