//! The table of records.

use std::{path::Path, time::Duration};

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
        code AS (record ->> '$."http.response.body.code"'),
        outcome TEXT AS (record ->> '$."exchange.outcome"'),
        -- An integer: versions of SQLite may compute different fractions, and the index would not match.
        duration_ns INTEGER AS
            (CAST(round((record ->> '$."http.server.request.duration"') * 1e9) AS INTEGER)),
        duration_ms REAL AS (round(duration_ns / 1e6, 3)),
        request_bytes INTEGER AS (record ->> '$."http.request.body.size"'),
        response_bytes INTEGER AS (record ->> '$."http.response.body.size"'),
        user_id TEXT AS (record ->> '$."user.id"'),
        user_name TEXT AS (record ->> '$."user.name"'),
        client TEXT AS (record ->> '$."client.address"'),
        request_id TEXT AS (record ->> '$."http.request.header.x-request-id"[0]'),
        error TEXT AS (record ->> '$."error.message"'),
        request_body TEXT AS (record ->> '$."http.request.body.content"'),
        response_body TEXT AS (record ->> '$."http.response.body.content"'),
        record TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS exchange_time ON exchange (time);
    CREATE INDEX IF NOT EXISTS exchange_duration ON exchange (duration_ns);
    CREATE INDEX IF NOT EXISTS exchange_failed ON exchange (time) WHERE level = 'ERROR';
"#;

#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

impl Store {
    /// Opens a file, or creates it.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        Self::new(Connection::open(path)?)
    }

    fn new(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(LOCK_TIMEOUT)?;
        // Readers and the writer do not wait for each other. `synchronous` is `FULL` by default, so committed
        // records survive a power failure.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// Stores all of these records or, on error, none.
    pub fn insert(&mut self, records: &[String]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO exchange (record) VALUES (?1)")?;
            for record in records {
                insert.execute([record])?;
            }
        }
        transaction.commit()
    }
}

/// Opens an existing file for queries.
///
/// The flags are not `READ_ONLY`, because a read-only connection does not remove the files of the write-ahead log.
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

    fn in_memory() -> Store {
        Store::new(Connection::open_in_memory().unwrap()).unwrap()
    }

    fn count(store: &Store) -> i64 {
        let count = store
            .connection
            .query_row("SELECT count(*) FROM exchange", [], |row| row.get(0));
        count.unwrap()
    }

    #[test]
    fn columns_are_read_from_the_record() {
        let mut store = in_memory();
        let record = r#"{"timestamp":"2026-11-23T10:31:49.846174Z","http.response.status_code":200,
            "http.response.body.code":"E42","http.server.request.duration":0.0123456,
            "http.request.header.x-request-id":["r-1"],"tenant":"acme"}"#;
        store.insert(&[record.to_owned()]).unwrap();
        let connection = &store.connection;
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
        let mut store = in_memory();
        let small = || vec!["{}".to_owned()];
        store.insert(&small()).unwrap();
        let pages: i64 = store
            .connection
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        let limit = |store: &Store, pages: i64| {
            let update =
                store
                    .connection
                    .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
            update.unwrap();
        };
        limit(&store, pages);
        let big = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
        let error = store.insert(&["{}".to_owned(), big]).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
        assert_eq!(count(&store), 1);
        limit(&store, pages + 1000);
        store.insert(&small()).unwrap();
        assert_eq!(count(&store), 2);
    }
}
