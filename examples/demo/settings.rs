//! What the environment says.

use std::{
    env,
    fmt::Display,
    net::{SocketAddr, ToSocketAddrs as _},
    ops::RangeInclusive,
    str::FromStr,
};

use actix_bodylog::{
    DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET, DEFAULT_RECORD_LIMIT,
    ResponseBody,
};
use log::Level;

/// With more, actix-server panics.
const MAX_WORKERS: usize = 512;

/// What the environment says. Sizes are in bytes.
pub struct Settings {
    /// `ADDR`: port 0 picks a free one.
    pub addr: Vec<SocketAddr>,
    pub workers: Option<usize>,
    pub request_limit: usize,
    pub response_limit: usize,
    pub code_limit: usize,
    pub record_limit: usize,
    pub memory_budget: usize,
    pub success_level: Level,
    pub response_body: ResponseBody,
}

impl Settings {
    pub fn from_env() -> Result<Self, String> {
        Ok(Self {
            addr: addresses(&variable("ADDR")?.unwrap_or_else(|| "127.0.0.1:8080".into()))?,
            workers: within(1..=MAX_WORKERS, "WORKERS")?,
            request_limit: parsed("REQUEST_LIMIT")?.unwrap_or(DEFAULT_BODY_LIMIT),
            response_limit: parsed("RESPONSE_LIMIT")?.unwrap_or(DEFAULT_BODY_LIMIT),
            code_limit: parsed("CODE_LIMIT")?.unwrap_or(DEFAULT_CODE_LIMIT),
            record_limit: within(1024..=usize::MAX, "RECORD_LIMIT")?
                .unwrap_or(DEFAULT_RECORD_LIMIT),
            memory_budget: parsed("MEMORY_BUDGET")?.unwrap_or(DEFAULT_MEMORY_BUDGET),
            success_level: parsed("SUCCESS_LEVEL")?.unwrap_or(Level::Debug),
            response_body: match variable("RESPONSE_BODY")?.as_deref() {
                None | Some("notable") => ResponseBody::WhenNotable,
                Some("always") => ResponseBody::Always,
                Some("never") => ResponseBody::Never,
                Some(other) => {
                    return Err(format!(
                        "RESPONSE_BODY is {other:?}; it must be notable, always or never"
                    ));
                }
            },
        })
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8")),
    }
}

/// `host:port`; a name can stand for several addresses.
fn addresses(addr: &str) -> Result<Vec<SocketAddr>, String> {
    addr.to_socket_addrs()
        .map(Iterator::collect)
        .map_err(|error| format!("ADDR is {addr:?}: {error}"))
}

fn parsed<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, String> {
    variable(name)?
        .map(|value| {
            let value = value.trim();
            value
                .parse()
                .map_err(|error| format!("{name} is {value:?}: {error}"))
        })
        .transpose()
}

fn within(range: RangeInclusive<usize>, name: &str) -> Result<Option<usize>, String> {
    match parsed(name)? {
        Some(value) if !range.contains(&value) => Err(format!(
            "{name} is {value}; it must be from {} to {}",
            range.start(),
            range.end()
        )),
        value => Ok(value),
    }
}
