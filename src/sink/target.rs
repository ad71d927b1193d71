//! The target of log messages.

/// Target of everything that this crate logs.
pub(crate) const TARGET: &str = "actix_bodylog";
