//! JSON as it comes: cut anywhere, split anywhere, or not JSON at all.
//!
//! RFC 8259 is read twice: [`finder`] watches the chunks of a response go by, by a [`lexer`] that can
//! stop anywhere, and remembers nothing but the code; [`reader`] reads what was kept of a body, in one
//! piece, for its code, for what a record shows of it, or for both.

pub(crate) mod code;
pub(crate) mod finder;
pub(crate) mod lexer;
mod nesting;
mod number;
pub(crate) mod reader;
pub(crate) mod unescape;
mod utf8;
