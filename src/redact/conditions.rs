//! Conditions on values: what an application knows to be private by its form.

use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use crate::{redact::pieces::REDACTED, util::catch_panic::catch_panic};

pub(crate) type Condition = dyn Fn(&str) -> bool + Send + Sync;

/// The conditions of [`Redaction::redact_values`](super::Redaction::redact_values).
#[derive(Clone, Default)]
pub(super) struct Conditions(Vec<Arc<Condition>>);

/// Where parts of a text end, from the outside in. Takes a character and the text after it.
const SEPARATORS: [fn(char, &str) -> bool; 3] = [
    // The marks of formats. A colon is one if a blank follows, as in YAML.
    |c, after| match c {
        ':' => begins_blank(after),
        _ => c.is_control() || "<>\"'`{}[](),;=&".contains(c),
    },
    // Words, and the end of a sentence.
    |c, after| c.is_whitespace() || (c == '.' && begins_blank(after)),
    // The marks of URLs.
    |c, _| "/\\?#:|".contains(c),
];

/// Returns whether a text begins with a blank, or is empty.
fn begins_blank(text: &str) -> bool {
    text.chars().next().is_none_or(char::is_whitespace)
}

impl Conditions {
    pub(super) fn add(&mut self, condition: Arc<Condition>) {
        self.0.push(condition);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a condition holds for a value. A condition that panics holds.
    pub(super) fn hold_for(&self, value: &str) -> bool {
        let holds = |condition: &Arc<Condition>| catch_panic(|| condition(value)).unwrap_or(true);
        !value.is_empty() && self.0.iter().any(holds)
    }

    /// Hides the values in a text: the text itself, or parts of it. `open` says that the text was truncated, so that
    /// its last part may be any value. Returns `None` if nothing is hidden.
    pub(super) fn hide_in(&self, text: &str, open: bool) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        self.push_shown(&mut out, text, open, 0);
        (out != text).then_some(out)
    }

    /// Appends a part of a text, or what replaces it. `level` is the number of the separators that divide it.
    fn push_shown(&self, out: &mut String, part: &str, open: bool, level: usize) {
        let value = part.trim();
        let is_cut = open && level > 0;
        if !value.is_empty() && value != REDACTED && (is_cut || self.hold_for(value)) {
            let (before, after) = (part.len() - part.trim_start().len(), part.trim_end().len());
            return out.extend([&part[..before], REDACTED, &part[after..]]);
        }
        let Some(separates) = SEPARATORS.get(level) else {
            return out.push_str(part);
        };
        let mut rest = part;
        while let Some((at, len)) = find_separator(rest, separates) {
            self.push_shown(out, &rest[..at], false, level + 1);
            out.push_str(&rest[at..at + len]);
            rest = &rest[at + len..];
        }
        self.push_shown(out, rest, open, level + 1);
    }
}

/// Finds the first separator in a text, and its length. What was hidden before is a separator, too.
fn find_separator(text: &str, separates: &dyn Fn(char, &str) -> bool) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(at, c)| {
        if text[at..].starts_with(REDACTED) {
            return Some((at, REDACTED.len()));
        }
        let len = c.len_utf8();
        separates(c, &text[at + len..]).then_some((at, len))
    })
}

/// The conditions are called only where their panics are caught.
impl UnwindSafe for Conditions {}
impl RefUnwindSafe for Conditions {}

impl Drop for Conditions {
    /// Drops the conditions, whose destructors are foreign code and may panic, perhaps while the thread unwinds.
    fn drop(&mut self) {
        for condition in mem::take(&mut self.0) {
            catch_panic(|| drop(condition));
        }
    }
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} conditions", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, open: bool, condition: fn(&str) -> bool) -> String {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.hide_in(text, open), None);
        conditions.add(Arc::new(condition));
        conditions
            .hide_in(text, open)
            .unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn text_and_its_parts_are_values() {
        let is_private = |text: &str| text == "Ann Example" || text.starts_with("cus_");
        for (text, expected) in [
            ("", ""),
            ("Ann Example", "[REDACTED]"),
            (" cus_1 ", " [REDACTED] "),
            ("name: Ann Example\nage: 7", "name: [REDACTED]\nage: 7"),
            ("a=Ann Example, b=cus_1;", "a=[REDACTED], b=[REDACTED];"),
            (
                "<a b='cus_1'>Ann Example</a>",
                "<a b='[REDACTED]'>[REDACTED]</a>",
            ),
            (
                "Customer cus_1 of Ann Example.",
                "Customer [REDACTED] of Ann Example.",
            ),
            ("see cus_1.", "see [REDACTED]."),
            (
                "https://h/cus_1/x?id=cus_2&a=b#cus_3",
                "https://h/[REDACTED]/x?id=[REDACTED]&a=b#[REDACTED]",
            ),
            ("id:cus_1", "id:[REDACTED]"),
            ("kunde größe cus_ü", "kunde größe [REDACTED]"),
        ] {
            assert_eq!(shown(text, false, is_private), expected, "{text}");
            assert_eq!(shown(expected, false, is_private), expected, "{text}");
        }
    }

    #[test]
    fn last_part_of_a_truncated_text_is_hidden() {
        for (text, expected) in [
            ("a: b\nc: some wor", "a: b\nc: [REDACTED]"),
            ("wor", "[REDACTED]"),
            ("a, ", "a, "),
        ] {
            assert_eq!(shown(text, true, |_| false), expected, "{text}");
        }
    }

    #[test]
    fn placeholder_is_no_value_and_a_panic_hides() {
        for text in ["[REDACTED]", "a [REDACTED] b", "[[REDACTED]]"] {
            assert_eq!(
                shown(text, false, |value| value.contains("REDACTED")
                    && value.len() < 11),
                text
            );
        }
        assert_eq!(shown("a b", false, |value| panic!("{value}")), REDACTED);
    }
}
