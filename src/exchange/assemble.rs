//! The end of an exchange: from what is known of it to its record, and to the sinks.

use std::{cell::Cell, sync::atomic::Ordering::Relaxed, time::Duration};

use actix_web::http::StatusCode;
use log::Level;

use crate::{
    capture::prefix::Capture,
    content::{Content, Omitted, Representation, Text},
    exchange::{
        result_code::{CodeReading, find_code, redact_code},
        span::RequestSpan,
        state::{Response, State},
    },
    formats::json::code::{CodeState, FoundCode},
    head::{Announced, MAX_URI_PART_LEN, trace_context::TraceContext},
    logger::Logger,
    policy::{ResponseBody, Rules},
    record::{
        data::{Body, Outcome, Record},
        level::LevelInputs,
        truncate::truncate,
    },
    util::{scratch, text},
};

thread_local! {
    /// Where the texts of the two bodies are made.
    static SHOWN: Cell<[String; 2]> = const { Cell::new([String::new(), String::new()]) };
}

/// What a thread keeps of each of these buffers for the next record, in bytes.
const MAX_KEPT: usize = 16 * 1024;

/// Makes the record of an exchange that is over and gives it to every sink that wants it.
///
/// `logger` is the outermost logger's: its sinks, budget and counters; the rules are those of the
/// innermost.
pub(crate) fn emit(
    logger: &Logger,
    span: &RequestSpan,
    state: &mut State,
    outcome: Outcome,
    duration: Duration,
) {
    let shared = &logger.shared;
    let inner = state.inner.take();
    let rules = &inner.as_deref().unwrap_or(logger).rules;

    let mut signs = LevelInputs {
        code: None,
        status: match &state.response {
            Some(response) => Some(response.head.status),
            None => state.error_status,
        },
        outcome,
        malformed: false,
    };
    let (skip, is_get) = (state.skip, state.head.is_get);
    // Levels are ordered by verbosity: the smallest is the most severe.
    let leaves_out =
        |verdict: Option<Level>| skip && verdict.is_none_or(|level| level > Level::Warn);
    let level_of = |verdict: Option<Level>| {
        verdict.map_or(rules.success_level, |level| level.min(rules.success_level))
    };
    let shows_response = |level| match rules.response_body {
        ResponseBody::Always => true,
        ResponseBody::Never => false,
        ResponseBody::WhenNotable => level < rules.success_level || !is_get,
    };

    // A code makes the level more severe, if anything: what is recorded without it is recorded.
    let early = signs.verdict();
    let early_level = level_of(early);
    let early_enabled = !leaves_out(early) && logger.enabled(early_level);
    let [for_request, for_response] = scratch::take(&SHOWN);
    let shown_anyway =
        early_enabled && shows_response(early_level) && !state.response_body.kept().is_empty();
    let (for_response, for_code) = match shown_anyway {
        true => (String::new(), Some(for_response)),
        false => (for_response, None),
    };
    let reading = logger.call(|| find_code(state, rules, outcome, for_code));
    let CodeReading {
        mut code,
        state: code_state,
        content,
    } = reading.unwrap_or_default();
    signs.code = code
        .as_ref()
        .and_then(|code| code.as_code().as_i64())
        .and_then(|code| logger.call(|| (rules.code_levels)(code)).flatten());
    signs.malformed = code_state == Some(CodeState::Malformed);

    let verdict = signs.verdict();
    let level = level_of(verdict);
    let is_left_out = leaves_out(verdict);
    let is_enabled = || (early_enabled && level == early_level) || logger.enabled(level);
    if is_left_out || !is_enabled() {
        let counter = match is_left_out {
            true => &shared.skipped,
            false => &shared.muted,
        };
        counter.fetch_add(1, Relaxed);
        scratch::put(&SHOWN, [for_request, for_response]);
        return;
    }

    let parts = state.head.parts().chain(state.response_headers.parts());
    let looks = state.text.finish(parts);
    let succeeded =
        level >= rules.success_level && verdict.is_none_or(|verdict| verdict > Level::Warn);
    let sample_rate = rules.sampling.rate().filter(|_| succeeded);
    if sample_rate.is_some() && !is_kept(rules, state) {
        shared.sampled_out.fetch_add(1, Relaxed);
        scratch::put(&SHOWN, [for_request, for_response]);
        return;
    }
    let text = &mut state.text;
    let names = &rules.names;
    let (head, headers) = (&mut state.head, &mut state.response_headers);
    head.redact(text, &looks, &rules.request_headers, names);
    headers.redact(text, &looks, &rules.response_headers, names);
    if let Some(code) = &mut code {
        redact_code(code, rules);
    }
    let context = Context {
        logger,
        rules,
        state,
    };
    let request = context.request_content(for_request);
    let kept_by_policy = shows_response(level);
    let response = match (content, &state.response) {
        (Some(content), _) if kept_by_policy => content,
        (_, Some(response)) => {
            context.response_content(response, kept_by_policy, outcome, for_response)
        }
        (_, None) => Content::None,
    };
    let (head, text) = (&state.head, &state.text);
    let errors = state.errors.join(&rules.names);
    let route = state.route.as_deref();
    let route = route.map(|route| text::clean(text::cut(route, MAX_URI_PART_LEN)));
    let request_headers = head.headers.as_headers(text, &rules.request_headers);
    let (request_id, traceparent) = rules.request_headers.ids(request_headers);
    let trace = traceparent.and_then(TraceContext::parse);
    let mut record = Record {
        timestamp: state.timestamp,
        level,
        message: head.message(text),
        method: head.method(text),
        path: head.path(text),
        query: head.query(text),
        scheme: head.scheme(),
        route: route.as_deref(),
        version: head.version(),
        server_address: head.host(text),
        client_address: head.client,
        user_agent: head.agent(text),
        request_headers,
        response_headers: state
            .response_headers
            .as_headers(text, &rules.response_headers),
        request_body: body(&request, Some(state.request.seen()), state.is_unread()),
        response_body: body(
            &response,
            state.response.as_ref().map(|_| state.response_body.seen()),
            false,
        ),
        status: signs.status,
        code: code.as_ref().map(FoundCode::as_code),
        code_state,
        duration,
        time_to_head: state
            .response
            .as_ref()
            .map(|response| response.time_to_head),
        outcome,
        sample_rate,
        request_id,
        trace_id: trace.map(|trace| trace.trace_id),
        span_id: trace.map(|trace| trace.span_id),
        error: errors.as_deref(),
        user: state.user.as_deref(),
        fields: &state.fields,
        head_is_plain: text.is_plain(),
        is_failure: verdict == Some(Level::Error) || outcome != Outcome::Completed,
    };
    truncate(&mut record, rules.record_limit, logger.schemas);
    span.in_scope(&logger.shared.panics, || logger.emit(&record));
    scratch::put(&SHOWN, [request, response].map(Content::into_buffer));
}

