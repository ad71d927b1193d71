//! The program `audit`: requests, a signal, and the contents of the file.

#[path = "../../../tests/support/program.rs"]
mod program;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command, Output},
    slice,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use program::Program;
use rusqlite::{Connection, Params};

const PASSWORD: &str = "correct-horse-battery";
const TOKEN: &str = "token-of-ann";

/// A new folder, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Relaxed);
        let name = format!("audit-{}-{nth}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("audit.sqlite")
    }

    fn audit(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
        command.current_dir(&self.0).env_remove("DATABASE");
        command
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends a request of a user with a token.
fn ask(program: &Program, method: &str, path: &str, body: &str) -> program::Answer {
    program.send(&format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         authorization: Bearer {TOKEN}\r\nx-request-id: asked-{method}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        program.addr,
        body.len()
    ))
}

fn look_up<T: rusqlite::types::FromSql>(database: &Path, query: &str, params: impl Params) -> T {
    let connection = Connection::open(database).unwrap();
    connection
        .query_row(query, params, |row| row.get(0))
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

#[track_caller]
fn assert_no_secret(bytes: &[u8], place: &Path) {
    for secret in [PASSWORD, TOKEN] {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in {}", place.display());
    }
}

#[test]
fn every_exchange_is_a_row_and_the_file_has_no_secret() {
    let folder = Folder::new();
    let program = Program::start(folder.audit());
    let login = format!(r#"{{"username":"ann","password":"{PASSWORD}"}}"#);
    let (status, body) = program.post_json("/login", &login);
    assert_eq!(status, 200);
    assert!(body.contains(TOKEN), "{body}");
    // An invalid login: its JSON is cut inside the password.
    assert_eq!(
        program.post_json("/login", &login[..login.len() - 4]).0,
        400
    );
    let order = r#"{"item":"tea","quantity":2}"#;
    assert_eq!(ask(&program, "POST", "/orders", order).0, 201);
    let (_, orders) = ask(&program, "GET", "/orders", "");
    assert_eq!(orders, format!(r#"{{"code":0,"orders":[{order}]}}"#));
    assert_eq!(ask(&program, "GET", "/orders/1", "").0, 200);
    assert_eq!(
        ask(
            &program,
            "GET",
            "/orders/13?password=correct-horse-battery",
            ""
        )
        .0,
        200
    );
    assert_eq!(program.get("/reports/30").0, 200);
    let report = program.stop().stdout;

    // No other file is left.
    let database = folder.database();
    assert_eq!(folder.files(), slice::from_ref(&database));
    assert_no_secret(&fs::read(&database).unwrap(), &database);

    assert_eq!(
        look_up::<i64>(&database, "SELECT count(*) FROM exchange", []),
        7
    );
    let text = |column: &str, path: &str| -> String {
        let first = "FROM exchange WHERE path = ?1 ORDER BY time LIMIT 1";
        let query = format!("SELECT CAST({column} AS TEXT) {first}");
        look_up(&database, &query, [path])
    };
    for (path, column, expected) in [
        ("/login", "user_name", "ann"),
        (
            "/login",
            "request_body",
            r#"{"username":"ann","password":"[REDACTED]"}"#,
        ),
        (
            "/login",
            "response_body",
            r#"{"code":0,"token":"[REDACTED]"}"#,
        ),
        ("/orders", "method", "POST"),
        ("/orders", "status", "201"),
        ("/orders", "request_bytes", "27"),
        ("/orders", "request_id", "asked-POST"),
        ("/orders/13", "route", "/orders/{id}"),
        ("/orders/13", "level", "ERROR"),
        ("/orders/13", "status", "200"),
        ("/orders/13", "code", "500"),
        ("/orders/13", "outcome", "completed"),
        ("/orders/13", "user_id", "u-ann"),
        ("/orders/13", "client", "127.0.0.1"),
        (
            "/orders/13",
            "record ->> '$.\"url.query\"'",
            "password=[REDACTED]",
        ),
        ("/orders/13", "duration_ms > 0", "1"),
        ("/reports/30", "duration_ms >= 30", "1"),
        ("/reports/30", "length(request_id)", "36"),
        ("/reports/30", "response_bytes", "23"),
    ] {
        assert_eq!(text(column, path), expected, "{column} of {path}");
    }
    let failed: i64 = look_up(
        &database,
        "SELECT count(*) FROM exchange WHERE error IS NOT NULL AND status = ?1",
        [400],
    );
    assert_eq!(failed, 1);

    let (slowest, failed) = report.split_once("\n\n").unwrap();
    let first = slowest.lines().nth(2).unwrap();
    assert!(first.contains("GET     /reports/30"), "{report}");
    assert_eq!(failed.lines().count(), 3, "{report}");
    let only = failed.lines().last().unwrap();
    assert!(
        only.contains("500") && only.contains("the warehouse"),
        "{only}"
    );
    assert_no_secret(report.as_bytes(), Path::new("the report"));

    // The report command prints the same and does not change the files.
    let Output { status, stdout, .. } = folder.audit().arg("report").output().unwrap();
    assert!(status.success());
    assert_eq!(String::from_utf8(stdout).unwrap(), report);
    assert_eq!(folder.files(), [database]);
}

#[test]
fn records_are_appended_to_an_existing_file_that_can_be_read_meanwhile() {
    let folder = Folder::new();
    for runs in 1..=2 {
        let program = Program::start(folder.audit());
        for _ in 0..20 {
            assert_eq!(program.get("/orders").0, 200);
        }
        let report = folder.audit().arg("report").output().unwrap();
        assert!(report.status.success());
        program.stop();
        let count: i64 = look_up(&folder.database(), "SELECT count(*) FROM exchange", []);
        assert_eq!(count, 20 * runs);
    }
}

#[test]
fn service_goes_on_after_a_failed_transaction_and_counts_the_loss() {
    let folder = Folder::new();
    let program = Program::start(folder.audit());
    // Rename the table: this failure can be caused and repaired at any time.
    let connection = Connection::open(folder.database()).unwrap();
    let rename = |from: &str, to: &str| {
        let sql = format!("ALTER TABLE {from} RENAME TO {to}");
        connection.execute_batch(&sql).unwrap();
    };
    rename("exchange", "elsewhere");
    assert_eq!(program.get("/orders").0, 200);
    let line = program.wait_for_line("not written: ");
    assert!(line.contains("no such table: exchange"), "{line}");
    rename("elsewhere", "exchange");
    assert_eq!(program.get("/orders/1").0, 200);
    drop(connection);
    let written = program.stop();
    assert_eq!(written.stderr, ["audit: records lost: 1"]);
    let path: String = look_up(&folder.database(), "SELECT path FROM exchange", []);
    assert_eq!(path, "/orders/1");
}

#[test]
fn failure_at_start_is_reported_with_an_exit_code() {
    let folder = Folder::new();
    fs::write(folder.0.join("no-database"), "this is not a database").unwrap();
    for (args, name, value, code, part) in [
        (&[][..], "ADDR", "nonsense", 2, "nonsense"),
        (&["frobnicate"], "ADDR", "127.0.0.1:0", 2, "report"),
        (
            &["report"],
            "DATABASE",
            "nowhere.sqlite",
            1,
            "nowhere.sqlite",
        ),
        (&["report"], "DATABASE", "no-database", 1, "no-database"),
        (&[], "DATABASE", "no-database", 1, "no-database"),
        (&[], "DATABASE", "no/such/folder", 1, "no/such/folder"),
    ] {
        let output = folder
            .audit()
            .args(args)
            .env("ADDR", "127.0.0.1:0")
            .env(name, value)
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = output.unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{name}={value}: {stderr}");
        assert!(
            stderr.starts_with("audit: ") && stderr.contains(part),
            "{stderr}"
        );
        assert!(stdout.is_empty());
    }
}
