//! Names of values that must not be logged.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sensitive names, as [`normalize`] returns them.
const EXACT: [&str; 27] = [
    "accesstoken",
    "apikey",
    "authorization",
    "cardnumber",
    "clientsecret",
    "cookie",
    "credentials",
    "csrftoken",
    "cvc",
    "cvv",
    "idtoken",
    "mysqlpwd",
    "openid",
    "otp",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "privatekey",
    "pwd",
    "refreshtoken",
    "secret",
    "session",
    "sessionid",
    "setcookie",
    "ssn",
    "token",
];

/// Sensitive names of query parameters, as in signed URLs. In a document, these are ordinary words.
const EXACT_IN_QUERY: [&str; 5] = [
    "awsaccesskeyid",
    "sig",
    "signature",
    "xamzsignature",
    "xgoogsignature",
];

/// Parts of sensitive names.
const CONTAINED: [&str; 6] = ["passw", "secret", "token", "credit", "apikey", "privatekey"];

/// Headers that are never recorded, even if an allowlist contains them. Outside of headers, their names are sensitive.
const NEVER_LOGGED: [&str; 9] = [
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "xapikey",
    "xauthtoken",
    "xcsrftoken",
    "xxsrftoken",
    "xamzsecuritytoken",
];

/// The text that replaces a sensitive value.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// The sensitive names of one logger.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// A number for this set of names. Clones have the same number.
    id: u64,
    exact: List,
    exact_in_query: List,
    contained: List,
    /// The names of [`Names::redact`], which take precedence over all others.
    explicit: List,
    /// The names of [`Names::keep`].
    kept: List,
    /// The key of the result code, which is shown even if its name is sensitive.
    code: Box<str>,
    /// Set if credentials are also recognized by their shape.
    shapes: bool,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            id: next_id(),
            exact: List::new(&[&EXACT[..], &NEVER_LOGGED[..]].concat()),
            exact_in_query: List::new(&EXACT_IN_QUERY),
            contained: List::new(&CONTAINED),
            explicit: List::default(),
            kept: List::default(),
            code: "".into(),
            shapes: true,
        }
    }
}

/// Returns a new number, which is not 0.
fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

impl Names {
    /// Returns the number of this set of names.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Creates a set without names and without shapes.
    pub(crate) fn none() -> Self {
        Self {
            exact: List::default(),
            exact_in_query: List::default(),
            contained: List::default(),
            shapes: false,
            ..Self::default()
        }
    }

    /// Returns whether nothing is hidden.
    pub(crate) fn is_off(&self) -> bool {
        !self.shapes
            && self.exact.is_empty()
            && self.exact_in_query.is_empty()
            && self.explicit.is_empty()
            && self.contained.is_empty()
    }

    /// Returns whether credentials are hidden by their shape.
    pub(crate) fn hides_shapes(&self) -> bool {
        self.shapes
    }

    /// Adds a sensitive name.
    pub(crate) fn redact(&mut self, name: &str) {
        self.id = next_id();
        let name = normalize(name);
        self.kept.remove(&name);
        self.explicit.push(&name);
    }

    /// Adds a part of sensitive names.
    pub(crate) fn redact_containing(&mut self, fragment: &str) {
        self.id = next_id();
        let fragment = normalize(fragment);
        // The empty string is a part of every name, so it is ignored.
        if !fragment.is_empty() {
            self.contained.push(&fragment);
        }
    }

    /// Shows the values of a name even if it contains a sensitive part, until [`redact`](Self::redact) names it again.
    pub(crate) fn keep(&mut self, name: &str) {
        self.id = next_id();
        let name = normalize(name);
        for list in [
            &mut self.explicit,
            &mut self.exact,
            &mut self.exact_in_query,
            &mut self.contained,
        ] {
            list.remove(&name);
        }
        self.kept.push(&name);
    }