/// A record of what succeeded is among those that are kept. The text of the head is finished.
fn is_kept(rules: &Rules, state: &State) -> bool {
    let allowed = &rules.request_headers;
    let headers = state.head.headers.as_headers(&state.text, allowed);
    let (request_id, traceparent) = allowed.ids(headers);
    let trace = traceparent.and_then(TraceContext::parse);
    let trace_id = trace.map(|trace| trace.trace_id);
    rules.sampling.keeps(trace_id, request_id)
}

fn body(content: &Content, size: Option<u64>, unread: bool) -> Body<'_> {
    let body = Body {
        size,
        unread,
        ..Body::default()
    };
    match content {
        Content::None => body,
        Content::Text(text) => Body {
            content: Some(&text.text),
            truncated: text.truncated,
            malformed: text.malformed,
            ..body
        },
        Content::Omitted(why) => Body {
            omitted: Some(*why),
            ..body
        },
    }
}

/// What the bodies of one exchange are made to text by.
#[derive(Clone, Copy)]
struct Context<'a> {
    logger: &'a Logger,
    rules: &'a Rules,
    state: &'a State,
}

impl Context<'_> {
    fn request_content(self, buffer: String) -> Content {
        let capture = &self.state.request;
        let limit = self.rules.request_limit;
        if capture.seen() == 0 {
            return Content::None;
        }
        if self.state.is_upgrade() {
            return Content::Omitted(Omitted::Upgrade);
        }
        if limit == 0 {
            return Content::Omitted(Omitted::Disabled);
        }
        let ended = self.state.request_is_whole();
        self.content(&self.state.head.kind, capture, ended, limit, buffer)
    }

    fn response_content(
        self,
        response: &Response,
        kept_by_policy: bool,
        outcome: Outcome,
        buffer: String,
    ) -> Content {
        let capture = &self.state.response_body;
        let limit = self.rules.response_limit;
        if capture.seen() == 0 {
            return Content::None;
        }
        if self.state.is_upgrade() {
            return Content::Omitted(Omitted::Upgrade);
        }
        if limit == 0 || self.rules.response_body == ResponseBody::Never {
            return Content::Omitted(Omitted::Disabled);
        }
        if !kept_by_policy {
            return Content::Omitted(Omitted::Policy);
        }
        let ended = outcome == Outcome::Completed;
        self.content(&response.head.kind, capture, ended, limit, buffer)
    }

    /// `ended` says that all of the body passed by, not that all of it was kept.
    fn content(
        self,
        kind: &Representation,
        capture: &Capture,
        ended: bool,
        limit: usize,
        buffer: String,
    ) -> Content {
        if let Some(why) = kind.hopeless() {
            return Content::Omitted(why);
        }
        if capture.refused() {
            return Content::Omitted(Omitted::Budget);
        }
        let kept = capture.kept();
        let whole = ended && kept.len() as u64 == capture.seen();
        let names = &self.rules.names;
        // A fault in a decoder or in our own reading costs the content, not the record.
        let content = self
            .logger
            .call(|| Content::of(kind, kept, whole, limit, names, buffer));
        content.unwrap_or(Content::Omitted(Omitted::Malformed))
    }
}

impl Content {
    /// What the next record can use.
    fn into_buffer(self) -> String {
        let Content::Text(Text { mut text, .. }) = self else {
            return String::new();
        };
        if text.capacity() > MAX_KEPT {
            return String::new();
        }
        text.clear();
        text
    }
}

impl State {
    fn is_upgrade(&self) -> bool {
        let status = self.response.as_ref().map(|response| response.head.status);
        status == Some(StatusCode::SWITCHING_PROTOCOLS)
    }

    fn request_is_whole(&self) -> bool {
        let arrived = Announced::Bytes(self.request.seen()) == self.head.announced;
        (self.request_ended || arrived) && !self.request_failed
    }

    /// Some of the body was left where it was. A body that failed was not: nobody could read it.
    fn is_unread(&self) -> bool {
        self.head.announced != Announced::Nothing
            && !self.request_is_whole()
            && !self.request_failed
            && !self.is_upgrade()
    }
}
