//! One exchange: the owner whose end is the end of the record.

pub(crate) mod assemble;
pub(crate) mod result_code;
pub(crate) mod span;
pub(crate) mod state;

use std::{
    cell::{Cell, RefCell},
    error::Error as StdError,
    fmt,
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Instant,
};

use actix_web::{
    body::BodySize,
    dev::{ResponseHead, ServiceRequest},
    http::{StatusCode, Version},
};

use crate::{
    capture::{
        budget::{Budget, Lease},
        tail_counter::Past,
    },
    exchange::{
        span::RequestSpan,
        state::{CodeSearch, MAX_KEPT, Response, State},
    },
    formats::json::finder::CodeFinder,
    head::{ResponseHeadCopy, request_id::RequestId},
    logger::Logger,
    policy::{ResponseBody, Rules},
    record::{
        data::Outcome,
        errors,
        field::{Field, FieldValue, MAX_FIELDS},
        user::User,
    },
};

/// The owner of one record.
///
/// It belongs to the response side alone: to the future, then to the body (or, where the inner
/// service returned `Err`, to that error until a response is made of it). Everything else holds it
/// weakly. However that side ends, this is dropped, and its `Drop` emits: that is why there is
/// exactly one record, whatever happens.
pub(crate) struct Exchange {
    /// `None` in the [pool](crate::middleware::worker).
    live: Option<Live>,
    /// Code of the application runs. Still set when we are dropped, it panicked; also where the
    /// panic was caught in between, so that the thread does not unwind any more.
    inside: Cell<bool>,
    /// The body of the response was polled.
    polled: Cell<bool>,
    /// The payload holds it too: it would have to make sure with each chunk that the exchange is still
    /// there.
    request_past: Rc<Past>,
    response_past: Past,
    /// The record is not out yet.
    open: Cell<bool>,
    /// Never borrowed while code that is not ours runs, but for sinks: a body may own the request's
    /// payload, and polling or dropping it comes back here.
    state: RefCell<State>,
}

/// An exchange that has begun.
struct Live {
    logger: Arc<Logger>,
    started: Instant,
    span: Cell<RequestSpan>,
    /// Dropping this while the thread unwinds means a panic, unless it unwound already when we were
    /// made.
    unwinding_before: bool,
}

/// How the response side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The body said so, or was handed over whole.
    Complete,
    BodyFailed,
    Dropped,
}

