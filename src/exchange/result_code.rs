//! The code of a response that is over, and how it is shown.

use std::borrow::Cow;

use actix_web::http::StatusCode;

use crate::{
    capture::budget::Lease,
    content::{Content, Representation},
    exchange::state::{CodeSearch, State},
    formats::{
        charset::Charset,
        json::{
            code::{CodeState, FoundCode, MAX_CODE_LEN},
            finder::CodeFinder,
            reader,
        },
    },
    policy::Rules,
    record::data::Outcome,
    redact::{names::REDACTED, text::hide_secrets},
    util::text,
};

/// What a response says about its code.
#[derive(Debug, Default)]
pub(crate) struct CodeReading {
    pub(crate) code: Option<FoundCode>,
    /// Why a JSON response has none.
    pub(crate) state: Option<CodeState>,
    /// What is shown of the body, where both were read at once.
    pub(crate) content: Option<Content>,
}

impl From<Result<FoundCode, CodeState>> for CodeReading {
    fn from(found: Result<FoundCode, CodeState>) -> Self {
        let state = found.as_ref().err().copied();
        let mut code = found.ok();
        if let Some(code) = &mut code {
            code.clean();
        }
        Self {
            code,
            state,
            content: None,
        }
    }
}

/// Looks for the code. `shown` is a buffer for the content, where it is known already that a record
/// shows it.
pub(crate) fn find_code(
    state: &mut State,
    rules: &Rules,
    outcome: Outcome,
    shown: Option<String>,
) -> CodeReading {
    let is_head = state.head.is_head;
    let Some(response) = &mut state.response else {
        return CodeReading::default();
    };
    let search = std::mem::replace(&mut response.code, CodeSearch::None);
    // Nothing was to be read where HTTP has no content: RFC 9110, sections 6.4.1 and 9.3.2.
    let status = response.head.status;
    let bodiless = is_head
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless && state.response_body.seen() == 0 {
        return CodeReading::default();
    }
    let ended = outcome == Outcome::Completed;
    let kept = state.response_body.kept();
    let whole = ended && kept.len() as u64 == state.response_body.seen();
    let kind = &response.head.kind;
    match search {
        CodeSearch::None => CodeReading::default(),
        CodeSearch::InChunks(finder) => finder.finish(ended).into(),
        CodeSearch::InKept => in_kept(kind.content_type.charset, kept, whole, rules, shown),
        CodeSearch::AtTheEnd => {
            let whole = whole && !state.response_body.refused();
            match finder_at_the_end(kind, kept, whole, rules) {
                Some((finder, whole)) => finder.finish(whole).into(),
                // Not even its bytes can be had: nothing is known of a code.
                None => CodeReading::default(),
            }
        }
    }
}

/// Looks for the code in `kept`, in which it is if it is anywhere.
fn in_kept(
    charset: Charset,
    kept: &[u8],
    whole: bool,
    rules: &Rules,
    shown: Option<String>,
) -> CodeReading {
    let path = &rules.code_path;
    let text = match charset {
        Charset::Utf8 => charset.decode(kept, whole),
        _ => None,
    };
    // Neither what was kept nor what is looked at ends within a character.
    let is_whole = |text: &Cow<'_, str>| {
        text.len() == kept.len() && text.is_char_boundary(rules.code_limit.min(text.len()))
    };
    let Some(text) = text.filter(is_whole) else {
        // Or it is not UTF-8, or said not to be: the finder knows what that means.
        let mut finder = CodeFinder::new(rules.code_limit, charset, Lease::unlimited());
        finder.push(path, kept);
        return finder.finish(whole).into();
    };
    let looked_at = text::cut(&text, rules.code_limit);
    let all = looked_at.len() == text.len();
    if all && let Some(buffer) = shown {
        let limit = rules.response_limit;
        let (content, ending, watch) =
            Content::with_code(&text, whole, limit, &rules.names, path, buffer);
        return CodeReading {
            content: Some(content),
            ..watch.finish(ending, whole).into()
        };
    }
    let (ending, watch) = reader::find(looked_at, path);
    watch.finish(ending, whole && all).into()
}

/// Looks for the code in `kept`, which is not yet decoded; the other value says whether the finder
/// saw all of the body.
fn finder_at_the_end(
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

/// The code of a body that is at hand as a whole.
pub(crate) fn code_of(kind: &Representation, body: &[u8], rules: &Rules) -> CodeReading {
    let kept = &body[..body.len().min(rules.code_limit)];
    let whole = kept.len() == body.len();
    if kind.is_plain() {
        return in_kept(kind.content_type.charset, kept, whole, rules, None);
    }
    match finder_at_the_end(kind, kept, whole, rules) {
        Some((finder, whole)) => finder.finish(whole).into(),
        None => CodeReading::default(),
    }
}

/// Hides what must not be shown of a code.
pub(crate) fn redact_code(code: &mut FoundCode, rules: &Rules) {
    if rules.hides_code {
        return code.hide(REDACTED);
    }
    let shown = match code.as_code() {
        crate::Code::Number(_) => None,
        crate::Code::Text(text) => {
            let cut = text.len() + char::MAX.len_utf8() > MAX_CODE_LEN;
            hide_secrets(text, cut, &rules.names)
        }
    };
    if let Some(shown) = shown {
        code.replace(&shown);
    }
}
