//! Quotes around names and values, also in texts that are quoted in other texts.

use std::ops::Range;

const QUOTES: [&str; 6] = ["\"", "'", "`", "&quot;", "&#34;", "&#39;"];

/// A quotation mark, with the backslashes before it if the text was quoted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    mark: &'static str,
    backslashes: usize,
}

impl Quote {
    /// Reads the quote that `text` begins with.
    pub(super) fn at_start(text: &str) -> Option<Self> {
        let after = text.trim_start_matches('\\');
        let mark = QUOTES.into_iter().find(|mark| after.starts_with(mark))?;
        Some(Self {
            mark,
            backslashes: text.len() - after.len(),
        })
    }

    /// Reads the quote that `text` ends with.
    pub(super) fn at_end(text: &str) -> Option<Self> {
        let mark = QUOTES.into_iter().find(|mark| text.ends_with(mark))?;
        let before = &text[..text.len() - mark.len()];
        Some(Self {
            mark,
            backslashes: before.len() - before.trim_end_matches('\\').len(),
        })
    }

    pub(super) fn len(self) -> usize {
        self.backslashes + self.mark.len()
    }

    /// Finds the closing quote in `text`, which begins after this quote.
    ///
    /// A quote with more backslashes before it than this quote has is part of the quoted text. A closing quote
    /// after an escaped backslash has more, too, so it is missed, and more is hidden.
    pub(super) fn find_end(self, text: &str) -> Option<Range<usize>> {
        let mut from = 0;
        while let Some(found) = text[from..].find(self.mark) {
            let mark = from + found;
            let end = mark + self.mark.len();
            let start = text[..mark].trim_end_matches('\\').len();
            if mark - start <= self.backslashes {
                return Some(start..end);
            }
            from = end;
        }
        None
    }

    /// Returns the length of the text in triple quotes that `text` begins with, or `None` if `text` does not
    /// begin with triple quotes. Fewer quotes in a row do not end it. If the end is missing, all of `text` counts.
    pub(super) fn triple_quoted_len(self, text: &str) -> Option<usize> {
        let quote = &text[..self.len()];
        let inner = text[quote.len()..]
            .strip_prefix(quote)?
            .strip_prefix(quote)?;
        let end = inner.find(&quote.repeat(3));
        Some(end.map_or(text.len(), |end| end + 6 * quote.len()))
    }

    /// Finds the start of the quoted text in `text`, which ends before this closing quote.
    pub(super) fn find_start(self, text: &str) -> Option<usize> {
        let mark = text.rfind(self.mark)?;
        Some(mark + self.mark.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triple_quotes_are_closed_by_triple_quotes() {
        for (text, len) in [
            (r#""""a "b" c"""d"#, Some(13)),
            (r#"\"\"\"a\"\"\""#, Some(13)),
            ("'''a'' b", Some(8)),
            ("'' b '''", None),
            ("'a'", None),
        ] {
            let quote = Quote::at_start(text).unwrap();
            assert_eq!(quote.triple_quoted_len(text), len, "{text}");
        }
    }

    #[test]
    fn quote_is_closed_by_same_quote_after_as_many_backslashes() {
        for (text, inner) in [
            (r#""a"b"#, Some("a")),
            (r#""a\"b"c"#, Some(r#"a\"b"#)),
            (r#"\"a\"b"#, Some("a")),
            (r#"\"a\\\"b\"c"#, Some(r#"a\\\"b"#)),
            ("'it\"s'", Some("it\"s")),
            ("&quot;a&quot;", Some("a")),
            ("\"a", None),
        ] {
            let quote = Quote::at_start(text).unwrap();
            let rest = &text[quote.len()..];
            assert_eq!(
                quote.find_end(rest).map(|end| &rest[..end.start]),
                inner,
                "{text}"
            );
        }
        assert_eq!(Quote::at_start("a\""), None);
    }
}
