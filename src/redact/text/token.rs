//! Tokens whose prefix names their issuer.

use crate::redact::text::input::{Finding, Input, begins_word};

/// A kind of token.
struct Kind {
    prefix: &'static str,
    /// The place of the byte in `prefix` at which a token of this kind is recognized.
    trigger: usize,
    tail: Tail,
}

/// The characters after a prefix.
#[derive(Clone, Copy)]
enum Tail {
    /// At least this number of letters, digits and the other characters.
    Chars(usize, &'static [u8]),
    /// Exactly this number of upper-case letters and digits.
    Upper(usize),
    /// Two parts with a full stop between them, each of at least this length.
    Parts(usize),
}

/// The most bytes after a prefix that decide whether they are a token.
const MAX_JUDGED: usize = 256;

impl Kind {
    const fn new(prefix: &'static str, tail: Tail) -> Self {
        let bytes = prefix.as_bytes();
        let mut trigger = 0;
        while !is_trigger(bytes[trigger]) {
            trigger += 1;
        }
        Self {
            prefix,
            trigger,
            tail,
        }
    }
}

/// Returns whether the first of these bytes in a prefix is its trigger.
const fn is_trigger(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b'G' | b'I' | b'2')
}

/// The issuers' formats, with a minimum that leaves names such as `npm_config_cache` and `hf_model` alone. Test keys
/// and shorter tokens of earlier formats count too, where no name has the prefix.
const KINDS: [Kind; 25] = [
    Kind::new("ghp_", Tail::Chars(10, b"_")),
    Kind::new("gho_", Tail::Chars(10, b"_")),
    Kind::new("ghu_", Tail::Chars(10, b"_")),
    Kind::new("ghs_", Tail::Chars(10, b"_")),
    Kind::new("ghr_", Tail::Chars(10, b"_")),
    Kind::new("github_pat_", Tail::Chars(10, b"_")),
    Kind::new("sk_live_", Tail::Chars(10, b"_")),
    Kind::new("rk_live_", Tail::Chars(10, b"_")),
    Kind::new("whsec_", Tail::Chars(10, b"+/=_-")),
    Kind::new("npm_", Tail::Chars(36, b"")),
    Kind::new("hf_", Tail::Chars(30, b"")),
    Kind::new("dop_v1_", Tail::Chars(32, b"")),
    Kind::new("glpat-", Tail::Chars(10, b"_-.")),
    Kind::new("xoxb-", Tail::Chars(10, b"-")),
    Kind::new("xoxp-", Tail::Chars(10, b"-")),
    Kind::new("xoxa-", Tail::Chars(10, b"-")),
    Kind::new("xapp-", Tail::Chars(10, b"-")),
    Kind::new("sk-ant-", Tail::Chars(10, b"_-")),
    Kind::new("sk-proj-", Tail::Chars(10, b"_-")),
    Kind::new("pypi-", Tail::Chars(16, b"_-")),
    Kind::new("ya29.", Tail::Chars(10, b"_-.")),
    Kind::new("SG.", Tail::Parts(10)),
    Kind::new("AKIA", Tail::Upper(16)),
    Kind::new("ASIA", Tail::Upper(16)),
    Kind::new("AIza", Tail::Chars(30, b"_-")),
];

/// Returns whether the byte at `at` belongs to the prefix of a token.
#[inline]
pub(super) fn is_prefix(text: &[u8], at: usize) -> bool {
    // Most marks and capital letters are rejected here.
    let may_be = match text[at] {
        b'_' => matches!(
            &text[..at],
            [.., b'g', b'h', _]
                | [.., b'h', b'u', b'b']
                | [.., b's' | b'r', b'k']
                | [.., b's', b'e', b'c']
                | [.., b'n', b'p', b'm']
                | [.., b'd', b'o', b'p']
                | [.., b'h', b'f']
        ),
        b'-' => matches!(
            &text[..at],
            [.., b'p', b'a', b't']
                | [.., b'x', b'o', b'x', _]
                | [.., b'a', b'p', b'p']
                | [.., b's', b'k']
                | [.., b'y', b'p', b'i']
        ),
        b'G' | b'I' | b'2' => true,
        _ => false,
    };
    may_be && kind_at(text, at).is_some()
}

/// Returns the kind of token whose prefix has its trigger at `at`, and the place of the prefix.
fn kind_at(text: &[u8], at: usize) -> Option<(&'static Kind, usize)> {
    KINDS.iter().find_map(|kind| {
        let start = at.checked_sub(kind.trigger)?;
        let begins = text[start..].starts_with(kind.prefix.as_bytes());
        begins.then_some((kind, start))
    })
}

/// Finds the token whose prefix has its trigger at `at`.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Finding {
    let bytes = input.text.as_bytes();
    let Some((kind, start)) = kind_at(bytes, at) else {
        return Finding::Nothing;
    };
    if !begins_word(input.text, start, |byte| byte == b'_') {
        return Finding::Nothing;
    }
    let from = start + kind.prefix.len();
    let others: &[u8] = match kind.tail {
        Tail::Chars(_, others) => others,
        Tail::Upper(_) => b"_",
        Tail::Parts(_) => b"_-.",
    };
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || others.contains(byte);
    // A token is judged by its first bytes, because each prefix in a long word begins a search.
    let judged = bytes[from..].iter().take(MAX_JUDGED);
    let len = judged.take_while(is_part).count();
    if input.open && from + len == bytes.len() {
        return Finding::Secret(start..bytes.len());
    }
    // Marks at the end belong to the sentence.
    let tail = input.text[from..from + len].trim_end_matches(['.', '-']);
    // A name of several words is not a token.
    let is_random = tail
        .bytes()
        .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        || !tail.contains(['_', '-', '.']);
    let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let is_token = match kind.tail {
        Tail::Chars(min, _) => tail.len() >= min && is_random,
        Tail::Upper(wanted) => tail.len() == wanted && tail.bytes().all(is_upper),
        Tail::Parts(min) => {
            let parts = tail.split_once('.');
            parts.is_some_and(|(first, second)| first.len() >= min && second.len() >= min)
        }
    };
    if is_token && len == MAX_JUDGED {
        let rest = bytes[from + len..].iter().take_while(is_part).count();
        return Finding::Secret(start..from + len + rest);
    }
    match is_token {
        true => Finding::Secret(start..from + tail.len()),
        // A token inside of the word may follow a mark.
        false => Finding::Nothing,
    }
}
