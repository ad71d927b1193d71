//! What a record shows of a JSON text.

use crate::{
    formats::json::{reader::string::Text, unescape::unescape},
    redact::{
        key_cache::{KeyMemo, Verdict},
        names::{Names, REDACTED},
        text::hide_secrets,
    },
    util::{bytes::BLOCK, text},
};

/// What is done with what is read. All calls are in the order of the text.
pub(super) trait Output {
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
pub(super) struct Nothing;

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
pub(super) struct Show<'r> {
    out: &'r mut String,
    /// Up to here the input is in `out`.
    copied: usize,
    names: &'r Names,
    memo: &'r mut KeyMemo,
}

impl<'r> Show<'r> {
    pub(super) fn new(out: &'r mut String, names: &'r Names, memo: &'r mut KeyMemo) -> Self {
        Self {
            out,
            copied: 0,
            names,
            memo,
        }
    }

    #[inline(never)]
    fn changed(&mut self, input: &str, text: Text<'_>) {
        let unescaped = match text.escaped {
            true => unescape(text.raw),
            false => text.raw.into(),
        };
        let shown = hide_secrets(&unescaped, text.open, self.names);
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
