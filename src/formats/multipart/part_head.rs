//! The head of one part of a multipart body.

use percent_encoding::percent_decode_str;

use crate::formats::{charset::Charset, form, media_type::trim_content_id, parameters::parameters};

/// The maximum number of names that are kept of a part: ten, in three spellings each. A part with more names is not
/// shown. Without a maximum, the names could take thirty times the memory of the part.
const MAX_NAMES: usize = 3 * 10;

/// The fields in the head of a part. If a field occurs more than once, all occurrences count, because the application
/// may read any of them.
#[derive(Debug, Default)]
pub(crate) struct PartHead {
    /// The names of the part, in every spelling in which an application may read them.
    pub(crate) names: Vec<String>,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    /// The `Content-ID`, without its brackets.
    pub(crate) content_id: Option<String>,
    /// Set if a `Content-Transfer-Encoding` changes the bytes.
    pub(crate) is_encoded: bool,
    /// The name that a record shows.
    pub(crate) shown_name: Option<String>,
    /// Set if the disposition is not that of a form field, or if there are several types or too many names.
    is_ambiguous: bool,
    /// The length of the head and the empty line after it, in bytes. `None` if the head was truncated.
    pub(crate) len: Option<usize>,
}

impl PartHead {
    /// Parses the head at the start of `part`. Returns `None` if the head is malformed. `ended` says that the part was
    /// not truncated.
    pub(crate) fn parse(part: &[u8], ended: bool) -> Option<Self> {
        let mut head = Self::default();
        let mut at = 0;
        let mut field = String::new();
        loop {
            let rest = &part[at..];
            let Some(len) = rest.iter().position(|&b| b == b'\n') else {
                // The line was truncated, or the part ends without a body.
                return match (ended, rest.trim_ascii().is_empty()) {
                    (true, false) => None,
                    (true, true) => head.end(&field, part.len()),
                    // The truncated line may lack a parameter, so the line is ignored.
                    (false, _) => head.field(&field).then_some(head),
                };
            };
            let line = rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]);
            at += len + 1;
            if line.is_empty() {
                return head.end(&field, at);
            }
            if line.starts_with(b" ") || line.starts_with(b"\t") {
                // A folded line continues the line before.
                field.push_str(&String::from_utf8_lossy(line));
                continue;
            }
            if !head.field(&field) {
                return None;
            }
            field = String::from_utf8_lossy(line).into_owned();
        }
    }

    /// Takes the last field, and returns the head, which has `len` bytes. Returns `None` if the field is malformed.
    fn end(mut self, field: &str, len: usize) -> Option<Self> {
        let is_valid = self.field(field);
        self.len = Some(len);
        is_valid.then_some(self)
    }

    /// Takes one field. Returns false if the field is malformed.
    fn field(&mut self, field: &str) -> bool {
        if field.is_empty() {
            return true;
        }
        let Some((name, value)) = field.split_once(':') else {
            return false;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => self.disposition(value),
            "content-type" => {
                let earlier = self.content_type.replace(value.trim().to_owned());
                self.is_ambiguous |= earlier.is_some();
            }
            "content-id" => self.content_id = Some(trim_content_id(value).to_owned()),
            "content-transfer-encoding" => {
                let value = value.trim();
                self.is_encoded |= !["7bit", "8bit", "binary"]
                    .iter()
                    .any(|plain| value.eq_ignore_ascii_case(plain));
            }
            _ => {}
        }
        true
    }

    /// Takes the value of a `Content-Disposition`.
    fn disposition(&mut self, value: &str) {
        let (kind, rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        // Only `form-data` is a field of a form (RFC 7578, section 4.2).
        self.is_ambiguous |= !kind.trim().eq_ignore_ascii_case("form-data");
        for (name, value) in parameters(rest) {
            let name = name.to_ascii_lowercase();
            let extended = name.ends_with('*');
            let value = match extended {
                true => extended_value(&value),
                false => value.into_owned(),
            };
            if name.starts_with("filename") {
                // The extended form takes precedence (RFC 6266, section 4.3).
                if extended || self.filename.is_none() {
                    self.filename = Some(value);
                }
            } else if name.starts_with("name") && self.names.len() >= MAX_NAMES {
                self.is_ambiguous = true;
            } else if name.starts_with("name") {
                if extended || self.shown_name.is_none() {
                    self.shown_name = Some(value.clone());
                }
                // Browsers write a quote as %22 (HTML, "Multipart form data").
                self.names.push(form::decode(&value).into_owned());
                // Some readers drop backslashes.
                self.names.push(value.replace('\\', ""));
                self.names.push(value);
            }
        }
    }

    /// Returns whether the part may be a file.
    pub(crate) fn is_file(&self) -> bool {
        self.is_ambiguous || self.filename.is_some()
    }
}

/// Decodes an extended value, which is `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &str) -> String {
    let mut parts = value.splitn(3, '\'');
    let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return value.to_owned();
    };
    match Charset::of_label(charset) {
        // In this encoding, a `+` is not a space.
        Charset::Utf8 => percent_decode_str(text).decode_utf8_lossy().into_owned(),
        charset => {
            let bytes: Vec<u8> = percent_decode_str(text).collect();
            charset
                .decode(&bytes, true)
                .unwrap_or_default()
                .into_owned()
        }
    }
}
