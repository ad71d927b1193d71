//! The settings of a logger, with their defaults.

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use log::Level;

#[cfg(doc)]
use crate::{
    body_log::BodyLog,
    record::level::{default_code_level, http_code_level, incident_code_level},
};
use crate::{
    body_log::{
        DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET, DEFAULT_RECORD_LIMIT,
    },
    head::request_id::RequestIdSource,
    policy::BodyPolicy,
    redact::Shape,
    util::text_enum::text_enum,
};

/// Most settings of a [`BodyLog`] that are plain values, for a file or the environment.
///
/// Each setting has the name and the default of the corresponding method; only the lists of headers have other names,
/// `request_headers` and `response_headers`. Everything else (`slow`, hooks, sinks, fields, redaction rules that
/// several loggers share) is set on the logger that is built from this struct.
///
/// Any self-describing format can be read, such as TOML, YAML and JSON. Sizes are numbers of bytes or strings with a
/// unit: `"16 MiB"` (16 × 1,024²) or `"16 MB"` (16 × 1,000²). An unknown key is an error that names the key, unless
/// this struct is flattened into another struct, because serde does not report unknown keys there.
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
///     quiet = ["/health"]
///     redact = ["iban"]
///     trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
///     "#,
/// )?;
/// let body_log = BodyLog::try_from(config)?.sink(JsonLines::stdout());
/// # let _ = body_log;
/// # Ok(())
/// # }
/// ```
///
/// Environment variables hold strings only. The crate `config` reads numbers from them, and lists where
/// `with_list_parse_key` names the key:
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
///     .with_list_parse_key("quiet")
///     .with_list_parse_key("redact");
/// # let example = [("BODYLOG_QUIET", "/health,/live"), ("BODYLOG_REQUEST_LIMIT", "8 KiB")];
/// # let example = example.map(|(name, value)| (name.to_owned(), value.to_owned()));
/// # let variables = variables.source(Some(example.into()));
/// let source = config::Config::builder().add_source(variables).build()?;
/// let config: Config = source.try_deserialize()?;
/// # assert_eq!((config.quiet.len(), config.request_limit), (2, 8192));
/// # Ok(())
/// # }
/// ```
/// [`build`](Self::build) checks the values; its error lists those that are invalid or contradict each other. A
/// `Config` serializes to the same keys, with sizes as numbers of bytes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// See [`BodyLog::request_limit`].
    pub request_limit: usize,
    /// See [`BodyLog::response_limit`].
    pub response_limit: usize,
    /// See [`BodyLog::code_limit`].
    pub code_limit: usize,
    /// See [`BodyLog::record_limit`].
    pub record_limit: usize,
    /// See [`BodyLog::memory_budget`].
    pub memory_budget: usize,
    /// See [`BodyLog::code_field`].
    pub code_field: String,
    /// See [`BodyLog::code_levels`]: `default`, `incident` or `http`.
    pub code_levels: CodeLevelPreset,
    /// See [`BodyLog::success_level`]: `error`, `warn`, `info`, `debug` or `trace`.
    pub success_level: Level,
    /// See [`BodyLog::request_body`]: `always`, `when_notable`, `on_failure` or `never`.
    pub request_body: BodyPolicy,
    /// See [`BodyLog::response_body`]: `always`, `when_notable`, `on_failure` or `never`.
    pub response_body: BodyPolicy,
    /// See [`BodyLog::request_id`]: `incoming` or `generate`.
    pub request_id: RequestIdSource,
    /// See [`BodyLog::trusted_proxies`]: addresses, and networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<IpNet>,
    /// See [`BodyLog::sample`].
    pub sample: f64,
    /// See [`BodyLog::quiet`].
    pub quiet: Vec<String>,
    /// See [`BodyLog::exclude`].
    pub exclude: Vec<String>,
    /// See [`BodyLog::redact`].
    pub redact: Vec<String>,
    /// See [`BodyLog::redact_containing`].
    pub redact_containing: Vec<String>,
    /// See [`BodyLog::redact_path`].
    pub redact_path: Vec<String>,
    /// See [`BodyLog::keep`]. **The values of these names are logged.**
    pub keep: Vec<String>,
    /// See [`BodyLog::keep_shape`]: `auth_scheme`, `jwt`, `user_info`, `private_key`, `vendor_token` or `card_number`.
    /// **Secrets of these shapes are logged.**
    pub keep_shapes: Vec<Shape>,
    /// See [`BodyLog::request_header`].
    pub request_headers: Vec<HeaderName>,
    /// See [`BodyLog::response_header`].
    pub response_headers: Vec<HeaderName>,
    /// See [`BodyLog::omit_field`].
    pub omit_field: Vec<String>,
}

text_enum! {
    /// Ready-made functions for [`BodyLog::code_levels`].
    #[derive(Default)]
    pub enum CodeLevelPreset {
        /// [`default_code_level`]
        #[default]
        Default = "default",
        /// [`incident_code_level`]
        Incident = "incident",
        /// [`http_code_level`]
        Http = "http",
    }
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
            code_levels: CodeLevelPreset::default(),
            success_level: Level::Debug,
            request_body: BodyPolicy::Always,
            response_body: BodyPolicy::WhenNotable,
            request_id: RequestIdSource::default(),
            trusted_proxies: Vec::new(),
            sample: 1.0,
            quiet: Vec::new(),
            exclude: Vec::new(),
            redact: Vec::new(),
            redact_containing: Vec::new(),
            redact_path: Vec::new(),
            keep: Vec::new(),
            keep_shapes: Vec::new(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            omit_field: Vec::new(),
        }
    }
}
