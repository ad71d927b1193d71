//! The bytes that are kept of bodies, and the budget from which their memory is taken.

pub(crate) mod budget;
pub(crate) mod prefix;
pub(crate) mod tail_counter;
