//! Pairs: a value that another text names, as in `name: password, value: x`.
//!
//! A name and a value are a pair if they are in one entry: an entry of a list or a mapping in YAML, the text between
//! two brackets or quotes, or the rest of a line. A value is hidden if the name before it is sensitive, even if the
//! value is nested in the entry of the name. A value that precedes its name in the same entry is hidden, too.

use std::collections::BTreeMap;

use crate::{
    formats::form,
    redact::text::{
        input::{Input, is_blank},
        key::{PairKey, unescape_name},
        quote::Quote,
        value::{Around, KeyLine, begins_pair},
    },
    util::text::cut,
};

/// The most entries that are open at once. Deeper ones belong to the innermost of them.
const MAX_ENTRIES: usize = 32;

/// The most brackets and quotes around a name that are looked at, from the inside out.
const MAX_BRACKETS: usize = 64;

/// The pairs of one pass.
#[derive(Debug, Default)]
pub(super) struct Pairs<'t> {
    /// The end of the text that was searched for the ends of entries.
    at: usize,
    /// Set if the text has several lines, once this is known.
    has_lines: Option<bool>,
    /// The brackets and the quote that are open at `at`.
    brackets: Vec<u8>,
    /// The number of brackets before the quote that is open at `at`.
    quote: Option<usize>,
    /// Set if a backtick is open at `at`. Entries may go on after it.
    in_backticks: bool,
    /// The open entries, from the outside in.
    entries: Vec<Entry<'t>>,
    /// The number of XML elements that are open.
    elements: usize,
    /// The XML elements that a name may follow: the number of elements around each, and the start of its content.
    siblings: Vec<(usize, usize)>,
    /// The places of the values that turned out to be secrets after they were passed, and the starts of their names.
    late: BTreeMap<usize, usize>,
    /// Set if `late` was found by the pass before this one.
    is_known: bool,
}

/// A name and values that belong together.
#[derive(Debug)]
struct Entry<'t> {
    /// The number of brackets around the entry.
    depth: usize,
    /// The column of its names, if they begin lines.
    column: Option<usize>,
    is_item: bool,
    /// The name with which the entry begins. If it occurs again, it begins another entry.
    first: &'t str,
    /// Set if the entry has a name, even if no value follows.
    has_name: bool,
    /// Set if a sensitive name follows the values in an open bracket. If the bracket is never closed, it is a mark in
    /// a text, and the name is one of the entry.
    holds_name: bool,
    /// Set if the name is sensitive, or that of the entry in which this entry is.
    is_sensitive: bool,
    /// The separators of the values before the first name.
    values: Vec<usize>,
}

impl<'t> Pairs<'t> {
    /// Begins at `at`, with no open entry, but with the elements and the innermost brackets and quotes that are open
    /// now.
    pub(super) fn after(&self, at: usize) -> Self {
        // This is copied for each gap, so a text with many brackets must not be copied whole.
        let outer = self.brackets.len().saturating_sub(MAX_BRACKETS);
        Self {
            at,
            brackets: self.brackets[outer..].to_vec(),
            quote: self.quote.and_then(|depth| depth.checked_sub(outer)),
            in_backticks: self.in_backticks,
            elements: self.elements,
            ..Self::default()
        }
    }

    /// Returns what is open before the name.
    pub(super) fn around(&mut self, text: &str, key: &PairKey<'_>) -> Around {
        self.scan(text, key.start_with_quote(text));
        // A bracket may be a part of the name, as in `user[pin]`.
        let count = |mark: char| key.name.matches(mark).count();
        let opened = (count('[') > count(']')).then_some(b'[');
        let backtick = self.in_backticks.then_some(b'`');
        let brackets = self.brackets.iter().rev().take(MAX_BRACKETS).copied();
        Around {
            open: brackets.chain(opened).chain(backtick).collect(),
            in_element: self.elements > 0,
        }
    }

    /// Takes a name whose separator is at `at`, and judges its text.
    pub(super) fn name(&mut self, input: &Input<'t, '_>, key: &PairKey<'t>, at: usize) {
        let is_sensitive = names_secret(input, at);
        let entry = self.entry(input.text, key);
        // In a nested entry, a name of the entry replaces that of the outer one.
        entry.is_sensitive = is_sensitive || (entry.has_name && entry.is_sensitive);
        entry.has_name = true;
        if is_sensitive {
            let values = std::mem::take(&mut entry.values);
            self.add_late(values, key.start);
            for outer in self.entries.iter_mut().filter(|outer| !outer.has_name) {
                outer.holds_name = true;
            }
        }
    }

