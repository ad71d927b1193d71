//! Finding the code of a response while its chunks go by.

use crate::{
    capture::budget::Lease,
    formats::{
        charset::Charset,
        json::{
            code::{CodePath, CodeState, FoundCode},
            lexer::{Lexer, Token},
            nesting::Container,
            unescape::Units,
            utf8::Utf8,
        },
    },
};

/// Compares the key that is being read with the one that is looked for, byte by byte.
#[derive(Debug, Default)]
struct KeyMatch {
    matched: usize,
    failed: bool,
    units: Units,
}

impl KeyMatch {
    fn bytes(&mut self, wanted: &[u8], more: &[u8]) {
        let rest = wanted.get(self.matched..).unwrap_or_default();
        self.failed |= !rest.starts_with(more);
        self.matched += more.len();
    }

    fn unit(&mut self, wanted: &[u8], unit: u16) {
        let mut units = self.units;
        units.push(unit, |c| self.char(wanted, c));
        self.units = units;
    }

    fn end_units(&mut self, wanted: &[u8]) {
        let mut units = self.units;
        units.end(|c| self.char(wanted, c));
        self.units = units;
    }

    fn char(&mut self, wanted: &[u8], c: char) {
        self.bytes(wanted, c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn holds(&self, wanted: &[u8]) -> bool {
        !self.failed && self.matched == wanted.len()
    }
}

/// What stands where the code is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Nothing,
    /// A key matched; its value comes next.
    Value,
    /// The value is a code that has not ended yet.
    Code,
    /// A whole code. A later key of the same name forgets it.
    Found,
}

impl Reading {
    /// The value after the key is none that can be a code.
    fn skip_value(&mut self) {
        if *self == Reading::Value {
            *self = Reading::Nothing;
        }
    }
}

impl FoundCode {
    /// The value is over. A number that was cut is not known.
    fn end(&self, ended_early: &mut bool) -> Reading {
        if self.is_cut_number() {
            *ended_early = true;
            return Reading::Nothing;
        }
        Reading::Found
    }
}

/// Watches the first bytes of a response for its code.
///
/// It keeps no bytes of the response but those of the code, so its cost in memory does not depend
/// on how far it looks. The result does not depend on how the response was split.
#[derive(Debug)]
pub(crate) struct CodeFinder {
    lexer: Lexer,
    /// `None` where another charset is declared.
    utf8: Option<Utf8>,
    left: usize,
    ended_early: bool,
    /// How many open containers lie on the path to the code.
    on_path: usize,
    key: KeyMatch,
    units: Units,
    reading: Reading,
    code: FoundCode,
    invalid: bool,
}

impl CodeFinder {
    /// Looks at the first `limit` bytes.
    pub(crate) fn new(limit: usize, charset: Charset, lease: Lease) -> Self {
        Self {
            lexer: Lexer::new(lease),
            utf8: (charset == Charset::Utf8).then(Utf8::default),
            left: limit,
            ended_early: false,
            on_path: 0,
            key: KeyMatch::default(),
            units: Units::default(),
            reading: Reading::Nothing,
            code: FoundCode::new(false),
            invalid: false,
        }
    }

