//! One pass over a text, from left to right.

use std::{borrow::Cow, ops::Range};

use crate::{
    formats::form,
    redact::{
        key_cache::Redactor,
        pieces::REDACTED,
        shapes::Shape,
        text::{
            card, cell, credential,
            input::{Finding, Input, is_blank},
            layers::hide_in_layers,
            markup,
            named::Pairs,
            option, pair, private_key, token,
            triggers::{find_trigger, has_trigger},
            tuple,
            user_info::{self, Authorities, BeforeAt},
        },
    },
    util::text::{self, after_last},
};

/// Puts `text` on one line and hides its secrets. The result does not change if it is redacted again.
///
/// `open` says that the text was truncated, so that its last word may be the beginning of a secret.
pub(crate) fn redact_text<'t>(text: &'t str, open: bool, redactor: Redactor<'_>) -> Cow<'t, str> {
    if let Some(shown) = hide_secrets(text, open, redactor) {
        return Cow::Owned(shown);
    }
    match text::sanitize(text) {
        Cow::Borrowed(line) => Cow::Borrowed(line),
        // The last word of one line and the first word of the next one may be a name and a value.
        Cow::Owned(line) => Cow::Owned(hide_secrets(&line, open, redactor).unwrap_or(line)),
    }
}

/// Puts `text` on one line and hides its secrets. Returns `None` if it has no secrets.
pub(crate) fn hide_secrets(text: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    // Most texts have no trigger and no escape. In a truncated text, slashes may begin user information.
    let may_be_cut = || text.contains("//") || card::find_truncated(text).is_some();
    let may_have_secret =
        redactor.has_conditions() || has_trigger(text, [b'\\', b'&'], []) || (open && may_be_cut());
    match may_have_secret && !redactor.is_off() {
        true => hide_in_layers(Input::new(text, open, redactor), run_twice),
        false => None,
    }
}

/// Hides secrets in a percent-encoded value. Returns `None` if it has no secrets.
///
/// If something was hidden, the parts of the value that need no encoding are shown decoded.
pub(crate) fn hide_encoded(value: &str, open: bool, redactor: Redactor<'_>) -> Option<String> {
    // Redirects that are passed on are encoded more than once.
    const MAX_DEPTH: usize = 4;
    // Words inside of the value are not decoded here, because the work would double with each level.
    let hide = |text: &str| {
        let input = Input {
            decoded: true,
            ..Input::new(text, open, redactor)
        };
        hide_in_layers(input, run_twice)
    };
    // A secret that is not complete is recognized only at the end of a truncated text.
    let decode = |text: &str| match open {
        true => form::decode(form::without_truncated_percent(text)).into_owned(),
        false => form::decode(text).into_owned(),
    };
    let mut decoded = decode(value);
    if let Some(shown) = hide(&decoded) {
        // Bytes that are not UTF-8 were replaced, so encoding would not restore them.
        let is_text = !decoded.contains(char::REPLACEMENT_CHARACTER);
        return Some(match is_text {
            true => form::encode(&shown),
            false => REDACTED.to_owned(),
        });
    }
    for _ in 0..MAX_DEPTH {
        let again = decode(&decoded);
        if again == decoded {
            return None;
        }
        if hide(&again).is_some() {
            break;
        }
        decoded = again;
    }
    Some(REDACTED.to_owned())
}

/// Hides secrets in a text, and then in the one line that the result becomes.
///
/// Values that a condition hides come first. The first pass needs the line breaks, because they end values. The
/// second pass is needed because a replacement changes what its neighbours look like. If a third pass would change the
/// text again, which is rare, all of the text is hidden.
fn run_twice(input: Input<'_, '_>) -> Option<String> {
    let by_conditions = input.redactor.hide_by_conditions(input.text, input.open);
    let input = Input {
        text: by_conditions.as_deref().unwrap_or(input.text),
        ..input
    };
    let changed = Pass::run(input);
    let line = text::sanitize(changed.as_ref().or(by_conditions.as_ref())?).into_owned();
    let again = |text| Pass::run(Input { text, ..input });
    let Some(shown) = again(&line) else {
        return Some(line);
    };
    match again(&shown) {
        None => Some(shown),
        Some(_) => Some(REDACTED.to_owned()),
    }
}

