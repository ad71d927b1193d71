//! A sink that sends records to a background thread, so that no request waits for the disk.

use std::{
    io, iter,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender, SyncSender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_bodylog::{Record, Schema, Sink};

use crate::store::Store;

/// Capacity of the queue in records. With the default record limit, they take at most 30 MiB.
const QUEUE: usize = 2000;
/// The largest number of records in one transaction.
const MAX_BATCH: usize = 500;

enum Message {
    Record(String),
    /// Asks for a reply when all earlier records are stored.
    Flush(Sender<()>),
    Close,
}

#[derive(Debug)]
pub struct AuditSink {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// The thread that stores records.
pub struct Writer {
    queue: SyncSender<Message>,
    thread: JoinHandle<()>,
}

/// Starts the writer.
pub fn start(store: Store) -> io::Result<(AuditSink, Writer)> {
    let (sink, receiver) = AuditSink::new(QUEUE);
    let lost = Arc::clone(&sink.lost);
    let thread = thread::Builder::new().name("audit-writer".to_owned());
    let thread = thread.spawn(move || write(store, &receiver, &lost))?;
    let queue = sink.queue.clone();
    Ok((sink, Writer { queue, thread }))
}

impl AuditSink {
    fn new(capacity: usize) -> (Self, Receiver<Message>) {
        let (queue, receiver) = mpsc::sync_channel(capacity);
        let lost = Arc::default();
        (Self { queue, lost }, receiver)
    }

    /// Queues a record. If the queue is full or closed, drops the record and counts it.
    fn push(&self, record: String) {
        if self.queue.try_send(Message::Record(record)).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

impl Sink for AuditSink {
    /// Copies the record, which borrows from its exchange, as the JSON that is stored.
    fn emit(&self, record: &Record<'_>) {
        record.with_json(Schema::OpenTelemetry, |json| self.push(json.to_owned()));
    }

    fn flush(&self, limit: Duration) -> bool {
        let (sender, receiver) = mpsc::channel();
        let sent = self.queue.try_send(Message::Flush(sender));
        sent.is_ok() && receiver.recv_timeout(limit).is_ok()
    }

    fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Writer {
    /// Stores the queued records and closes the database.
    pub fn close(self) {
        // An error of either means that the thread has ended already.
        let _ = self.queue.send(Message::Close);
        let _ = self.thread.join();
    }
}

/// Stores records in batches until the queue is closed. A batch that cannot be stored is lost.
fn write(mut store: Store, queue: &Receiver<Message>, lost: &AtomicU64) {
    let mut warned = false;
    while let Ok(first) = queue.recv() {
        let (mut batch, mut flushed, mut closed) = (Vec::new(), Vec::new(), false);
        for message in iter::once(first).chain(queue.try_iter().take(MAX_BATCH - 1)) {
            match message {
                Message::Record(record) => batch.push(record),
                Message::Flush(sender) => flushed.push(sender),
                Message::Close => closed = true,
            }
        }
        if let Err(error) = store.insert(&batch) {
            let count = batch.len();
            lost.fetch_add(count as u64, Relaxed);
            if !warned {
                eprintln!(
                    "audit: records not stored: {count}: {error}; further losses are only counted"
                );
            }
            warned = true;
        }
        for sender in flushed {
            let _ = sender.send(());
        }
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(receiver: &Receiver<Message>) -> Vec<String> {
        let records = receiver.try_iter().map(|message| match message {
            Message::Record(record) => record,
            _ => panic!("not a record"),
        });
        records.collect()
    }

    #[test]
    fn record_is_dropped_and_counted_if_the_queue_is_full() {
        let (sink, receiver) = AuditSink::new(2);
        for record in ["a", "b", "c"] {
            sink.push(record.to_owned());
        }
        assert_eq!(sink.lost(), 1);
        assert_eq!(records(&receiver), ["a", "b"]);
        sink.push("d".to_owned());
        assert_eq!(records(&receiver), ["d"]);
        assert_eq!(sink.lost(), 1);
    }

    #[test]
    fn record_after_the_end_of_the_writer_is_counted() {
        let (sink, receiver) = AuditSink::new(2);
        drop(receiver);
        sink.push("late".to_owned());
        assert_eq!(sink.lost(), 1);
        assert!(!sink.flush(Duration::from_secs(10)));
    }

    #[test]
    fn batch_that_cannot_be_stored_is_counted_before_flush_returns() {
        let (sink, writer) = start(Store::open(":memory:".as_ref()).unwrap()).unwrap();
        // The generated columns need JSON.
        sink.push("bad".to_owned());
        assert!(sink.flush(Duration::from_secs(10)));
        assert_eq!(sink.lost(), 1);
        sink.push("{}".to_owned());
        assert!(sink.flush(Duration::from_secs(10)));
        assert_eq!(sink.lost(), 1);
        writer.close();
    }

    #[test]
    fn flush_reports_whether_earlier_records_are_stored_in_time() {
        let (sink, _receiver) = AuditSink::new(2);
        sink.push("{}".to_owned());
        assert!(!sink.flush(Duration::ZERO));
        let (sink, writer) = start(Store::open(":memory:".as_ref()).unwrap()).unwrap();
        sink.push("{}".to_owned());
        assert!(sink.flush(Duration::from_secs(10)));
        writer.close();
    }
}
