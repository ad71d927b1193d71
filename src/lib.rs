// The examples of the README need the feature `tracing`, so without it they are not tested.
#![cfg_attr(any(not(doctest), feature = "tracing"), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod body_log;
mod capture;
mod config;
mod content;
mod exchange;
mod formats;
mod head;
mod logger;
mod middleware;
mod policy;
mod preview;
mod record;
mod redact;
mod request_ext;
mod sampling;
mod sink;
mod stats;
mod util;

#[doc(no_inline)]
pub use ipnet::IpNet;

#[cfg(feature = "tracing")]
pub use crate::sink::TracingSink;
pub use crate::{
    body_log::{
        BodyLog, DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET,
        DEFAULT_RECORD_LIMIT,
    },
    config::{CodeLevels, Config, ConfigError},
    content::Omitted,
    formats::json::code::{Code, CodeState, MAX_CODE_LEN},
    head::{
        headers::{MAX_HEADER_VALUE_LEN, MAX_HEADER_VALUES},
        request::{MAX_URI_PART_LEN, MAX_USER_AGENT_LEN},
        request_id::{MAX_REQUEST_ID_LEN, RequestId, RequestIds},
    },
    middleware::{BodyLogFuture, BodyLogMiddleware, body::RecordedBody},
    policy::ResponseBody,
    preview::Preview,
    record::{
        data::{Body, Outcome, Record},
        errors::MAX_ERROR_LEN,
        field::{Field, FieldValue, MAX_FIELD_NAME_LEN, MAX_FIELD_VALUE_LEN, MAX_FIELDS},
        headers::Headers,
        level::{http_code_level, incident_code_level},
        schema::Schema,
        user::{MAX_USER_LEN, User},
    },
    redact::Redaction,
    request_ext::RecordExt,
    sink::{JsonLines, LogSink, Sink, TestSink},
    stats::Stats,
};