    /// Shows the value of the result code, unless [`redact`](Self::redact) names its key.
    pub(crate) fn show_code(&mut self, key: &str) {
        self.id = next_id();
        self.code = normalize(key).into();
    }

    /// Returns whether the name of a field, a JSON key or a header is sensitive.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        self.hides(&normalize(name))
    }

    /// Returns whether a decoded key of a form is sensitive. A key such as `user[password]` has several parts.
    pub(crate) fn is_sensitive_in_form(&self, key: &str) -> bool {
        any_part(key, |part| self.is_sensitive(part))
    }

    /// Returns whether a decoded key of a query is sensitive.
    pub(crate) fn is_sensitive_in_query(&self, key: &str) -> bool {
        any_part(key, |part| {
            let name = normalize(part);
            self.exact_in_query.has(&name) || self.hides(&name)
        })
    }

    /// Returns whether two words are a sensitive name, as in `api key: x`. A part of a name does not count, because
    /// `token expires: noon` contains no token.
    pub(crate) fn is_sensitive_phrase(&self, words: &str) -> bool {
        let name = normalize(words);
        self.explicit.has(&name) || (!self.is_shown(&name) && self.exact.has(&name))
    }

    /// Returns whether the value of `key` extends to the end of the line, even if the value looks like pairs.
    pub(crate) fn is_whole_line(&self, key: &str) -> bool {
        matches!(
            &*normalize(key),
            "authorization" | "proxyauthorization" | "cookie" | "setcookie"
        )
    }

    /// Returns whether the header is never recorded.
    pub(crate) fn is_never_logged(&self, header: &str) -> bool {
        let name = normalize(header);
        NEVER_LOGGED.contains(&&*name) && !self.kept.has(&name)
    }

    /// Returns whether [`keep`](Self::keep) named this name.
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        self.kept.has(&normalize(name))
    }

    /// Returns whether any sensitive name is a part of `text`.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        let text = normalize(text);
        self.contained.occur_in(&text)
            || self.explicit.occur_in(&text)
            || self.exact.occur_in(&text)
    }

    /// Returns whether a normalized name is the key of the code or was kept.
    fn is_shown(&self, name: &str) -> bool {
        *self.code == *name || self.kept.has(name)
    }

    /// Returns whether a normalized name is sensitive.
    fn hides(&self, name: &str) -> bool {
        self.explicit.has(name)
            || (!self.is_shown(name) && (self.exact.has(name) || self.contained.occur_in(name)))
    }
}

/// Returns whether `key` or a part of it is sensitive.
fn any_part(key: &str, is_sensitive: impl Fn(&str) -> bool) -> bool {
    const MARKS: [char; 3] = ['[', ']', '.'];
    is_sensitive(key) || (key.contains(MARKS) && key.split(MARKS).any(is_sensitive))
}