    /// Takes a value whose separator is at `at`. If the value is a secret, returns the place before which it ends.
    pub(super) fn value(
        &mut self,
        input: &Input<'t, '_>,
        key: &PairKey<'t>,
        at: usize,
    ) -> Option<usize> {
        let entry = self.entry(input.text, key);
        if entry.is_sensitive {
            return Some(usize::MAX);
        }
        entry.values.push(at);
        self.limit_of_late(at)
    }

    /// Takes an XML element whose content begins at `content`. Returns whether the content is a secret because a name
    /// follows.
    pub(super) fn open_element(&mut self, content: usize, is_value: bool) -> bool {
        if is_value {
            self.siblings.push((self.elements, content));
        }
        self.elements += 1;
        self.limit_of_late(content).is_some()
    }

    /// Takes the end tag of an XML element.
    pub(super) fn close_element(&mut self) {
        self.elements = self.elements.saturating_sub(1);
        while self
            .siblings
            .last()
            .is_some_and(|last| last.0 > self.elements)
        {
            self.siblings.pop();
        }
    }

    /// Takes the text of the innermost open XML element, which is a sensitive name. The values before it in the element
    /// around it are secrets.
    pub(super) fn name_siblings(&mut self) {
        let around = self.elements.saturating_sub(1);
        while let Some((_, value)) = self.siblings.pop_if(|last| last.0 == around) {
            self.add_late([value], usize::MAX);
        }
    }

    /// Takes the end of the text. If secrets were found after they were passed, returns what the next pass, which hides
    /// them, begins with.
    ///
    /// If the text was truncated, a name may follow the values of an entry without a name.
    pub(super) fn again(&mut self, input: &Input<'t, '_>) -> Option<Self> {
        if input.open || self.entries.iter().any(|entry| entry.holds_name) {
            self.scan(input.text, input.text.len());
        }
        if input.open {
            for entry in &mut self.entries {
                entry.holds_name |= !entry.has_name;
            }
            for (_, content) in std::mem::take(&mut self.siblings) {
                self.add_late([content], usize::MAX);
            }
        }
        self.end_entries(0);
        if self.late.is_empty() || self.is_known {
            return None;
        }
        Some(Self {
            late: std::mem::take(&mut self.late),
            is_known: true,
            ..Self::default()
        })
    }

    fn add_late(&mut self, values: impl IntoIterator<Item = usize>, name: usize) {
        if !self.is_known {
            self.late.extend(values.into_iter().map(|at| (at, name)));
        }
    }

    fn limit_of_late(&self, at: usize) -> Option<usize> {
        let limit = self.late.get(&at).copied();
        limit.filter(|_| self.is_known)
    }

