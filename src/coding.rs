//! Content codings (RFC 9110, section 8.4.1): taking them off the beginning of a body.

use std::io::{self, Read};

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
            Self::Brotli => {
                const BUFFER: usize = 4096;
                prefix(
                    brotli_decompressor::Decompressor::new(bytes, BUFFER),
                    whole,
                    limit,
                )
            }
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
