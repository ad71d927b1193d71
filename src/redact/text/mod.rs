//! Secrets in free text: whatever is not JSON, a form or a header that names its value.
//!
//! Free text has no grammar to hold on to, so this is best effort: what looks like the value of a
//! sensitive name, like a credential or like the user information of a URL is hidden. In doubt more
//! is hidden rather than less.

mod credential;
mod encoded;
mod key;
mod markup;
mod pair;
mod quote;
mod triggers;
mod value;

use std::borrow::Cow;

pub(crate) use self::{
    credential::user_info_len,
    encoded::hide_encoded,
    triggers::{find_trigger, is_trigger, may_be_trigger, needs_change_at, trigger_mask},
};
use crate::{
    redact::names::{Names, REDACTED},
    util::text,
};

/// How often the result is looked at again. What hides a secret moves the text around it, and that
/// may look like a secret then; two rounds have been enough for everything that was tried.
const ROUNDS: usize = 8;

/// `text` on one line and without its secrets. What comes out stays the same if it goes in again.
///
/// `open` says that the text was cut at its end, so that what stands there may be the beginning of
/// anything.
pub(crate) fn redact_text<'t>(text: &'t str, open: bool, names: &Names) -> Cow<'t, str> {
    if let Some(shown) = hide_secrets(text, open, names) {
        return Cow::Owned(shown);
    }
    let cleaned = text::clean(text);
    // What stood on two lines may mean something on one.
    match &cleaned {
        Cow::Borrowed(_) => cleaned,
        Cow::Owned(line) => {
            Cow::Owned(hide_secrets(line, open, names).unwrap_or(cleaned.into_owned()))
        }
    }
}

/// `text` on one line and without its secrets; `None` if it has none.
pub(crate) fn hide_secrets(text: &str, open: bool, names: &Names) -> Option<String> {
    settle(text, open, names, Values::Decoded)
}

/// Looks until there is nothing left to hide.
fn settle(text: &str, open: bool, names: &Names, values: Values) -> Option<String> {
    // Most texts. (In one that was cut, slashes may begin user information.)
    if find_trigger(text).is_none() && !(open && text.contains("//")) {
        return None;
    }
    if names.is_off() {
        return None;
    }
    let round = |text: &str| match Pass::new(text, open, names, values).run() {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => Some(text::clean(&changed).into_owned()),
    };
    // The first round sees the lines: they tell where values end.
    let mut shown = round(text)?;
    for _ in 0..ROUNDS {
        match round(&shown) {
            None => return Some(shown),
            Some(again) => shown = again,
        }
    }
    Some(REDACTED.to_owned())
}

/// What becomes of words that are percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    Decoded,
    AsTheyAre,
}

/// White space, and what becomes white space in a record.
fn is_blank(c: char) -> bool {
    c == ' ' || c.is_whitespace() || text::is_forbidden(c)
}

/// One look at a text, from left to right.
struct Pass<'t, 'n> {
    text: &'t str,
    open: bool,
    names: &'n Names,
    values: Values,
    out: String,
    /// Up to here the text is in `out`.
    copied: usize,
    /// Everything before is dealt with.
    at: usize,
    user_info: credential::UserInfo,
    /// What is percent-encoded up to here was decoded, and had nothing in it.
    decoded: usize,
    depth: u8,
}

impl<'t, 'n> Pass<'t, 'n> {
    fn new(text: &'t str, open: bool, names: &'n Names, values: Values) -> Self {
        Self {
            text,
            open,
            names,
            values,
            out: String::new(),
            copied: 0,
            at: 0,
            user_info: credential::UserInfo::default(),
            decoded: 0,
            depth: 0,
        }
    }

