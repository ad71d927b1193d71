//! Hides secrets in server-sent events (`text/event-stream`).

use std::borrow::Cow;

use crate::{
    formats::json::tokens::Ending,
    redact::{json::redact_json, key_cache::Redactor, text::redact_text},
};

/// The start of a line of data.
const FIELD: &str = "data:";

/// Makes one line from events without their secrets. Data that are JSON are redacted as JSON, everything else as text.
/// `open` says that the events were truncated.
pub(crate) fn redact_events(events: &str, open: bool, redactor: Redactor<'_>) -> String {
    let mut out = String::with_capacity(events.len());
    let mut shown = 0;
    let mut at = 0;
    while at < events.len() {
        let line = Line::at(events, at);
        if line.data.is_none() {
            at = line.next;
            continue;
        }
        let data = Data::at(events, at);
        // The rest may be the start of another line of the same data. An aborted stream may seem complete.
        let is_cut = FIELD.starts_with(&events[data.next..]);
        if let Some(json) = data.json(is_cut, redactor) {
            out.push_str(&redact_text(&events[shown..at], false, redactor));
            out.push_str("data: ");
            out.push_str(&json);
            shown = data.end;
        }
        at = data.next;
    }
    out.push_str(&redact_text(&events[shown..], open, redactor));
    out
}

/// One line of an event stream.
struct Line<'e> {
    /// The value of a field `data`.
    data: Option<&'e str>,
    /// The end of the line, before its line break.
    end: usize,
    /// The start of the next line.
    next: usize,
}

impl<'e> Line<'e> {
    /// Reads the line that begins at `start`.
    fn at(events: &'e str, start: usize) -> Self {
        let rest = &events[start..];
        let len = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        let line_break = match &rest.as_bytes()[len..] {
            [] => 0,
            [b'\r', b'\n', ..] => 2,
            _ => 1,
        };
        let data = rest[..len].strip_prefix(FIELD);
        Self {
            data: data.map(|data| data.strip_prefix(' ').unwrap_or(data)),
            end: start + len,
            next: start + len + line_break,
        }
    }
}

/// The value of consecutive fields `data` of one event.
struct Data<'e> {
    value: Cow<'e, str>,
    /// The end of the last line, before its line break.
    end: usize,
    /// The start of the line after the last line.
    next: usize,
}

impl<'e> Data<'e> {
    /// Reads the fields that begin at `start`.
    fn at(events: &'e str, start: usize) -> Self {
        let mut data = Self {
            value: Cow::Borrowed(""),
            end: start,
            next: start,
        };
        while let Line {
            data: Some(value),
            end,
            next,
        } = Line::at(events, data.next)
        {
            match data.end == start {
                true => data.value = Cow::Borrowed(value),
                false => data.value.to_mut().extend(["\n", value]),
            }
            (data.end, data.next) = (end, next);
        }
        data
    }

    /// Returns the value without its secrets if it is JSON. `is_cut` says that the value may be a prefix.
    fn json(&self, is_cut: bool, redactor: Redactor<'_>) -> Option<String> {
        if !self.value.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let mut json = String::with_capacity(self.value.len());
        let ending = redact_json(&mut json, &self.value, redactor);
        let is_json = ending == Ending::Complete || (ending == Ending::Cut && is_cut);
        is_json.then_some(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{key_cache::KeyCache, names::Names};

    fn redacted(events: &str, open: bool) -> String {
        let (names, keys) = (Names::default(), KeyCache::new());
        redact_events(events, open, Redactor::new(&names, &keys))
    }

    #[test]
    fn data_that_are_json_are_redacted_as_json() {
        for (events, expected) in [
            ("", ""),
            ("data: {\"pin\": [1, 2]}", r#"data: {"pin":"[REDACTED]"}"#),
            (
                "id: 1\nevent: a\ndata:{\"p\\u0069n\":1}\n\ndata: [DONE]\n\n",
                r#"id: 1 event: a data: {"p\u0069n":"[REDACTED]"}  data: [DONE]  "#,
            ),
            (
                "data: {\r\ndata: \"pin\":\r\ndata: 1}\r\nid: 2\r\n",
                r#"data: {"pin":"[REDACTED]"}  id: 2  "#,
            ),
            ("data: [1,\rdata:2]\rid: 2\r", "data: [1,2] id: 2 "),
            (
                "data: {\"a\":1}\ndata: {\"pin\":1}\n",
                r#"data: {"a":1} {"pin":"[REDACTED]"} "#,
            ),
            (
                "data: {\"a\":1\n\ndata: {\"pin\": 1}",
                r#"data: {"a":1  data: {"pin":"[REDACTED]"}"#,
            ),
            ("data: {\"pin\":1]", r#"data: {"pin":[REDACTED]]"#),
            (": {\"pin\":1}", r#": {"pin":[REDACTED]}"#),
            ("data: password=x\n\n", "data: password=[REDACTED]  "),
            ("data\ndata: \n", "data data:  "),
        ] {
            assert_eq!(redacted(events, false), expected, "{events:?}");
        }
    }

    #[test]
    fn a_prefix_of_events_shows_no_secret() {
        let events = "data: {\"a\":1,\"p\\u0069n\":\"SECRET\",\"x\":{\ndata: \"p\\u0069n\":\"SECRET\"}}\nid: 1\n\n\
            event: x\ndata: {\"tok\\u0065n\":[\"SECRET\"]}\n\ndata: Bearer SECRET";
        for end in 0..events.len() {
            let shown = redacted(&events[..end], true);
            assert!(!shown.contains("SE"), "{end}: {shown}");
        }
    }

    #[test]
    fn hostile_events_take_linear_time() {
        // If the time grew with the square of the length, each text would take minutes.
        for piece in [
            "data: [\n",
            "data: [1\n\n",
            "data: [1]\n\n",
            "data:\n",
            "data: {\r",
            "data: [1]\n:\n",
        ] {
            let events = piece.repeat(100_000 / piece.len());
            assert!(
                redacted(&events, true).len() <= 2 * events.len(),
                "{piece:?}"
            );
        }
    }
}
