//! The example from start to end.

#[path = "../../../tests/support/program.rs"]
mod program;

use std::process::Command;

use program::Program;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_opentelemetry"))
}

#[test]
fn all_records_are_exported_via_tracing_and_via_log() {
    for via in ["tracing", "log"] {
        let mut command = command();
        command.env("VIA", via);
        let program = Program::start(command);
        assert_eq!(program.get("/orders/8?token=hunter2").0, 200);
        let order = r#"{"items":[1,2],"card_number":"4111111111111111"}"#;
        assert_eq!(program.post_json("/orders", order).0, 200);
        assert_eq!(program.get("/orders/7").0, 200);
        let exported = program.stop().stdout;
        let items = match via {
            "tracing" => r#"\"items\":2"#,
            _ => "items: Int(2)",
        };
        for (part, count) in [
            ("\"POST /orders\"", 1),
            ("\"GET /orders/7\"", 1),
            (items, 1),
            ("exchange.code: Int(404)", 2),
            ("SeverityNumber: Warn", 2),
        ] {
            let found = exported.matches(part).count();
            assert_eq!(found, count, "{via}, {part}: {exported}");
        }
        assert!(!exported.contains("41111111"), "{exported}");
        // The spans of `tracing-actix-web` are not redacted.
        assert_eq!(exported.contains("hunter2"), via == "tracing");
        assert_eq!(exported.contains("ParentSpanId"), via == "tracing");
    }
}

#[test]
fn an_invalid_setting_is_an_error_with_exit_code_2() {
    for (name, value) in [("ADDR", "nonsense"), ("VIA", "mail")] {
        let output = command().env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(&format!("{name} is {value:?}")), "{stderr}");
    }
}
