//! Makes the record of an exchange that has ended, and passes the record to the sinks.

use std::{
    mem,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, SystemTime},
};

use actix_web::http::StatusCode;
use log::Level;

use crate::{
    capture::prefix::Capture,
    content::{Content, DecodedBody, OmitReason, unsupported},
    exchange::{result_code::ResponseReading, scratch::Scratch, state::State},
    formats::{
        json::code::{CodeState, FoundCode},
        representation::Representation,
    },
    head::{request::RequestHead, trace_context::TraceContext},
    logger::Logger,
    policy::Policy,
    record::{
        data::{Record, RecordBody},
        field::Fields,
        level::{LevelInputs, LevelReason},
        outcome::Outcome,
        truncate::truncate,
        user::Roles,
    },
    redact::key_cache::Redactor,
    sink::RequestSpan,
};

/// The inputs for the record of an exchange that has ended, except its state.
pub(crate) struct Emission<'a> {
    /// The outermost logger, whose sinks, budget and counters are used.
    pub(crate) logger: &'a Logger,
    /// The policy inside of the innermost logger.
    pub(crate) policy: &'a Policy,
    pub(crate) scratch: &'a Scratch,
    pub(crate) span: &'a RequestSpan,
    pub(crate) outcome: Outcome,
    pub(crate) timestamp: SystemTime,
    pub(crate) duration: Duration,
}

/// The level of a record, and the decisions that follow from the level.
#[derive(Clone, Copy)]
struct Judgement {
    /// The most severe level that the code, the status, the outcome or a malformed response requires.
    required: Option<Level>,
    level: Level,
    /// What raised the level above the success level.
    reason: Option<LevelReason>,
    /// Set if the request is quiet and nothing went wrong.
    is_quiet: bool,
    /// Set if nothing raised the level above the success level, and nothing requires `Warn` or above.
    is_success: bool,
    /// Set if this is the record of a success, and sampling leaves it out.
    is_sampled_out: bool,
}

impl Judgement {
    fn of(inputs: &LevelInputs, policy: &Policy, facts: &Facts) -> Self {
        let (required, reason) = inputs.verdict().unzip();
        let level = policy.level(required);
        let is_raised = level < policy.success_level;
        let is_harmless = required.is_none_or(|required| required > Level::Warn);
        let is_success = is_harmless && !is_raised;
        Self {
            required,
            level,
            reason: reason.filter(|_| is_raised),
            is_quiet: facts.is_quiet && is_harmless,
            is_success,
            is_sampled_out: is_success && !facts.is_in_sample,
        }
    }
}

/// The facts in the state about the exchange as a whole.
struct Facts {
    is_quiet: bool,
    omits_bodies: bool,
    is_get: bool,
    status: Option<StatusCode>,
    time_to_head: Option<Duration>,
    is_upgrade: bool,
    request_is_whole: bool,
    request_is_unread: bool,
    /// Set if sampling keeps the record of a success.
    is_in_sample: bool,
}

impl Facts {
    fn of(state: &State, policy: &Policy) -> Self {
        let heads = &state.heads;
        let allowed = &policy.headers.request;
        let is_in_sample = policy.sampling.rate().is_none() || {
            let trace_id = heads.trace_context(allowed).map(TraceContext::trace_id);
            let request_id = heads.request_id(allowed);
            policy.sampling.keeps(trace_id, request_id)
        };
        Self {
            is_quiet: state.is_quiet,
            omits_bodies: state.omits_bodies,
            is_get: heads.request.is_get,
            status: match &state.response {
                Some(response) => Some(response.head.status),
                None => state.error_status,
            },
            time_to_head: state
                .response
                .as_ref()
                .map(|response| response.time_to_head),
            is_upgrade: state.is_upgrade(),
            request_is_whole: state.request_is_whole(),
            request_is_unread: state.is_unread(),
            is_in_sample,
        }
    }
}

/// The parts of a record that are not in the state.
///
/// The parts of all records of a batch are made first, then all records are emitted: each half of the code fits into
/// the first-level instruction cache, and both together do not.
pub(crate) struct Assembled {
    facts: Facts,
    judgement: Judgement,
    /// The index of the first enabled sink.
    first_sink: usize,
    request_content: Content,
    response_content: Content,
    code: Option<FoundCode>,
    /// The reason why a JSON response has no code.
    code_state: Option<CodeState>,
}

impl Assembled {
    /// Returns the number of bytes of the contents.
    pub(crate) fn len(&self) -> usize {
        self.request_content.len() + self.response_content.len()
    }
}

