//! The form of a [`Config`] for serde.

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use log::Level;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    config::{
        parse,
        settings::{CodeLevelPreset, Config},
    },
    head::request_id::RequestIdSource,
    policy::BodyPolicy,
    redact::Shape,
};

/// The fields of [`Config`]. A derive on `Config` itself would leave no place to say the new name of a renamed key.
#[derive(Deserialize, Serialize)]
#[serde(default = "Config::default", deny_unknown_fields, remote = "Config")]
struct Format {
    #[serde(deserialize_with = "parse::size")]
    request_limit: usize,
    #[serde(deserialize_with = "parse::size")]
    response_limit: usize,
    #[serde(deserialize_with = "parse::size")]
    code_limit: usize,
    #[serde(deserialize_with = "parse::size")]
    record_limit: usize,
    #[serde(deserialize_with = "parse::size")]
    memory_budget: usize,
    code_field: String,
    code_levels: CodeLevelPreset,
    #[serde(
        deserialize_with = "parse::level",
        serialize_with = "parse::level_text"
    )]
    success_level: Level,
    request_body: BodyPolicy,
    response_body: BodyPolicy,
    request_id: RequestIdSource,
    #[serde(deserialize_with = "parse::networks", serialize_with = "parse::texts")]
    trusted_proxies: Vec<IpNet>,
    sample: f64,
    quiet: Vec<String>,
    exclude: Vec<String>,
    redact: Vec<String>,
    redact_containing: Vec<String>,
    redact_path: Vec<String>,
    keep: Vec<String>,
    keep_shapes: Vec<Shape>,
    #[serde(
        deserialize_with = "parse::header_names",
        serialize_with = "parse::texts"
    )]
    request_headers: Vec<HeaderName>,
    #[serde(
        deserialize_with = "parse::header_names",
        serialize_with = "parse::texts"
    )]
    response_headers: Vec<HeaderName>,
    omit_field: Vec<String>,
}

/// Keys that were renamed, each with its new name.
const RENAMED: [(&str, &str); 1] = [("skip", "quiet")];

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Format::deserialize(deserializer).map_err(|error| {
            let message = error.to_string();
            let is_unknown = |key: &str| message.contains(&format!("unknown field `{key}`"));
            match RENAMED.iter().find(|(old, _)| is_unknown(old)) {
                Some((old, new)) => {
                    D::Error::custom(format!("unknown field `{old}`: its name is `{new}`"))
                }
                None => error,
            }
        })
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Format::serialize(self, serializer)
    }
}
