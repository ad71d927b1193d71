use std::collections::HashMap;

use ipnet::IpNet;
use log::Level;

use super::*;
use crate::{head::request_id::RequestIdSource, policy::BodyPolicy, redact::Shape};

fn read(toml: &str) -> Result<Config, String> {
    toml::from_str(toml).map_err(|error| error.to_string())
}

/// Returns the error of building a logger from well-formed settings.
fn build_error(toml: &str) -> String {
    let config = read(toml).unwrap();
    config.build().map(drop).unwrap_err().to_string()
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (String::from(*name), String::from(*value)));
    let source = config::Environment::with_prefix("BODYLOG")
        .try_parsing(true)
        .ignore_empty(true)
        .list_separator(",")
        .with_list_parse_key("quiet")
        .with_list_parse_key("trusted_proxies")
        .source(Some(HashMap::from_iter(variables)));
    let config = config::Config::builder().add_source(source).build();
    let config = config.unwrap().try_deserialize();
    config.map_err(|error| error.to_string())
}

#[test]
fn empty_config_builds_default_logger() {
    let config = read("").unwrap();
    assert_eq!(config, Config::default());
    let (made, new) = (config.build().unwrap(), BodyLog::new());
    assert_eq!(format!("{made:?}"), format!("{new:?}"));
}

#[test]
fn every_setting_reaches_the_logger() {
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
        request_body = "on_failure"
        response_body = "never"
        request_id = "generate"
        trusted_proxies = ["10.0.0.0/8", "192.0.2.1", "::1"]
        sample = 0.25
        quiet = ["/health", "/live"]
        exclude = ["/metrics"]
        redact = ["iban"]
        redact_containing = ["salary", "key_"]
        redact_path = ["/in/{id}"]
        keep = ["token", "api-key"]
        keep_shapes = ["card_number", "jwt"]
        request_headers = ["X-Tenant"]
        response_headers = ["etag"]
        omit_field = ["url.scheme", "http.request.header.origin"]
        "#,
    );
    let made = BodyLog::try_from(config.unwrap()).unwrap();
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
        .request_body(BodyPolicy::OnFailure)
        .response_body(BodyPolicy::Never)
        .request_id(RequestIdSource::Generate)
        .trusted_proxies(proxies)
        .sample(0.25)
        .quiet("/health")
        .quiet("/live")
        .exclude("/metrics");
    assert_eq!(format!("{made:?}"), format!("{by_hand:?}"));

    let logger = made.logger();
    let policy = &logger.policy;
    assert_eq!(policy.code_level(404), Some(Level::Warn));
    assert_eq!(policy.code_level(101), None);
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
    for (shape, hidden) in [
        (Shape::CardNumber, false),
        (Shape::Jwt, false),
        (Shape::UserInfo, true),
    ] {
        assert_eq!(policy.names.hides(shape), hidden, "{shape}");
    }
    let hidden = policy.names.hide_in_url("/in/1", false);
    assert_eq!(hidden.as_deref(), Some("/in/[REDACTED]"));
    let shown = |allowed: &crate::head::headers::Allowlist| format!("{allowed:?}");
    assert!(shown(&policy.headers.request).contains("x-tenant"));
    assert!(shown(&policy.headers.response).contains("etag"));
    assert!(shown(&policy.headers.request).contains("omitted: [\"origin\"]"));
}

#[test]
fn unknown_key_is_an_error_that_names_it() {
    let error = read("request_limti = 1").unwrap_err();
    assert!(error.contains("unknown field `request_limti`"), "{error}");
    assert!(error.contains("`request_limit`"), "{error}");
    let error = from_environment(&[("BODYLOG_QUIETS", "/health")]).unwrap_err();
    assert!(error.contains("quiets"), "{error}");
}

#[test]
fn a_key_that_was_renamed_is_an_error_that_says_its_name() {
    for error in [
        read("skip = [\"/health\"]").unwrap_err(),
        from_environment(&[("BODYLOG_SKIP", "/health")]).unwrap_err(),
        serde_json::from_str::<Config>(r#"{"skip": []}"#)
            .unwrap_err()
            .to_string(),
    ] {
        assert!(
            error.contains("unknown field `skip`: its name is `quiet`"),
            "{error}"
        );
    }
}

#[test]
fn config_serializes_to_what_it_is_read_from() {
    let config = read(
        r#"
        request_limit = "8 KiB"
        code_levels = "http"
        success_level = "info"
        request_body = "on_failure"
        response_body = "notable"
        request_id = "generate"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        sample = 0.25
        quiet = ["/health"]
        exclude = ["/metrics"]
        redact_path = ["/in/{id}"]
        keep = ["token_type"]
        keep_shapes = ["card_number"]
        request_headers = ["X-Tenant"]
        omit_field = ["url.scheme"]
        "#,
    )
    .unwrap();
    for config in [config, Config::default()] {
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<Config>(&json).unwrap(),
            config,
            "{json}"
        );
        let toml = toml::to_string(&config).unwrap();
        assert_eq!(read(&toml), Ok(config), "{toml}");
    }
}

