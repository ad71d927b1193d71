//! One line of JSON for each record, to any writer.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    record::{data::Record, json, schema::Schema},
    sink::{
        background::Background, line_writer::LineWriter, sink_trait::Sink,
        write_errors::WriteErrors,
    },
};

/// Writes records as JSON Lines: UTF-8, one object on each line.
///
/// If writing or flushing fails, for example because the disk is full or the pipe is closed, the record
/// is lost. Requests are not affected. [`Stats::sink_losses`](crate::Stats::sink_losses) counts lost
/// records, and the first error is logged through the `log` facade with the target `actix_bodylog`. The
/// writer is tried again with each record. If a line was written only in part, it is ended before the
/// next line.
pub struct JsonLines {
    output: Output,
    schema: Schema,
    errors: Arc<WriteErrors>,
}

enum Output {
    Direct(Mutex<LineWriter>),
    Background(Background),
}

impl JsonLines {
    /// Writes to `writer`. Each record is one `write`, followed by a flush.
    ///
    /// The workers share the writer, so a slow writer delays them.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let writer = LineWriter::new(Box::new(writer));
        Self {
            output: Output::Direct(Mutex::new(writer)),
            schema: Schema::default(),
            errors: Arc::default(),
        }
    }

    /// Writes to `writer` from a separate thread, so that a slow writer does not delay workers.
    ///
    /// If all sinks of a logger are like this, each worker makes its records in [batches](Sink::deferred).
    ///
    /// Records that wait or are being written take at most `bytes` bytes; their buffers take at most an eighth more.
    /// Choose several times the [record limit](crate::BodyLog::record_limit). If there is no room for a record, it is
    /// dropped and counted in [`Stats::sink_losses`](crate::Stats::sink_losses); records that wait stay. When the
    /// writer accepts records again, the number of dropped records is logged through the `log` facade, at most once a
    /// second. For the first record that is larger than `bytes`, a warning is logged immediately.
    ///
    /// The thread collects records for two milliseconds, or until there are 128 KiB, writes them in batches of up to
    /// this size, and flushes the writer after each batch. This takes a fraction of the processor time of one `write`
    /// for each record.
    ///
    /// # The writer
    ///
    /// Each call of [`write`](Write::write) gets one or more whole lines, so that a writer can parse them, for example
    /// to store them in a database. The exceptions are caused by the writer:
    ///
    /// - If it accepts only a part of a line, the next call gets the rest.
    /// - If it fails, the first line that it has not accepted is lost, and the next call gets the lines after that one.
    /// - If it panics, all lines of the batch are lost. If it panics, or fails inside of a line, the next call gets a
    ///   newline that ends the incomplete line.
    ///
    /// # The end
    ///
    /// [`BodyLog::drain`](crate::BodyLog::drain) waits until all records are written, within its limit. Dropping the
    /// sink waits too, unless the writer is stuck, which means that the batch in progress takes longer than five
    /// seconds. If the process ends in any other way, records that wait are lost.
    ///
    /// # Panics
    ///
    /// Panics if the thread cannot be started.
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
        let errors = Arc::default();
        let background = Background::new(Box::new(writer), bytes, Arc::clone(&errors));
        Self {
            output: Output::Background(background),
            schema: Schema::default(),
            errors,
        }
    }

    /// Writes to standard output, otherwise like [`new`](Self::new).
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Writes to standard error, otherwise like [`new`](Self::new).
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }

    /// Sets the names, types and units of the fields. Default: [`Schema::OpenTelemetry`].
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }
}

impl Sink for JsonLines {
    fn schema(&self) -> Schema {
        self.schema
    }

    fn emit(&self, record: &Record<'_>) {
        json::with_line(record, self.schema, |line| match &self.output {
            Output::Direct(writer) => {
                // A writer that has panicked is used again.
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                let failed = writer.write(line);
                drop(writer);
                self.errors.add(failed);
            }
            Output::Background(background) => background.push(line),
        });
    }

    fn deferred(&self) -> bool {
        matches!(self.output, Output::Background(_))
    }

    fn flush(&self, limit: Duration) -> bool {
        match &self.output {
            // Every record is flushed when it is written. Do not wait for the lock: a worker that holds
            // it may be stuck in the writer.
            Output::Direct(_) => true,
            Output::Background(background) => background.flush(limit),
        }
    }

    fn lost(&self) -> u64 {
        self.errors.lost()
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
