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
use self::{
    show::{Nothing, Output, Show},
    watch::{Unwatched, Watch},
};
use super::{
    code::CodePath,
    nesting::{Container, Nesting},
    number::Number,
};
use crate::{
    budget::Lease,
    key_memo::{KeyMemo, Verdict},
    names::Names,
    scan::{self, BLOCK, class},
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
pub(crate) fn find<'p>(input: &str, path: &'p CodePath) -> (Ending, CodeWatch<'p>) {
    let mut watch = CodeWatch::new(path);
    let ending = Reader::new(input, Nothing, &mut watch).read();
    (ending, watch)
}

/// Does both.
pub(crate) fn redact_and_find<'p>(
    out: &mut String,
    input: &str,
    names: &Names,
    path: &'p CodePath,
) -> (Ending, CodeWatch<'p>) {
    let mut watch = CodeWatch::new(path);
    let ending = KeyMemo::with(names, |memo| {
        let show = Show::new(out, names, memo);
        Reader::new(input, show, &mut watch).read()
    });
    (ending, watch)
}

struct Reader<'i, O, W> {
    input: &'i str,
    at: usize,
    nesting: Nesting,
    /// The innermost container.
    innermost: Option<Container>,
    out: O,
    /// The depth at which the value that is being left out began.
    hidden: Option<usize>,
    watch: W,
}

/// The reading is over, here.
type Step<T> = Result<T, Ending>;

impl<'i, O: Output, W: Watch> Reader<'i, O, W> {
    fn new(input: &'i str, out: O, watch: W) -> Self {
        Self {
            input,
            at: 0,
            nesting: Nesting::new(Lease::unlimited()),
            innermost: None,
            out,
            hidden: None,
            watch,
        }
    }

    fn read(mut self) -> Ending {
        let Err(ending) = self.document();
        if self.hidden.is_none() {
            self.out.flush(self.input, self.at);
        }
        ending
    }