impl Emission<'_> {
    fn redactor(&self) -> Redactor<'_> {
        Redactor::new(&self.policy.names, &self.scratch.keys)
    }

    /// Judges the exchange and makes the parts of its record, unless it is quiet, muted or sampled out.
    pub(crate) fn assemble(&self, state: &mut State, parts: &mut Option<Assembled>) {
        let Self { policy, .. } = *self;
        let facts = Facts::of(state, policy);
        let has_no_content = state.has_no_content();
        let completed = self.outcome == Outcome::Completed;
        let State {
            heads,
            request,
            response,
            response_body,
            buffers: [for_request, for_response],
            ..
        } = state;
        let mut reading = response
            .as_mut()
            .map(|response| response.reading(response_body, completed, has_no_content));
        let judged = self.judge(&facts, reading.as_mut(), for_response);
        let Some((judgement, first_sink)) = judged else {
            return;
        };
        if let Some(routes) = self.scratch.routes() {
            heads.hide_unrouted(routes, self.redactor());
        }
        heads.finish(&policy.headers, self.redactor());
        let buffer = mem::take(for_request);
        let request_content =
            self.request_content(&facts, &judgement, &heads.request, request, buffer);
        let (response_content, code, code_state) = match reading {
            Some(mut reading) => {
                let buffer = mem::take(for_response);
                self.warn_if_unsupported(reading.kind());
                let content = self.response_content(&facts, &judgement, &mut reading, buffer);
                reading.redact_code(policy, self.redactor());
                (content, reading.code, reading.code_state)
            }
            None => (Content::None, None, None),
        };
        *parts = Some(Assembled {
            facts,
            judgement,
            first_sink,
            request_content,
            response_content,
            code,
            code_state,
        });
    }

    /// Makes the record, if there is one, and passes it to every enabled sink.
    pub(crate) fn emit(&self, state: &mut State, parts: &mut Option<Assembled>) {
        let Some(parts) = parts else { return };
        let Self { logger, policy, .. } = *self;
        let errors = state.additions.errors.join(self.redactor());
        let judgement = parts.judgement;

        let mut record = Record::new(self.timestamp, judgement.level, self.outcome, self.duration);
        state.heads.show(&mut record, &policy.headers);
        record.status = parts.facts.status;
        record.level_reason = judgement.reason;
        record.request_body = body(&parts.request_content, Some(state.request.seen()));
        record.request_body.unread = parts.facts.request_is_unread;
        record.time_to_head = parts.facts.time_to_head;
        let response_size = record.time_to_head.map(|_| state.response_body.seen());
        record.response_body = body(&parts.response_content, response_size);
        record.code = parts.code.as_ref().map(FoundCode::as_code);
        record.code_state = parts.code_state;
        record.sample_rate = policy.sampling.rate().filter(|_| judgement.is_success);
        record.error = errors.as_deref();
        if let Some(user) = &state.additions.user {
            record.user_id = Some(&*user.id).filter(|id| !id.is_empty());
            record.user_name = Some(&*user.name).filter(|name| !name.is_empty());
            record.user_roles = Roles::new(&user.roles);
        }
        record.fields = Fields::new(&policy.fields, &state.additions.fields);
        record.fields_omitted = state.additions.were_omitted.then_some(OmitReason::Budget);
        record.is_failure = judgement.required == Some(Level::Error)
            || !matches!(self.outcome, Outcome::Completed | Outcome::Replaced);
        policy.omissions.apply(&mut record);
        truncate(&mut record, policy.record_limit, logger.schemas);
        logger.emit(&record, parts.first_sink, self.span);
        state.buffers = [&mut parts.request_content, &mut parts.response_content]
            .map(|content| mem::replace(content, Content::None).into_buffer());
    }

    /// Decides the level and whether there is a record. Reads the code of the response for this. Also returns the index
    /// of the first enabled sink.
    ///
    /// If the record shows the content of the response whatever the code is, the content is made in the same pass as
    /// the code, in `buffer`.
    fn judge(
        &self,
        facts: &Facts,
        mut reading: Option<&mut ResponseReading<'_>>,
        buffer: &mut String,
    ) -> Option<(Judgement, usize)> {
        let Self { logger, policy, .. } = *self;
        let counters = &logger.shared;
        let mut inputs = LevelInputs {
            code: None,
            status: facts
                .status
                .and_then(|status| logger.call(|| policy.status_level(status)).flatten()),
            outcome: self.outcome,
            malformed: false,
            slow: policy
                .slow
                .is_some_and(|slow| facts.time_to_head >= Some(slow)),
        };
        // A code can only raise the severity, so a record that is enabled without it stays enabled.
        let early = Judgement::of(&inputs, policy, facts);
        let early_sink = match early.is_quiet {
            true => None,
            false => logger.first_enabled(early.level),
        };
        if let Some(reading) = &mut reading {
            let is_shown = early_sink.is_some()
                && !early.is_sampled_out
                && self.omitted_response(facts, &early).is_none();
            let buffer = is_shown.then(|| mem::take(buffer));
            logger.call(|| reading.read_code(policy, self.redactor(), buffer));
            let code = reading.code.as_ref();
            inputs.code = code
                .and_then(|code| code.as_code().as_i64())
                .and_then(|code| logger.call(|| policy.code_level(code)).flatten());
            inputs.malformed = reading.code_state == Some(CodeState::Malformed);
        }
        let judgement = Judgement::of(&inputs, policy, facts);
        if judgement.is_quiet {
            counters.quiet.fetch_add(1, Relaxed);
            return None;
        }
        let sink = match judgement.level == early.level && !early.is_quiet {
            true => early_sink,
            false => logger.first_enabled(judgement.level),
        };
        let counter = match sink {
            None => &counters.muted,
            Some(_) if judgement.is_sampled_out => &counters.sampled_out,
            Some(first_sink) => return Some((judgement, first_sink)),
        };
        counter.fetch_add(1, Relaxed);
        None
    }

    fn request_content(
        &self,
        facts: &Facts,
        judgement: &Judgement,
        head: &RequestHead,
        capture: &Capture,
        buffer: String,
    ) -> Content {
        let limit = self.policy.request_limit;
        if capture.seen() == 0 {
            return Content::None;
        }
        if facts.is_upgrade {
            return Content::Omitted(OmitReason::Upgrade);
        }
        if facts.omits_bodies {
            return Content::Omitted(OmitReason::Disabled);
        }
        self.warn_if_unsupported(&head.kind);
        let is_raised = judgement.reason.is_some();
        let omitted = self
            .policy
            .request_body
            .omits(limit, is_raised, facts.is_get);
        if omitted == Some(OmitReason::Disabled) {
            return Content::Omitted(OmitReason::Disabled);
        }
        if let Some(why) = unsupported(&head.kind) {
            return Content::Omitted(why);
        }
        let kept = capture.kept();
        if kept.is_empty() {
            let why = match capture.refused() {
                true => OmitReason::Budget,
                // The body passed before an inner logger raised the limit from 0.
                false => OmitReason::Disabled,
            };
            return Content::Omitted(omitted.unwrap_or(why));
        }
        let whole = facts.request_is_whole && kept.len() as u64 == capture.seen();
        self.content_or_malformed(|| {
            match (DecodedBody::decode(&head.kind, kept, whole, limit), omitted) {
                (Ok(body), None) => body.content(limit, self.redactor().for_request(), buffer),
                (Ok(body), Some(why)) => Content::Omitted(body.unreadable(limit).unwrap_or(why)),
                (Err(why), _) => Content::Omitted(why),
            }
        })
    }

    fn response_content(
        &self,
        facts: &Facts,
        judgement: &Judgement,
        reading: &mut ResponseReading<'_>,
        buffer: String,
    ) -> Content {
        if reading.is_empty() {
            return Content::None;
        }
        match self.omitted_response(facts, judgement) {
            // The reason why a body cannot be read says more than the policy.
            Some(OmitReason::Policy) => self.content_or_malformed(|| {
                Content::Omitted(
                    reading
                        .unreadable(self.policy)
                        .unwrap_or(OmitReason::Policy),
                )
            }),
            Some(why) => Content::Omitted(why),
            None => {
                self.content_or_malformed(|| reading.content(self.policy, self.redactor(), buffer))
            }
        }
    }

    /// Logs a warning if a content coding cannot be decoded.
    fn warn_if_unsupported(&self, kind: &Representation) {
        if let Some(unsupported) = kind.codings.unsupported() {
            self.logger.warn_of_coding(unsupported);
        }
    }

    /// Returns the reason why a response has no content, if the reason does not depend on the body.
    fn omitted_response(&self, facts: &Facts, judgement: &Judgement) -> Option<OmitReason> {
        let policy = self.policy;
        let is_raised = judgement.reason.is_some();
        match (facts.is_upgrade, facts.omits_bodies) {
            (true, _) => Some(OmitReason::Upgrade),
            (false, true) => Some(OmitReason::Disabled),
            (false, false) => {
                policy
                    .response_body
                    .omits(policy.response_limit, is_raised, facts.is_get)
            }
        }
    }

    /// Calls a decoder or parser. If the call panics, only the content is lost, not the record.
    fn content_or_malformed(&self, f: impl FnOnce() -> Content) -> Content {
        let content = self.logger.call(f);
        content.unwrap_or(Content::Omitted(OmitReason::Malformed))
    }
}

/// Makes the part of a record about one body.
fn body(content: &Content, size: Option<u64>) -> RecordBody<'_> {
    let body = RecordBody {
        size,
        ..RecordBody::default()
    };
    match content {
        Content::None => body,
        Content::Text(text) => RecordBody {
            content: Some(&text.text),
            truncated: text.truncated,
            malformed: text.malformed,
            ..body
        },
        Content::Omitted(why) => RecordBody {
            omitted: Some(*why),
            ..body
        },
    }
}
