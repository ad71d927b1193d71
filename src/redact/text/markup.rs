//! Elements of XML and HTML with a sensitive name.

use std::ops::Range;

use crate::{
    redact::{
        key_cache::Redactor,
        listed::{NameClass, Place},
        pieces::REDACTED,
        text::{
            harmless::hides,
            input::{Input, is_blank},
            named::Pairs,
            quote::Quote,
        },
    },
    util::text::cut,
};

/// The names of elements that are known not to be closed in the rest of a text, so that no text is searched twice for
/// the same closing tag.
#[derive(Clone, Debug, Default)]
pub(super) struct Unclosed<'t>(Vec<&'t str>);

/// The most names that are remembered.
const MAX_UNCLOSED: usize = 8;

/// Finds the secrets of the element whose `<` is at `at`, in the order of the text.
pub(super) fn find<'t>(
    input: &Input<'t, '_>,
    at: usize,
    unclosed: &mut Unclosed<'t>,
    pairs: &mut Pairs<'t>,
) -> Vec<Range<usize>> {
    let rest = input.rest(at + 1);
    if rest.starts_with('/') {
        pairs.close_element();
    }
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
    let is_late = has_content && pairs.open_element(content, is_sibling_value(local(name)));
    if is_late {
        // An element after this one names it.
        let rest = input.rest(content);
        let len = content_len(rest, name, unclosed).unwrap_or(rest.len());
        return Vec::from_iter((len > 0).then_some(content..content + len));
    }
    let values = |is_hidden: fn(&str) -> bool| {
        attributes(tag)
            .filter(move |(attribute, ..)| is_hidden(attribute) && !attribute.starts_with("xmlns"))
            .map(|(_, value, start)| tag_start + start..tag_start + start + value.len())
    };
    let element = |end: usize| (has_content && end > content).then_some(content..end);
    if is_sensitive(name, input.redactor) {
        let class = input.redactor.class_of(local(name));
        // The attributes are hidden, too, as in `<password value="x"/>`.
        let len = has_content.then(|| content_len(input.rest(content), name, unclosed));
        let end = match len {
            None => content,
            Some(Some(len)) => content + len,
            Some(None) => end_of_unclosed(input, at, content),
        };
        let secrets = values(|_| true).chain(element(end));
        return secrets
            .filter(|secret| is_secret(input, secret, class))
            .collect();
    }
    let names_secret = |(attribute, value, _): (&str, &str, usize)| {
        names_something(attribute) && is_sensitive(value, input.redactor)
    };
    let Some((naming, named, _)) = attributes(tag).find(|&attribute| names_secret(attribute))
    else {
        // The attribute with the name may be in the part of the tag that is missing.
        let is_cut = !closed && input.open && content > input.text.len();
        return match is_cut {
            true => values(is_value).collect(),
            false => named_sibling(input, name, content, has_content, unclosed, pairs),
        };
    };
    // An `id` names an element of a page, which may hold much else.
    let holds_value = has_content && !naming.eq_ignore_ascii_case("id");
    let end = end_of_named(input, name, content, holds_value, unclosed);
    let class = input.redactor.class_of(local(named));
    values(|attribute| !describes_element(attribute))
        .chain(element(end))
        .filter(|secret| is_secret(input, secret, class))
        .collect()
}

/// Returns the end of the content of an element whose attribute has a sensitive name, as in
/// `<entry key="password">x</entry>` and `<input name="password" value="x">`.
fn end_of_named<'t>(
    input: &Input<'t, '_>,
    name: &'t str,
    content: usize,
    holds_value: bool,
    unclosed: &mut Unclosed<'t>,
) -> usize {
    let text = input.rest(content);
    let text_len = text.find('<').unwrap_or(text.len());
    let len = match holds_value {
        true => content_len(text, name, unclosed),
        false => None,
    };
    content
        + len.unwrap_or(match text[..text_len].trim().is_empty() {
            // The end of the element may be in the part of the text that is missing.
            _ if input.open && holds_value && !is_void(name) => text.len(),
            true => 0,
            false => text_len,
        })
}

