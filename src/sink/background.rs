//! A queue of lines and a thread that writes them, so that no worker waits for a writer.

use std::{
    io::Write,
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use memchr::{memchr, memrchr};

use crate::{
    sink::{
        line_writer::{FailedLines, LineWriter, count_lines},
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

/// Maximum number of bytes of one write, unless a line is longer. A writer that takes longer than [`STALL_TIMEOUT`] for
/// this many bytes is stuck.
const MAX_WRITE: usize = 128 * 1024;

/// Maximum capacity of a buffer that is kept when its content is smaller, in bytes.
const MAX_KEPT: usize = 1024 * 1024;

/// A queue of lines and the thread that writes them.
pub(super) struct Background {
    queue: Arc<Queue>,
    /// `None` after drop.
    thread: Option<JoinHandle<()>>,
}

struct Queue {
    /// Maximum number of bytes of the lines that wait or are being written.
    limit: usize,
    stall_timeout: Duration,
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

#[derive(Default)]
struct State {
    /// The lines that wait. The thread swaps this buffer with its own.
    waiting: Vec<u8>,
    /// Bytes of all lines that were accepted.
    accepted: u64,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    /// Writes since this time.
    Writing(Instant),
    /// Sleeps until there is a line.
    Waiting,
    /// Starts, or sleeps for the batch delay, to collect more lines.
    #[default]
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
        limit: usize,
        errors: Arc<WriteErrors>,
        stall_timeout: Duration,
    ) -> Self {
        let queue = Arc::new(Queue {
            limit,
            stall_timeout,
            dropped: AtomicUsize::new(0),
            was_too_long: AtomicBool::new(false),
            errors,
            state: Mutex::default(),
            work: Condvar::default(),
            progress: Condvar::default(),
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
            state.accepted
        };
        self.queue.work.notify_one();
        let deadline = Instant::now().checked_add(limit);
        self.queue.wait_for(deadline, |state| state.done >= target)
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
        if self.queue.wait_for(None, |state| state.finished) {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

impl State {
    /// Returns the number of bytes of the lines that wait or are being written.
    fn held(&self) -> usize {
        // At most the limit, so it fits.
        (self.accepted - self.done) as usize
    }

    /// Appends a line, unless more than `limit` bytes would be held.
    fn append(&mut self, line: &[u8], limit: usize) -> bool {
        let held = self.held();
        if line.len() > limit.saturating_sub(held) {
            return false;
        }
        let (len, capacity) = (self.waiting.len(), self.waiting.capacity());
        if line.len() > capacity - len {
            // Double the buffer, but do not let it grow beyond what can ever wait.
            let most = limit - (held - len);
            let target = most.min(capacity.saturating_mul(2)).max(len + line.len());
            if self.waiting.try_reserve_exact(target - len).is_err() {
                return false;
            }
        }
        self.waiting.extend_from_slice(line);
        self.accepted += line.len() as u64;
        true
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        if !state.append(line, self.limit) {
            drop(state);
            self.drop_line(line.len());
            return;
        }
        let is_short = state.held() > self.limit / 2;
        let wakes = match state.thread {
            Doing::Writing(_) => false,
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
        let mut lines = Vec::new();
        while self.swap(&mut lines) {
            let mut rest = &lines[..];
            while !rest.is_empty() {
                let (some, others) = rest.split_at(write_len(rest));
                self.write(&mut writer, some, &mut warned_at);
                rest = others;
            }
        }
        catch_panic(|| self.warn_of_dropped_lines());
        catch_panic(|| drop(writer));
    }

    /// Waits for lines, and swaps them with the buffer of the lines that were written. Returns false if there are no
    /// lines and the queue is closed.
    fn swap(&self, lines: &mut Vec<u8>) -> bool {
        let max_kept = MAX_KEPT.min(self.limit / 8);
        lines.clear();
        lines.shrink_to(max_kept);
        let mut state = self.state();
        while state.waiting.is_empty() && !state.closed {
            // An empty queue has nothing to flush.
            state.flush_now = false;
            state.thread = Doing::Waiting;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = Doing::Batching;
        state.flush_now |= state.held() > self.limit / 2;
        let waits = |state: &mut State| !state.flush_now && !state.closed;
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, BATCH_DELAY, waits)
            .unwrap_or_else(PoisonError::into_inner);
        state.thread = Doing::Writing(Instant::now());
        state.flush_now = false;
        mem::swap(lines, &mut state.waiting);
        drop(state);
        // A stuck writer must not hold unused memory.
        lines.shrink_to(max_kept);
        !lines.is_empty()
    }

    /// Writes whole lines.
    fn write(&self, writer: &mut LineWriter, lines: &[u8], warned_at: &mut Option<Instant>) {
        let failed = catch_panic(|| writer.write(lines)).unwrap_or_else(|| FailedLines {
            // After a panic, the number of written lines is unknown.
            count: count_lines(lines),
            first_error: None,
        });
        let works = failed.count == 0 || failed.count < count_lines(lines);
        // Update the counters before waiting callers are notified, so that they read the right values.
        catch_panic(|| {
            self.errors.add(failed);
            if works && warned_at.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                let has_warned = self.warn_of_dropped_lines();
                *warned_at = has_warned.then(Instant::now).or(*warned_at);
            }
        });
        let mut state = self.state();
        state.done += lines.len() as u64;
        state.thread = Doing::Writing(Instant::now());
        drop(state);
        self.progress.notify_all();
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

    /// Waits until `is_reached`. Returns false at the deadline, or if the writer is stuck.
    fn wait_for(&self, deadline: Option<Instant>, is_reached: impl Fn(&State) -> bool) -> bool {
        let mut state = self.state();
        while !is_reached(&state) {
            let now = Instant::now();
            // The time counts from the beginning of the write, not from that of this wait.
            let since = match state.thread {
                Doing::Writing(since) => since,
                Doing::Waiting | Doing::Batching => now,
            };
            let stuck_at = since + self.stall_timeout;
            let until = deadline.map_or(stuck_at, |deadline| deadline.min(stuck_at));
            if until <= now {
                return false;
            }
            let waited = self.progress.wait_timeout(state, until - now);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

/// Returns the length of the next write: as many whole lines as [`MAX_WRITE`] allows, and at least one.
fn write_len(lines: &[u8]) -> usize {
    if lines.len() <= MAX_WRITE {
        return lines.len();
    }
    let end = memrchr(b'\n', &lines[..MAX_WRITE]).or_else(|| memchr(b'\n', lines));
    end.map_or(lines.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        io,
        sync::mpsc::{self, Receiver, Sender},
    };

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_lines_that_fit_are_kept_in_order_within_the_limit(
            limit in 0_usize..4000,
            steps in prop::collection::vec(prop_oneof![9 => (1_usize..300).prop_map(Some), 1 => Just(None)], 0..200),
        ) {
            let mut state = State::default();
            let (mut writing, mut accepted, mut seen) = (Vec::new(), Vec::new(), Vec::new());
            for (nth, step) in steps.into_iter().enumerate() {
                match step {
                    Some(len) => {
                        let line = vec![nth as u8; len];
                        let held = state.waiting.len() + writing.len();
                        let fits = state.append(&line, limit);
                        prop_assert_eq!(fits, held + len <= limit);
                        if fits {
                            accepted.extend(line);
                        }
                        prop_assert!(state.waiting.capacity() + writing.len() <= limit);
                    }
                    None => {
                        seen.extend_from_slice(&writing);
                        state.done += writing.len() as u64;
                        writing = mem::take(&mut state.waiting);
                    }
                }
                prop_assert_eq!(state.held(), state.waiting.len() + writing.len());
            }
            seen.extend(writing);
            seen.extend(state.waiting);
            prop_assert_eq!(seen, accepted);
        }

        #[test]
        fn a_write_has_whole_lines_and_at_most_its_maximum(
            lens in prop::collection::vec(prop_oneof![20 => 1..5000_usize, 1 => 1..2 * MAX_WRITE], 1..100),
        ) {
            let lines: Vec<_> = lens.iter().map(|&len| [&vec![b'x'; len - 1][..], b"\n"].concat()).collect();
            let mut rest = &lines.concat()[..];
            while !rest.is_empty() {
                let (some, others) = rest.split_at(write_len(rest));
                prop_assert!(some.ends_with(b"\n"));
                prop_assert!(some.len() <= MAX_WRITE || count_lines(some) == 1);
                rest = others;
            }
        }
    }

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
        const STALL: Duration = Duration::from_millis(300);
        let stalled = Stalled::new(usize::MAX, STALL);
        stalled.background.push(b"first\n");
        stalled.arrived.recv().unwrap();
        let since = Instant::now();
        assert!(!stalled.background.flush(Duration::ZERO));
        // Only the first waits: later, the write has already taken too long.
        for _ in 0..9 {
            assert!(!stalled.background.flush(STALL_TIMEOUT));
        }
        drop(stalled.background);
        assert!(since.elapsed() < 9 * STALL);
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
