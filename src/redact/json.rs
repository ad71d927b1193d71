//! Hides secrets in JSON, and finds the result code in the same pass.

use wide::u8x16;

use crate::{
    formats::json::{
        code::CodePath,
        code_finder::CodeFinder,
        nesting::Container,
        reader::{Ending, JsonString, Visitor, read},
        unescape::unescape,
    },
    redact::{
        key_cache::KeyMemo,
        names::{Names, REDACTED},
        text::{hide_secrets, needs_change_at, trigger_mask},
    },
    util::text,
};

/// Appends `input` to `out` without its secrets: values of sensitive keys and secrets in strings are
/// replaced, white space between tokens is dropped, and characters that a log line must not contain become
/// `\u` escapes. Nothing after a fault is appended.
pub(crate) fn redact_json(out: &mut String, input: &str, names: &Names) -> Ending {
    visit(Some(out), input, names, None).0
}

/// Looks for the code in `input`.
pub(crate) fn find_code<'p, 'i>(
    input: &'i str,
    names: &Names,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    visit(None, input, names, Some(path))
}

/// Does what [`redact_json`] and [`find_code`] do.
pub(crate) fn redact_json_and_find_code<'p, 'i>(
    out: &mut String,
    input: &'i str,
    names: &Names,
    path: &'p CodePath,
) -> (Ending, CodeFinder<'p, 'i>) {
    visit(Some(out), input, names, Some(path))
}

// One instance of the reader serves everything: its code is read often and should stay in the caches.
fn visit<'p, 'i>(
    out: Option<&mut String>,
    input: &'i str,
    names: &Names,
    path: Option<&'p CodePath>,
) -> (Ending, CodeFinder<'p, 'i>) {
    KeyMemo::with(names, |keys| {
        let mut redactor = JsonRedactor {
            out,
            input,
            copied: 0,
            names,
            keys,
            hides_next: false,
            hidden_at: None,
            code: CodeFinder::new(path),
        };
        let ending = read(input, &mut redactor);
        (ending, redactor.code)
    })
}

/// Copies the input in runs, from one change to the next.
struct JsonRedactor<'r, 'p, 'i> {
    /// `None` if only the code is wanted.
    out: Option<&'r mut String>,
    input: &'i str,
    /// The end of the part of the input that is in `out` or left out of it.
    copied: usize,
    names: &'r Names,
    keys: &'r mut KeyMemo,
    /// The next value is hidden.
    hides_next: bool,
    /// The number of containers around the value that is being hidden.
    hidden_at: Option<usize>,
    code: CodeFinder<'p, 'i>,
}

impl JsonRedactor<'_, '_, '_> {
    fn is_copying(&self) -> bool {
        self.hidden_at.is_none()
    }

    /// Appends the input up to `end`.
    fn copy_up_to(&mut self, end: usize) {
        if let Some(out) = &mut self.out {
            out.push_str(&self.input[self.copied..end]);
        }
        self.copied = end;
    }

    /// Appends the string in the form in which it may be shown.
    #[inline(never)]
    fn change(&mut self, string: JsonString<'_>) {
        let unescaped = match string.escaped {
            true => unescape(string.raw),
            false => string.raw.into(),
        };
        let shown = hide_secrets(&unescaped, string.open, self.names);
        if shown.is_none() && text::find_forbidden(string.raw).is_none() {
            return;
        }
        self.copy_up_to(string.start);
        if let Some(out) = &mut self.out {
            match shown {
                Some(shown) => push_escaped(out, &shown),
                None => push_on_one_line(out, string.raw),
            }
        }
        self.copied = string.start + string.raw.len();
    }

    fn may_need_change(&self, string: JsonString<'_>) -> bool {
        // In a string that is cut, slashes may begin user information.
        self.out.is_some() && (!string.plain || (string.open && string.raw.contains("//")))
    }
}

impl<'i> Visitor<'i> for JsonRedactor<'_, '_, 'i> {
    #[inline(always)]
    fn trigger_mask(block: u8x16, next: u8x16) -> u8x16 {
        trigger_mask(block, next)
    }

    fn is_trigger(text: &str, at: usize) -> bool {
        needs_change_at(text, at)
    }

    fn known_key(&mut self, raw: &'i str, depth: usize) -> bool {
        let is_sensitive = match self.out {
            Some(_) => self.keys.get(raw),
            None => Some(false),
        };
        if let Some(is_sensitive) = is_sensitive {
            self.hides_next = is_sensitive && self.is_copying();
            self.code.key(depth, raw, false);
        }
        is_sensitive.is_some()
    }

    fn key(&mut self, key: JsonString<'i>, depth: usize) {
        if self.is_copying() && self.out.is_some() {
            let is_sensitive = match key.escaped {
                true => self.names.is_sensitive(&unescape(key.raw)),
                false => self.names.is_sensitive(key.raw),
            };
            self.hides_next = is_sensitive;
            if self.may_need_change(key) {
                self.change(key);
            } else if !key.open {
                self.keys.put(key.raw, is_sensitive);
            }
        }
        // A key that is cut may become another one.
        if !key.open {
            self.code.key(depth, key.raw, key.escaped);
        }
    }

    fn begin_value(&mut self, at: usize, depth: usize) {
        if std::mem::take(&mut self.hides_next) {
            self.copy_up_to(at);
            if let Some(out) = &mut self.out {
                out.extend(["\"", REDACTED, "\""]);
            }
            self.hidden_at = Some(depth);
        }
    }

    fn string(&mut self, string: JsonString<'i>) {
        if self.is_copying() && self.may_need_change(string) {
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

/// Appends clean text as characters of a JSON string.
fn push_escaped(out: &mut String, clean: &str) {
    for c in clean.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Appends characters of a JSON string. JSON allows the characters that a log line must not contain, so
/// escapes of them leave the meaning as it was.
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
