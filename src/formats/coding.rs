//! Content codings (RFC 9110, section 8.4.1): decoding the prefix of a body.

use std::io::{self, Read};

#[cfg(feature = "compress-brotli")]
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// The maximum number of codings of one body. A body with more is not decoded.
const MAX_CODINGS: usize = 3;

/// The codings that a `Content-Encoding` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codings {
    /// The codings in the order in which they were applied.
    applied: [Option<Coding>; MAX_CODINGS],
    unsupported: Option<Unsupported>,
}

/// The reason why codings cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// A coding needs this feature of the crate, which is off.
    FeatureIsOff(&'static str),
    /// A coding is unknown, or there are too many codings.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    #[cfg(feature = "compress-gzip")]
    Gzip,
    #[cfg(feature = "compress-gzip")]
    Deflate,
    #[cfg(feature = "compress-brotli")]
    Brotli,
    #[cfg(feature = "compress-zstd")]
    Zstd,
}

impl Coding {
    fn of(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            #[cfg(feature = "compress-gzip")]
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            #[cfg(feature = "compress-gzip")]
            b"deflate" => Some(Self::Deflate),
            #[cfg(feature = "compress-brotli")]
            b"br" => Some(Self::Brotli),
            #[cfg(feature = "compress-zstd")]
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl Unsupported {
    fn of(name: &[u8]) -> Self {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" | b"deflate" => Self::FeatureIsOff("compress-gzip"),
            b"br" => Self::FeatureIsOff("compress-brotli"),
            b"zstd" => Self::FeatureIsOff("compress-zstd"),
            _ => Self::Unknown,
        }
    }
}

/// The decoded prefix of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// Set if `bytes` is the complete body.
    pub(crate) whole: bool,
}

impl Codings {
    /// Parses the values of all `Content-Encoding` headers, in their order.
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
                (Some(_), None) => codings.unsupported = Some(Unsupported::Unknown),
                (None, _) => codings.unsupported = Some(Unsupported::of(name)),
            }
        }
        codings
    }

    /// Returns whether there is nothing to decode.
    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the reason why the body cannot be decoded, if there is one.
    pub(crate) fn unsupported(&self) -> Option<Unsupported> {
        self.unsupported
    }

    /// Decodes `kept`, the prefix of a body, or the complete body if `whole` is true.
    ///
    /// The result of each coding has at most `limit` bytes. Returns `None` if there is no coding, if a
    /// coding is unknown, if the body is invalid, or if the prefix is too short to decode anything.
    pub(crate) fn decode(&self, kept: &[u8], whole: bool, limit: usize) -> Option<Decoded> {
        if self.unsupported.is_some() {
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
        not(any(
            feature = "compress-gzip",
            feature = "compress-brotli",
            feature = "compress-zstd"
        )),
        expect(unused_variables, reason = "no coding is enabled")
    )]
    fn decode(self, bytes: &[u8], whole: bool, limit: usize) -> Option<Decoded> {
        match self {
            #[cfg(feature = "compress-gzip")]
            Self::Gzip => prefix(flate2::bufread::MultiGzDecoder::new(bytes), whole, limit),
            #[cfg(feature = "compress-gzip")]
            Self::Deflate => prefix(flate2::bufread::ZlibDecoder::new(bytes), whole, limit),
            #[cfg(feature = "compress-brotli")]
            Self::Brotli => prefix(Brotli::new(bytes), whole, limit),
            #[cfg(feature = "compress-zstd")]
            Self::Zstd => {
                // The largest window that a decoder of this content coding has to support (RFC 9659).
                const WINDOW_LOG: u32 = 23;
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?;
                decoder.window_log_max(WINDOW_LOG).ok()?;
                prefix(decoder, whole, limit)
            }
        }
    }
}

/// A reader of a Brotli stream. The reader of `brotli-decompressor` cannot be used here, because it returns the same
/// error for a truncated stream and for an invalid stream.
#[cfg(feature = "compress-brotli")]
struct Brotli<'b> {
    input: &'b [u8],
    at: usize,
    written: usize,
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
}

