//! Reading a JSON text that is at hand as a whole, or a prefix of one.
//!
//! The [lexer](super::lexer) can be stopped anywhere, and pays for it with each token. What was kept
//! of a body is in one piece. The two accept the same texts: the tests compare them.

use super::{
    code::{CodePath, CodeState, FoundCode},
    nesting::{Container, Nesting},
    number::Number,
    unescape::{single, unescape},
};
use crate::{
    budget::Lease,
    key_memo::{KeyMemo, Verdict},
    names::{Names, REDACTED},
    scan::{self, BLOCK, class},
    secrets, text,
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
        let show = Show {
            out,
            copied: 0,
            names,
            memo,
        };
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
        let show = Show {
            out,
            copied: 0,
            names,
            memo,
        };
        Reader::new(input, show, &mut watch).read()
    });
    (ending, watch)
}

/// A string, as it stands.
#[derive(Clone, Copy, Debug)]
struct Text<'i> {
    /// Without quotes.
    raw: &'i str,
    start: usize,
    escaped: bool,
    /// Not ended: what is missing may be anything.
    open: bool,
    /// There is nothing in it that has to be changed.
    quiet: bool,
}

/// What is done with what is read. All calls are in the order of the text.
trait Output {
    /// Whether anybody wants to know what has to be changed in a text.
    const SHOWS: bool;
    /// Everything up to `at` is as it should be.
    fn flush(&mut self, input: &str, at: usize);
    /// What follows from `at` is left out up to the next call of [`resume`](Self::resume).
    fn hide(&mut self, input: &str, at: usize);
    fn resume(&mut self, at: usize);
    /// What is known of a key, which is in `block` up to its first `len` bytes.
    fn known(&self, block: &[u8; BLOCK], len: usize) -> Option<Verdict>;
    /// True if the value under this key is to be hidden.
    fn key(&mut self, input: &str, key: Text<'_>) -> bool;
    fn text(&mut self, input: &str, text: Text<'_>);
}

/// Nothing is shown.
struct Nothing;

impl Output for Nothing {
    const SHOWS: bool = false;

    #[inline(always)]
    fn flush(&mut self, _: &str, _: usize) {}
    #[inline(always)]
    fn hide(&mut self, _: &str, _: usize) {}
    #[inline(always)]
    fn resume(&mut self, _: usize) {}
    #[inline(always)]
    fn known(&self, _: &[u8; BLOCK], _: usize) -> Option<Verdict> {
        Some(Verdict::Harmless)
    }
    #[inline(always)]
    fn key(&mut self, _: &str, _: Text<'_>) -> bool {
        false
    }
    #[inline(always)]
    fn text(&mut self, _: &str, _: Text<'_>) {}
}

/// Copies in runs: from one thing that has to be changed to the next.
struct Show<'r> {
    out: &'r mut String,
    /// Up to here the input is in `out`.
    copied: usize,
    names: &'r Names,
    memo: &'r mut KeyMemo,
}

impl Show<'_> {
    #[inline(never)]
    fn changed(&mut self, input: &str, text: Text<'_>) {
        let unescaped = match text.escaped {
            true => unescape(text.raw),
            false => text.raw.into(),
        };
        let shown = secrets::hide(&unescaped, text.open, self.names);
        if shown.is_none() && text::find_forbidden(text.raw).is_none() {
            return;
        }
        self.flush(input, text.start);
        match shown {
            Some(shown) => push_escaped(self.out, &shown),
            None => push_on_one_line(self.out, text.raw),
        }
        self.copied = text.start + text.raw.len();
    }
}

impl Output for Show<'_> {
    const SHOWS: bool = true;

    #[inline(always)]
    fn flush(&mut self, input: &str, at: usize) {
        self.out.push_str(&input[self.copied..at]);
        self.copied = at;
    }

    fn hide(&mut self, input: &str, at: usize) {
        self.flush(input, at);
        self.out.push('"');
        self.out.push_str(REDACTED);
        self.out.push('"');
    }

    #[inline(always)]
    fn resume(&mut self, at: usize) {
        self.copied = at;
    }

    #[inline(always)]
    fn known(&self, block: &[u8; BLOCK], len: usize) -> Option<Verdict> {
        self.memo.get(block, len)
    }