impl Exchange {
    /// One that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            live: None,
            inside: Cell::new(false),
            polled: Cell::new(false),
            request_past: Rc::default(),
            response_past: Past::default(),
            open: Cell::new(false),
            state: RefCell::new(State::new()),
        }
    }

    /// Begins an exchange: copies the head.
    pub(crate) fn begin(&mut self, logger: &Arc<Logger>, req: &ServiceRequest) {
        let started = Instant::now();
        self.state.get_mut().begin(&logger.rules, req);
        logger.shared.enter();
        self.inside.set(false);
        self.polled.set(false);
        self.request_past.take();
        self.response_past.take();
        self.open.set(true);
        self.live = Some(Live {
            logger: Arc::clone(logger),
            started,
            span: Cell::new(RequestSpan::current(&logger.shared.panics)),
            unwinding_before: thread::panicking(),
        });
    }

    /// Ends what may still be going on, for the pool.
    pub(crate) fn reset(&mut self) {
        self.finish(End::Dropped);
        self.live = None;
        self.state.get_mut().id = None;
    }

    /// Does something with the state, if the record is not out yet.
    ///
    /// By construction it is not borrowed here, and nothing in `f` panics. If either were ever wrong, a
    /// record that lacks something is better than a panic in somebody's request.
    fn update(&self, f: impl FnOnce(&mut State, &Live)) {
        self.change(|state, live| {
            live.logger.call(|| f(state, live));
        });
    }

    /// The same without a guard: for what only counts, copies or moves.
    #[inline(always)]
    fn change(&self, f: impl FnOnce(&mut State, &Live)) {
        if self.open.get()
            && let Some(live) = &self.live
            && let Ok(mut state) = self.state.try_borrow_mut()
        {
            f(&mut state, live);
        }
    }

    /// The text of something that is not ours, and may panic.
    fn text(&self, text: impl FnOnce() -> String) -> String {
        self.ask(text).unwrap_or_default()
    }

    /// Calls something that is not ours, if the record is not out yet.
    fn ask<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        let live = self.live.as_ref().filter(|_| self.open.get())?;
        live.logger.call(f)
    }

    /// Runs code of the application: if it panics, that is how the exchange ended.
    #[inline]
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        self.inside.set(true);
        let value = f();
        self.inside.set(false);
        value
    }

    /// A logger nested inside takes over the rules.
    pub(crate) fn override_rules(&self, inner: &Arc<Logger>, req: &ServiceRequest, skip: bool) {
        self.update(|state, live| {
            // Those on its allowlist may not have been copied yet.
            let allowed = &inner.rules.request_headers;
            let text = &mut state.text;
            state.head.headers.copy(text, req.headers(), allowed);
            state.head.client = inner.rules.client(req);
            state.show_id(allowed);
            // First: a limit is not raised behind bytes that were only counted.
            state.request.count(self.request_past.take());
            if state.head.kind.hopeless().is_none() {
                state.request.set_limit(inner.rules.request_limit);
            }
            state.skip = skip;
            state.inner = Some(Arc::clone(inner));
            // What was said before the inner rules were known.
            let names = &live.rules(&state.inner).names;
            state
                .fields
                .iter_mut()
                .for_each(|field| field.redact(names));
            let user = state.user.take();
            state.user = user.map(|user| Box::new(user.sanitized(names)));
        });
    }

    /// There is to be no record. Nothing is kept from here on, and nobody waits for the end.
    pub(crate) fn silence(&self) {
        let Some(live) = self.close() else { return };
        if let Ok(mut state) = self.state.try_borrow_mut() {
            // Handlers know it, so the client is told.
            let id = state.id.take();
            state.clear(live.budget());
            state.id = id;
        }
        // Left open, it would seem to take as long as the request does.
        drop(live.span.take());
        let shared = &live.logger.shared;
        shared.skipped.fetch_add(1, Relaxed);
        shared.leave();
    }

    pub(crate) fn request_past(&self) -> &Rc<Past> {
        &self.request_past
    }

    /// A chunk that is not just [counted](Self::request_past).
    pub(crate) fn request_chunk(&self, chunk: &[u8]) {
        self.change(|state, live| {
            state.request.push(chunk, live.budget());
            self.request_past.begin(state.request.is_full());
        });
    }

    pub(crate) fn request_ended(&self) {
        self.change(|state, _| state.request_ended = true);
    }

    /// The first error counts; a stream may go on to say others, or nothing.
    pub(crate) fn request_failed(&self, error: &dyn fmt::Display) {
        let text = self.text(|| errors::describe(error));
        self.update(|state, _| {
            if !state.request_failed && !state.request_ended {
                state.request_failed = true;
                state.errors.push(text);
            }
        });
    }

    /// Gives the request an id; `None` if it has one.
    pub(crate) fn give_id(&self, id: impl FnOnce() -> RequestId) -> Option<RequestId> {
        let mut given = None;
        self.update(|state, live| {
            if state.id.is_none() {
                state.id = Some(Box::new(given.insert(id()).clone()));
                let inner = state.inner.clone();
                state.show_id(&live.rules(&inner).request_headers);
            }
        });
        given
    }

    /// Puts the id that the request [was given](Self::give_id) into its response.
    pub(crate) fn tell_id(&self, head: &mut ResponseHead) {
        if let Ok(state) = self.state.try_borrow()
            && let Some(id) = &state.id
        {
            id.tell(head);
        }
    }

    pub(crate) fn set_user(&self, user: User) {
        self.update(|state, live| {
            let names = &live.rules(&state.inner).names;
            state.user = Some(Box::new(user.sanitized(names)));
        });
    }

    pub(crate) fn set_field(&self, name: &str, value: FieldValue) {
        self.update(|state, live| {
            let Some(name) = Field::sanitized_name(name) else {
                return;
            };
            let names = &live.rules(&state.inner).names;
            let field = Field::sanitized(name.clone(), value, names);
            let fields = &mut state.fields;
            match (fields.iter().position(|old| old.name == name), field) {
                (Some(at), Some(field)) => fields[at] = field,
                // No value takes the place of the one before, too.
                (Some(at), None) => drop(fields.remove(at)),
                (None, Some(field)) if fields.len() < MAX_FIELDS => fields.push(field),
                (None, _) => {}
            }
        });
    }

    pub(crate) fn add_error(&self, error: &dyn fmt::Display) {
        let text = self.text(|| errors::describe(error));
        self.update(|state, _| state.errors.push(text));
    }

    /// The inner service returned `Err`; `error_response` may yet be called, once or several times.
    pub(crate) fn error_returned(&self, error: &actix_web::Error) {
        let text = self.text(|| errors::describe(error));
        let status = self.ask(|| error.as_response_error().status_code());
        self.update(|state, _| {
            state.errors.push(text);
            state.error_returned = true;
            state.error_status = status;
        });
    }

    pub(crate) fn routed(&self, route: Option<String>) {
        self.change(|state, _| state.route = route);
    }

    /// A response was made. If it is not the first one, it takes the place of the one before.
    pub(crate) fn response_head(&self, head: &ResponseHead, size: BodySize) {
        self.update(|state, live| {
            let time_to_head = live.started.elapsed();
            self.polled.set(false);
            self.response_past.take();
            let rules = live.rules(&state.inner);
            let (text, headers) = (&mut state.text, &mut state.response_headers);
            // Of a response before this one.
            text.truncate(state.response_from);
            headers.clear(MAX_KEPT);
            let copy = ResponseHeadCopy::copy(head, &rules.response_headers, headers, text);
            let upgrade = copy.status == StatusCode::SWITCHING_PROTOCOLS;
            if upgrade {
                // From here on the payload is another protocol.
                state.request.forget(live.budget());
            }
            let unwanted = upgrade
                || rules.response_body == ResponseBody::Never
                || copy.kind.hopeless().is_some();
            let mut limit = if unwanted { 0 } else { rules.response_limit };
            // A part of a document is no document (RFC 9110, section 15.3.7).
            let partial = copy.status == StatusCode::PARTIAL_CONTENT;
            let may_have_code =
                copy.kind.may_have_code() && !upgrade && !partial && !copy.is_binary;
            let code = if !may_have_code {
                CodeSearch::None
            } else if !copy.kind.is_plain() {
                limit = limit.max(rules.code_limit);
                CodeSearch::AtTheEnd
            } else if limit >= rules.code_limit {
                CodeSearch::InKept
            } else {
                CodeSearch::InChunks(live.finder(rules, &copy))
            };
            // The dispatchers drop these without polling them: HTTP/1 by size, HTTP/2 by size, for
            // HEAD and for a status that it gives no content.
            let no_content = matches!(copy.status.as_u16(), 100 | 102 | 204);
            let complete_unpolled = size.is_eof()
                || (state.head.version == Version::HTTP_2 && (state.head.is_head || no_content));
            state.response_body.restart(limit, live.budget());
            state.response = Some(Response {
                head: copy,
                time_to_head,
                code,
                complete_unpolled,
            });
        });
    }

    /// [Runs](Self::run) the body of the response.
    #[inline]
    pub(crate) fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.polled.set(true);
        self.run(poll)
    }

    /// True if a chunk is just counted.
    #[inline(always)]
    pub(crate) fn counts_response(&self, chunk: &[u8]) -> bool {
        self.response_past.counts(chunk)
    }

    /// A chunk that is not just [counted](Self::counts_response).
    pub(crate) fn response_chunk(&self, chunk: &[u8]) {
        self.change(|state, live| {
            let Some(response) = &mut state.response else {
                return;
            };
            let refused = state.response_body.push(chunk, live.budget());
            if refused.is_some() || matches!(response.code, CodeSearch::InChunks(_)) {
                live.logger.call(|| {
                    let rules = live.rules(&state.inner);
                    response.look_for_code(live, rules, chunk, refused);
                });
            }
            let looks_on = match &response.code {
                CodeSearch::InChunks(finder) => !finder.is_done(),
                _ => false,
            };
            self.response_past
                .begin(state.response_body.is_full() && !looks_on);
        });
    }

    /// The body was handed over in one piece, and whoever took it may still ask for another.
    pub(crate) fn response_handed_over(&self) {
        self.update(|state, _| {
            if let Some(response) = &mut state.response {
                response.complete_unpolled = true;
            }
        });
    }

    /// The body came to its end.
    pub(crate) fn complete(&self) {
        self.finish(End::Complete);
    }

    pub(crate) fn body_failed(&self, error: &(dyn StdError + 'static)) {
        let text = self.text(|| errors::describe_chain(error));
        self.update(|state, _| state.errors.push(text));
        self.finish(End::BodyFailed);
    }

    /// Nothing more comes into the record. `None` if that was so before.
    fn close(&self) -> Option<&Live> {
        self.live.as_ref().filter(|_| self.open.replace(false))
    }

    fn finish(&self, end: End) {
        let Some(live) = self.close() else { return };
        let duration = live.started.elapsed();
        let (logger, span) = (&live.logger, live.span.take());
        // Not borrowed, by construction: whoever does so runs no code that could end the exchange.
        if let Ok(mut state) = self.state.try_borrow_mut() {
            let outcome = self.outcome(live, end, &state);
            state.request.count(self.request_past.take());
            state.response_body.count(self.response_past.take());
            logger.call(|| assemble::emit(logger, &span, &mut state, outcome, duration));
            state.clear(live.budget());
        }
        drop(span);
        // Now that everything was given back.
        logger.shared.leave();
    }

    fn outcome(&self, live: &Live, end: End, state: &State) -> Outcome {
        match (end, &state.response) {
            (End::Complete, _) => Outcome::Completed,
            (End::BodyFailed, _) => Outcome::Failed,
            _ if self.inside.get() || (thread::panicking() && !live.unwinding_before) => {
                Outcome::Panicked
            }
            (End::Dropped, Some(response)) if response.complete_unpolled && !self.polled.get() => {
                Outcome::Completed
            }
            (End::Dropped, None) if state.error_returned => Outcome::Failed,
            (End::Dropped, _) => Outcome::Aborted,
        }
    }
}

