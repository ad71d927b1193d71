//! Wrong settings panic where they are made, with the reason.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_bodylog::{BodyLog, Redaction};

#[test]
fn wrong_setting_panics_at_the_place_of_the_call_with_the_reason() {
    let place = Arc::new(Mutex::new(String::new()));
    let panicked_at = Arc::clone(&place);
    let hook = take_hook();
    set_hook(Box::new(move |info| {
        let location = info.location().map(|location| location.file());
        *panicked_at.lock().unwrap() = location.unwrap_or_default().to_owned();
    }));
    let long = "x".repeat(65);
    let message = |change: &dyn Fn(BodyLog) -> BodyLog| {
        let payload = catch_unwind(AssertUnwindSafe(|| change(BodyLog::new()))).unwrap_err();
        let message = payload.downcast_ref::<String>().cloned();
        message.unwrap_or_else(|| (*payload.downcast_ref::<&str>().unwrap()).to_owned())
    };
    let cases: [(&dyn Fn(BodyLog) -> BodyLog, &str); 22] = [
        (
            &|log| log.record_limit(1023),
            "the record limit must be at least 1024 bytes, not 1023",
        ),
        (&|log| log.sample(1.5), "must be from 0 to 1, not 1.5"),
        (&|log| log.slow(Duration::ZERO), "must be above zero"),
        (
            &|log| log.request_header("x y"),
            "\"x y\" is not the name of a header",
        ),
        (
            &|log| log.response_header(String::new()),
            "\"\" is not the name of a header",
        ),
        (
            &|log| log.omit_field("url.schema"),
            "\"url.schema\" is not a field of a record. Fields that can be omitted: http.request.method_original, url.query,",
        ),
        (&|log| log.code_field(""), "code_field is empty"),
        (
            &|log| log.code_field("/a~b"),
            "code_field (\"/a~b\") is not a JSON pointer: write ~ as ~0",
        ),
        (
            &|log| log.quiet("health"),
            "\"health\": a path begins with / and has no query",
        ),
        (&|log| log.quiet("/health?full"), "and has no query"),
        (
            &|log| log.redact_path("/reset/token"),
            "\"/reset/token\": the pattern has no parameter such as {token}",
        ),
        (
            &|log| log.redact_path("reset/{token}"),
            "\"reset/{token}\": a pattern of paths begins with /",
        ),
        (
            &|log| log.redact_path("/reset/{token:[a{2}"),
            "a brace of the pattern is not closed",
        ),
        (
            &|log| log.redaction(Redaction::none().redact_path("")),
            "\"\": a pattern of paths begins with /",
        ),
        (&|log| log.exclude(""), "\"\": a path begins with /"),
        (
            &|log| log.omit_field("message"),
            "\"message\" cannot be omitted",
        ),
        (
            &|log| log.field("", 1),
            "\"\" cannot be the name of a field: it is empty",
        ),
        (
            &|log| log.field("level", 1),
            "\"level\" cannot be the name of a field: a record has a field of this name, or may get one",
        ),
        (&|log| log.field("user", 1), "or may get one"),
        (&|log| log.field("exchange.x", 1), "or may get one"),
        (
            &|log| log.field("a\nb", 1),
            "it contains a control character",
        ),
        (&|log| log.field(&long, 1), "it has more than 64 bytes"),
    ];
    let failures: Vec<_> = cases
        .iter()
        .map(|(change, reason)| (message(*change), place.lock().unwrap().clone(), reason))
        .filter(|(message, place, reason)| !message.contains(*reason) || place != file!())
        .collect();
    set_hook(hook);
    assert!(failures.is_empty(), "{failures:#?}");
}
