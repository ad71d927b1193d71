//! Secrets in free text: text that is not JSON, not a form and not a header with a sensitive name.
//!
//! Free text has no grammar, so this is best effort. A pass stops at each trigger, a byte at which a
//! secret can be recognized, and calls the detector for this byte. The detectors find values of
//! sensitive names, elements with a sensitive name, credentials, and the user information of URLs. In
//! doubt more is hidden rather than less.

mod credential;
mod input;
mod key;
mod layers;
mod markup;
mod pair;
mod pass;
mod quote;
#[cfg(test)]
mod tests;
mod triggers;
mod value;

pub(crate) use self::{
    credential::user_info_len,
    pass::{hide_encoded, hide_secrets, redact_text},
    triggers::{has_trigger, needs_change_at, trigger_mask},
};
