//! One exchange: what is known of it so far, and the owner whose end is the end of the record.

use std::{
    cell::{Cell, RefCell},
    error::Error as StdError,
    fmt,
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime},
};

use actix_web::{
    body::BodySize,
    dev::{ResponseHead, ServiceRequest},
    http::{StatusCode, Version, header::HeaderMap},
};

use crate::{
    budget::Lease,
    capture::Capture,
    config::Config,
    errors::Errors,
    fields::{Field, FieldValue, MAX_FIELDS, User},
    finish,
    guarded::guarded,
    head::{HeadMemory, MAX_URI_PART_LEN, RequestHead, ResponseHeadCopy},
    headers::HeaderText,
    json::finder::CodeFinder,
    record::Outcome,
    rules::ResponseBody,
    shared::InFlight,
    text,
};

/// The owner of one record.
///
/// It belongs to the response side alone: to the future, then to the body (or, where the inner
/// service returned `Err`, to that error until a response is made of it). Everything else holds it
/// weakly. However that side ends, this is dropped, and its `Drop` emits: that is why there is
/// exactly one record, whatever happens.
pub(crate) struct Exchange {
    pub(crate) config: Arc<Config>,
    started: Instant,
    /// Dropping this while the thread unwinds means a panic, unless it unwound already when we were
    /// made.
    unwinding_before: bool,
    /// Code of the application runs. Still set when we are dropped, it panicked; also where the
    /// panic was caught in between, so that the thread does not unwind any more.
    inside: Cell<bool>,
    /// `None` once the record was emitted. Never borrowed while code that is not ours runs: a body
    /// may own the request's payload, and polling or dropping it comes back here.
    state: RefCell<Option<State>>,
}

/// What is known so far.
pub(crate) struct State {
    /// Whose rules apply: our own, or those of a logger nested inside.
    pub(crate) rules: Arc<Config>,
    /// The path is to be skipped where all goes well.
    pub(crate) skip: bool,
    /// A logger nested inside wants no record at all.
    pub(crate) silenced: bool,
    pub(crate) timestamp: SystemTime,
    pub(crate) head: RequestHead,
    pub(crate) request: Capture,
    /// The payload was read to its end.
    pub(crate) request_ended: bool,
    pub(crate) request_failed: bool,
    pub(crate) route: Option<String>,
    pub(crate) response: Option<Response>,
    /// The inner service returned an error.
    pub(crate) error_returned: bool,
    /// The status that it would have, until a response is made of it.
    pub(crate) error_status: Option<StatusCode>,
    pub(crate) user: Option<User>,
    pub(crate) fields: Vec<Field>,
    pub(crate) errors: Errors,
    // The last field: dropped when everything else was given back.
    _in_flight: InFlight,
}

/// What is known of the response.
pub(crate) struct Response {
    pub(crate) head: ResponseHeadCopy,
    pub(crate) time_to_head: Duration,
    pub(crate) capture: Capture,
    pub(crate) code: CodeSearch,
    /// Dropped without being polled, it is complete all the same.
    pub(crate) complete_unpolled: bool,
    pub(crate) polled: bool,
}

/// How the code of a response is looked for.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation for each response"
)]
pub(crate) enum CodeSearch {
    /// It has none by its head.
    None,
    /// As the chunks pass by.
    InChunks(CodeFinder),
    /// In what was kept, once that is decoded: the state of a decoder would cost more.
    AtTheEnd,
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
    /// Begins an exchange: copies the head and lets handlers find it.
    pub(crate) fn begin(config: &Arc<Config>, req: &ServiceRequest) -> Rc<Self> {
        let (started, timestamp) = (Instant::now(), SystemTime::now());
        let rules = &config.rules;
        let head = RequestHead::copy(req, &rules.request_headers, HeadMemory::default());
        let limit = match head.kind.hopeless() {
            Some(_) => 0,
            None => rules.request_limit,
        };
        Rc::new(Self {
            config: Arc::clone(config),
            started,
            unwinding_before: thread::panicking(),
            inside: Cell::new(false),
            state: RefCell::new(Some(State {
                rules: Arc::clone(config),
                skip: rules.skips(req.path()),
                silenced: false,
                timestamp,
                head,
                request: Capture::new(limit, Lease::new(Arc::clone(&config.shared.budget))),
                request_ended: false,
                request_failed: false,
                route: None,
                response: None,
                error_returned: false,
                error_status: None,
                user: None,
                fields: Vec::new(),
                errors: Errors::default(),
                _in_flight: InFlight::new(Arc::clone(&config.shared)),
            })),
        })
    }

    /// Does something with the state, if the record is not out yet.
    fn update(&self, f: impl FnOnce(&mut State)) {
        // By construction it is not borrowed here, and nothing in `f` panics. If either were ever
        // wrong, a record that lacks something is better than a panic in somebody's request.
        if let Ok(mut state) = self.state.try_borrow_mut()
            && let Some(state) = state.as_mut()
        {
            self.config.call(|| f(state));
        }
    }

