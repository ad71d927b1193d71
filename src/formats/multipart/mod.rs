//! Multipart bodies (RFC 2046, section 5.1; RFC 7578): an outline instead of their bytes.

mod part;

use serde::Serialize;

use crate::{
    formats::{
        charset::Charset,
        media_type::{ContentType, Media},
        multipart::part::Head,
    },
    redact::names::{Names, REDACTED},
};

/// What stands between the parts, without its dashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boundary(Box<str>);

impl Boundary {
    /// `None` if it is none that RFC 2046 allows in length.
    pub(crate) fn new(value: &str) -> Option<Self> {
        // Some clients go a little beyond the 70 characters of the RFC.
        const MAX: usize = 200;
        (1..=MAX).contains(&value.len()).then(|| Self(value.into()))
    }
}

/// One part, as it is shown.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// Of a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// In bytes, if the part was seen to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

/// The outline of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// A JSON array of the parts.
    pub(crate) text: String,
    /// The body was seen to its last boundary.
    pub(crate) complete: bool,
    /// From some point on it is no multipart body.
    pub(crate) malformed: bool,
}

/// Outlines the parts in `body`, the first bytes of a multipart body; `whole` says that it is all
/// of it. `text` shows the content of a field.
///
/// What is a file, or may be one, is never shown.
pub(crate) fn outline(
    body: &[u8],
    boundary: &Boundary,
    whole: bool,
    names: &Names,
    text: impl Fn(&ContentType, &[u8], bool) -> Option<String>,
) -> Outline {
    let mut parts = Vec::new();
    let mut complete = false;
    let mut malformed = false;
    let mut delimiters = Delimiters::new(body, boundary);
    let mut next = delimiters.next();
    // What stands before the first boundary belongs to no part.
    malformed |= next.is_none() && whole;
    while let Some(delimiter) = next {
        if delimiter.last {
            complete = true;
            break;
        }
        next = delimiters.next();
        let end = next.as_ref().map_or(body.len(), |next| next.start);
        let part = &body[delimiter.end.min(end)..end];
        let ended = next.is_some();
        if part.is_empty() && !ended {
            break;
        }
        let Some(head) = Head::parse(part, ended) else {
            // Where the head of a part is not one, nothing tells what the rest is.
            malformed = true;
            break;
        };
        let part = match ended {
            true => part,
            false => delimiters.without_cut_delimiter(part),
        };
        let described = describe(&head, part, ended, names, &text);
        if described != Part::default() {
            parts.push(described);
        }
    }
    malformed |= whole && !complete;
    Outline {
        text: serde_json::to_string(&parts).unwrap_or_default(),
        complete: complete && !malformed,
        malformed,
    }
}

fn describe(
    head: &Head,
    part: &[u8],
    ended: bool,
    names: &Names,
    text: impl Fn(&ContentType, &[u8], bool) -> Option<String>,
) -> Part {
    let content_type = ContentType::parse(head.content_type.as_deref().map(str::as_bytes));
    let shown = |value: &str| crate::redact::text::redact_text(value, false, names).into_owned();
    let content = head.len.map(|len| part.get(len..).unwrap_or_default());
    let is_text = !head.is_file()
        && (!head.names.is_empty() || head.content_type.is_some())
        && !head.is_encoded
        && !matches!(content_type.media, Media::Binary | Media::Multipart(_))
        && content_type.charset != Charset::Foreign;
    Part {
        name: head.shown_name().map(shown),
        filename: head.filenames.first().map(|name| shown(name)),
        content_type: head.content_type.as_deref().map(shown),
        text: content.filter(|_| is_text).and_then(|content| {
            if head
                .names
                .iter()
                .any(|name| names.is_sensitive_in_form(name))
            {
                Some(REDACTED.to_owned())
            } else {
                text(&content_type, content, ended)
            }
        }),
        size: content.filter(|_| ended).map(<[u8]>::len),
    }
}

/// A line that ends one part and begins the next.
struct Delimiter {
    /// Where the line break before it begins, which belongs to it.
    start: usize,
    /// Where the next part begins.
    end: usize,
    last: bool,
}

/// The delimiters of a body, in order.
///
/// Anything at the start of a line that begins with two dashes and the boundary is one, as RFC 2046
/// has it, also after a bare line feed: if the application reads it so, what follows may be the head
/// of a file.
struct Delimiters<'b> {
    body: &'b [u8],
    dashed: String,
    at: usize,
}

impl<'b> Delimiters<'b> {
    fn new(body: &'b [u8], boundary: &Boundary) -> Self {
        Self {
            body,
            dashed: format!("--{}", boundary.0),
            at: 0,
        }
    }