struct Pass<'t, 'n> {
    input: Input<'t, 'n>,
    out: String,
    /// The end of the part of the input that was copied to `out` or replaced.
    copied: usize,
    /// The end of the input that was searched.
    at: usize,
    authorities: Authorities<'t>,
    before_at: BeforeAt,
    /// The end of the last word that was decoded and searched.
    word_end: usize,
    unclosed: markup::Unclosed<'t>,
    pairs: Pairs<'t>,
    /// The number of searches of gaps in which this pass is nested.
    depth: u8,
}

impl<'t, 'n> Pass<'t, 'n> {
    fn new(input: Input<'t, 'n>) -> Self {
        Self {
            input,
            out: String::new(),
            copied: 0,
            at: 0,
            authorities: Authorities::new(input.text, input.open, input.decoded),
            before_at: BeforeAt::default(),
            word_end: 0,
            unclosed: markup::Unclosed::default(),
            pairs: Pairs::default(),
            depth: 0,
        }
    }

    /// Hides the secrets of a text. Returns `None` if that changes nothing.
    fn run(input: Input<'t, 'n>) -> Option<String> {
        let mut pass = Self::new(input);
        pass.search();
        if let Some(pairs) = pass.pairs.again(&input) {
            // Names were found after the values that they name.
            pass = Self::new(input);
            pass.pairs = pairs;
            pass.search();
        }
        if pass.copied == 0 && pass.out.is_empty() {
            return None;
        }
        pass.out.push_str(input.rest(pass.copied));
        Some(pass.out).filter(|shown| shown != input.text)
    }

    fn search(&mut self) {
        let input = self.input;
        while let Some(at) = find_trigger(input.text, self.at) {
            self.at = at + 1;
            let finding = match input.text.as_bytes()[at] {
                b':' if input.rest(at).starts_with("://") => self.user_info(at + "://".len()),
                b':' | b'=' => match option::find_password(&input, at) {
                    Some(password) => Finding::Secret(password),
                    None => pair::find(&input, at, &mut self.pairs),
                },
                b'<' => {
                    for secret in markup::find(&input, at, &mut self.unclosed, &mut self.pairs) {
                        self.replace(secret.start, secret.end, REDACTED);
                    }
                    continue;
                }
                b'(' => tuple::find(&input, at),
                b'\t' => cell::find(&input, at),
                b'-' if option::begins(input.text, at) => option::find(&input, at, &mut self.pairs),
                b'%' => {
                    self.search_word(at);
                    continue;
                }
                _ => self.find_shape(at),
            };
            self.apply(finding);
        }
        if input.open {
            self.hide_truncated();
        }
    }

    /// Finds the secret whose shape is recognized at `at`.
    fn find_shape(&mut self, at: usize) -> Finding {
        let input = self.input;
        let bytes = input.text.as_bytes();
        let shape = match bytes[at] {
            b'@' => Shape::UserInfo,
            b'J' => Shape::Jwt,
            b'_' | b'-' | b'G' | b'I' => Shape::VendorToken,
            b'2' if token::is_prefix(bytes, at) => Shape::VendorToken,
            b'0'..=b'9' => Shape::CardNumber,
            _ if private_key::is_marker(bytes, at) => Shape::PrivateKey,
            _ => Shape::AuthScheme,
        };
        if !input.redactor.hides(shape) {
            return Finding::Nothing;
        }
        let secret = match shape {
            Shape::Jwt => return credential::find_jwt(&input, at),
            Shape::VendorToken => return token::find(&input, at),
            Shape::AuthScheme => return credential::find_scheme(&input, at),
            Shape::UserInfo => {
                let found = self.before_at.find(input.text, at);
                return found.map_or(Finding::Nothing, Finding::UserInfo);
            }
            Shape::CardNumber => card::find_around(input.text, at),
            Shape::PrivateKey => private_key::find(input.text, at),
        };
        secret.map_or(Finding::Nothing, Finding::Secret)
    }

