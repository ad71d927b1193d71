//! Hides the input that an error message quotes.

use std::borrow::Cow;

use crate::redact::{names::Names, pieces::REDACTED};

/// Hides the input that an error of serde quotes because the input has the wrong type. The error does not name the
/// field, so the input is hidden whatever the field is.
pub(crate) fn hide_quoted_input<'t>(text: &'t str, names: &Names) -> Cow<'t, str> {
    const PHRASES: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    const EXPECTED: &str = ", expected ";
    let mut text = Cow::Borrowed(text);
    if names.is_off() {
        return text;
    }
    for phrase in PHRASES {
        let mut from = 0;
        while let Some(found) = text[from..].find(phrase) {
            from += found + phrase.len();
            let rest = &text[from..];
            let Some(quote) = rest.find(['"', '`']) else {
                break;
            };
            if rest.find(EXPECTED).is_some_and(|expected| expected < quote) {
                continue;
            }
            let start = from + quote + 1;
            let closing = format!("{}{EXPECTED}", &rest[quote..=quote]);
            // The last match ends the input, because the input may contain the same characters.
            let len = text[start..].rfind(&closing);
            let end = start + len.unwrap_or(text.len() - start);
            text.to_mut().replace_range(start..end, REDACTED);
            from = start + REDACTED.len();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_quoted_by_serde_is_hidden() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "never constructed")]
        struct Form {
            number: u32,
        }
        let error = |json| serde_json::from_str::<Form>(json).unwrap_err().to_string();
        for (error, expected) in [
            (
                error(r#"{"number":"hunter2\", expected "}"#),
                "invalid type: string \"[REDACTED]\", expected u32 at line 1 column 32",
            ),
            (
                error(r#"{"number":-4321}"#),
                "invalid value: integer `[REDACTED]`, expected u32 at line 1 column 15",
            ),
            (
                error(r#"{"number":null}"#),
                "invalid type: null, expected u32 at line 1 column 14",
            ),
            (
                "invalid type: string \"hunt".to_owned(),
                "invalid type: string \"[REDACTED]",
            ),
        ] {
            assert_eq!(hide_quoted_input(&error, &Names::default()), expected);
            assert_eq!(hide_quoted_input(&error, &Names::none()), error);
        }
    }
}
