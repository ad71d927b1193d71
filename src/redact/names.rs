//! The redaction rules of one logger.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::redact::{
    conditions::{Condition, Conditions},
    listed::{self, NEVER_LOGGED, NameClass},
    path::{HiddenSegments, PathPattern, PathPatterns},
    pieces::REDACTED,
    shapes::{Shape, Shapes},
    words::{Words, normalize},
};

/// The redaction rules of one logger: names, shapes, patterns of paths and conditions on values.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// A number for this set of names. Clones have the same number.
    id: u64,
    /// Set if the names in [`listed`] are sensitive.
    has_defaults: bool,
    /// The shapes that are hidden.
    shapes: Shapes,
    /// The fragments of [`Names::redact_containing`].
    contained: List,
    /// The whole names that were set. The last layer is that of the innermost logger. There is at least one layer.
    layers: Vec<Layer>,
    /// The patterns of [`Names::redact_path`].
    paths: PathPatterns,
    /// The conditions of [`Names::redact_values`].
    conditions: Conditions,
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
            shapes: Shapes::ALL,
            contained: List::default(),
            layers: vec![Layer::default()],
            paths: PathPatterns::default(),
            conditions: Conditions::default(),
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
            shapes: Shapes::NONE,
            ..Self::default()
        }
    }

    /// Returns whether nothing is hidden.
    pub(crate) fn is_off(&self) -> bool {
        !self.has_defaults
            && self.contained.is_empty()
            && self.layers.iter().all(|layer| layer.redacted.is_empty())
            && self.paths.is_empty()
            && self.conditions.is_empty()
    }

    /// Returns whether secrets of this shape are hidden.
    pub(crate) fn hides(&self, shape: Shape) -> bool {
        self.shapes.has(shape)
    }

    /// Shows secrets of this shape.
    pub(crate) fn keep_shape(&mut self, shape: Shape) {
        self.id = next_id();
        self.shapes.remove(shape);
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

    /// Adds a pattern of paths whose parameters are hidden.
    pub(crate) fn redact_path(&mut self, pattern: &PathPattern) {
        self.id = next_id();
        self.paths.add(pattern);
    }

    /// Replaces the segments of a path that are hidden by a pattern, and those in `hidden`. Returns `None` if no
    /// segment is hidden. `is_cut` says that the path was truncated.
    pub(crate) fn hide_in_path(
        &self,
        path: &str,
        is_cut: bool,
        hidden: HiddenSegments,
    ) -> Option<String> {
        // The targets of CONNECT and of `OPTIONS *` are not paths.
        let by_pattern = match path.starts_with('/') {
            true => self.paths.hidden_in(path, is_cut),
            false => HiddenSegments::default(),
        };
        let hidden = hidden.and(by_pattern);
        (!hidden.is_empty()).then(|| hidden.replace_in(path, REDACTED))
    }

    /// Replaces the segments of the path of a URL that are hidden by a pattern. Returns `None` if no segment is hidden.
    /// `is_cut` says that the URL was truncated.
    pub(crate) fn hide_in_url(&self, url: &str, is_cut: bool) -> Option<String> {
        self.paths.replace_in_url(url, is_cut, REDACTED)
    }

    /// Returns whether any pattern of paths was set.
    pub(crate) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Adds a condition on values that are hidden, whatever their name is.
    pub(crate) fn redact_values(&mut self, condition: Arc<Condition>) {
        self.id = next_id();
        self.conditions.add(condition);
    }

    /// Returns whether there are conditions on values, so that every value must be looked at.
    pub(crate) fn has_conditions(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Returns whether a value is hidden, whatever its name is.
    pub(crate) fn meets_condition(&self, value: &str) -> bool {
        self.conditions.hold_for(value)
    }

    /// Hides the values in a text. `open` says that the text was truncated. Returns `None` if nothing is hidden.
    pub(crate) fn hide_by_conditions(&self, text: &str, open: bool) -> Option<String> {
        self.conditions.hide_in(text, open)
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

    /// Judges a name, which must be decoded. This is the rule for all kinds of text.
    pub(crate) fn classify(&self, name: &str) -> NameClass {
        let words = Words::of(name);
        let whole = match words.joined() {
            "" => name,
            joined => joined,
        };
        let bare = words.without_digits();
        let set = self.set_on_a_logger(whole);
        if set == Some(true)
            || (set.is_none() && self.is_set_by_words(whole, &words, bare.as_ref()))
        {
            return NameClass::SecretOfUser;
        }
        let shows = set.is_some() || !self.has_defaults;
        match listed::class_of(&words, bare.as_ref()) {
            NameClass::Secret | NameClass::Tokens | NameClass::InQuery | NameClass::Code
                if shows =>
            {
                NameClass::Plain
            }
            NameClass::Plain if set.is_none() => {
                last_key(name).map_or(NameClass::Plain, |last| self.classify(last))
            }
            class => class,
        }
    }

    /// Returns whether the name of a field, a JSON key or a header is sensitive.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        self.classify(name).is_secret()
    }

    /// Judges the last of several words in prose, as in `my api key: x`. A part of the words does not count, because
    /// `token expires: noon` contains no token. Returns `None` if they are not a sensitive name.
    pub(crate) fn class_of_phrase(&self, words: &str) -> Option<NameClass> {
        const NOUNS: [&str; 6] = ["number", "code", "key", "value", "is", "was"];
        let words = Words::of(words);
        let joined = words.joined();
        let class_of = |name: &str| match self.set_on_a_logger(name) {
            Some(hidden) => hidden.then_some(NameClass::SecretOfUser),
            None => (self.has_defaults && listed::is_listed(name)).then_some(NameClass::Secret),
        };
        let mut stripped = NOUNS.iter().filter_map(|noun| joined.strip_suffix(noun));
        class_of(joined).or_else(|| stripped.find_map(class_of))
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
        self.classify(name) == NameClass::SecretOfUser
    }

    /// Returns whether any sensitive name is a part of `text`.
    pub(crate) fn occur_in(&self, text: &str) -> bool {
        let text = normalize(text);
        let mut redacted = self.layers.iter().map(|layer| &layer.redacted);
        self.contained.occur_in(&text)
            || redacted.any(|names| names.occur_in(&text))
            || (self.has_defaults && listed::any_occurs_in(&text))
    }

    /// Returns whether a normalized name is hidden by [`redact`](Self::redact), or shown by [`keep`](Self::keep), as a
    /// whole. The innermost logger on which the name was set decides.
    fn set_on_a_logger(&self, name: &str) -> Option<bool> {
        self.layers.iter().rev().find_map(|layer| {
            if layer.kept.has(name) {
                Some(false)
            } else {
                layer.redacted.has(name).then_some(true)
            }
        })
    }

    /// Returns whether the name contains a [fragment](Self::redact_containing), or words of a
    /// [name](Self::redact) that is hidden.
    fn is_set_by_words(&self, whole: &str, words: &Words, bare: Option<&Words>) -> bool {
        let mut redacted = self.layers.iter().flat_map(|layer| &layer.redacted.0);
        self.contained.occur_in(whole)
            || redacted.any(|name| words.has(name) || bare.is_some_and(|bare| bare.has(name)))
    }
}

/// Returns the last key of a path, as in `login[pass]`, `login[pass][]` and `/login/pass` (RFC 6901).
fn last_key(path: &str) -> Option<&str> {
    let key = match path.ends_with(']') {
        true => path.trim_end_matches(['[', ']']).rsplit_once('[')?.1,
        false => path.strip_prefix('/')?.rsplit('/').next()?,
    };
    (!key.is_empty()).then_some(key)
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_is_sensitive_if_its_words_are() {
        let names = Names::default();
        for name in [
            "password",
            "PassWord",
            "user_password",
            "userpassword",
            "dbpasswd",
            "newPwd",
            "api-key",
            "apiKey",
            "API Key",
            "app.api.key",
            "X-API-KEY",
            "AWS Secret Access Key",
            "myAccessKey",
            "PIN",
            "user_pin",
            "user.pin",
            "user/pin",
            "form[pin]",
            "pin:",
            " pin\0",
            "card.cvv2",
            "SMS_OTP",
            "otp_code",
            "ssn_last4",
            "socialSecurityNumber",
            "set-cookie",
            "cookies",
            "_session",
            "X-Registry-Auth",
            "x-auth-key",
            "root_pass",
            "pass",
            "Secret",
            "secrets",
            "client_secret_2",
            "backupCodes",
            "tokens",
            "accesstoken",
            "accessToken",
            "private_key_id",
            "SECURITY_CODE",
            "Proxy-Authorization",
            "mysql_pwd",
            "codeVerifier",
            "SAMLResponse",
            "passwort",
            "contraseña",
            "contrasen\u{303}a",
            "mot_de_passe",
            "ПАРОЛЬ",
            "密码",
            "to\u{212a}en",
            "login[pass]",
            "login[pw][]",
            "/login/senha",
            "a_very_long_name_of_more_than_sixty_four_characters_that_ends_in_password",
        ] {
            assert!(names.is_sensitive(name), "{name}");
        }
        for name in [
            "",
            "name",
            "pinned",
            "pin_color",
            "spin",
            "author",
            "authority",
            "session_length",
            "signature",
            "code",
            "passe",
            "passenger",
            "ключ",
            "toke",
            "token_type",
            "nextPageToken",
            "next_token",
            "pagetoken",
            "nextpagetoken",
            "ContinuationToken",
            "clientRequestToken",
            "UsernameToken",
            "tokenizer",
            "tokenization",
            "secretary",
            "creditorName",
            "pre_payment_credit_notes_amount",
            "secret_scanning",
            "secret_scanning_push_protection",
            "password_policy",
            "passwordStrength",
            "password_min_length",
            "token_count",
            "access_token_expires_in",
            "passwordChangedAt",
            "two_factor_enabled",
            "compass",
            "bypass",
            "login[passe]",
            "login.pass",
            "/",
            "[]",
            "]",
        ] {
            assert!(!names.is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn names_of_signed_urls_and_others_have_their_class() {
        use NameClass::*;
        for (name, class) in [
            ("sig", InQuery),
            ("X-Amz-Signature", InQuery),
            ("x_amz_credential", Secret),
            ("AWSAccessKeyId", Secret),
            ("X-Goog-Signature", InQuery),
            ("sigma", Plain),
            ("code", Code),
            ("country_code", Plain),
            ("max_tokens", Tokens),
            ("propertyName", Naming),
            ("rejectedValue", Valued),
            ("errors", Errors),
            ("fieldErrors", Errors),
            ("terrors", Plain),
            ("prompt_logprobs", LogProbs),
            ("X-Amz-Date", Dated),
        ] {
            assert_eq!(Names::default().classify(name), class, "{name}");
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
            assert!(names.is_sensitive("taxNumbers") && !names.is_sensitive("taxNumbering"));
            assert!(names.is_sensitive("customer.tax_number_2"));
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
        assert_eq!(names.classify("sig"), NameClass::Plain);
        assert_eq!(names.classify("signature"), NameClass::InQuery);
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
    fn words_in_prose_are_sensitive_only_if_their_end_is_a_whole_name() {
        let mut names = Names::default();
        names.redact("blood group");
        for words in [
            "api-key",
            "card number",
            "secret key",
            "password is",
            "Blood Group",
        ] {
            let class = match words {
                "Blood Group" => NameClass::SecretOfUser,
                _ => NameClass::Secret,
            };
            assert_eq!(names.class_of_phrase(words), Some(class), "{words}");
        }
        for words in ["token expires", "password policy", "my name", "key"] {
            assert_eq!(names.class_of_phrase(words), None, "{words}");
        }
    }

    /// Returns words in one of the styles in which people write names.
    fn in_style(words: &[&str], style: usize) -> String {
        let capital = |word: &&str| {
            let mut chars = word.chars();
            let first: String = chars
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            first + chars.as_str()
        };
        match style {
            0 => words.join("_"),
            1 => words.join("-").to_uppercase(),
            2 => words.iter().map(capital).collect(),
            3 => words.join("."),
            4 => words.join(" "),
            _ => format!("{}[{}]", words[0], words[1..].join("][")),
        }
    }

    const WORDS: [&str; 8] = [
        "iban", "salary", "größe", "имя", "ключ", "tax", "item", "note",
    ];

    proptest! {
        #[test]
        fn words_that_a_logger_hides_are_hidden_in_every_spelling(
            before in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..3),
            hidden in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..3),
            after in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..3),
            (set, style, kept) in (0..6_usize, 0..6_usize, 0..6_usize),
            order in any::<bool>(),
        ) {
            let all = [before.clone(), hidden.clone(), after.clone()].concat();
            let name = in_style(&all, style);
            let mut names = Names::default();
            prop_assert_eq!(names.classify(&name), NameClass::Plain);
            names.redact(&in_style(&hidden, set));
            prop_assert_eq!(names.classify(&name), NameClass::SecretOfUser);
            let mut containing = Names::default();
            containing.redact_containing(&in_style(&hidden, set));
            prop_assert_eq!(containing.classify(&name), NameClass::SecretOfUser);
            // `keep` is an exact exception, before or after the other call.
            let mut names = Names::default();
            let keep = in_style(&all, kept);
            if order {
                names.keep(&keep);
            }
            names.redact(&in_style(&hidden, set));
            if !order {
                names.keep(&keep);
            }
            prop_assert_eq!(names.classify(&name), NameClass::Plain);
            let longer = [format!("{name}_other"), format!("other.{name}")];
            prop_assert!(longer.iter().all(|name| names.is_sensitive(name)));
        }
    }
}
