//! A JSON tokenizer that can be fed piece by piece and stopped anywhere.

use crate::{
    capture::budget::Lease,
    formats::json::{
        nesting::{Container, Nesting},
        number::Number,
        unescape::single,
    },
    util::bytes,
};

/// What the next bytes are. Slices are of the piece that was fed, never longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Open(Container),
    Close(Container),
    Colon,
    Comma,
    /// A whole string that needs no unescaping.
    Text {
        key: bool,
        bytes: &'a [u8],
    },
    /// The opening quote of a key or a string value that is escaped, or not whole in this piece.
    Quote {
        key: bool,
    },
    /// Characters of a string that need no unescaping; at least one byte.
    Chars(&'a [u8]),
    /// One escape, complete, as a UTF-16 code unit.
    Escape(u16),
    /// The closing quote.
    EndQuote {
        key: bool,
    },
    /// Bytes of a number or a literal; unless they are its end, more may follow.
    Scalar {
        number: bool,
        bytes: &'a [u8],
        ended: bool,
    },
    /// The number or literal that was in the last piece is over.
    EndScalar,
    /// The bytes so far begin no JSON text. Nothing is read after it.
    Invalid,
    /// The document is deeper than the memory budget allows. Nothing is read after it.
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    FirstItem,
    FirstKey,
    NextKey,
    Colon,
    AfterValue,
    Quoted {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Hex {
        key: bool,
        left: u8,
        unit: u16,
    },
    Number(Number),
    /// What is left of `true`, `false` or `null`.
    Literal(Rest),
    Done,
    Stopped,
}

/// What follows the first `from` bytes of a literal. Small, because
/// the state is read and written with each token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    True { from: u8 },
    False { from: u8 },
    Null { from: u8 },
}

impl Rest {
    fn bytes(self) -> &'static [u8] {
        match self {
            Rest::True { from } => &b"true"[from.into()..],
            Rest::False { from } => &b"false"[from.into()..],
            Rest::Null { from } => &b"null"[from.into()..],
        }
    }

    fn after(self, more: usize) -> Self {
        let more = more as u8;
        match self {
            Rest::True { from } => Rest::True { from: from + more },
            Rest::False { from } => Rest::False { from: from + more },
            Rest::Null { from } => Rest::Null { from: from + more },
        }
    }
}

/// The state between two pieces of one document.
#[derive(Debug)]
pub(crate) struct Lexer {
    state: State,
    nesting: Nesting,
}

impl Lexer {
    pub(crate) fn new(lease: Lease) -> Self {
        Self {
            state: State::Value,
            nesting: Nesting::new(lease),
        }
    }

    /// Containers that are open.
    pub(crate) fn depth(&self) -> usize {
        self.nesting.depth()
    }

    /// The bytes so far are one whole JSON text.
    pub(crate) fn is_complete(&self) -> bool {
        match self.state {
            State::Done => true,
            State::Number(number) => self.depth() == 0 && number.may_end(),
            _ => false,
        }
    }

    pub(crate) fn feed<'l, 'a>(&'l mut self, input: &'a [u8]) -> Tokens<'l, 'a> {
        Tokens {
            lexer: self,
            input,
            at: 0,
        }
    }

    fn value_ended(&mut self) {
        self.state = if self.depth() == 0 {
            State::Done
        } else {
            State::AfterValue
        };
    }

    fn invalid<'a>(&mut self) -> Token<'a> {
        self.state = State::Stopped;
        Token::Invalid
    }

    fn open<'a>(&mut self, container: Container) -> Token<'a> {
        if !self.nesting.push(container) {
            self.nesting.count_refusal();
            self.state = State::Stopped;
            return Token::TooDeep;
        }
        self.state = match container {
            Container::Object => State::FirstKey,
            Container::Array => State::FirstItem,
        };
        Token::Open(container)
    }

    fn close<'a>(&mut self, container: Container) -> Token<'a> {
        if self.nesting.top() != Some(container) {
            return self.invalid();
        }
        self.nesting.pop();
        self.value_ended();
        Token::Close(container)
    }

    /// Reads the first byte of a token outside strings, numbers and literals; `None` for one that
    /// belongs to what it begins.
    #[inline(always)]
    fn punctuation<'a>(&mut self, byte: u8) -> Option<Token<'a>> {
        Some(match (self.state, byte) {
            (State::FirstItem, b']') | (State::AfterValue, b']') => self.close(Container::Array),
            (State::FirstKey, b'}') | (State::AfterValue, b'}') => self.close(Container::Object),
            (State::FirstKey | State::NextKey, b'"') => {
                self.state = State::Quoted { key: true };
                return None;
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Token::Colon
            }
            (State::AfterValue, b',') => {
                self.state = match self.nesting.top() {
                    Some(Container::Object) => State::NextKey,
                    _ => State::Value,
                };
                Token::Comma
            }
            (State::Value | State::FirstItem, _) => {
                self.state = match byte {
                    b'"' => State::Quoted { key: false },
                    b'{' => return Some(self.open(Container::Object)),
                    b'[' => return Some(self.open(Container::Array)),
                    b'-' => State::Number(Number::Minus),
                    b'0' => State::Number(Number::Zero),
                    b'1'..=b'9' => State::Number(Number::Int),
                    b't' => State::Literal(Rest::True { from: 1 }),
                    b'f' => State::Literal(Rest::False { from: 1 }),
                    b'n' => State::Literal(Rest::Null { from: 1 }),
                    _ => return Some(self.invalid()),
                };
                return None;
            }
            _ => self.invalid(),
        })
    }

