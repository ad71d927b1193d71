//! What the user says about what is hidden.

pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod key_cache;
mod name_lists;
pub(crate) mod names;
pub(crate) mod text;
pub(crate) mod url;

use crate::redact::names::Names;

/// What is hidden in records, by name and by shape: see "What is redacted" in the crate docs.
///
/// For loggers that share rules of their own; for one logger, [`BodyLog`](crate::BodyLog) has the
/// same methods.
///
/// ```
/// use actix_bodylog::{BodyLog, Redaction};
///
/// let redaction = Redaction::default().redact("iban").keep("token_type");
/// let api = BodyLog::new().redaction(redaction.clone());
/// let webhooks = BodyLog::new().redaction(redaction).request_limit(64 * 1024);
/// # let _ = (api, webhooks);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "rules do nothing unless a logger has them"]
pub struct Redaction {
    pub(crate) names: Names,
}

impl Redaction {
    /// **Hides nothing: passwords, tokens, cookies in bodies and card numbers are written to the
    /// logs as they are.**
    ///
    /// For debugging on your own machine, with data that nobody needs to protect. Never where
    /// requests of other people arrive: logs are copied, shipped and kept, and a secret in them has to
    /// be changed. To show one name, use [`keep`](Self::keep).
    ///
    /// A logger with this says so once on the `log` facade, as a warning, when it is wrapped around an
    /// application. Headers that carry credentials are still not recorded, and every string is still one clean
    /// line. Only what is named afterwards is hidden:
    /// `Redaction::none().redact("iban")` hides an `iban`.
    pub fn none() -> Self {
        Self {
            names: Names::none(),
        }
    }

    /// See [`BodyLog::redact`](crate::BodyLog::redact).
    pub fn redact(mut self, name: impl AsRef<str>) -> Self {
        self.names.redact(name.as_ref());
        self
    }

    /// See [`BodyLog::redact_containing`](crate::BodyLog::redact_containing).
    pub fn redact_containing(mut self, fragment: impl AsRef<str>) -> Self {
        self.names.redact_containing(fragment.as_ref());
        self
    }

    /// See [`BodyLog::keep`](crate::BodyLog::keep). **What is kept is in the logs.**
    pub fn keep(mut self, name: impl AsRef<str>) -> Self {
        self.names.keep(name.as_ref());
        self
    }
}
