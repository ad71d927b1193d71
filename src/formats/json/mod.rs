//! JSON (RFC 8259) that may be whole, truncated anywhere, or malformed.

mod blocks;
pub(crate) mod code;
pub(crate) mod code_finder;
pub(crate) mod nesting;
mod number;
pub(crate) mod reader;
pub(crate) mod tokens;
pub(crate) mod unescape;
