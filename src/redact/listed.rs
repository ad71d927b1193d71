//! The names that are sensitive by default, and their exceptions. All of them are folded and joined, as
//! [`Words`] has them.

use crate::redact::words::Words;

/// Names that are sensitive wherever their words occur in a name, in the order of their bytes.
pub(super) const ANYWHERE: [&str; 46] = [
    "accesskey",
    "accountkey",
    "apikey",
    "authcode",
    "authkey",
    "authorizationcode",
    "backupcode",
    "cardcode",
    "cardnumber",
    "credential",
    "credentials",
    "creditcard",
    "csrf",
    "cvc",
    "cvv",
    "encryptionkey",
    "jsessionid",
    "jwt",
    "masterkey",
    "mfacode",
    "mysqlpwd",
    "otp",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "phpsessid",
    "privatekey",
    "pwd",
    "recoverycode",
    "secret",
    "securitycode",
    "sessid",
    "sessionid",
    "sessionkey",
    "sharedaccesskey",
    "signingkey",
    "socialsecurity",
    "ssn",
    "subscriptionkey",
    "token",
    "totp",
    "transactionkey",
    "twofactor",
    "verificationcode",
    "xsrf",
];

/// Names that are sensitive as a whole, or as the last words of a name. `xauth` and its neighbours are headers such as
/// `X-Registry-Auth`.
pub(super) const LAST: [&str; 16] = [
    "authorization",
    "basicauth",
    "cookie",
    "cookies",
    "dbpass",
    "httpauth",
    "pin",
    "proxyauth",
    "proxypass",
    "registryauth",
    "rootpass",
    "session",
    "setcookie",
    "smtppass",
    "userpass",
    "xauth",
];

/// Names that are sensitive as a whole.
pub(super) const WHOLE: [&str; 25] = [
    "assertion",
    "auth",
    "clientassertion",
    "codeverifier",
    "contrasena",
    "contraseña",
    "devicecode",
    "haslo",
    "hasło",
    "kennwort",
    "motdepasse",
    "openid",
    "pass",
    "passwort",
    "proxyauthorization",
    "pw",
    "samlrequest",
    "samlresponse",
    "senha",
    "wachtwoord",
    "пароль",
    "パスワード",
    "密码",
    "密碼",
    "비밀번호",
];

/// Names that are sensitive in queries, as in signed URLs, and in forms that have a date or an expiry. In a document,
/// they are ordinary words.
pub(super) const IN_QUERY: [&str; 7] = [
    "sig",
    "signature",
    "awsaccesskeyid",
    "xgoogsignature",
    "xamzsignature",
    "xamzcredential",
    "xgoogcredential",
];

/// Parts of a word that make a name sensitive, because people write such names without marks: `userpassword`.
pub(super) const STEMS: [&str; 4] = ["passw", "secret", "apikey", "privatekey"];

/// Headers that are never recorded, even if an allowlist contains them. Outside of headers, their names are sensitive.
pub(super) const NEVER_LOGGED: [&str; 9] = [
    "authorization",
    "cookie",
    "proxyauthorization",
    "setcookie",
    "xamzsecuritytoken",
    "xapikey",
    "xauthtoken",
    "xcsrftoken",
    "xxsrftoken",
];

/// The last words of names whose value is a fact about a secret.
const FACTS: [&str; 15] = [
    "type",
    "policy",
    "strength",
    "length",
    "count",
    "limit",
    "expiry",
    "expires",
    "expiration",
    "expiresat",
    "expiresin",
    "changedat",
    "required",
    "enabled",
    "scanning",
];

/// Words before `token` with which it is not a secret. The last is an element of WS-Security that contains the user.
const BEFORE_TOKEN: [&str; 11] = [
    "page",
    "next",
    "previous",
    "prev",
    "continuation",
    "sync",
    "cursor",
    "scroll",
    "clientrequest",
    "idempotency",
    "username",
];

/// Names of other values with which a text begins, such as `environment` lists and validation errors.
const NAMING: [&str; 9] = [
    "name",
    "key",
    "field",
    "path",
    "param",
    "parameter",
    "attribute",
    "property",
    "loc",
];

