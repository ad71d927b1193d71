//! Hides secrets in JSON, and finds the result code in the same pass.

use wide::u8x16;

use crate::{
    formats::json::{
        code::CodePath,
        code_finder::CodeFinder,
        nesting::Container,
        reader::{Ending, JsonString, TokenVisitor, read},
        unescape::unescape,
    },
    redact::{
        key_cache::Redactor,
        names::REDACTED,
        text::{hide_secrets, needs_change_at, trigger_mask},
    },
    util::{bytes::BLOCK, text},
};

/// Appends `input` to `out` without its secrets: values of sensitive keys and secrets in strings are
/// replaced, white space between tokens is dropped, and characters that a log line must not contain become
/// `\u` escapes. Nothing after a fault is appended.
pub(crate) fn redact_json(out: &mut String, input: &str, redactor: Redactor<'_>) -> Ending {
    read_json(Some((out, redactor)), input, None).0
}

/// Finds the code in `input`.
pub(crate) fn find_code<'p, 'i>(
    input: &'i str,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    read_json(None, input, Some(path))
}

/// Redacts `input` like [`redact_json`], and finds the code like [`find_code`].
pub(crate) fn redact_json_and_find_code<'p, 'i>(
    out: &mut String,
    input: &'i str,
    redactor: Redactor<'_>,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    read_json(Some((out, redactor)), input, Some(path))
}

/// Reads `input`. Redacts it if `output` is given, and finds the code if `path` is given.
// All callers share one instance of the generic reader, so that its machine code stays in the caches.
fn read_json<'p, 'i>(
    output: Option<(&mut String, Redactor<'_>)>,
    input: &'i str,
    path: Option<&'p CodePath>,
) -> (Ending, CodeFinder<'p, 'i>) {
    if let Some((_, redactor)) = &output {
        redactor.prepare();
    }
    let mut redactor = JsonRedactor {
        output,
        input,
        copied: 0,
        hides_next: false,
        hidden_at: None,
        code: CodeFinder::new(path),
    };
    let ending = read(input, &mut redactor);
    (ending, redactor.code)
}

/// A visitor that copies the input in runs, from one change to the next.
struct JsonRedactor<'r, 'p, 'i> {
    /// The output, and the rules. `None` if only the code is wanted.
    output: Option<(&'r mut String, Redactor<'r>)>,
    input: &'i str,
    /// The end of the part of the input that was copied or left out.
    copied: usize,
    /// Set if the next value is hidden.
    hides_next: bool,
    /// The number of containers around the value that is being hidden.
    hidden_at: Option<usize>,
    code: CodeFinder<'p, 'i>,
}

impl JsonRedactor<'_, '_, '_> {
    /// Returns whether the current value is shown.
    fn is_copying(&self) -> bool {
        self.hidden_at.is_none()
    }

    /// Appends the input up to `end`.
    fn copy_up_to(&mut self, end: usize) {
        if let Some((out, _)) = &mut self.output {
            out.push_str(&self.input[self.copied..end]);
        }
        self.copied = end;
    }

    /// Appends the string with secrets replaced and forbidden characters escaped, if it has any.
    fn change(&mut self, string: JsonString<'_>) {
        let Some((_, redactor)) = self.output else {
            return;
        };
        let unescaped = match string.escaped {
            true => unescape(string.raw),
            false => string.raw.into(),
        };
        let shown = hide_secrets(&unescaped, string.open, &redactor);
        if shown.is_none() && text::find_forbidden(string.raw).is_none() {
            return;
        }
        self.copy_up_to(string.start);
        if let Some((out, _)) = &mut self.output {
            match shown {
                Some(shown) => push_quoted_chars(out, &shown),
                None => push_on_one_line(out, string.raw),
            }
        }
        self.copied = string.start + string.raw.len();
    }
}

/// Returns whether a string may need a change. In a truncated string, user information may follow slashes.
fn may_need_change(string: JsonString<'_>) -> bool {
    !string.plain || (string.open && string.raw.contains("//"))
}

impl<'i> TokenVisitor<'i> for JsonRedactor<'_, '_, 'i> {
    #[inline]
    fn trigger_mask(block: u8x16, next: u8x16) -> u8x16 {
        trigger_mask(block, next)
    }

    fn is_trigger(text: &str, at: usize) -> bool {
        needs_change_at(text, at)
    }

    #[inline]
    fn known_key(&mut self, block: &[u8; BLOCK], start: usize, len: usize, depth: usize) -> bool {
        let is_sensitive = match &self.output {
            Some((_, redactor)) => redactor.known_key(block, len),
            None => Some(false),
        };
        if let Some(is_sensitive) = is_sensitive {
            self.hides_next = is_sensitive && self.is_copying();
            if self.code.wants_key(depth) {
                self.code.key(depth, &self.input[start..start + len], false);
            }
        }
        is_sensitive.is_some()
    }

    fn key(&mut self, key: JsonString<'i>, depth: usize) {
        if let Some((_, redactor)) = &self.output
            && self.is_copying()
        {
            self.hides_next = match key.escaped {
                true => redactor.is_sensitive(&unescape(key.raw)),
                false => redactor.is_sensitive(key.raw),
            };
            if may_need_change(key) {
                self.change(key);
            } else if !key.open {
                redactor.remember_key(key.raw, self.hides_next);
            }
        }
        // A truncated key is not the whole key.
        if !key.open && self.code.wants_key(depth) {
            self.code.key(depth, key.raw, key.escaped);
        }
    }

    #[inline]
    fn begin_value(&mut self, at: usize, depth: usize) {
        if std::mem::take(&mut self.hides_next) {
            self.copy_up_to(at);
            if let Some((out, _)) = &mut self.output {
                out.extend(["\"", REDACTED, "\""]);
            }
            self.hidden_at = Some(depth);
        }
    }

    #[inline]
    fn wants_scalar(&self) -> bool {
        self.code.is_expected()
    }

    fn string(&mut self, string: JsonString<'i>) {
        if self.is_copying() && may_need_change(string) {
            self.change(string);
        }
        self.code.string(string);
    }

    fn number(&mut self, digits: &'i str) {
        self.code.number(digits);
    }

    fn literal(&mut self) {
        self.code.literal();
    }

    fn open(&mut self, depth: usize, container: Container) {
        self.code.open(depth, container);
    }

    fn close(&mut self, depth: usize) {
        self.code.close(depth);
    }

    fn end_value(&mut self, at: usize, depth: usize) {
        if self.hidden_at == Some(depth) {
            self.hidden_at = None;
            self.copied = at;
        }
    }

    fn white_space(&mut self, start: usize, end: usize) {
        if self.is_copying() {
            self.copy_up_to(start);
            self.copied = end;
        }
    }

    fn stop(&mut self, at: usize) {
        if self.is_copying() {
            self.copy_up_to(at);
        }
    }
}

/// Appends sanitized text to a JSON string, with escapes.
fn push_quoted_chars(out: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Appends characters of a JSON string, with escapes for the characters that a log line must not contain. In JSON, an
/// escape has the same meaning as its character.
fn push_on_one_line(out: &mut String, mut chars: &str) {
    while let Some(at) = text::find_forbidden(chars) {
        out.push_str(&chars[..at]);
        let mut rest = chars[at..].chars();
        if let Some(c) = rest.next() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        chars = rest.as_str();
    }
    out.push_str(chars);
}

#[cfg(test)]
mod tests;
