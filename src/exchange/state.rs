//! What is known of an exchange so far.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{dev::ServiceRequest, http::StatusCode};

use crate::{
    capture::{budget::Budget, prefix::Capture},
    formats::json::finder::CodeFinder,
    head::{
        RequestHead, ResponseHeadCopy,
        headers::{Allowlist, HeaderValues},
        request_id::{RequestId, X_REQUEST_ID},
        text::HeadText,
    },
    logger::Logger,
    policy::Rules,
    record::{errors::Errors, field::Field, user::User},
};

/// Bytes that are kept of each buffer for the next exchange: what the defaults need.
pub(crate) const MAX_KEPT: usize = 4096;

/// What is known so far. Over, it is empty but for the memory of its buffers.
pub(crate) struct State {
    /// The logger nested inside, if there is one: its rules apply.
    pub(crate) inner: Option<Arc<Logger>>,
    /// The path is to be skipped where all goes well.
    pub(crate) skip: bool,
    pub(crate) timestamp: SystemTime,
    /// All that was copied of both heads.
    pub(crate) text: HeadText,
    /// Where in it the response begins.
    pub(crate) response_from: usize,
    pub(crate) head: RequestHead,
    pub(crate) request: Capture,
    /// The id that the request was given. In a box: most are given none.
    pub(crate) id: Option<Box<RequestId>>,
    /// The payload was read to its end.
    pub(crate) request_ended: bool,
    pub(crate) request_failed: bool,
    /// As the application wrote it.
    pub(crate) route: Option<String>,
    pub(crate) response: Option<Response>,
    pub(crate) response_headers: HeaderValues,
    /// Nothing is kept before there is a response.
    pub(crate) response_body: Capture,
    /// The inner service returned an error.
    pub(crate) error_returned: bool,
    /// The status that it would have, until a response is made of it.
    pub(crate) error_status: Option<StatusCode>,
    /// In a box: many exchanges are in flight before somebody says who they are.
    pub(crate) user: Option<Box<User>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) errors: Errors,
}

/// What is known of the response.
pub(crate) struct Response {
    pub(crate) head: ResponseHeadCopy,
    pub(crate) time_to_head: Duration,
    pub(crate) code: CodeSearch,
    /// Dropped without being polled, it is complete all the same.
    pub(crate) complete_unpolled: bool,
}

/// How the code of a response is looked for.
#[derive(Debug)]
pub(crate) enum CodeSearch {
    /// It has none by its head.
    None,
    /// As the chunks pass by. In a box: few responses need it, and every exchange would have room for
    /// it otherwise.
    InChunks(Box<CodeFinder>),
    /// In what was kept, which goes as far as the code is looked for.
    InKept,
    /// In what was kept, once that is decoded: the state of a decoder would cost more.
    AtTheEnd,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            inner: None,
            skip: false,
            timestamp: SystemTime::UNIX_EPOCH,
            text: HeadText::default(),
            response_from: 0,
            head: RequestHead::new(),
            request: Capture::new(),
            id: None,
            request_ended: false,
            request_failed: false,
            route: None,
            response: None,
            response_headers: HeaderValues::default(),
            response_body: Capture::new(),
            error_returned: false,
            error_status: None,
            user: None,
            fields: Vec::new(),
            errors: Errors::default(),
        }
    }

    /// Begins what is empty.
    pub(crate) fn begin(&mut self, rules: &Rules, req: &ServiceRequest) {
        self.timestamp = SystemTime::now();
        self.skip = rules.skips(req.path());
        self.head.copy(&mut self.text, req, &rules.request_headers);
        self.response_from = self.text.len();
        self.head.client = rules.client(req);
        self.request.set_limit(match self.head.kind.hopeless() {
            Some(_) => 0,
            None => rules.request_limit,
        });
    }

    /// Shows the id that the request was given, if it came with none, among its headers; and begins the
    /// response behind them.
    pub(crate) fn show_id(&mut self, allowed: &Allowlist) {
        if let Some(id) = &self.id {
            let headers = &mut self.head.headers;
            headers.add_if_missing(&mut self.text, &X_REQUEST_ID, id.as_bytes(), allowed);
        }
        self.response_from = self.text.len();
    }

    /// Gives back to the budget what was taken from it, and forgets everything. The memory of its
    /// buffers is kept, but for what an unusual exchange has stretched.
    pub(crate) fn clear(&mut self, budget: &Budget) {
        self.inner = None;
        self.text.clear(MAX_KEPT);
        self.head.headers.clear(MAX_KEPT);
        self.request.clear(MAX_KEPT, budget);
        self.id = None;
        self.request_ended = false;
        self.request_failed = false;
        self.route = None;
        self.response = None;
        self.response_headers.clear(MAX_KEPT);
        self.response_body.clear(MAX_KEPT, budget);
        self.error_returned = false;
        self.error_status = None;
        self.user = None;
        self.fields = Vec::new();
        self.errors = Errors::default();
    }
}
