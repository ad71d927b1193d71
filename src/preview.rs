//! A preview of the body fields of a record.

use actix_web::http::header::HeaderMap;

use crate::{
    content::{Content, OmitReason, may_have_code},
    exchange::result_code::{KeptBody, ResponseReading},
    formats::{
        json::code::{Code, CodeState},
        representation::Representation,
    },
    head::content_headers::is_binary_transfer,
    policy::Policy,
    redact::key_cache::{KeyCache, Redactor},
};

/// The fields that a record would have about a response body. See [`BodyLog::preview`](crate::BodyLog::preview).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// `http.response.body.content`
    pub content: Option<String>,
    /// `exchange.response.truncated`
    pub truncated: bool,
    /// `exchange.response.malformed`
    pub malformed: bool,
    /// `exchange.response.omitted`
    pub omitted: Option<OmitReason>,
    /// `exchange.code`, as in the response; a string without its quotes.
    pub code: Option<String>,
    /// `exchange.code_state`
    pub code_state: Option<CodeState>,
}

/// Makes a preview. See [`BodyLog::preview`](crate::BodyLog::preview).
pub(crate) fn preview(policy: &Policy, headers: &HeaderMap, body: &[u8]) -> Preview {
    let kind = Representation::of(headers);
    let is_binary = headers
        .iter()
        .any(|(name, value)| is_binary_transfer(name, value));
    let wants_code = may_have_code(&kind) && !is_binary;
    let kept = KeptBody {
        kind: &kind,
        bytes: &body[..body.len().min(policy.kept_limit(wants_code))],
        len: body.len() as u64,
        completed: true,
        refused: false,
    };
    let mut reading = ResponseReading::new(kept, wants_code, None);
    let keys = KeyCache::new();
    let redactor = Redactor::new(&policy.names, &keys);
    reading.read_code(policy, redactor, None);
    let mut preview = Preview {
        code_state: reading.code_state,
        ..Preview::default()
    };
    reading.redact_code(policy, redactor);
    preview.code = reading.code.as_ref().map(|code| match code.as_code() {
        Code::Number(code) | Code::Text(code) => code.to_owned(),
    });
    let omitted = policy
        .response_body
        .omits(policy.response_limit, true, false);
    let content = match omitted {
        _ if body.is_empty() => Content::None,
        None => reading.content(policy, redactor, String::new()),
        Some(why) => Content::Omitted(why),
    };
    match content {
        Content::None => {}
        Content::Omitted(why) => preview.omitted = Some(why),
        Content::Text(text) => {
            preview.content = Some(text.text);
            preview.truncated = text.truncated;
            preview.malformed = text.malformed;
        }
    }
    preview
}
