//! One exchange, from the head of the request to the record.

mod additions;
pub(crate) mod assemble;
mod live;
mod outcome;
pub(crate) use self::outcome::End;
pub(crate) mod result_code;
pub(crate) mod scratch;
mod state;

use std::{
    cell::{Cell, RefCell},
    error::Error as StdError,
    fmt,
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::{Instant, SystemTime},
};

use actix_web::{
    HttpMessage, HttpRequest,
    body::BodySize,
    dev::{ResponseHead, ServiceRequest},
    http::{StatusCode, Version},
};

use crate::{
    capture::tail_counter::TailCounter,
    exchange::{
        assemble::{Assembled, Emission},
        live::{Ending, Live},
        outcome::OutcomeInputs,
        result_code::FirstChunkCode,
        scratch::Scratch,
        state::{Response, State},
    },
    head::request_id::RequestId,
    logger::Logger,
    policy::Policy,
    record::{errors, field::FieldValue, user::User},
    sink::RequestSpan,
};

/// The maximum size of a buffer that an exchange without a record keeps for the next exchange, in bytes. All exchanges
/// of the pool may have such buffers.
const MAX_KEPT_UNRECORDED: usize = 1024;

/// One exchange. Its record is emitted when it ends, or later with a batch.
///
/// Guards own the exchange: first the future holds one, then the body. If the inner service returned an error, the
/// error holds one until it is dropped, and so does a streamed body that is built from the error. Everything else holds
/// a weak reference. The end of the body, or else the drop of the last guard, ends the exchange. So there is exactly
/// one record.
#[derive(Default)]
pub(crate) struct Exchange {
    /// `None` while the exchange is in the pool of its worker.
    live: Option<Live>,
    /// The number of calls of application code that have not returned. If it is not 0 on drop, application code
    /// panicked, even if the panic was caught before it reached us.
    calls_of_app: Cell<u32>,
    /// The counter of the request body. The payload shares it, to count without a reference to the exchange.
    request_tail: Rc<TailCounter>,
    response_tail: TailCounter,
    /// Set when the last clone of the request is dropped, which the server does before it takes the response.
    is_request_dropped: Cell<bool>,
    /// Set if the server has taken the response.
    is_response_taken: Cell<bool>,
    /// Set until the exchange ends.
    is_open: Cell<bool>,
    /// Set from the end of the exchange until its record is emitted.
    ending: Cell<Option<Ending>>,
    /// The facts so far. Not borrowed while the application handles the request: a response body may own the payload,
    /// so polling or dropping the body may call the exchange again. The code-level function and the sinks are called
    /// while it is borrowed, after the exchange was closed.
    state: RefCell<State>,
}

impl Exchange {
    /// Begins the exchange, and copies the head of the request.
    pub(crate) fn begin(
        &mut self,
        logger: &Arc<Logger>,
        scratch: &Rc<Scratch>,
        req: &ServiceRequest,
    ) {
        let started = Instant::now();
        let budget = &logger.shared.budget;
        let state = self.state.get_mut();
        state.begin(&logger.policy, req, budget, scratch);
        logger.shared.enter();
        self.calls_of_app.set(0);
        self.request_tail.take();
        self.response_tail.take();
        self.is_request_dropped.set(false);
        self.is_response_taken.set(false);
        self.is_open.set(true);
        self.live = Some(Live {
            logger: Arc::clone(logger),
            scratch: Rc::clone(scratch),
            timestamp: SystemTime::now(),
            started,
            span: Cell::new(match logger.wants_span {
                true => RequestSpan::current(&logger.shared.panics),
                false => RequestSpan::default(),
            }),
            unwinding_before: thread::panicking(),
        });
    }

    /// Prepares an exchange whose record was emitted for the pool.
    pub(crate) fn reset(&mut self) {
        self.live = None;
        self.state.get_mut().id = None;
    }

    /// Changes the state, unless the exchange has ended. Catches a panic of `f`.
    ///
    /// By construction, the state is not borrowed here, and `f` does not panic, unless a decoder that it calls does. If
    /// one of these is ever wrong, an incomplete record is better than a panic in a request.
    fn update(&self, f: impl FnOnce(&mut State, &Live)) {
        if self.is_open.get()
            && let Some(live) = &self.live
            && let Ok(mut state) = self.state.try_borrow_mut()
        {
            live.logger.call(|| f(&mut state, live));
        }
    }

