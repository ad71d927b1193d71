//! The severity of an exchange.

use actix_web::http::StatusCode;
use log::Level;

use crate::record::data::Outcome;

/// Returns the level of a code by the convention of the service that this crate was written for:
/// [`Error`](Level::Error) from 500 on, [`Warn`](Level::Warn) above 100, and otherwise nothing. This is
/// the default of [`BodyLog::code_levels`](crate::BodyLog::code_levels).
pub fn incident_code_level(code: i64) -> Option<Level> {
    match code {
        500.. => Some(Level::Error),
        101.. => Some(Level::Warn),
        _ => None,
    }
}

/// Returns the level of a code that follows HTTP status codes: [`Warn`](Level::Warn) for 4xx,
/// [`Error`](Level::Error) for 5xx, and otherwise nothing. For
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
    pub(crate) status: Option<StatusCode>,
    pub(crate) outcome: Outcome,
    /// Set if the response claims to be JSON and is not valid JSON.
    pub(crate) malformed: bool,
}

impl LevelInputs {
    /// Returns the most severe level that any input asks for, or `None` if none does.
    pub(crate) fn verdict(&self) -> Option<Level> {
        let status = self.status.and_then(|status| match status.as_u16() {
            500.. => Some(Level::Error),
            400.. => Some(Level::Warn),
            _ => None,
        });
        let outcome = match self.outcome {
            Outcome::Failed | Outcome::Panicked => Some(Level::Error),
            Outcome::Aborted => Some(Level::Warn),
            Outcome::Completed => None,
        };
        let is_malformed = self.malformed && self.outcome == Outcome::Completed;
        let malformed = is_malformed.then_some(Level::Error);
        // `log` orders levels by verbosity, so the smallest is the most severe.
        let levels = [self.code, status, outcome, malformed];
        levels.into_iter().flatten().min()
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
    fn the_most_severe_input_determines_the_level() {
        use Outcome::{Aborted, Completed, Failed, Panicked};
        for (code, status, outcome, malformed, verdict) in [
            (None, Some(200), Completed, false, None),
            (None, Some(399), Completed, false, None),
            (None, Some(404), Completed, false, Some(Level::Warn)),
            (None, Some(503), Completed, false, Some(Level::Error)),
            (None, Some(999), Completed, false, Some(Level::Error)),
            (
                Some(Level::Warn),
                Some(503),
                Completed,
                false,
                Some(Level::Error),
            ),
            (
                Some(Level::Info),
                Some(200),
                Completed,
                false,
                Some(Level::Info),
            ),
            (None, None, Aborted, false, Some(Level::Warn)),
            (None, None, Panicked, false, Some(Level::Error)),
            (None, Some(200), Failed, false, Some(Level::Error)),
            (None, Some(200), Completed, true, Some(Level::Error)),
            (None, Some(200), Aborted, true, Some(Level::Warn)),
        ] {
            let inputs = LevelInputs {
                code,
                status: status.and_then(|status| StatusCode::from_u16(status).ok()),
                outcome,
                malformed,
            };
            assert_eq!(inputs.verdict(), verdict, "{inputs:?}");
        }
    }
}
