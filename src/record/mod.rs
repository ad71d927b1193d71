//! The record of an exchange, and its renderings.

pub(crate) mod data;
pub(crate) mod errors;
pub(crate) mod field;
pub(crate) mod flatten;
pub(crate) mod format;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod level;
pub(crate) mod part;
pub(crate) mod schema;
pub(crate) mod serialize;
pub(crate) mod truncate;
pub(crate) mod user;
pub(crate) mod visit;
