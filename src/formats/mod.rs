//! Parsers, which know neither secrets nor the budget.

pub(crate) mod charset;
pub(crate) mod coding;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod media_type;
pub(crate) mod multipart;
pub(crate) mod parameters;
pub(crate) mod references;
pub(crate) mod representation;
