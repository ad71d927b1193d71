//! The trace that a request belongs to.

/// What a `traceparent` says (W3C Trace Context, level 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext<'h> {
    /// 32 hexadecimal digits, not all 0.
    pub(crate) trace_id: &'h str,
    /// 16 hexadecimal digits, not all 0: the caller's span.
    pub(crate) span_id: &'h str,
}

impl<'h> TraceContext<'h> {
    /// `None` if it is malformed: whoever gets such a header is to ignore it.
    pub(crate) fn parse(traceparent: &'h str) -> Option<Self> {
        let (version, rest) = traceparent.split_at_checked(2)?;
        let (trace_id, rest) = rest.strip_prefix('-')?.split_at_checked(32)?;
        let (span_id, rest) = rest.strip_prefix('-')?.split_at_checked(16)?;
        let (flags, rest) = rest.strip_prefix('-')?.split_at_checked(2)?;
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_id = |id: &str| is_hex(id) && id.bytes().any(|b| b != b'0');
        let is_known_form = match version {
            "ff" => false,
            "00" => rest.is_empty(),
            // What a later version adds comes behind another dash.
            version => is_hex(version) && (rest.is_empty() || rest.starts_with('-')),
        };
        (is_known_form && is_hex(flags) && is_id(trace_id) && is_id(span_id))
            .then_some(Self { trace_id, span_id })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn the_ids_are_taken_from_what_is_well_formed() {
        for text in [
            format!("00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-00"),
            format!("cc-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01-what-comes"),
        ] {
            let found = TraceContext::parse(&text);
            let expected = TraceContext {
                trace_id: TRACE,
                span_id: SPAN,
            };
            assert_eq!(found, Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_ignored() {
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
            assert_eq!(TraceContext::parse(&text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r"[0-9a-fg]{1,3}-?\PC{0,40}-?\PC{0,20}-?\PC{0,4}") {
            let _ = TraceContext::parse(&text);
        }
    }
}
