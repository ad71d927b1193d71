//! The outline of a multipart body, which a record shows instead of its bytes.

use serde::Serialize;

use super::redacted::Redacted;
use crate::{
    formats::{
        charset::Charset,
        media_type::{ContentType, Media, Multipart, TextParts},
        multipart::{BodyPart, read_parts},
    },
    redact::{
        key_cache::Redactor,
        listed::{NameClass, Place},
        pieces::REDACTED,
        text::redact_text,
    },
};

/// One part, as a record shows it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct PartOutline {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// The text of a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The number of bytes of the content, if the part was read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

/// Makes a JSON array of the parts in `body`, the first bytes of a multipart body. `whole` says that `body` is
/// the whole body. `text` makes the text of a part.
///
/// The content of a part that may be a file is never shown. Parts are left out once the array is longer than `limit`
/// bytes, because the outlines of many small parts are longer than the parts.
pub(super) fn outline(
    body: &[u8],
    multipart: &Multipart,
    whole: bool,
    limit: usize,
    redactor: Redactor<'_>,
    text: impl Fn(&ContentType, &[u8], bool) -> Option<String>,
) -> Redacted {
    let mut array = "[".to_owned();
    let mut is_first = true;
    let mut is_signed = None;
    let ending = read_parts(body, &multipart.boundary, whole, |part| {
        let is_first = std::mem::take(&mut is_first);
        if array.len() > limit {
            return;
        }
        let content_type = part.head.content_type.as_deref().map(str::as_bytes);
        let content_type = ContentType::parse(content_type);
        let is_text = may_be_text(&part, &content_type, &multipart.text_parts, is_first);
        let text = |content: &[u8]| text(&content_type, content, part.ended);
        let has_class = |class| has_class(&part, class, redactor);
        let place = match has_class(NameClass::InQuery)
            && *is_signed.get_or_insert_with(|| has_date(body, multipart, whole, redactor))
        {
            true => Place::Query,
            false => Place::Form,
        };
        let outline = outline_part(&part, redactor, place, is_text, text);
        if outline != PartOutline::default()
            && let Ok(outline) = serde_json::to_string(&outline)
        {
            if array.len() > 1 {
                array.push(',');
            }
            array.push_str(&outline);
        }
    });
    array.push(']');
    Redacted {
        text: array,
        truncated: !ending.complete,
        malformed: ending.malformed,
    }
}

/// Returns whether a name of a part has this class.
fn has_class(part: &BodyPart<'_>, class: NameClass, redactor: Redactor<'_>) -> bool {
    let mut names = part.head.names.iter();
    names.any(|name| redactor.class_of(name) == class)
}

/// Returns whether a part is a date or an expiry, so that a form with a signature is signed like a query. In a form
/// that was truncated, such a part may follow.
// Cold, because few forms have a signature.
#[cold]
fn has_date(body: &[u8], multipart: &Multipart, whole: bool, redactor: Redactor<'_>) -> bool {
    let mut has_date = false;
    let ending = read_parts(body, &multipart.boundary, whole, |part| {
        has_date |= has_class(&part, NameClass::Dated, redactor);
    });
    has_date || !ending.complete
}

/// Returns whether the content of a part may be text.
fn may_be_text(
    part: &BodyPart<'_>,
    content_type: &ContentType,
    text_parts: &TextParts,
    is_first: bool,
) -> bool {
    let head = &part.head;
    let is_wanted = match text_parts {
        TextParts::Fields => !head.names.is_empty(),
        _ if matches!(content_type.media, Media::Json | Media::JsonLines) => true,
        TextParts::RootAndJson(None) => is_first,
        TextParts::RootAndJson(root) => head.content_id.as_deref() == root.as_deref(),
    };
    is_wanted
        && !head.is_file()
        && !head.is_encoded
        && !matches!(content_type.media, Media::Binary | Media::Multipart(_))
        && content_type.charset != Charset::Unsupported
}

