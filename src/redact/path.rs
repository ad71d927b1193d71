//! Hides segments of paths.
//!
//! Patterns have the syntax of actix: `/reset/{token}`, `/files/{name:[a-z]+}`, `/{tail:.*}`. Segments are compared one
//! by one. Empty segments are not counted, because `NormalizePath` may remove them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::redact::{
    path_syntax::{
        TextAround, may_match_slash, parameters, segments_of_pattern, texts_around_parameters,
    },
    pieces::{Replacement, push_replaced},
};

/// The segments of one path that are hidden. Bit `n` stands for the segment `n`, the last bit also for all segments
/// after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HiddenSegments(u64);

const LAST_BIT: usize = 63;

impl HiddenSegments {
    const NONE: Self = Self(0);
    const ALL: Self = Self(u64::MAX);

    pub(crate) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    fn one(index: usize) -> Self {
        Self(1 << index.min(LAST_BIT))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, index: usize) -> bool {
        self.0 & Self::one(index).0 != 0
    }

    /// Returns the segments for which `is_hidden` holds.
    fn of(path: &str, mut is_hidden: impl FnMut(&str) -> bool) -> Self {
        let mut hidden = Self::NONE;
        for (index, segment) in segments_of(path).enumerate() {
            if is_hidden(segment) {
                hidden = hidden.and(Self::one(index));
            }
        }
        hidden
    }

    /// Replaces the hidden segments of a path.
    pub(crate) fn replace_in(self, path: &str, shown: &'static str) -> String {
        let mut out = String::with_capacity(path.len());
        let (mut next, separators) = (0, memchr::memchr_iter(b'/', path.as_bytes()));
        let is_changed = push_replaced(&mut out, path, separators, |segment, _| {
            if segment.is_empty() {
                return None;
            }
            next += 1;
            self.contains(next - 1).then(|| Replacement {
                kept: 0,
                shown: shown.into(),
            })
        });
        match is_changed {
            true => out,
            false => path.to_owned(),
        }
    }
}

/// The text of the hidden segments of a request's path, percent-decoded and sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct HiddenValues(Vec<Vec<u8>>);

impl HiddenValues {
    pub(crate) fn new(path: &str, hidden: HiddenSegments) -> Self {
        let segments = segments_of(path).enumerate();
        let segments = segments.filter(|(index, _)| hidden.contains(*index));
        let mut values: Vec<_> = segments
            .map(|(_, text)| percent_decode_str(text).collect())
            .collect();
        values.sort();
        Self(values)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces the segments of the path of a URL that are equal to one of the values. Returns `None` if no segment is.
    /// If the URL was truncated, the last segment may be the start of a value.
    pub(crate) fn replace_in_url(
        &self,
        url: &str,
        is_cut: bool,
        shown: &'static str,
    ) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        replace_path(url, is_cut, |path, is_cut| {
            let mut out = String::with_capacity(path.len());
            let separators = memchr::memchr_iter(b'/', path.as_bytes());
            let is_changed = push_replaced(&mut out, path, separators, |segment, is_last| {
                self.has(segment, is_cut && is_last).then(|| Replacement {
                    kept: 0,
                    shown: shown.into(),
                })
            });
            is_changed.then_some(out)
        })
    }

    /// Returns whether a segment is one of the values, or may be the start of one.
    fn has(&self, segment: &str, is_cut: bool) -> bool {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        let begins = |at: usize| {
            self.0
                .get(at)
                .is_some_and(|value| value.starts_with(&decoded))
        };
        match self.0.binary_search(&decoded) {
            Ok(_) => true,
            Err(at) => is_cut && !decoded.is_empty() && begins(at),
        }
    }
}

/// A pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// The text, percent-decoded.
    Literal(Box<[u8]>),
    /// A segment with a parameter.
    Parameter {
        is_hidden: bool,
        /// Set if the parameter may match several segments, or no segment.
        is_long: bool,
        around: TextAround,
    },
}

