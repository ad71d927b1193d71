//! Which names mean that a value must not be logged.

/// Whole names, sorted, in the form that [`normalize`] gives.
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

/// What stands in the place of a sensitive value; the name stays.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// The sensitive names of one logger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// The key of the code, which is shown whatever it is called.
    shown: Option<String>,
}

impl Names {
    pub(crate) fn except(key: &str) -> Self {
        Self {
            shown: Some(normalize(key)),
        }
    }

    /// Judges the name of a field, a JSON key or a header.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        let name = normalize(name);
        self.shown.as_deref() != Some(&name) && hides(&name)
    }

    /// Judges a decoded key of a form: all of its parts, as in `user[password]`.
    pub(crate) fn is_sensitive_in_form(&self, key: &str) -> bool {
        any_part(key, |part| self.is_sensitive(part))
    }

    /// Judges a decoded key of a query.
    pub(crate) fn is_sensitive_in_query(&self, key: &str) -> bool {
        any_part(key, |part| {
            EXACT_IN_QUERY.contains(&normalize(part).as_str()) || self.is_sensitive(part)
        })
    }

    /// Says whether any sensitive name occurs anywhere in a text, whatever surrounds it.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        let text = normalize(text);
        EXACT
            .iter()
            .chain(&CONTAINED)
            .any(|name| text.contains(name))
    }
}

fn any_part(key: &str, is_sensitive: impl Fn(&str) -> bool) -> bool {
    const MARKS: [char; 3] = ['[', ']', '.'];
    is_sensitive(key) || (key.contains(MARKS) && key.split(MARKS).any(is_sensitive))
}

fn hides(normalized: &str) -> bool {
    EXACT.binary_search(&normalized).is_ok()
        || CONTAINED.iter().any(|part| normalized.contains(part))
}

/// Lower case, without `-` and `_`: `X-Api-Key`, `api_key` and `apiKey` are one name.
fn normalize(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_normalized() {
        assert!(EXACT.is_sorted());
        for name in EXACT.iter().chain(&EXACT_IN_QUERY).chain(&CONTAINED) {
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
            "mysql_pwd",
            "CLIENT-SECRET",
            "passwort",
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
    fn the_key_of_the_code_is_shown() {
        assert!(!Names::except("token_code").is_sensitive("tokenCode"));
        assert!(Names::except("token_code").is_sensitive("token"));
    }
}
