//! The syntax of patterns of paths, which is that of actix: `/reset/{token}`, `/files/{name:[a-z]+}`, `/{tail}*`.

use std::{borrow::Cow, str::Chars};

use memchr::memmem;
use percent_encoding::percent_decode_str;

/// Returns the segments of a pattern that are not empty. A regular expression in braces may contain slashes.
pub(super) fn segments_of_pattern(pattern: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let segments = pattern.split(move |c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '/' && depth == 0
    });
    segments.filter(|segment| !segment.is_empty())
}

/// Returns the name and the regular expression of each parameter.
pub(super) fn parameters(pattern: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        let open = &rest[rest.find('{')?..];
        let len = parameter_len(open)?;
        rest = &open[len..];
        let inside = &open[1..len - 1];
        Some(match inside.split_once(':') {
            Some((name, regex)) => (name, Some(regex)),
            None => (inside, None),
        })
    })
}

/// Returns the texts before, between and after the parameters of a pattern, or `None` if a brace is not closed.
pub(super) fn texts_around_parameters(pattern: &str) -> Option<Vec<&str>> {
    let (mut texts, mut rest) = (Vec::new(), pattern);
    while let Some(at) = rest.find('{') {
        texts.push(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[parameter_len(rest)?..];
    }
    texts.push(rest);
    Some(texts)
}

/// The text around the parameters of a segment, which a segment of a path must have, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextAround {
    /// The texts before, between and after the parameters, percent-decoded.
    texts: Box<[Box<[u8]>]>,
    /// The least number of bytes that a parameter matches.
    min: usize,
}

impl TextAround {
    /// Reads a segment of a pattern. `has_regex` says that a parameter has a regular expression, which may match an
    /// empty text.
    pub(super) fn read(segment: &str, has_regex: bool) -> Self {
        let texts = texts_around_parameters(segment).unwrap_or_default();
        let texts = texts.into_iter();
        Self {
            texts: texts
                .map(|text| percent_decode_str(text).collect())
                .collect(),
            min: usize::from(!has_regex),
        }
    }

    /// Returns whether a segment of a path has these texts.
    pub(super) fn is_in(&self, segment: &str) -> bool {
        let [first, between @ .., last] = &*self.texts else {
            // The pattern has no parameter, or a brace is not closed.
            return true;
        };
        let segment: Cow<'_, [u8]> = percent_decode_str(segment).into();
        let Some(mut rest) = segment.strip_prefix(&**first) else {
            return false;
        };
        for text in between {
            let after = rest.get(self.min..);
            let found = after.and_then(|after| Some((after, memmem::find(after, text)?)));
            let Some((after, at)) = found else {
                return false;
            };
            rest = &after[at + text.len()..];
        }
        rest.strip_suffix(&**last)
            .is_some_and(|value| value.len() >= self.min)
    }

    /// Returns the text before the first parameter.
    pub(super) fn first(&self) -> &[u8] {
        self.texts.first().map_or(&[], |text| text)
    }
}

/// Returns the length of the parameter at the start of `text`, braces included, or `None` if it is not closed. Like
/// actix, counts the braces of the regular expression.
fn parameter_len(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return Some(at + 1),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns whether a regular expression may match a slash. In doubt, returns true.
pub(super) fn may_match_slash(regex: &str) -> bool {
    let mut chars = regex.chars();
    while let Some(c) = chars.next() {
        let may_match = match c {
            '.' | '/' => true,
            '\\' => !chars.next().is_some_and(is_escape_without_slash),
            '[' => class_has_slash(&mut chars),
            _ => false,
        };
        if may_match {
            return true;
        }
    }
    false
}

/// Returns whether an escape cannot match a slash: a class of digits, words or blanks, or a punctuation mark.
fn is_escape_without_slash(escaped: char) -> bool {
    matches!(
        escaped,
        'd' | 'w' | 's' | 'b' | 'B' | 'A' | 'z' | 't' | 'n' | 'r'
    ) || (escaped.is_ascii_punctuation() && escaped != '/')
}

/// Reads a class of characters up to its `]`. Returns whether the class may match a slash.
fn class_has_slash(chars: &mut Chars<'_>) -> bool {
    let rest = chars.as_str();
    let is_negated = rest.starts_with('^');
    let members = rest.strip_prefix('^').unwrap_or(rest);
    let (mut has_slash, mut has_unknown, mut earlier) = (false, false, None);
    let mut members = members.char_indices().peekable();
    while let Some((at, c)) = members.next() {
        match c {
            // A bracket at the start is a member.
            ']' if at > 0 => break,
            '[' | '&' => has_unknown = true,
            '\\' => match members.next() {
                Some((_, '/')) => has_slash = true,
                Some((_, escaped)) => {
                    has_unknown |= !is_escape_without_slash(escaped);
                    earlier = Some(escaped);
                    continue;
                }
                None => has_unknown = true,
            },
            '-' => {
                let first = earlier.unwrap_or('-');
                let last = members.peek().map_or('-', |(_, last)| *last);
                has_slash |= (first..=last).contains(&'/') && last != ']';
            }
            '/' => has_slash = true,
            _ => {}
        }
        earlier = Some(c);
    }
    let left: usize = members.map(|(_, c)| c.len_utf8()).sum();
    *chars = rest[rest.len() - left..].chars();
    match is_negated {
        true => !has_slash || has_unknown,
        false => has_slash || has_unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expression_that_may_match_a_slash_is_recognized() {
        for (regex, expected) in [
            (".*", true),
            (r"\d+", false),
            ("[^/]+", false),
            ("[^{}/]+", false),
            ("[^.]+", true),
            ("[a-z0-9_-]+", false),
            ("[!-~]", true),
            (r"[\.-z]", true),
            ("[+/]", true),
            ("[]/]", true),
            ("[^]/]", false),
            (r"\S+", true),
            (r"[\w-]{8}", false),
            (r"[^\s]+", true),
            (r"\x2f", true),
            (r"a\.b", false),
            ("a|b", false),
            ("[a", false),
            (r"\", true),
        ] {
            assert_eq!(may_match_slash(regex), expected, "{regex}");
        }
    }
}
