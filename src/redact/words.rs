//! Splits a name into its words.

use smallvec::SmallVec;

/// The words of a name, folded to one case and joined.
///
/// Every character that is neither a letter nor a digit separates words, and so does a hump: `userPin`, `PINCode`.
#[derive(Debug, Default)]
pub(super) struct Words {
    joined: String,
    /// The ends of the words in `joined`.
    ends: SmallVec<[usize; 8]>,
}

impl Words {
    pub(super) fn of(name: &str) -> Self {
        let mut words = Self {
            joined: String::with_capacity(name.len()),
            ..Self::default()
        };
        let mut chars = name.chars().peekable();
        let mut before = None;
        while let Some(c) = chars.next() {
            if !c.is_alphanumeric() {
                words.end_word();
                before = None;
                continue;
            }
            if before.is_some_and(|before| is_hump(before, c, chars.peek())) {
                words.end_word();
            }
            push_folded(&mut words.joined, c);
            before = Some(c);
        }
        words.end_word();
        words
    }

    fn end_word(&mut self) {
        let end = self.joined.len();
        if end > self.ends.last().copied().unwrap_or(0) {
            self.ends.push(end);
        }
    }

    /// Returns the words without the digits at their ends, or `None` if no word ends in a digit.
    pub(super) fn without_digits(&self) -> Option<Self> {
        let is_digit = |c: char| c.is_ascii_digit();
        if !self.iter().any(|word| word.ends_with(is_digit)) {
            return None;
        }
        let mut words = Self::default();
        for word in self.iter() {
            words.joined.push_str(word.trim_end_matches(is_digit));
            words.end_word();
        }
        Some(words)
    }

    /// Returns all words as one.
    pub(super) fn joined(&self) -> &str {
        &self.joined
    }

    /// Returns the words.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.starts()
            .zip(&self.ends)
            .map(|(start, &end)| &self.joined[start..end])
    }

    /// Returns the starts of the words in the joined text.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        let ends = self.ends.iter().copied();
        std::iter::once(0).chain(ends).take(self.ends.len())
    }

    /// Returns whether a word ends at `at` in the joined text.
    pub(super) fn is_end(&self, at: usize) -> bool {
        self.ends.binary_search(&at).is_ok()
    }

    /// Returns whether the words from `start` on begin with words that are `listed` if they are joined.
    pub(super) fn has_at(&self, start: usize, listed: &str) -> bool {
        self.joined[start..].starts_with(listed) && self.is_end(start + listed.len())
    }

    /// Returns whether the name has adjacent words that are `listed`, or its plural, if they are joined.
    pub(super) fn has(&self, listed: &str) -> bool {
        let ends = |start| {
            let end = start + listed.len();
            let is_plural = || self.joined[end..].starts_with('s') && self.is_end(end + 1);
            self.joined[start..].starts_with(listed) && (self.is_end(end) || is_plural())
        };
        !listed.is_empty() && self.starts().any(ends)
    }

    /// Returns whether the last words are one of `listed` if they are joined.
    pub(super) fn end_with_any(&self, listed: &[&str]) -> bool {
        let mut ends = self.starts().map(|start| &self.joined[start..]);
        ends.any(|end| listed.contains(&end))
    }

    /// Returns whether the words before `end` are `listed` if they are joined.
    pub(super) fn ends_before(&self, end: usize, listed: &str) -> bool {
        let before = &self.joined[..end];
        let start = before.len().wrapping_sub(listed.len());
        before.ends_with(listed) && (start == 0 || self.is_end(start))
    }
}

/// Returns whether a word ends between `before` and `c`.
fn is_hump(before: char, c: char, next: Option<&char>) -> bool {
    let has_case = |c: char| c.is_lowercase() || c.is_uppercase();
    match c.is_uppercase() {
        true => !before.is_uppercase() || next.is_some_and(|next| next.is_lowercase()),
        // A script without case has no humps, so the change of the script is one.
        false => c.is_alphabetic() && before.is_alphabetic() && has_case(c) != has_case(before),
    }
}

/// Appends a letter or digit in lower case, so that two spellings that differ only in case are equal.
fn push_folded(out: &mut String, c: char) {
    if c.is_ascii() {
        return out.push(c.to_ascii_lowercase());
    }
    // Some letters have two lower cases, such as the two forms of sigma. Their upper case is the same.
    let folded = c.to_uppercase().flat_map(char::to_lowercase);
    out.extend(folded.filter(|c| c.is_alphanumeric()));
}

/// Returns a name as it is compared with a whole name. A name without letters and digits is compared as it is.
pub(crate) fn normalize(name: &str) -> String {
    let words = Words::of(name);
    match words.joined.is_empty() {
        true => name.to_owned(),
        false => words.joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_marks_and_humps() {
        for (name, expected) in [
            ("", &[][..]),
            ("user_pin", &["user", "pin"]),
            ("user.pin-x:y/z[a]", &["user", "pin", "x", "y", "z", "a"]),
            ("AWS Secret Access Key", &["aws", "secret", "access", "key"]),
            ("myAccessKey", &["my", "access", "key"]),
            ("SMSOtp", &["sms", "otp"]),
            ("userPIN", &["user", "pin"]),
            ("password1Confirm", &["password1", "confirm"]),
            ("pass\u{200b}word\0", &["pass", "word"]),
            ("кодДоступа", &["код", "доступа"]),
            ("密码", &["密码"]),
            ("iban名前item", &["iban", "名前", "item"]),
            ("__", &[]),
        ] {
            let words = Words::of(name);
            assert_eq!(words.iter().collect::<Vec<_>>(), expected, "{name}");
        }
    }

    #[test]
    fn case_does_not_matter_in_any_script() {
        for (name, folded) in [
            ("ПАРОЛЬ", "пароль"),
            ("ΚΩΔΙΚΟΣ", "κωδικοσ"),
            ("κωδικος", "κωδικοσ"),
            ("Straße", "strasse"),
            // The Kelvin sign, the long s, the Turkish letters with and without a dot.
            ("to\u{212a}en", "token"),
            ("pa\u{17f}\u{17f}word", "password"),
            ("P\u{130}N", "pin"),
            ("p\u{131}n", "pin"),
        ] {
            assert_eq!(normalize(name), folded, "{name}");
        }
        assert_eq!(normalize("$"), "$");
    }

    #[test]
    fn adjacent_words_are_compared_joined() {
        let words = Words::of("my_access_key_id");
        assert!(words.has("accesskey") && words.has("my") && words.has("myaccesskeyid"));
        assert!(!words.has("access k") && !words.has("ccess") && !words.has(""));
        assert!(words.end_with_any(&["a", "keyid"]) && !words.end_with_any(&["key", "yid"]));
        let words = Words::of("api2_key3").without_digits().unwrap();
        assert_eq!(words.joined(), "apikey");
        assert!(Words::of("api_key").without_digits().is_none());
    }
}
