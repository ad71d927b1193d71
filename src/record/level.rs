//! The severity of an exchange.

use actix_web::http::StatusCode;
use log::Level;

use crate::{record::outcome::Outcome, util::text_enum::text_enum};

text_enum! {
    /// What raised the level of a record above the [success level](crate::BodyLog::success_level). If several of them
    /// require the level of the record, the reason is the first in this order.
    pub enum LevelReason {
        /// The [outcome](Outcome): `Failed` and `Panicked` require `Error`, `Aborted` requires `Warn`.
        Outcome = "outcome",
        /// The status, by [`status_levels`](crate::BodyLog::status_levels).
        Status = "status",
        /// The code in the response, by [`code_levels`](crate::BodyLog::code_levels).
        Code = "code",
        /// A complete response has a content type of JSON, but its body is empty or not JSON.
        Malformed = "malformed",
        /// The time to the response head, by [`slow`](crate::BodyLog::slow).
        Slow = "slow",
    }
}

/// Returns the level of a status by default: [`Warn`](Level::Warn) for 4xx, [`Error`](Level::Error) for 5xx, otherwise
/// `None`.
pub(crate) fn default_status_level(status: StatusCode) -> Option<Level> {
    http_code_level(status.as_u16().into())
}

/// Returns the level of a code by default: [`Error`](Level::Error) from 500, [`Warn`](Level::Warn) from 101 to 199 and
/// from 300 to 499, otherwise `None`. This is [`incident_code_level`] with HTTP's codes of success, for
/// [`BodyLog::code_levels`](crate::BodyLog::code_levels).
#[must_use]
pub fn default_code_level(code: i64) -> Option<Level> {
    match code {
        200..=299 => None,
        code => incident_code_level(code),
    }
}

/// Returns the level of a code by the convention of the service that this crate was written for:
/// [`Error`](Level::Error) from 500, [`Warn`](Level::Warn) from 101, otherwise `None`. For
/// [`BodyLog::code_levels`](crate::BodyLog::code_levels).
#[must_use]
pub fn incident_code_level(code: i64) -> Option<Level> {
    match code {
        500.. => Some(Level::Error),
        101.. => Some(Level::Warn),
        _ => None,
    }
}

/// Returns the level of a code that follows HTTP status codes: [`Warn`](Level::Warn) for 4xx,
/// [`Error`](Level::Error) for 5xx, otherwise `None`. For
/// [`BodyLog::code_levels`](crate::BodyLog::code_levels).
///
/// ```
/// use actix_bodylog::{http_code_level, BodyLog};
/// use log::Level;
///
/// assert_eq!(http_code_level(200), None);
/// assert_eq!(http_code_level(404), Some(Level::Warn));
/// let body_log = BodyLog::new().code_levels(http_code_level);
/// ```
#[must_use]
pub fn http_code_level(code: i64) -> Option<Level> {
    match code {
        400..=499 => Some(Level::Warn),
        500..=599 => Some(Level::Error),
        _ => None,
    }
}

/// The inputs that decide the level of an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelInputs {
    /// Level of the result code.
    pub(crate) code: Option<Level>,
    /// Level of the status.
    pub(crate) status: Option<Level>,
    pub(crate) outcome: Outcome,
    /// Set if the response claims to be JSON and is not valid JSON.
    pub(crate) malformed: bool,
    /// Set if the response head came late.
    pub(crate) slow: bool,
}