/// Returns whether a content or an attribute of a sensitive name is a secret. What was truncated may be one.
fn is_secret(input: &Input<'_, '_>, range: &Range<usize>, class: NameClass) -> bool {
    let value = input.text[range.clone()].trim();
    let is_cut = input.open && range.end == input.text.len();
    // An element is not a placeholder.
    is_cut || value.starts_with('<') || hides(value, class, Place::Document)
}

/// Returns the end of the content of a sensitive element without an end, whose tag is `at..content`: that of the line,
/// or of the text if the text was truncated.
///
/// In a text that is not markup, this is a placeholder, as in `login <password>`, unless its content follows at once.
fn end_of_unclosed(input: &Input<'_, '_>, at: usize, content: usize) -> usize {
    const MAX_INDENT: usize = 256;
    let rest = input.rest(content);
    let is_type = input.text[..at].ends_with(char::is_alphanumeric);
    let is_redacted = rest
        .strip_prefix(REDACTED)
        .is_some_and(|after| !after.starts_with(|c: char| !is_blank(c)));
    let is_markup = || cut(input.text, MAX_INDENT).trim_start().starts_with('<');
    // Punctuation may follow a placeholder, and so may the rest of a URL.
    let after = rest.trim_start_matches([',', ';', '.', ':', ')', ']', '}', '|', '"', '\'', '`']);
    let has_content = after.starts_with(|c| !is_blank(c) && !matches!(c, '@' | '/'))
        && !(after.len() < rest.len() && after.starts_with('<'));
    match () {
        () if input.open => input.text.len(),
        () if is_type || is_redacted || !(has_content || is_markup()) => content,
        () => {
            let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
            content + line.trim_end_matches(is_blank).len()
        }
    }
}

/// Finds the value that the text of this element names, as in `<name>db.password</name><value>x</value>`. After a
/// `<key>`, the value is the next element, whatever its name is.
fn named_sibling<'t>(
    input: &Input<'t, '_>,
    name: &'t str,
    content: usize,
    has_content: bool,
    unclosed: &mut Unclosed<'t>,
    pairs: &mut Pairs<'t>,
) -> Vec<Range<usize>> {
    const MAX_DISTANCE: usize = 512;
    let text = input.rest(content);
    let named = &text[..text.find('<').unwrap_or(text.len())];
    let is_naming = has_content && names_something(local(name)) && named.len() <= MAX_DISTANCE;
    if !is_naming || !is_sensitive(named.trim(), input.redactor) {
        return Vec::new();
    }
    pairs.name_siblings();
    let is_key = name.eq_ignore_ascii_case("key");
    let mut at = content + named.len();
    // The closing tag of the name comes first.
    let mut depth = 1_usize;
    while let Some(found) = input.rest(at).find('<') {
        let tag = at + found + 1;
        if tag > content + named.len() + MAX_DISTANCE {
            break;
        }
        at = tag;
        let rest = input.rest(tag);
        if let Some(after) = rest.strip_prefix('/') {
            let Some(left) = depth.checked_sub(1) else {
                break;
            };
            depth = left;
            at += 1 + after.find('>').unwrap_or(after.len());
            continue;
        }
        let sibling = &rest[..rest.find(ends_name).unwrap_or(rest.len())];
        let (len, closed) = tag_len(&rest[sibling.len()..]);
        let start = tag + sibling.len() + len + 1;
        if depth == 0 && closed && (is_key || is_value(local(sibling))) {
            let rest = input.rest(start);
            let len = content_len(rest, sibling, unclosed).unwrap_or(rest.len());
            return (len > 0)
                .then_some(start..start + len)
                .into_iter()
                .collect();
        }
        let is_empty = rest[sibling.len()..][..len].ends_with('/');
        depth += usize::from(!is_empty && !sibling.starts_with(['!', '?']));
        at = start.min(input.text.len());
    }
    Vec::new()
}

