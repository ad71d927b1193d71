//! The delimiters between the parts of a multipart body.

use crate::formats::media_type::Boundary;

/// A line that ends one part and begins the next.
pub(super) struct Delimiter {
    /// The start of the line break before the line, which belongs to the delimiter.
    pub(super) start: usize,
    /// The start of the next part.
    pub(super) end: usize,
    /// Set if no part follows.
    pub(super) is_last: bool,
}

/// The delimiters of a body, in order.
///
/// A line that begins with two dashes and the boundary is a delimiter (RFC 2046). This includes a line after a bare
/// line feed or carriage return, because a lenient application would read the head of a file there.
pub(super) struct Delimiters<'b> {
    body: &'b [u8],
    /// The boundary, with the two dashes before it.
    dashed: String,
    /// The place at which the search continues.
    at: usize,
}

impl<'b> Delimiters<'b> {
    pub(super) fn new(body: &'b [u8], boundary: &Boundary) -> Self {
        Self {
            body,
            dashed: format!("--{}", boundary.as_str()),
            at: 0,
        }
    }

    /// Returns `part` without a truncated delimiter at its end.
    pub(super) fn without_cut_delimiter<'p>(&self, part: &'p [u8]) -> &'p [u8] {
        let line_break = part.iter().rposition(|&b| b == b'\n' || b == b'\r');
        let Some(at) = line_break else { return part };
        if !self.dashed.as_bytes().starts_with(&part[at + 1..]) {
            return part;
        }
        part[..at].strip_suffix(b"\r").unwrap_or(&part[..at])
    }

    /// Finds the next delimiter.
    pub(super) fn next(&mut self) -> Option<Delimiter> {
        loop {
            let found = memchr::memmem::find(&self.body[self.at..], self.dashed.as_bytes())?;
            let start = self.at + found;
            let after = start + self.dashed.len();
            self.at = after;
            let before = &self.body[..start];
            let line_break = match before {
                [] => 0,
                [.., b'\r', b'\n'] => 2,
                [.., b'\n' | b'\r'] => 1,
                _ => continue,
            };
            let rest = &self.body[after..];
            let line = rest.iter().position(|&b| b == b'\n');
            return Some(Delimiter {
                start: start - line_break,
                end: after + line.map_or(rest.len(), |line| line + 1),
                is_last: rest.starts_with(b"--"),
            });
        }
    }
}