/// Makes the outline of a part. `text` makes the text of its content, which is shown only if `is_text` is set.
fn outline_part(
    part: &BodyPart<'_>,
    redactor: Redactor<'_>,
    place: Place,
    is_text: bool,
    text: impl FnOnce(&[u8]) -> Option<String>,
) -> PartOutline {
    let head = &part.head;
    let shown = |value: &str| redact_text(value, false, redactor).into_owned();
    let is_hidden = |content: &[u8]| {
        let value = String::from_utf8_lossy(content);
        let mut classes = head.names.iter().map(|name| redactor.class_of(name));
        classes.any(|class| match part.ended {
            true => class.hides(&value, place),
            false => class.may_hide(place),
        })
    };
    PartOutline {
        name: head.shown_name.as_deref().map(shown),
        filename: head.filename.as_deref().map(shown),
        content_type: head.content_type.as_deref().map(shown),
        text: part
            .content
            .filter(|_| is_text)
            .and_then(|content| match is_hidden(content) {
                true => Some(REDACTED.to_owned()),
                false => text(content),
            }),
        size: part.content.filter(|_| part.ended).map(<[u8]>::len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};
    use proptest::prelude::*;

    const LIMIT: usize = 1000;

    fn shown(body: &[u8], whole: bool) -> Redacted {
        shown_as("form-data", body, whole)
    }

    fn shown_as(subtype: &str, body: &[u8], whole: bool) -> Redacted {
        let content_type = format!("multipart/{subtype}; boundary=B");
        let media = ContentType::parse(Some(content_type.as_bytes())).media;
        let Media::Multipart(Some(multipart)) = media else {
            unreachable!()
        };
        outline(
            body,
            &multipart,
            whole,
            LIMIT,
            Redactor::new(&Names::default(), &KeyCache::new()),
            |_, content, _| String::from_utf8(content.to_vec()).ok(),
        )
    }

    fn complete(parts: &str) -> Redacted {
        Redacted {
            text: parts.into(),
            truncated: false,
            malformed: false,
        }
    }

    const FORM: &str = "preamble\r\n--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA day\r\n\
        --B\r\ncontent-disposition: form-data; name=\"user[pin]\"\r\n\r\n1234\r\n\
        --B \r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\
        Content-Type: image/png\r\n\r\n\x01\x02\r\n\r\n--b\r\n--B--\r\nepilogue";

    #[test]
    fn fields_are_shown_and_files_are_only_named() {
        assert_eq!(
            shown(FORM.as_bytes(), true),
            complete(
                r#"[{"name":"title","text":"A day","size":5},{"name":"user[pin]","text":"[REDACTED]","size":4},{"name":"photo","filename":"a.png","type":"image/png","size":9}]"#
            )
        );
    }

    #[test]
    fn a_truncated_body_shows_the_parts_that_were_seen() {
        for end in 0..FORM.len() - "--\r\nepilogue".len() {
            let outline = shown(&FORM.as_bytes()[..end], false);
            assert!(outline.truncated && !outline.malformed, "{end}");
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
    fn outline_of_many_small_parts_is_little_longer_than_the_limit() {
        let body = "--B\r\n\r\n\r\n".repeat(10_000);
        let text = shown(body.as_bytes(), true).text;
        assert!((LIMIT..LIMIT + 100).contains(&text.len()), "{}", text.len());
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn content_of_a_part_that_may_be_a_file_is_not_shown() {
        for head in [
            "Content-Disposition: form-data; name=a; filename=b",
            "Content-Disposition: form-data; name=a; filename=\"\"",
            "Content-Disposition: form-data; name=a; filename*=UTF-8''b",
            "Content-Disposition: form-data; name=a; FILENAME=b",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; filename=b",
            "Content-Disposition: form-data; name=a;\r\n filename=b",
            "Content-Disposition: form-data; name=a; filename*0=b",
            "Content-Disposition: attachment",
            "Content-Type: text/plain",
            "Content-Type: application/json",
            "X: y",
            "Content-Disposition: form-data; name=a\r\nContent-Type: application/pdf",
            "Content-Disposition: form-data; name=a\r\nContent-Type: image/png\r\nContent-Type: text/plain",
            "Content-Disposition: form-data; name=a; name=b; name=c; name=d; name=e; name=f; name=g; name=h; name=i; \
             name=j; name=password",
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
    fn only_the_root_and_json_are_shown_of_other_multipart_types() {
        let body = "--B\r\nContent-Type: text/html\r\nContent-ID: <one>\r\n\r\nfirst\r\n\
            --B\r\nContent-Type: text/xml\r\ncontent-id:<two@x>\r\n\r\nsecond\r\n\
            --B\r\nContent-Type: application/json\r\n\r\n{}\r\n\
            --B\r\nContent-Type: application/json\r\nContent-Disposition: attachment; filename=a.json\r\n\r\n{}\r\n\
            --B\r\nContent-Disposition: form-data; name=a\r\n\r\nfield\r\n\
            --B\r\n\r\nlast\r\n--B--";
        let part = |kind: &str, text: &str, size: usize| match text {
            "" => serde_json::json!({"type": kind, "size": size}),
            text => serde_json::json!({"type": kind, "text": text, "size": size}),
        };
        for (subtype, [first, second]) in [
            ("mixed", ["first", ""]),
            ("related", ["first", ""]),
            ("related; start=\"<two@x>\"", ["", "second"]),
            ("related; start=none", ["", ""]),
            ("mixed; start=\"<two@x>\"", ["first", ""]),
            ("x-anything", ["first", ""]),
        ] {
            let expected = serde_json::json!([
                part("text/html", first, 5),
                part("text/xml", second, 6),
                part("application/json", "{}", 2),
                {"filename": "a.json", "type": "application/json", "size": 2},
                {"name": "a", "size": 5},
                {"size": 4},
            ]);
            let text = shown_as(subtype, body.as_bytes(), true).text;
            let parts: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(parts, expected, "{subtype}");
        }
        let untyped = shown_as("mixed", b"--B\r\n\r\nfirst\r\n--B--", true);
        assert_eq!(untyped, complete(r#"[{"text":"first","size":5}]"#));
    }

    #[test]
    fn names_are_read_in_every_notation() {
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
    fn a_field_is_hidden_in_every_spelling_of_a_sensitive_name() {
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
    fn long_code_is_hidden_and_a_value_that_is_no_secret_is_shown() {
        for (name, value, hidden) in [
            ("code", "HUNTER0123456789", true),
            ("code", "DE", false),
            ("password", "true", false),
            ("password", "hunter2", true),
        ] {
            let body = format!(
                "--B\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n--B--"
            );
            let text = shown(body.as_bytes(), true).text;
            assert_eq!(!text.contains(value), hidden, "{text}");
            let end = body.find(value).unwrap() + 2;
            let text = shown(&body.as_bytes()[..end], false).text;
            assert!(text.contains(REDACTED), "{text}");
        }
    }

    #[test]
    fn signature_is_hidden_in_a_form_that_has_a_date_or_was_truncated() {
        let form = |parts: &[(&str, &str)]| {
            let part = |(name, value): &(&str, &str)| {
                format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            };
            parts.iter().map(part).collect::<String>() + "--B--\r\n"
        };
        for (signature, date) in [
            ("x-amz-signature", "x-amz-date"),
            ("Signature", "Expires"),
            ("sig", "se"),
        ] {
            let (signature, date) = ((signature, "SECRET"), (date, "20260101"));
            for parts in [
                [signature, date, ("a", "b")],
                [date, signature, ("a", "b")],
                [("a", "b"), signature, date],
            ] {
                let body = form(&parts);
                for end in 0..=body.len() {
                    let text = shown(&body.as_bytes()[..end], end == body.len()).text;
                    assert!(!text.contains(r#""text":"S"#), "{text}");
                }
                let text = shown(body.as_bytes(), true).text;
                assert!(
                    text.contains("20260101") && text.contains(r#""b""#),
                    "{text}"
                );
            }
        }
        let text = shown(form(&[("signature", "Ann"), ("a", "b")]).as_bytes(), true).text;
        assert!(text.contains("Ann"), "{text}");
    }

    #[test]
    fn a_body_that_is_not_multipart_is_malformed() {
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
        fn outline_of_arbitrary_bytes_is_valid_json(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24),
            whole in any::<bool>(),
        ) {
            let outline = shown(&pieces.concat(), whole);
            serde_json::from_str::<serde_json::Value>(&outline.text).unwrap();
        }
    }
}
