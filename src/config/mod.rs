//! The settings of a logger as plain values, for a file or the environment.
//!
//! [`Config`] is read by serde. [`Config::build`] checks the settings and makes a [`BodyLog`] from them.

mod check;
mod format;
mod parse;
mod settings;

use std::{error::Error, fmt};

pub use self::settings::{CodeLevelPreset, Config};
use crate::{
    body_log::BodyLog,
    record::level::{http_code_level, incident_code_level},
};

impl Config {
    /// Builds a logger from these settings.
    ///
    /// A value that differs from its default counts as set on the logger, which matters for a logger
    /// [inside another one](BodyLog#nested-loggers).
    ///
    /// # Errors
    ///
    /// Returns an error if a value is invalid or if settings contradict each other. The error lists all problems.
    /// Settings contradict each other if:
    ///
    /// - `memory_budget` is less than the sum of `request_limit` and the larger of `response_limit` and `code_limit`,
    ///   or less than `request_limit` if `response_limit` is 0;
    /// - `response_body` is `always` or `on_failure`, but `response_limit` is 0;
    /// - `code_field` or `code_levels` is set, but `code_limit` is 0;
    /// - a name is in both `redact` and `keep`;
    /// - a header is in `request_headers` or `response_headers`, and its field in `omit_field`;
    /// - `request_headers` or `response_headers` contains a header that carries credentials, and `keep` does not.
    ///
    /// ```
    /// use actix_bodylog::Config;
    ///
    /// let mut config = Config::default();
    /// config.sample = 10.0;
    /// config.quiet = vec!["health".to_owned()];
    /// let error = config.build().unwrap_err();
    /// let problems: Vec<&str> = error.problems().collect();
    /// assert_eq!(
    ///     problems,
    ///     [
    ///         "sample (10) is not between 0 and 1",
    ///         "quiet contains \"health\": a path begins with / and has no query",
    ///     ]
    /// );
    /// ```
    pub fn build(self) -> Result<BodyLog, ConfigError> {
        let problems = check::problems(&self);
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        let mut log = BodyLog::new();
        let default = Self::default();
        // Only what differs is set, because a logger inside another one changes what was set on it.
        macro_rules! set {
            ($($setting:ident)*) => {$(
                if self.$setting != default.$setting {
                    log = log.$setting(self.$setting);
                }
            )*};
        }
        set! {
            request_limit response_limit code_limit record_limit memory_budget code_field success_level
            request_body response_body request_id trusted_proxies sample
        }
        log = match self.code_levels {
            CodeLevelPreset::Default => log,
            CodeLevelPreset::Incident => log.code_levels(incident_code_level),
            CodeLevelPreset::Http => log.code_levels(http_code_level),
        };
        log = self.quiet.into_iter().fold(log, BodyLog::quiet);
        log = self.exclude.into_iter().fold(log, BodyLog::exclude);
        log = self.omit_field.into_iter().fold(log, BodyLog::omit_field);
        log = self.keep.into_iter().fold(log, BodyLog::keep);
        let shapes = self.keep_shapes.into_iter();
        log = shapes.fold(log, BodyLog::keep_shape);
        log = self.redact.into_iter().fold(log, BodyLog::redact);
        let fragments = self.redact_containing.into_iter();
        log = fragments.fold(log, BodyLog::redact_containing);
        log = self.redact_path.into_iter().fold(log, BodyLog::redact_path);
        let headers = self.request_headers.into_iter();
        log = headers.fold(log, BodyLog::request_header);
        let headers = self.response_headers.into_iter();
        Ok(headers.fold(log, BodyLog::response_header))
    }
}

impl TryFrom<Config> for BodyLog {
    type Error = ConfigError;

    fn try_from(config: Config) -> Result<Self, ConfigError> {
        config.build()
    }
}

/// The reasons why no logger can be built from a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// Iterates over the descriptions of all problems. There is at least one.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid logger configuration: ")?;
        f.write_str(&self.0.join("; "))
    }
}

impl Error for ConfigError {}

#[cfg(test)]
mod tests;
