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
    /// Set if the names of this file are sensitive, and credentials are recognized by their shape.
    has_defaults: bool,
    /// The fragments of [`Names::redact_containing`].
    contained: List,
    /// The whole names that were set. The last layer is that of the innermost logger. There is at least one layer.
    layers: Vec<Layer>,
}

/// The whole names that were set on one logger. The order of the calls does not matter.
#[derive(Clone, Debug, Default)]
struct Layer {
    /// The names of [`Names::keep`], which take precedence.
    kept: List,
    /// The names of [`Names::redact`].
    redacted: List,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            id: next_id(),
            has_defaults: true,
            contained: List::default(),
            layers: vec![Layer::default()],
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
            has_defaults: false,
            ..Self::default()
        }
    }

    /// Returns whether nothing is hidden.
    pub(crate) fn is_off(&self) -> bool {
        !self.has_defaults
            && self.contained.is_empty()
            && self.layers.iter().all(|layer| layer.redacted.is_empty())
    }

    /// Returns whether credentials are hidden by their shape.
    pub(crate) fn hides_shapes(&self) -> bool {
        self.has_defaults
    }

    /// Begins the names of an inner logger, which take precedence over those that were set before.
    pub(crate) fn begin_layer(&mut self) {
        self.layers.push(Layer::default());
    }

    /// Adds a sensitive name.
    pub(crate) fn redact(&mut self, name: &str) {
        let name = normalize(name);
        self.last_layer().redacted.push(&name);
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

    /// Shows the values of exactly this name.
    pub(crate) fn keep(&mut self, name: &str) {
        let name = normalize(name);
        self.last_layer().kept.push(&name);
    }

    fn last_layer(&mut self) -> &mut Layer {
        self.id = next_id();
        if self.layers.is_empty() {
            self.begin_layer();
        }
        let last = self.layers.len() - 1;
        &mut self.layers[last]
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
            self.hides_by(&name, |name| {
                EXACT_IN_QUERY.contains(&name) || is_sensitive_by_default(name)
            })
        })
    }

    /// Returns whether two words are a sensitive name, as in `api key: x`. A part of a name does not count, because
    /// `token expires: noon` contains no token.
    pub(crate) fn is_sensitive_phrase(&self, words: &str) -> bool {
        let name = normalize(words);
        let hidden = self.set_on_a_logger(&name);
        hidden.unwrap_or_else(|| self.has_defaults && is_whole_sensitive_name(&name))
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
        NEVER_LOGGED.contains(&&*name) && self.set_on_a_logger(&name) != Some(false)
    }

    /// Returns whether [`keep`](Self::keep) named this name.
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        self.set_on_a_logger(&normalize(name)) == Some(false)
    }

    /// Returns whether the application hides the values of this name, so that it is sensitive not only by default.
    pub(crate) fn is_redacted(&self, name: &str) -> bool {
        self.hides_by(&normalize(name), |_| false)
    }

    /// Returns whether any sensitive name is a part of `text`.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        let text = normalize(text);
        let defaults = CONTAINED.iter().chain(&EXACT).chain(&NEVER_LOGGED);
        let mut redacted = self.layers.iter().map(|layer| &layer.redacted);
        self.contained.occur_in(&text)
            || redacted.any(|names| names.occur_in(&text))
            || (self.has_defaults && defaults.into_iter().any(|name| text.contains(name)))
    }

    /// Returns whether a normalized name is hidden by [`redact`](Self::redact), or shown by [`keep`](Self::keep). The
    /// innermost logger on which the name was set decides.
    fn set_on_a_logger(&self, name: &str) -> Option<bool> {
        self.layers.iter().rev().find_map(|layer| {
            if layer.kept.has(name) {
                Some(false)
            } else {
                layer.redacted.has(name).then_some(true)
            }
        })
    }

    /// Returns whether a normalized name is sensitive.
    fn hides(&self, name: &str) -> bool {
        self.hides_by(name, is_sensitive_by_default)
    }

    fn hides_by(&self, name: &str, by_default: impl Fn(&str) -> bool) -> bool {
        self.set_on_a_logger(name).unwrap_or_else(|| {
            (self.has_defaults && by_default(name)) || self.contained.occur_in(name)
        })
    }
}

/// Returns whether a normalized name is sensitive unless a logger shows it.
fn is_sensitive_by_default(name: &str) -> bool {
    is_whole_sensitive_name(name) || CONTAINED.iter().any(|part| name.contains(part))
}

fn is_whole_sensitive_name(name: &str) -> bool {
    EXACT.contains(&name) || NEVER_LOGGED.contains(&name)
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
    fn push(&mut self, name: &str) {
        if !self.has(name) {
            self.0.push(name.into());
        }
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

    /// Returns the names after these calls, in every order.
    fn in_every_order(calls: [fn(&mut Names); 3]) -> Vec<Names> {
        let orders = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        let names = orders.map(|order| {
            let mut names = Names::default();
            for nth in order {
                calls[nth](&mut names);
            }
            names
        });
        names.into()
    }

    #[test]
    fn kept_name_is_an_exact_exception_whatever_the_order_of_calls() {
        for names in in_every_order([
            |names| names.redact("Tax-Number"),
            |names| names.redact_containing("IBAN"),
            |names| names.keep("my_iban"),
        ]) {
            assert!(names.is_sensitive("taxNumber") && !names.is_sensitive("taxNumbers"));
            assert!(names.is_sensitive("my_iban_2") && !names.is_sensitive("MyIban"));
        }
        for names in in_every_order([
            |names| names.keep("token"),
            |names| names.redact_containing("token"),
            |names| names.redact("token"),
        ]) {
            assert!(!names.is_sensitive("Token") && names.is_sensitive("reset_token"));
            assert!(names.is_sensitive("access_token") && names.is_sensitive("tokens"));
        }
        let mut names = Names::default();
        names.keep("sig");
        assert!(!names.is_sensitive_in_query("sig") && names.is_sensitive_in_query("signature"));
        names.redact_containing("");
        assert!(!names.is_sensitive("name"));
    }

    #[test]
    fn a_name_that_was_set_on_an_inner_logger_takes_precedence() {
        let mut names = Names::default();
        names.keep("token");
        names.redact("iban");
        names.begin_layer();
        assert!(!names.is_sensitive("token") && names.is_sensitive("iban"));
        names.redact("token");
        names.keep("iban");
        assert!(names.is_sensitive("token") && !names.is_sensitive("iban"));
        names.begin_layer();
        assert!(names.is_sensitive("token") && !names.is_sensitive("iban"));
        names.keep("token");
        assert!(!names.is_sensitive("token"));
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