/// Names of values that another name describes.
const VALUED: [&str; 4] = ["value", "val", "values", "input"];

/// Names of dates and expiries in signed forms. `se` is that of Azure.
const DATED: [&str; 9] = [
    "se",
    "date",
    "expires",
    "expiry",
    "expiration",
    "expiresat",
    "exp",
    "xamzdate",
    "xgoogdate",
];

/// What the name of a value says about the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NameClass {
    /// Nothing.
    #[default]
    Plain = 1,
    /// The value is a secret.
    Secret,
    /// The value is a secret because a logger hides the name.
    SecretOfUser,
    /// The value is a secret unless it is a number: `max_tokens`.
    Tokens,
    /// The value is a secret in queries and signed forms.
    InQuery,
    /// A long value is an authorization code, in requests.
    Code,
    /// The value is the name of another value.
    Naming,
    /// Another value names this value.
    Valued,
    /// The value describes errors of other values.
    Errors,
    /// The value describes the output of a language model, in which `token` is a word.
    LogProbs,
    /// The value is a date or an expiry.
    Dated,
}

impl NameClass {
    /// Returns the class with this number. Only the low four bits count, so that no bounds are checked for each key.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        const CLASSES: [Option<NameClass>; 16] = {
            let mut classes = [None; 16];
            let all = [
                NameClass::Plain,
                NameClass::Secret,
                NameClass::SecretOfUser,
                NameClass::Tokens,
                NameClass::InQuery,
                NameClass::Code,
                NameClass::Naming,
                NameClass::Valued,
                NameClass::Errors,
                NameClass::LogProbs,
                NameClass::Dated,
            ];
            let mut nth = 0;
            while nth < all.len() {
                classes[all[nth] as usize] = Some(all[nth]);
                nth += 1;
            }
            classes
        };
        CLASSES[usize::from(number & 0xf)]
    }

    /// Returns whether the values of the name are secrets in every kind of text.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::SecretOfUser | Self::Tokens)
    }

    /// Returns whether a value that a text of this class names is a secret.
    pub(crate) fn is_secret_in_pair(self) -> bool {
        self.is_secret() || self == Self::InQuery
    }

    /// Returns whether there are values that are hidden. A value that was truncated may be any of them.
    pub(crate) fn may_hide(self, place: Place) -> bool {
        match self {
            Self::InQuery => place == Place::Query,
            Self::Code => place != Place::Document,
            _ => self.is_secret(),
        }
    }

    /// Returns whether `value`, which is not JSON, is hidden.
    pub(crate) fn hides(self, value: &str, place: Place) -> bool {
        let is_nothing = matches!(value, "" | "null") || is_placeholder(value);
        match self {
            Self::SecretOfUser => !is_nothing,
            Self::Secret => !is_nothing && !matches!(value, "true" | "false"),
            Self::Tokens => !is_nothing && !is_count(value),
            Self::InQuery => place == Place::Query && !is_nothing,
            Self::Code => place != Place::Document && is_authorization_code(value),
            _ => false,
        }
    }
}

/// The kind of text in which a name occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Document,
    Form,
    /// A query, or a form that is signed like one.
    Query,
}

/// Returns whether a value under `tokens` is a number of tokens.
fn is_count(value: &str) -> bool {
    value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether the value of `code` is an authorization code (RFC 6749) and not a code of an error or a country.
pub(crate) fn is_authorization_code(value: &str) -> bool {
    const MIN: usize = 16;
    value.len() >= MIN && !value.contains(char::is_whitespace)
}

/// Returns whether the code of a response is an authorization code that the response repeats: it has small letters,
/// capital letters and digits, and no other marks than those of tokens. Codes of errors have words.
pub(crate) fn is_repeated_authorization_code(value: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    is_authorization_code(value)
        && value.bytes().all(is_part)
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_lowercase())
        && value.bytes().any(|b| b.is_ascii_uppercase())
        && !value.contains("://")
}

