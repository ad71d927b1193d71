//! Which names mean that a value must not be logged.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::redact::name_lists::{Fragments, Whole};

/// Whole names, in the form that [`normalize`] gives.
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

/// Query parameters only, those of signed URLs: in a document these are ordinary words.
const EXACT_IN_QUERY: [&str; 5] = [
    "awsaccesskeyid",
    "sig",
    "signature",
    "xamzsignature",
    "xgoogsignature",
];

/// Parts of names.
const CONTAINED: [&str; 6] = ["passw", "secret", "token", "credit", "apikey", "privatekey"];

/// Headers that no allowlist brings into a record. Elsewhere these names are sensitive too.
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

/// What stands in the place of a sensitive value; the name stays.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// The sensitive names of one logger.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Another one for each set of names; a clone has the same.
    id: u64,
    exact: Whole,
    exact_in_query: Whole,
    contained: Fragments,
    /// Named by [`Names::redact`]: these win over everything.
    explicit: Whole,
    /// Named by [`Names::keep`].
    kept: Whole,
    /// The key of the code, which is shown whatever it is called.
    code: Box<str>,
    /// What looks like a credential is hidden whatever its name is.
    shapes: bool,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            id: next_id(),
            exact: Whole::new(&[&EXACT[..], &NEVER_LOGGED[..]].concat()),
            exact_in_query: Whole::new(&EXACT_IN_QUERY),
            contained: Fragments::new(&CONTAINED),
            explicit: Whole::new(&[]),
            kept: Whole::new(&[]),
            code: "".into(),
            shapes: true,
        }
    }
}

/// Never 0.
fn next_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed) + 1
}

impl Names {
    /// What tells these names from all others.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Nothing is sensitive.
    pub(crate) fn none() -> Self {
        Self {
            exact: Whole::new(&[]),
            exact_in_query: Whole::new(&[]),
            contained: Fragments::new(&[]),
            shapes: false,
            ..Self::default()
        }
    }

    /// There is nothing to hide.
    pub(crate) fn is_off(&self) -> bool {
        !self.shapes
            && self.exact.is_empty()
            && self.exact_in_query.is_empty()
            && self.explicit.is_empty()
            && self.contained.is_empty()
    }

    /// What looks like a credential is hidden whatever its name is.
    pub(crate) fn hide_shapes(&self) -> bool {
        self.shapes
    }

    pub(crate) fn redact(&mut self, name: &str) {
        self.id = next_id();
        let name = normalize(name);
        self.kept.remove(&name);
        self.explicit.push(&name);
    }

    pub(crate) fn redact_containing(&mut self, fragment: &str) {
        self.id = next_id();
        let fragment = normalize(fragment);
        // Every name contains the empty string, and nobody means that.
        if !fragment.is_empty() {
            self.contained.push(&fragment);
        }
    }

    pub(crate) fn keep(&mut self, name: &str) {
        self.id = next_id();
        let name = normalize(name);
        for list in [
            &mut self.explicit,
            &mut self.exact,
            &mut self.exact_in_query,
        ] {
            list.remove(&name);
        }
        self.contained.remove(&name);
        self.kept.push(&name);
    }

    /// The key of the code is shown, unless it is named explicitly.
    pub(crate) fn show_code(&mut self, key: &str) {
        self.id = next_id();
        self.code = normalize(key).into();
    }

