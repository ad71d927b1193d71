//! The end of an exchange: from what is known of it to its record, and to the sinks.

use std::{
    error::Error as StdError,
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix_web::http::StatusCode;
use log::Level;

use crate::{
    capture::Capture,
    config::Config,
    content::{Content, Omitted, Representation},
    errors,
    exchange::{Response, State},
    fit::fit,
    found_code::{find_code, redacted_code},
    head::Announced,
    headers::Headers,
    json::code::{CodeState, CodeText},
    level::Signs,
    record::{Body, Outcome, Record},
    rules::ResponseBody,
};

/// The text of an error. Its `Display` is not ours, and may panic.
pub(crate) fn error_text(config: &Config, error: &dyn fmt::Display) -> String {
    config.call(|| errors::describe(error)).unwrap_or_default()
}

pub(crate) fn error_chain_text(config: &Config, error: &(dyn StdError + 'static)) -> String {
    config
        .call(|| errors::describe_chain(error))
        .unwrap_or_default()
}

/// Makes the record of an exchange that is over and gives it to every sink that wants it.
///
/// `config` is the outermost logger's: its sinks, budget and counters; the rules are those of the
/// innermost.
pub(crate) fn emit(config: &Config, mut state: State, outcome: Outcome, duration: Duration) {
    let shared = &config.shared;
    let rules = Arc::clone(&state.rules);
    let rules = &rules.rules;

    let (code, code_state) = find_code(&mut state, outcome);
    let signs = Signs {
        code: code
            .as_ref()
            .and_then(|code| code.as_code().as_i64())
            .and_then(|code| config.call(|| (rules.code_levels)(code)).flatten()),
        status: match &state.response {
            Some(response) => Some(response.head.status),
            None => state.error_status,
        },
        outcome,
        malformed: code_state == Some(CodeState::Malformed),
    };
    let verdict = signs.verdict();
    // Levels are ordered by verbosity: the smallest is the most severe.
    let succeeded = verdict.is_none_or(|level| level > Level::Warn);
    if state.silenced || (state.skip && succeeded) {
        shared.skipped.fetch_add(1, Relaxed);
        return;
    }
    let level = verdict.map_or(rules.success_level, |level| level.min(rules.success_level));
    if !config.enabled(level) {
        shared.muted.fetch_add(1, Relaxed);
        return;
    }

    state.head.finish(&rules.request_headers, &rules.names);
    if let Some(response) = &mut state.response {
        let headers = &mut response.head.headers;
        headers.finish(&rules.response_headers, &rules.names);
    }
    let shown_code = code.map(|code| redacted_code(code, rules));
    let request = request_content(config, &state);
    let kept_by_policy = match rules.response_body {
        ResponseBody::Always => true,
        ResponseBody::Never => false,
        ResponseBody::WhenNotable => level < rules.success_level || !state.head.is_get,
    };
    let response = match &state.response {
        Some(response) => response_content(config, &state, response, kept_by_policy, outcome),
        None => Content::None,
    };
    let head = &state.head;
    let errors = state.errors.join(&rules.names);
    let mut record = Record {
        timestamp: state.timestamp,
        level,
        message: head.message(),
        method: head.method(),
        path: head.path(),
        query: head.query(),
        scheme: head.scheme,
        route: state.route.as_deref(),
        version: head.version(),
        server_address: head.host(),
        client_address: head.client,
        user_agent: head.agent(),
        request_headers: head.headers.as_headers(&rules.request_headers),
        response_headers: match &state.response {
            Some(response) => response.head.headers.as_headers(&rules.response_headers),
            None => Headers::default(),
        },
        request_body: body(&request, Some(state.request.seen()), state.is_unread()),
        response_body: body(
            &response,
            state
                .response
                .as_ref()
                .map(|response| response.capture.seen()),
            false,
        ),
        status: signs.status,
        code: shown_code.as_ref().map(CodeText::as_code),
        code_state,
        duration,
        time_to_head: state
            .response
            .as_ref()
            .map(|response| response.time_to_head),
        outcome,
        error: errors.as_deref(),
        user: state.user.as_ref(),
        fields: &state.fields,
    };
    fit(&mut record, rules.record_limit);

    for sink in &config.sinks {
        if config.sink_takes(&**sink, level) {
            config.call(|| sink.emit(&record));
        }
    }
    shared.records.fetch_add(1, Relaxed);
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

fn request_content(config: &Config, state: &State) -> Content {
    let capture = &state.request;
    let limit = state.rules.rules.request_limit;
    if capture.seen() == 0 {
        return Content::None;
    }
    if state.is_upgrade() {
        return Content::Omitted(Omitted::Upgrade);
    }
    if limit == 0 {
        return Content::Omitted(Omitted::Disabled);
    }
    content(
        config,
        state,
        &state.head.kind,
        capture,
        state.request_is_whole(),
        limit,
    )
}

fn response_content(
    config: &Config,
    state: &State,
    response: &Response,
    kept_by_policy: bool,
    outcome: Outcome,
) -> Content {
    let rules = &state.rules.rules;
    if response.capture.seen() == 0 {
        return Content::None;
    }
    if state.is_upgrade() {
        return Content::Omitted(Omitted::Upgrade);
    }
    if rules.response_limit == 0 || rules.response_body == ResponseBody::Never {
        return Content::Omitted(Omitted::Disabled);
    }
    if !kept_by_policy {
        return Content::Omitted(Omitted::Policy);
    }
    content(
        config,
        state,
        &response.head.kind,
        &response.capture,
        outcome == Outcome::Completed,
        rules.response_limit,
    )
}

/// `ended` says that all of the body passed by, not that all of it was kept.
fn content(
    config: &Config,
    state: &State,
    kind: &Representation,
    capture: &Capture,
    ended: bool,
    limit: usize,
) -> Content {
    if let Some(why) = kind.hopeless() {
        return Content::Omitted(why);
    }
    if capture.refused() {
        return Content::Omitted(Omitted::Budget);
    }
    let kept = capture.kept();
    let whole = ended && kept.len() as u64 == capture.seen();
    let names = &state.rules.rules.names;
    // A fault in a decoder or in our own reading costs the content, not the record.
    let content = config.call(|| Content::of(kind, kept, whole, limit, names));
    content.unwrap_or(Content::Omitted(Omitted::Malformed))
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