    /// Returns the entry of a name or a value, which may begin with it.
    fn entry(&mut self, text: &'t str, key: &PairKey<'t>) -> &mut Entry<'t> {
        let start = key.start_with_quote(text);
        self.scan(text, start);
        let line = KeyLine::of(text, key.start);
        let mut entry = Entry {
            depth: self.brackets.len(),
            column: line.column,
            is_item: line.is_item || text[..start].ends_with("- "),
            first: key.name,
            has_name: false,
            holds_name: false,
            is_sensitive: self.entries.last().is_some_and(|last| last.is_sensitive),
            values: Vec::new(),
        };
        let is_full = self.entries.len() >= MAX_ENTRIES;
        let has_lines = *self.has_lines.get_or_insert_with(|| {
            memchr::memchr2(b'\n', b'\r', text.trim_ascii_end().as_bytes()).is_some()
        });
        // In a mapping of several lines, a name inside of a line may be part of a comment.
        let is_in_line = has_lines && line.column.is_none();
        match self.entries.last() {
            Some(last) if last.is_around(&entry) && !is_full => {}
            Some(last) if last.first == key.name && !(is_in_line && last.column.is_some()) => {
                self.end_entries(self.entries.len() - 1);
                entry.is_sensitive = self.entries.last().is_some_and(|outer| outer.is_sensitive);
            }
            Some(_) => return self.last_entry(),
            None => {}
        }
        self.entries.push(entry);
        self.last_entry()
    }

    fn last_entry(&mut self) -> &mut Entry<'t> {
        let last = self.entries.len() - 1;
        &mut self.entries[last]
    }

    /// Searches the text up to `end` for ends of entries, unless it was searched before.
    fn scan(&mut self, text: &str, end: usize) {
        if self.at == 0 {
            self.at = self.begin_line(text, 0);
        }
        let bytes = text.as_bytes();
        while self.at < end {
            let at = self.at;
            self.at += 1;
            let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
            match bytes[at] {
                b'\n' | b'\r' => self.at = self.begin_line(text, at + 1),
                b'\\' => self.at += 1,
                b'`' => self.in_backticks = !self.in_backticks,
                quote @ (b'"' | b'\'') => self.quote(quote, before),
                b'<' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                    self.brackets.push(b'<');
                }
                open @ (b'{' | b'[' | b'(') => self.brackets.push(open),
                b'}' => self.close_bracket(b'{'),
                b']' => self.close_bracket(b'['),
                b')' => self.close_bracket(b'('),
                b'>' if !matches!(before, b'=' | b'-') => self.close_bracket(b'<'),
                b'-' if before == b' ' => self.end_item(&text[at + 1..]),
                b':' => self.end_mapping(&text[at + 1..]),
                _ => {}
            }
        }
    }

    /// Ends the entries that do not go on in the line that begins at `start`. Returns the end of its indentation, which
    /// includes the marks of items.
    fn begin_line(&mut self, text: &str, start: usize) -> usize {
        self.in_backticks = false;
        if let Some(depth) = self.quote.take() {
            self.truncate(depth);
        }
        let line = &text[start..];
        let content = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - content.len();
        // A line without content does not end an entry.
        if content.starts_with(|c| !matches!(c, '\n' | '\r' | '#')) {
            let ends = |entry: &Entry<'_>| entry.column.is_some_and(|column| column > indent);
            if let Some(first) = self.entries.iter().position(ends) {
                // Brackets that the entry did not close are marks in its texts.
                self.brackets.truncate(self.entries[first].depth);
                self.end_entries(first);
            }
        }
        let mut rest = content;
        while let Some(item) = rest.strip_prefix("- ") {
            rest = item.trim_start_matches(' ');
        }
        text.len() - rest.len()
    }

    /// Opens or closes a quote. Brackets in a quote do not end entries around it.
    fn quote(&mut self, quote: u8, before: u8) {
        match self.quote {
            Some(depth) if self.brackets.get(depth) == Some(&quote) => {
                self.quote = None;
                self.truncate(depth);
            }
            None if !before.is_ascii_alphanumeric() => {
                self.quote = Some(self.brackets.len());
                self.brackets.push(quote);
            }
            _ => {}
        }
    }

    fn close_bracket(&mut self, open: u8) {
        if self.brackets.last() != Some(&open) {
            return;
        }
        let depth = self.brackets.len() - 1;
        self.truncate(depth);
        if let Some(entry) = self.entries.last_mut() {
            entry.holds_name &= entry.depth != depth;
        }
    }

    fn truncate(&mut self, depth: usize) {
        self.brackets.truncate(depth);
        let first = self.entries.iter().position(|entry| entry.depth > depth);
        self.end_entries(first.unwrap_or(self.entries.len()));
    }

    /// Ends the entries from the one at `first` on.
    fn end_entries(&mut self, first: usize) {
        while self.entries.len() > first
            && let Some(entry) = self.entries.pop()
        {
            if entry.holds_name {
                self.add_late(entry.values, usize::MAX);
            }
        }
    }

    /// Ends an item of a list that is on one line, if the next one begins with `text`.
    fn end_item(&mut self, text: &str) {
        let depth = self.brackets.len();
        if self
            .entries
            .last()
            .is_some_and(|entry| entry.depth == depth && entry.is_item)
            && text.starts_with(' ')
            && begins_pair(text.trim_start_matches(' '))
        {
            self.end_entries(self.entries.len() - 1);
        }
    }

    /// Ends the entries of a mapping that is on one line, if `text`, which follows a colon, begins another mapping: the
    /// line break and the indentation of its first name became blanks.
    fn end_mapping(&mut self, text: &str) {
        if !self.entries.is_empty()
            && self.brackets.is_empty()
            && text.starts_with("  ")
            && begins_pair(text.trim_start_matches(' '))
        {
            self.end_entries(0);
        }
    }
}

