//! The errors of one exchange, for `error.message`.

use std::{error::Error as StdError, fmt};

use crate::text::{self, Capped};

/// Bytes kept of all errors of one exchange together.
pub const MAX_ERROR_LEN: usize = 2048;
const SEPARATOR: &str = ", ";

/// Error texts in the order in which they occurred.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    texts: Vec<String>,
    len: usize,
}

impl Errors {
    /// Adds a clean text. One that was already said is not said again: the same error often passes
    /// by as the handler's and as the response's.
    pub(crate) fn push(&mut self, mut text: String) {
        let room = MAX_ERROR_LEN.saturating_sub(self.len + SEPARATOR.len());
        text.truncate(text::cut(&text, room).len());
        if !text.is_empty() && !self.texts.contains(&text) {
            self.len += text.len() + SEPARATOR.len();
            self.texts.push(text);
        }
    }

    pub(crate) fn join(&self) -> Option<String> {
        (!self.texts.is_empty()).then(|| self.texts.join(SEPARATOR))
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
        assert_eq!(errors.join(), None);
        for text in ["one", "two", "one", "", "wo"] {
            errors.push(text.into());
        }
        assert_eq!(errors.join().as_deref(), Some("one, two, wo"));
        for _ in 0..3 {
            errors.push("é".repeat(MAX_ERROR_LEN));
        }
        let all = errors.join().unwrap_or_default();
        assert!((MAX_ERROR_LEN - 4..=MAX_ERROR_LEN).contains(&all.len()) && all.ends_with('é'));
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