#[cfg(feature = "compress-brotli")]
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

#[cfg(feature = "compress-brotli")]
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

/// Reads at most `limit` bytes. Decoders work on demand, so the rest of the body is not decoded.
#[cfg_attr(
    not(any(
        feature = "compress-gzip",
        feature = "compress-brotli",
        feature = "compress-zstd"
    )),
    expect(dead_code, reason = "no coding is enabled")
)]
fn prefix(mut decoder: impl Read, whole: bool, limit: usize) -> Option<Decoded> {
    const PIECE: usize = 1024;
    let mut bytes = Vec::new();
    let ended = loop {
        let start = bytes.len();
        if start >= limit {
            // Read one byte more to find out whether this is the end.
            break matches!(decoder.read(&mut [0]), Ok(0));
        }
        bytes.resize(limit.min(start + PIECE), 0);
        let read = decoder.read(&mut bytes[start..]);
        bytes.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The decoder lacks the part after the prefix.
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"{\"code\":500,\"text\":\"The quick brown fox jumps over the lazy dog.\"}";
    const NAMES: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

    fn codings(value: &str) -> Codings {
        Codings::parse(std::iter::once(value.as_bytes()))
    }

    /// Applies the codings of a header value. Returns `None` if one of them is not enabled.
    fn encoded(value: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut names = value.split(',');
        names.try_fold(bytes.to_vec(), |bytes, name| encode(name.trim(), &bytes))
    }

    fn encode(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => out.extend_from_slice(bytes),
            #[cfg(feature = "compress-gzip")]
            "gzip" | "x-gzip" => {
                let level = flate2::Compression::best();
                let mut encoder = flate2::bufread::GzEncoder::new(bytes, level);
                encoder.read_to_end(&mut out).unwrap();
            }
            #[cfg(feature = "compress-gzip")]
            "deflate" => {
                let level = flate2::Compression::best();
                let mut encoder = flate2::bufread::ZlibEncoder::new(bytes, level);
                encoder.read_to_end(&mut out).unwrap();
            }
            #[cfg(feature = "compress-brotli")]
            "br" => {
                let params = brotli::enc::BrotliEncoderParams::default();
                brotli::BrotliCompress(&mut &*bytes, &mut out, &params).unwrap();
            }
            #[cfg(feature = "compress-zstd")]
            "zstd" => out = zstd::stream::encode_all(bytes, 3).unwrap(),
            _ => return None,
        }
        Some(out)
    }

    fn decoded(bytes: &[u8], whole: bool) -> Option<Decoded> {
        Some(Decoded {
            bytes: bytes.to_vec(),
            whole,
        })
    }

    #[test]
    fn codings_are_decoded_last_to_first() {
        for value in [
            "gzip",
            "X-GZip",
            "deflate",
            "br",
            "zstd",
            "gzip, br",
            "identity, zstd ,,deflate, gzip",
        ] {
            let codings = codings(value);
            let Some(encoded) = encoded(value, TEXT) else {
                assert!(codings.unsupported().is_some(), "{value}");
                continue;
            };
            assert!(
                !codings.is_identity() && codings.unsupported().is_none(),
                "{value}"
            );
            let result = codings.decode(&encoded, true, 4096);
            assert_eq!(result, decoded(TEXT, true), "{value}");
        }
    }

    #[cfg(feature = "compress-brotli")]
    #[test]
    fn brotli_of_another_encoder_is_decoded() {
        let items = (0..40).map(|nth| format!("{{\"id\":{nth},\"name\":\"item number {nth}\"}},"));
        let text: String = items.collect();
        // Made by the encoder in C.
        let digits = "1b3b05f82d0aec98065ea81d1c0e716256d594326caf4f6563a99309b35ba5b9a50e195d8a94b5\
            41cffe043cd5ab77f06b68231ec26aaceb025e98651ebf22f0753cf7f907efef26dc42db7887eca276d37b98bdec\
            3eee9be04510280649c17288124a155a1d4613561b8ebb160e21500c9282e51025942ab43a8c26ac361c776d1c46\
            a0182405cb214a28556875184d586db8bb03";
        let digits = digits.as_bytes().chunks(2);
        let encoded =
            digits.map(|hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap());
        let encoded: Vec<_> = encoded.collect();
        let codings = codings("br");
        assert_eq!(
            codings.decode(&encoded, true, 4096),
            decoded(text.as_bytes(), true)
        );
        let cut = codings.decode(&encoded[..120], false, 4096).unwrap();
        assert!(text.as_bytes().starts_with(&cut.bytes) && cut.bytes.len() > 100 && !cut.whole);
    }

    #[test]
    fn the_result_is_cut_at_the_limit() {
        for value in NAMES {
            let Some(encoded) = encoded(value, TEXT) else {
                continue;
            };
            let all = codings(value).decode(&encoded, true, TEXT.len());
            assert_eq!(all, decoded(TEXT, true), "{value}");
            let some = codings(value).decode(&encoded, true, 9);
            assert_eq!(some, decoded(&TEXT[..9], false), "{value}");
        }
    }

    #[cfg(feature = "compress-gzip")]
    #[test]
    fn all_members_of_a_gzip_body_are_decoded() {
        let members = [&TEXT[..9], &TEXT[9..]].map(|part| encode("gzip", part).unwrap());
        let result = codings("gzip").decode(&members.concat(), true, 4096);
        assert_eq!(result, decoded(TEXT, true));
    }

    #[test]
    fn a_truncated_body_is_decoded_up_to_its_end() {
        let text: String = (0..40)
            .map(|id| format!("{{\"id\":{id},\"name\":\"item number {id}\"}},"))
            .collect();
        for value in NAMES {
            let Some(encoded) = encoded(value, text.as_bytes()) else {
                continue;
            };
            let mut longest = 0;
            for end in 0..encoded.len() {
                let prefix = &encoded[..end];
                // A complete body that ends here is invalid.
                let whole = codings(value).decode(prefix, true, 4096);
                assert_eq!(whole, None, "{value} {end}");
                if let Some(decoded) = codings(value).decode(prefix, false, 4096) {
                    assert!(text.as_bytes().starts_with(&decoded.bytes) && !decoded.whole);
                    assert!(decoded.bytes.len() >= longest);
                    longest = decoded.bytes.len();
                }
            }
            // A truncated block of zstd cannot be decoded.
            assert!(longest > 100 || value == "zstd", "{value}: {longest}");
        }
    }

    #[test]
    fn invalid_bodies_are_not_decoded() {
        for value in NAMES
            .into_iter()
            .filter(|value| codings(value).unsupported().is_none())
        {
            assert_eq!(codings(value).decode(b"\xffplain", true, 4096), None);
        }
    }

    #[cfg(feature = "compress-gzip")]
    #[test]
    fn damaged_gzip_bodies_are_not_decoded() {
        let valid = encode("gzip", TEXT).unwrap();
        let in_checksum = valid.len() - 8;
        for at in [20, in_checksum] {
            let mut damaged = valid.clone();
            damaged[at] ^= 0xff;
            assert_eq!(codings("gzip").decode(&damaged, true, 4096), None, "{at}");
        }
        assert_eq!(codings("gzip").decode(b"", true, 4096), None);
    }

    #[test]
    fn unknown_codings_and_identity_are_recognized() {
        for value in ["compress", "gzip, x", "gzip, gzip, gzip, gzip"] {
            assert!(codings(value).unsupported().is_some(), "{value}");
            assert_eq!(codings(value).decode(TEXT, true, 4096), None, "{value}");
        }
        for value in ["", "identity", " , Identity,"] {
            assert!(codings(value).is_identity(), "{value}");
        }
    }
}
