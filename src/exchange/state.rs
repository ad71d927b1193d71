//! What is known of an exchange so far.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{dev::ServiceRequest, http::StatusCode};

use crate::{
    capture::{budget::Budget, prefix::Capture},
    content::unsupported,
    exchange::result_code::FirstChunkCode,
    head::{Announced, ResponseHeadCopy, heads::Heads, request_id::RequestId},
    logger::Logger,
    policy::Policy,
    record::{errors::Errors, field::Field, user::User},
};

/// Bytes that are kept of each buffer for the next exchange: what the defaults need.
pub(crate) const MAX_KEPT: usize = 4096;

/// What is known so far. After the exchange it is empty, except for the memory of its buffers.
pub(crate) struct State {
    /// The innermost nested logger, whose policy applies.
    pub(crate) inner: Option<Arc<Logger>>,
    /// The path is skipped unless something goes wrong.
    pub(crate) skip: bool,
    pub(crate) timestamp: SystemTime,
    pub(crate) heads: Heads,
    pub(crate) request: Capture,
    /// The id that the request was given. In a box, because most requests are given none.
    pub(crate) id: Option<Box<RequestId>>,
    /// The payload was read to its end.
    pub(crate) request_ended: bool,
    pub(crate) request_failed: bool,
    /// The matched pattern, as the application wrote it.
    pub(crate) route: Option<String>,
    pub(crate) response: Option<Response>,
    /// Nothing is kept before there is a response.
    pub(crate) response_body: Capture,
    /// The inner service returned an error.
    pub(crate) error_returned: bool,
    /// The status of that error, until a response is made of it.
    pub(crate) error_status: Option<StatusCode>,
    /// In a box, because many exchanges are in flight before anybody says who they belong to.
    pub(crate) user: Option<Box<User>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) errors: Errors,
}

/// What is known of the response.
pub(crate) struct Response {
    pub(crate) head: ResponseHeadCopy,
    pub(crate) time_to_head: Duration,
    /// The response may have a code.
    pub(crate) wants_code: bool,
    /// The code of a response of which the budget let nothing be kept. In a box, because few responses need
    /// the room.
    pub(crate) first_chunk_code: Option<Box<FirstChunkCode>>,
    /// The response is complete even if its body is dropped without being polled.
    pub(crate) complete_unpolled: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            inner: None,
            skip: false,
            timestamp: SystemTime::UNIX_EPOCH,
            heads: Heads::new(),
            request: Capture::new(),
            id: None,
            request_ended: false,
            request_failed: false,
            route: None,
            response: None,
            response_body: Capture::new(),
            error_returned: false,
            error_status: None,
            user: None,
            fields: Vec::new(),
            errors: Errors::default(),
        }
    }
}

impl State {
    /// Begins an exchange. The state is empty.
    pub(crate) fn begin(&mut self, policy: &Policy, req: &ServiceRequest) {
        self.timestamp = SystemTime::now();
        self.skip = policy.skips(req.path());
        self.heads.copy_request(req, &policy.headers.request);
        self.heads.request.client = policy.client(req);
        self.request
            .set_limit(match unsupported(&self.heads.request.kind) {
                Some(_) => 0,
                None => policy.request_limit,
            });
    }

    /// Gives back to the budget what was taken from it, and drops everything. The memory of the buffers is
    /// kept, unless an unusual exchange has stretched it.
    pub(crate) fn clear(&mut self, budget: &Budget) {
        self.inner = None;
        self.heads.clear(MAX_KEPT);
        self.request.clear(MAX_KEPT, budget);
        self.id = None;
        self.request_ended = false;
        self.request_failed = false;
        self.route = None;
        self.response = None;
        self.response_body.clear(MAX_KEPT, budget);
        self.error_returned = false;
        self.error_status = None;
        self.user = None;
        self.fields = Vec::new();
        self.errors = Errors::default();
    }

    pub(crate) fn is_upgrade(&self) -> bool {
        let status = self.response.as_ref().map(|response| response.head.status);
        status == Some(StatusCode::SWITCHING_PROTOCOLS)
    }

    pub(crate) fn request_is_whole(&self) -> bool {
        let arrived = Announced::Bytes(self.request.seen()) == self.heads.request.announced;
        (self.request_ended || arrived) && !self.request_failed
    }

    /// Whether the handler left some of the request body unread. A body that failed is not unread: nobody
    /// could read it.
    pub(crate) fn is_unread(&self) -> bool {
        self.heads.request.announced != Announced::Nothing
            && !self.request_is_whole()
            && !self.request_failed
            && !self.is_upgrade()
    }

    /// Whether the response has no content by its request or its status (RFC 9110, sections 6.4.1 and
    /// 9.3.2). The server may still have polled a body.
    pub(crate) fn has_no_content(&self) -> bool {
        let Some(response) = &self.response else {
            return true;
        };
        let status = response.head.status;
        self.response_body.seen() == 0
            && (self.heads.request.is_head
                || status.is_informational()
                || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED))
    }
}
