//! Copies of the heads of one exchange.

pub(crate) mod client;
pub(crate) mod content_headers;
pub(crate) mod headers;
pub(crate) mod request;
pub(crate) mod request_id;
pub(crate) mod response;
mod text;
pub(crate) mod trace_context;

use actix_web::{
    HttpRequest,
    dev::{ResourceMap, ResponseHead, ServiceRequest},
    http::{Version, header::HeaderMap},
};

use self::{
    headers::{Allowlist, HeaderValues},
    request::{MAX_CUT_TARGET_LEN, RequestHead},
    request_id::RequestId,
    response::ResponseHeadCopy,
    text::HeadText,
    trace_context::TraceContext,
};
use crate::{
    content::OmitReason,
    record::{caps::MAX_URI_PART_LEN, data::Record},
    redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
        path::{self, Route},
    },
};

/// The parts of both heads that a record needs, copied into one text.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    text: HeadText,
    pub(crate) request: RequestHead,
    /// The length of the text before the response was copied.
    response_start: usize,
    response_headers: HeaderValues,
    /// Set if the budget had no room for the headers.
    were_headers_omitted: bool,
}

/// The headers that a record shows, of requests and of responses.
#[derive(Clone, Debug)]
pub(crate) struct Allowlists {
    pub(crate) request: Allowlist,
    pub(crate) response: Allowlist,
}

impl Allowlists {
    pub(crate) fn new(names: &Names) -> Self {
        Self {
            request: Allowlist::request(names),
            response: Allowlist::response(names),
        }
    }

    /// Rebuilds both lists after a change of the sensitive names.
    pub(crate) fn rebuild(&mut self, names: &Names) {
        self.request.rebuild(names);
        self.response.rebuild(names);
    }
}

/// Returns the pattern that a request with this path matches.
fn find_pattern(path: &str, routes: &ResourceMap) -> Option<String> {
    routes.match_pattern(path).or_else(|| {
        let normalized = path::normalized(path);
        normalized
            .iter()
            .find_map(|path| routes.match_pattern(path))
    })
}

impl Heads {
    /// Copies the head of a request. The text must be empty.
    pub(crate) fn copy_request(&mut self, req: &ServiceRequest, allowed: &Allowlist) {
        self.request.copy(&mut self.text, req, allowed);
        self.response_start = self.text.len();
    }

    /// Continues with the allowlist of an inner logger, in place of the earlier list. Copies the headers of the request
    /// that only the inner logger lists.
    pub(crate) fn change_request_list(&mut self, headers: &HeaderMap, lists: [&Allowlist; 2]) {
        if self.were_headers_omitted {
            return;
        }
        let values = &mut self.request.headers;
        values.change_list(&mut self.text, headers, lists);
        self.response_start = self.text.len();
    }

    /// Copies the id that was assigned to a request, because the handler and the client get this one.
    pub(crate) fn copy_assigned_id(&mut self, id: &RequestId, allowed: &Allowlist) {
        if self.were_headers_omitted {
            return;
        }
        let headers = &mut self.request.headers;
        headers.set_request_id(&mut self.text, id.as_str().as_bytes(), allowed);
        self.response_start = self.text.len();
    }

    /// Copies the pattern that the request matched, and hides parameters with a sensitive name. Call this before the
    /// head of the response is copied.
    pub(crate) fn copy_route(&mut self, req: &HttpRequest, redactor: Redactor<'_>) {
        let pattern = req.match_pattern();
        let captured = req.match_info();
        let has_brace = |pattern: &String| memchr::memchr(b'{', pattern.as_bytes()).is_some();
        // Most routes have no parameters.
        if !captured.is_empty() || pattern.as_ref().is_some_and(has_brace) {
            let route = Route {
                pattern: pattern.as_deref(),
                captured: captured.iter(),
            };
            self.request.hide_parameters(&self.text, route, redactor);
        }
        self.request.is_routed = true;
        if let Some(pattern) = pattern {
            let route = self.text.push(pattern.as_bytes(), MAX_URI_PART_LEN);
            self.request.route = Some(route);
            self.response_start = self.text.len();
        }
    }

    /// Hides parameters with a sensitive name in the path of a request that has no response, as its route is not known.
    /// Call this before [`finish`](Self::finish). A path that was truncated is not changed.
    pub(crate) fn hide_unrouted(&mut self, routes: &ResourceMap, redactor: Redactor<'_>) {
        let part = self.request.path;
        if !self.request.is_routed
            && !part.cut
            && let Ok(path) = str::from_utf8(self.text.raw(part))
        {
            let pattern = find_pattern(path, routes);
            self.hide_by_pattern(pattern.as_deref(), redactor);
        }
    }

    /// Hides parameters with a sensitive name in a long path before the request is routed, because the route of a
    /// truncated path cannot be found later.
    pub(crate) fn hide_in_long_path(&mut self, req: &ServiceRequest, names: &Names) {
        if req.path().len() > MAX_CUT_TARGET_LEN {
            let keys = KeyCache::new();
            let pattern = find_pattern(req.path(), req.resource_map());
            self.hide_by_pattern(pattern.as_deref(), Redactor::new(names, &keys));
        }
    }

