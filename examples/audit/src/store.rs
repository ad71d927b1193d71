//! The table of records.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

/// The time to wait for another process that writes to the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// The table. A row stores the whole record. The columns are generated: SQLite reads them from the record on each
/// query, so they take no space, and a column can be added to a file that already has records:
///
/// ```sql
/// ALTER TABLE exchange ADD COLUMN tenant TEXT AS (record ->> '$.tenant');
/// ```
///
/// The columns that the report sorts by have an index, which takes space.
const SCHEMA: &str = r#"
    CREATE TABLE IF NOT EXISTS exchange (
        id INTEGER PRIMARY KEY,
        time TEXT AS (record ->> '$.timestamp'),
        level TEXT AS (record ->> '$.level'),
        method TEXT AS (record ->> '$."http.request.method"'),
        path TEXT AS (record ->> '$."url.path"'),
        route TEXT AS (record ->> '$."http.route"'),
        status INTEGER AS (record ->> '$."http.response.status_code"'),
        -- A number or a string, as the service sent it.
        code AS (record ->> '$."exchange.code"'),
        outcome TEXT AS (record ->> '$."exchange.outcome"'),
        -- An integer: versions of SQLite may compute different fractions, and the index would not match.
        duration_ns INTEGER AS
            (CAST(round((record ->> '$."exchange.duration"') * 1e9) AS INTEGER)),
        duration_ms REAL AS (round(duration_ns / 1e6, 3)),
        request_bytes INTEGER AS (record ->> '$."http.request.body.size"'),
        response_bytes INTEGER AS (record ->> '$."http.response.body.size"'),
        user_id TEXT AS (record ->> '$."user.id"'),
        user_name TEXT AS (record ->> '$."user.name"'),
        client TEXT AS (record ->> '$."client.address"'),
        request_id TEXT AS (record ->> '$."http.request.header.x-request-id"[0]'),
        error TEXT AS (record ->> '$."exception.message"'),
        request_body TEXT AS (record ->> '$."http.request.body.content"'),
        response_body TEXT AS (record ->> '$."http.response.body.content"'),
        record TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS exchange_time ON exchange (time);
    CREATE INDEX IF NOT EXISTS exchange_duration ON exchange (duration_ns);
    CREATE INDEX IF NOT EXISTS exchange_failed ON exchange (time) WHERE level = 'ERROR';
"#;

/// The writer of records, for [`JsonLines::background`](actix_bodylog::JsonLines::background).
#[derive(Debug)]
pub struct SqliteWriter(Connection);

impl SqliteWriter {
    /// Opens a file, or creates it.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        Self::new(Connection::open(path)?)
    }

    fn new(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(LOCK_TIMEOUT)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    fn insert(&mut self, lines: &[u8]) -> rusqlite::Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO exchange (record) VALUES (?1)")?;
            let records = str::from_utf8(lines)?.lines();
            // A line is empty if it follows a panic.
            for record in records.filter(|record| !record.is_empty()) {
                insert.execute([record])?;
            }
        }
        transaction.commit()
    }
}

impl Write for SqliteWriter {
    /// Stores all of these lines or, on error, none. The background thread passes whole lines, and after an error all
    /// but the first again.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.insert(lines).map_err(io::Error::other)?;
        Ok(lines.len())
    }

    /// Does nothing: a commit writes to the disk.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens an existing file for queries.
///
/// The flags are not `READ_ONLY`, because a read-only connection cannot undo a transaction of a process that was
/// killed.
pub fn open_existing(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;

    use super::*;

    fn in_memory() -> SqliteWriter {
        SqliteWriter::new(Connection::open_in_memory().unwrap()).unwrap()
    }

    fn count(writer: &SqliteWriter) -> i64 {
        let count = writer
            .0
            .query_row("SELECT count(*) FROM exchange", [], |row| row.get(0));
        count.unwrap()
    }

    #[test]
    fn columns_are_read_from_the_record() {
        let mut writer = in_memory();
        let record = concat!(
            r#"{"timestamp":"2026-11-23T10:31:49.846174Z","http.response.status_code":200,"#,
            r#""exchange.code":"E42","exchange.duration":0.0123456,"#,
            r#""http.request.header.x-request-id":["r-1"],"tenant":"acme"}"#,
            "\n",
        );
        writer.write_all(record.as_bytes()).unwrap();
        let connection = &writer.0;
        connection
            .execute_batch("ALTER TABLE exchange ADD COLUMN tenant TEXT AS (record ->> '$.tenant')")
            .unwrap();
        let columns = "time, status, code, duration_ms, request_id, user_id, tenant";
        let row: (String, i64, String, f64, String, Option<String>, String) = connection
            .query_row(&format!("SELECT {columns} FROM exchange"), [], |row| {
                row.try_into()
            })
            .unwrap();
        let (time, tenant) = ("2026-11-23T10:31:49.846174Z", "acme");
        let expected = (time, 200, "E42", 12.346, "r-1", None::<&str>, tenant);
        assert_eq!(
            (
                &*row.0,
                row.1,
                &*row.2,
                row.3,
                &*row.4,
                row.5.as_deref(),
                &*row.6
            ),
            expected
        );
    }

    #[test]
    fn full_disk_rejects_a_whole_batch_and_the_next_is_stored() {
        let mut writer = in_memory();
        writer.write_all(b"{}\n").unwrap();
        let pages: i64 = writer
            .0
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        let limit = |writer: &SqliteWriter, pages: i64| {
            let update =
                writer
                    .0
                    .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
            update.unwrap();
        };
        limit(&writer, pages);
        let big = format!("{{}}\n{{\"a\":\"{}\"}}\n", "x".repeat(100_000));
        let error = writer.write(big.as_bytes()).unwrap_err();
        let error = error.downcast::<rusqlite::Error>().unwrap();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
        assert_eq!(count(&writer), 1);
        limit(&writer, pages + 1000);
        writer.write_all(b"{}\n{}\n").unwrap();
        assert_eq!(count(&writer), 3);
    }
}
