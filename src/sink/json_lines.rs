//! One line of JSON per record, to any writer.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    record::{data::Record, json, schema::Schema},
    sink::{Sink, background::Background, line_writer::LineWriter, losses::Losses},
};

/// Writes records as JSON Lines: UTF-8, one object a line.
///
/// A record that the writer refuses, by an error or by one when it is flushed, is lost: on a full disk,
/// a closed pipe. It is counted in [`Stats::sink_failures`](crate::Stats::sink_failures), and requests go
/// on. The first loss is said through the `log` facade, under the target `actix_bodylog`; those after it
/// only count. The writer is tried again with each record, and a line that was written in part is ended
/// before the next.
pub struct JsonLines {
    output: Output,
    schema: Schema,
    losses: Arc<Losses>,
}

enum Output {
    Direct(Mutex<LineWriter>),
    Background(Background),
}

impl JsonLines {
    /// Writes to `writer`, each record in a single `write`, flushed.
    ///
    /// Workers take turns at the writer, and a slow one holds them up.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let writer = LineWriter::new(Box::new(writer));
        Self {
            output: Output::Direct(Mutex::new(writer)),
            schema: Schema::default(),
            losses: Arc::default(),
        }
    }

    /// Writes to `writer` from a thread of its own, so that a slow writer holds up no worker.
    ///
    /// Records wait in a queue that takes at most `bytes` bytes of memory; some times the
    /// [record limit](crate::BodyLog::record_limit) is a sensible least. One for which there is no room is
    /// dropped and counted in
    /// [`Stats::sink_failures`](crate::Stats::sink_failures); the older ones stay. Once the writer takes
    /// records again, a warning says through the `log` facade how many were dropped; one a second at most.
    /// That a record is larger than the whole queue is said at once, the first time.
    ///
    /// The thread writes what has come within two milliseconds at once, in whole lines, with
    /// [`write_vectored`](Write::write_vectored), and flushes it: this takes a fraction of the processor
    /// time of a `write` for each record.
    ///
    /// [`BodyLog::drain`](crate::BodyLog::drain) waits until all is written, as long as it was told to. So does
    /// dropping this, unless the writer is stuck: takes longer than five seconds for 128 KiB. What waits when the
    /// process ends in another way is lost.
    ///
    /// # Panics
    ///
    /// If the thread cannot be started.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use std::fs::File;
    ///
    /// use actix_bodylog::{BodyLog, JsonLines};
    ///
    /// let file = File::options().append(true).create(true).open("exchanges.jsonl")?;
    /// let body_log = BodyLog::new().sink(JsonLines::background(file, 8 * 1024 * 1024));
    /// # let _ = body_log;
    /// # Ok(())
    /// # }
    /// ```
    pub fn background(writer: impl Write + Send + 'static, bytes: usize) -> Self {
        let losses = Arc::default();
        let background = Background::new(Box::new(writer), bytes, Arc::clone(&losses));
        Self {
            output: Output::Background(background),
            schema: Schema::default(),
            losses,
        }
    }

    /// Writes to the standard output of the process, as [`new`](Self::new) does.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Writes to the standard error of the process, as [`new`](Self::new) does.
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }

    /// The names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }
}

/// A writer that panicked once is tried again: what it refused then says nothing about now.
fn lock(writer: &Mutex<LineWriter>) -> MutexGuard<'_, LineWriter> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for JsonLines {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn emit(&self, record: &Record<'_>) {
        json::with_line(record, self.schema, |line| match &self.output {
            Output::Direct(writer) => {
                let lost = lock(writer).write(&[line]);
                self.losses.add(lost);
            }
            Output::Background(background) => background.push(line),
        });
    }

    fn flush(&self, limit: Duration) -> bool {
        match &self.output {
            // Every record was flushed when it was written. A worker that still writes one is stuck,
            // and whoever stops the server is not to wait for that.
            Output::Direct(_) => true,
            Output::Background(background) => background.flush(limit),
        }
    }

    fn lost(&self) -> u64 {
        self.losses.counted()
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("schema", &self.schema)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