/// Returns whether `value` stands for a value that somebody is to fill in: `${TOKEN}`, `{{token}}`, `%s`,
/// `<password>`, `$password`.
pub(crate) fn is_placeholder(value: &str) -> bool {
    matches!(value.as_bytes().first(), Some(b'$' | b'{' | b'<' | b'%')) && is_template(value)
}

#[cold]
fn is_template(value: &str) -> bool {
    const MAX: usize = 64;
    let is_name = |text: &str| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        text.chars().any(char::is_alphabetic) && text.chars().all(is_part)
    };
    let between = |start, end| value.strip_prefix(start)?.strip_suffix(end);
    value.len() <= MAX
        && (matches!(value, "%s" | "%v" | "%d" | "%q")
            || [("${", "}"), ("${{", "}}"), ("%{", "}"), ("{{", "}}"), ("<", ">"), ("%(", ")s")]
                .into_iter()
                .any(|(start, end)| between(start, end).is_some_and(is_name))
            // A password may begin with `$`, so the name of the variable must say that it holds a secret.
            || value.strip_prefix('$').is_some_and(|name| {
                let has_letters = name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
                has_letters && class_of(&Words::of(name), None) == NameClass::Secret
            }))
}

/// Returns the class of a name by default. `bare` are the words without their digits, if they have any.
pub(super) fn class_of(words: &Words, bare: Option<&Words>) -> NameClass {
    let is_fact = words.end_with_any(&FACTS);
    if !is_fact {
        let all = || std::iter::once(words).chain(bare);
        if all().any(is_secret) {
            return NameClass::Secret;
        }
        if words.iter().any(|word| word.ends_with("tokens")) {
            return NameClass::Tokens;
        }
        if all().any(|words| IN_QUERY.contains(&words.joined())) {
            return NameClass::InQuery;
        }
    }
    match words.joined() {
        "code" => NameClass::Code,
        joined if joined.ends_with("logprobs") => NameClass::LogProbs,
        joined if DATED.contains(&joined) => NameClass::Dated,
        // Such as `fieldErrors`.
        _ if words.end_with_any(&["errors"]) => NameClass::Errors,
        _ if words.end_with_any(&NAMING) => NameClass::Naming,
        _ if words.end_with_any(&VALUED) => NameClass::Valued,
        _ => NameClass::Plain,
    }
}

/// Returns whether the words are a sensitive name, apart from its exceptions.
fn is_secret(words: &Words) -> bool {
    WHOLE.contains(&words.joined())
        || words.end_with_any(&LAST)
        || words.starts().any(|start| {
            let first = words.joined().as_bytes().get(start);
            let from = ANYWHERE.partition_point(|listed| listed.as_bytes().first() < first);
            let listed = ANYWHERE[from..].iter();
            let mut listed = listed.take_while(|listed| listed.as_bytes().first() == first);
            listed.any(|listed| is_secret_at(words, start, listed))
        })
        || words.iter().any(is_secret_word)
}

/// Returns whether `listed`, or its plural, begins at `start` and is a secret there.
fn is_secret_at(words: &Words, start: usize, listed: &str) -> bool {
    let rest = &words.joined()[start..];
    if !rest.starts_with(listed) {
        return false;
    }
    let end = start + listed.len();
    let is_plural = rest[listed.len()..].starts_with('s') && words.is_end(end + 1);
    match listed {
        "token" => {
            let mut before = BEFORE_TOKEN.iter();
            words.is_end(end) && !before.any(|before| words.ends_before(start, before))
        }
        "secret" => (words.is_end(end) && !words.has_at(end, "scanning")) || is_plural,
        _ => words.is_end(end) || is_plural,
    }
}

