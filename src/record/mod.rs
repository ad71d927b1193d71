//! The record of an exchange, and its renderings.

pub(crate) mod address;
pub(crate) mod data;
pub(crate) mod errors;
pub(crate) mod field;
pub(crate) mod flatten;
pub(crate) mod json;
pub(crate) mod level;
pub(crate) mod schema;
pub(crate) mod timestamp;
pub(crate) mod truncate;
pub(crate) mod visit;