    /// Takes the next bytes of the response.
    pub(crate) fn push(&mut self, path: &CodePath, chunk: &[u8]) {
        let looked_at = chunk.len().min(self.left);
        self.left -= looked_at;
        self.ended_early |= looked_at < chunk.len();
        let chunk = &chunk[..looked_at];
        if let Some(utf8) = &mut self.utf8
            && !self.invalid
        {
            self.invalid = !utf8.push(chunk);
        }
        if self.invalid {
            return;
        }
        let Self {
            lexer,
            on_path,
            key,
            units,
            reading,
            code,
            invalid,
            ended_early,
            ..
        } = self;
        let mut tokens = lexer.feed(chunk);
        while let Some(token) = tokens.next() {
            let depth = tokens.depth();
            // The key that is looked for in the innermost object on the path.
            let wanted = on_path.checked_sub(1).and_then(|at| path.keys().get(at));
            let wanted = wanted.map_or(&b""[..], |key| key.as_bytes());
            let at_key = *on_path > 0 && depth == *on_path;
            match token {
                Token::Text { key: true, bytes } if at_key && bytes == wanted => {
                    *reading = Reading::Value;
                }
                Token::Text { key: false, bytes } if *reading == Reading::Value => {
                    reading.skip_value();
                    if *on_path == path.keys().len() {
                        *reading = Reading::Found;
                        *code = FoundCode::new(false);
                        code.push(bytes);
                    }
                }
                Token::Quote { key: true } if at_key => *key = KeyMatch::default(),
                Token::EndQuote { key: true } if at_key => {
                    key.end_units(wanted);
                    if key.holds(wanted) {
                        *reading = Reading::Value;
                    }
                }
                Token::Open(container) => {
                    let follows = depth == *on_path + 1
                        && container == Container::Object
                        && *on_path < path.keys().len()
                        && (*on_path == 0 || *reading == Reading::Value);
                    if follows {
                        *on_path += 1;
                    }
                    reading.skip_value();
                }
                Token::Close(_) => *on_path = (*on_path).min(depth),
                Token::Quote { key: false } if *reading == Reading::Value => {
                    reading.skip_value();
                    if *on_path == path.keys().len() {
                        *reading = Reading::Code;
                        *code = FoundCode::new(false);
                        *units = Units::default();
                    }
                }
                Token::Scalar {
                    number,
                    bytes,
                    ended,
                } => {
                    if *reading == Reading::Value {
                        reading.skip_value();
                        if number && *on_path == path.keys().len() {
                            *reading = Reading::Code;
                            *code = FoundCode::new(true);
                        }
                    }
                    if *reading == Reading::Code {
                        code.push(bytes);
                        if ended {
                            *reading = code.end(ended_early);
                        }
                    }
                }
                Token::Chars(chars) if *reading == Reading::Code => {
                    units.end(|c| code.push_char(c));
                    code.push(chars);
                }
                Token::Escape(unit) if *reading == Reading::Code => {
                    units.push(unit, |c| code.push_char(c));
                }
                // Characters of a value here are compared too, to no effect: a key begins anew.
                Token::Chars(chars) if at_key => {
                    key.end_units(wanted);
                    key.bytes(wanted, chars);
                }
                Token::Escape(unit) if at_key => key.unit(wanted, unit),
                Token::EndQuote { key: false } | Token::EndScalar if *reading == Reading::Code => {
                    units.end(|c| code.push_char(c));
                    *reading = code.end(ended_early);
                }
                Token::Invalid => *invalid = true,
                Token::TooDeep => *ended_early = true,
                _ => {}
            }
        }
    }

    /// Nothing that comes will change what was found.
    pub(crate) fn is_done(&self) -> bool {
        self.left == 0 && self.ended_early
    }

