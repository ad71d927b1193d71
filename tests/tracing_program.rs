//! The example `tracing` from start to end.

#[path = "support/program.rs"]
mod program;
#[path = "demo/service.rs"]
mod service;

use std::process::Command;

use program::Program;
use serde_json::Value;

#[test]
fn the_record_and_the_events_of_the_handler_are_in_the_same_span() {
    let example = service::build("tracing", !cfg!(debug_assertions));
    let mut command = Command::new(&example);
    command.env_remove("RUST_LOG");
    let program = Program::start(command);
    let order = r#"{"items":[1,2],"card_number":"4111111111111111"}"#;
    assert_eq!(program.post_json("/orders", order).0, 200);
    assert_eq!(program.get("/orders/7").0, 200);
    let lines = program.stop().stdout;
    assert!(!lines.contains("41111111"), "{lines}");
    let events = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let events: Vec<Value> = events.collect();
    let event = |message: &str| {
        let mut events = events.iter();
        let found = events.find(|event| event["fields"]["message"] == message);
        found.unwrap_or_else(|| panic!("{message}: {events:#?}"))
    };
    let record = event("POST /orders");
    assert_eq!(record["target"], "actix_bodylog");
    assert_eq!(record["level"], "DEBUG");
    let others = record["fields"]["field.others"].as_str().unwrap();
    let others: Value = serde_json::from_str(others).unwrap();
    assert_eq!(others["items"], 2);
    let id = &event("goods reserved")["spans"][0]["request_id"];
    assert!(id.is_string());
    assert_eq!(record["span"]["request_id"], *id);
    assert_eq!(event("GET /orders/7")["level"], "WARN");

    for (name, value) in [("ADDR", "nonsense"), ("RUST_LOG", "a=b=c")] {
        let output = Command::new(&example).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("{name} is {value:?}")), "{stderr}");
    }
}
