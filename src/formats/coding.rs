//! Content codings (RFC 9110, section 8.4.1): taking them off the beginning of a body.

use std::io::{self, Read};

#[cfg(feature = "brotli")]
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// More than these on one body are not taken off.
const MAX_CODINGS: usize = 3;

/// What a `Content-Encoding` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codings {
    /// In the order in which they were applied.
    applied: [Option<Coding>; MAX_CODINGS],
    unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "gzip")]
    Deflate,
    #[cfg(feature = "brotli")]
    Brotli,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    fn of(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            #[cfg(feature = "gzip")]
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            #[cfg(feature = "gzip")]
            b"deflate" => Some(Self::Deflate),
            #[cfg(feature = "brotli")]
            b"br" => Some(Self::Brotli),
            #[cfg(feature = "zstd")]
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The beginning of a body without its codings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// It is all of the body.
    pub(crate) whole: bool,
}

impl Codings {
    /// Reads the values of `Content-Encoding`, in their order.
    pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut codings = Self::default();
        let names = values.flat_map(|value| value.split(|&b| b == b','));
        let names = names
            .map(<[u8]>::trim_ascii)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let mut slots = codings.applied.iter_mut();
        for name in names {
            match (Coding::of(name), slots.next()) {
                (Some(coding), Some(slot)) => *slot = Some(coding),
                _ => codings.unknown = true,
            }
        }
        codings
    }

    /// The bytes are those of the text.
    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// Nothing here can take it off.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Takes the codings off `kept`, the first bytes of a body; `whole` says that it is all of it.
    /// At most `limit` bytes come out, and of each coding in between.
    ///
    /// `None` if it is broken, or so short that nothing can be read.
    pub(crate) fn decode(&self, kept: &[u8], whole: bool, limit: usize) -> Option<Decoded> {
        if self.unknown {
            return None;
        }
        let mut decoded = None;
        for coding in self.applied.iter().rev().flatten() {
            let before = match &decoded {
                None => (kept, whole),
                Some(Decoded { bytes, whole }) => (&bytes[..], *whole),
            };
            decoded = Some(coding.decode(before.0, before.1, limit)?);
        }
        decoded
    }
}

impl Coding {
    #[cfg_attr(
        not(any(feature = "gzip", feature = "brotli", feature = "zstd")),
        expect(unused_variables, reason = "no coding is known")
    )]
    fn decode(self, bytes: &[u8], whole: bool, limit: usize) -> Option<Decoded> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => prefix(flate2::bufread::MultiGzDecoder::new(bytes), whole, limit),
            #[cfg(feature = "gzip")]
            Self::Deflate => prefix(flate2::bufread::ZlibDecoder::new(bytes), whole, limit),
            #[cfg(feature = "brotli")]
            Self::Brotli => prefix(Brotli::new(bytes), whole, limit),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                // What a decoder of this content coding has to support, and no more: RFC 9659.
                const WINDOW_LOG: u32 = 23;
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?;
                decoder.window_log_max(WINDOW_LOG).ok()?;
                prefix(decoder, whole, limit)
            }
        }
    }
}

/// The crate's own reader calls what is cut and what is broken the same.
#[cfg(feature = "brotli")]
struct Brotli<'b> {
    input: &'b [u8],
    at: usize,
    written: usize,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
}

#[cfg(feature = "brotli")]
impl<'b> Brotli<'b> {
    fn new(input: &'b [u8]) -> Self {
        let alloc = StandardAlloc::default;
        Self {
            input,
            at: 0,
            written: 0,
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
        }
    }
}

#[cfg(feature = "brotli")]
impl Read for Brotli<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (mut left, mut room, mut read) = (self.input.len() - self.at, buffer.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut self.at,
            self.input,
            &mut room,
            &mut read,
            buffer,
            &mut self.written,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => Err(io::ErrorKind::InvalidData.into()),
            BrotliResult::NeedsMoreInput if read == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(read),
        }
    }
}

/// Reads at most `limit` bytes. The decoders work as they are read, so nothing beyond is decoded.
#[cfg_attr(
    not(any(feature = "gzip", feature = "brotli", feature = "zstd")),
    expect(dead_code, reason = "no coding is known")
)]
fn prefix(mut decoder: impl Read, whole: bool, limit: usize) -> Option<Decoded> {
    const PIECE: usize = 1024;
    let mut bytes = Vec::new();
    let ended = loop {
        let start = bytes.len();
        if start >= limit {
            // One byte more tells whether that was the end.
            break matches!(decoder.read(&mut [0]), Ok(0));
        }
        bytes.resize(limit.min(start + PIECE), 0);
        let read = decoder.read(&mut bytes[start..]);
        bytes.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Where the body was cut, the decoder misses the rest.
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof && !whole && !bytes.is_empty() =>
            {
                break false;
            }
            Err(_) => return None,
        }
    };
    Some(Decoded {
        bytes,
        whole: whole && ended,
    })
}

