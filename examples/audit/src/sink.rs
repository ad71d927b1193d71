//! A sink that hands records to a thread of its own, so that no worker waits for a disk.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_bodylog::{Record, Schema, Sink};

use crate::{
    queue::{Limits, Queue},
    store::Store,
};

/// Some seconds of a busy service. A record has at most the record limit, 15 KiB.
const LIMITS: Limits = Limits {
    records: 20_000,
    bytes: 32 * 1024 * 1024,
};

#[derive(Debug)]
pub struct AuditSink {
    queue: Arc<Queue>,
}

/// The thread that stores records.
pub struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

/// The two ends of a queue, the second with a thread of its own.
pub fn start(mut store: Store) -> io::Result<(AuditSink, Writer)> {
    let queue = Arc::new(Queue::new(LIMITS));
    let thread = thread::Builder::new().name("audit-writer".to_owned());
    let thread = thread.spawn({
        let queue = Arc::clone(&queue);
        move || queue.run(|batch| store.insert(batch))
    })?;
    let sink = AuditSink {
        queue: Arc::clone(&queue),
    };
    Ok((sink, Writer { queue, thread }))
}

impl Writer {
    /// Stores what is left, and closes the database.
    pub fn close(self) {
        self.queue.close();
        // It does not panic; and if it did, there is nothing left to be done.
        let _ = self.thread.join();
    }
}

impl Sink for AuditSink {
    /// A record borrows from its exchange and has to be copied: as the JSON that is stored.
    fn emit(&self, record: &Record<'_>) {
        record.with_json(Schema::OpenTelemetry, |json| {
            self.queue.push(json.to_owned())
        });
    }

    fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    fn lost(&self) -> u64 {
        self.queue.lost()
    }
}
