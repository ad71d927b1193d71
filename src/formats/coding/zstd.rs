//! Reading Zstandard (RFC 8878) in bounded memory.

use std::io::{self, BufRead as _, Read};

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// The bytes that a frame begins with, as a little-endian number.
const MAGIC: u32 = 0xfd2f_b528;
/// The bytes that a skippable frame begins with, as a little-endian number whose last 4 bits may be any.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
/// The maximum size of a decoded block.
const MAX_BLOCK: usize = 128 << 10;

/// A reader of the frames of a Zstandard body. Like browsers, it ignores everything after the last frame, for example a
/// line break or padding.
///
/// The decoder allocates a buffer of the window that a frame declares. This reader declares a window that holds `limit`
/// bytes instead, if that is smaller. This changes nothing in the first `limit` bytes, because a distance never exceeds
/// the number of bytes before it, and because a block that begins within the first `limit` bytes is decoded in full
/// before the decoder discards anything.
pub(super) struct Zstd<'b> {
    /// The header of the frame, if it was changed, and what follows.
    input: io::Chain<io::Cursor<Vec<u8>>, &'b [u8]>,
    decoder: DCtx<'static>,
    limit: usize,
    position: Position,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the first frame.
    Start,
    InFrame,
    AfterFrame,
}

impl<'b> Zstd<'b> {
    /// Makes a reader of which at most `limit` bytes are used. Returns `None` if the decoder cannot be allocated.
    pub(super) fn new(input: &'b [u8], limit: usize) -> Option<Self> {
        // A guard: After its window is lowered, a frame needs no more than 2^20 bytes, or than `limit` and one block.
        const MIN_LOG: u32 = 20;
        const MAX_LOG: u32 = 27;
        let needed = limit.checked_add(MAX_BLOCK)?.checked_next_power_of_two()?;
        let mut decoder = DCtx::try_create()?;
        let window_log = needed.ilog2().clamp(MIN_LOG, MAX_LOG);
        let parameter = DParameter::WindowLogMax(window_log);
        decoder.set_parameter(parameter).ok()?;
        Some(Self {
            input: io::Cursor::default().chain(input),
            decoder,
            limit,
            position: Position::Start,
        })
    }

    /// Begins the next frame. Returns false if no frame follows.
    fn begin_frame(&mut self) -> bool {
        let rest = *self.input.get_ref().1;
        let magic = rest.first_chunk().map(|magic| u32::from_le_bytes(*magic));
        let begins = magic.is_some_and(|magic| magic == MAGIC || magic & !0xf == SKIPPABLE_MAGIC);
        if begins {
            let head = with_small_window(rest, self.limit).unwrap_or_default();
            let rest = rest.get(head.len()..).unwrap_or_default();
            self.input = io::Cursor::new(head).chain(rest);
            self.position = Position::InFrame;
        }
        begins
    }
}

/// Returns the first bytes of a frame with a window that holds `limit` bytes. Returns `None` if the declared window is
/// not larger, or if the header is incomplete.
fn with_small_window(frame: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (magic, [descriptor, fields @ ..]) = frame.split_first_chunk()? else {
        return None;
    };
    if u32::from_le_bytes(*magic) != MAGIC {
        return None;
    }
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        // The exponent, of which 10 is subtracted, is in the upper 5 bits. The lower 3 bits make the window larger
        // (RFC 8878, section 3.1.1.1.2).
        let window = limit.max(MAX_BLOCK).checked_next_power_of_two()?;
        let window = u8::try_from(window.ilog2().checked_sub(10)? << 3).ok()?;
        let is_larger = *fields.first()? > window;
        return is_larger.then(|| [&magic[..], &[*descriptor, window]].concat());
    }
    // The window is the size of the content, in a field after the ID of the dictionary (RFC 8878, section 3.1.1.1).
    // The decoder compares this field with the content after the last block. The block that ends the first `limit`
    // bytes is not the last one, because the content is longer than `limit` and one block.
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (dictionary, fields) = fields.split_at_checked(dictionary_len)?;
    let size = u64::try_from(limit.checked_add(MAX_BLOCK)?).ok()?;
    let size = match descriptor >> 6 {
        2 if u64::from(u32::from_le_bytes(*fields.first_chunk()?)) > size => {
            u32::try_from(size).ok()?.to_le_bytes().to_vec()
        }
        3 if u64::from_le_bytes(*fields.first_chunk()?) > size => size.to_le_bytes().to_vec(),
        _ => return None,
    };
    Some([&magic[..], &[*descriptor], dictionary, &size].concat())
}

impl Read for Zstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.position != Position::InFrame && !self.begin_frame() {
                return match self.position {
                    Position::Start => Err(io::ErrorKind::InvalidData.into()),
                    _ => Ok(0),
                };
            }
            let chunk = self.input.fill_buf()?;
            let is_at_end = chunk.is_empty();
            let mut input = InBuffer::around(chunk);
            let mut output = OutBuffer::around(buffer);
            let result = self.decoder.decompress_stream(&mut output, &mut input);
            let (at, read) = (input.pos(), output.pos());
            self.input.consume(at);
            let expected = result.map_err(|_| io::ErrorKind::InvalidData)?;
            if expected == 0 {
                self.position = Position::AfterFrame;
            }
            if read > 0 {
                return Ok(read);
            }
            if expected > 0 && is_at_end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
