//! The errors of one exchange, for `error.message`.

use std::{error::Error as StdError, fmt};

use crate::text::{self, Capped};

/// Bytes kept of all errors of one exchange together.
pub const MAX_ERROR_LEN: usize = 2048;

/// Error texts in the order in which they occurred, joined by `, `.
#[derive(Debug, Default)]
pub(crate) struct Errors(String);

impl Errors {
    /// Adds a clean text. One that was already said is not said again: the same error often passes
    /// by as the payload's, the extractor's and the response's.
    pub(crate) fn push(&mut self, text: String) {
        if text.is_empty() || self.0.contains(&text) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push_str(", ");
        }
        self.0.push_str(&text);
        let kept = text::cut(&self.0, MAX_ERROR_LEN).len();
        self.0.truncate(kept);
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&self.0)
    }
}

/// The text of an error, clean and capped.
pub(crate) fn describe(error: &dyn fmt::Display) -> String {
    Capped::display(MAX_ERROR_LEN, error)
}

/// The text of an error and of what caused it, where it does not say so itself: the error of an
/// `EitherBody` has the useful text in its source only.
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

    #[test]
    fn errors_are_joined_and_not_repeated() {
        let mut errors = Errors::default();
        assert_eq!(errors.as_str(), None);
        for text in ["one", "two", "one", "", "wo"] {
            errors.push(text.into());
        }
        assert_eq!(errors.as_str(), Some("one, two"));
        errors.push("é".repeat(MAX_ERROR_LEN));
        assert!(
            errors
                .as_str()
                .is_some_and(|all| all.len() <= MAX_ERROR_LEN && all.ends_with('é'))
        );
    }

    #[test]
    fn a_cause_is_told_once() {
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
        let cause = || std::io::Error::other("disk\nfull");
        assert_eq!(describe_chain(&Wrapped("body", cause())), "body: disk full");
        assert_eq!(
            describe_chain(&Wrapped("body: disk full", cause())),
            "body: disk full"
        );
    }
}
