//! Reading a JSON text that is at hand as a whole, or a prefix of one.
//!
//! The [lexer](super::lexer) can be stopped anywhere, and pays for it with each token. What was kept
//! of a body is in one piece. The two accept the same texts: the tests compare them.

mod show;
mod string;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use self::watch::CodeWatch;
use crate::{
    capture::budget::Lease,
    formats::json::{
        code::CodePath,
        nesting::{Container, Nesting},
        number::Number,
        reader::{
            show::{Nothing, Output, Show},
            watch::{Unwatched, Watch},
        },
    },
    redact::{
        key_cache::{KeyMemo, Verdict},
        names::Names,
    },
    util::bytes::{self, BLOCK, class},
};

/// How far the reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// One whole JSON text.
    Complete,
    /// The beginning of one.
    Cut,
    /// Not JSON from some point on. What stands before that point is shown, nothing after it: who
    /// has lost their bearings cannot tell a key from a value.
    Malformed,
}

/// Appends `input` to `out`: white space outside strings dropped, values of sensitive keys and
/// secrets in strings replaced, whatever a log line must not contain written as a `\u` escape.
pub(crate) fn redact(out: &mut String, input: &str, names: &Names) -> Ending {
    KeyMemo::with(names, |memo| {
        let show = Show::new(out, names, memo);
        Reader::new(input, show, Unwatched).read()
    })
}

/// Looks for the code in `input`.
pub(crate) fn find<'p, 'i>(input: &'i str, path: &'p CodePath) -> (Ending, CodeWatch<'p, 'i>) {
    let mut watch = CodeWatch::new(path);
    let ending = Reader::new(input, Nothing, &mut watch).read();
    (ending, watch)
}

/// Does both.
pub(crate) fn redact_and_find<'p, 'i>(
    out: &mut String,
    input: &'i str,
    names: &Names,
    path: &'p CodePath,
) -> (Ending, CodeWatch<'p, 'i>) {
    let mut watch = CodeWatch::new(path);
    let ending = KeyMemo::with(names, |memo| {
        let show = Show::new(out, names, memo);
        Reader::new(input, show, &mut watch).read()
    });
    (ending, watch)
}

/// The place of what comes next is not in here: it is handed from step to step, in a register.
struct Reader<'i, O, W> {
    input: &'i str,
    nesting: Nesting,
    /// The innermost container.
    innermost: Option<Container>,
    out: O,
    /// The depth at which the value that is being left out began.
    hidden: Option<usize>,
    watch: W,
}

/// The reading is over.
struct Stop {
    ending: Ending,
    /// Nothing from here on is shown.
    at: usize,
}

/// What was found, or where the reading goes on.
type Step<T> = Result<T, Stop>;

fn malformed<T>(at: usize) -> Step<T> {
    let ending = Ending::Malformed;
    Err(Stop { ending, at })
}

fn cut<T>(at: usize) -> Step<T> {
    let ending = Ending::Cut;
    Err(Stop { ending, at })
}

