use proptest::prelude::*;

use crate::{
    redact::{
        key_cache::{KeyCache, Redactor},
        names::Names,
        pieces::REDACTED,
        shapes::Shape,
        text,
    },
    util::text::is_forbidden,
};

fn shown(text: &str) -> String {
    redact_text(text, false, &Names::default())
}

fn redact_text(text: &str, open: bool, names: &Names) -> String {
    text::redact_text(text, open, Redactor::new(names, &KeyCache::new())).into_owned()
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
            "to postgres://[REDACTED]@h/db, ann@h.example",
        ),
        ("to https://ann:it's@h/x y", "to https://[REDACTED]@h/x y"),
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
        ("at https://ann:hunt", "at https://[REDACTED]"),
        ("at https://ann", "at https://[REDACTED]"),
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
fn truncated_element_is_hidden_to_the_end_if_an_attribute_names_it() {
    for (text, expected) in [
        ("<p name=\"pin\"><v>12", "<p name=\"pin\">[REDACTED]"),
        ("<p key='pin'>12</q><v", "<p key='pin'>[REDACTED]"),
        // These have no content, or hold more than the value.
        ("<input name='pin'><p>a", "<input name='pin'><p>a"),
        ("<div id='pin'><p>a", "<div id='pin'><p>a"),
    ] {
        let shown = redact_text(text, true, &Names::default());
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn name_is_read_without_its_opening_quote() {
    for (text, expected) in [
        (
            "csrf-token\":\"ab\",\"n\":1",
            "csrf-token\":\"[REDACTED]\",\"n\":1",
        ),
        ("x, csrfToken': 'ab'", "x, csrfToken': '[REDACTED]'"),
        ("token type\": ab", "token type\": ab"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn invisible_characters_do_not_split_a_name() {
    for name in [
        "pass\u{200b}word",
        "p\u{ad}in",
        "\u{feff}token",
        "api\u{2060}_key",
    ] {
        for (separator, end) in [("=", " b"), (": ", "\nb: 1")] {
            let text = format!("{name}{separator}hunter2{end}");
            assert!(!shown(&text).contains("hunter2"), "{text:?}");
        }
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
fn text_with_too_many_layers_of_escapes_is_hidden_as_a_whole() {
    let mut text = r"to https:\/\/ann:hunter2@h".to_owned();
    for _ in 0..3 {
        assert_eq!(shown(&text), "to https://[REDACTED]@h");
        text = text.replace('\\', r"\\");
    }
    text = text.replace('\\', &r"\".repeat(4));
    assert_eq!(shown(&text), REDACTED);
}

#[test]
fn escapes_and_references_are_decoded_where_something_is_hidden() {
    for (text, expected) in [
        (
            "<Url>https://b.example/k?se=1&amp;X-Amz-Signature=abcd</Url>",
            "<Url>https://b.example/k?se=1&X-Amz-Signature=[REDACTED]</Url>",
        ),
        (
            "&lt;password&gt;hunter2&lt;/password&gt;",
            "<password>[REDACTED]</password>",
        ),
        (r"at https:\/\/ann:pw@h\/x", "at https://[REDACTED]@h/x"),
        ("token&#61;hunter2", "token=[REDACTED]"),
        (r"pass\u0077ord=hunter2", r"pass\u0077ord=[REDACTED]"),
        ("a &amp; b &lt; c: d", "a &amp; b &lt; c: d"),
        (r"C:\new\table: x", r"C:\new\table: x"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn placeholders_and_facts_are_shown() {
    for text in [
        "expected Option<Token>, found String at src/main.rs:10",
        "mutation s($email: String!, $password: String!) { s(email: $email, password: $password) }",
        "token: ${TOKEN}",
        "password: {{password}}",
        "password: %s",
        "password: null, token: true",
        "max_tokens: 512, token_type: bearer",
        "User authenticated, token refreshed, password policy applied",
    ] {
        assert_eq!(shown(text), text);
    }
    for (text, expected) in [
        (
            "Usage: login <user> <password> [-v]\nSee the manual.",
            "Usage: login <user> <password> [-v] See the manual.",
        ),
        (
            "<password>x</PASSWORD>hunter2</password>y",
            "<password>[REDACTED]</password>y",
        ),
        (
            "AWS Secret Access Key: abcd",
            "AWS Secret Access Key: [REDACTED]",
        ),
        (
            "my social security number: 1-2",
            "my social security number: [REDACTED]",
        ),
        (
            "it is my password, your token is: abcd",
            "it is my password, your token is: [REDACTED]",
        ),
        (
            "<property><name>db.password</name><value>abcd</value></property>",
            "<property><name>db.password</name><value>[REDACTED]</value></property>",
        ),
        (
            "<property name=\"password\"><value>abcd</value></property><n/>",
            "<property name=\"password\">[REDACTED]</property><n/>",
        ),
        (
            "<dict><key>apiKey</key><string>abcd</string><key>n</key><string>1</string></dict>",
            "<dict><key>apiKey</key><string>[REDACTED]</string><key>n</key><string>1</string></dict>",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    assert_eq!(
        redact_text("<p>x</p><input value=\"abcd", true, &Names::default()),
        "<p>x</p><input value=\"[REDACTED]"
    );
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

const PIECES: [&str; 115] = [
    "Token(",
    "Password(\"",
    "Some(",
    "\")",
    "\nsecret\t",
    "pin\t",
    "--",
    "--token ",
    " --user ",
    "curl -u ",
    "a:b ",
    "\\n",
    "\\n  ",
    "\\\\n - ",
    "|",
    "\'\\\'\'",
    "secret:",
    "max_tokens: 15\n",
    "token:\nb: 1\n",
    "TOKEN=\nB=1\n",
    "secret: true",
    " # ",
    "b: 1",
    "kind: session\nid",
    "Error: ",
    "Server=d;Password=",
    "<b>",
    "</b>",
    "<token>",
    "</token>",
    "Option<Token>",
    "${T}",
    "{{ ",
    "%s",
    "realm=\"a\"",
    "`",
    "name: ",
    "name=",
    "value: ",
    "value=",
    "- ",
    "\n  ",
    "\n    ",
    "pin",
    "<value>",
    "<name>",
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
    "4111",
    "4111 ",
    "1111 1111 1111",
    "411111111111",
    "378282246310005",
    "ghp_",
    "sk-ant-",
    "SG.",
    "AKIA",
    "HUNTER0123456789",
    "-----BEGIN ",
    "-----END ",
    "PRIVATE KEY-----",
    ".",
    "_",
    "b:p@h",
    "auth",
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
                names.keep_shape(Shape::UserInfo);
                names.keep_shape(Shape::VendorToken);
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
        let once = redact_text(&text, open, &names);
        prop_assert!(!once.contains(is_forbidden));
        let keys = KeyCache::new();
        prop_assert_eq!(text::hide_secrets(&once, open, Redactor::new(&names, &keys)), None);
        prop_assert_eq!(redact_text(&once, open, &names), once.as_str());
    }
}

fn check_shapes(open: bool, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let shown = redact_text(text, open, &Names::default());
        assert_eq!(shown, *expected, "{text}");
    }
}

#[test]
fn private_key_is_hidden_to_its_end_marker_or_to_the_end_of_the_text() {
    check_shapes(
        false,
        &[
            (
                "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\nEow\n-----END RSA PRIVATE KEY-----\nb",
                "a [REDACTED] b",
            ),
            (
                r"k: -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n, b",
                r"k: [REDACTED]\n, b",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nMII", "[REDACTED]"),
            (
                "-----BEGIN PRIVATE KEY-----\nMII\n-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
                "[REDACTED]",
            ),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----\nb",
                "[REDACTED] b",
            ),
            (
                "x=-----BEGIN+PRIVATE+KEY-----%0AMII%0A-----END+PRIVATE+KEY-----&b=1",
                "x=[REDACTED]&b=1",
            ),
            (
                "x=-----BEGIN%20PRIVATE%20KEY-----%0AMII%0A-----END%20PRIVATE%20KEY-----&b=1",
                "x=[REDACTED]&b=1",
            ),
            // The value of the name ends in the marker.
            (
                "secret=-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nb",
                "secret=[REDACTED] b",
            ),
            (
                "secret: -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nb",
                "secret: [REDACTED] b",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
                "-----BEGIN CERTIFICATE----- MII -----END CERTIFICATE-----",
            ),
            ("-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----"),
            ("BEGIN PRIVATE KEY", "BEGIN PRIVATE KEY"),
        ],
    );
}

#[test]
fn token_with_the_prefix_of_an_issuer_is_hidden() {
    for token in [
        "ghp_HUNTERhunter0123456789",
        "gho_abcdefghijklmnop",
        "github_pat_11ABCDEFG0HUNTERhunter_x9",
        "glpat-HUNTERhunter012345-_",
        "xoxb-123456789012-HUNTERhunter",
        "xapp-1-A0123-HUNTERhunter",
        "sk_live_HUNTERhunter",
        "rk_live_HUNTERhunter",
        "whsec_HUNTER/hunter+0123==",
        "sk-ant-api03-HUNTER_hunter-AA",
        "sk-proj-HUNTERhunter",
        "AKIAHUNTER0123456789",
        "ASIAHUNTER0123456789",
        "AIzaSyHUNTER_hunter-0123456789abcdefghi",
        "ya29.a0HUNTER_hunter-0123",
        "npm_HUNTERhunter0123456789HUNTERhunter012",
        "pypi-AgEIcHlwaS5vcmcHUNTER",
        "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",
        "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "SG.HUNTERhunter01234_-678.HUNTERhunter01234_-678HUNTERhunter01234_-678",
    ] {
        for (before, after) in [
            ("", ""),
            ("is ", ". Then"),
            ("\"", "\""),
            ("(", ")"),
            ("x-", ", y"),
            ("a\\n", "\\n"),
            ("/v1/", "/x"),
            ("k=", "&b=1"),
            ("é", "é"),
        ] {
            let text = format!("{before}{token}{after}");
            // Base64 may contain a slash.
            let after = match token.starts_with("whsec_") && after == "/x" {
                true => "",
                false => after,
            };
            assert_eq!(shown(&text), format!("{before}[REDACTED]{after}"), "{text}");
        }
        let inside = format!("x{token}");
        assert_eq!(shown(&inside), inside);
        let inside = format!("_{token}");
        assert_eq!(shown(&inside), inside);
        // A truncated token is hidden from its prefix on.
        let start = KNOWN_PREFIXES
            .iter()
            .find(|start| token.starts_with(**start));
        for len in start.unwrap().len()..token.len() {
            let text = format!("is {}", &token[..len]);
            let shown = redact_text(&text, true, &Names::default());
            assert_eq!(shown, "is [REDACTED]", "{text}");
        }
    }
}

const KNOWN_PREFIXES: [&str; 20] = [
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "whsec_",
    "sk-ant-",
    "sk-proj-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "npm_",
    "pypi-",
    "hf_",
    "dop_v1_",
    "SG.",
];

#[test]
fn words_and_names_are_not_tokens() {
    for text in [
        "hf_model hf_hub_download_with_a_very_long_name_of_it",
        "npm_config_cache npm_package_config_a_long_name_of_a_variable",
        "sk-project sk-proj-name sk-ant-colony-optimization",
        "ASIA AKIA ASIAN AIza ASIAPACIFICREGIONSOUTH AKIAhunter0123456789",
        "SG. SG.x S.G. MSG.HUNTERhunter01234.HUNTERhunter01234 SG.a.b",
        "ghp_short task_live_HUNTERhunter pypi-attestations glpat-x",
        "user_id in-progress a-b 1.5 A_B-C.D github_pat_name whsec_ xapp-config",
        "2024-01-02 550e8400-e29b-41d4-a716-446655440000 ya29.x",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn card_number_is_hidden() {
    for number in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111+1111+1111+1111",
        "5555555555554444",
        "2223003122003222",
        "2720 9999 9999 9996",
        "378282246310005",
        "3782 822463 10005",
        "3714-496353-98431",
        "6011111111111117",
        "6445644564456445",
        "6500000000000002",
        "3530111333300000",
        "6200000000000005",
    ] {
        for (before, after) in [
            ("", ""),
            ("Card ", " 12/30 123"),
            ("n: ", ", m: 1"),
            ("1234 ", " 1234"),
            ("#", "."),
            ("id_", "_x"),
            ("a\\n", "\\n"),
            ("from ", " to 4111111111111111"),
            ("é", "é"),
        ] {
            let text = format!("{before}{number}{after}");
            let after = after.replace("4111111111111111", REDACTED);
            assert_eq!(shown(&text), format!("{before}[REDACTED]{after}"), "{text}");
        }
        let digits = number.trim_end_matches(|c: char| !c.is_ascii_digit());
        for text in [
            format!("x{digits}"),
            format!("{digits}x"),
            format!("0.{digits}"),
            format!("{digits}.5"),
            format!("9{digits}"),
            format!("{digits}9"),
        ] {
            assert_eq!(shown(&text), text);
        }
    }
    check_shapes(
        false,
        &[
            // The value of the name ends in the number.
            ("x pin=4111 1111 1111 1111 y", "x pin=[REDACTED] y"),
            ("a=4111+1111+1111+1111&b=1", "a=[REDACTED]&b=1"),
            ("a=4111%201111%201111%201111&b=1", "a=[REDACTED]&b=1"),
        ],
    );
}

#[test]
fn other_numbers_are_not_card_numbers() {
    for text in [
        "4111111111111112",
        "1700000000000000 0000000000000000 9999999999999995",
        "41111111111111111111 411111111111",
        "4111-1111-1111-1111-1111 1111-4111-1111-1111-1111",
        "4111 1111-1111 1111 41111 11111 111111",
        "411 1111 1111 1111 1 411111 1111 111111",
        "378282246310005000 3782 8224 6310 005",
        "2024-01-02 12:30 +49 170 1234567",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn beginning_of_a_card_number_at_a_cut_is_hidden() {
    check_shapes(
        true,
        &[
            ("n 411111111111", "n [REDACTED]"),
            ("n 411111111111111", "n [REDACTED]"),
            ("n 4111 1111 1111 ", "n [REDACTED]"),
            ("n 4111-1111-1111-11", "n [REDACTED]"),
            ("n 3782 822463 10", "n [REDACTED]"),
            ("n 37828224631000", "n [REDACTED]"),
            ("n 41111111111", "n 41111111111"),
            ("n 1111 1111 1111", "n 1111 1111 1111"),
            ("n 4111111111111112", "n 4111111111111112"),
            ("n x411111111111", "n x411111111111"),
            ("n 1700000000000", "n 1700000000000"),
        ],
    );
    check_shapes(false, &[("n 411111111111", "n 411111111111")]);
}

#[test]
fn ports_and_hosts_are_not_user_information() {
    for text in [
        "http://localhost:8080.",
        "[docs](http://localhost:8080)",
        "mongodb://h1:27017,h2:27017/db",
        "http://host:port/path",
        "https://{tenant}:{port}/v1 ann@h",
        "'http://h:80','http://h' a@b",
        "chrome-extension://id/x",
    ] {
        assert_eq!(shown(text), text);
    }
    check_shapes(
        false,
        &[
            (
                "postgres://alice:a/HUNTER@db.example:5432/app",
                "postgres://[REDACTED]@db.example:5432/app",
            ),
            ("see //ann:p@w@h/x", "see //[REDACTED]@h/x"),
            ("https://[REDACTED]@h/x", "https://[REDACTED]@h/x"),
        ],
    );
    check_shapes(
        true,
        &[
            ("at https://ann:hunt/er", "at https://[REDACTED]"),
            ("at http://localhost:8080", "at http://[REDACTED]"),
            ("at http://localhost:8080/x", "at http://localhost:8080/x"),
            ("https://[REDACTED]", "https://[REDACTED]"),
        ],
    );
}

#[test]
fn english_words_after_bearer_and_basic_stay() {
    for text in [
        "Basic options: none",
        "Basic authentication is required. basic Authentication",
        "basic-auth, Basic usage!",
        "Bearer token missing",
        "Bearer tokens, bearer authentication. Bearer of",
        "the bearer is; Bearer scheme; bearer format",
        "Basic HTML, Basic 2.0, Visual Basic 6",
        "bearer bonds, the bearer shall pay",
        "Bearer realm=\"api\"",
        "WWW-Authenticate: Basic realm=\"Restricted\", charset=\"UTF-8\"",
        "Bearer error=\"invalid_token\", error_description=\"The token expired\"",
    ] {
        assert_eq!(shown(text), text);
    }
    check_shapes(
        false,
        &[
            // The Base64 of `i:o`.
            ("Basic aTpv", "Basic [REDACTED]"),
            ("Bearer authxyz1", "Bearer [REDACTED]"),
            ("Bearer token=abcd", "Bearer [REDACTED]"),
            ("Bearer token: abcd", "Bearer token: [REDACTED]"),
            ("Bearer token=\"ab cd\" x", "Bearer [REDACTED] x"),
            ("Bearer realm=", "Bearer [REDACTED]"),
            ("Bearer realm=abcd1", "Bearer [REDACTED]"),
            ("\"bearer abcd\"", "\"bearer [REDACTED]\""),
            ("Basic YTpi", "Basic [REDACTED]"),
            ("Basic MTox", "Basic [REDACTED]"),
        ],
    );
}

#[test]
fn line_that_a_text_becomes_is_searched_after_a_condition_hid_a_value() {
    let mut names = Names::default();
    names.redact_values(std::sync::Arc::new(|value| value == "cus_1"));
    let shown = redact_text("cus_1\n4111\n1111\n1111\n1111", false, &names);
    assert_eq!(shown, "[REDACTED] [REDACTED]");
}

#[test]
fn shape_that_is_kept_is_shown() {
    for (text, shape) in [
        ("Bearer abcd", Shape::AuthScheme),
        ("eyJh.eyJi.sig", Shape::Jwt),
        ("https://ann:pw@h/x //u@h", Shape::UserInfo),
        ("curl -u ann:pw h", Shape::UserInfo),
        ("-----BEGIN PRIVATE KEY----- MII", Shape::PrivateKey),
        ("sk_live_HUNTERhunter", Shape::VendorToken),
        ("4111111111111111 or 4111 1111 1111 1111", Shape::CardNumber),
    ] {
        let mut names = Names::default();
        let id = names.id();
        names.keep_shape(shape);
        assert_ne!(names.id(), id);
        for open in [false, true] {
            assert_eq!(redact_text(text, open, &names), text);
            assert!(redact_text(text, open, &Names::default()).contains(REDACTED));
        }
        assert_eq!(redact_text("pin=1", false, &names), "pin=[REDACTED]");
    }
}

#[test]
fn text_in_brackets_after_a_sensitive_name_is_hidden() {
    check_shapes(
        false,
        &[
            ("Err(Token(\"abcd\"))", "Err(Token(\"[REDACTED]\"))"),
            (
                "User { a: Secret(\"abcd\"), b: 1 }",
                "User { a: Secret(\"[REDACTED]\"), b: 1 }",
            ),
            ("Token(Some(\"abcd\")), 1", "Token([REDACTED]), 1"),
            ("Token(a::Box<str>(\"abcd\"))", "Token([REDACTED])"),
            ("Tokens([\"abcd\", \"efgh\"])", "Tokens([REDACTED])"),
            ("Credentials(\"a\", \"b\") x", "Credentials([REDACTED]) x"),
            (
                "Password(\n    \"abcd\",\n) x",
                "Password(     \"[REDACTED]\", ) x",
            ),
            ("Password(\"abcd", "Password(\"[REDACTED]"),
            (".password(\'abcd\').x()", ".password(\'[REDACTED]\').x()"),
            (
                r#"a="Password(\"abcd\")" b"#,
                r#"a="Password(\"[REDACTED]\")" b"#,
            ),
        ],
    );
    for text in [
        "the password (if any) is wrong, token (\"optional\")",
        "getToken(\"a\") check_password(\"a\") fn token(&self) token(user)",
        "Password(String) Option<Token>(None) Secret([REDACTED alloc::string::String])",
        "Password(\"\") Password(\"${TOKEN}\") Token(\"<token>\") Token(\"null\")",
        "PasswordPolicy(\"a\") NextPageToken(\"a\") Secret(the \"a\")",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn cell_after_a_sensitive_name_is_hidden() {
    check_shapes(
        false,
        &[
            (
                "user\tann\npassword\tab cd\nrole\tx",
                "user ann password [REDACTED] role x",
            ),
            ("API Key\tabcd", "API Key [REDACTED]"),
            ("db.password\t\tabcd", "db.password  [REDACTED]"),
            ("\"pin\"\t\"1234\"", "\"pin\" [REDACTED]"),
            ("say \"pin\\t1234\\n\"", "say \"pin [REDACTED] \""),
            (
                "h\tTRUE\t0\tsessionid\tabcd\nh",
                "h TRUE 0 sessionid [REDACTED] h",
            ),
            ("token\tabcd\tefgh", "token [REDACTED] efgh"),
        ],
    );
    let indented = format!("\n{}password\t", " ".repeat(119));
    let hidden = indented.replace(['\n', '\t'], " ") + REDACTED;
    check_shapes(
        false,
        &[(&format!("a{indented}abcd"), &format!("a{hidden}"))],
    );
    for text in [
        "user\tpassword\temail\nann\t1\tx",
        "The password is wrong\tsee the manual",
        "the password\n \tis wrong",
        "token_type\tmac\npassword\tnull\na\tb\tpassword\n",
    ] {
        assert_eq!(shown(text), text.replace(['\t', '\n'], " "));
    }
}

#[test]
fn value_of_an_option_of_a_command_is_hidden() {
    check_shapes(
        false,
        &[
            (
                "mysql --password abcd -u a",
                "mysql --password [REDACTED] -u a",
            ),
            ("x --api-key \"ab cd\" y", "x --api-key \"[REDACTED]\" y"),
            ("x --token \'a\'\\\'\'b\' y", "x --token [REDACTED] y"),
            ("x --token=\'a\'\\\'\'b\' y", "x --token=[REDACTED] y"),
            (
                "sh -c \"x --password abcd\" y",
                "sh -c \"x --password [REDACTED]\" y",
            ),
            (
                "x --password \\\n  abcd --y",
                "x --password \\   [REDACTED] --y",
            ),
            ("curl -u ann:abcd h", "curl -u ann:[REDACTED] h"),
            ("curl -s -uann:abcd h", "curl -s -uann:[REDACTED] h"),
            ("curl -U \':ab cd\' h", "curl -U \':[REDACTED]\' h"),
            ("x --user a@b:cd h", "x --user a@b:[REDACTED] h"),
            ("x --user=\"a:cd\" h", "x --user=\"a:[REDACTED]\" h"),
            ("--proxy-user a:cd h", "--proxy-user a:[REDACTED] h"),
        ],
    );
    for text in [
        "--token-file /run/x --password-stdin h --no-password h --token-type a",
        "--password -u a --token | b --token < a --token $(cat a) --token",
        "Usage: --token <TOKEN> --api-key KEY --token ${TOKEN} --pin $PIN",
        "--token is required, --password and --token. --password (optional)",
        "word--password is ---token is -- token a, --max-tokens 512",
        "docker run --user 1000:1000 -u a:b, git push -u origin main:main",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn value_on_several_escaped_lines_is_hidden_to_its_end() {
    for (text, expected) in [
        (
            r#"got "a:\n  \"session_id\":\n    - abcd\n    - b: abcd\nc: 1" x"#,
            "got \"a:   \"session_id\":     [REDACTED] c: 1\" x",
        ),
        (
            r#"got "secret: |\n  a: abcd\n  b: abcd\nc: 1" x"#,
            "got \"secret: [REDACTED] c: 1\" x",
        ),
        (
            r#"got "secret:\\n  a: abcd\\n  b: abcd\\nc: 1" x"#,
            "got \"secret:   [REDACTED] c: 1\" x",
        ),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn only_what_was_opened_before_a_name_ends_its_value() {
    for text in [
        "password: a<hunter2",
        "password=a<hunter2",
        "Password: <hunter2\n",
        "password: a}}hunter2",
        "password: a\"}hunter2",
        "password: a'}hunter2",
        "password: a]]hunter2",
        "password: a</hunter2",
        "password: a<b>hunter2",
        "password: a \"b\" hunter2",
        "{password: a}}hunter2}",
        "<p>password: a<b>hunter2</b></p>",
        "Vec<u8> password: a</hunter2>",
    ] {
        assert!(!shown(text).contains("hunter2"), "{text} {}", shown(text));
        for end in 0..text.len() {
            let shown = redact_text(&text[..end], true, &Names::default());
            assert!(!shown.contains("hunt"), "{:?} {shown}", &text[..end]);
        }
    }
    check_shapes(
        false,
        &[
            ("(token=a(b)c) x", "(token=[REDACTED]) x"),
            ("\"token=a\" x", "\"token=[REDACTED]\" x"),
            ("`token=a` x", "`token=[REDACTED]` x"),
            ("[token=a] x", "[token=[REDACTED]] x"),
            ("[{a: {token: b}}]", "[{a: {token: [REDACTED]}}]"),
            ("<a>token=b</a>c", "<a>token=[REDACTED]</a>c"),
            ("<p>token: b<br/>c</p>", "<p>token: [REDACTED]<br/>c</p>"),
            (
                "Server=d;Password=a b c=d;Db=x",
                "Server=d;Password=[REDACTED];Db=x",
            ),
            ("Password=a&b c;Db=x", "Password=[REDACTED];Db=x"),
            ("\"Server=d;Pwd=a b\" c", "\"Server=d;Pwd=[REDACTED]\" c"),
        ],
    );
}

#[test]
fn placeholders_and_types_are_not_elements() {
    for text in [
        "login <password>\nnext line\nthird",
        "Usage: a <token>\n\nOptions:\n -h help",
        "#include <token.h>\nint a;",
        "import <secret>\nx = 1",
        "token: <my-token>\nb: 1",
        "Usage: app <token> <file>",
        "Error: <token> expected, found x",
        "https://<user>:<password>@host/",
        "token: Option<Token>, b: 1",
        "struct L { user: String, password: String, token: Option<Token> }",
        "Authorization: Bearer <token>\nb: 1",
        "curl -H 'Authorization: Bearer <token>' https://h",
        "Bearer ${TOKEN}",
        "Bearer %s",
        "token: ${{ secrets.T }}",
        "token: %{token}",
    ] {
        assert_eq!(shown(text), text.replace('\n', " "));
    }
    for text in [
        "log <password>hunter2",
        "log <password>$hunter2",
        "log <password>'hunter2'",
        "log <token><b>hunter2",
        "<a>\n<password> hunter2",
        "<password>hunter2 x",
        "token: Option<Token>hunter2",
        "Bearer ${T}hunter2",
        "Bearer %shunter2",
        "Authorization: Bearer <token> hunter2",
    ] {
        assert!(!shown(text).contains("hunter2"), "{text} {}", shown(text));
        for end in 0..text.len() {
            let shown = redact_text(&text[..end], true, &Names::default());
            assert!(!shown.contains("hunt"), "{:?} {shown}", &text[..end]);
        }
    }
}

#[test]
fn elements_and_attributes_may_have_values_that_are_no_secrets() {
    for text in [
        "<token>true</token>",
        "<tokens>15</tokens><maxTokens>15</maxTokens>",
        "<token>${T}</token>",
        "<token xsi:nil=\"true\"/>",
        "<password type=\"string\"/>",
        "<add key=\"token\" value=\"true\"/>",
        "<add key=\"ApiKey\" value=\"${KEY}\"/>",
        "<entry key=\"token\">false</entry>",
    ] {
        assert_eq!(shown(text), text);
    }
    for text in [
        "<token>true hunter2</token>",
        "<token><hunter2></token>",
        "<token>${T}hunter2</token>",
        "<tokens>15<a>hunter2</a></tokens>",
        "<add key=\"token\" value=\"true hunter2\"/>",
    ] {
        assert!(!shown(text).contains("hunter2"), "{text} {}", shown(text));
        for end in 0..text.len() {
            let shown = redact_text(&text[..end], true, &Names::default());
            assert!(!shown.contains("hunt"), "{:?} {shown}", &text[..end]);
        }
    }
}