    /// `part` without the beginning of a delimiter at its end.
    fn without_cut_delimiter<'p>(&self, part: &'p [u8]) -> &'p [u8] {
        let line_break = part.iter().rposition(|&b| b == b'\n' || b == b'\r');
        let Some(at) = line_break else { return part };
        if !self.dashed.as_bytes().starts_with(&part[at + 1..]) {
            return part;
        }
        part[..at].strip_suffix(b"\r").unwrap_or(&part[..at])
    }

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let found = memchr::memmem::find(&self.body[self.at..], self.dashed.as_bytes())?;
            let start = self.at + found;
            let after = start + self.dashed.len();
            self.at = after;
            let before = &self.body[..start];
            let line_break = match before {
                [] => 0,
                [.., b'\r', b'\n'] => 2,
                [.., b'\n' | b'\r'] => 1,
                _ => continue,
            };
            let rest = &self.body[after..];
            let line = rest.iter().position(|&b| b == b'\n');
            return Some(Delimiter {
                start: start - line_break,
                end: after + line.map_or(rest.len(), |line| line + 1),
                last: rest.starts_with(b"--"),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(body: &[u8], whole: bool) -> Outline {
        let boundary = Boundary::new("B").unwrap();
        outline(
            body,
            &boundary,
            whole,
            &Names::default(),
            |_, content, _| String::from_utf8(content.to_vec()).ok(),
        )
    }

    fn complete(parts: &str) -> Outline {
        Outline {
            text: parts.into(),
            complete: true,
            malformed: false,
        }
    }

    const FORM: &str = "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA day\r\n\
        --B\r\ncontent-disposition: form-data; name=\"user[pin]\"\r\n\r\n1234\r\n\
        --B \r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\
        Content-Type: image/png\r\n\r\n\x01\x02\r\n\r\n--b\r\n--B--\r\nepilogue";

    #[test]
    fn every_part_is_named_fields_are_shown_and_files_are_not() {
        assert_eq!(
            shown(FORM.as_bytes(), true),
            complete(
                r#"[{"name":"title","text":"A day","size":5},{"name":"user[pin]","text":"[REDACTED]","size":4},{"name":"photo","filename":"a.png","type":"image/png","size":9}]"#
            )
        );
    }

    #[test]
    fn a_cut_body_shows_what_was_seen() {
        for end in 0..FORM.len() - "--\r\nepilogue".len() {
            let outline = shown(&FORM.as_bytes()[..end], false);
            assert!(!outline.complete && !outline.malformed, "{end}");
            assert!(!outline.text.contains("123"), "{}", outline.text);
            assert!(!outline.text.contains('\u{1}'), "{}", outline.text);
            serde_json::from_str::<serde_json::Value>(&outline.text).unwrap();
        }
        let cut = &FORM[..FORM.find("A day").unwrap() + 3];
        assert_eq!(
            shown(cut.as_bytes(), false).text,
            r#"[{"name":"title","text":"A d"}]"#
        );
    }

    #[test]
    fn what_may_be_a_file_is_not_shown() {
        for head in [
            "Content-Disposition: form-data; name=a; filename=b",
            "Content-Disposition: form-data; name=a; filename=\"\"",
            "Content-Disposition: form-data; name=a; filename*=UTF-8''b",
            "Content-Disposition: form-data; name=a; FILENAME=b",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; filename=b",
            "Content-Disposition: form-data; name=a;\r\n filename=b",
            "Content-Disposition: form-data; name=a; filename*0=b",
            "Content-Disposition: attachment",
            "Content-Disposition: form-data; name=a\r\nContent-Type: application/pdf",
            "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=C",
        ] {
            let body = format!("--B\r\n{head}\r\n\r\nSECRET\r\n--B--");
            let outline = shown(body.as_bytes(), true);
            assert!(!outline.text.contains("SECRET"), "{head}: {}", outline.text);
            assert!(outline.text.contains(r#""size":6"#), "{}", outline.text);
        }
    }

    #[test]
    fn names_are_read_in_every_way_in_which_they_are_written() {
        for (disposition, expected) in [
            ("form-data; name=title", "title"),
            (r#"form-data; name="a\"b""#, "a\"b"),
            (r#"form-data; name="a%22b""#, "a%22b"),
            ("form-data; name*=UTF-8'en'%e2%82%ac", "€"),
            ("form-data; name*=iso-8859-1''%e9", "é"),
            ("form-data; name=e; name*=UTF-8''%e2%82%ac", "€"),
            ("form-data; name=\"\u{202e}x\"", " x"),
        ] {
            let body = format!("--B\nContent-Disposition: {disposition}\n\nx\n--B--");
            let expected = serde_json::json!([{"name": expected, "text": "x", "size": 1}]);
            let text = shown(body.as_bytes(), true).text;
            let parts: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(parts, expected, "{disposition}");
        }
    }

    #[test]
    fn a_sensitive_name_hides_however_it_is_written() {
        for disposition in [
            "form-data; name=Pass-Word",
            "form-data; name=a; name=password",
            "form-data; name*=UTF-8''p%61ssword; name=a",
            r#"form-data; name="p%61ssword""#,
            r#"form-data; name="pass\word""#,
            "form-data; name=a\r\nContent-Disposition: form-data; name=password",
        ] {
            let body = format!("--B\r\nContent-Disposition: {disposition}\r\n\r\nhunter2\r\n--B--");
            let text = shown(body.as_bytes(), true).text;
            assert!(
                text.contains(REDACTED) && !text.contains("hunter"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_multipart_body_says_so() {
        for body in [
            "",
            "x",
            "--B",
            "--B\r\n",
            "--B\r\nno head at all\r\n\r\nSECRET\r\n--B--",
        ] {
            let outline = shown(body.as_bytes(), true);
            assert!(
                outline.malformed && !outline.text.contains("SECRET"),
                "{body}"
            );
        }
        assert_eq!(shown(b"--B--", true), complete("[]"));
    }

    const PIECES: [&[u8]; 13] = [
        b"--B",
        b"\r\n",
        b"\n",
        b"--",
        b": ",
        b"; ",
        b"Content-Disposition",
        b"name",
        b"=\"",
        b"\"",
        b"\\",
        b"\xff",
        b"filename*=UTF-8''%",
    ];

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
            whole in any::<bool>(),
        ) {
            let outline = shown(&pieces.concat(), whole);
            serde_json::from_str::<serde_json::Value>(&outline.text).unwrap();
        }
    }
}
