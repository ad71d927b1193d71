//! The head of one part of a multipart body.

use percent_encoding::percent_decode_str;

use crate::formats::{charset::Charset, form, parameters::parameters};

/// The content of the head of a part. If a field occurs twice, both count: the application may read the other
/// one.
#[derive(Debug, Default)]
pub(crate) struct PartHead {
    /// The names of the part, in every form in which an application may read them.
    pub(crate) names: Vec<String>,
    pub(crate) filenames: Vec<String>,
    pub(crate) content_type: Option<String>,
    /// A `Content-Transfer-Encoding` changes the bytes.
    pub(crate) is_encoded: bool,
    shown_name: Option<String>,
    has_filename: bool,
    is_attachment: bool,
    /// Bytes of the head and of the empty line after it; `None` if the head was cut.
    pub(crate) len: Option<usize>,
}

impl PartHead {
    /// Parses the head at the start of `part`. `ended` says that the part was not cut. `None` if there is no
    /// valid head.
    pub(crate) fn parse(part: &[u8], ended: bool) -> Option<Self> {
        let mut head = Self::default();
        let mut at = 0;
        let mut field = String::new();
        loop {
            let rest = &part[at..];
            let Some(len) = rest.iter().position(|&b| b == b'\n') else {
                // The line was cut, or the part ended without a body.
                return match (ended, rest.trim_ascii().is_empty()) {
                    (true, false) => None,
                    (true, true) => head.end(&field, part.len()),
                    // The line may lack a parameter, so it is ignored.
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

    fn end(mut self, field: &str, len: usize) -> Option<Self> {
        let sound = self.field(field);
        self.len = Some(len);
        sound.then_some(self)
    }

    /// Takes one field. False if it is malformed.
    fn field(&mut self, field: &str) -> bool {
        if field.is_empty() {
            return true;
        }
        let Some((name, value)) = field.split_once(':') else {
            return false;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => self.disposition(value),
            "content-type" => self.content_type = Some(value.trim().to_owned()),
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

    fn disposition(&mut self, value: &str) {
        let (kind, rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        // `form-data` is the one kind that is a field of a form (RFC 7578, section 4.2).
        self.is_attachment |= !kind.trim().eq_ignore_ascii_case("form-data");
        for (name, value) in parameters(rest) {
            let name = name.to_ascii_lowercase();
            let extended = name.ends_with('*');
            let value = match extended {
                true => extended_value(&value),
                false => value.into_owned(),
            };
            if name.starts_with("filename") {
                self.has_filename = true;
                match extended {
                    // RFC 6266, section 4.3: it is preferred.
                    true => self.filenames.insert(0, value),
                    false => self.filenames.push(value),
                }
            } else if name.starts_with("name") {
                if extended || self.shown_name.is_none() {
                    self.shown_name = Some(value.clone());
                }
                // Browsers write a quote as %22 (HTML, "Multipart form data").
                self.names.push(form::decode(&value).into_owned());
                self.names.push(value.replace('\\', ""));
                self.names.push(value);
            }
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        self.has_filename || self.is_attachment
    }

    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.shown_name.as_deref()
    }
}

/// `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &str) -> String {
    let mut parts = value.splitn(3, '\'');
    let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return value.to_owned();
    };
    match Charset::of_label(charset) {
        // A `+` is not a blank here.
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
