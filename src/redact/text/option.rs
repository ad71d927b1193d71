//! Options of command lines, as in `--password x` and `curl -u ann:x`. An option with `=` is a [pair](super::pair).

use std::ops::Range;

use crate::{
    redact::{
        listed::is_placeholder,
        shapes::Shape,
        text::{
            input::{Finding, Input, begins_word, is_blank},
            key::{MAX_KEY, PairKey},
            named::Pairs,
            pair::{judge_value, unquoted},
            quote::Quote,
            value::{KeyLine, PairValue},
        },
    },
    util::text::{after_last, ceil_char_boundary},
};

/// The first words of options that have no value.
const FLAGS: [&str; 8] = [
    "no", "ask", "disable", "enable", "show", "skip", "with", "without",
];

/// The last words of options whose value tells where a secret is.
const PLACES: [&str; 8] = ["file", "path", "dir", "stdin", "env", "fd", "url", "name"];

/// Words that may follow an option in a sentence.
const WORDS: [&str; 34] = [
    "a",
    "an",
    "and",
    "argument",
    "arguments",
    "but",
    "are",
    "as",
    "can",
    "cannot",
    "flag",
    "flags",
    "for",
    "from",
    "if",
    "in",
    "instead",
    "is",
    "must",
    "not",
    "on",
    "option",
    "options",
    "or",
    "parameter",
    "parameters",
    "required",
    "requires",
    "should",
    "the",
    "to",
    "was",
    "when",
    "with",
];

/// Returns whether the dash at `at` is the second one of an option whose value may follow a blank.
pub(super) fn begins(text: &str, at: usize) -> bool {
    let Some(start) = at.checked_sub(1).filter(|_| text[..at].ends_with('-')) else {
        return false;
    };
    let name = name_after(text, at);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && text[at + 1 + name.len()..].starts_with([' ', '\t'])
        && begins_word(text, start, |byte| matches!(byte, b'-' | b'_'))
}

/// Returns the name of the option after the dash at `at`, or the beginning of a longer one.
fn name_after(text: &str, at: usize) -> &str {
    const MAX_LEN: usize = 64;
    let rest = &text.as_bytes()[at + 1..];
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let len = rest.iter().take(MAX_LEN).take_while(is_part).count();
    &text[at + 1..][..len]
}

/// Finds the value of the option whose second dash is at `at`.
pub(super) fn find<'t>(input: &Input<'t, '_>, at: usize, pairs: &mut Pairs<'t>) -> Finding {
    let name = name_after(input.text, at);
    let class = input.redactor.class_of(name);
    if !class.is_secret() || has_no_secret(name) {
        return Finding::Nothing;
    }
    let rest = input.rest(at + 1 + name.len());
    let rest = rest.trim_start_matches([' ', '\t']);
    // A backslash at the end of a line joins it with the next line.
    let rest = match rest.strip_prefix('\\') {
        Some(next_line) if next_line.starts_with(is_blank) => {
            next_line.trim_start_matches(is_blank)
        }
        _ => rest,
    };
    // Another option, an operator of the shell, a command, or a remark.
    if rest.starts_with(['-', '|', ';', '&', '>', '`', '(']) || rest.starts_with("$(") {
        return Finding::Nothing;
    }
    let start = input.text.len() - rest.len();
    if rest.starts_with('<') {
        let len = rest.find(is_blank).unwrap_or(rest.len());
        return match is_placeholder(&rest[..len]) {
            true => Finding::SkipTo(start + len),
            false => Finding::Nothing,
        };
    }
    let key = PairKey::of_option(at + 1, name);
    let end = PairValue {
        text: input.text,
        key: &key,
        line: &KeyLine::IN_LINE,
        greedy: false,
        decoded: input.decoded,
        around: pairs.around(input.text, &key),
        in_list: false,
    }
    .end(start);
    let is_cut = input.open && end == input.text.len();
    if !is_cut && is_word(name, &input.text[start..end]) {
        return Finding::Nothing;
    }
    judge_value(input, &key, class, unquoted(input.text, start..end))
}

/// Returns whether an option with this name has no value, or a value that is not a secret.
fn has_no_secret(name: &str) -> bool {
    let mut words = name.split(['-', '_', '.']);
    let is_any = |word: Option<&str>, listed: &[&str]| {
        word.is_some_and(|word| {
            listed
                .iter()
                .any(|listed| word.eq_ignore_ascii_case(listed))
        })
    };
    is_any(words.next(), &FLAGS) || is_any(words.next_back(), &PLACES)
}

/// Returns whether `value` is a word of a sentence, or stands for a value, as in `--api-key KEY`.
fn is_word(name: &str, value: &str) -> bool {
    let word = value.trim_end_matches(['.', ',', ':', ';', '!', '?', ')']);
    let is_listed = WORDS.iter().any(|listed| word.eq_ignore_ascii_case(listed));
    let is_upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let end = name.len().checked_sub(word.len());
    let ends_name = || {
        let end = end.and_then(|end| name.get(end..));
        end.is_some_and(|end| end.replace('-', "_").eq_ignore_ascii_case(word))
    };
    is_listed || (!word.is_empty() && word.bytes().all(is_upper) && ends_name())
}

/// Finds the password after the separator at `colon`, if it is a colon, and an option for a user and a password
/// precedes it.
pub(super) fn find_password(input: &Input<'_, '_>, colon: usize) -> Option<Range<usize>> {
    let text = input.text;
    if text.as_bytes()[colon] != b':' || !input.redactor.hides(Shape::UserInfo) {
        return None;
    }
    let from = ceil_char_boundary(text, colon.saturating_sub(MAX_KEY));
    // Most colons do not follow an option.
    memchr::memchr(b'-', &text.as_bytes()[from..colon])?;
    let ends = |c: char| is_blank(c) || matches!(c, '"' | '\'' | '=');
    let word = from + after_last(&text[from..colon], ends);
    let quote = Quote::at_end(&text[..word]);
    let before = &text[..word - quote.map_or(0, Quote::len)];
    let (option, user) = match text[word..colon].strip_prefix("-u") {
        // `-uann:x`
        Some(user) => (&text[..word + "-u".len()], user),
        None => {
            let option = before.trim_end_matches([' ', '\t']);
            let option = before.strip_suffix('=').unwrap_or(option);
            (option, &text[word..colon])
        }
    };
    if !takes_password(option) {
        return None;
    }
    let start = colon + 1;
    let rest = input.rest(start);
    let end = match quote {
        Some(quote) => quote.find_end(rest).map(|end| end.start),
        None => rest.find(|c| is_blank(c) || matches!(c, '"' | '\'' | '`')),
    };
    let password = &rest[..end.unwrap_or(rest.len())];
    // `--user 1000:1000` are the numbers of a user and a group.
    let is_number = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if password.is_empty() || (is_number(user) && is_number(password)) {
        return None;
    }
    Some(start..start + password.len())
}

/// Returns whether `text` ends with an option whose value is a user and a password. The short one is that of curl,
/// which must precede it, because other programs use the letter for something else.
fn takes_password(text: &str) -> bool {
    const MAX_DISTANCE: usize = 512;
    let is_long = ["--user", "--proxy-user"]
        .iter()
        .any(|option| text.ends_with(option));
    let ends = |option: &str| {
        let before = text.strip_suffix(option);
        before.is_some_and(|before| before.ends_with(is_blank))
    };
    let has_curl = || {
        let from = text.len().saturating_sub(MAX_DISTANCE);
        memchr::memmem::find(&text.as_bytes()[from..], b"curl").is_some()
    };
    is_long || ((ends("-u") || ends("-U")) && has_curl())
}
