//! Pairs: a value that another value of the same object names, as in `{"name":"password","value":"x"}`.

use smallvec::SmallVec;

use super::scopes::string_len;
use crate::{formats::json::unescape::unescape, redact::key_cache::Redactor};

/// The pairs of the open objects.
///
/// A name is judged only if its object has a value that it may name, because many objects have a `name`.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The open objects that have a name or a value, from the outside in.
    objects: SmallVec<[Object; 4]>,
    /// The places of values that turned out to be secrets after they had been copied.
    late: Vec<usize>,
}

#[derive(Debug)]
struct Object {
    depth: usize,
    /// The places of the names that were not judged yet.
    names: SmallVec<[usize; 2]>,
    /// Set if one of the names is sensitive.
    is_sensitive: bool,
    /// The places of the values that were copied.
    values: SmallVec<[usize; 2]>,
}

impl Pairs {
    /// Takes the place of a name, inside of `depth` containers.
    pub(super) fn name(&mut self, at: usize, depth: usize, input: &str, redactor: &Redactor<'_>) {
        let object = self.object(depth);
        object.names.push(at);
        if !object.values.is_empty() {
            self.judge(input, redactor);
        }
    }

    /// Takes the place of a value that a name may describe, and returns whether the value is a secret. If the name
    /// follows, the value is copied first.
    pub(super) fn value(
        &mut self,
        at: usize,
        depth: usize,
        input: &str,
        redactor: &Redactor<'_>,
    ) -> bool {
        self.object(depth);
        let is_sensitive = self.judge(input, redactor);
        if !is_sensitive {
            self.object(depth).values.push(at);
        }
        is_sensitive
    }

    /// Judges the names of the innermost object, and returns whether one is sensitive.
    fn judge(&mut self, input: &str, redactor: &Redactor<'_>) -> bool {
        let Some(object) = self.objects.last_mut() else {
            return false;
        };
        for at in object.names.drain(..) {
            object.is_sensitive |= names_secret(&input[at..], redactor);
        }
        if object.is_sensitive {
            self.late.extend(object.values.drain(..));
        }
        object.is_sensitive
    }

    /// Takes the end of a container, which leaves `depth` containers open.
    // Out of line, because few bodies have pairs.
    #[inline(never)]
    pub(super) fn close(&mut self, depth: usize) {
        while self
            .objects
            .last()
            .is_some_and(|object| object.depth > depth)
        {
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
                is_sensitive: false,
                values: SmallVec::new(),
            });
        }
        let last = self.objects.len() - 1;
        &mut self.objects[last]
    }

    /// Returns the places of the late secrets, in order. In an object that was truncated, a name may follow each value.
    pub(super) fn finish(mut self) -> Vec<usize> {
        for object in self.objects {
            self.late.extend(object.values);
        }
        self.late.sort_unstable();
        self.late
    }
}

/// Returns whether `text` begins with a string that is a sensitive name, or with an array of strings, one of which is. A
/// name that was truncated may be sensitive.
fn names_secret(text: &str, redactor: &Redactor<'_>) -> bool {
    let is_array = text.starts_with('[');
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return true;
        }
        let Some(string) = rest.strip_prefix('"') else {
            return false;
        };
        let Some(len) = string_len(string) else {
            return true;
        };
        let (name, after) = (
            unescape(&string[..len]),
            string[len + 1..].trim_ascii_start(),
        );
        if redactor.class_of(&name).is_secret_in_pair() {
            return true;
        }
        match after.strip_prefix(',') {
            Some(next) if is_array => rest = next,
            _ => return is_array && after.is_empty(),
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
    const PAIRS: [&str; 14] = [
        r#"[{"name":"DB_PASSWORD","value":"§"},{"name":"SHELL","value":"zsh"}]"#,
        r#"[{"value":"§","name":"DB_PASSWORD"},{"value":"zsh","name":"SHELL"}]"#,
        r#"{"op":"replace","path":"/users/password","value":"§"}"#,
        r#"{"op":"replace","path":"password","value":{"a":["§"]},"n":1}"#,
        r#"{"loc":["body","password"],"msg":"too short","input":"§"}"#,
        r#"{"msg":"x","input":"§","loc":["body","password"]}"#,
        r#"{"field":"user.pin","rejectedValue":"§","message":"x"}"#,
        r#"{"value":"§","values":["§"],"key":"token","n":{"value":1,"name":"a"}}"#,
        r#"{"key":"api_key","value":{"stringValue":"§"}}"#,
        r#"{"a":{"b":[{"value":"§","c":{"name":"d"},"name":"pin"}]}}"#,
        r#"{"n\u0061me":"p\u0069n","v\u0061lue":"§"}"#,
        r#"{"name":"sig","value":"§"}"#,
        r#"{"name":["x"],"value":"§","name":"pin"}"#,
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
        ] {
            assert_eq!(redacted(text).0, text);
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
