//! The id by which a request is known to others.

use std::{
    fmt,
    ops::Deref,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    dev::ResponseHead,
    http::header::{HeaderMap, HeaderName, HeaderValue},
};

use crate::util::random::random;

/// Bytes of a request id that came with a request; a longer one is none.
pub const MAX_REQUEST_ID_LEN: usize = 128;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where the ids of requests come from.
///
/// An `x-request-id` that has more than [`MAX_REQUEST_ID_LEN`] bytes, or others than visible ASCII, is none,
/// and not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestIds {
    /// From the `x-request-id` of the request alone. The default: it changes nothing but the record.
    #[default]
    Incoming,
    /// A request that brings none gets one: a UUID of version 7 (RFC 9562), the beginning of which is the
    /// time.
    ///
    /// Either is recorded as `http.request.header.x-request-id`, is a [`RequestId`] in the extensions of the
    /// request, and is sent as the `x-request-id` of the response, unless that has one already. The latter two do not
    /// depend on whether the request is recorded.
    Generate,
}

/// The id of a request, in its extensions where
/// [ids are generated](RequestIds::Generate).
///
/// ```
/// use actix_bodylog::RequestId;
/// use actix_web::web::ReqData;
///
/// async fn handler(id: ReqData<RequestId>) -> String {
///     format!("You are {}.", id.as_str())
/// }
/// # let _ = handler;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Rc<str>);

impl RequestId {
    /// The id: 1 to [`MAX_REQUEST_ID_LEN`] characters of visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// That of a request, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(X_REQUEST_ID);
        let valid = values.find(|value| is_valid(value.as_bytes()));
        match valid.and_then(|value| value.to_str().ok()) {
            Some(id) => Self(id.into()),
            None => Self::generate(),
        }
    }

    /// Puts it into a response, unless that has an id already.
    pub(crate) fn set_in(&self, head: &mut ResponseHead) {
        if !head.headers().contains_key(X_REQUEST_ID)
            && let Ok(value) = HeaderValue::from_str(self)
        {
            head.headers_mut().insert(X_REQUEST_ID, value);
        }
    }

    fn generate() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(
            text(uuid(now.unwrap_or_default(), random().into()))
                .as_str()
                .into(),
        )
    }
}

impl Deref for RequestId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Visible ASCII (RFC 5234, `VCHAR`), and not too much of it.
pub(crate) fn is_valid(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID_LEN).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// A UUID of version 7: 48 bits of milliseconds, 12 bits of fractions of one, the rest is random
/// (RFC 9562, sections 5.7 and 6.2, method 3).
fn uuid(since_epoch: Duration, random: u128) -> u128 {
    let milliseconds = since_epoch.as_millis() & 0xffff_ffff_ffff;
    let fraction = u128::from(since_epoch.subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
    let (version, variant) = (7, 0b10);
    milliseconds << 80 | version << 76 | fraction << 64 | variant << 62 | random & (!0 >> 66)
}

fn text(uuid: u128) -> String {
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
    fn an_id_is_kept_if_it_is_one() {
        let longest = "x".repeat(MAX_REQUEST_ID_LEN);
        for id in ["1", "!~", "a/b+c=", longest.as_str()] {
            assert_eq!(of(&[id.as_bytes()]).as_str(), id);
        }
        let too_long = "x".repeat(MAX_REQUEST_ID_LEN + 1);
        let others: [&[u8]; 5] = [b"", b"a b", b"a\tb", "é".as_bytes(), too_long.as_bytes()];
        for id in others {
            assert_eq!(of(&[id]).len(), 36, "{id:?}");
            assert_eq!(of(&[id, b"second"]).as_str(), "second");
        }
        assert_ne!(of(&[]), of(&[]));
    }

    #[test]
    fn the_example_of_the_standard_is_made_of_its_parts() {
        // RFC 9562, appendix A.6. Of its fraction 0xcc3, one that gives it is taken.
        let time = Duration::from_millis(0x017f_22e2_79b0);
        let time = time + Duration::from_nanos(0xcc3 * 1_000_000 / 4096 + 1);
        let uuid = uuid(time, 0x18c4_dc0c_0c07_398f);
        assert_eq!(text(uuid), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn generated_ids_are_never_the_same_and_sort_by_time() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..2000).map(|_| random()).collect::<Vec<_>>()))
            .collect();
        let threads = threads.into_iter().map(|thread| thread.join().unwrap());
        let all: Vec<_> = threads.flatten().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        let times = (0..2000).map(|n| Duration::from_nanos(1_700_000_000_000_000_000 + n * 250));
        let ids: Vec<_> = times
            .zip(all)
            .map(|(time, random)| text(uuid(time, random.into())))
            .collect();
        assert!(ids.is_sorted_by_key(|id| id[..18].to_owned()));
        assert!(
            ids.iter()
                .all(|id| &id[14..15] == "7" && "89ab".contains(&id[19..20]))
        );
    }
}
