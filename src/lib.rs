#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

mod address;
mod body;
mod body_log;
mod budget;
mod bypass;
mod capture;
mod charset;
mod coding;
mod config;
mod content;
mod errors;
mod exchange;
mod ext;
mod fields;
mod finish;
mod fit;
mod form;
mod found_code;
mod guarded;
mod head;
mod head_text;
mod headers;
mod json;
mod key_memo;
mod layout;
mod level;
mod logger;
mod media;
mod middleware;
mod multipart;
mod name_lists;
mod names;
mod parameters;
mod past;
mod payload;
mod percent;
mod pool;
mod preview;
mod proxies;
mod random;
mod record;
mod redaction;
mod render;
mod request_id;
mod rules;
mod sampling;
mod scan;
mod schema;
mod scratch;
mod secrets;
mod shared;
mod sink;
mod span;
mod state;
mod text;
mod timestamp;
mod trace_context;
mod url;

#[doc(no_inline)]
pub use ipnet::IpNet;

#[cfg(feature = "tracing")]
pub use crate::sink::TracingSink;
pub use crate::{
    body::RecordedBody,
    body_log::{
        BodyLog, DEFAULT_BODY_LIMIT, DEFAULT_CODE_LIMIT, DEFAULT_MEMORY_BUDGET,
        DEFAULT_RECORD_LIMIT,
    },
    config::{CodeLevels, Config, ConfigError},
    content::Omitted,
    errors::MAX_ERROR_LEN,
    ext::RecordExt,
    fields::{
        Field, FieldValue, MAX_FIELD_NAME_LEN, MAX_FIELD_VALUE_LEN, MAX_FIELDS, MAX_USER_LEN, User,
    },
    head::{MAX_URI_PART_LEN, MAX_USER_AGENT_LEN},
    headers::{Headers, MAX_HEADER_VALUE_LEN, MAX_HEADER_VALUES},
    json::code::{Code, CodeState, MAX_CODE_LEN},
    level::{http_code_level, incident_code_level},
    middleware::{BodyLogFuture, BodyLogMiddleware},
    preview::Preview,
    record::{Body, Outcome, Record},
    redaction::Redaction,
    request_id::{MAX_REQUEST_ID_LEN, RequestId, RequestIds},
    rules::ResponseBody,
    schema::Schema,
    shared::Stats,
    sink::{JsonLines, LogSink, Sink, TestSink},
};
