//! Charsets, and the decoding of text.

use std::borrow::Cow;

#[cfg(feature = "charsets")]
use encoding_rs::{DecoderResult, Encoding, UTF_16BE, UTF_16LE};

/// The byte order mark of UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The characters of the bytes 0x80 to 0x9f in windows-1252. The other bytes are those of ISO-8859-1.
#[rustfmt::skip]
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

/// The charset of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8, which includes US-ASCII.
    #[default]
    Utf8,
    /// Windows-1252, which is also what the label ISO-8859-1 means on the web (WHATWG Encoding, section 4.2).
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
            // `utf_8` and `utf8mb4` are the names of programming languages and databases.
            "utf-8" | "utf8" | "utf_8" | "utf8mb4" | "unicode-1-1-utf-8" | "unicode11utf8"
            | "unicode20utf8" | "x-unicode20utf8" | "us-ascii" | "ascii" | "ansi_x3.4-1968" => {
                Self::Utf8
            }
            "windows-1252" | "cp1252" | "x-cp1252" | "iso-8859-1" | "iso8859-1" | "iso88591"
            | "iso_8859-1" | "iso_8859-1:1987" | "iso-ir-100" | "latin1" | "l1" | "cp819"
            | "ibm819" | "csisolatin1" => Self::Windows1252,
            label => Self::of_other_label(label),
        }
    }

    #[cfg(feature = "charsets")]
    fn of_other_label(label: &str) -> Self {
        if label == "utf-16" {
            return Self::Utf16;
        }
        match Encoding::for_label_no_replacement(label.as_bytes()) {
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

    /// Decodes each byte as one character, so that ASCII characters can be found in a text whose charset is
    /// unsupported, but may be based on ASCII, as nearly all are. The other characters are wrong.
    pub(crate) fn decode_ascii_based(bytes: &[u8]) -> String {
        bytes.iter().copied().map(windows_1252).collect()
    }

    /// Decodes `bytes`. Returns `None` if the bytes are not valid in the charset, or if the charset is unsupported.
    /// `whole` says that no bytes follow; otherwise, a truncated character at the end is left out.
    ///
    /// A byte order mark at the start is left out. The mark takes precedence over the charset if the charset is UTF-8
    /// or windows-1252, which in many cases are only the defaults of a program.
    pub(crate) fn decode(self, bytes: &[u8], whole: bool) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => {
                #[cfg(feature = "charsets")]
                if let Some(encoding) = marked_order(bytes, whole) {
                    return decode(encoding, bytes, whole).map(Cow::Owned);
                }
                utf8(bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes), whole)
            }
            Self::Windows1252 => match bytes.strip_prefix(UTF8_MARK) {
                Some(text) => utf8(text, whole),
                None if !whole && UTF8_MARK.starts_with(bytes) => Some(Cow::Borrowed("")),
                None => Some(Cow::Owned(Self::decode_ascii_based(bytes))),
            },
            #[cfg(feature = "charsets")]
            Self::Other(encoding) => decode(encoding, bytes, whole).map(Cow::Owned),
            #[cfg(feature = "charsets")]
            Self::Utf16 => decode(order(bytes)?, bytes, whole).map(Cow::Owned),
            Self::Unsupported => None,
        }
    }
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

/// Returns the character of a byte in windows-1252.
fn windows_1252(byte: u8) -> char {
    let special = WINDOWS_1252.get(usize::from(byte.wrapping_sub(0x80)));
    special.copied().unwrap_or(char::from(byte))
}

/// Returns the byte order of a text that begins with a byte order mark of UTF-16 and a character, or that may do so
/// once more bytes follow. Such a text is not UTF-8.
#[cfg(feature = "charsets")]
fn marked_order(bytes: &[u8], whole: bool) -> Option<&'static Encoding> {
    match *bytes {
        [0xfe, 0xff, _, ..] => Some(UTF_16BE),
        [0xff, 0xfe, _, ..] => Some(UTF_16LE),
        [0xfe] | [0xfe, 0xff] if !whole => Some(UTF_16BE),
        [0xff] | [0xff, 0xfe] if !whole => Some(UTF_16LE),
        _ => None,
    }
}