impl<'i, O: Output, W: Watch<'i>> Reader<'i, O, W> {
    fn new(input: &'i str, out: O, watch: W) -> Self {
        Self {
            input,
            nesting: Nesting::new(Lease::unlimited()),
            innermost: None,
            out,
            hidden: None,
            watch,
        }
    }

    fn read(mut self) -> Ending {
        let Err(Stop { ending, at }) = self.document();
        if self.hidden.is_none() {
            self.out.flush(self.input, at);
        }
        ending
    }

    fn document(&mut self) -> Step<std::convert::Infallible> {
        let mut at = 0;
        let mut hide = false;
        loop {
            // A value, or the end of an array that has none.
            let begins;
            (at, begins) = self.value(at, hide)?;
            hide = false;
            if let Some(container) = begins {
                // In a container that was just opened there may be nothing.
                let byte;
                (at, byte) = self.next(at)?;
                if byte == container.end() {
                    at = self.close(at);
                } else if container == Container::Object {
                    (at, hide) = self.key(at)?;
                    continue;
                } else {
                    continue;
                }
            }
            // Behind a value.
            loop {
                let Some(innermost) = self.innermost else {
                    return self.end(at);
                };
                let byte;
                (at, byte) = self.next(at)?;
                if byte == b',' {
                    at += 1;
                    if innermost == Container::Object {
                        (at, hide) = self.key(at)?;
                    }
                    break;
                }
                if byte != innermost.end() {
                    return malformed(at);
                }
                at = self.close(at);
            }
        }
    }

    /// Passes over blanks; the byte behind them, and where it stands.
    #[inline(always)]
    fn next(&mut self, at: usize) -> Step<(usize, u8)> {
        match self.input.as_bytes().get(at) {
            Some(&byte) if byte > b' ' => Ok((at, byte)),
            _ => {
                let at = self.blanks(at)?;
                Ok((at, self.input.as_bytes()[at]))
            }
        }
    }

    #[inline(never)]
    fn blanks(&mut self, at: usize) -> Step<usize> {
        if self.hidden.is_none() {
            self.out.flush(self.input, at);
        }
        let rest = &self.input.as_bytes()[at..];
        let blanks = rest.iter();
        let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let at = at + blanks.count();
        if self.hidden.is_none() {
            self.out.resume(at);
        }
        match at < self.input.len() {
            true => Ok(at),
            false => cut(at),
        }
    }

    /// The text is one value, and that is over.
    fn end<T>(&mut self, at: usize) -> Step<T> {
        match self.next(at) {
            Ok((at, _)) => malformed(at),
            Err(Stop { at, .. }) => Err(Stop {
                ending: Ending::Complete,
                at,
            }),
        }
    }

    #[inline(always)]
    fn close(&mut self, at: usize) -> usize {
        self.nesting.pop();
        self.innermost = self.nesting.top();
        self.watch.close(self.nesting.depth());
        self.ended(at + 1);
        at + 1
    }

    /// A value is over.
    #[inline(always)]
    fn ended(&mut self, at: usize) {
        if self.hidden == Some(self.nesting.depth()) {
            self.hidden = None;
            self.out.resume(at);
        }
    }

    /// Reads a key and its colon; true if the value is to be hidden.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Step<(usize, bool)> {
        let (at, byte) = self.next(at)?;
        if byte != b'"' {
            return malformed(at);
        }
        let (at, hide) = match self.known_key(at) {
            Some((at, verdict)) => (at, verdict == Verdict::Sensitive && self.hidden.is_none()),
            None => self.any_key(at)?,
        };
        let (at, byte) = self.next(at)?;
        if byte != b':' {
            return malformed(at);
        }
        Ok((at + 1, hide))
    }

    /// Passes over a key that was seen before.
    #[inline(always)]
    fn known_key(&mut self, at: usize) -> Option<(usize, Verdict)> {
        let start = at + 1;
        let block = self.input.as_bytes().get(start..)?.first_chunk::<BLOCK>()?;
        let len = bytes::hits(block, class::ends_run).trailing_zeros() as usize;
        if block.get(len) != Some(&b'"') {
            return None;
        }
        let verdict = self.out.known(block, len)?;
        self.watch_key(start, len, false);
        Some((start + len + 1, verdict))
    }

    #[inline(never)]
    fn any_key(&mut self, at: usize) -> Step<(usize, bool)> {
        let (key, end) = self.string(at);
        let shown = self.hidden.is_none();
        let hide = shown && self.out.key(self.input, key);
        // What was cut may become another.
        let at = end?;
        self.watch_key(key.start, key.raw.len(), key.escaped);
        Ok((at, hide))
    }

    #[inline(always)]
    fn watch_key(&mut self, start: usize, len: usize, escaped: bool) {
        let depth = self.nesting.depth();
        if self.watch.sees_keys(depth) {
            let raw = &self.input[start..start + len];
            self.watch.key(depth, raw, escaped);
        }
    }

    /// Reads a value, or the beginning of a container: which one.
    #[inline(always)]
    fn value(&mut self, at: usize, hide: bool) -> Step<(usize, Option<Container>)> {
        let (at, byte) = self.next(at)?;
        let at = match byte {
            b'"' => {
                self.hide(at, hide);
                match self.quiet_text(at) {
                    Some(at) => at,
                    None => self.any_text(at)?,
                }
            }
            b'{' => return self.open(at, hide, Container::Object),
            b'[' => return self.open(at, hide, Container::Array),
            b'-' | b'0'..=b'9' => {
                self.hide(at, hide);
                self.number(at)?
            }
            b't' => self.literal(at, hide, b"true")?,
            b'f' => self.literal(at, hide, b"false")?,
            b'n' => self.literal(at, hide, b"null")?,
            _ => return malformed(at),
        };
        self.ended(at);
        Ok((at, None))
    }

    /// Passes over a short text in which there is nothing to see.
    #[inline(always)]
    fn quiet_text(&self, at: usize) -> Option<usize> {
        let start = at + 1;
        let (block, next) = string::two_blocks(self.input.as_bytes(), start)?;
        let ends = match O::SHOWS {
            true => string::attention(block, next).to_bitmask(),
            false => bytes::hits(block, class::ends_run),
        };
        let len = ends.trailing_zeros() as usize;
        (block.get(len) == Some(&b'"') && !self.watch.sees_value()).then_some(start + len + 1)
    }

    #[inline(never)]
    fn any_text(&mut self, at: usize) -> Step<usize> {
        let (text, end) = self.string(at);
        if self.hidden.is_none() {
            self.out.text(self.input, text);
        }
        self.watch.text(text);
        end
    }

    #[inline(always)]
    fn hide(&mut self, at: usize, hide: bool) {
        if hide {
            self.out.hide(self.input, at);
            self.hidden = Some(self.nesting.depth());
        }
    }

    #[inline(always)]
    fn open(
        &mut self,
        at: usize,
        hide: bool,
        container: Container,
    ) -> Step<(usize, Option<Container>)> {
        self.hide(at, hide);
        if !self.nesting.push(container) {
            return malformed(at);
        }
        self.innermost = Some(container);
        self.watch.open(self.nesting.depth(), container);
        Ok((at + 1, Some(container)))
    }

    fn literal(&mut self, at: usize, hide: bool, literal: &[u8]) -> Step<usize> {
        let rest = &self.input.as_bytes()[at..];
        let seen = rest.len().min(literal.len());
        if rest[..seen] != literal[..seen] {
            return malformed(at);
        }
        self.hide(at, hide);
        self.watch.other();
        match seen == literal.len() {
            true => Ok(at + seen),
            false => cut(at + seen),
        }
    }

    #[inline(always)]
    fn number(&mut self, start: usize) -> Step<usize> {
        let bytes = self.input.as_bytes();
        // Most have no exponent.
        let digits = |from: usize| {
            bytes[from..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
        };
        let whole = digits(start).count();
        let mut end = start + whole;
        let mut is_plain = whole > 0 && (bytes[start] != b'0' || whole == 1);
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1).count();
            is_plain &= fraction > 0;
            end += 1 + fraction;
        }
        if !is_plain || matches!(bytes.get(end), None | Some(b'.' | b'e' | b'E')) {
            end = self.any_number(start)?;
        }
        if self.watch.sees_value() {
            self.watch.number(&self.input[start..end]);
        }
        Ok(end)
    }

    #[inline(never)]
    fn any_number(&mut self, start: usize) -> Step<usize> {
        let bytes = self.input.as_bytes();
        let mut number = match bytes[start] {
            b'-' => Number::Minus,
            b'0' => Number::Zero,
            _ => Number::Int,
        };
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            match number.step(byte) {
                Some(next) => number = next,
                None if number.may_end() => return Ok(at),
                None => return malformed(at),
            }
            at += 1;
        }
        // It may go on, unless it is all there is.
        match self.nesting.depth() == 0 && number.may_end() {
            true => Ok(at),
            false => cut(at),
        }
    }
}
