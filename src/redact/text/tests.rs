use proptest::prelude::*;

use crate::{
    redact::{
        names::{Names, REDACTED},
        text::{hide_secrets, redact_text},
    },
    util::text,
};

fn shown(text: &str) -> String {
    redact_text(text, false, &Names::default()).into_owned()
}

#[test]
fn value_of_sensitive_name_is_hidden() {
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
fn value_on_several_lines_is_hidden_to_its_end() {
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
fn xml_elements_and_attributes_with_sensitive_name_are_hidden() {
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
fn bearer_basic_jwt_and_user_information_are_hidden_without_a_name() {
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
        ("to https://ann:it's@h/x y", "to https://h/x y"),
        (
            "no answer from 'http://h:80', 'http://h' and a@h",
            "no answer from 'http://h:80', 'http://h' and a@h",
        ),
        ("https://h/@ann/a@b", "https://h/@ann/a@b"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn truncated_secret_at_end_of_text_is_hidden() {
    for (text, expected) in [
        ("x eyJh", "x [REDACTED]"),
        ("x eyJh.ey", "x [REDACTED]"),
        ("x eyJh.ey%", "x [REDACTED]"),
        ("x eyJh%2Eey%2", "x [REDACTED]"),
        ("x eyJh%252Eey%25", "x [REDACTED]"),
        ("x eyJh%252Eey%252", "x [REDACTED]"),
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
fn text_without_secrets_is_unchanged() {
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
fn text_that_two_passes_do_not_settle_is_hidden_as_a_whole() {
    // The first pass decodes the URL, the second hides the value, and the third would remove the host.
    let text = "'%2FdXNlcjpwYXNz%2F%2Fcardtokenann:pw@h%3A(name=\"/";
    let shown = redact_text(text, true, &Names::default());
    assert_eq!(shown, REDACTED);
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

/// The default names, names of words that occur everywhere, names without shapes, and no names.
fn names() -> impl Strategy<Value = Names> {
    (0..6).prop_map(|kind| {
        let mut names = match kind {
            ..4 => Names::default(),
            _ => Names::none(),
        };
        match kind {
            1 => {
                names.redact("name");
                names.redact("a");
                names.redact_containing("number");
            }
            2 => {
                names.redact("Bearer");
                names.redact("REDACTED");
                names.redact_containing("a");
            }
            3 => {
                names.keep("password");
                names.keep("token");
                names.redact("key");
            }
            4 => {
                names.redact("card number");
                names.redact_containing("tok");
            }
            _ => {}
        }
        names
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn redacted_text_is_one_line_and_does_not_change_if_redacted_again(
        text in texts(),
        open in any::<bool>(),
        names in names(),
    ) {
        let once = redact_text(&text, open, &names).into_owned();
        prop_assert!(!once.contains(text::is_forbidden));
        prop_assert_eq!(hide_secrets(&once, open, &names), None);
        prop_assert_eq!(redact_text(&once, open, &names), once.as_str());
    }
}
