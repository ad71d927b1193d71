//! The state of an exchange until its record is made.

use std::{sync::Arc, time::Duration};

use actix_web::{dev::ServiceRequest, http::StatusCode};

use crate::{
    capture::{
        budget::{Budget, Share},
        prefix::Capture,
    },
    content::{OmitReason, unsupported},
    exchange::{
        additions::Additions,
        result_code::{FirstChunkCode, KeptBody, ResponseReading},
        scratch::Scratch,
    },
    head::{Heads, request::Announced, request_id::RequestId, response::ResponseHeadCopy},
    policy::{BodyPolicy, Policy},
};

/// The facts about an exchange so far. After the exchange the state is empty, except for the memory of its buffers.
#[derive(Default)]
pub(crate) struct State {
    /// The policy inside of the innermost logger, unless that is the outermost.
    pub(crate) inner: Option<Arc<Policy>>,
    /// Set if a success is not recorded.
    pub(crate) is_quiet: bool,
    /// Set if the application does not want the contents of the bodies to be recorded.
    pub(crate) omits_bodies: bool,
    pub(crate) heads: Heads,
    pub(crate) request: Capture,
    /// The id that was assigned to the request.
    pub(crate) id: Option<RequestId>,
    /// Set if the payload was read to its end.
    pub(crate) request_ended: bool,
    /// Set if the payload returned an error.
    pub(crate) request_failed: bool,
    pub(crate) response: Option<Response>,
    /// The prefix of the response body. Its limit is 0 until there is a response.
    pub(crate) response_body: Capture,
    /// Set if the inner service returned an error.
    pub(crate) error_returned: bool,
    /// The status of the error, which is recorded if no response is built from the error.
    pub(crate) error_status: Option<StatusCode>,
    pub(crate) additions: Additions,
    /// The memory of the heads.
    head_share: Share,
    /// Empty buffers for the contents of the two bodies in the record.
    pub(crate) buffers: [String; 2],
}

/// The facts about the response.
pub(crate) struct Response {
    pub(crate) head: ResponseHeadCopy,
    pub(crate) time_to_head: Duration,
    /// Set if the response may have a code.
    pub(crate) wants_code: bool,
    /// The code in the first chunk, read only if the budget had no room for that chunk. Boxed, because few responses
    /// need it.
    pub(crate) first_chunk_code: Option<Box<FirstChunkCode>>,
    /// Set if the response is complete although its body was not polled. Cleared by the first poll.
    pub(crate) complete_unpolled: bool,
    /// Set if the body was polled.
    pub(crate) polled: bool,
}

impl Response {
    /// Prepares the decoding of the prefix that was kept of the body.
    pub(crate) fn reading<'s>(
        &'s mut self,
        capture: &'s Capture,
        completed: bool,
        has_no_content: bool,
    ) -> ResponseReading<'s> {
        let first_chunk_code = self.first_chunk_code.take();
        let kept = KeptBody {
            kind: &self.head.kind,
            bytes: capture.kept(),
            len: capture.seen(),
            completed,
            refused: capture.refused(),
        };
        ResponseReading::new(kept, self.wants_code && !has_no_content, first_chunk_code)
    }
}

impl State {
    /// Begins an exchange. The state must be empty.
    pub(crate) fn begin(
        &mut self,
        policy: &Policy,
        req: &ServiceRequest,
        budget: &Budget,
        scratch: &Scratch,
    ) {
        self.is_quiet = false;
        self.omits_bodies = false;
        // The head is copied into the buffer of the worker first. If the exchange's own buffer grew with a large head
        // and was cut afterwards, the allocator would be left with holes of all sizes.
        let own_buffer = self.heads.replace_buffer(scratch.head.take());
        self.heads.copy_request(req, &policy.headers.request);
        (self.heads.request.client, self.heads.request.peer) = policy.client_and_peer(req);
        scratch.note_routes(req);
        self.heads.hide_in_long_path(req, &policy.names);
        self.charge_heads(budget);
        scratch.head.set(self.heads.move_into(own_buffer));
        self.request.set_limit(self.request_capture_limit(policy));
    }

    /// Continues with the policy of an inner logger.
    ///
    /// A middleware between the loggers may have changed the headers, so only what the inner logger asks for in
    /// addition is read again.
    pub(crate) fn change_heads(&mut self, [outer, inner]: [&Policy; 2], req: &ServiceRequest) {
        let (heads, allowed) = (&mut self.heads, &inner.headers.request);
        if inner.names.id() != outer.names.id() {
            heads.hide_in_long_path(req, &inner.names);
        }
        if inner.proxies != outer.proxies {
            (heads.request.client, heads.request.peer) = inner.client_and_peer(req);
        }
        if !Arc::ptr_eq(&inner.headers, &outer.headers) {
            heads.change_request_list(req.headers(), [&outer.headers.request, allowed]);
            if let Some(id) = &self.id {
                heads.copy_assigned_id(id, allowed);
            }
        }
    }