    fn run(mut self) -> Cow<'t, str> {
        self.look();
        if self.out.is_empty() && self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.out.push_str(&self.text[self.copied..]);
        Cow::Owned(self.out)
    }

    fn look(&mut self) {
        while let Some(found) = find_trigger(&self.text[self.at..]) {
            let at = self.at + found;
            self.at = at + 1;
            match self.text.as_bytes()[at] {
                b':' | b'=' => pair::look(self, at),
                b'<' => markup::look(self, at),
                b'%' => encoded::look(self, at),
                _ if !self.names.hide_shapes() => {}
                b'@' => credential::look_for_user_info(self, at),
                b'J' => credential::look_for_jwt(self, at),
                _ => credential::look_for_scheme(self, at),
            }
        }
        // Where a scheme stands before the slashes, this was looked at.
        if self.open
            && self.names.hide_shapes()
            && let Some(slashes) = self.text.rfind("//")
        {
            let rest = self.rest(slashes + 2);
            if credential::user_info_len(rest, true, false) == rest.len() {
                self.replace(slashes + 2, self.text.len(), "");
            }
        }
    }

    /// What comes next, from `at` on.
    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    fn hide(&mut self, start: usize, end: usize) {
        self.replace(start, end, REDACTED);
    }

    /// Puts `with` in the place of `start..end`, and goes on behind it.
    fn replace(&mut self, start: usize, end: usize, with: &str) {
        let start = start.max(self.copied);
        self.look_into_gap(start);
        if start <= end && self.text[start..end] != *with {
            self.out.push_str(&self.text[self.copied..start]);
            self.out.push_str(with);
            self.copied = end;
        }
        self.at = self.at.max(end);
    }

    /// What is skipped on the way to `start`, such as the attributes of a tag whose content is to be
    /// hidden, was not looked at yet.
    fn look_into_gap(&mut self, start: usize) {
        const MAX_DEPTH: u8 = 4;
        let from = self.at.max(self.copied);
        let gap = self.text.get(from..start).unwrap_or_default();
        if find_trigger(gap).is_none() {
            return;
        }
        // With all that stands before: a name may be among it.
        let mut inner = Pass {
            at: from,
            copied: from,
            decoded: self.decoded,
            user_info: self.user_info,
            depth: self.depth + 1,
            ..Pass::new(&self.text[..start], false, self.names, self.values)
        };
        match inner.depth {
            ..MAX_DEPTH => inner.look(),
            _ => inner.hide(from, start),
        }
        if inner.copied > from {
            self.out.push_str(&self.text[self.copied..from]);
            self.out.push_str(&inner.out);
            self.copied = inner.copied;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        redact_text(text, false, &Names::default()).into_owned()
    }

    #[test]
    fn values_of_sensitive_names_are_hidden() {
        for (text, expected) in [
            ("password=hunter2", "password=[REDACTED]"),
            ("password: hunter2", "password: [REDACTED]"),
            (
                "user=ann password=hunter2 ip=1.2.3.4",
                "user=ann password=[REDACTED] ip=1.2.3.4",
            ),
            ("a=1,password=hunter2,b=2", "a=1,password=[REDACTED],b=2"),
            (
                "login(user=ann, password=hunter2) failed",
                "login(user=ann, password=[REDACTED]) failed",
            ),
            (
                "user: ann\npassword: correct horse battery\nrole: admin",
                "user: ann password: [REDACTED] role: admin",
            ),
            (
                r#"data: {"user":"ann","password":"x\"y","n":1}"#,
                r#"data: {"user":"ann","password":"[REDACTED]","n":1}"#,
            ),
            (
                r#"{"pass\u0077ord" : "hunter2", "n" : 1"#,
                r#"{"pass\u0077ord" : "[REDACTED]", "n" : 1"#,
            ),
            (
                r#"said "{\"password\":\"hunter2\",\"n\":1}" and left"#,
                r#"said "{\"password\":\"[REDACTED]\",\"n\":1}" and left"#,
            ),
            (
                "data-x=\"{&quot;token&quot;:&quot;abcd&quot;,&quot;n&quot;:1}\"",
                "data-x=\"{&quot;token&quot;:&quot;[REDACTED]&quot;,&quot;n&quot;:1}\"",
            ),
            (
                "{'secret': {'a': [1, ')'], 'b': 2}, 'n': 1}",
                "{'secret': [REDACTED], 'n': 1}",
            ),
            (
                "\"pin\" => 1234, \"n\" => 1",
                "\"pin\" => [REDACTED], \"n\" => 1",
            ),
            ("api key: abcd", "api key: [REDACTED]"),
            ("card number = 4111 1111", "card number = [REDACTED]"),
            (
                "see https://h/p?q=1&sig=abcd#x and token=abcd.",
                "see https://h/p?q=1&sig=[REDACTED]#x and token=[REDACTED]",
            ),
            (
                "url=https%3A%2F%2Fh%2F%3Ftoken%3Dabcd x=1",
                "url=https://h/?token%3D[REDACTED] x=1",
            ),
            (
                "Authorization: Digest username=\"ann\", response=\"abcd\"\nHost: h",
                "Authorization: [REDACTED] Host: h",
            ),
            ("Cookie: a=b; c=d\nHost: h", "Cookie: [REDACTED] Host: h"),
            (
                "curl -H 'Cookie: a=b; c=d' https://h",
                "curl -H 'Cookie: [REDACTED]' https://h",
            ),
            ("password=[x]hunter2", "password=[REDACTED]"),
            (
                r#"said "Cookie: "password": {"x":"hunter2"}"#,
                r#"said "Cookie: [REDACTED]}"#,
            ),
            ("password='a'hunter2", "password=[REDACTED]"),
            ("password=\"hunter2", "password=\"[REDACTED]"),
            (
                "db.password = hunter2\nn = 1",
                "db.password = [REDACTED] n = 1",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn values_that_go_on_in_more_lines_are_hidden_whole() {
        for (text, expected) in [
            (
                "user: ann\nsecret:\n  a: abcd\n  b: efgh\nrole: admin",
                "user: ann secret:   [REDACTED] role: admin",
            ),
            (
                "token: |\n  abcd\n\n  efgh\nrole: admin",
                "token: [REDACTED] role: admin",
            ),
            (
                "tokens:\n- abcd\n- efgh\nrole: admin",
                "tokens: [REDACTED] role: admin",
            ),
            (
                "- token: abcd\n  role: admin\n- token: efgh\n  role: user",
                "- token: [REDACTED]   role: admin - token: [REDACTED]   role: user",
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn elements_and_attributes_of_markup_are_hidden() {
        for (text, expected) in [
            (
                "<u><name>ann</name><password>hunter2</password></u>",
                "<u><name>ann</name><password>[REDACTED]</password></u>",
            ),
            (
                "<wsse:Password Type=\"x#PasswordText\">hunter2</wsse:Password><n/>",
                "<wsse:Password Type=\"[REDACTED]\">[REDACTED]</wsse:Password><n/>",
            ),
            (
                "<token><![CDATA[</token>abcd]]><token>x</token>y</token><n>1</n>",
                "<token>[REDACTED]</token><n>1</n>",
            ),
            ("<TOKEN>abcd</token >z", "<TOKEN>[REDACTED]</token >z"),
            ("<password>hunter2", "<password>[REDACTED]"),
            ("<password/><n>1</n>", "<password/><n>1</n>"),
            (
                "<user name='ann' password='hunter2'/>",
                "<user name='ann' password='[REDACTED]'/>",
            ),
            (
                "<entry key=\"password\">hunter2</entry><n>1</n>",
                "<entry key=\"password\">[REDACTED]</entry><n>1</n>",
            ),
            (
                "<input type=\"text\" name=\"password\" value=\"hunter2\"><p>x</p>",
                "<input type=\"text\" name=\"password\" value=\"[REDACTED]\"><p>x</p>",
            ),
            ("a < b > c", "a < b > c"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn credentials_are_hidden_by_their_shape() {
        for (text, expected) in [
            ("Bearer abcd", "Bearer [REDACTED]"),
            ("(bearer abcd.efgh~+/==)", "(bearer [REDACTED])"),
            ("\"Bearer\": \"abcd\"", "\"Bearer\": \"[REDACTED]\""),
            ("Basic dXNlcjpwYXNz!", "Basic [REDACTED]"),
            ("basic usage. Basic plan", "basic usage. Basic plan"),
            ("Basic ann", "Basic ann"),
            ("forbearer abcd", "forbearer abcd"),
            ("token eyJh.eyJi.sig_-, ok", "token [REDACTED], ok"),
            ("eyJh.eyJi. Then", "[REDACTED]. Then"),
            ("eyJh.eyJi.a.b.c", "[REDACTED]"),
            ("eyJmb28iOiJiYXIifQ", "eyJmb28iOiJiYXIifQ"),
            (
                "to postgres://ann:p@ss@h/db, ann@h.example",
                "to postgres://h/db, ann@h.example",
            ),
            ("https://h/@ann/a@b", "https://h/@ann/a@b"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_cut_is_hidden_as_if_it_went_on() {
        for (text, expected) in [
            ("x eyJh", "x [REDACTED]"),
            ("x eyJh.ey", "x [REDACTED]"),
            ("Basic an", "Basic [REDACTED]"),
            ("at https://ann:hunt", "at https://"),
            ("at https://ann", "at https://"),
            ("at https://h/x", "at https://h/x"),
        ] {
            assert_eq!(
                redact_text(text, true, &Names::default()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "",
            "The password is on the next page.",
            "12:30 https://h:80/a?b=c#d e=f",
            "the pinned: no; spin = 3",
            "<p class=\"x\">a &lt; b</p>",
            "a@b.example wrote: Basic plan",
            "{\"note\": \"password\", \"n\": 1}",
            "token expires: noon",
            "fn f(x: u8) -> J { b == a }",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn hostile_repetition_costs_linear_time() {
        // Each of these would take minutes if the work grew with the square of the length.
        for piece in [
            "=",
            ":",
            "a=",
            "\"a\":",
            "<a",
            "<token>",
            "<token><![CDATA[",
            "@",
            "//@",
            "eyJ",
            "eyJ.",
            "Bearer ",
            "basic \"",
            "password=",
            "password: \"",
            "password={",
            "password:a,",
            "password=A{x},",
            "password=A{'",
            "password=A<",
            "password=''",
            "password='''a' ",
            "password=\"\" ",
            "password='a'\"",
            "\\\"a\\\":",
            "a=%25",
            "password:\n ",
            "password:\n  ",
            " ",
            "\n",
            "\t",
            " \n",
            ", ",
            "a ",
            "\\",
            "'",
            "\"",
            "<a '",
            "key: ",
            "&quot;:",
            "https://",
            "%3D",
        ] {
            for start in [
                "",
                "password=",
                "password: ",
                "x password=",
                "password={",
                "password=\n",
            ] {
                let text = format!("{start}{}", piece.repeat(100_000 / piece.len()));
                let shown = shown(&text);
                assert!(shown.len() <= 12 * text.len(), "{start}{piece}");
            }
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    const PIECES: [&str; 52] = [
        "''",
        "\"\"\"",
        "Token {",
        "a::B<c>(",
        "password",
        "token",
        "name",
        "api",
        "key",
        "card",
        "number",
        "a",
        "hunter2",
        " ",
        " ",
        "\n",
        "\t",
        "=",
        ":",
        ": ",
        "=>",
        ",",
        ";",
        "&",
        "?",
        "#",
        "\"",
        "'",
        "\\",
        "\\\"",
        "&quot;",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "</",
        "/",
        "//",
        "://",
        "@",
        "%3D",
        "%25",
        "+",
        "Bearer ",
        "Basic ",
        "eyJh.",
        "[REDACTED]",
        "-",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn redacting_twice_is_redacting_once(text in texts(), open in any::<bool>()) {
            let names = Names::default();
            let once = redact_text(&text, open, &names).into_owned();
            prop_assert!(!once.contains(text::is_forbidden));
            prop_assert_eq!(redact_text(&once, open, &names), once.as_str());
        }
    }
}
