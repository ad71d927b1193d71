//! Asking what would be recorded.

use actix_web::http::header::HeaderMap;

use crate::{
    BodyLog, Code,
    content::{Content, Omitted, Representation},
    exchange::result_code,
    formats::json::code::CodeState,
    head::is_binary_transfer,
    policy::ResponseBody,
};

/// What a record would say of a response body; see [`BodyLog::preview`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// `http.response.body.content`
    pub content: Option<String>,
    /// `http.response.body.truncated`
    pub truncated: bool,
    /// `http.response.body.malformed`
    pub malformed: bool,
    /// `http.response.body.omitted`
    pub omitted: Option<Omitted>,
    /// `http.response.body.code`, as it stands in the response; a string without its quotes.
    pub code: Option<String>,
    /// `http.response.body.code_state`
    pub code_state: Option<CodeState>,
}

impl BodyLog {
    /// What a record would say of a response with these headers and this body: for tests of your own
    /// rules.
    ///
    /// `content-type` and `content-encoding` are what counts of the headers. A request body is shown
    /// in the same way, up to [`request_limit`](Self::request_limit) and without a code.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    /// use actix_web::http::header::{self, HeaderMap, HeaderValue};
    ///
    /// let json = HeaderValue::from_static("application/json");
    /// let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    /// let body_log = BodyLog::new().redact("iban");
    /// let preview = body_log.preview(&headers, br#"{"code": 0, "iban": "DE02120300000000202051"}"#);
    /// assert_eq!(preview.content.as_deref(), Some(r#"{"code":0,"iban":"[REDACTED]"}"#));
    /// ```
    #[must_use]
    pub fn preview(&self, headers: &HeaderMap, body: &[u8]) -> Preview {
        let logger = self.logger();
        let rules = &logger.rules;
        let kind = Representation::of(headers);
        let prefix = |limit: usize| {
            let kept = &body[..body.len().min(limit)];
            (kept, kept.len() == body.len())
        };
        let mut preview = Preview::default();
        let is_binary = headers
            .iter()
            .any(|(name, value)| is_binary_transfer(name, value));
        let may_have_code = kind.may_have_code() && !is_binary;
        if may_have_code {
            let found = result_code::code_of(&kind, body, rules);
            preview.code_state = found.state;
            preview.code = found.code.map(|mut code| {
                result_code::redact_code(&mut code, rules);
                match code.as_code() {
                    Code::Number(code) | Code::Text(code) => code.to_owned(),
                }
            });
        }
        let limit = rules.response_limit;
        if body.is_empty() {
            return preview;
        }
        if limit == 0 || rules.response_body == ResponseBody::Never {
            preview.omitted = Some(Omitted::Disabled);
            return preview;
        }
        // As an exchange keeps them: a code that is looked for at the end may need more.
        let (kept, whole) = match may_have_code && !kind.is_plain() {
            true => prefix(limit.max(rules.code_limit)),
            false => prefix(limit),
        };
        match Content::of(&kind, kept, whole, limit, &rules.names, String::new()) {
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
}
