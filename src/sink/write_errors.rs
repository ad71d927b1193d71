//! Records that could not be written.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::sink::{line_writer::FailedLines, target::TARGET};

/// Counts lost records, and logs the first write error.
#[derive(Debug, Default)]
pub(super) struct WriteErrors {
    lost: AtomicU64,
    has_warned: AtomicBool,
}

impl WriteErrors {
    /// Returns the number of lost records.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Counts lost records.
    pub(super) fn count(&self, records: usize) {
        self.lost.fetch_add(records as u64, Relaxed);
    }

    /// Counts lines that a writer did not write, and logs the first error.
    ///
    /// Must not be called while a writer is locked, because the implementation of `log` may use the same writer.
    pub(super) fn add(&self, failed: FailedLines) {
        self.count(failed.count);
        if let Some(error) = failed.first_error
            && !self.has_warned.swap(true, Relaxed)
        {
            log::error!(
                target: TARGET,
                "a record was not written: {error}; further write errors are counted, not logged"
            );
        }
    }
}