impl Entry<'_> {
    /// Returns whether `other`, which begins later, is nested in this entry.
    fn is_around(&self, other: &Self) -> bool {
        let is_deeper = |column| other.column.is_some_and(|other| other > column);
        other.depth > self.depth || self.column.is_some_and(is_deeper)
    }
}

/// Returns whether the text after the separator at `at` is a sensitive name, or a list of texts, one of which is. A
/// name that was truncated may be sensitive.
fn names_secret(input: &Input<'_, '_>, at: usize) -> bool {
    const MAX_LEN: usize = 256;
    // A scalar on the next lines begins with an indicator (YAML 1.2, section 8.1).
    let is_between = |c| is_blank(c) || matches!(c, ':' | '=' | '>' | '|' | '-' | '+');
    let rest = input.rest(at).trim_start_matches(is_between);
    let text = cut(rest, MAX_LEN);
    let quote = Quote::at_start(text);
    let name = &text[quote.map_or(0, Quote::len)..];
    let len = match quote {
        Some(quote) => quote.find_end(name).map(|end| end.start),
        None => end_of_plain(name),
    };
    let is_cut = input.open && len.is_none() && text.len() == rest.len();
    let is_secret = |name| {
        let name = unescape_name(name);
        // Texts are seldom repeated, so they would only displace keys from the cache.
        let class = input.redactor.classify(&form::decode(&name));
        class.is_secret_in_pair()
    };
    is_cut || name[..len.unwrap_or(name.len())].split(',').any(is_secret)
}