/// Returns whether one word without marks is a sensitive name.
fn is_secret_word(word: &str) -> bool {
    // The length of `passw`, the shortest stem, and of `token`.
    const MIN_LEN: usize = 5;
    if word.len() < MIN_LEN {
        return false;
    }
    let token = word.strip_suffix("token");
    let is_token = token.is_some_and(|before| {
        !before.is_empty() && !BEFORE_TOKEN.iter().any(|word| before.ends_with(word))
    });
    let has_stem = STEMS.iter().any(|stem| match (*stem, word) {
        // `secret` as a word was judged with its neighbours.
        ("secret", "secret") => false,
        ("secret", word) => word.contains("secret") && !word.starts_with("secretar"),
        (stem, word) => word.contains(stem),
    });
    is_token || has_stem
}

/// Returns whether any listed name is a part of a joined text.
pub(super) fn any_occurs_in(joined: &str) -> bool {
    let lists = [&ANYWHERE[..], &LAST, &WHOLE, &STEMS, &NEVER_LOGGED];
    lists
        .into_iter()
        .flatten()
        .any(|name| joined.contains(name))
}

/// Returns whether a joined name is a whole listed name.
pub(super) fn is_listed(joined: &str) -> bool {
    let lists = [&ANYWHERE[..], &LAST, &WHOLE, &NEVER_LOGGED];
    lists
        .into_iter()
        .any(|list| list.binary_search(&joined).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::words::normalize;

    #[test]
    fn listed_names_are_normalized_and_in_order() {
        for list in [&ANYWHERE[..], &LAST, &WHOLE, &NEVER_LOGGED] {
            assert!(list.is_sorted(), "{list:?}");
        }
        let lists = [
            &ANYWHERE[..],
            &LAST,
            &WHOLE,
            &NEVER_LOGGED,
            &IN_QUERY,
            &FACTS,
        ];
        let lists = lists
            .into_iter()
            .chain([&NAMING[..], &VALUED, &DATED, &BEFORE_TOKEN]);
        for name in lists.flatten() {
            assert_eq!(normalize(name), *name);
        }
    }

    #[test]
    fn placeholders_are_not_secrets() {
        for text in [
            "${TOKEN}",
            "{{token}}",
            "{{ api.key }}",
            "%s",
            "%(name)s",
            "<password>",
            "<your token>",
            "${{ secrets.TOKEN }}",
            "%{token}",
            "$password",
            "$DB_PASSWORD",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "", "$", "${", "${}", "${a", "$hunter", "$secret1", "<>", "<a", "hunter2", "{{a}",
            "${a}b", "%s1",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn code_of_a_response_is_an_authorization_code_only_if_it_has_no_words() {
        for code in ["SplxlOBeZQQYbYS6WxSbIA", "4/0AX4XfWhQ-rk_7.b~c=="] {
            assert!(is_repeated_authorization_code(code), "{code}");
        }
        for code in [
            "err_2fa_verification_needed",
            "insufficient-funds-in-account-7",
            "INSUFFICIENT_FUNDS_2",
            "a1b2c3d4e5f6a7b8",
            "https://h/Error-Codes/17",
            "Error 17: not Found",
            "SplxlOBeZQQYb6S",
        ] {
            assert!(!is_repeated_authorization_code(code), "{code}");
        }
    }

    #[test]
    fn only_values_that_can_be_secrets_are_hidden() {
        use NameClass::*;
        for (class, value, place, hidden) in [
            (Secret, "hunter2", Place::Document, true),
            (Secret, "", Place::Document, false),
            (Secret, "true", Place::Form, false),
            (Secret, "null", Place::Document, false),
            (SecretOfUser, "true", Place::Document, true),
            (SecretOfUser, "", Place::Document, false),
            (Tokens, "512", Place::Form, false),
            (Tokens, "5123456789", Place::Form, true),
            (Tokens, "abc", Place::Document, true),
            (InQuery, "abc", Place::Query, true),
            (InQuery, "abc", Place::Document, false),
            (Code, "0123456789abcdef", Place::Form, true),
            (Code, "0123456789abcde", Place::Form, false),
            (Code, "0123456789 abcdef", Place::Form, false),
            (Code, "0123456789abcdef", Place::Document, false),
            (Plain, "hunter2", Place::Query, false),
        ] {
            assert_eq!(class.hides(value, place), hidden, "{class:?} {value}");
        }
    }
}
