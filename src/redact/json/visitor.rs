//! The visitor that hides secrets, and finds the result code in the same pass.

use wide::u8x16;

use super::{
    escape::{push_on_one_line, push_quoted_chars},
    hide_in_string,
    pairs::Pairs,
    scopes::{Late, Scopes, begins_authorization_code, is_array_of_strings, is_nothing},
};
use crate::{
    formats::json::{
        code::CodePath,
        code_finder::CodeFinder,
        nesting::Container,
        tokens::{JsonString, TokenVisitor},
        unescape::unescape,
    },
    redact::{
        key_cache::Redactor,
        listed::NameClass,
        pieces::REDACTED,
        shapes::Shape,
        text::{candidates, find_truncated_card, is_card_number, needs_change_at, trigger_mask},
    },
    util::{bytes::BLOCK, text},
};

/// What replaces a value.
const QUOTED: &str = "\"[REDACTED]\"";

/// A visitor that copies the input in runs, from one change to the next.
pub(super) struct JsonRedactor<'r, 'p, 'i> {
    /// The output, and the rules. `None` if only the code is wanted.
    output: Option<(&'r mut String, Redactor<'r>)>,
    input: &'i str,
    /// The end of the part of the input that was copied or left out.
    copied: usize,
    is_changed: bool,
    /// Set if every value must be looked at.
    has_conditions: bool,
    /// Set if the input is the body of a request.
    is_request: bool,
    /// The class of the name of the next value.
    next: NameClass,
    /// The number of containers around the value that is being hidden.
    hidden_at: Option<usize>,
    scopes: Scopes<'r>,
    /// The pairs, if any object may have one.
    pairs: Option<Box<Pairs>>,
    code: CodeFinder<'p, 'i>,
}

impl<'r, 'p, 'i> JsonRedactor<'r, 'p, 'i> {
    pub(super) fn new(
        output: Option<(&'r mut String, Redactor<'r>)>,
        input: &'i str,
        path: Option<&'p CodePath>,
        late: &'r [Late],
    ) -> Self {
        let rules = output.as_ref().map(|(_, redactor)| *redactor);
        if let Some(redactor) = &rules {
            redactor.prepare();
        }
        Self {
            is_request: rules.is_some_and(|redactor| redactor.is_request()),
            has_conditions: rules.is_some_and(|redactor| redactor.has_conditions()),
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
            pairs: None,
            code: CodeFinder::new(path),
        }
    }

    /// Returns the code, whether something was hidden, and the values that a second pass must judge.
    pub(super) fn finish(self) -> (CodeFinder<'p, 'i>, bool, Vec<Late>) {
        let late = self.pairs.map_or_else(Vec::new, |pairs| pairs.finish());
        (self.code, self.is_changed, late)
    }
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

