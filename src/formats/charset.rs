//! Charsets, and the decoding of text.

use std::borrow::Cow;

#[cfg(feature = "charsets")]
use encoding_rs::{DecoderResult, Encoding, UTF_16BE, UTF_16LE};

/// The charset of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8, which includes US-ASCII.
    #[default]
    Utf8,
    /// Windows-1252, of which ISO-8859-1 is a label (WHATWG Encoding, section 4.2).
    Windows1252,
    /// Another charset that the feature `charsets` supports.
    #[cfg(feature = "charsets")]
    Other(&'static Encoding),
    /// UTF-16, whose byte order depends on the text.
    #[cfg(feature = "charsets")]
    Utf16,
    /// A charset that cannot be decoded.
    Unsupported,
}

impl Charset {
    /// Returns the charset that a `charset` parameter names.
    pub(crate) fn of_label(label: &str) -> Self {
        match label.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Self::Utf8,
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "l1" | "windows-1252"
            | "cp1252" | "x-cp1252" => Self::Windows1252,
            label => Self::of_other_label(label),
        }
    }

    #[cfg(feature = "charsets")]
    fn of_other_label(label: &str) -> Self {
        if label == "utf-16" {
            return Self::Utf16;
        }
        match Encoding::for_label_no_replacement(label.as_bytes()) {
            Some(encoding) if encoding == encoding_rs::UTF_8 => Self::Utf8,
            // Only the application knows the meaning of the bytes.
            Some(encoding) if encoding == encoding_rs::X_USER_DEFINED => Self::Unsupported,
            Some(encoding) => Self::Other(encoding),
            None => Self::Unsupported,
        }
    }

    #[cfg(not(feature = "charsets"))]
    fn of_other_label(_label: &str) -> Self {
        Self::Unsupported
    }

    /// Returns whether a limit in bytes applies before decoding. For the charsets of the feature `charsets` it applies
    /// after decoding, because in some of them an ASCII character has several bytes.
    pub(crate) fn is_ascii_based(self) -> bool {
        matches!(self, Self::Utf8 | Self::Windows1252)
    }

    /// Decodes `bytes`. Returns `None` if the bytes are not valid in the charset, or if the charset is unsupported.
    /// `whole` says that no bytes follow; otherwise, a truncated character at the end is left out. A byte order mark is
    /// left out, too, and says that the text is UTF-8.
    pub(crate) fn decode(self, bytes: &[u8], whole: bool) -> Option<Cow<'_, str>> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        match self {
            Self::Utf8 => utf8(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes), whole),
            Self::Windows1252 => match bytes.strip_prefix(BYTE_ORDER_MARK) {
                Some(text) => utf8(text, whole),
                None => Some(bytes.iter().map(|&byte| windows_1252(byte)).collect()),
            },
            #[cfg(feature = "charsets")]
            Self::Other(encoding) => decode(encoding, bytes, whole).map(Cow::Owned),
            #[cfg(feature = "charsets")]
            Self::Utf16 => decode(order(bytes)?, bytes, whole).map(Cow::Owned),
            Self::Unsupported => None,
        }
    }
}

/// Decodes a byte of Windows-1252. The five bytes without a character are the control characters of the same number.
fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let at = usize::from(byte).checked_sub(0x80);
    let mapped = at.and_then(|at| FROM_0X80.get(at).copied());
    mapped.unwrap_or_else(|| char::from(byte))
}

fn utf8(bytes: &[u8], whole: bool) -> Option<Cow<'_, str>> {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let error = std::str::from_utf8(bytes).err()?;
    if whole || error.error_len().is_some() {
        return None;
    }
    let valid = &bytes[..error.valid_up_to()];
    std::str::from_utf8(valid).ok().map(Cow::Borrowed)
}

