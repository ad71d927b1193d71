//! Checks the layout of `src/`: which part may import which, where actix-web may be named, and how long files
//! may be. DESIGN.md gives the reasons.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The parts of the crate from the bottom up, each with the parts that it may import.
const PARTS: [(&str, &str); 20] = [
    ("util", ""),
    ("formats", "util"),
    ("redact", "util formats"),
    ("content", "util formats redact"),
    ("record", "util formats redact content"),
    ("sink", "util record"),
    ("capture", ""),
    ("head", "util formats redact content record"),
    ("sampling", "util"),
    ("stats", "util capture"),
    ("policy", "util formats redact content record head sampling"),
    ("filters", "util"),
    ("logger", "formats record sink stats policy filters"),
    ("drain", "logger"),
    (
        "exchange",
        "formats redact content record sink capture head policy logger",
    ),
    ("request_ext", "record exchange"),
    ("preview", "formats redact content head policy exchange"),
    (
        "body_log",
        "formats redact record sink head sampling stats policy filters logger drain preview",
    ),
    (
        "config",
        "util formats redact record head policy filters body_log",
    ),
    (
        "middleware",
        "util capture head policy logger exchange body_log",
    ),
];

/// The parts that may name `actix_web`. The others may name only `actix_web::http`.
const SERVER_PARTS: [&str; 8] = [
    "middleware",
    "head",
    "exchange",
    "request_ext",
    "body_log",
    "policy",
    "filters",
    "drain",
];

const MAX_FILE_LINES: usize = 400;

#[test]
fn the_layout_of_the_crate_follows_its_rules() {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    read_folder(&root, &root, &mut sources);
    assert!(sources.len() > 80, "{}", sources.len());
    let mut found = violations(&sources);
    check_unused(&sources, &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_rule_finds_its_violation() {
    let long_file = "const A: u8 = 0;\n".repeat(401);
    for (files, expected) in [
        (
            &[
                ("util/a.rs", "use crate::{record::b::B, util::c};"),
                ("record/b.rs", ""),
            ][..],
            "util/a.rs imports from record",
        ),
        (
            &[("util/a.rs", "use crate::util::B;"), ("util/mod.rs", "")],
            "util/a.rs imports from util/mod.rs",
        ),
        (
            &[
                ("util/a.rs", "use super::b::B;"),
                ("util/b.rs", "use crate::util::a::A;"),
            ],
            "util/a imports from util/b in a cycle",
        ),
        (
            &[("sink/a.rs", "use actix_web::{http::header, dev::Payload};")],
            "sink/a.rs names actix_web::dev::Payload",
        ),
        (&[("other/a.rs", "")], "other/a.rs is in no part"),
        (&[("util/a.rs", &long_file)], "util/a.rs is too long"),
    ] {
        let sources = files.iter().map(|(path, text)| Source::new(path, text));
        let found = violations(&sources.collect::<Vec<_>>());
        assert!(found.contains(expected), "{expected}: {found:#?}");
    }
}

#[test]
fn the_parts_are_listed_from_the_bottom_up() {
    for (at, (part, imports)) in PARTS.iter().enumerate() {
        for import in imports.split_whitespace() {
            let mut below = PARTS[..at].iter();
            assert!(below.any(|(name, _)| *name == import), "{part}: {import}");
        }
    }
}

/// A file of the crate.
struct Source {
    /// The path inside `src/`.
    path: String,
    /// The names of its modules, from the root of the crate.
    module: Vec<String>,
    /// True for `mod.rs` and `lib.rs`.
    is_folder_root: bool,
    /// The text without comments, test modules and what is inside quotes.
    code: String,
}

impl Source {
    /// Reads a file from its path inside `src/` and its text.
    fn new(path: &str, text: &str) -> Self {
        let names = path.trim_end_matches(".rs").split('/');
        let module = names.filter(|name| !matches!(*name, "mod" | "lib"));
        Self {
            path: path.to_owned(),
            module: module.map(str::to_owned).collect(),
            is_folder_root: path.ends_with("mod.rs") || path == "lib.rs",
            code: without_test_items(&without_quotes_and_comments(text)),
        }
    }

    /// The part of the crate that it belongs to; empty for `lib.rs`.
    fn part(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// The files that it imports from.
    fn imports<'s>(&self, sources: &'s [Source]) -> Vec<&'s Source> {
        let mut imports = Vec::new();
        for root in ["crate", "self", "super"] {
            for path in paths_from(&self.code, root) {
                let supers = path.iter().take_while(|name| **name == "super").count();
                let base = match root {
                    "crate" => &[],
                    _ => &self.module[..self.module.len() - supers],
                };
                let names = path.into_iter().skip(supers.max(1));
                let full: Vec<_> = base.iter().map(String::as_str).chain(names).collect();
                let is_prefix = |source: &&Source| {
                    source.module.len() <= full.len()
                        && source.module.iter().zip(&full).all(|(a, b)| a == b)
                };
                let modules = sources.iter().filter(is_prefix);
                imports.extend(modules.max_by_key(|source| source.module.len()));
            }
        }
        imports
    }
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap();
    let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        if path.is_dir() {
            read_folder(root, &path, sources);
        } else if !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let inside = path.strip_prefix(root).unwrap().to_str().unwrap();
            sources.push(Source::new(inside, &text));
        }
    }
}

/// Removes comments and replaces what is inside quotes.
fn without_quotes_and_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        let mut chars = rest.chars();
        // Otherwise the apostrophe begins a lifetime.
        let is_char = c == '\'' && (rest.starts_with("'\\") || chars.nth(2) == Some('\''));
        let len = if let Some(len) = raw_string_len(rest).filter(|_| !ends_in_name(&out)) {
            len
        } else if c == '"' || is_char {
            quoted_len(rest, c)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.extend(rest[..len].chars().map(|c| if c == '\n' { c } else { '"' }));
        rest = &rest[len..];
    }
    out
}

