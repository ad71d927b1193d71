//! The code and the content of a response that has ended.

use crate::{
    content::{Content, DecodedBody, OmitReason},
    formats::{
        json::code::{Code, CodeState, FoundCode, MAX_CODE_LEN},
        representation::Representation,
    },
    policy::Policy,
    redact::{
        Shape,
        key_cache::Redactor,
        listed::{NameClass, is_repeated_authorization_code},
        pieces::REDACTED,
        text::{hide_secrets, is_card_number},
    },
};

/// The kept prefix of a response body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptBody<'s> {
    pub(crate) kind: &'s Representation,
    pub(crate) bytes: &'s [u8],
    /// The number of bytes of the body, kept or not.
    pub(crate) len: u64,
    /// Set if the body was passed on to its end.
    pub(crate) completed: bool,
    /// Set if the budget had no room for the prefix.
    pub(crate) refused: bool,
}

/// A response body that is decoded once, for its code and for its content.
#[derive(Debug)]
pub(crate) struct ResponseReading<'s> {
    kept: KeptBody<'s>,
    wants_code: bool,
    first_chunk_code: Option<Box<FirstChunkCode>>,
    decoded: Option<Result<DecodedBody<'s>, OmitReason>>,
    content: Option<Content>,
    pub(crate) code: Option<FoundCode>,
    /// The reason why a JSON response has no code.
    pub(crate) code_state: Option<CodeState>,
}

impl<'s> ResponseReading<'s> {
    pub(crate) fn new(
        kept: KeptBody<'s>,
        wants_code: bool,
        first_chunk_code: Option<Box<FirstChunkCode>>,
    ) -> Self {
        Self {
            kept,
            wants_code,
            first_chunk_code,
            decoded: None,
            content: None,
            code: None,
            code_state: None,
        }
    }

    pub(crate) fn kind(&self) -> &'s Representation {
        self.kept.kind
    }

    /// Returns whether the body was empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.len == 0
    }

    /// Finds the code, if the response may have a code. If `buffer` is given, also makes the content, in the same pass.
    pub(crate) fn read_code(
        &mut self,
        policy: &Policy,
        redactor: Redactor<'_>,
        buffer: Option<String>,
    ) {
        if !self.wants_code {
            return;
        }
        let code = match self.kept.refused {
            // Nothing is searched, so nothing is decoded either.
            _ if policy.code_limit == 0 && !self.is_empty() => Some(Err(CodeState::Cut)),
            false => self.read_kept(policy, redactor, buffer),
            true => match self.first_chunk_code.take() {
                Some(first) => first.finish(self.kept.len, self.kept.completed),
                None => Some(Err(CodeState::Cut)),
            },
        };
        match code {
            Some(Ok(code)) => self.code = Some(code),
            Some(Err(state)) => self.code_state = Some(state),
            None => {}
        }
    }

    fn read_kept(
        &mut self,
        policy: &Policy,
        redactor: Redactor<'_>,
        buffer: Option<String>,
    ) -> Option<Result<FoundCode, CodeState>> {
        let decoded = self.decode(policy);
        let Ok(body) = self.decoded.insert(decoded) else {
            return (self.kept.len > 0).then_some(Err(CodeState::Unreadable));
        };
        let (code_limit, path) = (policy.code_limit, &policy.code_path);
        let Some(buffer) = buffer else {
            return body.code(code_limit, path);
        };
        let (content, code) =
            body.content_and_code(policy.response_limit, code_limit, redactor, path, buffer);
        self.content = Some(content);
        code
    }

    /// Returns the text of the body. `buffer` is empty, and may become that text.
    pub(crate) fn content(
        &mut self,
        policy: &Policy,
        redactor: Redactor<'_>,
        buffer: String,
    ) -> Content {
        if let Some(content) = self.content.take() {
            return content;
        }
        let decoded = match self.decoded.take() {
            Some(decoded) => decoded,
            None => self.decode(policy),
        };
        match decoded {
            Ok(_) if self.kept.refused => Content::Omitted(OmitReason::Budget),
            Ok(body) => body.content(policy.response_limit, redactor, buffer),
            Err(why) => Content::Omitted(why),
        }
    }

    /// Returns the reason why the body is not text, if it is not.
    // Cold, so that the code that makes records is shorter.
    #[cold]
    pub(crate) fn unreadable(&self, policy: &Policy) -> Option<OmitReason> {
        let decoded;
        let body = match &self.decoded {
            Some(body) => body,
            None => {
                decoded = self.decode(policy);
                &decoded
            }
        };
        match body {
            Ok(body) => body.unreadable(policy.response_limit),
            Err(why) => Some(*why),
        }
    }

    /// Hides the code if its key is sensitive, or secrets in it.
    pub(crate) fn redact_code(&mut self, policy: &Policy, redactor: Redactor<'_>) {
        let Some(code) = &mut self.code else {
            return;
        };
        if policy.hides_code || redactor.meets_condition(code.as_code().as_str()) {
            return code.hide(REDACTED);
        }
        if let Code::Number(digits) = code.as_code()
            && redactor.hides(Shape::CardNumber)
            && is_card_number(digits)
        {
            return code.hide(REDACTED);
        }
        if let Code::Text(text) = code.as_code() {
            let key = policy.code_path.keys().last();
            let is_named_code = || key.is_some_and(|key| redactor.class_of(key) == NameClass::Code);
            if is_repeated_authorization_code(text) && is_named_code() {
                return code.hide(REDACTED);
            }
            let is_cut = text.len() + char::MAX.len_utf8() > MAX_CODE_LEN;
            if let Some(shown) = hide_secrets(text, is_cut, redactor) {
                code.replace(&shown);
            }
        }
    }

    fn decode(&self, policy: &Policy) -> Result<DecodedBody<'s>, OmitReason> {
        let KeptBody { kind, bytes, .. } = self.kept;
        let whole = self.kept.completed && bytes.len() as u64 == self.kept.len;
        DecodedBody::decode(kind, bytes, whole, policy.kept_limit(self.wants_code))
    }
}

/// The code in the first chunk of a response of which nothing can be kept.
#[derive(Debug)]
pub(crate) struct FirstChunkCode {
    /// The number of bytes of the chunk.
    len: u64,
    /// The code if the chunk is the whole body.
    if_whole: Option<Result<FoundCode, CodeState>>,
    /// The code if the chunk is only the beginning of the body.
    if_cut: Option<Result<FoundCode, CodeState>>,
}

impl FirstChunkCode {
    /// Reads the code from the first chunk. Reads no more of the chunk than would be kept if there were room, because
    /// a chunk may be as large as a body.
    pub(crate) fn read(kind: &Representation, chunk: &[u8], policy: &Policy) -> Self {
        let limit = policy.kept_limit(true);
        let kept = &chunk[..chunk.len().min(limit)];
        let code_if = |completed| {
            let whole = completed && kept.len() == chunk.len();
            match DecodedBody::decode(kind, kept, whole, limit) {
                Ok(body) => body.code(policy.code_limit, &policy.code_path),
                Err(_) => Some(Err(CodeState::Unreadable)),
            }
        };
        Self {
            len: chunk.len() as u64,
            if_whole: code_if(true),
            if_cut: code_if(false),
        }
    }

    /// Returns the code of a response of `len` bytes that begins with the chunk.
    pub(crate) fn finish(self, len: u64, completed: bool) -> Option<Result<FoundCode, CodeState>> {
        match completed && len == self.len {
            true => self.if_whole,
            false => self.if_cut,
        }
    }
}