    /// Returns the number of bytes that are kept of the request body.
    pub(crate) fn request_capture_limit(&self, policy: &Policy) -> usize {
        let is_unwanted = self.omits_bodies
            || policy.request_body == BodyPolicy::Never
            || unsupported(&self.heads.request.kind).is_some();
        match is_unwanted {
            true => 0,
            false => policy.request_limit,
        }
    }

    /// Returns the number of bytes that are kept of the body of a response with this head.
    pub(crate) fn response_capture_limit(&self, head: &ResponseHeadCopy, policy: &Policy) -> usize {
        let wants_code = head.may_have_code();
        let is_unwanted = self.omits_bodies
            || policy.response_body == BodyPolicy::Never
            || head.status == StatusCode::SWITCHING_PROTOCOLS;
        // A code may be found in an unknown charset.
        let is_unwanted = match unsupported(&head.kind) {
            Some(OmitReason::Charset) => true,
            Some(_) => return 0,
            None => is_unwanted,
        };
        match (is_unwanted, wants_code) {
            (true, false) => 0,
            (true, true) => policy.code_limit,
            (false, _) => policy.kept_limit(wants_code),
        }
    }

    /// Takes the memory of what was added to the heads from the budget, like [`charge_heads`](Self::charge_heads).
    pub(crate) fn charge_longer_heads(&mut self, budget: &Budget) {
        self.charge_heads(budget);
        self.heads.shrink();
    }

    /// Takes the memory of the heads from the budget. If the budget has no room for it, drops the headers. If it has no
    /// room for the rest either, cuts the target so short that it is always kept.
    fn charge_heads(&mut self, budget: &Budget) {
        if !self.head_share.resize(self.heads.memory(), budget) {
            budget.count_refusal();
            self.heads.omit_headers();
            if !self.head_share.resize(self.heads.memory(), budget) {
                self.heads.cut_target();
                self.head_share.resize(0, budget);
            }
        }
    }

    /// Returns the number of bytes that are taken from the budget.
    pub(crate) fn held(&self) -> usize {
        self.head_share.bytes()
            + self.request.taken()
            + self.response_body.taken()
            + self.additions.taken()
    }

    /// Drops everything, and gives back the bytes that were taken from the budget. Keeps the memory of buffers that
    /// have at most `max_kept` bytes.
    pub(crate) fn clear(&mut self, max_kept: usize, budget: &Budget) {
        self.inner = None;
        self.heads.clear(max_kept);
        self.head_share.resize(0, budget);
        self.request.clear(max_kept, budget);
        self.id = None;
        self.request_ended = false;
        self.request_failed = false;
        self.response = None;
        self.response_body.clear(max_kept, budget);
        self.error_returned = false;
        self.error_status = None;
        self.additions.clear(budget);
        for buffer in &mut self.buffers {
            if buffer.capacity() > max_kept {
                *buffer = String::new();
            }
        }
    }

    /// Returns whether the response switches to another protocol.
    pub(crate) fn is_upgrade(&self) -> bool {
        let status = self.response.as_ref().map(|response| response.head.status);
        status == Some(StatusCode::SWITCHING_PROTOCOLS)
    }

    /// Returns whether the request body was read completely.
    pub(crate) fn request_is_whole(&self) -> bool {
        let arrived = Announced::Bytes(self.request.seen()) == self.heads.request.announced;
        (self.request_ended || arrived) && !self.request_failed
    }

    /// Returns whether the handler left a part of the request body unread. A body that failed is not unread, because
    /// its rest could not be read.
    pub(crate) fn is_unread(&self) -> bool {
        self.heads.request.announced != Announced::Nothing
            && !self.request_is_whole()
            && !self.request_failed
            && !self.is_upgrade()
    }

    /// Returns whether the response has no content because of its request or its status (RFC 9110, sections 6.4.1,
    /// 9.3.2 and 15.3.6). False if the server polled a body that was not empty.
    pub(crate) fn has_no_content(&self) -> bool {
        let Some(response) = &self.response else {
            return true;
        };
        let status = response.head.status;
        self.response_body.seen() == 0
            && (self.heads.request.is_head
                || status.is_informational()
                || matches!(
                    status,
                    StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
                ))
    }
}
