//! JSON as it comes: cut anywhere, split anywhere, or not JSON at all.
//!
//! One grammar ([`lexer`], RFC 8259) serves two readers: [`finder`] watches the chunks of a response
//! go by and remembers nothing but the code, [`redact`] rewrites a kept prefix.

pub(crate) mod code;
pub(crate) mod finder;
pub(crate) mod lexer;
mod nesting;
mod number;
pub(crate) mod redact;
pub(crate) mod unescape;
mod utf8;
