//! The strings of a JSON text.

use super::{super::unescape::single, Ending, Reader, Step, show::Output};
use crate::{
    scan::{self, BLOCK, class},
    secrets,
};

/// A string, as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'i> {
    /// Without quotes.
    pub(super) raw: &'i str,
    pub(super) start: usize,
    pub(super) escaped: bool,
    /// Not ended: what is missing may be anything.
    pub(super) open: bool,
    /// There is nothing in it that has to be changed.
    pub(super) quiet: bool,
}

impl<'i, O: Output, W> Reader<'i, O, W> {
    /// Reads a string, whose quote is next; and how the reading ended, if it did.
    pub(super) fn string(&mut self) -> (Text<'i>, Option<Ending>) {
        let bytes = self.input.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        let mut escaped = false;
        let mut quiet = true;
        let ending = loop {
            let (run, is_quiet) = self.run(end);
            end += run;
            quiet &= is_quiet;
            match bytes.get(end) {
                Some(b'"') => break None,
                Some(b'\\') => {}
                Some(_) => break Some(Ending::Malformed),
                None => break Some(Ending::Cut),
            }
            match escape_len(&bytes[end..]) {
                Ok(len) => end += len,
                Err(ending) => break Some(ending),
            }
            escaped = true;
        };
        // What was begun after `end` is not shown.
        self.at = match ending {
            None => end + 1,
            Some(_) => end,
        };
        let text = Text {
            raw: &self.input[start..end],
            start,
            escaped,
            open: ending.is_some(),
            // In a text that was cut, slashes may begin user information.
            quiet: quiet
                && !escaped
                && !(ending.is_some() && self.input[start..end].contains("//")),
        };
        (text, ending)
    }

    /// How many characters of a string follow that need no unescaping, in bytes, and whether they can
    /// be shown as they are.
    fn run(&self, start: usize) -> (usize, bool) {
        let bytes = self.input.as_bytes();
        let rest = &bytes[start..];
        let mut len = 0;
        let mut quiet = true;
        while let Some(block) = rest.get(len..).and_then(<[u8]>::first_chunk) {
            let ends = scan::hits(block, class::ends_run);
            let run = ends.trailing_zeros().min(BLOCK as u32);
            quiet = quiet && !self.is_loud(block, start + len, run);
            len += run as usize;
            if ends != 0 {
                return (len, quiet);
            }
        }
        // Behind the last byte there is what ends a run.
        let rest = &rest[len..];
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let run = scan::hits(&last, class::ends_run).trailing_zeros();
        let quiet = quiet && !self.is_loud(&last, start + len, run);
        (len + run as usize, quiet)
    }

    /// Something in the first `len` bytes of the block at `start` has to be changed.
    #[inline(always)]
    pub(super) fn is_loud(&self, block: &[u8; BLOCK], start: usize, len: u32) -> bool {
        if !O::SHOWS {
            return false;
        }
        let mask = (1 << len) - 1;
        let (looks, schemes) = secrets::looks(block);
        let (looks, mut schemes) = (looks & mask, schemes & mask);
        if looks != 0 && self.need_a_look(start, looks) {
            return true;
        }
        while schemes != 0 {
            let at = start + schemes.trailing_zeros() as usize;
            if secrets::begins_scheme(self.input.as_bytes(), at) {
                return true;
            }
            schemes &= schemes - 1;
        }
        false
    }

    /// Any of these bytes of the block at `start` is more than it seems.
    #[inline(never)]
    fn need_a_look(&self, start: usize, mut looks: u32) -> bool {
        while looks != 0 {
            let at = start + looks.trailing_zeros() as usize;
            if secrets::needs_a_look_at(self.input, at) {
                return true;
            }
            looks &= looks - 1;
        }
        false
    }
}

/// How long the escape is that `rest` begins with.
fn escape_len(rest: &[u8]) -> Step<usize> {
    match rest.get(1) {
        None => Err(Ending::Cut),
        Some(b'u') => {
            let digits = &rest[2..rest.len().min(6)];
            match digits.iter().all(u8::is_ascii_hexdigit) {
                false => Err(Ending::Malformed),
                true if digits.len() < 4 => Err(Ending::Cut),
                true => Ok(6),
            }
        }
        Some(&kind) => single(kind).map(|_| 2).ok_or(Ending::Malformed),
    }
}