#[cfg(all(test, feature = "gzip", feature = "brotli", feature = "zstd"))]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = b"{\"code\":500,\"text\":\"The quick brown fox jumps over the lazy dog.\"}";

    fn codings(value: &str) -> Codings {
        Codings::parse(std::iter::once(value.as_bytes()))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 3).unwrap()
    }

    /// A stream of one stored block (RFC 7932, section 9.2): the crate has no encoder.
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        // WBITS 16; not the last block; MLEN - 1 in four nibbles; uncompressed; then an empty last one.
        let len = bytes.len() as u32 - 1;
        let header = len << 4 | 1 << 20;
        let mut out = header.to_le_bytes()[..3].to_vec();
        out.extend_from_slice(bytes);
        out.push(0b11);
        out
    }

    fn decoded(bytes: &[u8], whole: bool) -> Option<Decoded> {
        Some(Decoded {
            bytes: bytes.to_vec(),
            whole,
        })
    }

    #[test]
    fn codings_are_taken_off() {
        for (value, encoded) in [
            ("gzip", gzip(TEXT)),
            ("X-GZip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("br", brotli(TEXT)),
            ("zstd", zstd(TEXT)),
            ("gzip, br", brotli(&gzip(TEXT))),
            ("identity, zstd ,,deflate, gzip", gzip(&zlib(&zstd(TEXT)))),
            ("gzip", [gzip(&TEXT[..9]), gzip(&TEXT[9..])].concat()),
        ] {
            let codings = codings(value);
            assert!(!codings.is_identity() && !codings.is_unknown());
            assert_eq!(
                codings.decode(&encoded, true, 4096),
                decoded(TEXT, true),
                "{value}"
            );
            if value.contains(',') {
                continue;
            }
            let all = codings.decode(&encoded, true, TEXT.len());
            assert_eq!(all, decoded(TEXT, true), "{value}");
            let some = codings.decode(&encoded, true, 9);
            assert_eq!(some, decoded(&TEXT[..9], false), "{value}");
        }
    }

    #[test]
    fn brotli_of_a_real_encoder_is_read() {
        let mut text = String::new();
        for i in 0..40 {
            text.push_str(&format!("{{\"id\":{i},\"name\":\"item number {i}\"}},"));
        }
        let encoded = "1b3b05f82d0aec98065ea81d1c0e716256d594326caf4f6563a99309b35ba5b9a50e195d8a94b5\
            41cffe043cd5ab77f06b68231ec26aaceb025e98651ebf22f0753cf7f907efef26dc42db7887eca276d37b98bdec\
            3eee9be04510280649c17288124a155a1d4613561b8ebb160e21500c9282e51025942ab43a8c26ac361c776d1c46\
            a0182405cb214a28556875184d586db8bb03";
        let encoded: Vec<u8> = encoded
            .as_bytes()
            .chunks(2)
            .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
            .collect();
        let codings = codings("br");
        assert_eq!(
            codings.decode(&encoded, true, 4096),
            decoded(text.as_bytes(), true)
        );
        let cut = codings.decode(&encoded[..120], false, 4096).unwrap();
        assert!(text.as_bytes().starts_with(&cut.bytes) && cut.bytes.len() > 100 && !cut.whole);
    }

    #[test]
    fn what_was_cut_gives_what_can_be_read() {
        for (value, encoded) in [
            ("gzip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("br", brotli(TEXT)),
            ("zstd", zstd(TEXT)),
        ] {
            let mut longest = 0;
            for end in 0..encoded.len() {
                let codings = codings(value);
                // Not cut, but broken off: no body of that coding.
                assert_eq!(
                    codings.decode(&encoded[..end], true, 4096),
                    None,
                    "{value} {end}"
                );
                if let Some(decoded) = codings.decode(&encoded[..end], false, 4096) {
                    assert!(TEXT.starts_with(&decoded.bytes) && !decoded.whole);
                    assert!(decoded.bytes.len() >= longest);
                    longest = decoded.bytes.len();
                }
            }
            assert!(longest > 0 || value == "zstd", "{value}");
        }
    }

    #[test]
    fn broken_and_unknown_codings_give_nothing() {
        let mut broken = gzip(TEXT);
        broken[20] ^= 0xff;
        let mut checksum = gzip(TEXT);
        let at = checksum.len() - 8;
        checksum[at] ^= 1;
        for (value, bytes) in [
            ("gzip", &broken[..]),
            ("gzip", &checksum),
            ("gzip", b"plain"),
            ("deflate", b"plain"),
            ("br", b"\xffplain"),
            ("zstd", b"plain"),
            ("gzip", b""),
        ] {
            assert_eq!(codings(value).decode(bytes, true, 4096), None, "{value}");
        }
        for value in ["compress", "gzip, x", "gzip, gzip, gzip, gzip"] {
            assert!(codings(value).is_unknown(), "{value}");
        }
        for value in ["", "identity", " , Identity,"] {
            assert!(codings(value).is_identity(), "{value}");
        }
    }

    #[test]
    fn a_bomb_costs_its_limit() {
        const LEN: usize = 50_000_000;
        let zeros = vec![0; LEN];
        let bombs = [
            ("gzip", gzip(&zeros)),
            ("zstd", zstd(&zeros)),
            ("gzip, gzip", gzip(&gzip(&zeros))),
        ];
        drop(zeros);
        for (value, bomb) in bombs {
            let cost = allocation_counter::measure(|| {
                let kept = &bomb[..bomb.len().min(4096)];
                let whole = kept.len() == bomb.len();
                let _ = codings(value).decode(kept, whole, 4096);
            });
            // The decoders' own tables and windows.
            assert!(cost.bytes_max < 200_000, "{value}: {cost:?}");
        }
    }
}
