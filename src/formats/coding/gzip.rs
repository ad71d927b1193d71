//! Reading gzip (RFC 1952).

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

/// The bytes that a member begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A reader of the members of a gzip body. Like browsers, it ignores everything after the last member, for example a
/// line break or padding. `MultiGzDecoder` cannot be used here, because it returns the same error for such bytes and
/// for a damaged member.
pub(super) struct Gzip<'b> {
    member: GzDecoder<&'b [u8]>,
}

impl<'b> Gzip<'b> {
    pub(super) fn new(input: &'b [u8]) -> Self {
        Self {
            member: GzDecoder::new(input),
        }
    }
}

impl Read for Gzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.member.read(buffer)?;
            let rest = *self.member.get_ref();
            if read > 0 || buffer.is_empty() || !rest.starts_with(&MAGIC) {
                return Ok(read);
            }
            self.member = GzDecoder::new(rest);
        }
    }
}
