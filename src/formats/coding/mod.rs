//! Content codings (RFC 9110, section 8.4.1): decoding the prefix of a body.

#[cfg(feature = "compress-brotli")]
mod brotli;
#[cfg(feature = "compress-gzip")]
mod gzip;
#[cfg(feature = "compress-zstd")]
mod zstd;

use std::io::{self, Read};

use super::charset::Charset;

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
            .filter(|name| !is_identity(name));
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

/// Returns whether a name in `Content-Encoding` stands for no coding. Some servers send the charset there, or a
/// `Content-Transfer-Encoding` that leaves the bytes as they are.
fn is_identity(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 6] = [b"", b"identity", b"none", b"binary", b"7bit", b"8bit"];
    let is_charset = |name: &str| {
        let label = name.split_once('=').filter(|(key, _)| {
            let key = key.trim_ascii_end();
            key.eq_ignore_ascii_case("charset")
        });
        let label = label.map_or(name, |(_, label)| label.trim_matches(['"', '\'', ' ']));
        Charset::of_label(label) != Charset::Unsupported
    };
    OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))
        || std::str::from_utf8(name).is_ok_and(is_charset)
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
            Self::Gzip => prefix(gzip::Gzip::new(bytes), whole, limit),
            #[cfg(feature = "compress-gzip")]
            Self::Deflate => {
                // The coding is a zlib stream, but some servers send the raw data that such a stream wraps.
                let zlib = flate2::bufread::ZlibDecoder::new(bytes);
                let raw = || flate2::bufread::DeflateDecoder::new(bytes);
                prefix(zlib, whole, limit).or_else(|| prefix(raw(), whole, limit))
            }
            #[cfg(feature = "compress-brotli")]
            Self::Brotli => prefix(brotli::Brotli::new(bytes, limit), whole, limit),
            #[cfg(feature = "compress-zstd")]
            Self::Zstd => prefix(zstd::Zstd::new(bytes, limit)?, whole, limit),
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
mod tests;