    /// Calls foreign code, which may panic. Returns `None` if it panics, or if the exchange has ended.
    fn call<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        let live = self.live.as_ref().filter(|_| self.is_open.get())?;
        live.logger.call(f)
    }

    /// Runs application code. If that code panics, the outcome is
    /// [`Outcome::Panicked`](crate::record::Outcome::Panicked).
    ///
    /// Calls nest if a body polls another body of the same exchange.
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        self.calls_of_app.set(self.calls_of_app.get() + 1);
        let value = f();
        self.calls_of_app.set(self.calls_of_app.get() - 1);
        value
    }

    /// Notes that a success is not recorded.
    pub(crate) fn make_quiet(&self) {
        self.update(|state, _| state.is_quiet = true);
    }

    /// Applies the settings of an inner logger. `policy_inside` returns the policy that results from that of the outer
    /// logger.
    pub(crate) fn change_policy(
        &self,
        policy_inside: impl FnOnce(&Arc<Policy>) -> Arc<Policy>,
        req: &ServiceRequest,
    ) {
        self.update(|state, live| {
            let outer = live.policy(&state.inner);
            let policy = policy_inside(outer);
            if Arc::ptr_eq(&policy, outer) {
                return;
            }
            let redaction_changed = policy.names.id() != outer.names.id();
            let outer = Arc::clone(outer);
            state.change_heads([&outer, &policy], req);
            // Count first, because the limit must not be raised if bytes were counted but not kept.
            state.request.count(self.request_tail.take());
            let limit = state.request_capture_limit(&policy);
            state.request.set_limit(limit);
            state.inner = Some(policy);
            state.charge_longer_heads(live.budget());
            // Fields and user were redacted with the names of the outer logger only.
            if redaction_changed {
                let redactor = live.redactor(&state.inner);
                state.additions.redact(redactor, live.budget());
            }
        });
    }

    /// Ends the exchange without a record.
    pub(crate) fn end_without_record(&self) {
        let Some(live) = self.close() else { return };
        if let Ok(mut state) = self.state.try_borrow_mut() {
            // Keep the id: handlers can read it, so the response must contain it.
            let id = state.id.take();
            state.clear(MAX_KEPT_UNRECORDED, live.budget());
            state.id = id;
        }
        // Close the span now. Otherwise it would last as long as this exchange.
        drop(live.span.take());
        let shared = &live.logger.shared;
        shared.excluded.fetch_add(1, Relaxed);
        shared.leave(false);
    }

    pub(crate) fn request_tail(&self) -> &Rc<TailCounter> {
        &self.request_tail
    }

    /// Counts and captures a chunk of the request body that the [tail counter](Self::request_tail) did not count.
    pub(crate) fn request_chunk(&self, chunk: &[u8]) {
        self.update(|state, live| {
            state.request.push(chunk, live.budget());
            self.request_tail.begin(state.request.is_full());
        });
    }

    /// Notes that the payload was read to its end.
    pub(crate) fn request_ended(&self) {
        self.update(|state, _| state.request_ended = true);
    }

    /// Notes that the payload failed. Only the first error counts, because a stream may return more errors after it.
    pub(crate) fn request_failed(&self, error: &dyn fmt::Display) {
        let text = self.call(|| errors::describe(error)).unwrap_or_default();
        self.update(|state, live| {
            if !state.request_failed && !state.request_ended {
                state.request_failed = true;
                state.additions.add_error(text, live.budget());
            }
        });
    }

    /// Assigns an id to the request, and returns the id. Returns `None` if the request already has an assigned id.
    pub(crate) fn assign_id(&self, id: impl FnOnce() -> RequestId) -> Option<RequestId> {
        let mut assigned = None;
        self.update(|state, live| {
            if state.id.is_none() {
                let id = assigned.insert(id());
                let allowed = &live.policy(&state.inner).headers.request;
                state.heads.copy_assigned_id(id, allowed);
                state.id = Some(id.clone());
                state.charge_longer_heads(live.budget());
            }
        });
        assigned
    }

    /// Puts the [assigned](Self::assign_id) id into the response.
    pub(crate) fn set_response_id(&self, head: &mut ResponseHead) {
        if let Ok(state) = self.state.try_borrow()
            && let Some(id) = &state.id
        {
            id.set_in(head);
        }
    }

    /// Sets the user, in place of an earlier user.
    pub(crate) fn set_user(&self, user: User) {
        self.update(|state, live| {
            let user = user.sanitized(live.redactor(&state.inner));
            state.additions.set_user(user, live.budget());
        });
    }

    /// Sets a custom field, in place of an earlier field with the same name.
    pub(crate) fn set_field(&self, name: &str, value: FieldValue<'_>) {
        self.update(|state, live| {
            let (redactor, budget) = (live.redactor(&state.inner), live.budget());
            state.additions.set_field(name, value, redactor, budget);
        });
    }

    /// Drops the contents of the bodies, and keeps no more of them.
    pub(crate) fn omit_bodies(&self) {
        self.update(|state, live| {
            state.omits_bodies = true;
            state.request.forget(live.budget());
        });
    }

    /// Adds an error to the record.
    pub(crate) fn add_error(&self, error: &dyn fmt::Display) {
        let text = self.call(|| errors::describe(error)).unwrap_or_default();
        self.update(|state, live| state.additions.add_error(text, live.budget()));
    }

    /// Notes that the inner service returned an error. A response may be built from the error later.
    pub(crate) fn error_returned(&self, error: &actix_web::Error) {
        let text = self.call(|| errors::describe(error)).unwrap_or_default();
        let status = self.call(|| error.as_response_error().status_code());
        self.update(|state, live| {
            state.additions.add_error(text, live.budget());
            state.error_returned = true;
            state.error_status = status;
        });
    }

    /// Copies the pattern that the request matched. Call this before [`response_head`](Self::response_head).
    pub(crate) fn routed(&self, req: &HttpRequest) {
        self.update(|state, live| state.heads.copy_route(req, live.redactor(&state.inner)));
    }

    /// Copies the head of the response, in place of an earlier one.
    pub(crate) fn response_head(&self, head: &ResponseHead, size: BodySize) {
        self.update(|state, live| {
            let time_to_head = live.started.elapsed();
            self.response_tail.take();
            let policy = live.policy(&state.inner);
            let copy = state.heads.copy_response(head, &policy.headers.response);
            if copy.status == StatusCode::SWITCHING_PROTOCOLS {
                // From now on, the payload is another protocol.
                state.request.forget(live.budget());
            }
            let limit = state.response_capture_limit(&copy, policy);
            state.response_body.restart(limit, live.budget());
            let complete_unpolled = size.is_eof() || state.heads.is_never_polled(&copy);
            state.response = Some(Response {
                wants_code: copy.may_have_code(),
                head: copy,
                time_to_head,
                first_chunk_code: None,
                complete_unpolled,
                polled: false,
            });
            state.charge_longer_heads(live.budget());
        });
    }

    /// Notes that somebody asked for the size of the response body. If the request was dropped before, this is the
    /// server, which writes the head of the response. Other layers ask while they hold the request.
    pub(crate) fn response_sized(&self) {
        self.is_response_taken.set(self.is_request_dropped.get());
    }

    pub(crate) fn response_tail(&self) -> &TailCounter {
        &self.response_tail
    }

    /// Notes that the body of the response was polled.
    pub(crate) fn response_polled(&self) {
        self.update(|state, _| {
            if let Some(response) = &mut state.response {
                response.complete_unpolled = false;
                response.polled = true;
            }
        });
    }

    /// Counts and captures a chunk of the response body that the [tail counter](Self::response_tail) did not count.
    pub(crate) fn response_chunk(&self, chunk: &[u8]) {
        self.update(|state, live| {
            let Some(response) = &mut state.response else {
                return;
            };
            let is_first = state.response_body.seen() == 0;
            let has_room = state.response_body.push(chunk, live.budget());
            if !has_room && is_first && response.wants_code {
                // Most JSON responses have only one chunk.
                let policy = live.policy(&state.inner);
                let code = FirstChunkCode::read(&response.head.kind, chunk, policy);
                response.first_chunk_code = Some(Box::new(code));
            }
            self.response_tail.begin(state.response_body.is_full());
        });
    }

    /// Notes that the body was returned in one piece, to a caller that may still build another response.
    pub(crate) fn response_returned_whole(&self) {
        self.update(|state, _| {
            if let Some(response) = &mut state.response {
                response.complete_unpolled = true;
            }
        });
    }

    /// Ends the exchange with an error of the response body. See [`end`](Self::end).
    pub(crate) fn body_failed(&self, error: &(dyn StdError + 'static)) -> bool {
        let text = self.call(|| errors::describe_chain(error));
        let text = text.unwrap_or_default();
        self.update(|state, live| state.additions.add_error(text, live.budget()));
        self.end(End::BodyFailed)
    }

    /// Closes the exchange, so that nothing changes its state any more. Returns `None` if it was closed before.
    fn close(&self) -> Option<&Live> {
        self.live.as_ref().filter(|_| self.is_open.replace(false))
    }

    /// Ends the exchange. Returns false if the exchange had ended before. If this returns true, the caller must call
    /// [`emit`](Self::emit), now or later.
    pub(crate) fn end(&self, end: End) -> bool {
        let Some(live) = self.close() else {
            return false;
        };
        let duration = live.started.elapsed();
        // By construction, the state is not borrowed here: code that borrows it never ends the exchange.
        let Ok(mut state) = self.state.try_borrow_mut() else {
            live.logger.shared.leave(false);
            return false;
        };
        let response = state.response.as_ref();
        let outcome = end.outcome(OutcomeInputs {
            is_panic: self.calls_of_app.get() > 0
                || (thread::panicking() && !live.unwinding_before),
            is_complete_unpolled: response.is_some_and(|r| r.complete_unpolled),
            is_replaced: response.is_some_and(|r| !r.polled)
                && !self.is_response_taken.get()
                && state.heads.request.version != Version::HTTP_2,
            is_error: response.is_none() && state.error_returned,
        });
        state.request.count(self.request_tail.take());
        state.response_body.count(self.response_tail.take());
        self.ending.set(Some(Ending {
            outcome,
            duration,
            is_waiting: false,
        }));
        true
    }

    /// Counts the exchange, which has ended, as waiting for its record. Returns the number of bytes that it holds, and
    /// the time at which it ended.
    pub(crate) fn put_aside(&self) -> Option<(usize, Instant)> {
        let (live, ending) = (self.live.as_ref()?, self.ending.get()?);
        self.ending.set(Some(Ending {
            is_waiting: true,
            ..ending
        }));
        live.logger.shared.put_aside();
        let held = self.state.try_borrow().map_or(0, |state| state.held());
        Some((held, live.started + ending.duration))
    }

    /// Makes the parts of the record of an exchange that has [ended](Self::end), unless there is no record.
    pub(crate) fn assemble(&self, parts: &mut Option<Assembled>) {
        if let (Some(live), Some(ending)) = (&self.live, self.ending.get()) {
            let span = RequestSpan::default();
            live.call_with(&self.state, ending, &span, |emission, state| {
                emission.assemble(state, parts);
            });
        }
    }

    /// Emits the record of an exchange that has [ended](Self::end), and drops everything. Buffers of at most `max_kept`
    /// bytes are kept for the next exchange.
    pub(crate) fn emit(&self, max_kept: usize) {
        let mut parts = None;
        self.finish(max_kept, |emission, state| {
            emission.assemble(state, &mut parts);
            emission.emit(state, &mut parts);
        });
    }

    /// Emits the record like [`emit`](Self::emit), with the parts that were made [before](Self::assemble).
    pub(crate) fn emit_assembled(&self, parts: &mut Option<Assembled>, max_kept: usize) {
        self.finish(max_kept, |emission, state| emission.emit(state, parts));
    }

    fn finish(&self, max_kept: usize, emit: impl FnOnce(&Emission<'_>, &mut State)) {
        let (Some(live), Some(ending)) = (&self.live, self.ending.take()) else {
            return;
        };
        let span = live.span.take();
        live.call_with(&self.state, ending, &span, emit);
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.clear(max_kept, live.budget());
        }
        drop(span);
        // Last, after everything was given back to the budget.
        live.logger.shared.leave(ending.is_waiting);
    }
}

