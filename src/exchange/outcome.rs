//! How an exchange ended.

use crate::record::data::Outcome;

/// How the response side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The body said so, or was handed over whole.
    Complete,
    BodyFailed,
    Dropped,
}

/// What else an outcome depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndSigns {
    /// Application code panicked.
    pub(crate) is_panic: bool,
    /// The server drops the body of a complete response without polling it, and nobody polled this one.
    pub(crate) is_complete_unpolled: bool,
    /// The inner service returned an error, and no response was made of it.
    pub(crate) is_error: bool,
}

impl End {
    pub(crate) fn outcome(self, signs: EndSigns) -> Outcome {
        match self {
            Self::Complete => Outcome::Completed,
            Self::BodyFailed => Outcome::Failed,
            Self::Dropped if signs.is_panic => Outcome::Panicked,
            Self::Dropped if signs.is_complete_unpolled => Outcome::Completed,
            Self::Dropped if signs.is_error => Outcome::Failed,
            Self::Dropped => Outcome::Aborted,
        }
    }
}
