//! Values that are read ahead, and values inside of which other rules apply.

use crate::redact::listed::{
    NameClass, is_authorization_code, is_placeholder, is_repeated_authorization_code,
};

/// A value that a name after it describes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    pub(super) at: usize,
    /// The class of the name.
    pub(super) class: NameClass,
}

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
    /// The values that are judged by a name after them.
    pub(super) late: &'r [Late],
}

impl Scopes<'_> {
    /// Returns whether the first value in `value` is hidden whatever its name is.
    pub(super) fn hides(&self, value: &str) -> bool {
        self.tokens.is_some() && value.starts_with('"')
    }

    /// Returns the class of the name after the value at `at`, if the value is judged by that name.
    pub(super) fn late_class(&mut self, at: usize) -> Option<NameClass> {
        let passed = self.late.iter().take_while(|late| late.at < at).count();
        self.late = &self.late[passed..];
        let late = self.late.first().filter(|late| late.at == at);
        late.map(|late| late.class)
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