#[test]
fn environment_variables_and_toml_give_the_same_config() {
    let config = from_environment(&[
        ("BODYLOG_REQUEST_LIMIT", "8192"),
        ("BODYLOG_MEMORY_BUDGET", "32 MiB"),
        ("BODYLOG_SAMPLE", "0.25"),
        ("BODYLOG_SUCCESS_LEVEL", "info"),
        ("BODYLOG_RESPONSE_BODY", "always"),
        ("BODYLOG_QUIET", "/health,/live"),
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
        quiet = ["/health", "/live"]
        trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
        "#,
    );
    assert_eq!(config, expected);
}

#[test]
fn invalid_value_is_an_error_that_shows_the_expected_form() {
    let size = r#"a size such as "4096" or "16 MiB""#;
    let size_types = r#"expected a number of bytes or a string such as "16 MiB""#;
    let network = "an address or a network such as 10.0.0.0/8";
    for (toml, expected) in [
        (
            r#"request_limit = "16 Mob""#,
            format!(r#"invalid value: string "16 Mob", expected {size}"#),
        ),
        (
            r#"request_limit = "16 EiB""#,
            format!(r#"invalid value: string "16 EiB", expected {size}"#),
        ),
        (
            r#"response_body = "Always""#,
            "unknown variant `Always`".into(),
        ),
        (
            r#"request_limit = "-1""#,
            format!(r#"string "-1", expected {size}"#),
        ),
        (
            r#"request_limit = """#,
            format!(r#"string "", expected {size}"#),
        ),
        ("request_limit = -1", size_types.into()),
        ("request_limit = 1.5", size_types.into()),
        ("request_limit = true", size_types.into()),
        (
            r#"sample = "a tenth""#,
            r#"invalid type: string "a tenth", expected f64"#.into(),
        ),
        (
            r#"success_level = "loud""#,
            r#"invalid value: string "loud", expected error, warn, info, debug or trace"#.into(),
        ),
        (
            r#"response_body = "sometimes""#,
            "unknown variant `sometimes`, expected one of `always`, `when_notable`, `on_failure`, `never`".into(),
        ),
        (
            r#"code_levels = "grpc""#,
            "unknown variant `grpc`, expected one of `default`, `incident`, `http`".into(),
        ),
        (
            r#"trusted_proxies = ["10.0.0.0/33"]"#,
            format!(r#"string "10.0.0.0/33", expected {network}"#),
        ),
        (
            r#"trusted_proxies = ["proxy.test"]"#,
            format!(r#"string "proxy.test", expected {network}"#),
        ),
        (
            r#"request_headers = ["x y"]"#,
            r#"string "x y", expected a header name"#.into(),
        ),
        (
            r#"quiet = "/health""#,
            r#"invalid type: string "/health", expected a sequence"#.into(),
        ),
    ] {
        let error = read(toml).unwrap_err();
        assert!(error.contains(&expected), "{toml}: {error}");
    }
}

#[test]
fn invalid_or_contradicting_settings_are_an_error() {
    for (toml, expected) in [
        (
            "record_limit = 1023",
            "record_limit (1023) is less than 1024",
        ),
        (
            "memory_budget = 8191",
            "memory_budget (8191) is less than request_limit + response_limit (8192), which one exchange may need",
        ),
        (
            r#"request_limit = "1 GiB""#,
            "memory_budget (16777216) is less than request_limit + response_limit (1073745920), which one \
             exchange may need",
        ),
        (
            "code_limit = 20000\nmemory_budget = 8192",
            "memory_budget (8192) is less than request_limit + code_limit (24096), which one exchange may need",
        ),
        (
            "response_body = \"always\"\nresponse_limit = 0",
            "response_body is \"always\", but response_limit is 0, so no content is recorded",
        ),
        (
            "response_body = \"on_failure\"\nresponse_limit = 0",
            "response_body is \"on_failure\", but response_limit is 0, so no content is recorded",
        ),
        (
            "omit_field = [\"http.request.header.X-Tenant\"]\nrequest_headers = [\"x-tenant\"]",
            "omit_field contains \"http.request.header.X-Tenant\", which is the field of a header that is listed",
        ),
        (
            "code_levels = \"http\"\ncode_limit = 0",
            "code_field or code_levels is set, but code_limit is 0, so no code is read",
        ),
        (r#"code_field = """#, "code_field is empty"),
        (
            r#"code_field = "/a~b""#,
            "code_field (\"/a~b\") is not a JSON pointer: write ~ as ~0, and / in a key as ~1",
        ),
        ("sample = 10", "sample (10) is not between 0 and 1"),
        ("sample = nan", "sample (NaN) is not between 0 and 1"),
        (
            r#"quiet = ["health"]"#,
            "quiet contains \"health\": a path begins with / and has no query",
        ),
        (
            r#"redact_path = ["/in"]"#,
            "redact_path contains \"/in\": the pattern has no parameter such as {token}, so it hides nothing",
        ),
        (
            "redact = [\"api_key\", \"iban\"]\nkeep = [\"Api-Key\"]",
            "redact and keep both contain \"Api-Key\"",
        ),
        (
            r#"redact_containing = ["-"]"#,
            "redact_containing contains \"-\", which is not a name",
        ),
        (
            r#"request_headers = ["Authorization"]"#,
            "request_headers contains authorization, which carries credentials and is recorded only if keep \
             contains it too",
        ),
    ] {
        let expected = format!("invalid logger configuration: {expected}");
        assert_eq!(build_error(toml), expected, "{toml}");
    }
}

#[test]
fn error_lists_all_problems() {
    let all = build_error("record_limit = 1\nsample = 2\nquiet = [\"a\", \"b\"]");
    assert_eq!(all.matches("; ").count(), 3, "{all}");
    let config = read("sample = 2\nomit_field = [\"nonsense\"]").unwrap();
    let error = config.build().unwrap_err();
    let problems: Vec<_> = error.problems().collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[1].starts_with("omit_field: \"nonsense\" is not a field of a record"));
}

#[test]
fn unusual_but_consistent_settings_build() {
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
        "sample = 1",
    ] {
        let _ = read(toml).unwrap().build().expect(toml);
    }
}
