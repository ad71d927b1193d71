//! The settings, from environment variables.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr};

use actix_bodylog::{
    BodyPolicy, DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET, DEFAULT_RECORD_LIMIT,
};
use log::Level;

use crate::common::{Result, addresses, invalid, variable};

/// The limit of actix-server, which panics with more.
const MAX_WORKERS: usize = 512;

/// The settings. Sizes are in bytes.
pub struct Settings {
    pub addrs: Vec<SocketAddr>,
    pub workers: Option<usize>,
    pub request_limit: usize,
    pub response_limit: usize,
    pub code_limit: usize,
    pub record_limit: usize,
    pub memory_budget: usize,
    pub success_level: Level,
    pub request_body: BodyPolicy,
    pub response_body: BodyPolicy,
}

impl Settings {
    pub fn from_env() -> Result<Self> {
        Ok(Self {
            addrs: addresses("127.0.0.1:8080")?,
            workers: within(1..=MAX_WORKERS, "WORKERS")?,
            request_limit: parse("REQUEST_LIMIT")?.unwrap_or(DEFAULT_BODY_LIMIT),
            response_limit: parse("RESPONSE_LIMIT")?.unwrap_or(DEFAULT_BODY_LIMIT),
            code_limit: parse("CODE_LIMIT")?.unwrap_or(DEFAULT_CODE_LIMIT),
            record_limit: within(1024..=usize::MAX, "RECORD_LIMIT")?
                .unwrap_or(DEFAULT_RECORD_LIMIT),
            memory_budget: parse("MEMORY_BUDGET")?.unwrap_or(DEFAULT_MEMORY_BUDGET),
            success_level: parse("SUCCESS_LEVEL")?.unwrap_or(Level::Debug),
            request_body: parse("REQUEST_BODY")?.unwrap_or(BodyPolicy::Always),
            response_body: parse("RESPONSE_BODY")?.unwrap_or(BodyPolicy::WhenNotable),
        })
    }
}

fn parse<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>> {
    let Some(value) = variable(name)? else {
        return Ok(None);
    };
    let parsed = value.trim().parse();
    parsed
        .map(Some)
        .map_err(|error| invalid(name, &value, error))
}

fn within(range: RangeInclusive<usize>, name: &str) -> Result<Option<usize>> {
    let (start, end) = (range.start(), range.end());
    match parse::<usize>(name)? {
        Some(value) if !range.contains(&value) => {
            let why = format!("not between {start} and {end}");
            Err(invalid(name, &value.to_string(), why))
        }
        value => Ok(value),
    }
}
