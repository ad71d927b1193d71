//! Multipart bodies (RFC 2046, section 5.1; RFC 7578).

mod delimiters;
pub(crate) mod mislabelled;
pub(crate) mod part_head;

use self::{delimiters::Delimiters, part_head::PartHead};
use crate::formats::media_type::Boundary;

/// The state at the end of a multipart body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MultipartEnding {
    /// Set if the last delimiter was reached.
    pub(crate) complete: bool,
    /// Set if the body is not valid multipart from some point on.
    pub(crate) malformed: bool,
}

/// One part of a body.
pub(crate) struct BodyPart<'b> {
    pub(crate) head: PartHead,
    /// The bytes after the head. `None` if the part ends inside of its head.
    pub(crate) content: Option<&'b [u8]>,
    /// Set if the part was read to its end.
    pub(crate) ended: bool,
}

/// Calls `visit` with the parts in `body`, the first bytes of a multipart body. `whole` says that `body` is the
/// whole body.
pub(crate) fn read_parts<'b>(
    body: &'b [u8],
    boundary: &Boundary,
    whole: bool,
    mut visit: impl FnMut(BodyPart<'b>),
) -> MultipartEnding {
    let mut ending = MultipartEnding::default();
    let mut delimiters = Delimiters::new(body, boundary);
    let mut next = delimiters.next();
    // The bytes before the first delimiter belong to no part.
    ending.malformed |= next.is_none() && whole;
    while let Some(delimiter) = next {
        if delimiter.is_last {
            ending.complete = true;
            break;
        }
        next = delimiters.next();
        let end = next.as_ref().map_or(body.len(), |next| next.start);
        let part = &body[delimiter.end.min(end)..end];
        let ended = next.is_some();
        if part.is_empty() && !ended {
            break;
        }
        let Some(head) = PartHead::parse(part, ended) else {
            // Without a valid head, it is unknown whether the content may be shown.
            ending.malformed = true;
            break;
        };
        let part = match ended {
            true => part,
            false => delimiters.without_cut_delimiter(part),
        };
        let content = head.len.map(|len| part.get(len..).unwrap_or_default());
        visit(BodyPart {
            head,
            content,
            ended,
        });
    }
    ending.malformed |= whole && !ending.complete;
    ending.complete &= !ending.malformed;
    ending
}
