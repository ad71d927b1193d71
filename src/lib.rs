// The examples of the README need the feature `tracing`, so without it they are not tested.
#![cfg_attr(any(not(doctest), feature = "tracing"), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod body_log;
mod capture;
pub mod config;
mod content;
mod drain;
mod exchange;
mod filters;
mod formats;
mod head;
mod logger;
pub mod middleware;
mod policy;
mod preview;
pub mod record;
pub mod redact;
mod request_ext;
mod sampling;
pub mod sink;
mod stats;
mod util;

#[doc(no_inline)]
pub use ipnet::IpNet;
#[doc(no_inline)]
pub use log::Level;

#[cfg(feature = "tracing")]
#[doc(inline)]
pub use crate::sink::TracingSink;
pub use crate::{
    body_log::{
        BodyLog, DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET,
        DEFAULT_RECORD_LIMIT,
    },
    drain::DrainError,
    head::request_id::{RequestId, RequestIdSource},
    policy::BodyPolicy,
    preview::Preview,
    record::{
        level::{default_code_level, http_code_level, incident_code_level},
        truncate::MIN_RECORD_LIMIT,
    },
    request_ext::RecordExt,
    stats::Stats,
    util::text_enum::ParseEnumError,
};
#[doc(inline)]
pub use crate::{
    config::{Config, ConfigError},
    record::{Record, Schema, User},
    redact::Redaction,
    sink::{JsonLines, LogSink, Sink, TestSink},
};
