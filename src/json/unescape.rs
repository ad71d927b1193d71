//! UTF-16 code units of `\u` escapes, joined into characters.

/// Joins surrogate pairs. A lone surrogate becomes U+FFFD: RFC 8259, section 8.2 allows it in a
/// text and leaves its meaning open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Units {
    high: Option<u16>,
}

impl Units {
    /// Takes the next unit; calls `out` with each character that is now known.
    pub(crate) fn push(&mut self, unit: u16, mut out: impl FnMut(char)) {
        match (self.high.take(), unit) {
            (high, 0xd800..=0xdbff) => {
                if high.is_some() {
                    out(char::REPLACEMENT_CHARACTER);
                }
                self.high = Some(unit);
            }
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, unit]).next();
                out(pair
                    .and_then(Result::ok)
                    .unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (high, _) => {
                if high.is_some() {
                    out(char::REPLACEMENT_CHARACTER);
                }
                out(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    /// The run of escapes has ended; call this before anything else is appended.
    pub(crate) fn end(&mut self, mut out: impl FnMut(char)) {
        if self.high.take().is_some() {
            out(char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn units_are_joined_as_utf_16_is(units in prop::collection::vec(
            prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010], 0..8))
        {
            let mut joined = String::new();
            let mut state = Units::default();
            for &unit in &units {
                state.push(unit, |c| joined.push(c));
            }
            state.end(|c| joined.push(c));
            prop_assert_eq!(joined, String::from_utf16_lossy(&units));
        }
    }
}
