//! Checking UTF-8 that comes in pieces: JSON is nothing else (RFC 8259, section 8.1).

use std::str;

/// What has come so far is UTF-8, but for a character that is not whole yet. (At the end of a JSON
/// text there is none: a closing quote would have to follow it.)
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    open: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Takes the next piece; false if it is not UTF-8.
    #[must_use]
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> bool {
        while self.len > 0 {
            let Some((&byte, rest)) = piece.split_first() else {
                return true;
            };
            piece = rest;
            self.open[self.len] = byte;
            self.len += 1;
            match str::from_utf8(&self.open[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => {
                    self.len = 0;
                    return false;
                }
                Err(_) => {}
            }
        }
        let Err(error) = str::from_utf8(piece) else {
            return true;
        };
        let open = &piece[error.valid_up_to()..];
        if error.error_len().is_some() {
            return false;
        }
        self.open[..open.len()].copy_from_slice(open);
        self.len = open.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_are_judged_as_the_whole_is(
            text in prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                any::<Vec<u8>>(),
                prop::collection::vec(prop_oneof![0x80_u8..0xc0, 0xc0_u8..=0xff, 0x20_u8..0x7f], 0..8),
            ],
            size in 1_usize..5,
        ) {
            let mut utf8 = Utf8::default();
            let mut sound = true;
            for piece in text.chunks(size) {
                // Also after a fault: it must not panic then.
                sound &= utf8.push(piece);
            }
            prop_assert_eq!(sound && utf8.len == 0, str::from_utf8(&text).is_ok());
        }
    }
}
