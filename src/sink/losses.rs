//! Records that could not be written.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use crate::sink::{TARGET, line_writer::Lost};

/// Counts them, and says the first one.
#[derive(Debug, Default)]
pub(super) struct Losses {
    records: AtomicU64,
    was_said: AtomicBool,
}

impl Losses {
    pub(super) fn count(&self, records: usize) {
        self.records.fetch_add(records as u64, Relaxed);
    }

    pub(super) fn counted(&self) -> u64 {
        self.records.load(Relaxed)
    }

    /// What a writer refused. Not while a writer is locked: the logger may write to the same one.
    pub(super) fn add(&self, lost: Lost) {
        if lost.lines > 0 {
            self.count(lost.lines);
        }
        if let Some(why) = lost.why {
            self.say(&why);
        }
    }

    fn say(&self, why: &io::Error) {
        if !self.was_said.swap(true, Relaxed) {
            log::error!(
                target: TARGET,
                "a record was not written: {why}; further losses are counted and not said"
            );
        }
    }
}
