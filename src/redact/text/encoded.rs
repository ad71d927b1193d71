//! Words that are percent-encoded.

use crate::{
    formats::percent,
    redact::{
        names::{Names, REDACTED},
        text::{Pass, Values, is_blank, settle},
    },
    util::text::after_last,
};

/// `at` is a `%`: a word that is percent-encoded may have secrets inside.
pub(super) fn look(pass: &mut Pass<'_, '_>, at: usize) {
    let ends =
        |c: char| is_blank(c) || matches!(c, '=' | '&' | '#' | '"' | '\'' | '<' | '>' | ';' | ',');
    if pass.values == Values::AsTheyAre || at < pass.decoded {
        return;
    }
    let from = pass.decoded.max(pass.copied);
    let before = &pass.text[from..at];
    let start = from + after_last(before, ends);
    let rest = pass.rest(start);
    let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
    pass.decoded = start + word.len();
    let open = pass.open && word.len() == rest.len();
    if let Some(shown) = hide_encoded(word, open, pass.names) {
        pass.replace(start, start + word.len(), &shown);
    }
}

/// The form in which a percent-encoded value is shown; `None` if nothing in it is to be hidden.
pub(crate) fn hide_encoded(value: &str, open: bool, names: &Names) -> Option<String> {
    // Encoded again, as redirects that are passed on are.
    const DEPTH: usize = 4;
    // Values inside are encoded once more: the next round sees them. Looking at them from here would
    // double the work with each level.
    let round = |text: &str| settle(text, open, names, Values::AsTheyAre);
    let mut decoded = percent::decode(value).into_owned();
    if let Some(shown) = round(&decoded) {
        // What is not UTF-8 could not be written as it was.
        let is_text = !decoded.contains(char::REPLACEMENT_CHARACTER);
        return Some(match is_text {
            true => percent::encode(&shown),
            false => REDACTED.to_owned(),
        });
    }
    for _ in 0..DEPTH {
        let again = percent::decode(&decoded).into_owned();
        if again == decoded {
            return None;
        }
        if round(&again).is_some() {
            break;
        }
        decoded = again;
    }
    Some(REDACTED.to_owned())
}
