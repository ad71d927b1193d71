//! Helpers that know nothing of HTTP: bytes, text, panics, random numbers, enums with a text form.

pub(crate) mod bytes;
pub(crate) mod catch_panic;
pub(crate) mod random;
pub(crate) mod text;
pub(crate) mod text_enum;