    /// Judges the name of a field, a JSON key or a header.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        Normal::of(name, |name| self.hides(name))
    }

    /// Judges a decoded key of a form: all of its parts, as in `user[password]`.
    pub(crate) fn is_sensitive_in_form(&self, key: &str) -> bool {
        any_part(key, |part| self.is_sensitive(part))
    }

    /// Judges a decoded key of a query.
    pub(crate) fn is_sensitive_in_query(&self, key: &str) -> bool {
        any_part(key, |part| {
            Normal::of(part, |name| {
                self.exact_in_query.has(name) || self.hides(name)
            })
        })
    }

    /// Judges words that together are one name, as in `api key: x`. Whole names only: `token
    /// expires: noon` is about a token and not one.
    pub(crate) fn is_sensitive_phrase(&self, words: &str) -> bool {
        Normal::of(words, |name| {
            self.explicit.has(name) || (!self.is_shown(name) && self.exact.has(name))
        })
    }

    /// Whose value is the rest of the line: it may look like other pairs.
    pub(crate) fn is_whole_line(&self, key: &str) -> bool {
        Normal::of(key, |name| {
            matches!(
                name,
                "authorization" | "proxyauthorization" | "cookie" | "setcookie"
            )
        })
    }

    /// The header is in no record, whatever the allowlist says.
    pub(crate) fn is_never_logged(&self, header: &str) -> bool {
        Normal::of(header, |name| {
            NEVER_LOGGED.contains(&name) && !self.kept.has(name)
        })
    }

    /// The user asked for the value under this name.
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        Normal::of(name, |name| self.kept.has(name))
    }

    /// Says whether any sensitive name occurs anywhere in a text, whatever surrounds it.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        let text = normalize(text);
        self.contained.occur_in(&text)
            || self.explicit.occur_in(&text)
            || self.exact.occur_in(&text)
    }

    fn is_shown(&self, name: &str) -> bool {
        *self.code == *name || self.kept.has(name)
    }

    fn hides(&self, name: &str) -> bool {
        self.explicit.has(name)
            || (!self.is_shown(name) && (self.exact.has(name) || self.contained.occur_in(name)))
    }
}

fn any_part(key: &str, is_sensitive: impl Fn(&str) -> bool) -> bool {
    const MARKS: [char; 3] = ['[', ']', '.'];
    is_sensitive(key) || (key.contains(MARKS) && key.split(MARKS).any(is_sensitive))
}

/// Lower case, without `-` and `_`: `X-Api-Key`, `api_key` and `apiKey` are one name.
pub(crate) fn normalize(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The normal form of a name, without an allocation for the names that occur.
struct Normal;

impl Normal {
    fn of<T>(name: &str, judge: impl FnOnce(&str) -> T) -> T {
        const SHORT: usize = 48;
        let mut buffer = [0; SHORT];
        let mut len = 0;
        if name.len() > SHORT {
            return judge(&normalize(name));
        }
        for byte in name.bytes() {
            match byte {
                b'-' | b'_' => {}
                0x80.. => return judge(&normalize(name)),
                _ => {
                    buffer[len] = byte.to_ascii_lowercase();
                    len += 1;
                }
            }
        }
        // ASCII, so never the fallback.
        judge(std::str::from_utf8(&buffer[..len]).unwrap_or(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_normalized() {
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
    fn spelling_does_not_matter() {
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
            // The Kelvin sign is a k in lower case.
            "to\u{212a}en",
            "a_very_long_name_that_does_not_fit_into_the_short_buffer_but_ends_in_password",
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
    fn parameters_are_judged_part_by_part() {
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
    fn the_key_of_the_code_is_shown_unless_it_is_named() {
        let mut names = Names::default();
        names.show_code("token_code");
        assert!(!names.is_sensitive("tokenCode") && names.is_sensitive("token"));
        names.redact_containing("code");
        assert!(!names.is_sensitive("tokenCode"));
        names.redact("Token-Code");
        assert!(names.is_sensitive("tokenCode"));
    }

    #[test]
    fn names_are_added_and_taken_off_and_the_last_word_counts() {
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
    fn some_headers_are_never_logged_unless_kept() {
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
    fn none_hides_what_is_named_afterwards_and_nothing_else() {
        let mut names = Names::none();
        assert!(names.is_off() && !names.is_sensitive("password"));
        names.redact("iban");
        assert!(!names.is_off() && names.is_sensitive("IBAN") && !names.is_sensitive("password"));
    }

    #[test]
    fn several_words_are_a_name_only_if_all_of_them_are() {
        let names = Names::default();
        assert!(names.is_sensitive_phrase("api-key") && names.is_sensitive_phrase("cardnumber"));
        assert!(!names.is_sensitive_phrase("tokenexpires"));
    }
}