    #[inline(never)]
    fn key(&mut self, input: &str, key: Text<'_>) -> bool {
        let sensitive = match key.escaped {
            true => self.names.is_sensitive(&unescape(key.raw)),
            false => self.names.is_sensitive(key.raw),
        };
        if !key.quiet {
            self.changed(input, key);
        } else if !key.open {
            let verdict = match sensitive {
                true => Verdict::Sensitive,
                false => Verdict::Harmless,
            };
            self.memo.put(key.raw, verdict);
        }
        sensitive
    }

    #[inline(always)]
    fn text(&mut self, input: &str, text: Text<'_>) {
        if !text.quiet {
            self.changed(input, text);
        }
    }
}

/// Appends clean text as characters of a JSON string.
fn push_escaped(out: &mut String, clean: &str) {
    for c in clean.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Appends characters of a JSON string. Those that a line must not contain are legal in one, so they
/// are escaped: the text means the same afterwards.
fn push_on_one_line(out: &mut String, mut chars: &str) {
    while let Some(at) = text::find_forbidden(chars) {
        out.push_str(&chars[..at]);
        let mut rest = chars[at..].chars();
        if let Some(c) = rest.next() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        chars = rest.as_str();
    }
    out.push_str(chars);
}

/// Who looks for a code.
trait Watch {
    /// Whether a key at this depth is of interest, and the value behind it.
    fn sees_keys(&self, depth: usize) -> bool;
    fn sees_value(&self) -> bool;
    fn key(&mut self, depth: usize, raw: &str, escaped: bool);
    /// A value begins.
    fn open(&mut self, depth: usize, container: Container);
    fn close(&mut self, depth: usize);
    fn text(&mut self, text: Text<'_>);
    fn number(&mut self, digits: &str);
    /// A literal, or a value that is not whole.
    fn other(&mut self);
}

struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn sees_keys(&self, _: usize) -> bool {
        false
    }
    #[inline(always)]
    fn sees_value(&self) -> bool {
        false
    }
    #[inline(always)]
    fn key(&mut self, _: usize, _: &str, _: bool) {}
    #[inline(always)]
    fn open(&mut self, _: usize, _: Container) {}
    #[inline(always)]
    fn close(&mut self, _: usize) {}
    #[inline(always)]
    fn text(&mut self, _: Text<'_>) {}
    #[inline(always)]
    fn number(&mut self, _: &str) {}
    #[inline(always)]
    fn other(&mut self) {}
}

/// Looks for a code, by the rules of the [`CodeFinder`](super::finder::CodeFinder).
#[derive(Debug)]
pub(crate) struct CodeWatch<'p> {
    path: &'p CodePath,
    /// How many open containers lie on the path to the code.
    on_path: usize,
    /// The key that is looked for was the last one that was read.
    expected: bool,
    found: Option<FoundCode>,
    /// A number that is too long to be known.
    cut: bool,
}

impl<'p> CodeWatch<'p> {
    fn new(path: &'p CodePath) -> Self {
        Self {
            path,
            on_path: 0,
            expected: false,
            found: None,
            cut: false,
        }
    }

    /// The code, or why there is none. `whole` says that all of the response was read.
    pub(crate) fn finish(self, ending: Ending, whole: bool) -> Result<FoundCode, CodeState> {
        let seen_whole = whole && !self.cut;
        if ending == Ending::Malformed || (seen_whole && ending != Ending::Complete) {
            return Err(CodeState::Malformed);
        }
        match self.found {
            Some(code) => Ok(code),
            None if seen_whole => Err(CodeState::Absent),
            None => Err(CodeState::Cut),
        }
    }

    /// A value begins that can be the code.
    #[inline(always)]
    fn is_here(&mut self) -> bool {
        std::mem::take(&mut self.expected) && self.on_path == self.path.keys().len()
    }
}

impl Watch for &mut CodeWatch<'_> {
    #[inline(always)]
    fn sees_keys(&self, depth: usize) -> bool {
        depth == self.on_path
    }

    #[inline(always)]
    fn sees_value(&self) -> bool {
        self.expected
    }

    fn key(&mut self, depth: usize, raw: &str, escaped: bool) {
        if depth == self.on_path
            && let Some(wanted) = self.path.keys().get(depth - 1)
            && (wanted == raw || (escaped && *wanted == unescape(raw)))
        {
            self.expected = true;
            self.found = None;
        }
    }

    #[inline(always)]
    fn open(&mut self, depth: usize, container: Container) {
        let expected = std::mem::take(&mut self.expected);
        let follows = depth == self.on_path + 1
            && container == Container::Object
            && self.on_path < self.path.keys().len()
            && (self.on_path == 0 || expected);
        self.on_path += usize::from(follows);
    }

    #[inline(always)]
    fn close(&mut self, depth: usize) {
        self.on_path = self.on_path.min(depth);
    }

    fn text(&mut self, text: Text<'_>) {
        if self.is_here() && !text.open {
            let mut code = FoundCode::new(false);
            match text.escaped {
                true => code.push(unescape(text.raw).as_bytes()),
                false => code.push(text.raw.as_bytes()),
            }
            self.found = Some(code);
        }
    }

    fn number(&mut self, digits: &str) {
        if self.is_here() {
            let mut code = FoundCode::new(true);
            code.push(digits.as_bytes());
            match code.is_cut_number() {
                true => self.cut = true,
                false => self.found = Some(code),
            }
        }
    }

    #[inline(always)]
    fn other(&mut self) {
        self.expected = false;
    }
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
        let depth = self.nesting.depth();
        if self.watch.sees_keys(depth) {
            self.watch
                .key(depth, &self.input[start..start + len], false);
        }
        Some(verdict)
    }

    #[inline(never)]
    fn any_key(&mut self) -> Step<bool> {
        let (key, end) = self.string();
        let shown = self.hidden.is_none();
        let hide = shown && self.out.key(self.input, key);
        self.watch.key(self.nesting.depth(), key.raw, key.escaped);
        match end {
            None => Ok(hide),
            Some(ending) => Err(ending),
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

    /// Reads a string, whose quote is next; and how the reading ended, if it did.
    fn string(&mut self) -> (Text<'i>, Option<Ending>) {
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
            quiet: quiet && !escaped,
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
    fn is_loud(&self, block: &[u8; BLOCK], start: usize, len: u32) -> bool {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    Object,
    Array,
    /// The value is over.
    Nothing,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{
        charset::Charset,
        json::{
            finder::CodeFinder,
            lexer::{Lexer, Token},
        },
    };

    fn redacted(input: &str) -> (String, Ending) {
        let mut out = String::new();
        let ending = redact(&mut out, input, &Names::default());
        (out, ending)
    }

    #[test]
    fn sensitive_values_are_hidden_whole_and_the_rest_is_compacted() {
        for (input, expected) in [
            (
                r#" { "a" : [ 1 , "x y" , null ] } "#,
                r#"{"a":[1,"x y",null]}"#,
            ),
            (
                r#"{"password":"p","n":1}"#,
                r#"{"password":"[REDACTED]","n":1}"#,
            ),
            (
                r#"{"password":"","n":1}"#,
                r#"{"password":"[REDACTED]","n":1}"#,
            ),
            (r#"{"pin": 1234, "n":1}"#, r#"{"pin":"[REDACTED]","n":1}"#),
            (r#"{"token":null}"#, r#"{"token":"[REDACTED]"}"#),
            (
                r#"{"token":["a",{"b":"c"}],"n":1}"#,
                r#"{"token":"[REDACTED]","n":1}"#,
            ),
            (
                r#"{"secret":{"password":"p","x":[1]},"n":[1]}"#,
                r#"{"secret":"[REDACTED]","n":[1]}"#,
            ),
            (
                r#"{"pass\u0077ord":"p"}"#,
                r#"{"pass\u0077ord":"[REDACTED]"}"#,
            ),
            (
                r#"{"API-Key":"p","api":{"key":"shown"}}"#,
                r#"{"API-Key":"[REDACTED]","api":{"key":"shown"}}"#,
            ),
            (
                r#"{"name":"password","v":"p\"q\n"}"#,
                r#"{"name":"password","v":"p\"q\n"}"#,
            ),
            (
                r#"[{"token":1},{"token":[[2]]},3]"#,
                r#"[{"token":"[REDACTED]"},{"token":"[REDACTED]"},3]"#,
            ),
            ("7", "7"),
            (r#""text""#, r#""text""#),
            (
                "{\"a\":\"\u{7f}\u{2028}x\u{202e}\"}",
                r#"{"a":"\u007f\u2028x\u202e"}"#,
            ),
        ] {
            assert_eq!(
                redacted(input),
                (expected.to_owned(), Ending::Complete),
                "{input}"
            );
        }
    }

    #[test]
    fn nothing_after_a_fault_is_shown() {
        for (input, expected) in [
            ("", ""),
            ("<html>password=x", ""),
            ("{'password':'x'}", "{"),
            (r#"{"a":1}{"password":"x"}"#, r#"{"a":1}"#),
            (r#"{"a":1,/* password */"b":2}"#, r#"{"a":1,"#),
            (r#"{"a":tru3,"b":2}"#, r#"{"a":"#),
            ("{\"a\":\"x\ny\"}", r#"{"a":"x"#),
        ] {
            let (shown, ending) = redacted(input);
            assert_eq!(shown, expected, "{input}");
            assert_ne!(ending, Ending::Complete);
        }
        assert_eq!(redacted("").1, Ending::Cut);
        assert_eq!(redacted("<").1, Ending::Malformed);
    }

    #[test]
    fn a_secret_does_not_survive_any_cut() {
        let text = r#"{"a":{"password":"SECRET"},"tok\u0065n":["SECRET",{"x":"SECRET"}],"pin":"SECRET","b":1}"#;
        for end in 0..text.len() {
            let (shown, ending) = redacted(&text[..end]);
            assert!(!shown.contains("SE"), "{shown}");
            assert_eq!(ending, Ending::Cut);
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let key = prop_oneof![4 => "[a-z]{0,4}", 1 => Just("user_password".to_owned()), 1 => any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn hide(value: &mut Value) {
        let names = Names::default();
        let hidden = |text: &str| secrets::hide(text, false, &names);
        match value {
            Value::String(text) => *text = hidden(text).unwrap_or(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(hide),
            Value::Object(entries) => {
                for (key, mut value) in std::mem::take(entries) {
                    if names.is_sensitive(&key) {
                        value = REDACTED.into();
                    } else {
                        hide(&mut value);
                    }
                    entries.insert(hidden(&key).unwrap_or(key), value);
                }
            }
            _ => {}
        }
    }

    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", " ", "\n", "\\", "\\u0041", "\\ud83d\\ude00", "\\n",
                "\"a\":", "\"password\":", "\"code\":", "\"x\"", "\"token: abc\"", "1", "-", "0", "1.5", "e3", "true", "fals", "null", "12",
                "{\"a\":1,", "[1,2,", "\"k\":{", "\"pin\":[", "}}", "]]", "Bearer abc", "\u{7f}", "\u{2028}", "é", "\"long string that has more than a block in it\""]).prop_map(str::to_owned),
            1 => any::<String>(),
        ];
        prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_lexer_comes_as_far(text in pieces()) {
            let mut lexer = Lexer::new(Lease::unlimited());
            let broke = lexer.feed(text.as_bytes()).any(|token| token == Token::Invalid);
            let expected = match (broke, lexer.is_complete()) {
                (true, _) => Ending::Malformed,
                (false, true) => Ending::Complete,
                (false, false) => Ending::Cut,
            };
            prop_assert_eq!(redacted(&text).1, expected);
        }

        #[test]
        fn the_finder_finds_the_same_code(text in pieces(), whole in any::<bool>(), deep in any::<bool>()) {
            let path = CodePath::new(if deep { "/k/code" } else { "code" });
            let mut finder = CodeFinder::new(4096, Charset::Utf8, Lease::unlimited());
            finder.push(&path, text.as_bytes());
            let (ending, watch) = find(&text, &path);
            let found = watch.finish(ending, whole);
            prop_assert_eq!(&found, &finder.finish(whole));
            let mut shown = String::new();
            let (ending, watch) = redact_and_find(&mut shown, &text, &Names::default(), &path);
            prop_assert_eq!(watch.finish(ending, whole), found);
            prop_assert_eq!((shown, ending), redacted(&text));
        }
    }

    proptest! {
        #[test]
        fn a_whole_document_stays_the_same_value_but_for_what_is_hidden(value in values(), pretty in any::<bool>()) {
            let text = if pretty {
                serde_json::to_string_pretty(&value)
            } else {
                serde_json::to_string(&value)
            }.unwrap();
            let (shown, ending) = redacted(&text);
            let mut expected = value;
            hide(&mut expected);
            prop_assert_eq!(ending, Ending::Complete);
            prop_assert!(!shown.contains(text::is_forbidden));
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), expected);
            prop_assert_eq!(redacted(&shown), (shown, Ending::Complete));
        }

        #[test]
        fn any_text_is_survived_and_never_contains_what_a_line_must_not(text in any::<String>()) {
            let (shown, _) = redacted(&text);
            prop_assert!(!shown.contains(text::is_forbidden));
        }
    }
}
