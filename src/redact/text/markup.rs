//! Elements of XML and HTML with a sensitive name.

use std::ops::Range;

use crate::redact::{
    names::{Names, REDACTED},
    text::{
        input::{Input, is_blank},
        quote::Quote,
    },
};

/// Finds the secrets of the element whose `<` is at `at`, in the order of the text.
pub(super) fn find(input: &Input<'_, '_>, at: usize) -> Vec<Range<usize>> {
    let rest = input.rest(at + 1);
    let name = &rest[..rest.find(ends_name).unwrap_or(rest.len())];
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Vec::new();
    }
    let tag_start = at + 1 + name.len();
    let (len, closed) = tag_len(&rest[name.len()..]);
    let tag = &rest[name.len()..][..len];
    let content = tag_start + len + 1;
    // A tag without its end was truncated.
    let has_content = closed && !tag.ends_with('/');
    let values = |is_hidden: fn(&str) -> bool| {
        attributes(tag)
            .filter(move |(attribute, ..)| is_hidden(attribute) && !attribute.starts_with("xmlns"))
            .map(|(_, value, start)| tag_start + start..tag_start + start + value.len())
    };
    if is_sensitive(name, input.names) {
        // The attributes are hidden, too, as in `<password value="x"/>`.
        let content =
            has_content.then(|| content..content + content_len(input.rest(content), name));
        return values(|_| true).chain(content).collect();
    }
    let names_secret = |(attribute, value, _): (&str, &str, usize)| {
        names_something(attribute) && is_sensitive(value, input.names)
    };
    if !attributes(tag).any(names_secret) {
        return Vec::new();
    }
    // `<entry key="password">x</entry>`, `<input name="password" value="x">`
    let text = input.rest(content);
    let text = &text[..text.find('<').unwrap_or(text.len())];
    let content = (has_content && !text.trim().is_empty()).then(|| content..content + text.len());
    values(|attribute| !describes_element(attribute))
        .chain(content)
        .collect()
}

fn ends_name(c: char) -> bool {
    is_blank(c) || matches!(c, '>' | '/' | '<' | '"' | '\'' | '=')
}

/// Returns whether a name without its prefix is sensitive (Namespaces in XML 1.0, section 4).
fn is_sensitive(name: &str, names: &Names) -> bool {
    let local = name.rsplit(':').next().unwrap_or(name);
    names.is_sensitive_in_form(local)
}

/// Returns whether the value of an attribute is a name.
fn names_something(attribute: &str) -> bool {
    ["name", "key", "id", "property", "field", "param"]
        .iter()
        .any(|known| attribute.eq_ignore_ascii_case(known))
}

/// Returns whether an attribute describes the element and is not its value.
fn describes_element(attribute: &str) -> bool {
    names_something(attribute)
        || ["type", "class"]
            .iter()
            .any(|known| attribute.eq_ignore_ascii_case(known))
}

/// Returns the length of the rest of a tag, without its `>`, and whether there is a `>`. `text` begins after the name
/// of the tag. A `>` in a quoted value does not end the tag.
fn tag_len(text: &str) -> (usize, bool) {
    let mut at = 0;
    while let Some(found) = text[at..].find(['>', '<', '"', '\'']) {
        at += found;
        let quote = match text.as_bytes()[at] {
            b'>' => return (at, true),
            b'<' => return (at, false),
            quote => char::from(quote),
        };
        match text[at + 1..].find(quote) {
            Some(closing) => at += closing + 2,
            None => break,
        }
    }
    (text.len(), false)
}

/// Iterates over the attributes of a tag: name, value and start of the value.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let equals = at + tag[at..].find('=')?;
            let before = tag[at..equals].trim_end();
            let name = before
                .rsplit(|c: char| c.is_whitespace() || c == '"' || c == '\'')
                .next()
                .unwrap_or_default();
            let gap = tag[equals + 1..].len() - tag[equals + 1..].trim_start().len();
            let start = equals + 1 + gap;
            let (value, end) = match Quote::at_start(&tag[start..]) {
                Some(quote) => {
                    let inner = start + quote.len();
                    match quote.find_end(&tag[inner..]) {
                        Some(closing) => (inner..inner + closing.start, inner + closing.end),
                        None => (inner..tag.len(), tag.len()),
                    }
                }
                None => {
                    let len = tag[start..]
                        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
                        .unwrap_or(tag.len() - start);
                    (start..start + len, start + len)
                }
            };
            at = end;
            if !name.is_empty() {
                return Some((name, &tag[value.clone()], value.start));
            }
        }
    })
}

/// Returns the length of the content of the element `name`, with which `text` begins. The content of an
/// element without an end is all of `text`.
fn content_len(text: &str, name: &str) -> usize {
    let mut depth = 1_usize;
    let mut at = 0;
    if let Some(after) = text.strip_prefix(REDACTED)
        && after.starts_with("</")
    {
        return REDACTED.len();
    }
    while let Some(found) = text[at..].find('<') {
        let open = at + found;
        let rest = &text[open..];
        at = open + 1;
        for (opening, closing) in [("<![CDATA[", "]]>"), ("<!--", "-->")] {
            if rest.starts_with(opening) {
                match rest.find(closing) {
                    None => return text.len(),
                    Some(end) => at = open + end,
                }
            }
        }
        let (closes, tag) = match rest[1..].strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, &rest[1..]),
        };
        let is_same = tag
            .get(..name.len())
            .is_some_and(|tag| tag.eq_ignore_ascii_case(name))
            && tag[name.len()..].chars().next().is_none_or(ends_name);
        if is_same && closes {
            depth -= 1;
            if depth == 0 {
                return open;
            }
        } else if is_same && !is_empty_element(&tag[name.len()..]) {
            depth += 1;
        }
    }
    text.len()
}

/// Returns whether a tag is an empty element. `text` begins after the name of the tag.
fn is_empty_element(text: &str) -> bool {
    let (len, closed) = tag_len(text);
    closed && text[..len].ends_with('/')
}
