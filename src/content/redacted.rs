//! One redacted line from the text of a body.

use std::borrow::Cow;

use crate::{
    formats::{json::reader::Ending, media_type::Media},
    redact::{form, json::redact_json, names::Names, text::redact_text},
    util::text,
};

/// A body as a record shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redacted {
    /// One redacted line.
    pub(crate) text: String,
    /// The text is not the whole body.
    pub(crate) truncated: bool,
    /// The text ends where the body stops being what its type says.
    pub(crate) malformed: bool,
}

impl Redacted {
    /// A text of which all could be read.
    pub(super) fn sound(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

/// Makes one redacted line of a text. `open` says that the text was cut at its end.
pub(super) fn redact_body(
    media: &Media,
    decoded: &str,
    open: bool,
    names: &Names,
    buffer: String,
) -> Redacted {
    match media {
        Media::Json => json(decoded, names, buffer),
        // Nothing has to be withheld where nothing is hidden.
        _ if names.is_off() => Redacted::sound(text::clean(decoded).into_owned()),
        Media::JsonLines => json_lines(decoded, names),
        // Most clients that do not say what they send send JSON, and so do those that leave the type to an
        // HTTP library that calls everything a form.
        _ if seems_json(decoded) => guessed_json(media, decoded, open, names, buffer),
        _ => Redacted::sound(plain(media, decoded, open, names, buffer)),
    }
}

/// Reads a text that begins like JSON, and may be something else.
fn guessed_json(
    media: &Media,
    decoded: &str,
    open: bool,
    names: &Names,
    buffer: String,
) -> Redacted {
    let shown = json(decoded, names, buffer);
    // A body that nobody called a text may be broken JSON of a careless client. It is shown only where no
    // key in it could have hidden anything.
    let may_be_json = *media != Media::Text && (names.occur_in(decoded) || decoded.contains("\\u"));
    if !shown.malformed || may_be_json {
        return shown;
    }
    let line = plain(media, decoded, open, names, String::new());
    // A text that is not JSON because of its line breaks may be JSON on one line.
    let shown = json(&line, names, String::new());
    match shown.malformed {
        true => Redacted::sound(line),
        false => shown,
    }
}

fn seems_json(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || text::is_forbidden(c));
    text.starts_with(['{', '['])
}

fn plain(media: &Media, decoded: &str, open: bool, names: &Names, mut buffer: String) -> String {
    // Forms are what is sent untyped most often, after JSON.
    let is_form = match media {
        Media::Form => true,
        Media::Untyped => decoded.contains('=') && !decoded.contains(char::is_whitespace),
        _ => false,
    };
    if is_form {
        let shown = form::redact_form(decoded, open, names);
        return text::clean(&shown).into_owned();
    }
    match redact_text(decoded, open, names) {
        Cow::Borrowed(shown) => {
            buffer.push_str(shown);
            buffer
        }
        Cow::Owned(shown) => shown,
    }
}

fn json(decoded: &str, names: &Names, mut buffer: String) -> Redacted {
    buffer.reserve(decoded.len());
    let ending = redact_json(&mut buffer, decoded, names);
    finish_json(decoded, buffer, ending, names)
}

/// What is shown of `decoded`, of which the reader made `shown`.
pub(super) fn finish_json(decoded: &str, shown: String, ending: Ending, names: &Names) -> Redacted {
    if ending == Ending::Malformed && names.is_off() {
        // Nothing has to be withheld where nothing is hidden.
        return Redacted::sound(text::clean(decoded).into_owned());
    }
    Redacted {
        text: shown,
        truncated: ending == Ending::TooDeep,
        malformed: ending == Ending::Malformed,
    }
}

/// Reads one JSON text a line. A text that goes on in the next line is a fault: read by itself, the next
/// line would show what a key in this one hides.
fn json_lines(decoded: &str, names: &Names) -> Redacted {
    let mut shown = Redacted::sound(String::with_capacity(decoded.len()));
    let mut lines = decoded.lines().filter(|line| !line.trim().is_empty());
    let mut line = lines.next();
    while let Some(text) = line {
        line = lines.next();
        if !shown.text.is_empty() {
            shown.text.push(' ');
        }
        match redact_json(&mut shown.text, text, names) {
            Ending::Complete => {}
            Ending::Cut if line.is_none() => {}
            Ending::TooDeep => {
                shown.truncated = true;
                break;
            }
            Ending::Cut | Ending::Malformed => {
                shown.malformed = true;
                break;
            }
        }
    }
    shown
}