/// Finds the end of a text without quotes, or of the list in brackets with which `text` begins.
fn end_of_plain(text: &str) -> Option<usize> {
    let ends = |&(at, c): &(usize, char)| match c {
        ',' => !text.starts_with('['),
        // The reference of a quote may be truncated.
        '&' => at > 0,
        '\n' | '\r' | ';' | '|' | '}' | ']' | ')' | '<' => true,
        _ => is_blank(c) && begins_pair(text[at + c.len_utf8()..].trim_start_matches(' ')),
    };
    text.char_indices().find(ends).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use crate::redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
        text::{hide_secrets, redact_text},
    };

    fn redacted(text: &str, open: bool, names: &Names) -> String {
        let keys = KeyCache::new();
        let redactor = Redactor::new(names, &keys);
        let shown = redact_text(text, open, redactor).into_owned();
        assert_eq!(hide_secrets(&shown, open, redactor), None, "{text} {shown}");
        shown
    }

    fn shown(text: &str) -> String {
        redacted(text, false, &Names::default())
    }

    /// Texts with `§` for the secret. `zsh` and `SHELL` are shown.
    const PAIRS: [&str; 63] = [
        r#"said "{\"name\":\"password\",\"value\":\"§\"}" n=1"#,
        r#"said "{\"value\":\"§\",\"name\":\"password\"}" n=1"#,
        "data-x=\"{&quot;value&quot;:&quot;§&quot;,&quot;name&quot;:&quot;pin&quot;}\"",
        "url=https%3A%2F%2Fh%2F%3Fvalue%3D§%26name%3Dpin x=1",
        "value: sk_live_0123456789abcdef§\nname: pin\n",
        "- value: https://u:§@h/§\n  secret: §\n  name: pin\n",
        "- value: \"a\n    name: b §\"\n  name: pin\n",
        "it's :( {value: §, name: pin}",
        "env:\n- name: DB_PASSWORD\n  value: §\n- name: SHELL\n  value: zsh\n",
        "env:\n- value: §\n  name: DB_PASSWORD\n- value: zsh\n  name: SHELL\n",
        "env:\n  - name: DB_PASSWORD\n    value: §\n  - name: SHELL\n    value: zsh\n",
        "env:\n  - value: §\n    name: DB_PASSWORD\n  - value: zsh\n    name: SHELL\n",
        "- name: \"DB_PASSWORD\"\n  value: \"§\"\n- name: SHELL\n  value: zsh\n",
        "- \"name\": 'DB_PASSWORD'\n  \"value\": '§'\n- name: SHELL\n  value: zsh\n",
        "- \"value\": '§'\n  \"name\": 'DB_PASSWORD'\n- value: zsh\n  name: SHELL\n",
        "- name: DB_PASSWORD\n  value: |\n    §\n    §\n- name: SHELL\n  value: zsh\n",
        "- value: |\n    §\n    §\n  name: DB_PASSWORD\n- value: zsh\n  name: SHELL\n",
        "- value: >-\n    x §\n\n    §\n  name: DB_PASSWORD\n",
        "- name: >-\n    DB_PASSWORD\n  value: §\n",
        "- {name: DB_PASSWORD, value: §}\n- {name: SHELL, value: zsh}\n",
        "- {value: §, name: DB_PASSWORD}\n- {value: zsh, name: SHELL}\n",
        "[{name: DB_PASSWORD, value: \"§\"}, {name: SHELL, value: zsh}]",
        "[{value: '§', name: DB_PASSWORD}, {value: zsh, name: SHELL}]",
        "- name: DB_PASSWORD\n  type: string\n  value: §\n  n: 1\n- name: SHELL\n  value: zsh\n",
        "- value: §\n  type: string\n  # comment\n\n  name: DB_PASSWORD\n- value: zsh\n",
        "a:\n  b:\n    c:\n      name: pin\n      value: §\n  d:\n    value: zsh\n",
        "a:\n  b:\n    c:\n      value: §\n      name: pin\n    name: SHELL\n",
        "- name: pin\n  meta:\n    name: a\n    value: b\n  value: §\n",
        "- value: §\n  meta:\n    name: a\n    value: b\n  name: pin\n",
        "- name: pin\n  list:\n  - a\n  - b: 1\n    c: d\n  value: §\n",
        "- name: pin\n  spec:\n    value: §\n",
        "name: pin\nvalue: §\n",
        "value: §\nname: pin\n",
        "- name: \"DB_P\\x41SSWORD\"\n  value: §\n",
        "\"p\\x61ssword\": §\n",
        "\"p\\U00000061ssword\": \"§\"\n",
        "name=password value=§",
        "value=§ name=password",
        "name=\"password\" value=\"§\"",
        "value=\"§\" name=\"password\"",
        "name: password, value: §",
        "value: §, name: password",
        "INFO set key=api_key user=ann value=§ n=1",
        "INFO set value=§ user=ann key=api_key n=1",
        "INFO set \"key=api_key value=§\" n=1",
        "INFO set \"value=§ key=api_key\" n=1",
        "Field { name: \"password\", value: \"§\" }, Field { name: \"SHELL\", value: \"zsh\" }",
        "Field { value: \"§\", name: \"password\" }, Field { value: \"zsh\", name: \"SHELL\" }",
        "Header { value: \"§\", name: \"authorization\" }",
        "Header {\n    value: \"§\",\n    n: Some(1),\n    name: \"authorization\",\n}",
        "[Header(name=authorization, value=§), Header(name=SHELL, value=zsh)]",
        "[Header(value=§, name=authorization), Header(value=zsh, name=SHELL)]",
        "{'name': 'password', 'note': ':} it is', 'value': '§'}",
        "{:value => \"§\", :note => \"}\", :name => Some(\"password\")}",
        "loc=[\"body\", \"password\"] input=\"§\"",
        "x https://h/?name=token&value=§ and https://h/?value=§&name=token",
        "{field: user.pin, rejected_value: §, old_value: §}",
        "- name: DB_PASSWORD # the name: x }\n  value: §\n- name: SHELL\n  value: zsh\n",
        "- value: §\n  note: a :( b\n  name: pin\n",
        "- value: §\n  note: it's 5\" <b\n  name: pin\n",
        "INFO value=§ note=\":(\" x=[a name=password",
        "{value: §, n: {a: [b]}, note: (c, name: pin}",
        "- path: /users/password\n  op: replace\n  value: {a: [§]}\n",
    ];

    const XML: [&str; 8] = [
        "<p><value>§</value><name>password</name></p><p><value>zsh</value><name>SHELL</name></p>",
        "<p><name>password</name><value>§</value></p><p><name>SHELL</name><value>zsh</value></p>",
        "<p>\n <value>§</value>\n <final>x</final>\n <name>db.password</name>\n</p>\n",
        "<p><value><![CDATA[§]]></value><n/><a><b>1</b></a><key>pin</key></p>",
        "<p><value><a>§</a><b x='1'>§</b></value><name>pin</name></p><value>zsh</value><p/>",
        "<add value=\"§\" key=\"ApiKey\"/><add value=\"zsh\" key=\"SHELL\"/>",
        "<add key=\"ApiKey\" value=\"§\"/><add key=\"SHELL\" value=\"zsh\"/>",
        "<a:value>§</a:value><a:parameter>pin</a:parameter>",
    ];

    #[test]
    fn value_that_is_named_by_a_text_beside_it_is_hidden() {
        for pair in PAIRS.into_iter().chain(XML) {
            let shown = shown(&pair.replace('§', "hunter2"));
            assert!(
                !shown.contains("hunt") && shown.contains("[REDACTED]"),
                "{pair:?}: {shown}"
            );
            for kept in ["zsh", "SHELL"] {
                let count = |text: &str| text.matches(kept).count();
                assert_eq!(count(&shown), count(pair), "{pair:?}: {shown}");
            }
        }
    }

    #[test]
    fn truncated_pair_shows_no_part_of_its_value() {
        for pair in PAIRS.into_iter().chain(XML) {
            let text = pair.replace('§', "hunter2");
            for end in 0..=text.len() {
                let shown = redacted(&text[..end], true, &Names::default());
                assert!(!shown.contains("hunt"), "{:?}: {shown}", &text[..end]);
            }
        }
    }

    #[test]
    fn value_without_a_sensitive_name_beside_it_is_shown() {
        for text in [
            "name: Ann value: 3",
            "name: Ann, value: 3",
            "key=color value=red",
            "value=red key=color",
            "value: 3",
            "name: db_pin\nother: x",
            "- name: db_pin\n- value: 3",
            "- name: db_pin\n  other: x\n- value: 3\n  name: a",
            "- name: db_pin\n  valueFrom: a\n- name: b\n  value: 3",
            "env:\n  name: db_pin\n  type: a\nother:\n  value: 3\n",
            "[{name: db_pin}, {value: 3}]",
            "Field { name: \"pin\" } and Field { value: 3 }",
            "Field { value: 3 } and Field { name: \"pin\" }",
            "{value: 3, items: [{name: db_pin, n: 1}]}",
            "a:\n  value: 3\nb:\n  name: db_pin\n",
            "name=token name=color value=red",
            "<p><value>3</value></p><p><name>pin</name></p>",
            "<p><value>3</value><q><name>pin</name></q></p>",
            "<input name=\"password\" type=\"password\"><input type=\"submit\" value=\"Log in\">",
            "key: value, name: value",
        ] {
            let line = text.replace('\n', " ");
            assert_eq!(shown(text), line, "{text:?}");
        }
    }

    #[test]
    fn value_of_the_last_entry_of_a_truncated_text_is_hidden_if_a_name_may_follow() {
        let cut = |text| redacted(text, true, &Names::default());
        for (text, expected) in [
            ("value: 3, n: 1", "value: [REDACTED], n: 1"),
            ("value=red key=color, n", "value=red key=color, n"),
            ("value=red key=col", "value=[REDACTED] key=col"),
            ("{value: 3} n: 1", "{value: 3} n: 1"),
            (
                "- value: 1\n- value: 2\n- a: b",
                "- value: 1 - value: 2 - a: b",
            ),
            (
                "- value: 1\n- value: 2\n  a",
                "- value: 1 - value: [REDACTED]   a",
            ),
            ("<p><value>3</value></p><a", "<p><value>3</value></p><a"),
            ("<p><value>3</value><a", "<p><value>[REDACTED]</value><a"),
        ] {
            assert_eq!(cut(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_in_prose_that_a_logger_hides_are_secret_whatever_their_value_is() {
        let mut names = Names::default();
        names.redact("blood group");
        for (text, expected) in [
            ("my blood group: true", "my blood group: [REDACTED]"),
            ("blood group: 0", "blood group: [REDACTED]"),
            ("my api key: true", "my api key: true"),
        ] {
            assert_eq!(redacted(text, false, &names), expected);
        }
    }
}