impl PathPattern {
    /// Parses a pattern all of whose parameters are hidden. Returns the reason if the pattern is invalid.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let outside = texts_around_parameters(pattern)
            .ok_or_else(|| format!("{pattern:?}: a brace of the pattern is not closed"))?;
        if !pattern.starts_with('/') || outside.iter().any(|text| text.contains(['?', '#'])) {
            return Err(format!(
                "{pattern:?}: a pattern of paths begins with / and has no query"
            ));
        }
        if parameters(pattern).next().is_none() {
            return Err(format!(
                "{pattern:?}: the pattern has no parameter such as {{token}}, so it hides nothing"
            ));
        }
        Ok(Self::read(pattern, |_| true))
    }

    /// Reads a pattern. `is_hidden` says whether the parameter of this name is hidden.
    fn read(pattern: &str, is_hidden: impl Fn(&str) -> bool) -> Self {
        let segments = segments_of_pattern(pattern);
        Self(
            segments
                .map(|text| Segment::read(text, &is_hidden))
                .collect(),
        )
    }

    /// Returns the hidden segments of a path. Returns `None` if the path does not match. If the path was cut, it is
    /// enough that a longer path may match.
    fn hidden_in(&self, path: &[&str], is_cut: bool) -> Option<HiddenSegments> {
        let pattern = &*self.0;
        let first_long = pattern.iter().position(Segment::is_long);
        let (before, long, after) = match first_long {
            None => (pattern, [].as_slice(), [].as_slice()),
            Some(first) => {
                let last = pattern.iter().rposition(Segment::is_long).unwrap_or(first);
                let (before, rest) = pattern.split_at(first);
                let (long, after) = rest.split_at(last - first + 1);
                (before, long, after)
            }
        };
        // Of a path that was cut, the part that matches `after` is unknown.
        let (long, after) = match is_cut && first_long.is_some() {
            true => (&pattern[before.len()..], [].as_slice()),
            false => (long, after),
        };
        let fixed = before.len() + after.len();
        let fits = match (first_long.is_some(), is_cut) {
            (_, true) => first_long.is_some() || path.len() <= fixed,
            (true, false) => path.len() >= fixed,
            (false, false) => path.len() == fixed,
        };
        if !fits {
            return None;
        }
        let (start, rest) = path.split_at(before.len().min(path.len()));
        let end_at = rest.len() - after.len();
        let mut hidden = HiddenSegments::NONE;
        let at_start = before.iter().zip(start).enumerate();
        let at_end = after.iter().zip(&rest[end_at..]).enumerate();
        let at_end = at_end.map(|(index, pair)| (start.len() + end_at + index, pair));
        for (index, (segment, text)) in at_start.chain(at_end) {
            let is_match = match is_cut && index + 1 == path.len() {
                true => segment.may_begin_with(text),
                false => segment.matches(text),
            };
            if !is_match {
                return None;
            }
            if segment.is_hidden() {
                hidden = hidden.and(HiddenSegments::one(index));
            }
        }
        if long.iter().any(Segment::is_hidden) {
            for index in start.len()..(start.len() + end_at).min(LAST_BIT + 1) {
                hidden = hidden.and(HiddenSegments::one(index));
            }
        }
        Some(hidden)
    }

    /// Returns the segments of a path that are not equal to a literal segment of the pattern.
    fn all_but_literals(&self, path: &[&str]) -> HiddenSegments {
        let mut hidden = HiddenSegments::NONE;
        for (index, text) in path.iter().enumerate() {
            let mut literals = self.0.iter().filter(|segment| !segment.is_parameter());
            if !literals.any(|segment| segment.matches(text)) {
                hidden = hidden.and(HiddenSegments::one(index));
            }
        }
        hidden
    }
}

impl Segment {
    fn read(text: &str, is_hidden: impl Fn(&str) -> bool) -> Self {
        let mut names = parameters(text).peekable();
        // A tail, with or without a name.
        let is_tail = text.ends_with('*');
        if names.peek().is_none() && !is_tail {
            return Self::Literal(percent_decode_str(text).collect());
        }
        let (mut hides, mut has_regex) = (false, false);
        let mut is_long = is_tail;
        for (name, regex) in names {
            hides |= is_hidden(name);
            has_regex |= regex.is_some();
            is_long |= regex.is_some_and(may_match_slash);
        }
        Self::Parameter {
            is_hidden: hides,
            is_long,
            around: TextAround::read(text, has_regex),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Parameter { around, .. } => around.is_in(text),
            Self::Literal(literal) => percent_decode_str(text).eq(literal.iter().copied()),
        }
    }