/// Returns the byte order of a text in UTF-16, by its byte order mark or by an ASCII character at its start. RFC 2781
/// reads any other text as big-endian, but most senders use little-endian, so this function returns `None` instead.
#[cfg(feature = "charsets")]
fn order(bytes: &[u8]) -> Option<&'static Encoding> {
    let guessed = match *bytes {
        [0, low, ..] if low != 0 => Some(UTF_16BE),
        [low, 0, ..] if low != 0 => Some(UTF_16LE),
        [] => Some(UTF_16LE),
        _ => None,
    };
    marked_order(bytes, false).or(guessed)
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
            ("ISO-8859-1", b"caf\xe9", true, Some("café")),
            ("nonsense", b"abc", true, None),
            ("utf-7", b"abc", true, None),
            ("x-user-defined", b"abc", true, None),
        ] {
            let decoded = Charset::of_label(label).decode(bytes, whole);
            assert_eq!(decoded.as_deref(), text, "{label}");
        }
    }

    #[test]
    fn labels_of_utf_8_and_windows_1252_are_those_of_browsers() {
        for label in ["UTF-8", " utf8 ", "US-ASCII", "ascii", "unicode-1-1-utf-8"] {
            assert_eq!(Charset::of_label(label), Charset::Utf8, "{label}");
        }
        for label in [
            "ISO-8859-1",
            "iso8859-1",
            "iso88591",
            "ISO_8859-1",
            "ISO_8859-1:1987",
            "iso-ir-100",
            "latin1",
            "l1",
            "CP819",
            "IBM819",
            "csISOLatin1",
            "windows-1252",
            "cp1252",
            "x-cp1252",
        ] {
            assert_eq!(Charset::of_label(label), Charset::Windows1252, "{label}");
        }
    }

    #[test]
    fn names_of_utf_8_in_programs_are_accepted() {
        for label in ["UTF_8", "utf8mb4"] {
            assert_eq!(Charset::of_label(label), Charset::Utf8, "{label}");
        }
    }

    #[test]
    fn iso_8859_1_is_decoded_as_windows_1252() {
        let latin1 = Charset::of_label("iso-8859-1");
        for (byte, c) in [
            (0x00, '\0'),
            (0x41, 'A'),
            (0x80, '€'),
            (0x81, '\u{81}'),
            (0x93, '“'),
            (0x9f, 'Ÿ'),
            (0xa0, '\u{a0}'),
            (0xff, 'ÿ'),
        ] {
            let bytes = [byte];
            let decoded = latin1.decode(&bytes, true);
            assert_eq!(decoded, Some(c.to_string().into()), "{byte:#x}");
        }
        #[cfg(feature = "charsets")]
        for byte in 0..=0xff {
            let bytes = [byte];
            let (expected, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes);
            assert_eq!(latin1.decode(&bytes, true).as_deref(), Some(&*expected));
        }
    }

    #[test]
    fn byte_order_mark_of_utf_8_is_left_out_of_a_text_and_of_its_prefixes() {
        let text = "\u{feff}é\u{feff}";
        for label in ["utf-8", "us-ascii", "iso-8859-1", "windows-1252"] {
            let charset = Charset::of_label(label);
            for end in 0..=text.len() {
                let decoded = charset.decode(&text.as_bytes()[..end], false).unwrap();
                let expected = match end {
                    0..5 => "",
                    5..8 => "é",
                    _ => "é\u{feff}",
                };
                assert_eq!(decoded, expected, "{label} {end}");
            }
            let whole = charset.decode(text.as_bytes(), true);
            assert!(matches!(whole, Some(Cow::Borrowed("é\u{feff}"))));
        }
        let incomplete = Charset::Windows1252.decode(b"\xef\xbb", true);
        assert_eq!(incomplete.as_deref(), Some("ï»"));
        assert_eq!(Charset::Utf8.decode(b"\xef\xbb", true), None);
    }

    #[test]
    fn ascii_characters_are_found_in_a_text_of_an_unsupported_charset() {
        let charset = Charset::of_label("x-nonsense");
        assert_eq!(charset, Charset::Unsupported);
        let decoded = Charset::decode_ascii_based(b"{\"a\xe4\xff\x80\":1}");
        assert!(decoded.starts_with("{\"a") && decoded.ends_with("\":1}"));
        assert_eq!(decoded.chars().count(), 10);
    }

    #[cfg(feature = "charsets")]
    #[test]
    fn byte_order_mark_of_utf_16_takes_precedence_over_utf_8() {
        for bytes in [&b"\xff\xfeh\0i\0"[..], b"\xfe\xff\0h\0i"] {
            assert_eq!(Charset::Utf8.decode(bytes, true).as_deref(), Some("hi"));
            for end in 0..=bytes.len() {
                let decoded = Charset::Utf8.decode(&bytes[..end], false);
                let len = end.saturating_sub(2) / 2;
                assert_eq!(decoded.as_deref(), Some(&"hi"[..len]), "{bytes:?} {end}");
            }
            assert_eq!(Charset::Utf8.decode(&bytes[..5], true), None);
        }
        assert_eq!(Charset::Utf8.decode(b"\xff", true), None);
        // Without a character, the mark does not make binary data text.
        assert_eq!(Charset::Utf8.decode(b"\xff\xfe", true), None);
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
