//! Makes one redacted line from the text of a body.

use std::borrow::Cow;

use crate::{
    formats::{json::tokens::Ending, media_type::Media},
    redact::{
        events::redact_events,
        form,
        json::{redact_json, redact_json_lines},
        key_cache::Redactor,
        text::redact_text,
    },
    util::text,
};

/// A body as a record shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redacted {
    /// One redacted line.
    pub(crate) text: String,
    /// Set if the text is not the whole body.
    pub(crate) truncated: bool,
    /// Set if the text ends at a fault in the format of the body.
    pub(crate) malformed: bool,
}

impl Redacted {
    /// Makes a body that is neither truncated nor malformed.
    fn complete(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

/// Makes one redacted line from a text. `open` says that the text was truncated.
pub(super) fn redact_body(
    media: &Media,
    decoded: &str,
    open: bool,
    redactor: Redactor<'_>,
    buffer: String,
) -> Redacted {
    match media {
        Media::Json | Media::JsonLines => json(media, decoded, open, redactor, buffer),
        _ if redactor.is_off() => Redacted::complete(text::sanitize(decoded).into_owned()),
        // Most bodies without a type are JSON. So are many bodies whose type is that of a form, because that is the
        // default type of some HTTP libraries.
        _ if seems_json(decoded) => guessed_json(media, decoded, open, redactor, buffer),
        _ => Redacted::complete(plain(media, decoded, open, redactor, buffer)),
    }
}

/// Redacts a text that begins like JSON, but may be something else.
fn guessed_json(
    media: &Media,
    decoded: &str,
    open: bool,
    redactor: Redactor<'_>,
    buffer: String,
) -> Redacted {
    // A guess is no reason to call a body malformed because it ends early.
    let guess = |text: &str, buffer| json(&Media::Json, text, true, redactor, buffer);
    let shown = guess(decoded, buffer);
    // A body whose type is not a type of text may be malformed JSON. The text after the fault is shown only if the body
    // contains no sensitive name, and no `\u` escape that could spell one.
    let is_text = matches!(media, Media::Text | Media::Events);
    let may_be_json = !is_text && (redactor.occur_in(decoded) || decoded.contains("\\u"));
    if !shown.malformed || may_be_json {
        return shown;
    }
    let line = plain(media, decoded, open, redactor, String::new());
    // A text that is not JSON because of its line breaks may be JSON on one line.
    let shown = guess(&line, String::new());
    match shown.malformed {
        true => Redacted::complete(line),
        false => shown,
    }
}

fn seems_json(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || text::is_forbidden(c));
    text.starts_with(['{', '['])
}

fn plain(
    media: &Media,
    decoded: &str,
    open: bool,
    redactor: Redactor<'_>,
    mut buffer: String,
) -> String {
    let shown = match media {
        Media::Form => {
            let shown = form::redact_form(decoded, open, redactor);
            return text::sanitize(&shown).into_owned();
        }
        Media::Events => return redact_events(decoded, open, redactor),
        // After JSON, forms are the most frequent bodies without a type. Because this is a guess, the rules for text
        // apply as well: the text may be a URL.
        Media::Untyped if decoded.contains('=') && !decoded.contains(char::is_whitespace) => {
            form::redact_form(decoded, open, redactor)
        }
        _ => Cow::Borrowed(decoded),
    };
    match redact_text(&shown, open, redactor) {
        Cow::Borrowed(shown) => {
            buffer.push_str(shown);
            buffer
        }
        Cow::Owned(shown) => shown,
    }
}

/// Redacts JSON or JSON Lines. `open` says that the text was truncated.
fn json(
    media: &Media,
    decoded: &str,
    open: bool,
    redactor: Redactor<'_>,
    mut buffer: String,
) -> Redacted {
    buffer.reserve(decoded.len());
    let ending = match media {
        Media::JsonLines => redact_json_lines(&mut buffer, decoded, redactor),
        _ => redact_json(&mut buffer, decoded, redactor),
    };
    finish_json(decoded, open, buffer, ending, redactor)
}

/// Makes the result for the JSON text `decoded`, for which the reader wrote `shown`. `open` says that the text was
/// truncated.
pub(super) fn finish_json(
    decoded: &str,
    open: bool,
    shown: String,
    ending: Ending,
    redactor: Redactor<'_>,
) -> Redacted {
    if ending == Ending::Malformed && redactor.is_off() {
        // If nothing is redacted, the text is shown even after a fault.
        return Redacted::complete(text::sanitize(decoded).into_owned());
    }
    Redacted {
        text: shown,
        truncated: ending == Ending::TooDeep,
        // A whole body that ends too early is not JSON.
        malformed: ending == Ending::Malformed || (ending == Ending::Cut && !open),
    }
}
