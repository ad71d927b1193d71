//! How an exchange ended.

use crate::record::outcome::Outcome;

/// How the response side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The body ended, or was returned in one piece.
    Complete,
    /// The body returned an error.
    BodyFailed,
    /// The exchange was dropped before the end of the body.
    Dropped,
}

/// The facts that decide the outcome of an exchange that was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutcomeInputs {
    /// Set if application code panicked.
    pub(crate) is_panic: bool,
    /// Set if the response is complete although its body was not polled.
    pub(crate) is_complete_unpolled: bool,
    /// Set if the response was dropped before the server took it, so another response was sent. (If the client leaves
    /// while a layer outside holds the response, this is set, too.) Never set over HTTP/2.
    pub(crate) is_replaced: bool,
    /// Set if the inner service returned an error, and no response was built from it.
    pub(crate) is_error: bool,
}

impl End {
    /// Returns the outcome of an exchange that ended like this.
    pub(crate) fn outcome(self, inputs: OutcomeInputs) -> Outcome {
        match self {
            Self::Complete => Outcome::Completed,
            Self::BodyFailed => Outcome::Failed,
            Self::Dropped if inputs.is_panic => Outcome::Panicked,
            Self::Dropped if inputs.is_complete_unpolled => Outcome::Completed,
            Self::Dropped if inputs.is_replaced => Outcome::Replaced,
            Self::Dropped if inputs.is_error => Outcome::Failed,
            Self::Dropped => Outcome::Aborted,
        }
    }
}