    /// The code, or why there is none. `whole` says that every byte of the response was pushed.
    pub(crate) fn finish(self, whole: bool) -> Result<FoundCode, CodeState> {
        let seen_whole = whole && !self.ended_early;
        if self.invalid || (seen_whole && !self.lexer.is_complete()) {
            return Err(CodeState::Malformed);
        }
        match self.reading {
            Reading::Found => Ok(self.code),
            _ if seen_whole => Err(CodeState::Absent),
            _ => Err(CodeState::Cut),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::formats::json::code::{Code, MAX_CODE_LEN};

    /// `Ok` with the code's text, prefixed with `"` where it is a string.
    fn find_in(
        field: &str,
        limit: usize,
        pieces: &[&[u8]],
        whole: bool,
    ) -> Result<String, CodeState> {
        let path = CodePath::new(field);
        let mut finder = CodeFinder::new(limit, Charset::Utf8, Lease::unlimited());
        for piece in pieces {
            finder.push(&path, piece);
        }
        finder.finish(whole).map(|mut code| {
            code.clean();
            match code.as_code() {
                Code::Number(digits) => digits.to_owned(),
                Code::Text(text) => format!("\"{text}"),
            }
        })
    }

    fn find(text: &str) -> Result<String, CodeState> {
        find_in("code", 4096, &[text.as_bytes()], true)
    }

    #[test]
    fn only_the_key_at_its_own_depth_counts() {
        for (text, expected) in [
            (r#"{"code":0}"#, Ok("0")),
            (r#" { "msg" : "x" , "code" : -12.50e+1 } "#, Ok("-12.50e+1")),
            (r#"{"code":"E42"}"#, Ok("\"E42")),
            (r#"{"code":"404"}"#, Ok("\"404")),
            (r#"{"\u0063\u006fde":7}"#, Ok("7")),
            (r#"{"data":{"code":500},"code":1}"#, Ok("1")),
            (r#"{"code":1,"data":{"code":500}}"#, Ok("1")),
            (r#"{"code":1,"data":[{"code":500}]}"#, Ok("1")),
            (r#"{"code":1,"msg":"\"code\":500"}"#, Ok("1")),
            (r#"{"msg":"code","x":2}"#, Err(CodeState::Absent)),
            (
                r#"{"codes":1,"cod":2,"Code":3,"":4}"#,
                Err(CodeState::Absent),
            ),
            (r#"{"data":{"code":500}}"#, Err(CodeState::Absent)),
            (r#"[{"code":500}]"#, Err(CodeState::Absent)),
            (r#"[[{"code":500}]]"#, Err(CodeState::Absent)),
            (r#"{"code":null}"#, Err(CodeState::Absent)),
            (r#"{"code":{"code":5}}"#, Err(CodeState::Absent)),
            (r#"{"code":[5]}"#, Err(CodeState::Absent)),
            (r#"{"code":true,"a":5}"#, Err(CodeState::Absent)),
            (r#"{"code":1,"code":2}"#, Ok("2")),
            (r#"{"code":1,"code":null}"#, Err(CodeState::Absent)),
            (r#""code""#, Err(CodeState::Absent)),
            ("5", Err(CodeState::Absent)),
            ("", Err(CodeState::Malformed)),
            ("code", Err(CodeState::Malformed)),
            (r#"{"code":5"#, Err(CodeState::Malformed)),
            (r#"{"code":5}}"#, Err(CodeState::Malformed)),
            (r#"{"code":5}{"code":6}"#, Err(CodeState::Malformed)),
            (r#"{'code':5}"#, Err(CodeState::Malformed)),
        ] {
            assert_eq!(find(text), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_pointer_leads_through_objects() {
        for (field, text, expected) in [
            (
                "/error/code",
                r#"{"code":1,"error":{"x":[{}],"code":2}}"#,
                Ok("2"),
            ),
            (
                "/error/code",
                r#"{"error":{"code":2},"error":{}}"#,
                Err(CodeState::Absent),
            ),
            (
                "/error/code",
                r#"{"error":{"code":2},"error":3}"#,
                Err(CodeState::Absent),
            ),
            (
                "/error/code",
                r#"{"error":{"e":{"code":2}}}"#,
                Err(CodeState::Absent),
            ),
            (
                "/error/code",
                r#"{"error":[{"code":2}]}"#,
                Err(CodeState::Absent),
            ),
            (
                "/error/code",
                r#"{"x":{"code":2},"error":{"code":3},"y":{"code":4}}"#,
                Ok("3"),
            ),
            ("/a~1b/m~0n", r#"{"a/b":{"m~n":5}}"#, Ok("5")),
            ("/code", r#"{"code":6}"#, Ok("6")),
            ("", r#"{"":7}"#, Ok("7")),
            ("é", r#"{"\u00e9":8}"#, Ok("8")),
            ("😀", r#"{"\ud83d\ude00":9}"#, Ok("9")),
        ] {
            let found = find_in(field, 4096, &[text.as_bytes()], true);
            assert_eq!(found, expected.map(str::to_owned), "{field} in {text}");
        }
    }

    #[test]
    fn a_code_that_touches_the_cut_is_no_shorter_code() {
        let text = r#"{"code":1234,"m":"x"}"#;
        for limit in 0..text.len() {
            let found = find_in("code", limit, &[text.as_bytes()], true);
            let expected = match limit {
                0..=12 => Err(CodeState::Cut),
                _ => Ok("1234".to_owned()),
            };
            assert_eq!(found, expected, "limit {limit}");
        }
        let text = r#"{"code":"1234"}"#;
        for limit in 0..text.len() - 1 {
            assert_eq!(
                find_in("code", limit, &[text.as_bytes()], true),
                Err(CodeState::Cut)
            );
        }
        // The last of two is not known, and the first is not the code.
        assert_eq!(
            find_in("code", 17, &[br#"{"code":1,"code":2345}"#], true),
            Err(CodeState::Cut)
        );
    }

    #[test]
    fn a_response_that_was_not_seen_whole_is_cut_and_not_malformed() {
        assert_eq!(
            find_in("code", 4096, &[b"{\"a\":1"], false),
            Err(CodeState::Cut)
        );
        assert_eq!(find_in("code", 4096, &[b"{}"], false), Err(CodeState::Cut));
        assert_eq!(
            find_in("code", 5, &[b"[1,2,3,4]"], true),
            Err(CodeState::Cut)
        );
        assert_eq!(find_in("code", 0, &[b"{}"], true), Err(CodeState::Cut));
        assert_eq!(
            find_in("code", 4, &[b"<html>"], true),
            Err(CodeState::Malformed)
        );
    }

    #[test]
    fn what_is_not_utf_8_is_not_json() {
        let bad = b"{\"a\":\"\xff\",\"code\":500}";
        assert_eq!(
            find_in("code", 4096, &[bad], true),
            Err(CodeState::Malformed)
        );
        // A character that is cut by the limit is no fault.
        let text = "{\"code\":7,\"a\":\"é\"}".as_bytes();
        for limit in 10..text.len() {
            assert_eq!(
                find_in("code", limit, &[text], true),
                Ok("7".to_owned()),
                "{limit}"
            );
        }
        let mut latin1 = CodeFinder::new(4096, Charset::Latin1, Lease::unlimited());
        latin1.push(&CodePath::new("code"), bad);
        assert!(latin1.finish(true).is_ok());
    }

    #[test]
    fn long_codes_are_bounded() {
        let digits = "9".repeat(MAX_CODE_LEN + 1);
        assert_eq!(
            find(&format!(r#"{{"code":{digits}}}"#)),
            Err(CodeState::Cut)
        );
        let fits = &digits[1..];
        assert_eq!(find(&format!(r#"{{"code":{fits}}}"#)), Ok(fits.to_owned()));
        let text = "é".repeat(MAX_CODE_LEN);
        let expected = format!("\"{}", "é".repeat(MAX_CODE_LEN / 2));
        assert_eq!(find(&format!(r#"{{"code":"{text}"}}"#)), Ok(expected));
    }

    #[test]
    fn text_codes_are_unescaped_and_clean() {
        assert_eq!(
            find(r#"{"code":"a\n\u0000\u202eb\ud83d\ude00\ud83d"}"#).unwrap(),
            "\"a   b😀\u{fffd}"
        );
    }

    fn documents() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("1".to_owned()),
            Just("-2.5e3".to_owned()),
            Just("null".to_owned()),
            Just("\"code\"".to_owned()),
            Just("\"\\\"code\\\":9\"".to_owned()),
            Just("\"x\\ud83d\\ude00\"".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![
                Just("\"code\""),
                Just("\"c\\u006fde\""),
                Just("\"other\""),
                Just("\"codes\"")
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec((key, inner), 0..4).prop_map(|entries| {
                    let entries: Vec<_> = entries.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                    format!("{{{}}}", entries.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whole_documents_give_what_serde_json_finds(text in documents()) {
            let expected = match serde_json::from_str::<Value>(&text).unwrap().get("code") {
                Some(Value::Number(number)) => Ok(number.to_string()),
                Some(Value::String(text)) => Ok(format!("\"{text}")),
                _ => Err(CodeState::Absent),
            };
            let found = find(&text).map(|found| match found.as_str() {
                "-2.5e3" => "-2500.0".to_owned(),
                _ => found,
            });
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_code_does_not_depend_on_chunks(
            text in documents(), cuts in prop::collection::vec(0_usize..300, 0..6), limit in 0_usize..300)
        {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(
                find_in("code", limit, &pieces, true),
                find_in("code", limit, &[bytes], true)
            );
        }
    }
}