fn ends_name(c: char) -> bool {
    is_blank(c) || matches!(c, '>' | '/' | '<' | '"' | '\'' | '=')
}

/// Returns whether a name without its prefix is sensitive (Namespaces in XML 1.0, section 4).
fn is_sensitive(name: &str, redactor: Redactor<'_>) -> bool {
    redactor.is_sensitive(local(name))
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Returns whether an attribute or an element is a value that another one names.
fn is_value(name: &str) -> bool {
    let values = ["value", "val", "values", "content", "input"];
    values.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether an element is a value that the element after it may name. The content of `<content>` and `<input>`
/// may be a whole document.
fn is_sibling_value(name: &str) -> bool {
    let values = ["value", "val", "values"];
    values.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether the value of an attribute is a name.
fn names_something(attribute: &str) -> bool {
    const NAMING: [&str; 9] = [
        "name",
        "key",
        "id",
        "property",
        "field",
        "param",
        "parameter",
        "path",
        "attribute",
    ];
    NAMING
        .iter()
        .any(|known| attribute.eq_ignore_ascii_case(known))
}

/// Returns whether an element that has a name never has content (HTML, section 13.1.2).
fn is_void(name: &str) -> bool {
    let void = ["input", "link", "meta"];
    void.iter().any(|known| name.eq_ignore_ascii_case(known))
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

/// Returns the length of the content of the element `name`, with which `text` begins, or `None` if the element has no
/// end.
fn content_len<'t>(text: &'t str, name: &'t str, unclosed: &mut Unclosed<'t>) -> Option<usize> {
    if text
        .strip_prefix(REDACTED)
        .is_some_and(|after| after.starts_with("</"))
    {
        return Some(REDACTED.len());
    }
    let is_known = |known: &&str| known.eq_ignore_ascii_case(name);
    if unclosed.0.iter().any(is_known) {
        return None;
    }
    // XML distinguishes `</a>` and `</A>`, HTML does not.
    let same = |tag: &str| tag == name;
    let same_in_html = |tag: &str| tag.eq_ignore_ascii_case(name);
    let len = end_of_content(text, name.len(), same)
        .or_else(|| end_of_content(text, name.len(), same_in_html));
    if len.is_none() {
        if unclosed.0.len() >= MAX_UNCLOSED {
            return Some(text.len());
        }
        unclosed.0.push(name);
    }
    len
}

/// Finds the closing tag that ends the content with which `text` begins. If elements of the name are nested and not
/// closed, the last closing tag ends it.
fn end_of_content(text: &str, name_len: usize, is_same: impl Fn(&str) -> bool) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = 0;
    let mut last = None;
    while let Some(found) = text[at..].find('<') {
        let open = at + found;
        let rest = &text[open..];
        at = open + 1;
        for (opening, closing) in [("<![CDATA[", "]]>"), ("<!--", "-->")] {
            if rest.starts_with(opening) {
                match rest.find(closing) {
                    None => return Some(text.len()),
                    Some(end) => at = open + end,
                }
            }
        }
        let (closes, tag) = match rest[1..].strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, &rest[1..]),
        };
        let is_same = tag.get(..name_len).is_some_and(&is_same)
            && tag[name_len..].chars().next().is_none_or(ends_name);
        if is_same && closes {
            last = Some(open);
            depth -= 1;
            if depth == 0 {
                break;
            }
        } else if is_same && !is_empty_element(&tag[name_len..]) {
            depth += 1;
        }
    }
    last
}

/// Returns whether a tag is an empty element. `text` begins after the name of the tag.
fn is_empty_element(text: &str) -> bool {
    let (len, closed) = tag_len(text);
    closed && text[..len].ends_with('/')
}
