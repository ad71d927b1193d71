//! Values of sensitive names that are not secrets: `true`, nothing, placeholders, types.

use crate::{
    redact::{
        listed::{NameClass, Place, is_placeholder},
        text::{
            input::{Input, is_blank},
            key::PairKey,
            value::{KeyLine, begins_pair},
        },
    },
    util::text::cut,
};

/// The marks around placeholders.
const TEMPLATES: [(&str, &str); 6] = [
    ("${{", "}}"),
    ("{{", "}}"),
    ("${", "}"),
    ("%{", "}"),
    ("%(", ")s"),
    ("<", ">"),
];

/// The longest text that is judged.
const MAX_LEN: usize = 80;

/// Returns the length of the text that is not a secret, if the value with which `text` begins is one.
///
/// Line breaks may have become blanks, so another pair, an item or a comment on the same line may follow the value.
/// Other words after it are part of the value: a password may begin with `true`. A `greedy` value may have a `#`.
pub(super) fn harmless_len(
    text: &str,
    class: NameClass,
    place: Place,
    open: bool,
    greedy: bool,
) -> Option<usize> {
    let len = first_piece_len(text)?;
    let (value, after) = text.split_at(len);
    let next = after.trim_start_matches(is_blank);
    let next = next.strip_prefix("- ").unwrap_or(next);
    let is_end = match next {
        "" => !open,
        next if next.len() < after.len() => {
            begins_pair(next.trim_start_matches(' '))
                || (!greedy && (next.starts_with("# ") || begins_section(next)))
        }
        _ => false,
    };
    (is_end && !hides(value, class, place)).then_some(len)
}

/// Returns whether `text` begins a part of a TOML or INI file, or another document of YAML.
fn begins_section(text: &str) -> bool {
    let name = cut(text, MAX_LEN)
        .strip_prefix("[")
        .and_then(|name| name.split_once(']'));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '[' | '_' | '-' | '.');
    name.is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_part))
        || text.starts_with("--- ")
}

/// Returns whether a value of a name is a secret in text.
pub(super) fn hides(value: &str, class: NameClass, place: Place) -> bool {
    let token = &value[scheme_len(value)..];
    // Nothing in YAML, Rust and Python, Ruby and Go, JavaScript.
    let is_nothing = matches!(
        value,
        "{}" | "[]" | "~" | "None" | "nil" | "undefined" | "NULL"
    );
    let is_bool = matches!(value, "True" | "False") && class != NameClass::SecretOfUser;
    class.hides(value, place)
        && !is_nothing
        && !is_bool
        && !is_type(value)
        && !is_placeholder(token)
}

/// Returns the length of the placeholder with which `text` begins, if it is not a part of a longer word.
pub(super) fn placeholder_len(text: &str) -> Option<usize> {
    let len = first_piece_len(text)?;
    let word = &text[..len];
    let is_mark = |c| matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | '.');
    let len = match word.starts_with(['<', '{']) || word.starts_with("${") {
        true => len,
        false => word.find(is_mark).unwrap_or(len),
    };
    let ends = |c: char| is_blank(c) || is_mark(c);
    (is_placeholder(&text[..len]) && text[len..].chars().next().is_none_or(ends)).then_some(len)
}

/// Returns the length of the word or the placeholder with which `text` begins, with the scheme of a credential before
/// it.
fn first_piece_len(text: &str) -> Option<usize> {
    let scheme = scheme_len(text);
    let text = cut(&text[scheme..], MAX_LEN);
    let found = TEMPLATES.into_iter().find_map(|(start, closing)| {
        let inner = text.strip_prefix(start)?;
        Some(
            inner
                .find(closing)
                .map(|at| start.len() + at + closing.len()),
        )
    });
    let len = match found {
        Some(len) => len?,
        None => text.find(is_blank).unwrap_or(text.len()),
    };
    (len > 0 && len < MAX_LEN).then_some(scheme + len)
}

/// Returns the length of the scheme before a placeholder, as in `Bearer <token>`.
fn scheme_len(text: &str) -> usize {
    let scheme = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0);
    let is_scheme = ["bearer", "basic", "token"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&text[..scheme]));
    let token = text[scheme..].trim_start_matches(' ');
    match is_scheme && token.starts_with(['<', '$', '{', '%']) {
        true => text.len() - token.len(),
        false => 0,
    }
}

/// Returns whether `value` is a type in a program, as in `token: Option<Token>`.
fn is_type(value: &str) -> bool {
    const PLAIN: [&str; 5] = ["String", "string", "str", "&str", "&'static str"];
    const GENERIC: [&str; 11] = [
        "Option", "Optional", "Vec", "Box", "Arc", "Rc", "Cow", "Secret", "List", "Array",
        "Promise",
    ];
    let is_part = |c: char| c.is_ascii_alphabetic() || "_:<>&', ".contains(c);
    let generic = value
        .split_once('<')
        .filter(|_| value.ends_with('>') && value.len() < MAX_LEN);
    PLAIN.contains(&value)
        || generic.is_some_and(|(name, of)| GENERIC.contains(&name) && of.chars().all(is_part))
}