    fn hide_by_pattern(&mut self, pattern: Option<&str>, redactor: Redactor<'_>) {
        if pattern.is_some() {
            let captured = std::iter::empty();
            let route = Route { pattern, captured };
            self.request.hide_parameters(&self.text, route, redactor);
        }
    }

    /// Copies the head of a response, in place of an earlier one.
    pub(crate) fn copy_response(
        &mut self,
        head: &ResponseHead,
        allowed: &Allowlist,
    ) -> ResponseHeadCopy {
        self.text.truncate(self.response_start);
        self.response_headers.clear(usize::MAX);
        ResponseHeadCopy::copy(head, allowed, &mut self.response_headers, &mut self.text)
    }

    /// Returns the number of bytes of memory that the heads hold.
    pub(crate) fn memory(&self) -> usize {
        self.text.len() + self.request.headers.memory() + self.response_headers.memory()
    }

    /// Drops the headers, the host, the user agent and the route.
    pub(crate) fn omit_headers(&mut self) {
        self.request.omit_headers(&mut self.text);
        self.response_headers.clear(0);
        self.response_start = self.text.len();
        self.were_headers_omitted = true;
    }

    /// Cuts the target, which [follows](Self::omit_headers) the method and is followed by nothing.
    pub(crate) fn cut_target(&mut self) {
        self.request.cut_target(&mut self.text);
        self.response_start = self.text.len();
    }

    /// Continues in `buffer`, which must be empty. Returns the earlier buffer.
    pub(crate) fn replace_buffer(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        self.text.replace_buffer(buffer)
    }

    /// Moves what was copied into `buffer`, which must be empty. Returns the earlier buffer, empty.
    pub(crate) fn move_into(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        self.text.move_into(buffer)
    }

    /// Frees unused memory, so that a large head holds little more than its [length](Self::memory).
    pub(crate) fn shrink(&mut self) {
        self.text.shrink();
    }

    /// Returns whether the HTTP/2 server drops the body of this response without polling it. The server does this for
    /// HEAD and for the statuses 100, 102 and 204.
    pub(crate) fn is_never_polled(&self, response: &ResponseHeadCopy) -> bool {
        let has_no_content = matches!(response.status.as_u16(), 100 | 102 | 204);
        self.request.version == Version::HTTP_2 && (self.request.is_head || has_no_content)
    }

    /// Returns the trace that the request belongs to.
    pub(crate) fn trace_context(&self, allowed: &Allowlist) -> Option<&TraceContext> {
        self.request.trace.as_ref().filter(|_| allowed.shows_trace)
    }

    /// Returns the id of the request. Call this before [`finish`](Self::finish).
    pub(crate) fn request_id(&self, allowed: &Allowlist) -> Option<&[u8]> {
        let part = allowed.request_id(&self.request.headers)?;
        Some(self.text.raw(part))
    }

    /// Sanitizes everything that was copied, and hides secrets in it.
    pub(crate) fn finish(&mut self, allowed: &Allowlists, redactor: Redactor<'_>) {
        let values = self.request.hidden_values(&self.text);
        let parts = self.request.parts().chain(self.response_headers.parts());
        self.text.finish(parts);
        let text = &mut self.text;
        self.request
            .redact(text, &allowed.request, redactor, &values);
        self.response_headers
            .redact(text, &allowed.response, redactor, &values);
    }

    /// Copies the heads into a record. Call this after [`finish`](Self::finish).
    pub(crate) fn show<'r>(&'r self, record: &mut Record<'r>, allowed: &'r Allowlists) {
        let (head, text) = (&self.request, &self.text);
        let get = |part| text.get(part);
        record.message = get(head.message);
        (record.method, record.method_original) = head.methods(text);
        record.path = get(head.path);
        record.query = head.query.map(get);
        record.scheme = Some(head.scheme());
        record.version = Some(head.version());
        record.server_address = head.host.map(get);
        record.server_port = head.port;
        record.client_address = head.client;
        record.peer_address = head.peer;
        if let Some(trace) = self.trace_context(&allowed.request) {
            record.trace_id = Some(trace.trace_id());
            record.trace_flags = Some(trace.flags());
            record.parent_span_id = Some(trace.parent_span_id());
        }
        record.user_agent = head.agent.map(get);
        record.route = head.route.map(get);
        record.request_headers = head.headers.as_headers(text, &allowed.request);
        record.response_headers = self.response_headers.as_headers(text, &allowed.response);
        let request_id = allowed.request.request_id(&head.headers);
        record.request_id = request_id.map(get);
        record.headers_omitted = self.were_headers_omitted.then_some(OmitReason::Budget);
        record.head_is_plain = text.is_plain();
    }

    /// Drops everything. Buffers of at most `max_kept` bytes are kept for the next exchange.
    pub(crate) fn clear(&mut self, max_kept: usize) {
        self.text.clear(max_kept);
        self.request.headers.clear(max_kept);
        self.response_headers.clear(max_kept);
        self.were_headers_omitted = false;
    }
}