    /// Returns whether a text of which `text` is the start may match.
    fn may_begin_with(&self, text: &str) -> bool {
        // The escape at the end may be incomplete.
        let end = text.len().saturating_sub(2);
        let end = text.as_bytes()[end..].iter().position(|&byte| byte == b'%');
        let kept = end.map_or(text.len(), |at| text.len().saturating_sub(2) + at);
        let mut decoded = percent_decode_str(&text[..kept]);
        match self {
            Self::Literal(literal) => {
                let mut literal = literal.iter();
                decoded.all(|byte| literal.next() == Some(&byte))
            }
            Self::Parameter { around, .. } => {
                around.first().iter().zip(decoded).all(|(a, b)| *a == b)
            }
        }
    }

    fn is_parameter(&self) -> bool {
        matches!(self, Self::Parameter { .. })
    }

    fn is_hidden(&self) -> bool {
        matches!(
            self,
            Self::Parameter {
                is_hidden: true,
                ..
            }
        )
    }

    fn is_long(&self) -> bool {
        matches!(self, Self::Parameter { is_long: true, .. })
    }
}

/// The patterns of [`BodyLog::redact_path`](crate::BodyLog::redact_path).
#[derive(Clone, Debug, Default)]
pub(crate) struct PathPatterns(Vec<PathPattern>);

impl PathPatterns {
    pub(crate) fn add(&mut self, pattern: &PathPattern) {
        if !self.0.contains(pattern) {
            self.0.push(pattern.clone());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the hidden segments of a path. `is_cut` says that the path was truncated.
    pub(crate) fn hidden_in(&self, path: &str, is_cut: bool) -> HiddenSegments {
        if self.is_empty() {
            return HiddenSegments::NONE;
        }
        let segments: Vec<_> = segments_of(path).collect();
        let hidden = self
            .0
            .iter()
            .filter_map(|pattern| pattern.hidden_in(&segments, is_cut));
        hidden.fold(HiddenSegments::NONE, HiddenSegments::and)
    }

    /// Replaces the hidden segments of the path of a URL, which may be a relative reference. Returns `None` if no
    /// segment is hidden.
    pub(crate) fn replace_in_url(
        &self,
        url: &str,
        is_cut: bool,
        shown: &'static str,
    ) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        replace_path(url, is_cut, |path, is_cut| {
            let hidden = self.hidden_in(path, is_cut);
            (!hidden.is_empty()).then(|| hidden.replace_in(path, shown))
        })
    }
}

/// A route, if it is known, and the parameters that were captured.
pub(crate) struct Route<'r, C> {
    /// The matched pattern.
    pub(crate) pattern: Option<&'r str>,
    /// The names and values of the parameters. Values may be percent-decoded.
    pub(crate) captured: C,
}

impl<'r, C: Iterator<Item = (&'r str, &'r str)>> Route<'_, C> {
    /// Returns the segments of a path that belong to parameters with a sensitive name. In doubt, more segments are
    /// hidden. `is_cut` says that the path was truncated.
    pub(crate) fn hidden_in(
        self,
        path: &str,
        is_cut: bool,
        is_sensitive: impl Fn(&str) -> bool,
    ) -> HiddenSegments {
        if let Some(pattern) = self.pattern
            && parameters(pattern).any(|(name, _)| is_sensitive(name))
        {
            let pattern = PathPattern::read(pattern, is_sensitive);
            let path_segments: Vec<_> = segments_of(path).collect();
            let hidden = pattern.hidden_in(&path_segments, is_cut);
            return hidden.unwrap_or_else(|| pattern.all_but_literals(&path_segments));
        }
        // A resource may have several patterns, and actix returns only the first. A scope may have captured a parameter
        // although no resource in it matched.
        let mut hidden = HiddenSegments::NONE;
        for (_, value) in self.captured.filter(|(name, _)| is_sensitive(name)) {
            hidden = hidden.and(hidden_by_value(path, value));
        }
        hidden
    }
}

/// Returns the segments of a path that are equal to a segment of a captured value. If a segment of the value is not
/// found, because the path was rewritten or truncated, returns all segments.
fn hidden_by_value(path: &str, value: &str) -> HiddenSegments {
    // More segments would be compared in quadratic time.
    const MAX_SEGMENTS: usize = 8;
    let mut hidden = HiddenSegments::NONE;
    for (nth, part) in segments_of(value).enumerate() {
        let decoded: Cow<'_, [u8]> = percent_decode_str(part).into();
        let equal = HiddenSegments::of(path, |text| {
            percent_decode_str(text).eq(decoded.iter().copied())
        });
        if equal.is_empty() || nth == MAX_SEGMENTS {
            return HiddenSegments::ALL;
        }
        hidden = hidden.and(equal);
    }
    hidden
}

