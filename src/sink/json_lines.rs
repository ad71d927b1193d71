//! One line of JSON per record, to any writer.

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::Sink;
use crate::{record::Record, render};

/// Writes records as JSON Lines: UTF-8, one object a line, each in a single `write_all`, flushed.
///
/// Workers take turns at the writer, and a slow one holds them up. A record that the writer refuses
/// is lost and counted in [`Stats::sink_failures`](crate::Stats::sink_failures); requests go on.
pub struct JsonLines {
    writer: Mutex<Writer>,
    lost: AtomicU64,
}

struct Writer {
    inner: Box<dyn Write + Send>,
    /// The last line may have been written in part: the next one must not continue it.
    torn: bool,
}

impl JsonLines {
    /// Writes to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self {
            writer: Mutex::new(Writer {
                inner: Box::new(writer),
                torn: false,
            }),
            lost: AtomicU64::new(0),
        }
    }

    /// Writes to the standard output of the process.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Writes to the standard error of the process.
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }
}

impl Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        // Set first: the writer may panic, and then the line is torn too.
        let was_torn = std::mem::replace(&mut self.torn, true);
        if was_torn {
            self.inner.write_all(b"\n")?;
        }
        self.inner.write_all(line)?;
        self.torn = false;
        self.inner.flush()
    }
}

impl Sink for JsonLines {
    fn emit(&self, record: &Record<'_>) {
        render::with_line(record, |line| {
            // A writer that panicked once is tried again: what it refused then says nothing about now.
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if writer.write(line).is_err() {
                self.lost.fetch_add(1, Relaxed);
            }
        });
    }

    fn flush(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Every record was flushed when it was written; what failed then was counted then.
        let _ = writer.inner.flush();
    }

    fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
