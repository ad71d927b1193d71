//! Bytes of bodies that are kept, and the memory that they may take.

pub(crate) mod budget;
pub(crate) mod prefix;
pub(crate) mod tail_counter;
