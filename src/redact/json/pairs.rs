//! Pairs: a value that another value of the same object names, as in `{"name":"password","value":"x"}`.

use smallvec::SmallVec;

use super::scopes::{Late, string_len};
use crate::{
    formats::json::unescape::unescape,
    redact::{key_cache::Redactor, listed::NameClass},
};

/// The pairs of the open objects.
///
/// A name is judged only if its object has a value that it may name, because many objects have a `name`.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The open objects that have a name or a value, from the outside in.
    objects: SmallVec<[Object; 4]>,
    /// The values that may turn out to be secrets after they were copied.
    late: Vec<Late>,
}

#[derive(Debug)]
struct Object {
    depth: usize,
    /// The places of the names that were not judged yet.
    names: SmallVec<[usize; 2]>,
    /// The class of the names that hides the most. `Plain` if no name is sensitive.
    class: NameClass,
    /// The places of the values that were copied, and the class that each was judged by.
    values: SmallVec<[Late; 2]>,
}

impl Pairs {
    /// Takes the place of a name, inside of `depth` containers.
    pub(super) fn name(&mut self, at: usize, depth: usize, input: &str, redactor: &Redactor<'_>) {
        let object = self.object(depth);
        object.names.push(at);
        if !object.values.is_empty() {
            object.judge(input, redactor);
        }
    }

    /// Returns the class of the names of the object at `depth`, for a value that they may describe.
    pub(super) fn class(
        &mut self,
        depth: usize,
        input: &str,
        redactor: &Redactor<'_>,
    ) -> NameClass {
        let object = self.object(depth);
        object.judge(input, redactor);
        object.class
    }

    /// Takes the place of a value that is copied, although its object may have a sensitive name later.
    pub(super) fn copied_value(&mut self, at: usize, depth: usize) {
        let object = self.object(depth);
        let class = object.class;
        object.values.push(Late { at, class });
    }

    /// Takes the end of a container, which leaves `depth` containers open.
    // Out of line, because few bodies have pairs.
    #[inline(never)]
    pub(super) fn close(&mut self, depth: usize) {
        while let Some(object) = self.objects.last()
            && object.depth > depth
        {
            let class = object.class;
            // Most objects have a name and no value.
            if !object.values.is_empty() {
                let values = object.values.iter().filter(|value| value.class != class);
                let values = values.map(|&Late { at, .. }| Late { at, class });
                self.late.extend(values);
            }
            self.objects.pop();
        }
    }

    /// Returns the object at `depth`, which is the innermost that is open.
    fn object(&mut self, depth: usize) -> &mut Object {
        if self
            .objects
            .last()
            .is_none_or(|object| object.depth != depth)
        {
            self.objects.push(Object {
                depth,
                names: SmallVec::new(),
                class: NameClass::Plain,
                values: SmallVec::new(),
            });
        }
        let last = self.objects.len() - 1;
        &mut self.objects[last]
    }

    /// Returns the late values, in order. In an object that was truncated, any name may follow each value.
    pub(super) fn finish(mut self) -> Vec<Late> {
        let class = NameClass::SecretOfUser;
        let values = self.objects.into_iter().flat_map(|object| object.values);
        self.late
            .extend(values.map(|Late { at, .. }| Late { at, class }));
        self.late.sort_unstable_by_key(|late| late.at);
        self.late
    }
}

impl Object {
    /// Judges the names that were not judged yet.
    fn judge(&mut self, input: &str, redactor: &Redactor<'_>) {
        for at in self.names.drain(..) {
            self.class = stronger(self.class, named_class(&input[at..], redactor));
        }
    }
}

/// Returns the class that hides more values.
fn stronger(first: NameClass, second: NameClass) -> NameClass {
    let strength = |class| match class {
        NameClass::SecretOfUser => 3,
        NameClass::Secret => 2,
        NameClass::Tokens => 1,
        _ => 0,
    };
    match strength(first) >= strength(second) {
        true => first,
        false => second,
    }
}

