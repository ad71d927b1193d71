//! A logger's settings as plain values, for a file or the environment.

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

/// The settings of a [`BodyLog`] that are plain values, for a file or the environment.
///
/// Each setting has the name and the default of the method that it stands for; the lists of headers are
/// `request_headers` and `response_headers`. Everything else (hooks, sinks, redaction rules that several loggers
/// share) is set on the logger that is built from this.
///
/// Any self-describing format can be read, such as TOML, YAML and JSON. Sizes are numbers of bytes or strings with a
/// unit: `"16 MiB"` (16 × 1,024²) or `"16 MB"` (16 × 1,000²). An unknown key is an error that names the key, unless
/// this struct is flattened into another one: serde does not report unknown keys there.
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
///
/// Environment variables hold strings only. The crate `config` reads numbers and lists from them:
///
/// ```
/// use actix_bodylog::Config;
/// use config::Environment;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let variables = Environment::with_prefix("BODYLOG")
///     .try_parsing(true)
///     .ignore_empty(true)
///     .list_separator(",")
///     .with_list_parse_key("skip")
///     .with_list_parse_key("redact");
/// # let example = [("BODYLOG_SKIP", "/health,/live"), ("BODYLOG_REQUEST_LIMIT", "8 KiB")];
/// # let example = example.map(|(name, value)| (name.to_owned(), value.to_owned()));
/// # let variables = variables.source(Some(example.into()));
/// let source = config::Config::builder().add_source(variables).build()?;
/// let config: Config = source.try_deserialize()?;
/// # assert_eq!((config.skip.len(), config.request_limit), (2, 8192));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// See [`BodyLog::request_limit`].
    #[serde(deserialize_with = "parse::size")]
    pub request_limit: usize,
    /// See [`BodyLog::response_limit`].
    #[serde(deserialize_with = "parse::size")]
    pub response_limit: usize,
    /// See [`BodyLog::code_limit`].
    #[serde(deserialize_with = "parse::size")]
    pub code_limit: usize,
    /// See [`BodyLog::record_limit`].
    #[serde(deserialize_with = "parse::size")]
    pub record_limit: usize,
    /// See [`BodyLog::memory_budget`].
    #[serde(deserialize_with = "parse::size")]
    pub memory_budget: usize,
    /// See [`BodyLog::code_field`].
    pub code_field: String,
    /// See [`BodyLog::code_levels`]: `incident` or `http`.
    pub code_levels: CodeLevels,
    /// See [`BodyLog::success_level`]: `error`, `warn`, `info`, `debug` or `trace`.
    #[serde(deserialize_with = "parse::level")]
    pub success_level: Level,
    /// See [`BodyLog::response_body`]: `when_notable`, `always` or `never`.
    pub response_body: ResponseBody,
    /// See [`BodyLog::request_id`]: `incoming` or `generate`.
    pub request_id: RequestIds,
    /// See [`BodyLog::trusted_proxies`]: addresses, and networks such as `10.0.0.0/8`.
    #[serde(deserialize_with = "parse::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// See [`BodyLog::sample`].
    pub sample: f64,
    /// See [`BodyLog::skip`].
    pub skip: Vec<String>,
    /// See [`BodyLog::redact`].
    pub redact: Vec<String>,
    /// See [`BodyLog::redact_containing`]; it is applied after `keep`.
    pub redact_containing: Vec<String>,
    /// See [`BodyLog::keep`]. **The values of these names are logged.**
    pub keep: Vec<String>,
    /// See [`BodyLog::request_header`].
    #[serde(deserialize_with = "parse::header_names")]
    pub request_headers: Vec<HeaderName>,
    /// See [`BodyLog::response_header`].
    #[serde(deserialize_with = "parse::header_names")]
    pub response_headers: Vec<HeaderName>,
}

/// Ready-made rules for [`BodyLog::code_levels`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CodeLevels {
    /// [`incident_code_level`]
    #[default]
    Incident,
    /// [`http_code_level`]
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
    /// Builds a logger from these settings.
    ///
    /// # Errors
    ///
    /// Fails if a value is out of range or if settings contradict each other. The error lists all problems.
    /// Contradictions are:
    ///
    /// - `memory_budget` is less than `request_limit` and `response_limit` together;
    /// - `response_body` is `always`, but `response_limit` is 0;
    /// - `code_field` or `code_levels` is set, but `code_limit` is 0;
    /// - a name is in both `redact` and `keep`;
    /// - `request_headers` or `response_headers` contains a header that carries credentials, and `keep` does not.
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
    /// Builds a logger, or stops the server at start. To handle the error, call [`Config::build`].
    ///
    /// # Panics
    ///
    /// Panics with the error of [`Config::build`].
    #[track_caller]
    fn from(config: Config) -> Self {
        match config.build() {
            Ok(log) => log,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The reasons why no logger can be built from a [`Config`].
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Never empty.
    problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid logger configuration: ")?;
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
