//! Hides secrets in JSON, and finds the result code in the same pass.

use self::visitor::JsonRedactor;
use crate::{
    formats::json::{
        code::CodePath,
        code_finder::CodeFinder,
        reader::{Separators, read},
        tokens::Ending,
    },
    redact::{key_cache::Redactor, text::hide_secrets},
};

/// Appends `input` to `out` without its secrets: values of sensitive keys and secrets in strings are
/// replaced, white space between tokens is dropped, and characters that a log line must not contain become
/// `\u` escapes. Nothing after a fault is appended.
pub(crate) fn redact_json(out: &mut String, input: &str, redactor: Redactor<'_>) -> Ending {
    read_json(Some((out, redactor)), input, Separators::None, None).ending
}

/// Redacts `input` like [`redact_json`]. Record separators may precede each text, and `input` may have no text.
pub(crate) fn redact_json_lines(out: &mut String, input: &str, redactor: Redactor<'_>) -> Ending {
    read_json(Some((out, redactor)), input, Separators::Records, None).ending
}

/// Finds the code in `input`.
pub(crate) fn find_code<'p, 'i>(
    input: &'i str,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    let read = read_json(None, input, Separators::None, Some(path));
    (read.ending, read.code)
}

/// Redacts `input` like [`redact_json`], and finds the code like [`find_code`].
pub(crate) fn redact_json_and_find_code<'p, 'i>(
    out: &mut String,
    input: &'i str,
    redactor: Redactor<'_>,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    let read = read_json(Some((out, redactor)), input, Separators::None, Some(path));
    (read.ending, read.code)
}

/// Hides secrets in a text that may be JSON, such as the content of a string. Returns `None` if nothing was hidden.
/// `open` says that the text was truncated.
pub(crate) fn hide_in_string(text: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    if text.trim_start().starts_with(['{', '['])
        && let Some(shown) = hide_in_json_text(text, open, redactor)
    {
        return shown;
    }
    hide_secrets(text, open, redactor)
}

/// Hides secrets in a JSON text. Returns `None` if the text is not JSON, and `Some(None)` if nothing was hidden.
pub(crate) fn hide_in_json_text(
    text: &str,
    open: bool,
    redactor: Redactor<'_>,
) -> Option<Option<String>> {
    let mut out = String::new();
    let read = read_json(Some((&mut out, redactor)), text, Separators::None, None);
    match read.ending {
        Ending::Complete => {}
        Ending::Cut if open => {}
        _ => return None,
    }
    Some(read.is_changed.then_some(out))
}

/// Reads `input`. Redacts it if `output` is given, and finds the code if `path` is given.
///
/// A value may turn out to be a secret after it was copied, because of a name that follows. Then a second pass begins
/// again, and hides this value, too.
// All callers share one instance of the generic reader, so that its machine code stays in the caches.
fn read_json<'p, 'i>(
    mut output: Option<(&mut String, Redactor<'_>)>,
    input: &'i str,
    separators: Separators,
    path: Option<&'p CodePath>,
) -> Reading<'p, 'i> {
    let start = output.as_ref().map_or(0, |(out, _)| out.len());
    let mut late = Vec::new();
    loop {
        let borrowed = output
            .as_mut()
            .map(|(out, redactor)| (&mut **out, *redactor));
        let mut visitor = JsonRedactor::new(borrowed, input, path, &late);
        let ending = read(input, separators, &mut visitor);
        let (code, is_changed, found) = visitor.finish();
        if found.is_empty() || !late.is_empty() {
            return Reading {
                ending,
                code,
                is_changed,
            };
        }
        late = found;
        if let Some((out, _)) = &mut output {
            out.truncate(start);
        }
    }
}

/// The result of reading a text.
struct Reading<'p, 'i> {
    ending: Ending,
    code: CodeFinder<'p, 'i>,
    /// Set if something was hidden.
    is_changed: bool,
}

mod escape;
mod pairs;
mod scopes;
#[cfg(test)]
mod tests;
mod visitor;
