//! Values that are read ahead, and values inside of which other rules apply.

use crate::redact::listed::{
    is_authorization_code, is_placeholder, is_repeated_authorization_code,
};

/// Values in which other rules apply. Each is known by the number of containers around it.
#[derive(Debug, Default)]
pub(super) struct Scopes<'r> {
    /// Set if one of the others is set, or if there are late secrets.
    pub(super) is_active: bool,
    /// The value of a name such as `tokens`, whose strings are secrets.
    pub(super) tokens: Option<usize>,
    /// The value of `errors`.
    pub(super) errors: Option<usize>,
    /// The value of `logprobs`.
    pub(super) log_probs: Option<usize>,
    /// The places of values that are hidden because of what follows them.
    pub(super) late: &'r [usize],
}

impl Scopes<'_> {
    /// Returns whether the first value in `value`, which is at `at`, is hidden whatever its name is.
    pub(super) fn hides(&mut self, at: usize, value: &str) -> bool {
        self.is_active && (self.is_late(at) || (self.tokens.is_some() && value.starts_with('"')))
    }

    /// Returns whether the value at `at` is a late secret.
    fn is_late(&mut self, at: usize) -> bool {
        let passed = self.late.iter().take_while(|&&late| late < at).count();
        self.late = &self.late[passed..];
        self.late.first() == Some(&at)
    }

    /// Begins a scope at `depth`, unless it began further outside. Returns false, because the value itself is shown.
    pub(super) fn begin(
        &mut self,
        scope: impl FnOnce(&mut Self) -> &mut Option<usize>,
        depth: usize,
    ) -> bool {
        scope(self).get_or_insert(depth);
        self.is_active = true;
        false
    }

    /// Ends the scopes of the value inside of `depth` containers.
    pub(super) fn end_value(&mut self, depth: usize) {
        let mut scopes = [&mut self.tokens, &mut self.errors, &mut self.log_probs];
        for scope in &mut scopes {
            if **scope == Some(depth) {
                **scope = None;
            }
        }
        self.is_active = scopes.iter().any(|scope| scope.is_some()) || !self.late.is_empty();
    }
}

/// Returns whether `text` begins with a value that is empty or a placeholder, and so not a secret.
pub(super) fn is_nothing(text: &str) -> bool {
    const MAX: usize = 66;
    match text.as_bytes() {
        [b'"', b'"', ..] | [b'n', ..] => true,
        [b'"', b'$' | b'{' | b'<' | b'%', ..] => {
            let string = &text.as_bytes()[1..text.len().min(MAX)];
            memchr::memchr(b'"', string).is_some_and(|end| is_placeholder(&text[1..][..end]))
        }
        [b'[', inner @ ..] => inner.trim_ascii_start().starts_with(b"]"),
        [b'{', inner @ ..] => inner.trim_ascii_start().starts_with(b"}"),
        _ => false,
    }
}

/// Returns whether `text` begins with a string that is an authorization code. A response may repeat one.
pub(super) fn begins_authorization_code(text: &str, is_request: bool) -> bool {
    let Some(string) = text.strip_prefix('"') else {
        return false;
    };
    let end = memchr::memchr(b'"', string.as_bytes()).unwrap_or(string.len());
    match is_request {
        true => is_authorization_code(&string[..end]),
        false => is_repeated_authorization_code(&string[..end]),
    }
}

/// Returns whether `text` begins with a complete array that contains only strings.
pub(super) fn is_array_of_strings(text: &str) -> bool {
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        rest = rest.trim_ascii_start();
        let Some(string) = rest.strip_prefix('"') else {
            return rest.starts_with(']');
        };
        let Some(len) = string_len(string) else {
            return false;
        };
        rest = string[len + 1..].trim_ascii_start();
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None => return rest.starts_with(']'),
        };
    }
}

/// Returns the length of the JSON string that `text` begins with, without its closing quote.
pub(super) fn string_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}
