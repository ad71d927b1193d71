//! Elements of XML and HTML with a sensitive name.

use crate::redact::{
    names::{Names, REDACTED},
    text::{Pass, quote::Quote},
};

/// `at` is a `<`.
pub(super) fn look(pass: &mut Pass<'_, '_>, at: usize) {
    let rest = pass.rest(at + 1);
    let name = &rest[..rest.find(ends_name).unwrap_or(rest.len())];
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return;
    }
    let inside = &rest[name.len()..];
    let (len, closed) = tag_len(inside);
    let tag = &inside[..len];
    let content = at + 1 + name.len() + len + 1;
    // A tag without its end was cut.
    let has_content = closed && !tag.ends_with('/');
    if is_sensitive(name, pass.names) {
        // The values in the tag are hidden too: `<password value="x"/>`.
        hide_attributes(pass, at + 1 + name.len(), tag, |_| true);
        if has_content {
            let end = content + content_len(pass.rest(content), name);
            pass.hide(content, end);
        }
    } else if attributes(tag)
        .any(|(attribute, value, _)| names_something(attribute) && is_sensitive(value, pass.names))
    {
        // `<entry key="password">x</entry>`, `<input name="password" value="x">`
        hide_attributes(pass, at + 1 + name.len(), tag, |attribute| {
            !describes(attribute)
        });
        let text = pass.rest(content);
        let text = &text[..text.find('<').unwrap_or(text.len())];
        if has_content && !text.trim().is_empty() {
            pass.hide(content, content + text.len());
        }
    }
}

fn ends_name(c: char) -> bool {
    super::is_blank(c) || matches!(c, '>' | '/' | '<' | '"' | '\'' | '=')
}

/// The name without its prefix (Namespaces in XML 1.0, section 4).
fn is_sensitive(name: &str, names: &Names) -> bool {
    let local = name.rsplit(':').next().unwrap_or(name);
    names.is_sensitive_in_form(local)
}

fn names_something(attribute: &str) -> bool {
    ["name", "key", "id", "property", "field", "param"]
        .iter()
        .any(|known| attribute.eq_ignore_ascii_case(known))
}

/// An attribute whose value is about the element and not its value.
fn describes(attribute: &str) -> bool {
    names_something(attribute)
        || ["type", "class"]
            .iter()
            .any(|known| attribute.eq_ignore_ascii_case(known))
}

/// How long the tag is whose name `text` follows, without its `>`, and whether that came. A `>` in
/// a quoted value is none.
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

/// Name, value and the place of the value of each attribute in a tag.
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

/// Hides the values of those attributes of the tag that begins at `offset`.
fn hide_attributes(
    pass: &mut Pass<'_, '_>,
    offset: usize,
    tag: &str,
    hidden: impl Fn(&str) -> bool,
) {
    for (name, value, start) in attributes(tag) {
        if hidden(name) && !name.starts_with("xmlns") {
            pass.hide(offset + start, offset + start + value.len());
        }
    }
}

/// How long the content of the element `name` is that `text` begins with; all of it if the element
/// does not end.
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

/// Says whether the tag whose name `text` follows has no content.
fn is_empty_element(text: &str) -> bool {
    let (len, closed) = tag_len(text);
    closed && text[..len].ends_with('/')
}
