//! The strings of a JSON text.

use wide::u8x16;

use crate::{
    formats::json::{
        reader::{Ending, Reader, Step, Stop, show::Output},
        unescape::single,
    },
    redact::text::{needs_change_at, trigger_mask},
    util::bytes::{self, BLOCK, class},
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
    /// Reads the string whose quote is at `at`, up to where it ends or the reading does.
    pub(super) fn string(&self, at: usize) -> (Text<'i>, Step<usize>) {
        let bytes = self.input.as_bytes();
        let start = at + 1;
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
        // What was begun after `end` is not shown.
        let behind = match ending {
            None => Ok(end + 1),
            Some(ending) => Err(Stop { ending, at: end }),
        };
        (text, behind)
    }

    /// How many characters of a string follow that need no unescaping, in bytes, and whether they can
    /// be shown as they are.
    fn run(&self, start: usize) -> (usize, bool) {
        let bytes = self.input.as_bytes();
        let rest = &bytes[start..];
        let mut len = 0;
        let mut quiet = true;
        while let Some((block, next)) = two_blocks(rest, len) {
            let looks = match O::SHOWS && quiet {
                true => attention(block, next).to_bitmask(),
                false => bytes::hits(block, class::ends_run),
            };
            if looks == 0 {
                len += BLOCK;
                continue;
            }
            let first = looks.trailing_zeros() as usize;
            if block.get(first) == Some(&b'"') {
                return (len + first, quiet);
            }
            let ends = bytes::hits(block, class::ends_run);
            let run = ends.trailing_zeros().min(BLOCK as u32);
            let looks = looks & ((1 << run) - 1);
            quiet = quiet && (looks == 0 || !self.need_a_look(start + len, looks));
            len += run as usize;
            if ends != 0 {
                return (len, quiet);
            }
        }
        // The last sixteen bytes or fewer. What fills them up ends a run.
        let rest = &rest[len..];
        let mut last = [0; 2 * BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let (Some(block), Some(next)) = (last.first_chunk(), last[1..].first_chunk()) else {
            return (len, quiet);
        };
        let run = bytes::hits(block, class::ends_run).trailing_zeros();
        let run = run.min(BLOCK as u32);
        let looks = attention(block, next).to_bitmask() & ((1 << run) - 1);
        let is_loud = O::SHOWS && looks != 0 && self.need_a_look(start + len, looks);
        (len + run as usize, quiet && !is_loud)
    }

    /// Any of these bytes of the block at `start` is more than it seems.
    #[inline(never)]
    fn need_a_look(&self, start: usize, mut looks: u32) -> bool {
        while looks != 0 {
            let at = start + looks.trailing_zeros() as usize;
            if needs_change_at(self.input, at) {
                return true;
            }
            looks &= looks - 1;
        }
        false
    }
}

#[inline(always)]
pub(super) fn attention(block: &[u8; BLOCK], next: &[u8; BLOCK]) -> u8x16 {
    trigger_mask(u8x16::new(*block), u8x16::new(*next))
}

/// The block at `at`, and the one a byte further on.
#[inline(always)]
pub(super) fn two_blocks(bytes: &[u8], at: usize) -> Option<(&[u8; BLOCK], &[u8; BLOCK])> {
    let both = bytes.get(at..)?.first_chunk::<{ BLOCK + 1 }>()?;
    both.first_chunk().zip(both.last_chunk())
}

/// How long the escape is that `rest` begins with.
fn escape_len(rest: &[u8]) -> Result<usize, Ending> {
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
