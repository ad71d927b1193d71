//! What settings cannot be meant.

use crate::{
    config::{CodeLevels, Config},
    policy::ResponseBody,
    record::truncate::MIN_RECORD_LIMIT,
    redact::names::{self, Names},
};

/// All that is wrong, in words.
pub(super) fn problems(config: &Config) -> Vec<String> {
    [
        record_limit(config),
        memory_budget(config),
        response_body(config),
        code(config),
        sample(config),
    ]
    .into_iter()
    .flatten()
    .chain(skip(config))
    .chain(names(config))
    .chain(headers(config))
    .collect()
}

fn record_limit(config: &Config) -> Option<String> {
    let limit = config.record_limit;
    (limit < MIN_RECORD_LIMIT).then(|| {
        format!("record_limit is {limit}, and no record is sure to fit into less than {MIN_RECORD_LIMIT} bytes")
    })
}

fn memory_budget(config: &Config) -> Option<String> {
    let (request, response) = (config.request_limit, config.response_limit);
    let budget = config.memory_budget;
    (request.saturating_add(response) > budget).then(|| {
        format!(
            "memory_budget is {budget}, and request_limit ({request}) and response_limit ({response}) allow \
             one exchange more than that"
        )
    })
}

fn response_body(config: &Config) -> Option<String> {
    let wanted = config.response_body == ResponseBody::Always;
    (wanted && config.response_limit == 0).then(|| {
        "response_body is always, and response_limit is 0, which keeps nothing of a response".into()
    })
}

fn code(config: &Config) -> Option<String> {
    let field = &config.code_field;
    let default = Config::default().code_field;
    if field.is_empty() {
        Some("code_field is empty".into())
    } else if field.starts_with('/') && has_bad_escape(field) {
        Some(format!(
            "code_field is {field:?}, and in a JSON pointer a ~ is written ~0, and a / in a key ~1"
        ))
    } else if config.code_limit == 0
        && (*field != default || config.code_levels != CodeLevels::default())
    {
        Some(
            "code_field or code_levels says what to do with codes, and code_limit is 0, which finds \
             none"
                .into(),
        )
    } else {
        None
    }
}

/// RFC 6901, section 3.
fn has_bad_escape(pointer: &str) -> bool {
    let mut escapes = pointer.split('~').skip(1);
    escapes.any(|rest| !rest.starts_with(['0', '1']))
}

fn sample(config: &Config) -> Option<String> {
    let rate = config.sample;
    (!(0.0..=1.0).contains(&rate))
        .then(|| format!("sample is {rate}, and a share is from 0 to 1: a tenth is 0.1"))
}

fn skip(config: &Config) -> impl Iterator<Item = String> {
    let is_path = |path: &str| path.starts_with('/') && !path.contains(['?', '#']);
    let others = config.skip.iter().filter(move |path| !is_path(path));
    others.map(|path| format!("skip has {path:?}, and a path begins with a / and has no query"))
}

fn names(config: &Config) -> impl Iterator<Item = String> {
    let is_redacted = |kept: &String| {
        let kept = names::normalize(kept);
        let mut redacted = config.redact.iter();
        redacted.any(|name| names::normalize(name) == kept)
    };
    let both = config.keep.iter().filter(move |name| is_redacted(name));
    let both = both.map(|name| format!("{name:?} is in redact and in keep"));
    let lists = [
        ("redact", &config.redact),
        ("redact_containing", &config.redact_containing),
        ("keep", &config.keep),
    ];
    let nameless = |name: &String| names::normalize(name).is_empty();
    let nameless = lists
        .into_iter()
        .filter(move |(_, names)| names.iter().any(nameless));
    both.chain(nameless.map(|(list, _)| format!("{list} has a name that is none")))
}

fn headers(config: &Config) -> impl Iterator<Item = String> {
    let mut names = Names::default();
    config.keep.iter().for_each(|name| names.keep(name));
    let lists = [
        ("request_headers", &config.request_headers),
        ("response_headers", &config.response_headers),
    ];
    let all = lists
        .into_iter()
        .flat_map(|(list, headers)| headers.iter().map(move |header| (list, header)));
    let refused = all.filter(move |(_, header)| names.is_never_logged(header.as_str()));
    refused.map(|(list, header)| {
        format!(
            "{list} has {header}, which carries credentials and is recorded only if keep names it, too"
        )
    })
}
