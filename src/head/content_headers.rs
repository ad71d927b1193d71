//! The headers of a message that describe its body.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::formats::representation::Representation;

/// The headers of a message that describe its body.
#[derive(Debug, Default)]
pub(super) struct ContentHeaders<'h> {
    pub(super) kind: Option<&'h HeaderValue>,
    pub(super) length: Option<&'h HeaderValue>,
    pub(super) has_coding: bool,
    pub(super) has_transfer_coding: bool,
    pub(super) is_binary: bool,
}

impl<'h> ContentHeaders<'h> {
    /// Notes a header if it describes the body. Of several `Content-Type` or `Content-Length`, the first counts.
    pub(super) fn add(&mut self, name: &HeaderName, value: &'h HeaderValue) {
        match *name {
            header::CONTENT_TYPE if self.kind.is_none() => self.kind = Some(value),
            header::CONTENT_LENGTH if self.length.is_none() => self.length = Some(value),
            header::CONTENT_ENCODING => self.has_coding = true,
            header::TRANSFER_ENCODING => self.has_transfer_coding = true,
            _ if is_binary_transfer(name, value) => self.is_binary = true,
            _ => {}
        }
    }

    /// Returns the representation metadata. `headers` are all headers of the message.
    pub(super) fn representation(&self, headers: &HeaderMap) -> Representation {
        let kind = self.kind.map(|value| value.as_bytes());
        match self.has_coding {
            false => Representation::uncoded(kind),
            true => Representation::of(headers),
        }
    }
}

/// Returns whether the header is `Content-Transfer-Encoding: binary`, which some services send with files of any type.
pub(crate) fn is_binary_transfer(name: &HeaderName, value: &HeaderValue) -> bool {
    const NAME: &str = "content-transfer-encoding";
    let value = || value.as_bytes().trim_ascii();
    name.as_str() == NAME && value().eq_ignore_ascii_case(b"binary")
}