/// Returns the byte order of a text in UTF-16, by its byte order mark or by an ASCII character at its start. RFC 2781
/// reads any other text as big-endian, but most senders use little-endian, so this function returns `None` instead.
#[cfg(feature = "charsets")]
fn order(bytes: &[u8]) -> Option<&'static Encoding> {
    match *bytes {
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0, low, ..] if low != 0 => Some(UTF_16BE),
        [low, 0, ..] if low != 0 => Some(UTF_16LE),
        [] => Some(UTF_16LE),
        _ => None,
    }
}

#[cfg(feature = "charsets")]
fn decode(encoding: &'static Encoding, bytes: &[u8], whole: bool) -> Option<String> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len())?;
    let mut out = String::with_capacity(room);
    match decoder.decode_to_string_without_replacement(bytes, &mut out, whole) {
        (DecoderResult::InputEmpty, _) => Some(out),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_invalid_in_the_charset_are_not_decoded() {
        for (label, bytes, whole, text) in [
            ("UTF-8", &b"caf\xc3\xa9"[..], true, Some("café")),
            ("utf-8", b"caf\xc3", false, Some("caf")),
            ("utf-8", b"caf\xc3", true, None),
            ("utf-8", b"a\xffb\xc3", false, None),
            ("us-ascii", b"abc", true, Some("abc")),
            (
                "ISO-8859-1",
                b"caf\xe9 \x80\x9f\x81",
                true,
                Some("café €Ÿ\u{81}"),
            ),
            ("utf-8", b"\xef\xbb\xbfa", true, Some("a")),
            ("utf-8", b"\xef\xbb\xbf", true, Some("")),
            ("utf-8", b"\xef\xbb", false, Some("")),
            ("latin1", b"\xef\xbb\xbf\xc3\xa9", true, Some("é")),
            ("nonsense", b"abc", true, None),
            ("utf-7", b"abc", true, None),
            ("x-user-defined", b"abc", true, None),
        ] {
            let decoded = Charset::of_label(label).decode(bytes, whole);
            assert_eq!(decoded.as_deref(), text, "{label}");
        }
    }

    #[cfg(feature = "charsets")]
    #[test]
    fn other_charsets_are_decoded() {
        for (label, bytes, text) in [
            ("gbk", &b"\xc4\xe3\xba\xc3"[..], "你好"),
            ("GB2312", b"\xc4\xe3", "你"),
            ("gb18030", b"\x81\x30\x84\x36", "¥"),
            ("big5", b"\xa7\x41\xa6\x6e", "你好"),
            ("Shift_JIS", b"\x82\xb1", "こ"),
            ("euc-kr", b"\xb0\xa1", "가"),
            ("windows-1252", b"\x80", "€"),
            ("utf-16le", b"h\0i\0", "hi"),
            ("utf-16be", b"\0h\0i", "hi"),
            ("utf-16", b"\xff\xfeh\0", "h"),
            ("utf-16", b"\xfe\xff\0h", "h"),
            ("utf-16", b"{\0}\0", "{}"),
            ("utf-16", b"\0{\0}", "{}"),
        ] {
            let charset = Charset::of_label(label);
            assert_eq!(
                charset.decode(bytes, true).as_deref(),
                Some(text),
                "{label}"
            );
        }
    }

    #[cfg(feature = "charsets")]
    #[test]
    fn invalid_or_ambiguous_text_in_other_charsets_is_not_decoded() {
        for (label, bytes) in [
            ("gbk", &b"\xc4"[..]),
            ("gbk", b"a\xff"),
            ("big5", b"\xa7"),
            ("utf-16le", b"h"),
            ("utf-16le", b"\x00\xd8a\0"),
            // The byte order could be either.
            ("utf-16", b"\x60\x4f\x7d\x59"),
        ] {
            assert_eq!(
                Charset::of_label(label).decode(bytes, true),
                None,
                "{label}"
            );
        }
        let gbk = Charset::of_label("gbk");
        assert_eq!(gbk.decode(b"\xc4\xe3\xba", false).as_deref(), Some("你"));
    }
}