impl LevelInputs {
    /// Returns the most severe level that any input requires, and the first input that requires it. Returns `None` if
    /// no input requires a level.
    pub(crate) fn verdict(&self) -> Option<(Level, LevelReason)> {
        let outcome = match self.outcome {
            Outcome::Failed | Outcome::Panicked => Some(Level::Error),
            Outcome::Aborted => Some(Level::Warn),
            Outcome::Completed | Outcome::Replaced => None,
        };
        let is_malformed = self.malformed && self.outcome == Outcome::Completed;
        let malformed = is_malformed.then_some(Level::Error);
        let levels = [
            (outcome, LevelReason::Outcome),
            (self.status, LevelReason::Status),
            (self.code, LevelReason::Code),
            (malformed, LevelReason::Malformed),
            (self.slow.then_some(Level::Warn), LevelReason::Slow),
        ];
        let required = levels
            .into_iter()
            .filter_map(|(level, reason)| Some((level?, reason)));
        // `log` orders levels by verbosity, so the smallest is the most severe. The first of equal levels is taken.
        required.min_by_key(|(level, _)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incident_code_level_is_error_from_500_and_warn_above_100() {
        for (code, level) in [
            (i64::MIN, None),
            (0, None),
            (100, None),
            (101, Some(Level::Warn)),
            (200, Some(Level::Warn)),
            (499, Some(Level::Warn)),
            (500, Some(Level::Error)),
            (i64::MAX, Some(Level::Error)),
        ] {
            assert_eq!(incident_code_level(code), level, "{code}");
        }
    }

    #[test]
    fn default_code_level_is_that_of_the_incident_except_for_2xx() {
        for code in [i64::MIN, -1, 0, 100, 101, 199, 300, 404, 499, 500, i64::MAX] {
            assert_eq!(
                default_code_level(code),
                incident_code_level(code),
                "{code}"
            );
        }
        for code in 200..=299 {
            assert_eq!(default_code_level(code), None, "{code}");
        }
    }

    #[test]
    fn http_code_level_is_warn_for_4xx_and_error_for_5xx() {
        for (code, level) in [
            (0, None),
            (200, None),
            (302, None),
            (399, None),
            (400, Some(Level::Warn)),
            (499, Some(Level::Warn)),
            (500, Some(Level::Error)),
            (599, Some(Level::Error)),
            (600, None),
            (-1, None),
        ] {
            assert_eq!(http_code_level(code), level, "{code}");
        }
    }

    #[test]
    fn the_most_severe_input_determines_the_level_and_the_first_of_them_is_the_reason() {
        use Level::{Error, Info, Warn};
        use LevelReason::{Code, Malformed, Status};
        use Outcome::{Aborted, Completed, Failed, Panicked, Replaced};
        for (code, status, outcome, malformed, verdict) in [
            (None, Some(200), Completed, false, None),
            (None, Some(399), Completed, false, None),
            (None, Some(404), Completed, false, Some((Warn, Status))),
            (None, Some(503), Completed, false, Some((Error, Status))),
            (None, Some(600), Completed, false, None),
            (
                Some(Warn),
                Some(503),
                Completed,
                false,
                Some((Error, Status)),
            ),
            (
                Some(Error),
                Some(404),
                Completed,
                false,
                Some((Error, Code)),
            ),
            (
                Some(Error),
                Some(500),
                Completed,
                true,
                Some((Error, Status)),
            ),
            (Some(Error), Some(200), Completed, true, Some((Error, Code))),
            (Some(Info), Some(200), Completed, false, Some((Info, Code))),
            (None, Some(200), Replaced, true, None),
            (None, Some(404), Replaced, false, Some((Warn, Status))),
            (
                None,
                None,
                Aborted,
                false,
                Some((Warn, LevelReason::Outcome)),
            ),
            (
                None,
                Some(404),
                Aborted,
                false,
                Some((Warn, LevelReason::Outcome)),
            ),
            (
                None,
                None,
                Panicked,
                false,
                Some((Error, LevelReason::Outcome)),
            ),
            (
                None,
                Some(200),
                Failed,
                false,
                Some((Error, LevelReason::Outcome)),
            ),
            (None, Some(200), Completed, true, Some((Error, Malformed))),
            (
                None,
                Some(200),
                Aborted,
                true,
                Some((Warn, LevelReason::Outcome)),
            ),
        ] {
            let inputs = LevelInputs {
                code,
                status: status
                    .and_then(|status| default_status_level(StatusCode::from_u16(status).unwrap())),
                outcome,
                malformed,
                slow: false,
            };
            assert_eq!(inputs.verdict(), verdict, "{inputs:?}");
            let slow = LevelInputs {
                slow: true,
                ..inputs
            };
            let at_least_warn = verdict.filter(|(level, _)| *level <= Warn);
            let expected = at_least_warn.or(Some((Warn, LevelReason::Slow)));
            assert_eq!(slow.verdict(), expected, "{slow:?}");
        }
    }
}
