//! The report: two queries, each row of which is one line.

use rusqlite::Connection;

/// A query with its title and the names of its columns.
struct Table {
    title: &'static str,
    columns: &'static str,
    query: &'static str,
}

const SLOWEST: Table = Table {
    title: "slowest calls",
    columns: "format('%-27s  %-6s  %-24s  %6s  %6s  %10s  %s',
        'TIME', 'METHOD', 'PATH', 'STATUS', 'CODE', 'MS', 'USER')",
    query: "SELECT format('%-27s  %-6s  %-24s  %6s  %6s  %10.3f  %s', time, method, path,
            coalesce(status, '-'), coalesce(code, '-'), duration_ms, coalesce(user_name, '-'))
        FROM exchange ORDER BY duration_ns DESC LIMIT 10",
};

/// Exchanges of level `ERROR`: a status or a code of 500 and above, a panic, a failed response body.
const FAILED: Table = Table {
    title: "failed calls, newest first",
    columns: "format('%-27s  %-6s  %-24s  %6s  %6s  %-9s  %-10s  %s',
        'TIME', 'METHOD', 'PATH', 'STATUS', 'CODE', 'OUTCOME', 'USER', 'REASON')",
    query: "SELECT format('%-27s  %-6s  %-24s  %6s  %6s  %-9s  %-10s  %s', time, method, path,
            coalesce(status, '-'), coalesce(code, '-'), outcome, coalesce(user_name, '-'),
            substr(coalesce(error, response_body, '-'), 1, 60))
        FROM exchange WHERE level = 'ERROR' ORDER BY time DESC LIMIT 10",
};

/// Formats both tables.
pub fn text(connection: &Connection) -> rusqlite::Result<String> {
    let (slowest, failed) = (table(connection, &SLOWEST)?, table(connection, &FAILED)?);
    Ok(format!("{slowest}\n{failed}"))
}

fn table(connection: &Connection, table: &Table) -> rusqlite::Result<String> {
    let Table {
        title,
        columns,
        query,
    } = table;
    let mut query = connection.prepare(query)?;
    // No string of a record has control characters, so each row is one line.
    let rows: Vec<String> = query
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Ok(format!("{title}\nnone\n"));
    }
    let names: String = connection.query_row(&format!("SELECT {columns}"), [], |row| row.get(0))?;
    Ok(format!("{title}\n{names}\n{}\n", rows.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_without_rows_shows_none() {
        let connection = Connection::open_in_memory().unwrap();
        let table_of = |query| {
            let (title, columns) = ("title", "'NAME'");
            table(
                &connection,
                &Table {
                    title,
                    columns,
                    query,
                },
            )
            .unwrap()
        };
        assert_eq!(
            table_of("SELECT 'a' UNION ALL SELECT 'b'"),
            "title\nNAME\na\nb\n"
        );
        assert_eq!(table_of("SELECT 'a' WHERE false"), "title\nnone\n");
    }
}
