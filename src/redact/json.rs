//! Hides secrets in JSON, and finds the result code in the same pass.

use wide::u8x16;

use self::{
    escape::{push_on_one_line, push_quoted_chars},
    pairs::Pairs,
    scopes::{Scopes, begin_scope, begins_authorization_code, is_array_of_strings, is_nothing},
};
use crate::{
    formats::json::{
        code::CodePath,
        code_finder::CodeFinder,
        nesting::Container,
        reader::{Separators, read},
        tokens::{Ending, JsonString, TokenVisitor},
        unescape::unescape,
    },
    redact::{
        key_cache::Redactor,
        listed::NameClass,
        names::REDACTED,
        shapes::Shape,
        text::{
            candidates, find_truncated_card, hide_secrets, is_card_number, needs_change_at,
            trigger_mask,
        },
    },
    util::{bytes::BLOCK, text},
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
    Some((read.is_changed || !read.late.is_empty()).then_some(out))
}

/// Reads `input`. Redacts it if `output` is given, and finds the code if `path` is given.
fn read_json<'p, 'i>(
    mut output: Option<(&mut String, Redactor<'_>)>,
    input: &'i str,
    separators: Separators,
    path: Option<&'p CodePath>,
) -> Reading<'p, 'i> {
    let start = output.as_ref().map_or(0, |(out, _)| out.len());
    let borrowed = output
        .as_mut()
        .map(|(out, redactor)| (&mut **out, *redactor));
    let read = read_once(borrowed, input, separators, path, &[]);
    if !read.late.is_empty()
        && let Some((out, redactor)) = output
    {
        out.truncate(start);
        read_once(Some((out, redactor)), input, separators, None, &read.late);
    }
    read
}

/// The result of reading a text.
struct Reading<'p, 'i> {
    ending: Ending,
    code: CodeFinder<'p, 'i>,
    /// Set if something was hidden.
    is_changed: bool,
    /// The places of values that turned out to be secrets after they had been copied, in their order. A second pass
    /// hides them.
    late: Vec<usize>,
}

/// Reads `input` in one pass. Hides the values at the places in `late`, too.
// All callers share one instance of the generic reader, so that its machine code stays in the caches.
fn read_once<'p, 'i>(
    output: Option<(&mut String, Redactor<'_>)>,
    input: &'i str,
    separators: Separators,
    path: Option<&'p CodePath>,
    late: &[usize],
) -> Reading<'p, 'i> {
    if let Some((_, redactor)) = &output {
        redactor.prepare();
    }
    let mut redactor = JsonRedactor {
        is_request: output
            .as_ref()
            .is_some_and(|(_, redactor)| redactor.is_request()),
        output,
        input,
        copied: 0,
        is_changed: false,
        next: NameClass::Plain,
        hidden_at: None,
        scopes: Scopes {
            late,
            is_active: !late.is_empty(),
            ..Scopes::default()
        },
        pairs: Pairs::default(),
        code: CodeFinder::new(path),
    };
    let ending = read(input, separators, &mut redactor);
    let late = redactor.pairs.finish();
    Reading {
        ending,
        code: redactor.code,
        is_changed: redactor.is_changed,
        late,
    }
}

/// A visitor that copies the input in runs, from one change to the next.
struct JsonRedactor<'r, 'p, 'i> {
    /// The output, and the rules. `None` if only the code is wanted.
    output: Option<(&'r mut String, Redactor<'r>)>,
    input: &'i str,
    /// The end of the part of the input that was copied or left out.
    copied: usize,
    is_changed: bool,
    /// Set if the input is the body of a request.
    is_request: bool,
    /// The class of the name of the next value.
    next: NameClass,
    /// The number of containers around the value that is being hidden.
    hidden_at: Option<usize>,
    scopes: Scopes<'r>,
    pairs: Pairs,
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

    /// Hides the number at `at` if it is a card number.
    // Out of line, as few numbers are so long.
    #[inline(never)]
    fn hide_card(&mut self, at: usize, digits: &str) {
        if self.is_copying() && is_card_number(digits) && self.hides_cards() {
            self.hide(at, at + digits.len());
        }
    }

    /// Hides the last number before `at` if it may be the beginning of a card number.
    #[inline(never)]
    fn hide_truncated_card(&mut self, at: usize) {
        let last = &self.input[self.copied..at];
        if last.ends_with(|c: char| c.is_ascii_digit())
            && self.hides_cards()
            && let Some(card) = find_truncated_card(last)
        {
            self.hide(self.copied + card.start, at);
        }
    }

    /// Replaces the value at `start..end`.
    fn hide(&mut self, start: usize, end: usize) {
        self.copy_up_to(start);
        if let Some((out, _)) = &mut self.output {
            out.extend(["\"", REDACTED, "\""]);
        }
        self.is_changed = true;
        self.copied = end;
    }

    fn hides_cards(&self) -> bool {
        let rules = self.output.as_ref();
        rules.is_some_and(|(_, redactor)| redactor.hides(Shape::CardNumber))
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
        let shown = hide_in_string(&unescaped, string.open, redactor);
        self.is_changed |= shown.is_some();
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

impl JsonRedactor<'_, '_, '_> {
    /// Takes the class of a key.
    #[inline(never)]
    fn classified_key(&mut self, class: NameClass, name: &str) {
        // The output of a language model consists of tokens.
        let is_word = self.scopes.log_probs.is_some() && matches!(name, "token" | "tokens");
        self.next = match self.is_copying() && !is_word {
            true => class,
            false => NameClass::Plain,
        };
    }

    /// Takes the start of a value whose name has a class, or that is in a scope.
    #[inline(never)]
    fn begin_classified(&mut self, at: usize, depth: usize) {
        let class = std::mem::take(&mut self.next);
        if !self.is_copying() {
            return;
        }
        let Some((_, redactor)) = &self.output else {
            return;
        };
        let is_late = self.scopes.is_late(at);
        let hides = is_late
            || (self.scopes.tokens.is_some() && self.input[at..].starts_with('"'))
            || match class {
                NameClass::Secret | NameClass::SecretOfUser | NameClass::Tokens => {
                    self.is_secret(class, at, depth)
                }
                NameClass::Code => begins_authorization_code(&self.input[at..], self.is_request),
                NameClass::Valued => self.pairs.value(at, depth, self.input, redactor),
                NameClass::Errors => begin_scope(&mut self.scopes.errors, depth),
                NameClass::LogProbs => begin_scope(&mut self.scopes.log_probs, depth),
                NameClass::Naming => {
                    self.pairs.name(at, depth, self.input, redactor);
                    false
                }
                _ => false,
            };
        if hides && !is_nothing(&self.input[at..]) {
            self.hide(at, at);
            self.hidden_at = Some(depth);
        }
        self.scopes.update();
    }

    /// Returns whether the value at `at`, whose name is sensitive, is a secret.
    fn is_secret(&mut self, class: NameClass, at: usize, depth: usize) -> bool {
        let value = &self.input[at..];
        match (class, value.as_bytes().first()) {
            (NameClass::SecretOfUser, Some(b't' | b'f')) => true,
            (_, Some(b't' | b'f' | b'n')) => false,
            (NameClass::Tokens, Some(b'"')) => true,
            (NameClass::Tokens, Some(b'{' | b'[')) => begin_scope(&mut self.scopes.tokens, depth),
            (NameClass::Tokens, _) => false,
            (_, Some(b'[')) if self.scopes.errors.is_some() => !is_array_of_strings(value),
            _ => true,
        }
    }
}

/// Returns whether a string may need a change. A truncated string may end with the beginning of a secret.
fn may_need_change(string: JsonString<'_>) -> bool {
    !string.plain || string.open
}

impl<'i> TokenVisitor<'i> for JsonRedactor<'_, '_, 'i> {
    #[inline]
    fn trigger_mask(block: u8x16, next: u8x16) -> u8x16 {
        trigger_mask(block, next)
    }

    #[inline]
    fn candidates(block: u8x16, hits: u32) -> u32 {
        candidates(block, hits)
    }

    #[inline]
    fn is_trigger(text: &str, at: usize) -> bool {
        needs_change_at(text, at)
    }

    #[inline]
    fn known_key(&mut self, block: &[u8; BLOCK], start: usize, len: usize, depth: usize) -> bool {
        let class = match &self.output {
            Some((_, redactor)) => redactor.known_key(block, len),
            None => Some(NameClass::Plain),
        };
        if let Some(class) = class {
            if class != NameClass::Plain {
                self.classified_key(class, &self.input[start..start + len]);
            }
            if self.code.wants_key(depth) {
                self.code.key(depth, &self.input[start..start + len], false);
            }
        }
        class.is_some()
    }

    fn key(&mut self, key: JsonString<'i>, depth: usize) {
        if let Some((_, redactor)) = &self.output
            && self.is_copying()
        {
            let name = match key.escaped {
                true => unescape(key.raw),
                false => key.raw.into(),
            };
            let class = redactor.class_of(&name);
            self.classified_key(class, &name);
            if may_need_change(key) {
                self.change(key);
            }
        }
        // A truncated key is not the whole key.
        if !key.open && self.code.wants_key(depth) {
            self.code.key(depth, key.raw, key.escaped);
        }
    }

    #[inline]
    fn begin_value(&mut self, at: usize, depth: usize) {
        if self.next != NameClass::Plain || self.scopes.is_active {
            self.begin_classified(at, depth);
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

    fn number(&mut self, at: usize, digits: &'i str) {
        if matches!(digits.len(), 15 | 16) {
            self.hide_card(at, digits);
        }
        self.code.number(digits);
    }

    fn literal(&mut self) {
        self.code.literal();
    }

    fn open(&mut self, depth: usize, container: Container) {
        self.code.open(depth, container);
    }

    fn close(&mut self, depth: usize) {
        self.pairs.close(depth);
        self.code.close(depth);
    }

    fn end_value(&mut self, at: usize, depth: usize) {
        if self.hidden_at == Some(depth) {
            self.hidden_at = None;
            self.copied = at;
        }
        if self.scopes.is_active {
            self.scopes.end_value(depth);
        }
    }

    fn another_text(&mut self, at: usize) {
        self.copy_up_to(at);
        if let Some((out, _)) = &mut self.output {
            out.push(' ');
        }
    }

    fn white_space(&mut self, start: usize, end: usize) {
        if self.is_copying() {
            self.copy_up_to(start);
            self.copied = end;
        }
    }

    fn stop(&mut self, at: usize) {
        if !self.is_copying() {
            return;
        }
        self.hide_truncated_card(at);
        self.copy_up_to(at);
    }
}

mod escape;
mod pairs;
mod scopes;
#[cfg(test)]
mod tests;
