//! The example `testing`, run as a server. Its own tests call the application without one.

#[path = "support/program.rs"]
mod program;
#[path = "demo/service.rs"]
mod service;

use std::process::Command;

use program::Program;
use serde_json::Value;

#[test]
fn served_application_records_what_its_tests_check() {
    let example = service::build("testing", !cfg!(debug_assertions));
    let program = Program::start(Command::new(&example));
    let user = r#"{"name":"ann","password":"long enough"}"#;
    assert_eq!(program.post_json("/acme/sign-up", user).0, 201);
    assert_eq!(program.get("/health").0, 200);
    assert_eq!(program.get("/health?fail=1").0, 503);
    let lines = program.stop().stdout;
    let records: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 2, "{lines}");
    assert_eq!(records[0]["tenant"], "acme");
    assert_eq!(records[1]["url.query"], "fail=1");
    assert!(!lines.contains("long enough"), "{lines}");

    let output = Command::new(&example).env("ADDR", "nonsense").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("ADDR is \"nonsense\""), "{stderr}");
}
