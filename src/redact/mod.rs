//! Redaction: hides secrets in everything that a record shows.
//!
//! [`BodyLog`](crate::BodyLog) has methods for the rules of one logger; [`Redaction`] is a set of rules that several
//! loggers share.

pub(crate) mod conditions;
pub(crate) mod error_text;
pub(crate) mod events;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod key_cache;
pub(crate) mod listed;
pub(crate) mod names;
pub(crate) mod path;
mod path_syntax;
pub(crate) mod pieces;
mod shapes;
pub(crate) mod text;
pub(crate) mod url;
pub(crate) mod words;

use std::sync::Arc;

pub use self::shapes::Shape;
use crate::redact::{names::Names, path::PathPattern};

/// Rules that decide what is hidden in records, by name, by shape, by path and by condition. See "What is redacted" in
/// the crate docs.
///
/// Use this type to share rules between loggers. For one logger, [`BodyLog`](crate::BodyLog) has the same methods.
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
    /// **Hides nothing: passwords, tokens, cookies in bodies and card numbers are written to the logs
    /// unchanged.**
    ///
    /// Use these rules for debugging on your own machine, with data that needs no protection. Do not use them where
    /// other people's requests arrive: logs are copied, shipped and kept, so every secret in them must be changed. To
    /// show the value of one name, use [`keep`](Self::keep).
    ///
    /// When a logger with these rules is wrapped around an application, the logger logs one warning to the `log`
    /// facade. Headers with credentials are still not recorded, and every string is still one sanitized line. The
    /// values of names that are added afterwards are hidden: `Redaction::none().redact("iban")` hides an `iban`.
    pub fn none() -> Self {
        Self {
            names: Names::none(),
        }
    }

    /// Hides the values of a name. See [`BodyLog::redact`](crate::BodyLog::redact).
    pub fn redact(mut self, name: impl AsRef<str>) -> Self {
        self.names.redact(name.as_ref());
        self
    }

    /// Hides the values of all names that contain a fragment. See
    /// [`BodyLog::redact_containing`](crate::BodyLog::redact_containing).
    pub fn redact_containing(mut self, fragment: impl AsRef<str>) -> Self {
        self.names.redact_containing(fragment.as_ref());
        self
    }

    /// Hides segments of paths. See [`BodyLog::redact_path`](crate::BodyLog::redact_path).
    ///
    /// # Panics
    ///
    /// Panics if the pattern has no parameter, does not begin with `/`, or has a brace that is not closed.
    #[track_caller]
    pub fn redact_path(mut self, pattern: impl AsRef<str>) -> Self {
        match PathPattern::parse(pattern.as_ref()) {
            Ok(pattern) => self.names.redact_path(&pattern),
            Err(reason) => panic!("{reason}"),
        }
        self
    }

    /// Hides values for which a condition holds. See [`BodyLog::redact_values`](crate::BodyLog::redact_values).
    pub fn redact_values(
        mut self,
        condition: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.names.redact_values(Arc::new(condition));
        self
    }

    /// Shows the values of a name. See [`BodyLog::keep`](crate::BodyLog::keep). **The values are written to
    /// the logs.**
    pub fn keep(mut self, name: impl AsRef<str>) -> Self {
        self.names.keep(name.as_ref());
        self
    }

    /// Shows secrets of a shape. See [`BodyLog::keep_shape`](crate::BodyLog::keep_shape). **The secrets are written to
    /// the logs.**
    pub fn keep_shape(mut self, shape: Shape) -> Self {
        self.names.keep_shape(shape);
        self
    }
}
