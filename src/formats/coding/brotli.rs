//! Reading Brotli (RFC 7932) in bounded memory.

use std::io::{self, BufRead as _, Read};

use brotli_decompressor::{
    BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper as _, StandardAlloc,
};

/// A reader of a Brotli stream. The reader of `brotli-decompressor` cannot be used here, because it returns the same
/// error for a truncated stream and for an invalid stream.
///
/// The decoder allocates a ring buffer of the window that the stream declares, up to 16 MiB. This reader declares the
/// smallest window that holds `limit` bytes instead. This changes nothing in the first `limit` bytes: The window
/// limits the distance of a copy to the smaller of the window and of the position, so up to the position `limit` the
/// position alone counts. After that, a copy from outside of the smaller window is read as a reference to the
/// dictionary, which may be invalid. The decoder works ahead until the ring buffer is full, so it may fail before it
/// has written the bytes before the fault. This reader returns those bytes before the error.
pub(super) struct Brotli<'b> {
    /// The first byte, if it was changed, and what follows.
    input: io::Chain<io::Cursor<Vec<u8>>, &'b [u8]>,
    written: usize,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    /// The number of bytes that were returned after the decoder failed, if it failed.
    returned_after_failure: Option<usize>,
}

impl<'b> Brotli<'b> {
    /// Makes a reader of which at most `limit` bytes are used.
    pub(super) fn new(input: &'b [u8], limit: usize) -> Self {
        let (first, rest) = match input {
            [first, rest @ ..] => match with_small_window(*first, limit) {
                Some(first) => (vec![first], rest),
                None => (Vec::new(), input),
            },
            [] => (Vec::new(), input),
        };
        let alloc = StandardAlloc::default;
        Self {
            input: io::Cursor::new(first).chain(rest),
            written: 0,
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            returned_after_failure: None,
        }
    }

    /// Returns the bytes that the decoder had decoded when it failed, but had not written.
    fn unwritten(&self) -> Option<&[u8]> {
        let state = &self.state;
        let size = u64::try_from(state.ringbuffer_size).ok()?;
        let pos = u64::try_from(state.pos).ok()?.min(size);
        let decoded = state.rb_roundtrips.checked_mul(size)?.checked_add(pos)?;
        let len = usize::try_from(decoded.checked_sub(state.partial_pos_out)?).ok()?;
        let start = usize::try_from(state.partial_pos_out.checked_rem(size)?).ok()?;
        state.ringbuffer.slice().get(start..start.checked_add(len)?)
    }
}

/// Returns the first byte of a stream with the smallest window that holds `limit` bytes. Returns `None` if the
/// declared window is not larger.
fn with_small_window(first: u8, limit: usize) -> Option<u8> {
    // The bytes of a window that a distance cannot reach (RFC 7932, section 9.1).
    const GAP: usize = 16;
    // The windows from 2^18 to 2^24 have codes of 4 bits: a 1, then the exponent minus 17 (RFC 7932, section 9.1).
    // If the exponent is 0, the code is longer, and the window smaller.
    const BASE: u8 = 17;
    let declared = (first >> 1) & 7;
    if first & 1 == 0 {
        return None;
    }
    let smaller = (1..declared).find(|exponent| (1 << (BASE + exponent)) - GAP >= limit)?;
    Some((first & 0xf0) | (smaller << 1) | 1)
}

impl Read for Brotli<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.returned_after_failure.is_none() {
            let chunk = self.input.fill_buf()?;
            let is_at_end = chunk.is_empty();
            let (mut left, mut at, mut room, mut read) = (chunk.len(), 0, buffer.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                chunk,
                &mut room,
                &mut read,
                buffer,
                &mut self.written,
                &mut self.state,
            );
            self.input.consume(at);
            if matches!(result, BrotliResult::ResultFailure) {
                self.returned_after_failure = Some(0);
            }
            match result {
                _ if read > 0 => return Ok(read),
                BrotliResult::ResultFailure => {}
                BrotliResult::NeedsMoreInput if is_at_end => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                BrotliResult::NeedsMoreInput => {}
                BrotliResult::ResultSuccess | BrotliResult::NeedsMoreOutput => return Ok(0),
            }
        }
        let returned = self.returned_after_failure.unwrap_or_default();
        let unwritten = self.unwritten().unwrap_or_default();
        let read = unwritten.get(returned..).unwrap_or_default().read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.returned_after_failure = Some(returned + read);
        Ok(read)
    }
}
