use std::collections::HashMap;

use super::*;

fn read(toml: &str) -> Result<Config, String> {
    toml::from_str(toml).map_err(|error| error.to_string())
}

/// What is wrong with these settings.
fn complaint(toml: &str) -> String {
    let config = read(toml).unwrap();
    config.build().map(drop).unwrap_err().to_string()
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (String::from(*name), String::from(*value)));
    let source =
        config::Environment::with_prefix("BODYLOG").source(Some(HashMap::from_iter(variables)));
    let config = config::Config::builder().add_source(source).build();
    let config = config.unwrap().try_deserialize();
    config.map_err(|error| error.to_string())
}

#[test]
fn nothing_said_is_a_logger_with_every_default() {
    let config = read("").unwrap();
    assert_eq!(config, Config::default());
    let (made, new) = (BodyLog::from(config), BodyLog::new());
    assert_eq!(format!("{made:?}"), format!("{new:?}"));
}

#[test]
fn every_setting_arrives_in_the_logger() {
    let config = read(
        r#"
        request_limit = 8192
        response_limit = "2 KiB"
        code_limit = "1.5KiB"
        record_limit = "64 kB"
        memory_budget = "32 MiB"
        code_field = "/error/code"
        code_levels = "http"
        success_level = "INFO"
        response_body = "never"
        request_id = "generate"
        trusted_proxies = ["10.0.0.0/8", "192.0.2.1", "::1"]
        sample = 0.25
        skip = ["/health", "/live"]
        redact = ["iban"]
        redact_containing = ["salary", "key_"]
        keep = ["token", "api-key"]
        request_headers = ["X-Tenant"]
        response_headers = ["etag"]
        "#,
    );
    let made = BodyLog::from(config.unwrap());
    let proxies: [IpNet; 3] =
        ["10.0.0.0/8", "192.0.2.1/32", "::1/128"].map(|net| net.parse().unwrap());
    let by_hand = BodyLog::new()
        .request_limit(8192)
        .response_limit(2048)
        .code_limit(1536)
        .record_limit(64_000)
        .memory_budget(32 << 20)
        .code_field("/error/code")
        .success_level(Level::Info)
        .response_body(ResponseBody::Never)
        .request_id(RequestIds::Generate)
        .trusted_proxies(proxies)
        .sample(0.25)
        .skip("/health")
        .skip("/live");
    assert_eq!(format!("{made:?}"), format!("{by_hand:?}"));

    let logger = made.logger();
    let policy = &logger.policy;
    assert_eq!((policy.code_levels)(404), Some(Level::Warn));
    assert_eq!((policy.code_levels)(200), None);
    for (name, hidden) in [
        ("IBAN", true),
        ("base_salary", true),
        ("keyring", true),
        ("token", false),
        ("api_key", false),
        ("password", true),
    ] {
        assert_eq!(policy.names.is_sensitive(name), hidden, "{name}");
    }
    let shown = |allowed: &crate::head::headers::Allowlist| format!("{allowed:?}");
    assert!(shown(&policy.headers.request).contains("x-tenant"));
    assert!(shown(&policy.headers.response).contains("etag"));
}

#[test]
fn an_unknown_key_is_named() {
    let error = read("request_limti = 1").unwrap_err();
    assert!(error.contains("unknown field `request_limti`"), "{error}");
    assert!(error.contains("`request_limit`"), "{error}");
    let error = from_environment(&[("BODYLOG_SKIPS", "/health")]).unwrap_err();
    assert!(error.contains("skips"), "{error}");
}

#[test]
fn variables_of_the_environment_are_texts_and_mean_the_same() {
    let config = from_environment(&[
        ("BODYLOG_REQUEST_LIMIT", "8192"),
        ("BODYLOG_MEMORY_BUDGET", " 32 MiB "),
        ("BODYLOG_SAMPLE", "0.25"),
        ("BODYLOG_SUCCESS_LEVEL", "info"),
        ("BODYLOG_RESPONSE_BODY", "always"),
        ("BODYLOG_SKIP", "/health, /live,"),
        ("BODYLOG_TRUSTED_PROXIES", "10.0.0.0/8,192.0.2.1"),
        ("BODYLOG_KEEP", ""),
        ("PATH", "/bin"),
    ]);
    let expected = read(
        r#"
        request_limit = 8192
        memory_budget = 33554432
        sample = 0.25
        success_level = "info"
        response_body = "always"
        skip = ["/health", "/live"]
        trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
        "#,
    );
    assert_eq!(config, expected);
}

#[test]
fn the_names_of_the_documentation_are_understood_too() {
    let config = read(
        r#"
        response_body = "notable"
        code_levels = "http_code_level"
        request_header = "x-tenant"
        response_header = ["etag"]
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.response_body, ResponseBody::WhenNotable);
    assert_eq!(config.code_levels, CodeLevels::Http);
    assert_eq!(
        config.request_headers.len() + config.response_headers.len(),
        2
    );
}

