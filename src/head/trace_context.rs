//! The trace that a request belongs to.

/// The content of a `traceparent` (W3C Trace Context, level 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace_id: [u8; 32],
    parent_span_id: [u8; 16],
    flags: [u8; 2],
}

impl TraceContext {
    /// Parses a header value. Returns `None` if the value is malformed and must be ignored.
    pub(crate) fn parse(traceparent: &[u8]) -> Option<Self> {
        let (version, rest) = traceparent.split_at_checked(2)?;
        let (trace_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk()?;
        let (parent_span_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk()?;
        let (flags, rest) = rest.strip_prefix(b"-")?.split_first_chunk()?;
        let is_hex = |text: &[u8]| text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |id: &[u8]| is_hex(id) && id.iter().any(|&b| b != b'0');
        let is_known_form = match version {
            b"ff" => false,
            b"00" => rest.is_empty(),
            // A later version appends fields after another dash.
            version => is_hex(version) && (rest.is_empty() || rest.starts_with(b"-")),
        };
        (is_known_form && is_hex(flags) && is_id(trace_id) && is_id(parent_span_id)).then_some(
            Self {
                trace_id: *trace_id,
                parent_span_id: *parent_span_id,
                flags: *flags,
            },
        )
    }

    /// Returns the id of the trace: 32 hexadecimal digits, not all 0.
    pub(crate) fn trace_id(&self) -> &str {
        str::from_utf8(&self.trace_id).unwrap_or_default()
    }

    /// Returns the flags: 2 hexadecimal digits.
    pub(crate) fn flags(&self) -> &str {
        str::from_utf8(&self.flags).unwrap_or_default()
    }

    /// Returns the id of the caller's span: 16 hexadecimal digits, not all 0.
    pub(crate) fn parent_span_id(&self) -> &str {
        str::from_utf8(&self.parent_span_id).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn ids_are_parsed_from_a_well_formed_traceparent() {
        for (text, flags) in [
            (format!("00-{TRACE}-{SPAN}-01"), "01"),
            (format!("00-{TRACE}-{SPAN}-00"), "00"),
            (format!("00-{TRACE}-{SPAN}-ff"), "ff"),
            (format!("cc-{TRACE}-{SPAN}-01"), "01"),
            (format!("cc-{TRACE}-{SPAN}-01-what-comes"), "01"),
        ] {
            let found = TraceContext::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (found.trace_id(), found.parent_span_id()),
                (TRACE, SPAN),
                "{text}"
            );
            assert_eq!(found.flags(), flags, "{text}");
        }
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0é"),
            format!("00-{TRACE}-{SPAN}-01-x"),
            format!("00-{TRACE}-{SPAN}-01x"),
            format!("cc-{TRACE}-{SPAN}-01x"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{SPAN}-{TRACE}-01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceContext::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(text in r"[0-9a-fg]{1,3}-?\PC{0,40}-?\PC{0,20}-?\PC{0,4}") {
            let _ = TraceContext::parse(text.as_bytes());
        }
    }
}
