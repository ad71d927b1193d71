//! What nothing else is needed for: bytes, text, panics, chance.

pub(crate) mod bytes;
pub(crate) mod catch_panic;
pub(crate) mod part;
pub(crate) mod random;
pub(crate) mod scratch;
pub(crate) mod text;
