//! Settings that are plain values.

mod check;
mod parse;

use std::{error::Error, fmt};

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use log::Level;
use serde::Deserialize;

use crate::{
    body_log::{
        BodyLog, DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET,
        DEFAULT_RECORD_LIMIT,
    },
    head::request_id::RequestIds,
    policy::ResponseBody,
    record::level::{http_code_level, incident_code_level},
};

/// The settings of a [`BodyLog`] that are plain values, for a file or the environment: each has the default of the
/// method that it stands for, and its name. (The lists of headers may also be called `request_headers` and
/// `response_headers`, as they are here.)
///
/// Any format that describes itself will do, as TOML, YAML, JSON and environment variables do. An unknown key is
/// an error that names it, unless this is flattened into other settings, where serde knows of none. Sizes are
/// numbers of bytes or texts with a unit, such as `"16 MiB"` (1,024² bytes each) or `"16 MB"` (1,000²); lists are
/// lists of texts, or one text with commas. Everything else (hooks, sinks, redaction rules that loggers share) is
/// set on the logger that was made of it.
///
/// ```
/// use actix_bodylog::{BodyLog, Config, JsonLines};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: Config = toml::from_str(
///     r#"
///     request_limit = "8 KiB"
///     memory_budget = "32 MiB"
///     response_body = "always"
///     skip = ["/health"]
///     redact = ["iban"]
///     trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
///     "#,
/// )?;
/// let body_log = BodyLog::from(config).sink(JsonLines::stdout());
/// # let _ = body_log;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// See [`BodyLog::request_limit`].
    #[serde(deserialize_with = "parse::bytes")]
    pub request_limit: usize,
    /// See [`BodyLog::response_limit`].
    #[serde(deserialize_with = "parse::bytes")]
    pub response_limit: usize,
    /// See [`BodyLog::code_limit`].
    #[serde(deserialize_with = "parse::bytes")]
    pub code_limit: usize,
    /// See [`BodyLog::record_limit`].
    #[serde(deserialize_with = "parse::bytes")]
    pub record_limit: usize,
    /// See [`BodyLog::memory_budget`].
    #[serde(deserialize_with = "parse::bytes")]
    pub memory_budget: usize,
    /// See [`BodyLog::code_field`].
    pub code_field: String,
    /// See [`BodyLog::code_levels`]: `incident` or `http`.
    #[serde(deserialize_with = "parse::word")]
    pub code_levels: CodeLevels,
    /// See [`BodyLog::success_level`]: `error`, `warn`, `info`, `debug` or `trace`.
    #[serde(deserialize_with = "parse::level")]
    pub success_level: Level,
    /// See [`BodyLog::response_body`]: `when_notable`, `always` or `never`.
    #[serde(deserialize_with = "parse::word")]
    pub response_body: ResponseBody,
    /// See [`BodyLog::request_id`]: `incoming` or `generate`.
    #[serde(deserialize_with = "parse::word")]
    pub request_id: RequestIds,
    /// See [`BodyLog::trusted_proxies`]: addresses, and networks as `10.0.0.0/8`.
    #[serde(deserialize_with = "parse::list")]
    pub trusted_proxies: Vec<IpNet>,
    /// See [`BodyLog::sample`].
    #[serde(deserialize_with = "parse::number")]
    pub sample: f64,
    /// See [`BodyLog::skip`].
    #[serde(deserialize_with = "parse::list")]
    pub skip: Vec<String>,
    /// See [`BodyLog::redact`].
    #[serde(deserialize_with = "parse::list")]
    pub redact: Vec<String>,
    /// See [`BodyLog::redact_containing`]; it comes after `keep`.
    #[serde(deserialize_with = "parse::list")]
    pub redact_containing: Vec<String>,
    /// See [`BodyLog::keep`]. **What is kept is in the logs.**
    #[serde(deserialize_with = "parse::list")]
    pub keep: Vec<String>,
    /// See [`BodyLog::request_header`].
    #[serde(alias = "request_header", deserialize_with = "parse::list")]
    pub request_headers: Vec<HeaderName>,
    /// See [`BodyLog::response_header`].
    #[serde(alias = "response_header", deserialize_with = "parse::list")]
    pub response_headers: Vec<HeaderName>,
}

/// Ready-made rules for [`BodyLog::code_levels`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeLevels {
    /// [`incident_code_level`]
    #[default]
    #[serde(alias = "incident_code_level")]
    Incident,
    /// [`http_code_level`]
    #[serde(alias = "http_code_level")]
    Http,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request_limit: DEFAULT_BODY_LIMIT,
            response_limit: DEFAULT_BODY_LIMIT,
            code_limit: DEFAULT_CODE_LIMIT,
            record_limit: DEFAULT_RECORD_LIMIT,
            memory_budget: DEFAULT_MEMORY_BUDGET,
            code_field: "code".into(),
            code_levels: CodeLevels::default(),
            success_level: Level::Debug,
            response_body: ResponseBody::default(),
            request_id: RequestIds::default(),
            trusted_proxies: Vec::new(),
            sample: 1.0,
            skip: Vec::new(),
            redact: Vec::new(),
            redact_containing: Vec::new(),
            keep: Vec::new(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
        }
    }
}

impl Config {
    /// Makes a logger of these settings.
    ///
    /// # Errors
    ///
    /// If a value is out of range, or if some contradict each other: the error says all that is wrong.
    /// These do:
    ///
    /// - `request_limit` and `response_limit` together, and a lower `memory_budget`;
    /// - `response_body = "always"`, and a `response_limit` of 0;
    /// - a `code_field` or `code_levels` of your own, and a `code_limit` of 0;
    /// - a name in `redact` and in `keep`;
    /// - a header that carries credentials in `request_headers` or `response_headers`, and not in `keep`.
    pub fn build(self) -> Result<BodyLog, ConfigError> {
        let problems = check::problems(&self);
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let mut log = BodyLog::new()
            .request_limit(self.request_limit)
            .response_limit(self.response_limit)
            .code_limit(self.code_limit)
            .record_limit(self.record_limit)
            .memory_budget(self.memory_budget)
            .code_field(self.code_field)
            .code_levels(match self.code_levels {
                CodeLevels::Incident => incident_code_level,
                CodeLevels::Http => http_code_level,
            })
            .success_level(self.success_level)
            .response_body(self.response_body)
            .request_id(self.request_id)
            .trusted_proxies(self.trusted_proxies)
            .sample(self.sample);
        log = self.skip.into_iter().fold(log, BodyLog::skip);
        log = self.keep.into_iter().fold(log, BodyLog::keep);
        log = self.redact.into_iter().fold(log, BodyLog::redact);
        let fragments = self.redact_containing.into_iter();
        log = fragments.fold(log, BodyLog::redact_containing);
        let headers = self.request_headers.into_iter();
        log = headers.fold(log, BodyLog::request_header);
        let headers = self.response_headers.into_iter();
        Ok(headers.fold(log, BodyLog::response_header))
    }
}

impl From<Config> for BodyLog {
    /// As a builder does, which stops a server at start if it is used wrongly. Where an error is to be handled, call
    /// [`Config::build`].
    ///
    /// # Panics
    ///
    /// Where `build` returns an error, with its text.
    #[track_caller]
    fn from(config: Config) -> Self {
        match config.build() {
            Ok(log) => log,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Why there is no logger of a [`Config`].
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration of the logger is wrong: ")?;
        f.write_str(&self.problems.join("; "))
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigError").field(&self.problems).finish()
    }
}

impl Error for ConfigError {}

#[cfg(test)]
mod tests;
