//! A queue of lines and a thread that writes them, so that no worker waits for a writer.

mod blocks;

use std::{
    collections::VecDeque,
    io::Write,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use memchr::memrchr;

use crate::{
    sink::{
        line_writer::{FailedLines, LineWriter, MAX_PARTS, count_lines},
        queue::blocks::Blocks,
        target::TARGET,
        write_errors::WriteErrors,
    },
    util::catch_panic::catch_panic,
};

/// Time for which the thread waits for more lines after the first. Waking the thread costs the worker a system call,
/// and lines that are written together cost one system call.
const BATCH_DELAY: Duration = Duration::from_millis(2);

/// Time that a writer may take for one write before it counts as stuck and is not waited for.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Minimum time between two warnings about dropped lines, because the implementation of `log` may be as slow as the
/// writer.
const WARNING_INTERVAL: Duration = Duration::from_secs(1);

/// A queue of lines and the thread that writes them.
pub(super) struct Background {
    queue: Arc<Queue>,
    /// `None` after drop.
    thread: Option<JoinHandle<()>>,
    stall_timeout: Duration,
}

struct Queue {
    /// Maximum memory of the lines, in bytes.
    limit: usize,
    /// Number of lines dropped for lack of room since the last warning about them.
    dropped: AtomicUsize,
    /// Set once the warning about a line that is longer than the whole queue was logged.
    was_too_long: AtomicBool,
    errors: Arc<WriteErrors>,
    state: Mutex<State>,
    /// Notifies the thread.
    work: Condvar,
    /// Notifies callers that wait for the thread.
    progress: Condvar,
}

struct State {
    lines: Blocks,
    /// Bytes of all lines that were accepted.
    taken: u64,
    /// Bytes of all lines that were written or lost.
    done: u64,
    thread: Doing,
    /// Set if a caller waits or memory gets short: skip the batch delay.
    flush_now: bool,
    closed: bool,
    /// Set once the thread has dropped its writer.
    finished: bool,
}

/// State of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Writing,
    /// Sleeps until there is a line.
    Waiting,
    /// Sleeps for the batch delay, to collect more lines.
    Batching,
}

impl Background {
    /// # Panics
    ///
    /// Panics if the thread cannot be started.
    pub(super) fn new(
        writer: Box<dyn Write + Send>,
        bytes: usize,
        errors: Arc<WriteErrors>,
    ) -> Self {
        Self::with_stall_timeout(writer, bytes, errors, STALL_TIMEOUT)
    }

