//! The ids of requests.

use std::{
    fmt,
    future::{Ready, ready},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    dev::{Payload, ResponseHead},
    error::ErrorInternalServerError,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    record::caps::MAX_REQUEST_ID_LEN,
    util::{random::random, text_enum::text_enum},
};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

text_enum! {
    /// Where the ids of requests come from.
    ///
    /// An `x-request-id` is invalid, and is not recorded, if it is empty, has more than [`MAX_REQUEST_ID_LEN`] bytes,
    /// or contains a character that is not visible ASCII.
    #[derive(Default)]
    pub enum RequestIdSource {
        /// From the `x-request-id` of the request only. This is the default, and affects only the record.
        #[default]
        Incoming = "incoming",
        /// From the `x-request-id` of the request. A request without a valid id is assigned a UUID of version 7
        /// (RFC 9562), which begins with the time.
        ///
        /// The id is recorded as `http.request.header.x-request-id`. Even if the request is not recorded, the id is a
        /// [`RequestId`] in the extensions of the request, and is sent as the `x-request-id` of the response, unless
        /// the response already has that header.
        Generate = "generate",
    }
}

/// The id of a request, as an extractor: the id that was assigned to the request if
/// [ids are generated](RequestIdSource::Generate), otherwise its first valid `x-request-id`.
///
/// ```
/// use actix_bodylog::RequestId;
///
/// async fn handler(id: RequestId) -> String {
///     format!("You are {id}.")
/// }
/// # let _ = handler;
/// ```
///
/// The extractor fails with the status 500 if the request has no id, which cannot happen if ids are generated. Use an
/// `Option<RequestId>` if a request may have no id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl FromRequest for RequestId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let assigned = req.extensions().get::<Self>().cloned();
        let id = assigned.or_else(|| Self::incoming(req.headers()));
        ready(id.ok_or_else(|| {
            let message =
                "the request has no id: BodyLog::request_id(RequestIdSource::Generate) assigns one";
            ErrorInternalServerError(message)
        }))
    }
}

impl RequestId {
    /// Returns the id: 1 to [`MAX_REQUEST_ID_LEN`] characters of visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first valid id in the headers of a request, or a new id.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::incoming(headers).unwrap_or_else(Self::generate)
    }

    /// Returns the first valid id in the headers of a request.
    fn incoming(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_REQUEST_ID);
        let valid = values.find(|value| is_valid(value.as_bytes()))?;
        Some(Self(valid.to_str().ok()?.into()))
    }

    /// Adds the id to a response, unless the response already has an id.
    pub(crate) fn set_in(&self, head: &mut ResponseHead) {
        if !head.headers().contains_key(X_REQUEST_ID)
            && let Ok(value) = HeaderValue::from_str(&self.0)
        {
            head.headers_mut().insert(X_REQUEST_ID, value);
        }
    }

    fn generate() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let uuid = uuid(now.unwrap_or_default(), random().into());
        Self(format_uuid(uuid).as_str().into())
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Returns whether `id` is visible ASCII (RFC 5234, `VCHAR`) of a valid length.
pub(crate) fn is_valid(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID_LEN).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// Makes a UUID of version 7: 48 bits of milliseconds, 12 bits of a fraction of a millisecond, and random bits
/// (RFC 9562, sections 5.7 and 6.2, method 3).
fn uuid(since_epoch: Duration, random: u128) -> u128 {
    let milliseconds = since_epoch.as_millis() & 0xffff_ffff_ffff;
    let fraction = u128::from(since_epoch.subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
    let (version, variant) = (7, 0b10);
    milliseconds << 80 | version << 76 | fraction << 64 | variant << 62 | random & (!0 >> 66)
}

/// Formats a UUID as hexadecimal digits with dashes (RFC 9562, section 4).
fn format_uuid(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(values: &[&[u8]]) -> RequestId {
        let values = values.iter().map(|value| {
            let value = HeaderValue::from_bytes(value).unwrap();
            (X_REQUEST_ID, value)
        });
        RequestId::of(&HeaderMap::from_iter(values))
    }

    #[test]
    fn valid_id_of_a_request_is_kept_and_an_invalid_id_is_replaced() {
        let longest = "x".repeat(MAX_REQUEST_ID_LEN);
        for id in ["1", "!~", "a/b+c=", longest.as_str()] {
            assert_eq!(of(&[id.as_bytes()]).as_str(), id);
        }
        let too_long = "x".repeat(MAX_REQUEST_ID_LEN + 1);
        let others: [&[u8]; 5] = [b"", b"a b", b"a\tb", "é".as_bytes(), too_long.as_bytes()];
        for id in others {
            assert_eq!(of(&[id]).as_str().len(), 36, "{id:?}");
            assert_eq!(of(&[id, b"second"]).as_str(), "second");
        }
        assert_ne!(of(&[]), of(&[]));
    }

    #[test]
    fn uuid_matches_the_example_of_rfc_9562() {
        // RFC 9562, appendix A.6. Any time within the fraction 0xcc3 of a millisecond gives this UUID.
        let time = Duration::from_millis(0x017f_22e2_79b0);
        let time = time + Duration::from_nanos(0xcc3 * 1_000_000 / 4096 + 1);
        let uuid = uuid(time, 0x18c4_dc0c_0c07_398f);
        assert_eq!(format_uuid(uuid), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn generated_ids_are_unique_and_sort_by_time() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..2000).map(|_| random()).collect::<Vec<_>>()))
            .collect();
        let threads = threads.into_iter().map(|thread| thread.join().unwrap());
        let all: Vec<_> = threads.flatten().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        let times = (0..2000).map(|n| Duration::from_nanos(1_700_000_000_000_000_000 + n * 250));
        let ids: Vec<_> = times
            .zip(all)
            .map(|(time, random)| format_uuid(uuid(time, random.into())))
            .collect();
        assert!(ids.is_sorted_by_key(|id| id[..18].to_owned()));
        assert!(
            ids.iter()
                .all(|id| &id[14..15] == "7" && "89ab".contains(&id[19..20]))
        );
    }
}
