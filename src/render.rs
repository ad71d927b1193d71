//! A record as one line of JSON.

use crate::record::Record;

/// The record as JSON, without a newline.
pub(crate) fn line(record: &Record<'_>) -> String {
    // A map of strings, numbers, booleans and lists of strings: serde_json refuses none of them.
    serde_json::to_string(record).unwrap_or_default()
}
