//! How severe an exchange is.

use actix_web::http::StatusCode;
use log::Level;

use crate::record::data::Outcome;

/// The level of a code as the service that this crate was made for had it: 500 and above
/// [`Error`](Level::Error), above 100 [`Warn`](Level::Warn). The default of
/// [`BodyLog::code_levels`](crate::BodyLog::code_levels).
pub fn incident_code_level(code: i64) -> Option<Level> {
    match code {
        500.. => Some(Level::Error),
        101.. => Some(Level::Warn),
        _ => None,
    }
}

/// The level of a code that follows the numbers of HTTP: 4xx [`Warn`](Level::Warn), 5xx
/// [`Error`](Level::Error), everything else nothing. For
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

/// What an exchange did that a level can be read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    pub(crate) code: Option<Level>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) outcome: Outcome,
    /// A response that calls itself JSON and is not.
    pub(crate) malformed: bool,
}

impl Signs {
    /// The most severe level that anything asks for; `None` where all went as it should.
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
        let malformed =
            (self.malformed && self.outcome == Outcome::Completed).then_some(Level::Error);
        // `log` orders levels by verbosity: the smallest is the most severe.
        [self.code, status, outcome, malformed]
            .into_iter()
            .flatten()
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Signs = Signs {
        code: None,
        status: Some(StatusCode::OK),
        outcome: Outcome::Completed,
        malformed: false,
    };

    #[test]
    fn codes_have_the_levels_of_the_incident_by_default() {
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
    fn http_codes_have_the_levels_of_http() {
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
    fn the_most_severe_sign_wins() {
        let status = |code: u16| StatusCode::from_u16(code).ok();
        for (signs, verdict) in [
            (FINE, None),
            (
                Signs {
                    status: status(399),
                    ..FINE
                },
                None,
            ),
            (
                Signs {
                    status: status(404),
                    ..FINE
                },
                Some(Level::Warn),
            ),
            (
                Signs {
                    status: status(503),
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    status: status(999),
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    code: Some(Level::Warn),
                    status: status(503),
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    code: Some(Level::Info),
                    ..FINE
                },
                Some(Level::Info),
            ),
            (
                Signs {
                    outcome: Outcome::Aborted,
                    status: None,
                    ..FINE
                },
                Some(Level::Warn),
            ),
            (
                Signs {
                    outcome: Outcome::Panicked,
                    status: None,
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    outcome: Outcome::Failed,
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    malformed: true,
                    ..FINE
                },
                Some(Level::Error),
            ),
            (
                Signs {
                    malformed: true,
                    outcome: Outcome::Aborted,
                    ..FINE
                },
                Some(Level::Warn),
            ),
        ] {
            assert_eq!(signs.verdict(), verdict, "{signs:?}");
        }
    }
}
