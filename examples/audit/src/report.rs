//! What somebody wants to know of the records: two queries, as tables.

use std::fmt::Write as _;

use rusqlite::{Connection, Row, types::ValueRef};

const SLOWEST: &str = "
    SELECT time, method, path, status, code, duration_ms AS ms, user_name AS user
    FROM exchange ORDER BY duration_ns DESC LIMIT 10";

/// Level `ERROR`: a status or a code of 500 and above, a panic, a response that broke off.
const FAILED: &str = "
    SELECT time, method, path, status, code, outcome, user_name AS user,
        coalesce(error, response_body) AS why
    FROM exchange WHERE level = 'ERROR' ORDER BY time DESC LIMIT 10";

/// Characters of one value in a table.
const MAX_WIDTH: usize = 60;

/// The tables of this file, with a headline each.
pub fn text(connection: &Connection) -> rusqlite::Result<String> {
    Ok(format!(
        "slowest calls\n{}\nfailed calls, the last first\n{}",
        table(connection, SLOWEST)?,
        table(connection, FAILED)?
    ))
}

struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    fn new(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let value = row.get_ref(column)?;
        let (text, is_number) = match value {
            ValueRef::Null => ("-".to_owned(), false),
            ValueRef::Integer(number) => (number.to_string(), true),
            ValueRef::Real(number) => (format!("{number:.3}"), true),
            // The record has no control characters in any text, so one line stays one.
            ValueRef::Text(text) => (shortened(&String::from_utf8_lossy(text)), false),
            ValueRef::Blob(_) => ("(bytes)".to_owned(), false),
        };
        Ok(Self { text, is_number })
    }

    fn heading(name: &str) -> Self {
        Self {
            text: name.to_uppercase(),
            is_number: false,
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_WIDTH) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MAX_WIDTH - 1).chain(['…']).collect(),
    }
}

/// The rows of a query, aligned: numbers to the right.
fn table(connection: &Connection, query: &str) -> rusqlite::Result<String> {
    let mut query = connection.prepare(query)?;
    let names = query.column_names();
    let count = names.len();
    let mut lines = vec![names.into_iter().map(Cell::heading).collect::<Vec<_>>()];
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let cells = (0..count).map(|column| Cell::new(row, column));
        lines.push(cells.collect::<Result<_, _>>()?);
    }
    if lines.len() == 1 {
        return Ok("  none\n".to_owned());
    }
    let columns: Vec<_> = (0..count)
        .map(|column| {
            let cells = || lines.iter().map(|line| &line[column]);
            let width = cells().map(Cell::width).max().unwrap_or_default();
            (width, cells().any(|cell| cell.is_number))
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut padded = String::new();
        for (Cell { text, .. }, &(width, is_number)) in line.iter().zip(&columns) {
            // Writing to a string does not fail.
            let _ = match is_number {
                true => write!(padded, "  {text:>width$}"),
                false => write!(padded, "  {text:width$}"),
            };
        }
        text.push_str(padded.trim_end());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_of(query: &str) -> String {
        table(&Connection::open_in_memory().unwrap(), query).unwrap()
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let query = "SELECT 'ä' AS name, 5 AS ms, NULL AS why UNION ALL SELECT 'bcdefg', 1000, 'x'";
        assert_eq!(
            table_of(query),
            "  NAME      MS  WHY\n  ä          5  -\n  bcdefg  1000  x\n"
        );
    }

    #[test]
    fn long_texts_are_shortened_between_characters() {
        let long = "ä".repeat(100);
        let table = table_of(&format!("SELECT '{long}' AS a"));
        let value = table.lines().nth(1).unwrap().trim();
        assert_eq!(value, format!("{}…", "ä".repeat(MAX_WIDTH - 1)));
    }

    #[test]
    fn no_rows_are_said() {
        assert_eq!(table_of("SELECT 1 AS a WHERE false"), "  none\n");
    }
}
