//! The errors of one exchange, for `error.message`.

use std::{error::Error as StdError, fmt};

use crate::{
    redact::{error_text::hide_quoted_input, key_cache::Redactor, text::redact_text},
    util::text::{self, Capped},
};

/// Maximum number of bytes kept of all errors of one exchange together.
pub const MAX_ERROR_LEN: usize = 2048;
const SEPARATOR: &str = ", ";

/// Error texts, in the order in which the errors occurred.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    texts: Vec<String>,
    /// Set if a text was cut, or may have been cut.
    was_cut: bool,
}

impl Errors {
    /// Adds a text, unless it is already present: the same error often occurs as the error of the
    /// handler and as the error of the response. Returns whether the text was added.
    pub(crate) fn push(&mut self, mut text: String) -> bool {
        let room = MAX_ERROR_LEN.saturating_sub(self.len() + SEPARATOR.len());
        let kept = text::cut(&text, room).len();
        // If the text is less than one character shorter than the cap, `describe` may have cut it.
        self.was_cut |= kept < text.len() || text.len() + char::MAX.len_utf8() > MAX_ERROR_LEN;
        text.truncate(kept);
        let is_new = !text.is_empty() && !self.texts.contains(&text);
        if is_new {
            text.shrink_to_fit();
            self.texts.push(text);
        }
        is_new
    }

    /// Removes the text that was added last.
    pub(crate) fn pop(&mut self) {
        self.texts.pop();
        self.texts.shrink_to_fit();
    }

    /// Returns the number of bytes of memory that the texts hold.
    pub(crate) fn memory(&self) -> usize {
        let texts: usize = self.texts.iter().map(String::capacity).sum();
        texts + self.texts.capacity() * size_of::<String>()
    }

    /// Returns the number of bytes of all texts, each with a separator.
    fn len(&self) -> usize {
        let lens = self.texts.iter().map(|text| text.len() + SEPARATOR.len());
        lens.sum()
    }

    /// Joins all texts on one line and redacts them. Returns `None` if there are no texts.
    pub(crate) fn join(&self, redactor: Redactor<'_>) -> Option<String> {
        if self.texts.is_empty() {
            return None;
        }
        let mut joined = String::with_capacity(self.len());
        for (at, text) in self.texts.iter().enumerate() {
            if at > 0 {
                joined.push_str(SEPARATOR);
            }
            let text = hide_quoted_input(text, &redactor);
            joined.push_str(&redact_text(&text, self.was_cut, redactor));
        }
        joined.truncate(text::cut(&joined, MAX_ERROR_LEN).len());
        Some(joined)
    }
}

/// Returns the text of an error, capped.
pub(crate) fn describe(error: &dyn fmt::Display) -> String {
    Capped::display(MAX_ERROR_LEN, error)
}

/// Returns the text of an error, followed by those of its sources that it does not contain. The error
/// of an `EitherBody` has the useful text only in its source.
pub(crate) fn describe_chain(error: &(dyn StdError + 'static)) -> String {
    const DEPTH: usize = 4;
    let mut out = describe(&error);
    let mut cause = error.source();
    for _ in 0..DEPTH {
        let Some(error) = cause else { break };
        let text = describe(&error);
        if !out.contains(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
        cause = error.source();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    #[test]
    fn errors_are_joined_and_each_text_occurs_once() {
        let (names, keys) = (Names::default(), KeyCache::new());
        let redactor = Redactor::new(&names, &keys);
        let mut errors = Errors::default();
        assert_eq!(errors.join(redactor), None);
        for text in ["one", "two", "one", "", "wo"] {
            errors.push(text.into());
        }
        assert_eq!(errors.join(redactor).as_deref(), Some("one, two, wo"));
        for _ in 0..3 {
            errors.push("é".repeat(MAX_ERROR_LEN));
        }
        let all = errors.join(redactor).unwrap_or_default();
        assert!((MAX_ERROR_LEN - 4..=MAX_ERROR_LEN).contains(&all.len()) && all.ends_with('é'));
    }

    #[test]
    fn secrets_in_errors_are_redacted() {
        let mut errors = Errors::default();
        errors.push("token rejected: Bearer abc\nretry".to_owned());
        errors.push("invalid type: string \"hunt".to_owned());
        let joined = errors.join(Redactor::new(&Names::default(), &KeyCache::new()));
        let expected = "token rejected: Bearer [REDACTED] retry, invalid type: string \"[REDACTED]";
        assert_eq!(joined.as_deref(), Some(expected));
    }

    #[test]
    fn a_secret_that_the_cap_truncates_is_redacted() {
        for len in MAX_ERROR_LEN - 40..MAX_ERROR_LEN {
            let mut errors = Errors::default();
            errors.push(describe(&format!(
                "{} eyJhbGciOi.eyJzdWIiOi.c2ln",
                "x".repeat(len)
            )));
            let shown = errors
                .join(Redactor::new(&Names::default(), &KeyCache::new()))
                .unwrap_or_default();
            assert!(
                !shown.contains("eyJh") && shown.len() <= MAX_ERROR_LEN,
                "{shown}"
            );
        }
    }

    #[test]
    fn a_source_is_appended_unless_the_error_contains_it() {
        #[derive(Debug)]
        struct Wrapped(&'static str, std::io::Error);
        impl fmt::Display for Wrapped {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
        impl StdError for Wrapped {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.1)
            }
        }
        let cause = || std::io::Error::other("disk full");
        assert_eq!(describe_chain(&Wrapped("body", cause())), "body: disk full");
        assert_eq!(
            describe_chain(&Wrapped("body: disk full", cause())),
            "body: disk full"
        );
    }
}