impl Live {
    fn budget(&self) -> &Budget {
        &self.logger.shared.budget
    }

    /// The rules that apply: those of the innermost logger.
    fn rules<'r>(&'r self, inner: &'r Option<Arc<Logger>>) -> &'r Rules {
        &inner.as_deref().unwrap_or(&self.logger).rules
    }

    fn finder(&self, rules: &Rules, head: &ResponseHeadCopy) -> Box<CodeFinder> {
        let lease = Lease::new(Arc::clone(&self.logger.shared.budget));
        let charset = head.kind.content_type.charset;
        Box::new(CodeFinder::new(rules.code_limit, charset, lease))
    }
}

impl Response {
    /// Looks for the code in `chunk`. `refused` was kept so far, if the budget just refused to keep more.
    #[inline(never)]
    fn look_for_code(
        &mut self,
        live: &Live,
        rules: &Rules,
        chunk: &[u8],
        refused: Option<Vec<u8>>,
    ) {
        let path = &rules.code_path;
        match (&mut self.code, refused) {
            (CodeSearch::InChunks(finder), _) => finder.push(path, chunk),
            (CodeSearch::InKept, Some(kept)) => {
                // What was kept is gone, and the code is still to be found.
                let mut finder = live.finder(rules, &self.head);
                finder.push(path, &kept);
                finder.push(path, chunk);
                self.code = CodeSearch::InChunks(finder);
            }
            _ => {}
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.finish(End::Dropped);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// A way to the exchange for those who must not keep it alive: the payload, which may move into a
/// task that outlives the response, and the extensions of the request, which live as long as any
/// clone of it.
#[derive(Clone, Debug)]
pub(crate) struct Handle(Weak<Exchange>);

impl Handle {
    pub(crate) fn new(exchange: &Rc<Exchange>) -> Self {
        Self(Rc::downgrade(exchange))
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Calls `f` if the exchange is still in flight.
    #[inline]
    pub(crate) fn with<T>(&self, f: impl FnOnce(&Exchange) -> T) -> Option<T> {
        self.0.upgrade().map(|exchange| f(&exchange))
    }
}