impl Drop for Exchange {
    /// Emits the record if no guard did, so that there is a record whatever happens.
    fn drop(&mut self) {
        self.end(End::Dropped);
        self.emit(0);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// A reference that does not keep the exchange alive. The payload holds one, because it may move into a task that
/// outlives the response. The extensions of the request [hold](RequestLink) one, because they live as long as any clone
/// of the request.
#[derive(Clone, Debug)]
pub(crate) struct WeakExchange(Weak<Exchange>);

impl WeakExchange {
    pub(crate) fn new(exchange: &Rc<Exchange>) -> Self {
        Self(Rc::downgrade(exchange))
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Calls `f` if the exchange is still alive. If the exchange has ended, its methods do nothing.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&Exchange) -> T) -> Option<T> {
        self.0.upgrade().map(|exchange| f(&exchange))
    }
}

/// The reference in the extensions of the request.
#[derive(Debug)]
pub(crate) struct RequestLink(WeakExchange);

impl RequestLink {
    pub(crate) fn new(exchange: &Rc<Exchange>) -> Self {
        Self(WeakExchange::new(exchange))
    }

    /// Returns the exchange of a request, if the request has one.
    pub(crate) fn of(message: &impl HttpMessage) -> Option<WeakExchange> {
        let extensions = message.extensions();
        Some(extensions.get::<Self>()?.0.clone())
    }
}

impl Drop for RequestLink {
    fn drop(&mut self) {
        self.0
            .with(|exchange| exchange.is_request_dropped.set(true));
    }
}