/// Returns the spellings of a path that middleware may have made of it before routing: decoded and without repeated
/// slashes, without and with a slash at the end.
pub(crate) fn normalized(path: &str) -> [String; 2] {
    let mut out = String::with_capacity(path.len() + 1);
    for segment in segments_of(path) {
        out.push('/');
        match percent_decode_str(segment).decode_utf8() {
            Ok(decoded) if !decoded.contains('/') => out.push_str(&decoded),
            _ => out.push_str(segment),
        }
    }
    let with_slash = format!("{out}/");
    [out, with_slash]
}

fn segments_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Replaces the path of a URL, which may be a relative reference. `is_cut` says that the URL was truncated. `replace`
/// gets the path and whether it was truncated, and returns `None` if it stays.
fn replace_path(
    url: &str,
    is_cut: bool,
    replace: impl FnOnce(&str, bool) -> Option<String>,
) -> Option<String> {
    let (before, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let (origin, path) = before.split_at(origin_len(before));
    let shown = replace(path, is_cut && rest.is_empty())?;
    Some([origin, &shown, rest].concat())
}

/// Returns the length of the scheme and the authority of a URL.
fn origin_len(url: &str) -> usize {
    let Some(slashes) = url.find("//") else {
        return 0;
    };
    let scheme = &url[..slashes];
    let is_scheme = scheme.is_empty() || (scheme.ends_with(':') && !scheme.contains('/'));
    if !is_scheme {
        return 0;
    }
    let host = slashes + 2;
    let len = url[host..].find('/').unwrap_or(url.len() - host);
    host + len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(pattern: &str, path: &str, is_cut: bool) -> String {
        let mut patterns = PathPatterns::default();
        patterns.add(&PathPattern::parse(pattern).unwrap());
        patterns.hidden_in(path, is_cut).replace_in(path, "X")
    }

    #[test]
    fn parameters_of_a_pattern_are_hidden() {
        for (pattern, path, expected) in [
            ("/reset/{token}", "/reset/abc", "/reset/X"),
            ("/reset/{token}", "/reset/a%2Fb", "/reset/X"),
            ("/reset/{token}", "//reset//abc//", "//reset//X//"),
            ("/reset/{token}/", "/reset/abc", "/reset/X"),
            ("/reset/{token}", "/%72eset/%ff", "/%72eset/X"),
            ("/r%65set/{token}", "/reset/a", "/reset/X"),
            ("/a b/{x}", "/a%20b/c", "/a%20b/X"),
            ("/{a}/x/{b}", "/1/x/2", "/X/x/X"),
            ("/user-{token}.json", "/user-1.json", "/X"),
            ("/p-{id}.html", "/p-1.html", "/X"),
            ("/p-{id}.html", "/p%2d1.ht%6Dl", "/X"),
            ("/p%2D{id}.html", "/p-1.html", "/X"),
            ("/p-{id}.html", "/p-.html.html", "/X"),
            ("/@{user}", "/@ann", "/X"),
            ("/@{user}", "/%40ann", "/X"),
            ("/v{n}/x", "/v2/x", "/X/x"),
            ("/{a}-{b}.{c}", "/1-2.3", "/X"),
            ("/{a}-{b}", "/--2", "/X"),
            (r"/a{x:\d*}b", "/ab", "/X"),
            (r"/p-{x:.*}.html", "/other", "/X"),
            (r"/a/{x:[^/]{2,3}}/b", "/a/12/b", "/a/X/b"),
            (r"/a/{x:\d+/\d+}/b", "/a/1/2/b", "/a/X/X/b"),
            ("/files/{tail:.*}", "/files/a/b/c", "/files/X/X/X"),
            ("/files/{tail}*", "/files/a/b/", "/files/X/X/"),
            ("/files/{tail}*", "/files/", "/files/"),
        ] {
            assert_eq!(hidden(pattern, path, false), expected, "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/reset/{token}", "/RESET/abc"),
            ("/reset/{token}", "/reset/"),
            ("/reset/{token}", "/reset/a/b"),
            ("/reset/{token}", "/x/reset/a"),
            ("/reset/{token}", "/reset%2Fa"),
            ("/reset/{token}", ""),
            (r"/a/{x:\d{2}}", "/a/12/b"),
            ("/a/{x:[a-z]+}/b", "/a/b"),
            ("/files/{tail}*", "/file/a"),
            ("/user-{token}.json", "/other"),
            ("/p-{id}.html", "/login"),
            ("/p-{id}.html", "/p-1.htm"),
            ("/p-{id}.html", "/p-.html"),
            ("/p-{id}.html", "/p-.htm%6"),
            ("/ab{id}bc", "/abc"),
            ("/@{user}", "/login"),
            ("/@{user}", "/@"),
            ("/v{n}/x", "/login/x"),
            ("/v{n}/x", "/V2/x"),
            ("/{a}-{b}.{c}", "/1.2-3"),
            ("/{a}-{b}.{c}", "/1-.3"),
            (r"/p-{x:\d+}.html", "/login"),
        ] {
            assert_eq!(hidden(pattern, path, false), path, "{pattern}");
        }
    }

    #[test]
    fn path_that_was_truncated_is_hidden_if_a_longer_path_may_match() {
        for (pattern, path, expected) in [
            ("/reset/{token}", "/reset/ab", "/reset/X"),
            ("/u/{token}/confirm", "/u/ab", "/u/X"),
            ("/u/{token}/confirm", "/u/ab/con", "/u/X/con"),
            ("/u/{token}/confirm", "/u/ab/c%6", "/u/X/c%6"),
            ("/u/{token}/confirm", "/u/ab/", "/u/X/"),
            ("/u/{token}/confirm", "/u/ab/x", "/u/ab/x"),
            ("/u/{token}/confirm", "/u", "/u"),
            ("/u/{a:.*}/confirm", "/u/ab/cd/e", "/u/X/X/X"),
            ("/reset/{token}", "/reset/ab/", "/reset/X/"),
            ("/reset/{token}", "/reset/ab/c", "/reset/ab/c"),
        ] {
            assert_eq!(hidden(pattern, path, true), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn parameter_with_text_around_it_is_hidden_in_a_path_that_was_truncated() {
        for (pattern, path, other) in [
            ("/p-{id}.html", "/p-SECRET.html", "/login"),
            ("/p-{id}.html", "/%70%2dSECRET.html", "/%71%2dlogin"),
            ("/@{user}/x", "/@SECRET/x", "/login/x"),
            ("/a/v{n}-{m}/x", "/a/v1-SECRET/x", "/a/login/x"),
        ] {
            for end in 0..=path.len() {
                let shown = hidden(pattern, &path[..end], end < path.len());
                assert!(!shown.contains('S'), "{pattern} {shown}");
            }
            let from = other.find("log").unwrap();
            for end in from..=other.len() {
                let path = &other[..end];
                assert_eq!(hidden(pattern, path, end < other.len() && end > from), path);
            }
        }
    }

    #[test]
    fn invalid_pattern_is_an_error_with_the_reason() {
        for (pattern, reason) in [
            ("reset/{token}", "begins with /"),
            ("", "begins with /"),
            ("/reset?{token}", "has no query"),
            ("/reset/{token", "is not closed"),
            ("/reset/{token:a{2}", "is not closed"),
            ("/reset/token", "has no parameter"),
            ("/reset/*", "has no parameter"),
        ] {
            let error = PathPattern::parse(pattern).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn pattern_applies_to_the_path_of_a_url() {
        let mut patterns = PathPatterns::default();
        patterns.add(&PathPattern::parse("/reset/{token}").unwrap());
        for (url, expected) in [
            (
                "https://h:1/reset/a?b=/reset/c#d",
                "https://h:1/reset/X?b=/reset/c#d",
            ),
            ("//h/reset/a", "//h/reset/X"),
            ("/reset/a?b", "/reset/X?b"),
            ("reset/a", "reset/X"),
            ("app://reset/reset/a", "app://reset/reset/X"),
        ] {
            let shown = patterns.replace_in_url(url, false, "X");
            assert_eq!(shown.as_deref(), Some(expected));
        }
        for url in [
            "https://reset/a",
            "https://h",
            "/x//reset/a",
            "",
            "?/reset/a",
        ] {
            assert_eq!(patterns.replace_in_url(url, false, "X"), None, "{url}");
        }
        let cut = patterns.replace_in_url("https://h/reset/a", true, "X");
        assert_eq!(cut.as_deref(), Some("https://h/reset/X"));
    }

    fn by_route(route: Option<&str>, captured: &[(&str, &str)], path: &str) -> String {
        let route = Route {
            pattern: route,
            captured: captured.iter().copied(),
        };
        let hidden = route.hidden_in(path, false, |name| name.contains("token"));
        hidden.replace_in(path, "X")
    }

    #[test]
    fn sensitive_parameters_of_a_route_are_hidden() {
        for (route, path, expected) in [
            ("/u/{id}/reset/{token}", "/u/1/reset/a", "/u/1/reset/X"),
            ("/u/{id}/reset/{token}", "//u/1/reset/a/", "//u/1/reset/X/"),
            ("/u/{id}", "/u/1", "/u/1"),
            ("/m-{token}.json", "/m-1.json", "/X"),
            ("/{id}/m-{token}.json", "/1/m-1.json", "/1/X"),
            ("/m-{token}.json", "/other", "/X"),
            ("/reset/{token}/{tail:.*}", "/reset/a/b/c", "/reset/X/b/c"),
            ("/{tail:.*}/reset/{token}", "/b/c/reset/a", "/b/c/reset/X"),
            // The path was rewritten.
            ("/reset/{token}", "/v1/reset/a", "/X/reset/X"),
            ("/reset/{token}", "/v1/a", "/X/X"),
            ("/reset/{token}", "/", "/"),
        ] {
            assert_eq!(by_route(Some(route), &[], path), expected, "{route} {path}");
        }
    }

    #[test]
    fn captured_parameter_that_the_pattern_does_not_have_is_hidden_by_its_value() {
        for (route, path, expected) in [
            (Some("/a/{id}"), "/b/a%62c", "/b/X"),
            (None, "/b/abc/d", "/b/X/d"),
            (None, "/b/other", "/X/X"),
        ] {
            let captured = [("token", "abc"), ("id", "b")];
            assert_eq!(by_route(route, &captured, path), expected, "{path}");
            assert_eq!(by_route(route, &captured[1..], path), path);
        }
        let long = "/a".repeat(1000);
        let hidden = by_route(None, &[("token", &long)], &long);
        assert_eq!(hidden, "/X".repeat(1000));
    }

    #[test]
    fn hidden_values_are_replaced_in_urls() {
        let hidden = HiddenSegments::one(1).and(HiddenSegments::one(2));
        let values = HiddenValues::new("/reset/ab%63/de", hidden);
        for (url, is_cut, expected) in [
            (
                "https://h/reset/abc/de?x=1",
                false,
                Some("https://h/reset/X/X?x=1"),
            ),
            ("/other/%61bc", false, Some("/other/X")),
            ("/other/ab", true, Some("/other/X")),
            ("/other/ab", false, None),
            ("/other/abcd", true, None),
            ("https://abc/", true, None),
        ] {
            let shown = values.replace_in_url(url, is_cut, "X");
            assert_eq!(shown.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn segments_after_the_last_bit_are_hidden_together() {
        let path = format!("/reset{}", "/a".repeat(100));
        let expected = format!("/reset{}", "/X".repeat(100));
        assert_eq!(hidden("/reset/{tail}*", &path, false), expected);
    }

    proptest! {
        #[test]
        fn no_input_panics(
            pattern in r"(/?[a{}:*.%\[\]\\^?é-]{0,4}){0,6}",
            path in r"(/?[a%2f.é]{0,3}){0,8}",
            is_cut: bool,
        ) {
            let _ = may_match_slash(&pattern);
            let _ = by_route(Some(&pattern), &[("token", &path)], &path);
            let mut patterns = PathPatterns::default();
            patterns.add(&PathPattern::read(&pattern, |_| true));
            let hidden = patterns.hidden_in(&path, is_cut).replace_in(&path, "X");
            prop_assert_eq!(hidden.matches('/').count(), path.matches('/').count());
            let _ = patterns.replace_in_url(&path, is_cut, "X");
        }
    }
}
