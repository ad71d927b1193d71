//! The values that serde cannot deserialize or serialize by itself.

use std::{fmt::Display, net::IpAddr};

use actix_web::http::header::HeaderName;
use bytesize::ByteSize;
use ipnet::IpNet;
use log::Level;
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, Unexpected},
};

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of bytes or a string such as \"16 MiB\""
)]
enum Size {
    Number(usize),
    Text(String),
}

/// Reads a size: a number of bytes, or a string with a unit.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match Size::deserialize(deserializer)? {
        Size::Number(bytes) => Ok(bytes),
        Size::Text(text) => {
            let size = text.parse::<ByteSize>().ok();
            // `ByteSize` saturates, so its maximum means that the size is too large.
            let size = size
                .map(|size| size.as_u64())
                .filter(|&size| size < u64::MAX);
            let bytes = size.and_then(|size| usize::try_from(size).ok());
            bytes.ok_or_else(|| invalid(&text, "a size such as \"4096\" or \"16 MiB\""))
        }
    }
}

/// Reads the name of a level, ignoring case. (With the crate `config`, names of enum
/// variants are case-sensitive.)
pub(super) fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    let text = String::deserialize(deserializer)?;
    let level = text.parse();
    level.map_err(|_| invalid(&text, "error, warn, info, debug or trace"))
}

/// Writes the name of a level in lower case.
pub(super) fn level_text<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&level.as_str().to_ascii_lowercase())
}

/// Writes a list of strings.
pub(super) fn texts<S: Serializer>(
    items: &[impl Display],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(items.iter().map(ToString::to_string))
}

/// Reads a list of networks. An address without a prefix length is a network of one address.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let parse = |text: &str| match text.parse::<IpAddr>() {
        Ok(address) => Some(address.into()),
        Err(_) => text.parse().ok(),
    };
    list(
        deserializer,
        parse,
        "an address or a network such as 10.0.0.0/8",
    )
}

/// Reads a list of header names.
pub(super) fn header_names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<HeaderName>, D::Error> {
    list(deserializer, |text| text.parse().ok(), "a header name")
}

/// Reads a list of strings, and parses each of them. `expected` describes a valid string.
fn list<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let items = texts
        .iter()
        .map(|text| parse(text).ok_or_else(|| invalid(text, expected)));
    items.collect()
}

fn invalid<E: Error>(text: &str, expected: &str) -> E {
    E::invalid_value(Unexpected::Str(text), &expected)
}
