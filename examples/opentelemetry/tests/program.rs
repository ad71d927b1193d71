//! The program from start to end: what it exports.

#[path = "../../../tests/support/program.rs"]
mod program;

use std::process::Command;

use program::Program;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_opentelemetry"))
}

#[test]
fn records_are_exported_either_way_and_nothing_waits_at_the_end() {
    for via in ["tracing", "log"] {
        let mut command = command();
        command.env("VIA", via);
        let program = Program::start(command);
        assert_eq!(program.get("/orders/8?token=hunter2").0, 200);
        let order = r#"{"items":[1,2],"card_number":"4111111111111111"}"#;
        assert_eq!(program.post_json("/orders", order).0, 200);
        assert_eq!(program.get("/orders/7").0, 200);
        let exported = program.stop().stdout;
        for (part, count) in [
            ("\"POST /orders\"", 1),
            ("\"GET /orders/7\"", 1),
            ("items: Int(2)", 1),
            ("http.response.body.code: Int(404)", 2),
            ("SeverityNumber: Warn", 2),
        ] {
            let found = exported.matches(part).count();
            assert_eq!(found, count, "{via}, {part}: {exported}");
        }
        assert!(!exported.contains("41111111"), "{exported}");
        // Not redacted: the spans of `tracing-actix-web`.
        assert_eq!(exported.contains("hunter2"), via == "tracing");
        assert_eq!(exported.contains("ParentSpanId"), via == "tracing");
    }
}

#[test]
fn a_bad_value_is_a_clear_error_and_exit_code_2() {
    for (name, value) in [("ADDR", "nonsense"), ("VIA", "mail")] {
        let output = command().env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("{name} is {value:?}")), "{stderr}");
    }
}
