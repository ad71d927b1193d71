//! Waits for the records of all exchanges.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::rt::time::{sleep, timeout};

use crate::logger::Logger;

/// The error of [`BodyLog::drain`](crate::BodyLog::drain): what was left at the end of the time limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainError {
    /// The number of exchanges that had not ended.
    pub in_flight: usize,
    /// The number of exchanges that had ended, but whose records were not made.
    pub waiting: usize,
    /// The number of sinks that had not written all their records.
    pub unflushed_sinks: usize,
}

impl fmt::Display for DrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not all exchanges are recorded: {} in flight, {} waiting for their records, {} sinks not flushed",
            self.in_flight, self.waiting, self.unflushed_sinks
        )
    }
}

impl Error for DrainError {}

/// See [`BodyLog::drain`](crate::BodyLog::drain).
pub(crate) async fn drain(logger: &Arc<Logger>, limit: Duration) -> Result<(), DrainError> {
    const MIN_FLUSH_TIME: Duration = Duration::from_millis(100);
    let started = Instant::now();
    wait_until(limit, || logger.shared.is_idle()).await;
    let stats = logger.stats();
    let left = limit.saturating_sub(started.elapsed()).max(MIN_FLUSH_TIME);
    let unflushed = Arc::new(AtomicUsize::new(logger.sink_count()));
    // A sink may block longer than it should.
    let flush = thread::Builder::new().name("bodylog-flush".to_owned());
    let flush = flush.spawn({
        let (logger, unflushed) = (Arc::clone(logger), Arc::clone(&unflushed));
        move || logger.flush(left, &unflushed)
    });
    if let Ok(flush) = flush {
        wait_until(left, || flush.is_finished()).await;
    }
    let error = DrainError {
        in_flight: stats.in_flight,
        waiting: stats.waiting,
        unflushed_sinks: unflushed.load(Relaxed),
    };
    match error {
        DrainError {
            in_flight: 0,
            waiting: 0,
            unflushed_sinks: 0,
        } => Ok(()),
        error => Err(error),
    }
}

/// Waits until a condition holds, at most for `limit`.
async fn wait_until(limit: Duration, condition: impl Fn() -> bool) {
    const INTERVAL: Duration = Duration::from_millis(1);
    let holds = async {
        while !condition() {
            sleep(INTERVAL).await;
        }
    };
    // The caller looks at what is left.
    let _ = timeout(limit, holds).await;
}