    fn document(&mut self) -> Step<std::convert::Infallible> {
        let mut hide = false;
        loop {
            // A value, or the end of an array that has none.
            let begins = self.value(hide)?;
            hide = false;
            if begins == Begins::Object && !self.closes(b'}')? {
                hide = self.key()?;
                continue;
            }
            if begins == Begins::Array && !self.closes(b']')? {
                continue;
            }
            // Behind a value.
            loop {
                let Some(innermost) = self.innermost else {
                    return Err(self.end());
                };
                match (self.next()?, innermost) {
                    (b',', Container::Object) => {
                        self.at += 1;
                        hide = self.key()?;
                        break;
                    }
                    (b',', Container::Array) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', Container::Object) | (b']', Container::Array) => self.close(),
                    _ => return Err(Ending::Malformed),
                }
            }
        }
    }

    /// Passes over blanks; the byte behind them.
    #[inline(always)]
    fn next(&mut self) -> Step<u8> {
        match self.input.as_bytes().get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => self.blanks(),
        }
    }

    #[inline(never)]
    fn blanks(&mut self) -> Step<u8> {
        if self.hidden.is_none() {
            self.out.flush(self.input, self.at);
        }
        let rest = &self.input.as_bytes()[self.at..];
        let blanks = rest.iter();
        let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let blanks = blanks.count();
        self.at += blanks;
        if self.hidden.is_none() {
            self.out.resume(self.at);
        }
        rest.get(blanks).copied().ok_or(Ending::Cut)
    }

    /// The text is one value, and that is over.
    fn end(&mut self) -> Ending {
        match self.next() {
            Ok(_) => Ending::Malformed,
            Err(_) => Ending::Complete,
        }
    }

    /// A container that was just opened has nothing in it.
    #[inline(always)]
    fn closes(&mut self, byte: u8) -> Step<bool> {
        let closes = self.next()? == byte;
        if closes {
            self.close();
        }
        Ok(closes)
    }

    #[inline(always)]
    fn close(&mut self) {
        self.at += 1;
        self.nesting.pop();
        self.innermost = self.nesting.top();
        self.watch.close(self.nesting.depth());
        self.ended();
    }

    /// A value is over.
    #[inline(always)]
    fn ended(&mut self) {
        if self.hidden == Some(self.nesting.depth()) {
            self.hidden = None;
            self.out.resume(self.at);
        }
    }

    /// Reads a key and its colon; true if the value is to be hidden.
    #[inline(always)]
    fn key(&mut self) -> Step<bool> {
        if self.next()? != b'"' {
            return Err(Ending::Malformed);
        }
        let hide = match self.known_key() {
            Some(verdict) => verdict == Verdict::Sensitive && self.hidden.is_none(),
            None => self.any_key()?,
        };
        if self.next()? != b':' {
            return Err(Ending::Malformed);
        }
        self.at += 1;
        Ok(hide)
    }

    /// Passes over a key that was seen before.
    #[inline(always)]
    fn known_key(&mut self) -> Option<Verdict> {
        let start = self.at + 1;
        let block = self.input.as_bytes().get(start..)?.first_chunk::<BLOCK>()?;
        let len = scan::hits(block, class::ends_run).trailing_zeros() as usize;
        if block.get(len) != Some(&b'"') {
            return None;
        }
        let verdict = self.out.known(block, len)?;
        self.at = start + len + 1;
        self.watch_key(&self.input[start..start + len], false);
        Some(verdict)
    }

    #[inline(never)]
    fn any_key(&mut self) -> Step<bool> {
        let (key, end) = self.string();
        let shown = self.hidden.is_none();
        let hide = shown && self.out.key(self.input, key);
        match end {
            None => self.watch_key(key.raw, key.escaped),
            // It may become another.
            Some(ending) => return Err(ending),
        }
        Ok(hide)
    }

    #[inline(always)]
    fn watch_key(&mut self, raw: &str, escaped: bool) {
        let depth = self.nesting.depth();
        if self.watch.sees_keys(depth) {
            self.watch.key(depth, raw, escaped);
        }
    }

    /// Reads a value, or the beginning of a container.
    #[inline(always)]
    fn value(&mut self, hide: bool) -> Step<Begins> {
        match self.next()? {
            b'"' => {
                self.hide(hide);
                if !self.quiet_text() {
                    self.any_text()?;
                }
            }
            b'{' => return self.open(hide, Container::Object),
            b'[' => return self.open(hide, Container::Array),
            b'-' | b'0'..=b'9' => {
                self.hide(hide);
                self.number()?;
            }
            b't' => self.literal(hide, b"true")?,
            b'f' => self.literal(hide, b"false")?,
            b'n' => self.literal(hide, b"null")?,
            _ => return Err(Ending::Malformed),
        }
        self.ended();
        Ok(Begins::Nothing)
    }

    /// Passes over a short text in which there is nothing to see.
    #[inline(always)]
    fn quiet_text(&mut self) -> bool {
        let start = self.at + 1;
        let rest = self.input.as_bytes().get(start..);
        let Some(block) = rest.and_then(<[u8]>::first_chunk::<BLOCK>) else {
            return false;
        };
        let len = scan::hits(block, class::ends_run).trailing_zeros() as usize;
        if block.get(len) != Some(&b'"') || self.watch.sees_value() {
            return false;
        }
        if self.is_loud(block, start, len as u32) {
            return false;
        }
        self.at = start + len + 1;
        true
    }

    #[inline(never)]
    fn any_text(&mut self) -> Step<()> {
        let (text, end) = self.string();
        if self.hidden.is_none() {
            self.out.text(self.input, text);
        }
        self.watch.text(text);
        match end {
            None => Ok(()),
            Some(ending) => Err(ending),
        }
    }

    #[inline(always)]
    fn hide(&mut self, hide: bool) {
        if hide {
            self.out.hide(self.input, self.at);
            self.hidden = Some(self.nesting.depth());
        }
    }

    #[inline(always)]
    fn open(&mut self, hide: bool, container: Container) -> Step<Begins> {
        self.hide(hide);
        if !self.nesting.push(container) {
            return Err(Ending::Malformed);
        }
        self.at += 1;
        self.innermost = Some(container);
        self.watch.open(self.nesting.depth(), container);
        Ok(match container {
            Container::Object => Begins::Object,
            Container::Array => Begins::Array,
        })
    }

    fn literal(&mut self, hide: bool, literal: &[u8]) -> Step<()> {
        let rest = &self.input.as_bytes()[self.at..];
        let seen = rest.len().min(literal.len());
        if rest[..seen] != literal[..seen] {
            return Err(Ending::Malformed);
        }
        self.hide(hide);
        self.watch.other();
        self.at += seen;
        match seen == literal.len() {
            true => Ok(()),
            false => Err(Ending::Cut),
        }
    }

    #[inline(always)]
    fn number(&mut self) -> Step<()> {
        let start = self.at;
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
        if is_plain && !matches!(bytes.get(end), None | Some(b'.' | b'e' | b'E')) {
            self.at = end;
        } else {
            self.any_number()?;
        }
        if self.watch.sees_value() {
            self.watch.number(&self.input[start..self.at]);
        }
        Ok(())
    }

    #[inline(never)]
    fn any_number(&mut self) -> Step<()> {
        let bytes = self.input.as_bytes();
        let mut number = match bytes[self.at] {
            b'-' => Number::Minus,
            b'0' => Number::Zero,
            _ => Number::Int,
        };
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            match number.step(byte) {
                Some(next) => number = next,
                None if number.may_end() => return Ok(()),
                None => return Err(Ending::Malformed),
            }
            self.at += 1;
        }
        // It may go on, unless it is all there is.
        match self.nesting.depth() == 0 && number.may_end() {
            true => Ok(()),
            false => Err(Ending::Cut),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    Object,
    Array,
    /// The value is over.
    Nothing,
}
