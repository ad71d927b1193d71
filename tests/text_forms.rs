//! The text form of enums: `as_str`, `Display`, `FromStr` and serde agree.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use actix_bodylog::{
    BodyPolicy, ParseEnumError, RequestIdSource, Schema,
    config::CodeLevelPreset,
    record::{CodeState, LevelReason, OmitReason, Outcome},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

fn check<T>(texts: &[&str], as_str: fn(T) -> &'static str)
where
    T: FromStr<Err = ParseEnumError>
        + Display
        + Debug
        + Copy
        + PartialEq
        + Serialize
        + DeserializeOwned,
{
    for &text in texts {
        let value: T = text.parse().unwrap();
        assert_eq!((as_str(value), value.to_string().as_str()), (text, text));
        assert_eq!(json!(value), text);
        assert_eq!(serde_json::from_value::<T>(json!(text)).unwrap(), value);
        assert_eq!(format!("{value:>20}").len(), 20);
    }
    for wrong in ["", "Completed", " always", "always ", "x"] {
        let message = wrong.parse::<T>().unwrap_err().to_string();
        let expected = format!(
            "{wrong:?} is unknown, expected one of: {}",
            texts.join(", ")
        );
        assert_eq!(message, expected);
        assert!(serde_json::from_value::<T>(json!(wrong)).is_err());
    }
    assert!(serde_json::from_value::<T>(json!(1)).is_err());
}

#[test]
fn every_enum_has_the_same_text_everywhere() {
    check(
        &["always", "when_notable", "on_failure", "never"],
        BodyPolicy::as_str,
    );
    check(&["incoming", "generate"], RequestIdSource::as_str);
    check(&["open_telemetry", "ecs", "google_cloud"], Schema::as_str);
    check(&["default", "incident", "http"], CodeLevelPreset::as_str);
    check(&["cut", "malformed", "unreadable"], CodeState::as_str);
    check(
        &["outcome", "status", "code", "malformed", "slow"],
        LevelReason::as_str,
    );
    check(
        &["completed", "failed", "aborted", "replaced", "panicked"],
        Outcome::as_str,
    );
    check(
        &[
            "binary",
            "encoded",
            "charset",
            "malformed",
            "budget",
            "upgrade",
            "disabled",
            "policy",
        ],
        OmitReason::as_str,
    );
    assert_eq!("notable".parse(), Ok(BodyPolicy::WhenNotable));
}
