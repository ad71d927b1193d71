//! The examples in the section "What is redacted" of the README.

use actix_bodylog::{BodyLog, record::OmitReason};
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// Returns the rows of the table: type, body, recorded text.
fn examples() -> Vec<[&'static str; 3]> {
    let readme = include_str!("../README.md");
    let table = readme
        .lines()
        .skip_while(|line| !line.starts_with("| `Content-Type` | body |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = table.map(|row| {
        let cells: Vec<_> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        [cells[1], cells[2], cells[3]]
    });
    cells.collect()
}

fn recorded(content_type: &'static str, body: &str) -> (Option<String>, Option<OmitReason>) {
    let content_type = HeaderValue::from_static(content_type);
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
    let preview = BodyLog::new().preview(&headers, body.as_bytes());
    (preview.content, preview.omitted)
}

#[test]
fn examples_of_the_readme_are_recorded_as_it_says() {
    let examples = examples();
    assert!(examples.len() >= 18, "{}", examples.len());
    for [content_type, body, expected] in examples {
        let shown = recorded(content_type, body);
        assert_eq!(shown, (Some(expected.to_owned()), None), "{body}");
        // What is recorded has no secret.
        assert_eq!(recorded(content_type, expected), shown, "{body}");
    }
}
