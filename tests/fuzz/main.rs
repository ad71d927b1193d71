//! Runs the checks of the fuzz targets on their corpus and on random documents.

use std::{fs, path::Path};

use proptest::prelude::*;

mod checks;

type Check = fn(&[u8]);

const CHECKS: [(&str, Check); 6] = [
    ("json", checks::json),
    ("text", checks::text),
    ("form", checks::form),
    ("multipart", checks::multipart),
    ("coded", checks::coded),
    ("planted", checks::planted),
];

#[test]
fn every_file_of_the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (target, check) in CHECKS {
        let files = fs::read_dir(corpus.join(target)).unwrap();
        let mut replayed = 0;
        for file in files {
            let path = file.unwrap().path();
            // Shown if the check fails.
            println!("{}", path.display());
            check(&fs::read(path).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 10, "{target} has {replayed} files");
    }
}

/// Pieces of documents of every type.
const PIECES: [&str; 90] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\\"",
    "\\",
    ":",
    ",",
    " ",
    "\n",
    "\r\n",
    "\t",
    "null",
    "true",
    "1",
    "-0",
    "1e5",
    "\"code\":",
    "\"code\"",
    "\"password\":",
    "\"a\":",
    "\"x\"",
    "\\u0070",
    "\\ud83d",
    "\\ude00",
    "\u{feff}",
    "é",
    "\u{2028}",
    "\0",
    "=",
    "&",
    ";",
    "?",
    "#",
    "%",
    "%3D",
    "%25",
    "+",
    "password",
    "token",
    "pin",
    "a",
    "'",
    "`",
    "&quot;",
    "<",
    ">",
    "</",
    "/>",
    "<password>",
    "</password>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "//",
    "://",
    "@",
    ":80",
    "Bearer ",
    "Basic ",
    "eyJ",
    ".",
    "-",
    "|",
    "=>",
    "[REDACTED]",
    "--B",
    "--",
    "\r\n--B\r\n",
    "--B--",
    "Content-Disposition: form-data; ",
    "name=",
    "filename=",
    "filename*=UTF-8''",
    "Content-Type: ",
    "text/plain",
    "data: ",
    "\"name\":",
    "\"value\":",
    "\"pin\"",
    "\\/",
    "&#x2F;",
    "ghp_",
    "-----BEGIN PRIVATE KEY-----",
    "4111 1111 1111 1111",
    "ann",
    "abcdef",
    "\u{80}",
];

fn inputs() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24);
    let pieces = pieces.prop_map(|pieces| pieces.concat().into_bytes());
    let first = prop_oneof![Just(0_u8), any::<u8>()];
    (first, prop_oneof![4 => pieces, 1 => any::<Vec<u8>>()])
        .prop_map(|(first, rest)| [&[first][..], &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn random_documents_pass(input in inputs()) {
        for (_, check) in CHECKS {
            check(&input);
        }
    }
}
