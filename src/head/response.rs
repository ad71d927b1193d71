//! The head of a response.

use actix_web::{dev::ResponseHead, http::StatusCode};

use super::{
    content_headers::ContentHeaders,
    headers::{Allowlist, HeaderValues},
    text::HeadText,
};
use crate::{content::may_have_code, formats::representation::Representation};

/// The head of a response, as the inner service returned it.
#[derive(Debug)]
pub(crate) struct ResponseHeadCopy {
    pub(crate) status: StatusCode,
    pub(crate) kind: Representation,
    /// Set if the response has `Content-Transfer-Encoding: binary`, which some services send with files.
    pub(crate) is_binary: bool,
}

impl ResponseHeadCopy {
    /// Copies the head of a response, and its listed headers into `headers`, which must be empty.
    pub(crate) fn copy(
        head: &ResponseHead,
        allowed: &Allowlist,
        headers: &mut HeaderValues,
        text: &mut HeadText,
    ) -> Self {
        let mut content = ContentHeaders::default();
        for (name, value) in head.headers() {
            headers.add(text, name, value.as_bytes(), allowed);
            content.add(name, value);
        }
        Self {
            status: head.status,
            kind: content.representation(head.headers()),
            is_binary: content.is_binary,
        }
    }

    /// Returns whether the body may have a code. A part of a document is not a document (RFC 9110, section 15.3.7),
    /// and after an upgrade the body is another protocol.
    pub(crate) fn may_have_code(&self) -> bool {
        may_have_code(&self.kind)
            && !self.is_binary
            && !matches!(
                self.status,
                StatusCode::SWITCHING_PROTOCOLS | StatusCode::PARTIAL_CONTENT
            )
    }
}
