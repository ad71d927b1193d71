//! The settings of one logger, and the decisions that follow from them. The settings of an inner logger replace them.

use std::{fmt, net::IpAddr, sync::Arc};

use actix_web::dev::ServiceRequest;
use log::Level;

use crate::{
    formats::json::code::CodePath,
    head::{Allowlists, client::Proxies, request_id::RequestIds},
    redact::names::Names,
    sampling::Sampling,
};

/// When the content of a response is recorded. The code, size and headers are always recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseBody {
    /// If the level is above the success level, or the method is not GET. The default.
    #[default]
    #[serde(alias = "notable")]
    WhenNotable,
    /// In every record.
    Always,
    /// In no record.
    Never,
}

pub(crate) type CodeLevel = dyn Fn(i64) -> Option<Level> + Send + Sync;
pub(crate) type SkipIf = dyn Fn(&ServiceRequest) -> bool + Send + Sync;

/// The settings of one logger, except its budget, counters and sinks. Sizes are in bytes.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) request_limit: usize,
    pub(crate) response_limit: usize,
    pub(crate) code_limit: usize,
    pub(crate) record_limit: usize,
    pub(crate) code_path: CodePath,
    pub(crate) code_levels: Arc<CodeLevel>,
    pub(crate) success_level: Level,
    pub(crate) response_body: ResponseBody,
    pub(crate) proxies: Proxies,
    pub(crate) request_ids: RequestIds,
    pub(crate) sampling: Sampling,
    pub(crate) skip: Vec<String>,
    pub(crate) skip_if: Vec<Arc<SkipIf>>,
    pub(crate) names: Names,
    /// Set if the key of the code is sensitive.
    pub(crate) hides_code: bool,
    pub(crate) headers: Allowlists,
}

impl Policy {
    /// Changes the sensitive names, and updates what depends on them and on the key of the code.
    pub(crate) fn change_names(&mut self, change: impl FnOnce(&mut Names)) {
        change(&mut self.names);
        self.names.show_code(self.code_path.key());
        self.hides_code = self.names.is_sensitive(self.code_path.key());
        self.headers.rebuild(&self.names);
    }

    /// Returns the address of the client.
    pub(crate) fn client(&self, req: &ServiceRequest) -> Option<IpAddr> {
        let peer = req.peer_addr().map(|address| address.ip());
        self.proxies.client(peer, req.headers())
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

    /// Returns whether a record may show the content of a response.
    pub(crate) fn keeps_response(&self) -> bool {
        self.response_limit > 0 && self.response_body != ResponseBody::Never
    }

    /// Returns whether a record of this level shows the content of the response.
    pub(crate) fn shows_response(&self, level: Level, is_get: bool) -> bool {
        match self.response_body {
            ResponseBody::Always => true,
            ResponseBody::Never => false,
            ResponseBody::WhenNotable => level < self.success_level || !is_get,
        }
    }

    /// Returns whether successful requests for this path are skipped.
    pub(crate) fn skips(&self, path: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == path)
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
            .field("success_level", &self.success_level)
            .field("response_body", &self.response_body)
            .field("proxies", &self.proxies)
            .field("request_ids", &self.request_ids)
            .field("sampling", &self.sampling)
            .field("skip", &self.skip)
            .finish_non_exhaustive()
    }
}
