//! A bounded queue of records between the workers and the thread that stores them.

use std::{
    fmt::Display,
    io::{self, Write as _},
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// How much may wait, what is being stored included.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub records: usize,
    /// Bytes of memory that the records take.
    pub bytes: usize,
}

#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes those who wait for the thread.
    progress: Condvar,
    lost: AtomicU64,
    /// It was said that a batch could not be stored.
    was_said: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<String>,
    /// Records that are waiting or being stored, and the bytes of them.
    records: usize,
    bytes: usize,
    /// Records that were taken so far, and those that are dealt with.
    taken: u64,
    done: u64,
    closed: bool,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            lost: AtomicU64::new(0),
            was_said: AtomicBool::new(false),
        }
    }

    /// Takes a record; or drops and counts it, if there is no room for it or nobody will store it any more.
    pub fn push(&self, record: String) {
        let bytes = record.capacity();
        let mut state = self.state();
        let fits = state.records < self.limits.records && state.bytes + bytes <= self.limits.bytes;
        if !fits || state.closed {
            drop(state);
            self.count_lost(1);
            return;
        }
        let was_empty = state.waiting.is_empty();
        state.waiting.push(record);
        state.records += 1;
        state.bytes += bytes;
        state.taken += 1;
        drop(state);
        // Otherwise the thread has been woken for an earlier one.
        if was_empty {
            self.work.notify_one();
        }
    }

    /// Waits until what was taken so far is dealt with; false if that takes longer than `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        let state = self.state();
        let target = state.taken;
        let is_behind = |state: &mut State| state.done < target;
        let waited = self.progress.wait_timeout_while(state, limit, is_behind);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.done >= target
    }

    /// Takes nothing any more: [`run`](Self::run) returns once all is dealt with.
    pub fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// What the thread does: all that waits becomes one batch. One that cannot be stored is lost, and the next
    /// is tried.
    pub fn run<E: Display>(&self, mut store: impl FnMut(&[String]) -> Result<(), E>) {
        let mut batch = Vec::new();
        while self.next(&mut batch) {
            if let Err(error) = store(&batch) {
                self.count_lost(batch.len());
                if !self.was_said.swap(true, Relaxed) {
                    // It may be closed, and the thread has to go on.
                    let _ = writeln!(
                        io::stderr(),
                        "audit: records not stored: {}: {error}; further losses are counted and not said",
                        batch.len()
                    );
                }
            }
            let mut state = self.state();
            state.records -= batch.len();
            state.bytes -= batch.iter().map(String::capacity).sum::<usize>();
            state.done += batch.len() as u64;
            drop(state);
            self.progress.notify_all();
            batch.clear();
        }
    }

    /// Records that were dropped or could not be stored.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    fn count_lost(&self, records: usize) {
        self.lost.fetch_add(records as u64, Relaxed);
    }

    /// Waits for records, and takes all of them. False if there are none, and will be none.
    fn next(&self, batch: &mut Vec<String>) -> bool {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let waited = self.work.wait_while(self.state(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, batch);
        !batch.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{Arc, mpsc},
        thread,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn queue(records: usize, bytes: usize) -> Queue {
        Queue::new(Limits { records, bytes })
    }

    /// What is stored by the time that the queue is closed and empty.
    fn stored(queue: &Queue) -> Vec<String> {
        let mut all = Vec::new();
        queue.close();
        queue.run(|batch| {
            all.extend_from_slice(batch);
            Ok::<_, Infallible>(())
        });
        all
    }

    #[test]
    fn what_exceeds_the_number_is_dropped_and_counted() {
        let queue = queue(2, 1000);
        for record in ["a", "b", "c"] {
            queue.push(record.to_owned());
        }
        assert_eq!(queue.lost(), 1);
        assert_eq!(stored(&queue), ["a", "b"]);
    }

    #[test]
    fn what_exceeds_the_bytes_is_dropped_and_a_smaller_one_still_fits() {
        let queue = queue(10, 5);
        for record in ["abc", "def", "gh"] {
            queue.push(record.to_owned());
        }
        assert_eq!(queue.lost(), 1);
        assert_eq!(stored(&queue), ["abc", "gh"]);
    }

    #[test]
    fn what_is_being_stored_takes_room_until_it_is_stored() {
        let queue = Arc::new(queue(1, 1000));
        let (arrived, when_arrived) = mpsc::channel();
        let (leave, gate) = mpsc::channel();
        let thread = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                queue.run(|batch| {
                    let _ = arrived.send(batch.to_vec());
                    gate.recv()
                });
            }
        });
        queue.push("a".to_owned());
        assert_eq!(when_arrived.recv_timeout(PATIENCE).unwrap(), ["a"]);
        queue.push("b".to_owned());
        assert_eq!(queue.lost(), 1);
        leave.send(()).unwrap();
        assert!(queue.flush(PATIENCE));
        queue.push("c".to_owned());
        assert_eq!(when_arrived.recv_timeout(PATIENCE).unwrap(), ["c"]);
        leave.send(()).unwrap();
        queue.close();
        thread.join().unwrap();
        assert_eq!(queue.lost(), 1);
    }

    #[test]
    fn after_a_batch_that_could_not_be_stored_the_next_is() {
        let queue = Arc::new(queue(10, 1000));
        let (stored, all) = mpsc::channel();
        let thread = thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                queue.run(|batch| {
                    if batch.iter().any(|record| record == "bad") {
                        return Err("it is full");
                    }
                    let _ = stored.send(batch.to_vec());
                    Ok(())
                });
            }
        });
        queue.push("bad".to_owned());
        // Whoever waited finds the counter right.
        assert!(queue.flush(PATIENCE));
        assert_eq!(queue.lost(), 1);
        queue.push("good".to_owned());
        assert!(queue.flush(PATIENCE));
        assert_eq!(all.try_recv().unwrap(), ["good"]);
        queue.close();
        thread.join().unwrap();
        assert_eq!(queue.lost(), 1);
    }

    #[test]
    fn what_comes_after_the_end_is_counted() {
        let queue = queue(10, 1000);
        queue.close();
        queue.push("late".to_owned());
        assert_eq!(queue.lost(), 1);
        assert!(stored(&queue).is_empty());
    }
}
