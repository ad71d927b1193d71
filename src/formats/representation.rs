//! The representation metadata of a message (RFC 9110, section 8).

use actix_web::http::header::{self, HeaderMap};

use super::{coding::Codings, media_type::ContentType};

/// The type and the content codings of a body, from the head of its message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Representation {
    pub(crate) content_type: ContentType,
    pub(crate) codings: Codings,
}

impl Representation {
    /// Reads the representation from the headers of a message.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE);
        let codings = headers.get_all(header::CONTENT_ENCODING);
        Self {
            content_type: ContentType::parse(content_type.map(|value| value.as_bytes())),
            codings: Codings::parse(codings.map(|value| value.as_bytes())),
        }
    }

    /// Makes the representation of a message without `Content-Encoding`.
    pub(crate) fn uncoded(content_type: Option<&[u8]>) -> Self {
        Self {
            content_type: ContentType::parse(content_type),
            codings: Codings::default(),
        }
    }
}
