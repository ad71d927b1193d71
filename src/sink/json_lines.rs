//! One line of JSON per record, to any writer.

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::{Sink, TARGET};
use crate::{record::Record, render};

/// Writes records as JSON Lines: UTF-8, one object a line, each in a single `write`, flushed.
///
/// Workers take turns at the writer, and a slow one holds them up. A record that the writer refuses, by
/// an error or by one when it is flushed, is lost: on a full disk, a closed pipe. It is counted in
/// [`Stats::sink_failures`](crate::Stats::sink_failures), and requests go on. The first loss is said
/// through the `log` facade, under the target `actix_bodylog`; those after it only count. The writer is
/// tried again with each record, and a line that was written in part is ended before the next.
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
        // Set first: the writer may panic, and how much it took is not known then.
        let was_torn = std::mem::replace(&mut self.torn, true);
        if was_torn {
            self.inner.write_all(b"\n")?;
        }
        let (written, result) = self.write_some(line);
        self.torn = 0 < written && written < line.len();
        result?;
        self.inner.flush()
    }

    /// What `write_all` does, and how far it came.
    fn write_some(&mut self, line: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < line.len() {
            match self.inner.write(&line[written..]) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }
}

impl JsonLines {
    /// Not while the writer is locked: the logger may write to the same one.
    fn count_loss(&self, error: &io::Error) {
        if self.lost.fetch_add(1, Relaxed) == 0 {
            log::error!(
                target: TARGET,
                "a record was not written: {error}; further losses are counted and not said"
            );
        }
    }
}

impl Sink for JsonLines {
    fn emit(&self, record: &Record<'_>) {
        render::with_line(record, |line| {
            // A writer that panicked once is tried again: what it refused then says nothing about now.
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let result = writer.write(line);
            drop(writer);
            if let Err(error) = result {
                self.count_loss(&error);
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