    /// Finds the user information of the URL whose authority begins at `start`.
    fn user_info(&mut self, start: usize) -> Finding {
        let is_hidden = self.input.redactor.hides(Shape::UserInfo);
        match self.authorities.user_info(start).filter(|_| is_hidden) {
            Some(range) => Finding::UserInfo(range),
            None => Finding::SkipTo(start),
        }
    }

    /// Hides what may be the beginning of a secret at the end of a truncated text.
    fn hide_truncated(&mut self) {
        let Input { text, redactor, .. } = self.input;
        if redactor.hides(Shape::UserInfo)
            && let Some(range) = user_info::find_truncated(text)
        {
            self.apply(Finding::UserInfo(range));
        }
        if redactor.hides(Shape::CardNumber)
            && let Some(range) = card::find_truncated(text)
        {
            self.apply(Finding::Secret(range));
        }
    }

    /// Decodes the percent-encoded word around `at`, and hides secrets in it.
    fn search_word(&mut self, at: usize) {
        let ends = |c: char| {
            is_blank(c) || matches!(c, '=' | '&' | '#' | '"' | '\'' | '<' | '>' | ';' | ',')
        };
        if self.input.decoded || at < self.word_end {
            return;
        }
        let from = self.word_end.max(self.copied);
        let start = from + after_last(&self.input.text[from..at], ends);
        let rest = self.input.rest(start);
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.word_end = start + word.len();
        let open = self.input.open && word.len() == rest.len();
        if let Some(shown) = hide_encoded(word, open, self.input.redactor) {
            self.replace(start, start + word.len(), &shown);
        }
    }

    fn apply(&mut self, finding: Finding) {
        match finding {
            Finding::Nothing => {}
            Finding::SkipTo(at) => self.at = self.at.max(at),
            Finding::Secret(Range { start, end }) | Finding::UserInfo(Range { start, end })
                if start < end && end <= self.copied => {}
            Finding::Secret(range) => self.replace(range.start, range.end, REDACTED),
            Finding::UserInfo(range) => {
                let at = match self.input.text[..range.end].ends_with('@') {
                    true => "@",
                    false => "",
                };
                self.replace(range.start, range.end, &format!("{REDACTED}{at}"));
            }
        }
    }

    /// Returns the end of the secret that begins in the value `start..end`, or `end`. The value of a name may end in
    /// the middle of a private key or of a card number.
    fn end_of_secret(&self, start: usize, end: usize) -> usize {
        let Input { text, redactor, .. } = self.input;
        let key = match redactor.hides(Shape::PrivateKey) {
            true => private_key::end_of_last(text, start, end),
            false => None,
        };
        let card = match redactor.hides(Shape::CardNumber) {
            true => card::starting_at(text, start, end).map(|card| card.end),
            false => None,
        };
        key.or(card).unwrap_or(end)
    }

    /// Replaces `start..end`, and goes on after it.
    fn replace(&mut self, start: usize, end: usize, with: &str) {
        let start = start.max(self.copied);
        let end = match with {
            REDACTED => self.end_of_secret(start, end),
            _ => end,
        };
        self.search_gap(start);
        if start <= end && self.input.text[start..end] != *with {
            self.out.push_str(&self.input.text[self.copied..start]);
            self.out.push_str(with);
            self.copied = end;
        }
        self.at = self.at.max(end);
    }

    /// Searches the text between the trigger and the secret, such as the attributes of a tag whose
    /// content is hidden.
    fn search_gap(&mut self, start: usize) {
        const MAX_DEPTH: u8 = 4;
        let from = self.at.max(self.copied);
        let before = &self.input.text[..start];
        if find_trigger(before, from).is_none() {
            return;
        }
        // The pass sees all of the text before the gap, because a name may be there.
        let mut inner = Pass {
            at: from,
            copied: from,
            word_end: self.word_end,
            before_at: self.before_at,
            depth: self.depth + 1,
            pairs: self.pairs.after(from),
            ..Pass::new(Input {
                text: before,
                open: false,
                ..self.input
            })
        };
        match inner.depth {
            ..MAX_DEPTH => inner.search(),
            _ => inner.replace(from, start, REDACTED),
        }
        if inner.copied > from {
            self.out.push_str(&self.input.text[self.copied..from]);
            self.out.push_str(&inner.out);
            self.copied = inner.copied;
        }
    }
}
