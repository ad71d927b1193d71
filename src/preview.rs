//! Asking what would be recorded.

use actix_web::http::header::HeaderMap;

use crate::{
    BodyLog, Code,
    content::{Content, Omitted, may_have_code},
    exchange::result_code::{KeptBody, ResponseReading, redact_code},
    formats::{json::code::CodeState, representation::Representation},
    head::is_binary_transfer,
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
    /// policy.
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
        let policy = &logger.policy;
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
        reading.read_code(policy, None);
        let mut preview = Preview {
            code_state: reading.code_state,
            ..Preview::default()
        };
        preview.code = reading.code.take().map(|mut code| {
            redact_code(&mut code, policy);
            match code.as_code() {
                Code::Number(code) | Code::Text(code) => code.to_owned(),
            }
        });
        let content = match (body.is_empty(), policy.keeps_response()) {
            (true, _) => Content::None,
            (false, true) => reading.into_content(policy, String::new()),
            (false, false) => Content::Omitted(Omitted::Disabled),
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
}