fn ends_in_name(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn raw_string_len(text: &str) -> Option<usize> {
    let start = ["r\"", "br\"", "r#\"", "br#\""];
    let start = start.into_iter().find(|start| text.starts_with(start))?;
    let end = if start.contains('#') { "\"#" } else { "\"" };
    Some(start.len() + text[start.len()..].find(end)? + end.len())
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    panic!("a quote without an end: {text}");
}

/// Removes test modules, and other items for tests that are not nested.
fn without_test_items(code: &str) -> String {
    let mut out = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test,") {
            out.extend([line, "\n"]);
            continue;
        }
        let mut item = lines.by_ref().skip_while(|line| line.starts_with('#'));
        let is_one_line = item.next().is_none_or(|line| line.ends_with([';', '}']));
        if !is_one_line {
            item.find(|line| *line == "}");
        }
    }
    out
}

fn ident_len(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    end.unwrap_or(text.len())
}

/// Returns the paths that begin with `root`, those of `use` declarations one by one.
fn paths_from<'c>(code: &'c str, root: &str) -> Vec<Vec<&'c str>> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(&format!("{root}::")) {
        if !ends_in_name(&code[..at]) && !code[..at].ends_with(':') {
            let (root, rest) = code[at..].split_at(root.len());
            read_path(rest, vec![root], &mut paths);
        }
    }
    paths
}

/// Reads what follows `path` in the code and returns the rest.
fn read_path<'c>(
    mut rest: &'c str,
    mut path: Vec<&'c str>,
    paths: &mut Vec<Vec<&'c str>>,
) -> &'c str {
    while let Some(next) = rest.strip_prefix("::") {
        if let Some(group) = next.strip_prefix('{') {
            rest = group;
            loop {
                rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
                if let Some(end) = rest.strip_prefix('}') {
                    return end;
                }
                let (name, after) = rest.split_at(ident_len(rest).max(1));
                rest = read_path(after, [&path[..], &[name]].concat(), paths);
                // An `as` clause.
                rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            }
        }
        let (name, after) = next.split_at(ident_len(next));
        if name.is_empty() {
            break;
        }
        path.push(name);
        rest = after;
    }
    paths.push(path);
    rest
}

fn violations(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in sources {
        check_length(source, &mut found);
        check_actix_web(source, &mut found);
        check_imports(source, sources, &mut found);
    }
    check_cycles(sources, &mut found);
    found
}

fn count_lines<'c>(lines: impl Iterator<Item = &'c str>) -> usize {
    lines.filter(|line| !line.trim().is_empty()).count()
}

fn check_length(source: &Source, found: &mut BTreeSet<String>) {
    let path = &source.path;
    if count_lines(source.code.lines()) > MAX_FILE_LINES {
        found.insert(format!("{path} is too long"));
    }
}

fn check_actix_web(source: &Source, found: &mut BTreeSet<String>) {
    if SERVER_PARTS.contains(&source.part()) {
        return;
    }
    for path in paths_from(&source.code, "actix_web") {
        if path[1] != "http" {
            found.insert(format!("{} names {}", source.path, path.join("::")));
        }
    }
}

/// Checks that imports follow [`PARTS`], and that no file imports from the root of a folder that it is in.
fn check_imports(source: &Source, sources: &[Source], found: &mut BTreeSet<String>) {
    let (path, part) = (&source.path, source.part());
    // The root of the crate re-exports from all parts.
    if part.is_empty() {
        return;
    }
    let Some((_, allowed)) = PARTS.iter().find(|(name, _)| *name == part) else {
        found.insert(format!("{path} is in no part"));
        return;
    };
    for target in source.imports(sources) {
        let is_own_root = target.is_folder_root
            && target.path != *path
            && source.module.starts_with(&target.module);
        if is_own_root {
            found.insert(format!("{path} imports from {}", target.path));
        }
        let to = target.part();
        let is_allowed = to == part || to.is_empty() || allowed.split(' ').any(|name| name == to);
        if !is_allowed {
            found.insert(format!("{path} imports from {to}"));
        }
    }
}

/// Checks that each part imports from all parts that [`PARTS`] allows.
fn check_unused(sources: &[Source], found: &mut BTreeSet<String>) {
    for (part, allowed) in PARTS {
        let own = sources.iter().filter(|source| source.part() == part);
        let imports = own.flat_map(|source| source.imports(sources));
        let used: BTreeSet<_> = imports.map(Source::part).collect();
        let unused = allowed
            .split_whitespace()
            .filter(|name| !used.contains(name));
        found.extend(unused.map(|name| format!("{part} does not import from {name}")));
    }
}

/// Checks that the files and folders inside a part import each other in one direction.
fn check_cycles(sources: &[Source], found: &mut BTreeSet<String>) {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        for target in source.imports(sources) {
            let (from, to) = (&source.module, &target.module);
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if (1..from.len().min(to.len())).contains(&common) {
                let [from, to] = [from, to].map(|module| module[..=common].join("/"));
                edges.entry(from).or_default().insert(to);
            }
        }
    }
    for (from, targets) in &edges {
        for to in targets {
            let (mut reached, mut next) = (BTreeSet::new(), vec![to]);
            while let Some(name) = next.pop() {
                if reached.insert(name) {
                    next.extend(edges.get(name).into_iter().flatten());
                }
            }
            if reached.contains(from) {
                found.insert(format!("{from} imports from {to} in a cycle"));
            }
        }
    }
}