/// Converts a name to lower case without `-` and `_`, so that `X-Api-Key`, `x_api_key` and `xApiKey` are the
/// same name.
pub(crate) fn normalize(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Normalized names, or parts of names.
#[derive(Clone, Debug, Default)]
struct List(Vec<Box<str>>);

impl List {
    fn new(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.into()).collect())
    }

    fn push(&mut self, name: &str) {
        self.0.push(name.into());
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|listed| **listed != *name);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|listed| **listed == *name)
    }

    /// Returns whether any of the names is a part of `text`.
    fn occur_in(&self, text: &str) -> bool {
        self.0.iter().any(|listed| text.contains(&**listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_are_normalized() {
        for name in EXACT
            .iter()
            .chain(&EXACT_IN_QUERY)
            .chain(&CONTAINED)
            .chain(&NEVER_LOGGED)
        {
            assert_eq!(normalize(name), *name);
        }
    }

    #[test]
    fn name_is_sensitive_in_any_spelling() {
        let names = Names::default();
        for name in [
            "password",
            "PassWord",
            "user_password",
            "api-key",
            "apiKey",
            "X-API-KEY",
            "PIN",
            "pwd",
            "set-cookie",
            "Secret",
            "credit_card",
            "accessToken",
            "private_key_id",
            "tokens",
            "Authorization",
            "Proxy-Authorization",
            "mysql_pwd",
            "CLIENT-SECRET",
            "passwort",
            // The Kelvin sign, whose lower case is `k`.
            "to\u{212a}en",
            "a_very_long_name_of_more_than_sixty_four_characters_that_ends_in_password",
        ] {
            assert!(names.is_sensitive(name), "{name}");
        }
        for name in [
            "",
            "name",
            "pinned",
            "spin",
            "author",
            "sessions",
            "cookies",
            "signature",
            "code",
            "passe",
            "ключ",
            "toke",
        ] {
            assert!(!names.is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn key_with_brackets_or_dots_is_sensitive_if_a_part_is() {
        let names = Names::default();
        for key in ["user[password]", "a[b][pin]", "form.otp"] {
            assert!(
                names.is_sensitive_in_form(key) && names.is_sensitive_in_query(key),
                "{key}"
            );
        }
        for key in ["sig", "signature[]", "X-Amz-Signature", "AWSAccessKeyId"] {
            assert!(
                names.is_sensitive_in_query(key) && !names.is_sensitive_in_form(key),
                "{key}"
            );
        }
        for key in ["user[name]", "page", "sigma", "a.b"] {
            assert!(!names.is_sensitive_in_query(key), "{key}");
        }
    }

    #[test]
    fn key_of_result_code_is_shown_unless_redact_names_it() {
        let mut names = Names::default();
        names.show_code("token_code");
        assert!(!names.is_sensitive("tokenCode") && names.is_sensitive("token"));
        names.redact_containing("code");
        assert!(!names.is_sensitive("tokenCode"));
        names.redact("Token-Code");
        assert!(names.is_sensitive("tokenCode"));
    }

    #[test]
    fn last_call_of_redact_or_keep_for_a_name_wins() {
        let mut names = Names::default();
        names.redact("Tax-Number");
        names.redact_containing("IBAN");
        assert!(names.is_sensitive("taxNumber") && !names.is_sensitive("taxNumbers"));
        assert!(names.is_sensitive("my_iban_2"));

        names.keep("token-type");
        assert!(!names.is_sensitive("token_type") && names.is_sensitive("token"));
        names.keep("token");
        assert!(!names.is_sensitive("token") && !names.is_sensitive("reset_token"));
        assert!(names.is_sensitive("access_token"));
        names.redact_containing("token");
        assert!(!names.is_sensitive("token") && names.is_sensitive("reset_token"));
        names.redact("token");
        assert!(names.is_sensitive("token"));

        names.keep("sig");
        assert!(!names.is_sensitive_in_query("sig") && names.is_sensitive_in_query("signature"));
        names.redact_containing("");
        assert!(!names.is_sensitive("name"));
    }

    #[test]
    fn headers_with_credentials_are_never_logged_unless_kept() {
        let mut names = Names::default();
        for header in ["authorization", "Set-Cookie", "x-amz-security-token"] {
            assert!(names.is_never_logged(header), "{header}");
        }
        assert!(!names.is_never_logged("x-session-token"));
        names.keep("authorization");
        assert!(!names.is_never_logged("authorization") && names.is_never_logged("cookie"));
        assert!(Names::none().is_never_logged("cookie"));
    }

    #[test]
    fn redaction_off_hides_only_names_that_are_added_later() {
        let mut names = Names::none();
        assert!(names.is_off() && !names.is_sensitive("password"));
        names.redact("iban");
        assert!(!names.is_off() && names.is_sensitive("IBAN") && !names.is_sensitive("password"));
    }

    #[test]
    fn two_words_are_sensitive_only_as_a_whole_name() {
        let names = Names::default();
        assert!(names.is_sensitive_phrase("api-key") && names.is_sensitive_phrase("cardnumber"));
        assert!(!names.is_sensitive_phrase("tokenexpires"));
    }
}