/// Returns the class of the string that `text` begins with, or the strongest class of the strings in the array that
/// `text` begins with. Returns `Plain` if no string is a sensitive name.
///
/// Other scalars of the array, such as the index in `["users",0,"password"]`, are skipped. A container in the array
/// ends the search. A name that was truncated may be any name.
fn named_class(text: &str, redactor: &Redactor<'_>) -> NameClass {
    let truncated = NameClass::SecretOfUser;
    let is_array = text.starts_with('[');
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    let mut strongest = NameClass::Plain;
    loop {
        rest = rest.trim_ascii_start();
        let after = match rest.as_bytes().first() {
            None => return truncated,
            Some(b'"') => {
                let Some(len) = string_len(&rest[1..]) else {
                    return truncated;
                };
                let (name, after) = (unescape(&rest[1..=len]), &rest[len + 2..]);
                let class = match redactor.class_of(&name) {
                    NameClass::InQuery => NameClass::Secret,
                    class if class.is_secret() => class,
                    _ => NameClass::Plain,
                };
                strongest = stronger(strongest, class);
                after
            }
            Some(b'{' | b'[' | b'}' | b']') => return strongest,
            // A number or a literal.
            Some(_) => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
                &rest[end.unwrap_or(rest.len())..]
            }
        };
        let after = after.trim_ascii_start();
        match after.strip_prefix(',') {
            Some(next) if is_array => rest = next,
            _ if is_array && after.is_empty() => return truncated,
            _ => return strongest,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        formats::json::tokens::Ending,
        redact::{
            json::redact_json,
            key_cache::{KeyCache, Redactor},
            names::Names,
        },
    };

    fn redacted(text: &str) -> (String, Ending) {
        let (names, keys) = (Names::default(), KeyCache::new());
        let mut out = String::new();
        let ending = redact_json(&mut out, text, Redactor::new(&names, &keys));
        (out, ending)
    }

    /// Objects with `§` for the secret.
    const PAIRS: [&str; 26] = [
        r#"[{"name":"DB_PASSWORD","value":"§"},{"name":"SHELL","value":"zsh"}]"#,
        r#"[{"value":"§","name":"DB_PASSWORD"},{"value":"zsh","name":"SHELL"}]"#,
        r#"{"op":"replace","path":"/users/password","value":"§"}"#,
        r#"{"op":"replace","path":"password","value":{"a":["§"]},"n":1}"#,
        r#"{"loc":["body","password"],"msg":"too short","input":"§"}"#,
        r#"{"msg":"x","input":"§","loc":["body","password"]}"#,
        r#"{"detail":[{"loc":["body",0,"password"],"msg":"m","input":"§"}]}"#,
        r#"{"input":"§","loc":["body",0,"password"]}"#,
        r#"{"input":"§","loc":[-1.5e+3,null,true,false,"password",7]}"#,
        r#"{"loc":["a" , null , "password"],"input":"§"}"#,
        r#"{"path":["users",0,"password"],"value":"§"}"#,
        r#"{"value":"§","path":[ 12 ,"\u0070in",["a"]]}"#,
        r#"{"field":"user.pin","rejectedValue":"§","message":"x"}"#,
        r#"{"value":"§","values":["§"],"key":"token","n":{"value":1,"name":"a"}}"#,
        r#"{"key":"api_key","value":{"stringValue":"§"}}"#,
        r#"{"a":{"b":[{"value":"§","c":{"name":"d"},"name":"pin"}]}}"#,
        r#"{"n\u0061me":"p\u0069n","v\u0061lue":"§"}"#,
        r#"{"name":"sig","value":"§"}"#,
        r#"{"name":["x"],"value":"§","name":"pin"}"#,
        r#"{"name":"max_tokens","value":"§"}"#,
        r#"{"value":"§","name":"max_tokens"}"#,
        r#"{"name":"tokens","value":[1,{"a":"§","b":[2]}]}"#,
        r#"{"value":[1,{"a":"§","b":[2]}],"name":"tokens"}"#,
        r#"{"name":"max_tokens","value":"§","key":"pin","val":"§"}"#,
        r#"{"value":"§","name":"max_tokens","n":1,"key":"pin"}"#,
        r#"{"parameter":"otp","attemptedValue":"§","oldValue":"§","new_value":"§"}"#,
    ];

    #[test]
    fn value_that_is_named_by_a_text_is_hidden() {
        for pair in PAIRS {
            let (shown, ending) = redacted(&pair.replace('§', "hunter2"));
            assert_eq!(ending, Ending::Complete, "{pair}");
            assert!(
                !shown.contains("hunter2") && shown.contains("[REDACTED]"),
                "{shown}"
            );
            let kept = pair.matches("zsh").count() + pair.matches("SHELL").count();
            assert_eq!(
                shown.matches("zsh").count() + shown.matches("SHELL").count(),
                kept
            );
            assert_eq!(redacted(&shown).0, shown);
        }
        for text in [
            r#"{"name":"Ann","value":"x"}"#,
            r#"{"name":"pin","other":"x"}"#,
            r#"{"name":"pin"}"#,
            r#"[{"name":"pin"},{"value":"x","name":"a"}]"#,
            r#"{"name":"pin","a":{"value":"x","name":"b"}}"#,
            r#"{"loc":["body",0,"name"],"input":"x"}"#,
            r#"{"input":"x","loc":[0,null,true,1.5]}"#,
            r#"{"loc":[0,{"a":"pin"},"pin"],"input":"x"}"#,
            r#"{"name":7,"value":"x"}"#,
            r#"{"name":"password","value":true}"#,
            r#"{"value":false,"name":"password"}"#,
            r#"{"value":null,"name":"password"}"#,
            r#"{"field":"password","op":"exists","value":true}"#,
            r#"{"name":"max_tokens","value":5}"#,
            r#"{"value":5,"name":"max_tokens"}"#,
            r#"{"name":"tokens","values":[1,2]}"#,
            r#"{"values":[1,{"a":2}],"name":"tokens"}"#,
            r#"{"op":"replace","path":"/max_tokens","value":5}"#,
        ] {
            assert_eq!(redacted(text).0, text);
        }
    }

    #[test]
    fn strongest_name_of_an_object_decides() {
        let hidden = "[REDACTED]";
        for (text, expected) in [
            (r#"{"name":"max_tokens","value":5,"key":"pin"}"#, hidden),
            (r#"{"value":5,"name":"max_tokens","key":"pin"}"#, hidden),
            (r#"{"value":5,"name":"max_tokens","key":"a"}"#, "5"),
            (r#"{"path":["pin","max_tokens"],"value":5}"#, hidden),
            (r#"{"name":"pin","key":"iban","value":true}"#, hidden),
            (r#"{"value":true,"name":"iban"}"#, hidden),
            (r#"{"value":true,"name":"pin"}"#, "true"),
        ] {
            let (mut names, keys) = (Names::default(), KeyCache::new());
            names.redact("iban");
            let mut out = String::new();
            redact_json(&mut out, text, Redactor::new(&names, &keys));
            let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
            let shown = shown["value"].to_string();
            assert_eq!(shown.trim_matches('"'), expected, "{text}");
        }
    }

    #[test]
    fn truncated_pair_shows_no_part_of_its_value() {
        for pair in PAIRS {
            let text = pair.replace('§', "hunter2");
            for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
                let (shown, _) = redacted(&text[..end]);
                assert!(!shown.contains("hun"), "{} {shown}", &text[..end]);
            }
        }
    }
}
