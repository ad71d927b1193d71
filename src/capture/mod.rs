//! The bytes that are kept of bodies, and the memory that they may take.

pub(crate) mod budget;
pub(crate) mod prefix;
pub(crate) mod tail_counter;
