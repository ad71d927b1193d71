//! Secrets that are recognized by their shape, in layers of escapes.

use proptest::prelude::*;

use super::{
    JSON, assert_hidden, headers,
    random::{assert_hidden_when_cut, layered, layers},
};
use actix_bodylog::BodyLog;

/// The prefixes of issuers, which are no secrets, and what follows them. They are joined here, so that no search for
/// tokens finds this file.
const TOKENS: [(&str, &str); 20] = [
    ("ghp_", "hUnTeR2xYzZyQw90AbCdEfGhIjKlMnOp"),
    ("ghs_", "hUnTeR2xYzZyQw90AbCdEfGhIjKlMnOp"),
    ("github_pat_", "11hUnTeR2xYzZy_Qw90AbCdEfGhIjKl"),
    ("glpat-", "hUnTeR2xYzZy-Qw90_AbC"),
    ("xoxb-", "5029384756-hUnTeR2xYzZyQw90"),
    ("xoxp-", "5029384756-8192837465-hUnTeR2x"),
    ("xapp-", "A1hU-5029384756-hUnTeR2xYzZy"),
    ("sk_live_", "hUnTeR2xYzZyQw90AbCdEf"),
    ("rk_live_", "hUnTeR2xYzZyQw90AbCdEf"),
    ("whsec_", "hUnTeR2/xYzZyQw/90+bCdEf"),
    ("sk-ant-", "0api3-hUnTeR2xYzZy_Qw90-AbC"),
    ("sk-proj-", "hUnTeR2xYzZy_Qw90-AbC"),
    ("AKIA", "H0NT3R2XYZZYQW9A"),
    ("ASIA", "H0NT3R2XYZZYQW9A"),
    ("AIza", "SyhUnTeR2xYzZyQw90-AbCdEfGhIjKlMnOp"),
    ("ya29.", "a0hUnTeR2xYzZy-Qw90_AbCdEf"),
    ("npm_", "hUnTeR2xYzZyQw90AbCdEfGhIjKlMnOpQrSt"),
    ("pypi-", "AgEIhUnTeR2xYzZyQw90-AbCdEf"),
    ("hf_", "hUnTeRxYzZyQwAbCdEfGhIjKlMnOpQrStUv"),
    ("dop_v1_", "d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7089"),
];

/// Texts around a secret.
const TEXTS: [&str; 9] = [
    "{S}",
    "said {S}, and left.",
    "a\n{S}\nb",
    "\"{S}\"",
    "({S})",
    "a={S}&b=1",
    "https://h/x/{S}/y?z=1",
    "- a: {S}\n- b: 1\n",
    "<a>{S}</a>",
];

fn private_key(label: &str, line: &str) -> String {
    format!("-----BEGIN {label}-----\n{line}\n{line}\n-----END {label}-----\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn tokens_of_issuers_are_hidden_in_layers_of_escapes(
        (prefix, tail) in prop::sample::select(&TOKENS[..]),
        text in prop::sample::select(&TEXTS[..]),
        layers in layers(0..3),
    ) {
        let text = text.replace("{S}", &format!("{prefix}{tail}"));
        let (content_type, body) = layered(&text, &layers);
        assert_hidden_when_cut(&BodyLog::new(), content_type, &body, tail);
    }

    #[test]
    fn private_keys_are_hidden_in_layers_of_escapes(
        label in prop::sample::select(&[
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ][..]),
        text in prop::sample::select(&TEXTS[..]),
        layers in layers(0..3),
    ) {
        let line = "MIIEhunter2XyZZyQw90";
        let text = text.replace("{S}", &private_key(label, line));
        let (content_type, body) = layered(&text, &layers);
        assert_hidden_when_cut(&BodyLog::new(), content_type, &body, line);
    }

    #[test]
    fn card_numbers_are_hidden_in_layers_of_escapes(
        card in prop::sample::select(&[
            "4929123456781236",
            "4929 1234 5678 1236",
            "4929-1234-5678-1236",
            "3782 822463 10005",
            "378282246310005",
        ][..]),
        text in prop::sample::select(&TEXTS[..]),
        layers in layers(0..3),
    ) {
        let text = text.replace("{S}", card);
        let (content_type, body) = layered(&text, &layers);
        assert_card_hidden_when_cut(content_type, &body, card);
    }
}

#[test]
fn card_numbers_that_are_json_numbers_are_hidden_when_cut() {
    for card in ["4929123456781236", "378282246310005"] {
        for body in ["[1,{S},2]", r#"{"a":{"b": {S} },"c":1}"#, "{S}"] {
            assert_card_hidden_when_cut(JSON, &body.replace("{S}", card), card);
        }
    }
}

/// Asserts that a card number is hidden if at least 12 of its digits were captured. Fewer may belong to any number.
fn assert_card_hidden_when_cut(content_type: &str, body: &str, card: &str) {
    let last = &card[card.len() - 4..];
    let first = body.find(last).expect("the body has the card number") + 1;
    for cut in first..=body.len() {
        let log = BodyLog::new().response_limit(cut).code_limit(cut);
        let preview = log.preview(&headers(content_type), body.as_bytes());
        let shown = format!("{:?} {:?}", preview.content, preview.code);
        assert_hidden(
            &shown,
            card,
            &format!("{content_type}, cut at {cut}: {body}"),
        );
    }
}