#[test]
fn words_and_numbers_may_come_as_any_text() {
    let config = read(
        r#"
        response_body = " Always "
        request_id = "GENERATE"
        code_levels = "Http"
        success_level = " INFO "
        sample = " 0.25"
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.response_body, ResponseBody::Always);
    assert_eq!(config.request_id, RequestIds::Generate);
    assert_eq!(config.code_levels, CodeLevels::Http);
    assert_eq!((config.success_level, config.sample), (Level::Info, 0.25));
    assert_eq!(read("sample = 1").unwrap().sample, 1.0);
}

#[test]
fn a_value_that_is_none_is_told_with_what_one_looks_like() {
    for (toml, expected) in [
        (
            r#"request_limit = "16 Mob""#,
            r#""16 Mob" is no number of bytes; one is written 4096 or "16 MiB""#,
        ),
        (r#"request_limit = "-1""#, r#""-1" is no number of bytes"#),
        (r#"request_limit = """#, r#""" is no number of bytes"#),
        (
            r#"request_limit = "16 EiB""#,
            r#""16 EiB" are too many bytes"#,
        ),
        (r#"sample = "a tenth""#, r#""a tenth" is no number"#),
        ("request_limit = -1", "-1 is no number of bytes"),
        (
            "request_limit = 1.5",
            r#"expected a number of bytes, or a text such as "16 MiB""#,
        ),
        (
            "request_limit = true",
            r#"expected a number of bytes, or a text such as "16 MiB""#,
        ),
        (
            r#"success_level = "loud""#,
            r#""loud" is no level: one of error, warn, info, debug, trace"#,
        ),
        (
            r#"response_body = "sometimes""#,
            "unknown variant `sometimes`, expected one of `notable`, `when_notable`",
        ),
        (
            r#"trusted_proxies = ["10.0.0.0/33"]"#,
            r#""10.0.0.0/33": neither an address nor a network such as"#,
        ),
        (
            r#"trusted_proxies = "proxy.test""#,
            r#""proxy.test": neither an address"#,
        ),
        (
            r#"request_headers = ["x y"]"#,
            r#""x y": invalid HTTP header name"#,
        ),
        (
            "skip = 1",
            "expected a list of texts, or a text with commas",
        ),
    ] {
        let error = read(toml).unwrap_err();
        assert!(error.contains(expected), "{toml}: {error}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_told_in_words() {
    for (toml, expected) in [
        (
            "record_limit = 1023",
            "record_limit is 1023, and no record is sure to fit into less than 1024 bytes",
        ),
        (
            "memory_budget = 8191",
            "memory_budget is 8191, and request_limit (4096) and response_limit (4096) allow one \
             exchange more than that",
        ),
        (
            r#"request_limit = "1 GiB""#,
            "memory_budget is 16777216, and request_limit (1073741824) and response_limit (4096) allow \
             one exchange more than that",
        ),
        (
            "response_body = \"always\"\nresponse_limit = 0",
            "response_body is always, and response_limit is 0, which keeps nothing of a response",
        ),
        (
            "code_levels = \"http\"\ncode_limit = 0",
            "code_field or code_levels says what to do with codes, and code_limit is 0, which finds none",
        ),
        (r#"code_field = """#, "code_field is empty"),
        (
            r#"code_field = "/a~b""#,
            "code_field is \"/a~b\", and in a JSON pointer a ~ is written ~0, and a / in a key ~1",
        ),
        (
            "sample = 10",
            "sample is 10, and a share is from 0 to 1: a tenth is 0.1",
        ),
        (
            "sample = nan",
            "sample is NaN, and a share is from 0 to 1: a tenth is 0.1",
        ),
        (
            r#"skip = ["health"]"#,
            "skip has \"health\", and a path begins with a / and has no query",
        ),
        (
            "redact = [\"api_key\", \"iban\"]\nkeep = [\"Api-Key\"]",
            "\"Api-Key\" is in redact and in keep",
        ),
        (
            r#"redact_containing = ["-"]"#,
            "redact_containing has a name that is none",
        ),
        (
            r#"request_headers = ["Authorization"]"#,
            "request_headers has authorization, which carries credentials and is recorded only if keep \
             names it, too",
        ),
    ] {
        let expected = format!("the configuration of the logger is wrong: {expected}");
        assert_eq!(complaint(toml), expected, "{toml}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let all = complaint("record_limit = 1\nsample = 2\nskip = [\"a\", \"b\"]");
    assert_eq!(all.matches("; ").count(), 3, "{all}");
}

#[test]
fn what_looks_alike_and_can_be_meant_is_no_contradiction() {
    for toml in [
        "memory_budget = 8192",
        "request_limit = 0\nresponse_limit = 0\nmemory_budget = 0",
        "code_limit = 0",
        "request_limit = 65536",
        "keep = [\"token\"]\nredact_containing = [\"token\"]",
        "request_headers = [\"authorization\"]\nkeep = [\"authorization\"]",
        r#"code_field = "/a~0b~1c""#,
        r#"code_field = "a~b""#,
        "sample = 0",
    ] {
        let _ = read(toml).unwrap().build().expect(toml);
    }
}

#[test]
#[should_panic = "the configuration of the logger is wrong: sample is 10"]
fn a_server_does_not_start_with_settings_that_cannot_be_meant() {
    let config = read("sample = 10").unwrap();
    let _ = BodyLog::from(config);
}
