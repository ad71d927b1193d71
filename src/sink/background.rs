//! Two buffers of lines and a thread that writes them, so that no worker waits for a writer.

use std::{
    io::Write,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
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

/// Time that one write may take before the writer counts as stuck and is not waited for.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Minimum time between two warnings about dropped lines, because the implementation of `log` may be as slow as the
/// writer.
const WARNING_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum size of one write, unless a single line is longer.
const MAX_WRITE: usize = 128 * 1024;

/// Maximum memory that an unused buffer keeps.
const MAX_SPARE: usize = 256 * 1024;

/// A thread that writes lines, and the lines that wait for it.
pub(super) struct Background {
    shared: Arc<Shared>,
    /// `None` after drop.
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    errors: Arc<WriteErrors>,
    state: Mutex<State>,
    /// Notifies the thread.
    work: Condvar,
    /// Notifies callers that wait for the thread.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    /// Maximum number of bytes that wait or are being written.
    limit: usize,
    /// Lines that wait.
    waiting: Vec<u8>,
    /// Length of the lines in the other buffer, which the thread writes.
    writing: usize,
    /// Bytes of all lines that were accepted.
    accepted: u64,
    /// Bytes of all lines that were written or lost.
    done: u64,
    /// Number of lines dropped for lack of room since the last warning about them.
    dropped: usize,
    /// Set once the warning about a line that is longer than `limit` was logged.
    was_too_long: bool,
    /// Beginning of the write in progress. `None` while the thread waits for lines.
    busy_since: Option<Instant>,
    /// Set while the thread sleeps until there is a line.
    is_idle: bool,
    /// Set if a caller waits or there are enough lines: skip the batch delay.
    flush_now: bool,
    closed: bool,
    /// Set once the thread has dropped its writer.
    finished: bool,
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
        let shared = Arc::new(Shared {
            errors,
            state: Mutex::new(State {
                limit: bytes,
                ..State::default()
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let thread = thread::Builder::new().name("bodylog-writer".to_owned());
        let thread = thread.spawn({
            let shared = Arc::clone(&shared);
            move || shared.run(LineWriter::new(writer))
        });
        let thread = thread.expect("the thread of a background writer starts");
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Appends a line, which ends with a newline, or drops it if there is no room.
    pub(super) fn push(&self, line: &[u8]) {
        self.shared.push(line);
    }

    /// Waits until all lines that were accepted before this call are written. Returns false if that takes longer than
    /// `limit`, or if the writer is stuck.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let mut state = self.shared.state();
        let target = state.accepted;
        state.flush_now = !state.waiting.is_empty();
        drop(state);
        self.shared.work.notify_one();
        self.shared.wait_for(limit, |state| state.done >= target)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // If the writer owns the last clone of the logger, this runs on the writer's thread, which must not wait for
        // itself. A thread that is ending may have no id any more, but the writer's thread drops no logger then.
        let this = catch_panic(|| thread::current().id());
        if this == Some(thread.thread().id()) {
            return;
        }
        if self.shared.wait_for(Duration::MAX, |state| state.finished) {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        let has_room = state.push(line);
        let is_urgent = state.is_enough() && !state.flush_now;
        state.flush_now |= is_urgent;
        let wakes = mem::take(&mut state.is_idle) || is_urgent;
        let (len, limit) = (line.len(), state.limit);
        // The warning about dropped lines is about a slow writer, but a line that is too long never fits.
        let is_too_long = len > limit;
        let warns = is_too_long && !mem::replace(&mut state.was_too_long, true);
        if !has_room && !is_too_long {
            state.dropped += 1;
        }
        drop(state);
        if wakes {
            self.work.notify_one();
        }
        if !has_room {
            self.errors.count(1);
        }
        if warns {
            log::warn!(
                target: TARGET,
                "a record of {len} bytes was dropped: it is larger than the queue of {limit} bytes; \
                 further records of this size are counted, not logged"
            );
        }
    }

    /// Runs the thread.
    fn run(&self, mut writer: LineWriter) {
        let max_kept = self.state().max_kept();
        let mut warned_at = None;
        let mut lines = Vec::new();
        while self.next(&mut lines) {
            let mut start = 0;
            while start < lines.len() {
                let len = len_of_write(&lines[start..]);
                self.write(&mut writer, &lines[start..][..len], &mut warned_at);
                start += len;
                if start == lines.len() {
                    // Free the memory before the other buffer may use it.
                    start = 0;
                    clear(&mut lines, max_kept);
                }
                let mut state = self.state();
                state.writing = lines.len();
                state.done += len as u64;
                state.busy_since = Some(Instant::now());
                drop(state);
                self.progress.notify_all();
            }
        }
        catch_panic(|| self.warn_of_dropped_lines());
        catch_panic(|| drop(writer));
        self.state().finished = true;
        self.progress.notify_all();
    }

    /// Waits for lines and takes all of them. Returns false if there are none and no more will come.
    fn next(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        state.busy_since = None;
        let is_waiting = |state: &mut State| {
            state.is_idle = state.waiting.is_empty() && !state.closed;
            state.is_idle
        };
        let state = self.work.wait_while(state, is_waiting);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let may_wait = |state: &mut State| !state.flush_now && !state.closed;
        let waited = self.work.wait_timeout_while(state, BATCH_DELAY, may_wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.take(lines);
        state.busy_since = Some(Instant::now());
        !lines.is_empty()
    }

    fn write(&self, writer: &mut LineWriter, lines: &[u8], warned_at: &mut Option<Instant>) {
        let count = count_lines(lines);
        let failed = catch_panic(|| writer.write(lines)).unwrap_or(FailedLines {
            // After a panic, the number of written lines is unknown.
            count,
            first_error: None,
        });
        let may_warn =
            failed.count < count && warned_at.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL);
        // The implementation of `log` may panic.
        catch_panic(|| {
            self.errors.add(failed);
            if may_warn && self.warn_of_dropped_lines() {
                *warned_at = Some(Instant::now());
            }
        });
    }

    /// Logs the number of dropped lines, after the writer has accepted lines again. Returns false if no lines were
    /// dropped.
    fn warn_of_dropped_lines(&self) -> bool {
        let dropped = mem::take(&mut self.state().dropped);
        if dropped > 0 {
            log::warn!(
                target: TARGET,
                "{dropped} records were dropped: the writer did not keep up with them"
            );
        }
        dropped > 0
    }

    /// Waits until `is_reached`. Returns false if that takes longer than `limit`, or if the writer is stuck.
    fn wait_for(&self, limit: Duration, is_reached: impl Fn(&State) -> bool) -> bool {
        let started = Instant::now();
        let mut state = self.state();
        while !is_reached(&state) {
            let busy = state.busy_since.unwrap_or(started).elapsed();
            let left = STALL_TIMEOUT.saturating_sub(busy);
            let left = left.min(limit.saturating_sub(started.elapsed()));
            if left.is_zero() {
                return false;
            }
            let waited = self.progress.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

impl State {
    /// Returns whether there are enough lines for a full write, or for half of the limit.
    fn is_enough(&self) -> bool {
        self.waiting.len() >= MAX_WRITE.min(self.limit / 2)
    }

    /// Appends a line. Returns false if there is no room for it.
    fn push(&mut self, line: &[u8]) -> bool {
        let most = self.limit - self.writing;
        let needed = self.waiting.len() + line.len();
        if needed > most {
            return false;
        }
        if needed > self.waiting.capacity() {
            let doubled = self.waiting.capacity().saturating_mul(2);
            let capacity = doubled.clamp(needed, most);
            self.waiting.reserve_exact(capacity - self.waiting.len());
        }
        self.waiting.extend_from_slice(line);
        self.accepted += line.len() as u64;
        true
    }

    /// Swaps the buffers: moves the lines that wait to `lines`, which must be empty.
    fn take(&mut self, lines: &mut Vec<u8>) {
        mem::swap(&mut self.waiting, lines);
        self.writing = lines.len();
        self.flush_now = false;
        // The buffers must not need much more memory than their lines, because the other buffer may grow into the rest
        // of the limit.
        if lines.capacity() - lines.len() > self.max_kept() {
            lines.shrink_to(self.max_kept());
        }
    }

    /// Returns the memory that a buffer may have beyond its lines, which saves allocations.
    fn max_kept(&self) -> usize {
        MAX_SPARE.min(self.limit / 16)
    }
}

/// Removes all lines and the memory beyond `max_kept`.
fn clear(lines: &mut Vec<u8>, max_kept: usize) {
    lines.clear();
    lines.shrink_to(max_kept);
}

/// Returns the length of the first lines, as many as [`MAX_WRITE`] allows but at least one.
fn len_of_write(lines: &[u8]) -> usize {
    let first = &lines[..lines.len().min(MAX_WRITE)];
    let end = memrchr(b'\n', first).or_else(|| memchr(b'\n', lines));
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

    /// A writer that collects all bytes. With a gate, each write reports its arrival and waits for permission.
    #[derive(Default)]
    struct Paper {
        writes: Arc<Mutex<Vec<Vec<u8>>>>,
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
            self.writes.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Fixture {
        background: Background,
        errors: Arc<WriteErrors>,
        writes: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Fixture {
        fn new(bytes: usize, paper: Paper) -> Self {
            let errors = Arc::<WriteErrors>::default();
            Self {
                writes: Arc::clone(&paper.writes),
                background: Background::new(Box::new(paper), bytes, Arc::clone(&errors)),
                errors,
            }
        }

        fn open(bytes: usize) -> Self {
            Self::new(bytes, Paper::default())
        }

        /// Returns a fixture with a gate, whose other ends are returned.
        fn gated(bytes: usize) -> (Self, Receiver<()>, Sender<()>) {
            let (arrived, leave) = (mpsc::channel(), mpsc::channel());
            let paper = Paper {
                gate: Some((arrived.0, leave.1)),
                ..Paper::default()
            };
            (Self::new(bytes, paper), arrived.1, leave.0)
        }

        fn push(&self, line: impl AsRef<[u8]>) {
            self.background.push(line.as_ref());
        }

        #[track_caller]
        fn flush(&self) {
            assert!(self.background.flush(Duration::from_secs(60)));
        }

        fn lines(&self) -> Vec<String> {
            lines(&self.writes)
        }
    }

    fn lines(writes: &Mutex<Vec<Vec<u8>>>) -> Vec<String> {
        let text = String::from_utf8(writes.lock().unwrap().concat()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_many_threads_are_written_whole_and_in_order() {
        let fixture = Fixture::open(usize::MAX);
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let fixture = &fixture;
                scope.spawn(move || {
                    for nth in 0..1000 {
                        fixture.push(format!("{name} {nth:04}\n"));
                    }
                });
            }
        });
        fixture.flush();
        let lines = fixture.lines();
        assert_eq!((lines.len(), fixture.errors.lost()), (3000, 0));
        for name in ["a", "b", "c"] {
            let of_one = lines.iter().filter(|line| line.starts_with(name));
            assert!(of_one.is_sorted());
        }
    }

    #[test]
    fn dropping_the_sink_waits_until_all_lines_are_written() {
        let Fixture {
            background, writes, ..
        } = Fixture::open(usize::MAX);
        for nth in 0..1000 {
            background.push(format!("{nth}\n").as_bytes());
        }
        drop(background);
        assert_eq!(lines(&writes).len(), 1000);
    }

    #[test]
    fn a_line_wakes_the_sleeping_thread() {
        let (fixture, arrived, leave) = Fixture::gated(usize::MAX);
        drop(leave);
        for _ in 0..3 {
            while !fixture.background.shared.state().is_idle {
                thread::yield_now();
            }
            fixture.push("line\n");
            arrived.recv_timeout(Duration::from_secs(60)).unwrap();
        }
    }

    #[test]
    fn lines_without_room_are_dropped_and_all_others_are_written() {
        let line = |nth: usize| format!("{nth:07}\n");
        let (fixture, arrived, leave) = Fixture::gated(8 * 10);
        fixture.push(line(0));
        // The line that is being written still takes room.
        arrived.recv().unwrap();
        for nth in 1..15 {
            fixture.push(line(nth));
        }
        assert_eq!(fixture.errors.lost(), 5);
        drop(leave);
        fixture.flush();
        fixture.push(line(15));
        fixture.flush();
        let kept = (0..10).chain([15]).map(|nth| format!("{nth:07}"));
        assert!(fixture.lines().into_iter().eq(kept));
        assert_eq!(fixture.errors.lost(), 5);
    }

    #[test]
    fn each_write_has_whole_lines_up_to_the_size_of_one_write() {
        let (fixture, arrived, leave) = Fixture::gated(1 << 20);
        let line = |len: usize| [&vec![b'x'; len - 1][..], b"\n"].concat();
        fixture.push(line(1));
        arrived.recv().unwrap();
        let lens = [100_000, MAX_WRITE - 100_000, 1, MAX_WRITE + 1, 1, MAX_WRITE];
        for len in lens {
            fixture.push(line(len));
        }
        drop(leave);
        fixture.flush();
        let writes = fixture.writes.lock().unwrap();
        let lens: Vec<_> = writes.iter().map(Vec::len).collect();
        assert_eq!(lens, [1, MAX_WRITE, 1, MAX_WRITE + 1, 1, MAX_WRITE]);
        assert!(writes.iter().all(|write| write.ends_with(b"\n")));
    }

    #[test]
    fn flush_and_drop_do_not_wait_for_a_stuck_writer() {
        let (fixture, arrived, leave) = Fixture::gated(usize::MAX);
        fixture.push("first\n");
        arrived.recv().unwrap();
        let started = Instant::now();
        // Pretend that the write began earlier.
        let earlier = started.checked_sub(STALL_TIMEOUT).unwrap();
        fixture.background.shared.state().busy_since = Some(earlier);
        assert!(!fixture.background.flush(Duration::MAX));
        drop(fixture.background);
        assert!(started.elapsed() < STALL_TIMEOUT);
        assert!(lines(&fixture.writes).is_empty());
        // The line is still written if the writer recovers.
        drop(leave);
        assert!(arrived.recv().is_err());
        assert_eq!(lines(&fixture.writes), ["first"]);
    }

    #[test]
    fn each_of_two_flushes_keeps_to_its_limit_while_lines_are_written() {
        let (fixture, arrived, leave) = Fixture::gated(usize::MAX);
        let line = [&vec![b'x'; MAX_WRITE][..], b"\n"].concat();
        fixture.push(&line);
        arrived.recv().unwrap();
        fixture.push(&line);
        fixture.push(&line);
        let started = Instant::now();
        thread::scope(|scope| {
            let flush = || fixture.background.flush(Duration::from_millis(20));
            let flushes = [scope.spawn(flush), scope.spawn(flush)];
            // One of the lines is written.
            leave.send(()).unwrap();
            arrived.recv().unwrap();
            let busy_since = fixture.background.shared.state().busy_since;
            assert!(busy_since.is_some_and(|since| since > started));
            assert!(flushes.map(|flush| flush.join().unwrap()) == [false, false]);
        });
        assert!(started.elapsed() < STALL_TIMEOUT);
        assert!(!fixture.background.flush(Duration::ZERO));
        drop(leave);
        fixture.flush();
        assert!(fixture.background.flush(Duration::ZERO));
    }

    #[test]
    fn a_writer_that_panics_loses_its_lines_and_is_used_again() {
        let (fixture, arrived, leave) = Fixture::gated(usize::MAX);
        fixture.push("first\n");
        arrived.recv().unwrap();
        fixture.push("panic\n");
        fixture.push("lost\n");
        drop(leave);
        fixture.flush();
        fixture.push("fine\n");
        fixture.flush();
        assert_eq!(fixture.errors.lost(), 2);
        // A line that may be incomplete is ended first.
        assert_eq!(fixture.lines(), ["first", "", "fine"]);
    }

    #[test]
    fn the_sink_can_be_dropped_by_a_thread_local_destructor() {
        thread_local! {
            static KEPT: RefCell<Option<Background>> = const { RefCell::new(None) };
        }
        let Fixture {
            background, writes, ..
        } = Fixture::open(usize::MAX);
        let worker = thread::spawn(move || {
            background.push(b"last\n");
            KEPT.set(Some(background));
        });
        assert!(worker.join().is_ok());
        assert_eq!(lines(&writes), ["last"]);
    }

    #[test]
    fn the_sink_can_be_dropped_by_its_own_writer() {
        struct DropsSink(Receiver<Background>, Sender<()>);
        impl Write for DropsSink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                drop(self.0.recv());
                let _ = self.1.send(());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let ((sink, has_sink), (dropped, was_dropped)) = (mpsc::channel(), mpsc::channel());
        let writer = Box::new(DropsSink(has_sink, dropped));
        let background = Background::new(writer, usize::MAX, Arc::default());
        let started = Instant::now();
        background.push(b"line\n");
        sink.send(background).unwrap();
        was_dropped.recv().unwrap();
        assert!(started.elapsed() < STALL_TIMEOUT);
        // The thread ends, and drops its writer.
        assert!(was_dropped.recv().is_err());
    }

    #[test]
    fn a_line_larger_than_the_limit_is_dropped() {
        let fixture = Fixture::open(5);
        fixture.push("fine\n");
        fixture.flush();
        assert!(!fixture.background.shared.state().was_too_long);
        fixture.push("large\n");
        assert!(fixture.background.shared.state().was_too_long);
        fixture.push("good\n");
        fixture.flush();
        assert_eq!(fixture.errors.lost(), 1);
        assert_eq!(fixture.lines(), ["fine", "good"]);
        // The warning about dropped lines does not count it.
        assert_eq!(fixture.background.shared.state().dropped, 0);
    }

    #[test]
    fn in_a_steady_state_nothing_is_allocated() {
        let mut state = State {
            limit: 1 << 20,
            ..State::default()
        };
        let mut lines = Vec::new();
        let mut round = || {
            for _ in 0..40 {
                assert!(state.push(&[b'\n'; 1000]));
            }
            state.take(&mut lines);
            state.writing = 0;
            clear(&mut lines, state.max_kept());
        };
        round();
        round();
        let counted = allocation_counter::measure(|| (0..10).for_each(|_| round()));
        assert_eq!(counted.count_total, 0);
    }

    proptest! {
        #[test]
        fn all_lines_that_fit_are_taken_in_order_and_memory_is_bounded(
            limit in 0_usize..4000,
            steps in prop::collection::vec(
                prop_oneof![9 => (1_usize..300).prop_map(Some), 2 => Just(None)],
                0..400,
            ),
        ) {
            let mut state = State { limit, ..State::default() };
            let (mut lines, mut pushed, mut seen) = <(Vec<u8>, Vec<u8>, Vec<u8>)>::default();
            for step in steps {
                if let Some(len) = step {
                    let line = format!("{:>1$}", "\n", len);
                    let has_room = len <= limit - (pushed.len() - seen.len());
                    prop_assert_eq!(state.push(line.as_bytes()), has_room);
                    if has_room {
                        pushed.extend_from_slice(line.as_bytes());
                    }
                } else if lines.is_empty() {
                    state.take(&mut lines);
                } else {
                    seen.extend_from_slice(&lines);
                    clear(&mut lines, state.max_kept());
                    state.writing = 0;
                }
                prop_assert_eq!(state.accepted, pushed.len() as u64);
                prop_assert!(state.waiting.capacity() + lines.capacity() <= limit + limit / 8);
            }
            seen.extend_from_slice(&lines);
            seen.extend_from_slice(&state.waiting);
            prop_assert_eq!(seen, pushed);
        }
    }
}
