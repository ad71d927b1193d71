//! Finds invalid values of a [`Config`], and settings that contradict each other.

use crate::{
    config::settings::{CodeLevelPreset, Config},
    filters::check_path,
    formats::json::code::CodePath,
    policy::BodyPolicy,
    record::{
        omission::{Omission, Omissions},
        truncate::MIN_RECORD_LIMIT,
    },
    redact::{names::Names, path::PathPattern, words::normalize},
};

/// Describes all problems of a configuration.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let mut problems = Vec::new();
    check_limits(config, &mut problems);
    check_code(config, &mut problems);
    check_sample_and_paths(config, &mut problems);
    check_omitted_fields(config, &mut problems);
    check_names(config, &mut problems);
    check_headers(config, &mut problems);
    problems
}

fn check_limits(config: &Config, problems: &mut Vec<String>) {
    let limit = config.record_limit;
    if limit < MIN_RECORD_LIMIT {
        problems.push(format!(
            "record_limit ({limit}) is less than {MIN_RECORD_LIMIT}"
        ));
    }
    let budget = config.memory_budget;
    // If no content is shown, a code can be read without memory from the budget.
    let (response, name) = match config.response_limit {
        limit if limit > 0 && limit < config.code_limit => (config.code_limit, "code_limit"),
        limit => (limit, "response_limit"),
    };
    let exchange = config.request_limit.saturating_add(response);
    if budget < exchange {
        problems.push(format!(
            "memory_budget ({budget}) is less than request_limit + {name} ({exchange}), which one \
             exchange may need"
        ));
    }
    // Request bodies are always recorded by default, so a limit of 0 for them is no contradiction.
    let is_asked_for = matches!(
        config.response_body,
        BodyPolicy::Always | BodyPolicy::OnFailure
    );
    if is_asked_for && config.response_limit == 0 {
        let policy = config.response_body;
        problems.push(format!(
            "response_body is \"{policy}\", but response_limit is 0, so no content is recorded"
        ));
    }
}

fn check_code(config: &Config, problems: &mut Vec<String>) {
    let field = &config.code_field;
    let is_set =
        *field != Config::default().code_field || config.code_levels != CodeLevelPreset::default();
    if let Err(error) = CodePath::parse(field) {
        problems.push(error);
    } else if config.code_limit == 0 && is_set {
        problems.push(
            "code_field or code_levels is set, but code_limit is 0, so no code is read".into(),
        );
    }
}

fn check_sample_and_paths(config: &Config, problems: &mut Vec<String>) {
    let rate = config.sample;
    if !(0.0..=1.0).contains(&rate) {
        problems.push(format!("sample ({rate}) is not between 0 and 1"));
    }
    for (list, paths) in [("quiet", &config.quiet), ("exclude", &config.exclude)] {
        for path in paths {
            if let Err(error) = check_path(path) {
                problems.push(format!("{list} contains {error}"));
            }
        }
    }
    for pattern in &config.redact_path {
        if let Err(error) = PathPattern::parse(pattern) {
            problems.push(format!("redact_path contains {error}"));
        }
    }
}

fn check_omitted_fields(config: &Config, problems: &mut Vec<String>) {
    for name in &config.omit_field {
        let contradicted = match Omissions::parse(name) {
            Err(error) => {
                problems.push(format!("omit_field: {error}"));
                continue;
            }
            Ok(Omission::RequestHeader(header)) => config.request_headers.contains(&header),
            Ok(Omission::ResponseHeader(header)) => config.response_headers.contains(&header),
            Ok(Omission::Field(_)) => false,
        };
        if contradicted {
            problems.push(format!(
                "omit_field contains {name:?}, which is the field of a header that is listed"
            ));
        }
    }
}

fn check_names(config: &Config, problems: &mut Vec<String>) {
    for kept in &config.keep {
        let normalized = normalize(kept);
        let mut redacted = config.redact.iter();
        if redacted.any(|name| normalize(name) == normalized) {
            problems.push(format!("redact and keep both contain {kept:?}"));
        }
    }
    for (list, names) in [
        ("redact", &config.redact),
        ("redact_containing", &config.redact_containing),
        ("keep", &config.keep),
    ] {
        for name in names
            .iter()
            .filter(|name| !name.contains(char::is_alphanumeric))
        {
            problems.push(format!("{list} contains {name:?}, which is not a name"));
        }
    }
}

fn check_headers(config: &Config, problems: &mut Vec<String>) {
    let mut names = Names::default();
    config.keep.iter().for_each(|name| names.keep(name));
    for (list, headers) in [
        ("request_headers", &config.request_headers),
        ("response_headers", &config.response_headers),
    ] {
        for header in headers
            .iter()
            .filter(|header| names.is_never_logged(header.as_str()))
        {
            problems.push(format!(
                "{list} contains {header}, which carries credentials and is recorded only if keep contains it too"
            ));
        }
    }
}
