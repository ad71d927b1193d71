//! Sampling: decides which records of successful exchanges are kept.

use crate::util::random::random;

/// The share of the records of successful exchanges that is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampling {
    rate: f64,
    /// The lowest value of a record that is kept. A record has one of 2^56 values, all with the same probability.
    threshold: u64,
}

const BITS: u32 = 56;

impl Default for Sampling {
    fn default() -> Self {
        Self {
            rate: 1.0,
            threshold: 0,
        }
    }
}

impl Sampling {
    /// Makes a sampling with a rate.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not from 0 to 1.
    #[track_caller]
    pub(crate) fn new(rate: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&rate),
            "the share of records that are kept must be from 0 to 1, not {rate}"
        );
        let threshold = ((1.0 - rate) * (1_u64 << BITS) as f64) as u64;
        Self { rate, threshold }
    }

    /// Returns the share, or `None` if all records are kept.
    pub(crate) fn rate(self) -> Option<f64> {
        (self.threshold > 0).then_some(self.rate)
    }

    /// Returns whether a record is kept. The answer is the same for all records of a trace or, without a trace, for all
    /// records with the same request id.
    pub(crate) fn keeps(self, trace_id: Option<&str>, request_id: Option<&[u8]>) -> bool {
        if self.threshold == 0 {
            return true;
        }
        let trace_value = trace_id.and_then(randomness_of_trace);
        let value = trace_value.unwrap_or_else(|| match request_id {
            Some(id) => hash(id),
            None => random() >> (u64::BITS - BITS),
        });
        value >= self.threshold
    }
}

/// Returns the last 56 bits of a trace id, which are random. OpenTelemetry samples by these bits, so another service
/// that samples this trace at the same rate keeps the same records.
fn randomness_of_trace(trace_id: &str) -> Option<u64> {
    let digits = trace_id.get(trace_id.len().checked_sub(BITS as usize / 4)?..)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Returns a hash that is the same in every process and version: FNV-1a, then the last step of MurmurHash3, without
/// which ids that differ only at their end have neighbouring values.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    (hash ^ (hash >> 33)) >> (u64::BITS - BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many of 10,000 records are kept.
    fn kept(rate: f64, keeps: impl Fn(Sampling, u64) -> bool) -> u64 {
        let sampling = Sampling::new(rate);
        (0..10_000).filter(|&nth| keeps(sampling, nth)).count() as u64
    }

    #[test]
    fn the_share_that_is_kept_is_about_the_rate() {
        for rate in [0.01, 0.1, 0.5, 0.9] {
            let expected = rate * 10_000.0;
            let by_request = kept(rate, |s, nth| {
                s.keeps(None, Some(format!("request-{nth}").as_bytes()))
            });
            let by_chance = kept(rate, |s, _| s.keeps(None, None));
            let by_trace = kept(rate, |s, nth| {
                let spread = (1 << BITS) / 10_000 * nth;
                s.keeps(Some(&format!("{spread:032x}")), None)
            });
            assert!(by_trace.abs_diff(expected as u64) <= 1, "{by_trace}");
            // At least six standard deviations.
            for found in [by_request, by_chance] {
                let deviation = (found as f64 - expected).abs();
                assert!(deviation < 6.0 * expected.sqrt(), "{found} of {expected}");
            }
        }
    }

    #[test]
    fn rate_of_1_keeps_everything_and_rate_of_0_keeps_nothing() {
        for id in [None, Some(&b"r-1"[..]), Some(b"")] {
            assert!(Sampling::new(1.0).keeps(None, id));
            assert!(!Sampling::new(0.0).keeps(None, id));
        }
        let last = "f".repeat(32);
        assert!(!Sampling::new(0.0).keeps(Some(&last), None));
    }

    #[test]
    fn a_trace_is_kept_by_its_last_56_bits() {
        let half = Sampling::new(0.5);
        for (trace, kept) in [
            ("00000000000000000080000000000000", true),
            ("0000000000000000007fffffffffffff", false),
            ("ffffffffffffffffff7fffffffffffff", false),
            ("000000000000000000ffffffffffffff", true),
        ] {
            // The request id does not count.
            for id in [None, Some(&b"r-1"[..]), Some(b"r-2")] {
                assert_eq!(half.keeps(Some(trace), id), kept, "{trace}");
            }
        }
    }

    #[test]
    fn the_hash_of_an_id_never_changes() {
        // Two services that see the same id must agree, even with different versions of this crate.
        assert_eq!(hash(b"r-1"), 0x3f_3608_1409_f265);
        assert_eq!(hash(b""), 0xef_d01f_60ba_9929);
    }

    #[test]
    #[should_panic = "must be from 0 to 1, not 10"]
    fn rate_above_1_panics() {
        Sampling::new(10.0);
    }

    #[test]
    #[should_panic = "must be from 0 to 1, not NaN"]
    fn rate_that_is_not_a_number_panics() {
        Sampling::new(f64::NAN);
    }
}