/// Returns whether the value of the name at `key` is empty, so that the text from `start` on, which follows a blank, is
/// the next pair and not the value.
///
/// In one line, a value may look like a pair. More pairs after it are those of a mapping whose line breaks became
/// blanks.
pub(super) fn is_empty(
    input: &Input<'_, '_>,
    key: &PairKey<'_>,
    line: &KeyLine,
    at: usize,
    start: usize,
) -> bool {
    const MAX_LINE: usize = 256;
    let gap = &input.text[at + 1..start];
    let next = input.rest(start);
    let Some(name) = name_of_pair(next, key.separator) else {
        return false;
    };
    // The line break and the indentation of a nested name became blanks.
    let begins_line = line.column.is_some() || input.text[..key.start].ends_with("  ");
    if !begins_line || key.quoted || input.redactor.class_of(name) != NameClass::Plain {
        return false;
    }
    if gap.contains(['\n', '\r']) {
        return !line.holds(next, gap);
    }
    let is_upper = |name: &str| !name.bytes().any(|byte| byte.is_ascii_lowercase());
    let is_variable = key.separator == b'=' && is_upper(key.name) && is_upper(name);
    let next = cut(next, MAX_LINE);
    let next = &next[..next.find(['\n', '\r']).unwrap_or(next.len())];
    // The first word after a name is its value.
    let begins = |word: &str| name_of_pair(word, key.separator).is_some();
    let mut words = next.match_indices(' ').map(|(at, _)| &next[at + 1..]);
    let mut has_more = || match words.next() {
        Some(value) if key.separator == b':' => !begins(value) && words.any(begins),
        value => value.is_some_and(begins) || words.any(begins),
    };
    gap.starts_with(' ')
        && gap.trim_start_matches(' ').is_empty()
        && !input.redactor.is_whole_line(key.name)
        && input.text[..at].ends_with(key.name)
        && (is_variable || has_more())
}

/// Returns the name of the pair of a mapping or of a list of variables with which `text` begins.
fn name_of_pair(text: &str, separator: u8) -> Option<&str> {
    const MAX_NAME: usize = 64;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let near = cut(text, MAX_NAME);
    let (name, after) = near.split_at(near.find(|c| !is_part(c))?);
    let value = after.strip_prefix(char::from(separator))?;
    let is_pair = match separator {
        b':' => value.starts_with(is_blank),
        _ => !value.is_empty() && !value.starts_with(|c| is_blank(c) || c == '='),
    };
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (is_pair && begins).then_some(name)
}

#[cfg(test)]
mod tests {
    use crate::redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
        text::redact_text,
    };

    fn shown(text: &str, open: bool) -> String {
        let (names, keys) = (Names::default(), KeyCache::new());
        redact_text(text, open, Redactor::new(&names, &keys)).into_owned()
    }

    #[test]
    fn text_after_a_value_that_is_no_secret_is_shown() {
        for text in [
            "max_tokens: 15\nb: 1\n",
            "secret: true\nname: x\nage: 3",
            "session: null\nuser: ann",
            "x-ratelimit-remaining-tokens: 15\r\nserver: a\r\n",
            "token: %s\nb: 1\nc: 2",
            "- max_tokens: 15\n- b: 1",
            "token: false\n",
            "max_tokens=15\n",
            "a: 1\ntoken: true\n",
            "tokens = 1\n",
            "secret: true # c\nb: 1",
            "max_tokens: 4096 # limit",
            "password: {}\nb: 1",
            "token: []",
            "token: ~\nb: 1",
            "token:\nb: 1\nc: 2",
            "token: \n\nb: 1\nc: 2",
            "a:\n  token:\n  b: 1\nc: 2",
            "TOKEN=\nB=1",
            "token = true\n\n[other]\nb = 1",
            "secret: true\n---\na: 1",
            "S { token: None, secret: True }",
        ] {
            assert_eq!(shown(text, false), text.replace(['\n', '\r'], " "));
        }
    }

    #[test]
    fn value_that_only_begins_like_one_without_a_secret_is_hidden() {
        for text in [
            "secret: true hunter2 x",
            "token: %shunter2",
            "max_tokens: 15 hunter2 3",
            "max_tokens: 15-hunter2",
            "TOKEN=<token>hunter2",
            "token: true #hunter2",
            "token:\n  hunter2\nc: 2",
            "tokens:\n- hunter2\nb: 1",
            "token:\nhunter2\n",
            "password: a: hunter2",
            "password:\na:hunter2\nb: 1",
            "token: invalid: reason: hunter2",
            "password= a=hunter2",
        ] {
            assert!(!shown(text, false).contains("hunter2"), "{text:?}");
            for end in 0..text.len() {
                let shown = shown(&text[..end], true);
                assert!(!shown.contains("hunt"), "{:?} {shown}", &text[..end]);
            }
        }
        assert_eq!(shown("token: tru", true), "token: [REDACTED]");
    }
}