    /// Runs code of the application: if it panics, that is how the exchange ended.
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        self.inside.set(true);
        let value = f();
        self.inside.set(false);
        value
    }

    /// A logger nested inside takes over the rules.
    pub(crate) fn override_rules(
        &self,
        inner: &Arc<Config>,
        headers: &HeaderMap,
        skip: bool,
        silenced: bool,
    ) {
        self.update(|state| {
            // Those on its allowlist may not have been copied yet.
            let allowed = &inner.rules.request_headers;
            state.head.headers.copy(headers, allowed);
            if state.head.kind.hopeless().is_none() {
                state.request.set_limit(inner.rules.request_limit);
            }
            state.skip = skip;
            // Whoever says so, it holds: no record is a promise.
            state.silenced |= silenced;
            state.rules = Arc::clone(inner);
            // What was said before the inner rules were known.
            let names = &inner.rules.names;
            state.fields.iter_mut().for_each(|field| field.hide(names));
            state.user = state.user.take().map(|user| user.cleaned(names));
        });
    }

    pub(crate) fn request_chunk(&self, chunk: &[u8]) {
        self.update(|state| state.request.push(chunk));
    }

    pub(crate) fn request_ended(&self) {
        self.update(|state| state.request_ended = true);
    }

    /// The first error counts; a stream may go on to say others, or nothing.
    pub(crate) fn request_failed(&self, error: &dyn fmt::Display) {
        let text = finish::error_text(&self.config, error);
        self.update(|state| {
            if !state.request_failed && !state.request_ended {
                state.request_failed = true;
                state.errors.push(text);
            }
        });
    }

    pub(crate) fn set_user(&self, user: User) {
        self.update(|state| state.user = Some(user.cleaned(&state.rules.rules.names)));
    }

    pub(crate) fn set_field(&self, name: &str, value: FieldValue) {
        self.update(|state| {
            let Some(name) = Field::cleaned_name(name) else {
                return;
            };
            let field = Field::cleaned(name.clone(), value, &state.rules.rules.names);
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
        let text = finish::error_text(&self.config, error);
        self.update(|state| state.errors.push(text));
    }

    /// The inner service returned `Err`; `error_response` may yet be called, once or several times.
    pub(crate) fn error_returned(&self, error: &actix_web::Error) {
        let text = finish::error_text(&self.config, error);
        let status = self.config.call(|| error.as_response_error().status_code());
        self.update(|state| {
            state.errors.push(text);
            state.error_returned = true;
            state.error_status = status;
        });
    }

    pub(crate) fn routed(&self, route: Option<String>) {
        let route =
            route.map(|route| text::clean(text::cut(&route, MAX_URI_PART_LEN)).into_owned());
        self.update(|state| state.route = route);
    }

    /// A response was made. If it is not the first one, it takes the place of the one before.
    pub(crate) fn response_head(&self, head: &ResponseHead, size: BodySize) {
        let time_to_head = self.started.elapsed();
        let budget = &self.config.shared.budget;
        self.update(|state| {
            let rules = &state.rules.rules;
            let copy = ResponseHeadCopy::copy(head, &rules.response_headers, HeaderText::default());
            let upgrade = copy.status == StatusCode::SWITCHING_PROTOCOLS;
            if upgrade {
                // From here on the payload is another protocol.
                state.request.forget();
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
            } else if copy.kind.is_plain() {
                let lease = Lease::new(Arc::clone(budget));
                CodeSearch::InChunks(CodeFinder::new(
                    rules.code_limit,
                    copy.kind.content_type.charset,
                    lease,
                ))
            } else {
                limit = limit.max(rules.code_limit);
                CodeSearch::AtTheEnd
            };
            // The dispatchers drop these without polling them: HTTP/1 by size, HTTP/2 by size, for
            // HEAD and for a status that it gives no content.
            let no_content = matches!(copy.status.as_u16(), 100 | 102 | 204);
            let complete_unpolled = size.is_eof()
                || (state.head.version == Version::HTTP_2 && (state.head.is_head || no_content));
            state.response = Some(Response {
                head: copy,
                time_to_head,
                capture: Capture::new(limit, Lease::new(Arc::clone(budget))),
                code,
                complete_unpolled,
                polled: false,
            });
        });
    }

    pub(crate) fn response_polled(&self) {
        self.update(|state| {
            if let Some(response) = &mut state.response {
                response.polled = true;
            }
        });
    }

    pub(crate) fn response_chunk(&self, chunk: &[u8]) {
        self.update(|state| {
            if let Some(response) = &mut state.response {
                response.capture.push(chunk);
                if let CodeSearch::InChunks(finder) = &mut response.code {
                    finder.push(&state.rules.rules.code_path, chunk);
                }
            }
        });
    }

    /// The body was handed over in one piece, and whoever took it may still ask for another.
    pub(crate) fn response_handed_over(&self) {
        self.update(|state| {
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
        let text = finish::error_chain_text(&self.config, error);
        self.update(|state| state.errors.push(text));
        self.finish(End::BodyFailed);
    }

    fn finish(&self, end: End) {
        let duration = self.started.elapsed();
        let state = match self.state.try_borrow_mut() {
            Ok(mut state) => state.take(),
            Err(_) => None,
        };
        let Some(state) = state else { return };
        let outcome = self.outcome(end, &state);
        if guarded(|| finish::emit(&self.config, state, outcome, duration)).is_none() {
            self.config.shared.panics.fetch_add(1, Relaxed);
        }
    }

    fn outcome(&self, end: End, state: &State) -> Outcome {
        match (end, &state.response) {
            (End::Complete, _) => Outcome::Completed,
            (End::BodyFailed, _) => Outcome::Failed,
            _ if self.inside.get() || (thread::panicking() && !self.unwinding_before) => {
                Outcome::Panicked
            }
            (End::Dropped, Some(response)) if response.complete_unpolled && !response.polled => {
                Outcome::Completed
            }
            (End::Dropped, None) if state.error_returned => Outcome::Failed,
            (End::Dropped, _) => Outcome::Aborted,
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
    pub(crate) fn with<T>(&self, f: impl FnOnce(&Exchange) -> T) -> Option<T> {
        self.0.upgrade().map(|exchange| f(&exchange))
    }
}