    fn with_stall_timeout(
        writer: Box<dyn Write + Send>,
        bytes: usize,
        errors: Arc<WriteErrors>,
        stall_timeout: Duration,
    ) -> Self {
        let queue = Arc::new(Queue {
            limit: bytes,
            dropped: AtomicUsize::new(0),
            was_too_long: AtomicBool::new(false),
            errors,
            state: Mutex::new(State {
                lines: Blocks::new(bytes),
                taken: 0,
                done: 0,
                thread: Doing::Writing,
                flush_now: false,
                closed: false,
                finished: false,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let thread = thread::Builder::new().name("bodylog-writer".to_owned());
        let thread = thread.spawn({
            let queue = Arc::clone(&queue);
            move || {
                queue.run(LineWriter::new(writer));
                queue.state().finished = true;
                queue.progress.notify_all();
            }
        });
        let thread = thread.expect("the thread of a background writer starts");
        Self {
            queue,
            thread: Some(thread),
            stall_timeout,
        }
    }

    /// Queues a line that ends with a newline, or drops it if there is no room.
    pub(super) fn push(&self, line: &[u8]) {
        self.queue.push(line);
    }

    /// Waits until all lines that are queued now are written. Returns false if that takes longer than
    /// `limit`, or if the writer is stuck.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let target = {
            let mut state = self.queue.state();
            state.flush_now = true;
            state.taken
        };
        self.queue.work.notify_one();
        self.queue
            .wait_for(self.stall_timeout, limit, |state| state.done >= target)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.queue.state().closed = true;
        self.queue.work.notify_one();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // If the writer owns the last clone of the logger, this runs on the writer's thread, which must not wait for
        // itself. A thread that is ending may have no id any more, but the writer's thread drops no logger then.
        let this = catch_panic(|| thread::current().id());
        if this == Some(thread.thread().id()) {
            return;
        }
        let is_finished = |state: &State| state.finished;
        if self
            .queue
            .wait_for(self.stall_timeout, Duration::MAX, is_finished)
        {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if !state.lines.push(line) {
            drop(state);
            self.drop_line(line.len());
            return;
        }
        state.taken += line.len() as u64;
        let is_short = state.lines.is_half_full();
        let wakes = match state.thread {
            Doing::Writing => false,
            Doing::Waiting => true,
            Doing::Batching => is_short && !state.flush_now,
        };
        if wakes {
            state.flush_now |= is_short;
            state.thread = Doing::Batching;
        }
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }

    fn drop_line(&self, len: usize) {
        self.errors.count(1);
        if len <= self.limit {
            self.dropped.fetch_add(1, Relaxed);
        } else if !self.was_too_long.swap(true, Relaxed) {
            // Not counted in `dropped`: that warning is about a slow writer, but this line never fits.
            log::warn!(
                target: TARGET,
                "a record of {len} bytes was dropped: it is larger than the queue of {} bytes; \
                 further records of this size are counted, not logged",
                self.limit
            );
        }
    }

    /// Runs the thread.
    fn run(&self, mut writer: LineWriter) {
        let mut warned_at = None;
        let mut blocks = VecDeque::new();
        while self.next(&mut blocks) {
            // Number of bytes of the first block that are written already.
            let mut start = 0;
            while !blocks.is_empty() {
                start = self.write(&mut writer, &mut blocks, start, &mut warned_at);
            }
        }
        catch_panic(|| self.warn_of_dropped_lines());
        catch_panic(|| drop(writer));
    }

    /// Waits for lines and takes all of them. Returns false if the queue is empty and closed.
    fn next(&self, blocks: &mut VecDeque<Vec<u8>>) -> bool {
        let mut state = self.state();
        while state.lines.is_empty() && !state.closed {
            // An empty queue has nothing to flush.
            state.flush_now = false;
            state.thread = Doing::Waiting;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = Doing::Batching;
        state.flush_now |= state.lines.is_half_full();
        let waits = |state: &mut State| !state.flush_now && !state.closed;
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, BATCH_DELAY, waits)
            .unwrap_or_else(PoisonError::into_inner);
        state.thread = Doing::Writing;
        state.flush_now = false;
        state.lines.take(blocks);
        !blocks.is_empty()
    }

    /// Writes the first blocks and gives them back. Returns the number of bytes that are already
    /// written of the first remaining block.
    fn write(
        &self,
        writer: &mut LineWriter,
        blocks: &mut VecDeque<Vec<u8>>,
        start: usize,
        warned_at: &mut Option<Instant>,
    ) -> usize {
        let count = blocks.len().min(MAX_PARTS);
        let mut parts = [&[][..]; MAX_PARTS];
        for (part, block) in parts.iter_mut().zip(blocks.iter()) {
            *part = block;
        }
        // Write whole lines only: the last line may continue in the next block.
        let last = parts[count - 1];
        let end = memrchr(b'\n', last).map_or(last.len(), |end| end + 1);
        parts[count - 1] = &last[..end];
        parts[0] = &parts[0][start..];
        let parts = &parts[..count];
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let failed = catch_panic(|| writer.write(parts)).unwrap_or_else(|| FailedLines {
            // After a panic, the number of written lines is unknown.
            count: count_lines(parts),
            first_error: None,
        });
        let is_last_done = end == last.len();
        let works = failed.count == 0 || failed.count < count_lines(parts);

        // Update the counters before waiting callers are notified, so that they read the right values.
        catch_panic(|| {
            self.errors.add(failed);
            if works && warned_at.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                let has_warned = self.warn_of_dropped_lines();
                *warned_at = has_warned.then(Instant::now).or(*warned_at);
            }
        });
        let written = blocks.drain(..count - usize::from(!is_last_done));
        let mut state = self.state();
        written.for_each(|block| state.lines.give_back(block));
        state.done += bytes;
        drop(state);
        self.progress.notify_all();
        match is_last_done {
            true => 0,
            false => end,
        }
    }

    /// Logs the number of dropped lines, after the writer has accepted lines again. Returns false if no
    /// lines were dropped.
    fn warn_of_dropped_lines(&self) -> bool {
        let dropped = self.dropped.swap(0, Relaxed);
        if dropped > 0 {
            log::warn!(
                target: TARGET,
                "{dropped} records were dropped: the writer did not keep up with them"
            );
        }
        dropped > 0
    }

    /// Waits until `is_reached`, at most for `limit`, and only while lines are written. Returns false if
    /// the writer is stuck or the limit has passed.
    fn wait_for(
        &self,
        stall_timeout: Duration,
        limit: Duration,
        is_reached: impl Fn(&State) -> bool,
    ) -> bool {
        let started = Instant::now();
        let mut state = self.state();
        loop {
            let done = state.done;
            let is_stalled = |state: &mut State| !is_reached(state) && state.done == done;
            let wait = stall_timeout.min(limit.saturating_sub(started.elapsed()));
            let waited = self.progress.wait_timeout_while(state, wait, is_stalled);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if is_reached(&now) {
                return true;
            }
            if timeout.timed_out() {
                return false;
            }
            state = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        io,
        sync::mpsc::{self, Receiver, Sender},
    };

    use super::*;

    /// A writer that collects all bytes. With a gate, each write reports its arrival and waits for permission.
    struct Paper {
        text: Arc<Mutex<Vec<u8>>>,
        gate: Option<(Sender<()>, Receiver<()>)>,
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some((arrived, leave)) = &self.gate {
                let _ = arrived.send(());
                // Fails once the other end is dropped: the gate is open.
                let _ = leave.recv();
            }
            if bytes.starts_with(b"panic") {
                panic!("this line panics");
            }
            self.text.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Stalled {
        background: Background,
        errors: Arc<WriteErrors>,
        text: Arc<Mutex<Vec<u8>>>,
        arrived: Receiver<()>,
        leave: Sender<()>,
    }

    impl Stalled {
        fn new(bytes: usize, stall_timeout: Duration) -> Self {
            let (arrived, leave) = (mpsc::channel(), mpsc::channel());
            let (text, errors) = <(Arc<Mutex<Vec<u8>>>, Arc<WriteErrors>)>::default();
            let paper = Paper {
                text: Arc::clone(&text),
                gate: Some((arrived.0, leave.1)),
            };
            let writer = Box::new(paper);
            let background =
                Background::with_stall_timeout(writer, bytes, Arc::clone(&errors), stall_timeout);
            Self {
                background,
                errors,
                text,
                arrived: arrived.1,
                leave: leave.0,
            }
        }
    }

    fn open(bytes: usize) -> (Background, Arc<WriteErrors>, Arc<Mutex<Vec<u8>>>) {
        let (text, errors) = <(Arc<Mutex<Vec<u8>>>, Arc<WriteErrors>)>::default();
        let paper = Paper {
            text: Arc::clone(&text),
            gate: None,
        };
        let background = Background::new(Box::new(paper), bytes, Arc::clone(&errors));
        (background, errors, text)
    }

    fn lines(text: &Mutex<Vec<u8>>) -> Vec<String> {
        let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_many_threads_are_written_whole_and_in_order() {
        let (background, errors, text) = open(usize::MAX);
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let background = &background;
                scope.spawn(move || {
                    for nth in 0..2000 {
                        background.push(format!("{name} {nth:04}\n").as_bytes());
                    }
                });
            }
        });
        assert!(background.flush(STALL_TIMEOUT));
        let lines = lines(&text);
        assert_eq!((lines.len(), errors.lost()), (6000, 0));
        for name in ["a", "b", "c"] {
            let of_one = lines.iter().filter(|line| line.starts_with(name));
            assert!(of_one.is_sorted());
        }
    }

    #[test]
    fn dropping_the_queue_waits_until_all_lines_are_written() {
        let (background, _, text) = open(usize::MAX);
        for nth in 0..1000 {
            background.push(format!("{nth}\n").as_bytes());
        }
        drop(background);
        assert_eq!(lines(&text).len(), 1000);
    }

    #[test]
    fn lines_without_room_are_dropped_and_all_others_are_written() {
        let line = |nth: usize| format!("{nth:07}\n");
        let stalled = Stalled::new(8 * 10, STALL_TIMEOUT);
        stalled.background.push(line(0).as_bytes());
        // The line that is being written still takes room.
        stalled.arrived.recv().unwrap();
        for nth in 1..10 {
            stalled.background.push(line(nth).as_bytes());
        }
        assert_eq!(stalled.errors.lost(), 0);
        for nth in 10..15 {
            stalled.background.push(line(nth).as_bytes());
        }
        assert_eq!(stalled.errors.lost(), 5);
        drop(stalled.leave);
        assert!(stalled.background.flush(STALL_TIMEOUT));
        stalled.background.push(line(15).as_bytes());
        assert!(stalled.background.flush(STALL_TIMEOUT));
        let kept = (0..10).chain([15]).map(|nth| format!("{nth:07}"));
        assert!(lines(&stalled.text).into_iter().eq(kept));
        assert_eq!(stalled.errors.lost(), 5);
    }

    #[test]
    fn flush_and_drop_do_not_wait_for_a_stuck_writer() {
        let stalled = Stalled::new(usize::MAX, Duration::from_millis(1));
        stalled.background.push(b"first\n");
        stalled.arrived.recv().unwrap();
        assert!(!stalled.background.flush(STALL_TIMEOUT));
        drop(stalled.background);
        assert!(lines(&stalled.text).is_empty());
        // The line is still written if the writer recovers.
        drop(stalled.leave);
        assert!(stalled.arrived.recv().is_err());
        assert_eq!(lines(&stalled.text), ["first"]);
    }

    #[test]
    fn a_writer_that_panics_loses_its_lines_and_is_used_again() {
        let (background, errors, text) = open(usize::MAX);
        background.push(b"panic\n");
        assert!(background.flush(STALL_TIMEOUT));
        background.push(b"fine\n");
        assert!(background.flush(STALL_TIMEOUT));
        assert_eq!(errors.lost(), 1);
        // The partial line is ended first.
        assert_eq!(lines(&text), ["", "fine"]);
    }

    #[test]
    fn the_queue_can_be_dropped_by_a_thread_local_destructor() {
        thread_local! {
            static KEPT: RefCell<Option<Background>> = const { RefCell::new(None) };
        }
        let (background, _, text) = open(usize::MAX);
        let worker = thread::spawn(move || {
            background.push(b"last\n");
            KEPT.set(Some(background));
        });
        assert!(worker.join().is_ok());
        assert_eq!(lines(&text), ["last"]);
    }

    #[test]
    fn a_line_larger_than_the_queue_is_dropped() {
        let (background, errors, text) = open(100);
        background.push(&[&[b'x'; 100][..], b"\n"].concat());
        background.push(b"fine\n");
        assert!(background.flush(STALL_TIMEOUT));
        assert_eq!(errors.lost(), 1);
        assert_eq!(lines(&text), ["fine"]);
    }
}