    /// A string ends.
    fn string_ended(&mut self, key: bool) {
        if key {
            self.state = State::Colon;
        } else {
            self.value_ended();
        }
    }
}

/// The tokens of one piece.
pub(crate) struct Tokens<'l, 'a> {
    lexer: &'l mut Lexer,
    input: &'a [u8],
    at: usize,
}

impl Tokens<'_, '_> {
    pub(crate) fn depth(&self) -> usize {
        self.lexer.depth()
    }
}

impl<'a> Tokens<'_, 'a> {
    /// A string begins: most are whole and have no escapes.
    #[inline(always)]
    fn string(&mut self, key: bool) -> Token<'a> {
        let rest = &self.input[self.at..];
        let run = bytes::plain_json(rest);
        if rest.get(run) != Some(&b'"') {
            return Token::Quote { key };
        }
        self.at += run + 1;
        self.lexer.string_ended(key);
        Token::Text {
            key,
            bytes: &rest[..run],
        }
    }

    fn quoted(&mut self, key: bool) -> Option<Token<'a>> {
        let rest = &self.input[self.at..];
        let run = bytes::plain_json(rest);
        if run > 0 {
            self.at += run;
            return Some(Token::Chars(&rest[..run]));
        }
        let byte = *rest.first()?;
        self.at += 1;
        match byte {
            b'"' => {
                self.lexer.string_ended(key);
                Some(Token::EndQuote { key })
            }
            b'\\' => {
                self.lexer.state = State::Escape { key };
                self.escape(key)
            }
            _ => Some(self.lexer.invalid()),
        }
    }

    fn escape(&mut self, key: bool) -> Option<Token<'a>> {
        let byte = *self.input.get(self.at)?;
        self.at += 1;
        if byte == b'u' {
            self.lexer.state = State::Hex {
                key,
                left: 4,
                unit: 0,
            };
            return self.hex(key, 4, 0);
        }
        let Some(unit) = single(byte) else {
            return Some(self.lexer.invalid());
        };
        self.lexer.state = State::Quoted { key };
        Some(Token::Escape(unit.into()))
    }

    fn hex(&mut self, key: bool, mut left: u8, mut unit: u16) -> Option<Token<'a>> {
        while left > 0 {
            let Some(&byte) = self.input.get(self.at) else {
                self.lexer.state = State::Hex { key, left, unit };
                return None;
            };
            self.at += 1;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Some(self.lexer.invalid());
            };
            unit = unit << 4 | digit as u16;
            left -= 1;
        }
        self.lexer.state = State::Quoted { key };
        Some(Token::Escape(unit))
    }

    fn number(&mut self, start: usize, mut number: Number) -> Option<Token<'a>> {
        let mut ended = false;
        while let Some(&byte) = self.input.get(self.at) {
            match number.step(byte) {
                Some(next) => number = next,
                None if number.may_end() => {
                    ended = true;
                    break;
                }
                None if self.at > start => break,
                None => return Some(self.lexer.invalid()),
            }
            self.at += 1;
        }
        if ended {
            self.lexer.value_ended();
        } else {
            self.lexer.state = State::Number(number);
        }
        self.scalar(true, start, ended)
    }

    fn literal(&mut self, start: usize, rest: Rest) -> Option<Token<'a>> {
        let expected = rest.bytes();
        let input = &self.input[self.at..];
        let seen = input.len().min(expected.len());
        if input[..seen] != expected[..seen] {
            return Some(self.lexer.invalid());
        }
        self.at += seen;
        let rest = rest.after(seen);
        let ended = seen == expected.len();
        if ended {
            self.lexer.value_ended();
        } else {
            self.lexer.state = State::Literal(rest);
        }
        self.scalar(false, start, ended)
    }

    fn scalar(&self, number: bool, start: usize, ended: bool) -> Option<Token<'a>> {
        let bytes = &self.input[start..self.at];
        match (bytes, ended) {
            ([], false) => None,
            ([], true) => Some(Token::EndScalar),
            _ => Some(Token::Scalar {
                number,
                bytes,
                ended,
            }),
        }
    }

    /// A token outside strings, numbers and literals, or the beginning of one of those.
    #[inline(always)]
    fn between(&mut self) -> Option<Token<'a>> {
        while matches!(self.input.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let start = self.at;
        let byte = *self.input.get(start)?;
        self.at += 1;
        if let Some(token) = self.lexer.punctuation(byte) {
            return Some(token);
        }
        match self.lexer.state {
            State::Quoted { key } => Some(self.string(key)),
            State::Literal(rest) => self.literal(start, rest),
            State::Number(number) => self.number(start, number),
            // `punctuation` answers `None` for those three only.
            _ => Some(self.lexer.invalid()),
        }
    }
}

