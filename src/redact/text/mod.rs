//! Secrets in free text: text that is not JSON, not a form and not a header with a sensitive name.
//!
//! Free text has no grammar, so this is best effort. A pass stops at each trigger, a byte at which a
//! secret can be recognized, and calls the detector for this byte. The detectors find values of
//! sensitive names (pairs, brackets, cells, options of commands), elements with a sensitive name, credentials, private
//! keys, tokens of known issuers, card numbers, and the user information of URLs. In doubt more is hidden rather than
//! less.

mod card;
mod cell;
mod connection;
mod credential;
mod harmless;
mod input;
mod key;
mod layers;
mod markup;
mod named;
mod option;
mod pair;
mod pass;
mod private_key;
mod quote;
#[cfg(test)]
mod tests;
mod token;
mod triggers;
mod tuple;
mod user_info;
mod value;

pub(crate) use self::{
    card::{find_truncated as find_truncated_card, is_card_number},
    pass::{hide_encoded, hide_secrets, redact_text},
    triggers::{candidates, has_trigger, needs_change_at, trigger_mask},
    user_info::Authorities,
};
