//! The code of a response that is over, and how it is shown.

use std::borrow::Cow;

use actix_web::http::StatusCode;

use crate::{
    budget::Lease,
    charset::Charset,
    content::Representation,
    exchange::{CodeSearch, State},
    json::{
        code::{CodeState, CodeText, MAX_CODE_LEN},
        finder::CodeFinder,
    },
    names::REDACTED,
    record::Outcome,
    rules::Rules,
    secrets, text,
};

/// The code, or why a JSON response has none.
pub(crate) fn find_code(
    state: &mut State,
    outcome: Outcome,
) -> (Option<CodeText>, Option<CodeState>) {
    let is_head = state.head.is_head;
    let rules = &state.rules.rules;
    let Some(response) = &mut state.response else {
        return (None, None);
    };
    let ended = outcome == Outcome::Completed;
    let (finder, whole) = match std::mem::replace(&mut response.code, CodeSearch::None) {
        CodeSearch::None => return (None, None),
        CodeSearch::InChunks(finder) => (finder, ended),
        CodeSearch::AtTheEnd => {
            let capture = &response.capture;
            let whole = ended && capture.kept().len() as u64 == capture.seen();
            let whole = whole && !capture.refused();
            match finder_at_the_end(&response.head.kind, capture.kept(), whole, rules) {
                Some(found) => found,
                // Not even its bytes can be had: nothing is known of a code.
                None => return (None, None),
            }
        }
    };
    // Nothing was to be read where HTTP has no content: RFC 9110, sections 6.4.1 and 9.3.2.
    let status = response.head.status;
    let bodiless = is_head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless && response.capture.seen() == 0 {
        return (None, None);
    }
    match finder.finish(whole) {
        Ok(code) => (Some(code.into_text()), None),
        Err(state) => (None, Some(state)),
    }
}

/// Looks for the code in `kept`, which is not yet decoded; the other value says whether the finder
/// saw all of the body.
pub(crate) fn finder_at_the_end(
    kind: &Representation,
    kept: &[u8],
    whole: bool,
    rules: &Rules,
) -> Option<(CodeFinder, bool)> {
    let charset = kind.content_type.charset;
    let charset = match charset.is_ascii_based() {
        true => charset,
        false => Charset::Utf8,
    };
    let mut finder = CodeFinder::new(rules.code_limit, charset, Lease::unlimited());
    // An empty body has no coding on it.
    let (text, whole) = match kept {
        [] => (Cow::Borrowed(kept), whole),
        kept => kind.decoded_json(kept, whole, rules.code_limit)?,
    };
    finder.push(&rules.code_path, &text);
    Some((finder, whole))
}

/// The code as it is shown.
pub(crate) fn redacted_code(code: CodeText, rules: &Rules) -> CodeText {
    if rules.names.is_sensitive(rules.code_path.key()) {
        return CodeText {
            is_number: false,
            text: REDACTED.to_owned(),
        };
    }
    if code.is_number {
        return code;
    }
    let cut = code.text.len() + char::MAX.len_utf8() > MAX_CODE_LEN;
    let shown = secrets::redact(&code.text, cut, &rules.names);
    CodeText {
        text: text::cut(&shown, MAX_CODE_LEN).to_owned(),
        ..code
    }
}