impl<'a> Iterator for Tokens<'_, 'a> {
    type Item = Token<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Token<'a>> {
        match self.lexer.state {
            State::Quoted { key } => self.quoted(key),
            State::Escape { key } => self.escape(key),
            State::Hex { key, left, unit } => self.hex(key, left, unit),
            State::Number(number) => self.number(self.at, number),
            State::Literal(rest) => self.literal(self.at, rest),
            State::Stopped => None,
            _ => self.between(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    /// Feeds `pieces`; true if they are one whole text, false if not, and whether the text broke.
    fn read(pieces: &[&[u8]]) -> (bool, bool) {
        let mut lexer = Lexer::new(Lease::unlimited());
        let mut broke = false;
        for piece in pieces {
            broke |= lexer.feed(piece).any(|token| token == Token::Invalid);
        }
        (lexer.is_complete(), broke)
    }

    fn agrees_with_serde_json(text: &[u8]) {
        let reference = serde_json::from_slice::<IgnoredAny>(text);
        let (complete, broke) = read(&[text]);
        assert_eq!(complete, reference.is_ok(), "{}", text.escape_ascii());
        if let Err(error) = reference {
            // It calls a number that is cut invalid: another digit tells.
            let longer = [text, b"0"].concat();
            let in_number = match serde_json::from_slice::<IgnoredAny>(&longer) {
                Ok(_) => true,
                Err(longer) => longer.is_eof(),
            };
            let cut = error.is_eof() || in_number;
            assert_eq!(broke, !cut, "{}: {error}", text.escape_ascii());
        }
    }

    #[test]
    fn texts_at_the_edges_of_the_grammar_are_judged_as_serde_json_judges_them() {
        for text in [
            r#"{}"#,
            r#"[]"#,
            r#" {"a" : [1 , -0.5e+7, "\u00e9\\\"", null,true,false]} "#,
            r#"0"#,
            r#"-0"#,
            r#"01"#,
            r#"-"#,
            r#"+1"#,
            r#"1."#,
            r#".5"#,
            r#"1e"#,
            r#"1e+"#,
            r#"1e5"#,
            r#"0x10"#,
            r#"1_000"#,
            r#"NaN"#,
            r#"Infinity"#,
            r#"nul"#,
            r#"nulll"#,
            r#"truefalse"#,
            r#"tru e"#,
            r#""""#,
            r#"""#,
            r#""\"#,
            r#""\x""#,
            r#""\u12"#,
            r#""\u12g4""#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{,}"#,
            r#"{1:2}"#,
            r#"{'a':1}"#,
            r#"{a:1}"#,
            r#"[1,]"#,
            r#"[,1]"#,
            r#"[1 2]"#,
            r#"[}"#,
            r#"{]"#,
            r#"]"#,
            r#"}"#,
            r#"[1]]"#,
            r#"{}{}"#,
            r#"{} {}"#,
            r#"1 2"#,
            r#"/**/1"#,
            r#"[1]//"#,
            "",
            " ",
            "\u{feff}{}",
            "\"a\nb\"",
            "\"a\tb\"",
            "\"\0\"",
            "\0",
            "{\"a\":\"\u{7f}\u{2028}\"}",
            r#"{"a":"\ud800"}"#,
            "\x0c1",
            "<html></html>",
            "[1]\0",
        ] {
            agrees_with_serde_json(text.as_bytes());
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 1_000_000;
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(read(&[text.as_bytes()]), (true, false));
        assert_eq!(read(&[&text.as_bytes()[..depth + 7]]), (false, false));
        let crossed = "[".repeat(depth) + "}";
        assert_eq!(read(&[crossed.as_bytes()]), (false, true));
    }

    #[test]
    fn a_document_too_deep_for_the_budget_stops_the_reading_and_is_not_called_invalid() {
        let budget = std::sync::Arc::new(crate::capture::budget::Budget::new(0));
        let mut lexer = Lexer::new(Lease::new(budget));
        let text = "[".repeat(200);
        assert_eq!(lexer.feed(text.as_bytes()).last(), Some(Token::TooDeep));
        assert_eq!(lexer.feed(b"]").next(), None);
        assert!(!lexer.is_complete());
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_judged_as_serde_json_judges_it(
            text in r#"([\[\]{}:, "\\u0-9eE.+tfn-]|true|false|null|"a"|\\u00e9|"b":|1)*"#)
        {
            agrees_with_serde_json(text.as_bytes());
        }

        #[test]
        fn tokens_do_not_depend_on_where_the_text_is_split(
            text in r#"([\[\]{}:, "\\u0-9eE.+-]|true|null|"a\\n"|"b":|12)*"#, at in 0_usize..200)
        {
            let text = text.as_bytes();
            let (left, right) = text.split_at(at.min(text.len()));
            prop_assert_eq!(read(&[text]), read(&[left, right]));
        }
    }
}