    /// Hides the number at `at` if it is a card number, or if a condition holds for it.
    // Out of line, because few numbers have the length of a card number.
    #[inline(never)]
    fn hide_number(&mut self, at: usize, digits: &str) {
        let is_hidden = |redactor: &Redactor<'_>| {
            (redactor.hides(Shape::CardNumber) && is_card_number(digits))
                || redactor.meets_condition(digits)
        };
        let rules = self.output.as_ref();
        if self.is_copying() && rules.is_some_and(|(_, redactor)| is_hidden(redactor)) {
            self.hide(at, at + digits.len());
        }
    }

    /// Hides the last number before `at` if it may be the beginning of a number that is hidden.
    #[inline(never)]
    fn hide_truncated_number(&mut self, at: usize) {
        let last = &self.input[self.copied..at];
        let start = if self.has_conditions {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
            Some(last.trim_end_matches(is_part).len())
        } else if self.hides_cards() {
            find_truncated_card(last).map(|card| card.start)
        } else {
            None
        };
        if let Some(start) = start.filter(|&start| start < last.len()) {
            self.hide(self.copied + start, at);
        }
    }

    /// Replaces the value at `start..end`.
    fn hide(&mut self, start: usize, end: usize) {
        self.copy_up_to(start);
        if let Some((out, _)) = &mut self.output {
            out.push_str(QUOTED);
        }
        self.is_changed = true;
        self.copied = end;
    }

    /// Returns whether a string may need a change. A truncated string may end with the beginning of a secret.
    fn may_change(&self, string: JsonString<'_>) -> bool {
        !string.plain || string.open || self.has_conditions
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
        let shown = match string.open && redactor.has_conditions() {
            true => Some(REDACTED.to_owned()),
            false => hide_in_string(&unescaped, string.open, redactor),
        };
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
        let Some((_, redactor)) = &self.output else {
            return;
        };
        if !self.is_copying() {
            return;
        }
        let value = &self.input[at..];
        let class = self.scopes.late_class(at).unwrap_or(class);
        let hides = self.scopes.hides(value)
            || match class {
                NameClass::Secret | NameClass::SecretOfUser | NameClass::Tokens => {
                    self.is_secret(class, value, depth)
                }
                NameClass::Code => begins_authorization_code(value, self.is_request),
                NameClass::Valued => {
                    let pairs = self.pairs.get_or_insert_default();
                    let class = pairs.class(depth, self.input, redactor);
                    self.is_named_secret(class, at, depth)
                }
                NameClass::Errors => self.scopes.begin(|scopes| &mut scopes.errors, depth),
                NameClass::LogProbs => self.scopes.begin(|scopes| &mut scopes.log_probs, depth),
                NameClass::Naming => {
                    let pairs = self.pairs.get_or_insert_default();
                    pairs.name(at, depth, self.input, redactor);
                    false
                }
                _ => false,
            };
        if hides && !is_nothing(value) {
            self.hide(at, at);
            self.hidden_at = Some(depth);
        }
    }

    /// Returns whether the value at `at` is a secret by the names beside it. A name that follows may still make it one.
    fn is_named_secret(&mut self, class: NameClass, at: usize, depth: usize) -> bool {
        let is_secret = class.is_secret() && self.is_secret(class, &self.input[at..], depth);
        if !is_secret && let Some(pairs) = &mut self.pairs {
            pairs.copied_value(at, depth);
        }
        is_secret
    }

    /// Returns whether the first value in `value`, whose name is sensitive, is a secret.
    fn is_secret(&mut self, class: NameClass, value: &str, depth: usize) -> bool {
        match (class, value.as_bytes().first()) {
            (NameClass::SecretOfUser, Some(b't' | b'f')) => true,
            (_, Some(b't' | b'f' | b'n')) => false,
            (NameClass::Tokens, Some(b'"')) => true,
            (NameClass::Tokens, Some(b'{' | b'[')) => {
                self.scopes.begin(|scopes| &mut scopes.tokens, depth)
            }
            (NameClass::Tokens, _) => false,
            (_, Some(b'[')) if self.scopes.errors.is_some() => !is_array_of_strings(value),
            _ => true,
        }
    }
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
        if self.has_conditions {
            return false;
        }
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
            if self.may_change(key) {
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
        self.has_conditions || self.code.is_expected()
    }

    fn string(&mut self, string: JsonString<'i>) {
        if self.is_copying() && self.may_change(string) {
            self.change(string);
        }
        self.code.string(string);
    }

    fn number(&mut self, at: usize, digits: &'i str) {
        if self.has_conditions || matches!(digits.len(), 15 | 16) {
            self.hide_number(at, digits);
        }
        self.code.number(digits);
    }

    fn literal(&mut self) {
        self.code.literal();
    }

    fn open(&mut self, depth: usize, container: Container) {
        self.code.open(depth, container);
    }

    #[inline]
    fn close(&mut self, depth: usize) {
        if let Some(pairs) = &mut self.pairs {
            pairs.close(depth);
        }
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
        let last = self.input.as_bytes()[..at].last();
        if self.has_conditions || last.is_some_and(u8::is_ascii_digit) {
            self.hide_truncated_number(at);
        }
        self.copy_up_to(at);
    }
}
