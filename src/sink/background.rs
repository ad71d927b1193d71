//! A thread that writes lines, so that no worker waits for a writer.

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
        TARGET,
        blocks::Blocks,
        line_writer::{LineWriter, Lost, MAX_PARTS, count_lines},
        losses::Losses,
    },
    util::catch_panic::catch_panic,
};

/// How long the thread waits for more lines once there is one. Waking it is a system call of the worker,
/// and writing many lines is one, as writing one line is.
const LINGER: Duration = Duration::from_millis(2);

/// How long a writer may take for what it is handed at once before nobody waits for it any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is said that lines were dropped: where that goes may be as slow as the writer.
const PAUSE: Duration = Duration::from_secs(1);

/// A queue of lines and the thread that writes them.
pub(super) struct Background {
    queue: Arc<Queue>,
    /// `None` once it is dropped.
    thread: Option<JoinHandle<()>>,
    patience: Duration,
}

struct Queue {
    /// Bytes of memory that lines may take.
    limit: usize,
    /// Lines for which there was no room, since this was last said.
    dropped: AtomicUsize,
    /// It was said that a line has no room even where no other is.
    was_too_long: AtomicBool,
    losses: Arc<Losses>,
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes those who wait for the thread.
    progress: Condvar,
}

struct State {
    lines: Blocks,
    /// Bytes of the lines that were taken, and of those that are dealt with.
    taken: u64,
    done: u64,
    thread: Doing,
    /// Somebody waits, or memory gets short: no lingering.
    hurry: bool,
    closed: bool,
    /// The thread is over, and its writer dropped.
    finished: bool,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Writing,
    /// It sleeps until there is a line.
    Waiting,
    /// It sleeps until there are more, but not for long.
    Lingering,
}

impl Background {
    /// # Panics
    ///
    /// If the thread cannot be started.
    pub(super) fn new(writer: Box<dyn Write + Send>, bytes: usize, losses: Arc<Losses>) -> Self {
        Self::with_patience(writer, bytes, losses, PATIENCE)
    }

    fn with_patience(
        writer: Box<dyn Write + Send>,
        bytes: usize,
        losses: Arc<Losses>,
        patience: Duration,
    ) -> Self {
        let queue = Arc::new(Queue {
            limit: bytes,
            dropped: AtomicUsize::new(0),
            was_too_long: AtomicBool::new(false),
            losses,
            state: Mutex::new(State {
                lines: Blocks::new(bytes),
                taken: 0,
                done: 0,
                thread: Doing::Writing,
                hurry: false,
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
        let thread = thread.expect("the thread of a background writer can be started");
        Self {
            queue,
            thread: Some(thread),
            patience,
        }
    }

    /// Hands a line, newline included, to the thread; or drops it if there is no room for it.
    pub(super) fn push(&self, line: &[u8]) {
        self.queue.push(line);
    }

    /// Waits until all lines that there are now were written. False if they were not within `limit`, or if the
    /// writer is stuck.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let target = {
            let mut state = self.queue.state();
            state.hurry = true;
            state.taken
        };
        self.queue.work.notify_one();
        self.queue
            .wait_for(self.patience, limit, |state| state.done >= target)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.queue.state().closed = true;
        self.queue.work.notify_one();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The writer may own the last clone of the logger that it writes for. (Who this is cannot be told
        // where a thread is as good as over. That of the writer drops nothing of ours then.)
        let this = catch_panic(|| thread::current().id());
        if this == Some(thread.thread().id()) {
            return;
        }
        let is_over = |state: &State| state.finished;
        if self.queue.wait_for(self.patience, Duration::MAX, is_over) {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it is locked.
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
            Doing::Lingering => is_short && !state.hurry,
        };
        if wakes {
            state.hurry |= is_short;
            state.thread = Doing::Lingering;
        }
        drop(state);
        if wakes {
            self.work.notify_one();
        }
    }

    fn drop_line(&self, len: usize) {
        self.losses.count(1);
        if len <= self.limit {
            self.dropped.fetch_add(1, Relaxed);
        } else if !self.was_too_long.swap(true, Relaxed) {
            // It will be so for ever, and nothing that flows again will tell.
            log::warn!(
                target: TARGET,
                "a record of {len} bytes has no room in a queue of {}, and was dropped; others will not be told",
                self.limit
            );
        }
    }

    /// What the thread does.
    fn run(&self, mut writer: LineWriter) {
        let mut said = None;
        let mut blocks = VecDeque::new();
        while self.next(&mut blocks) {
            // Of the first block, what was not yet written.
            let mut start = 0;
            while !blocks.is_empty() {
                start = self.write(&mut writer, &mut blocks, start, &mut said);
            }
        }
        catch_panic(|| self.say_what_was_dropped());
        catch_panic(|| drop(writer));
    }

    /// Waits for lines, and takes all of them. False if there are none, and will be none.
    fn next(&self, blocks: &mut VecDeque<Vec<u8>>) -> bool {
        let mut state = self.state();
        while state.lines.is_empty() && !state.closed {
            // Who waits for no lines does not wait.
            state.hurry = false;
            state.thread = Doing::Waiting;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = Doing::Lingering;
        state.hurry |= state.lines.is_half_full();
        let lingers = |state: &mut State| !state.hurry && !state.closed;
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, LINGER, lingers)
            .unwrap_or_else(PoisonError::into_inner);
        state.thread = Doing::Writing;
        state.hurry = false;
        state.lines.take(blocks);
        !blocks.is_empty()
    }

    /// Writes the first of these blocks, and gives them back; where in the first one that is left the
    /// lines go on.
    fn write(
        &self,
        writer: &mut LineWriter,
        blocks: &mut VecDeque<Vec<u8>>,
        start: usize,
        said: &mut Option<Instant>,
    ) -> usize {
        let count = blocks.len().min(MAX_PARTS);
        let mut parts = [&[][..]; MAX_PARTS];
        for (part, block) in parts.iter_mut().zip(blocks.iter()) {
            *part = block;
        }
        // Nothing but lines: the last one goes on in the next block, if there is one.
        let last = parts[count - 1];
        let end = memrchr(b'\n', last).map_or(last.len(), |end| end + 1);
        parts[count - 1] = &last[..end];
        parts[0] = &parts[0][start..];
        let parts = &parts[..count];
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let lost = catch_panic(|| writer.write(parts)).unwrap_or_else(|| Lost {
            // How many of them were written before it panicked is not known.
            lines: count_lines(parts),
            why: None,
        });
        let is_last_done = end == last.len();
        let flows = lost.lines == 0 || lost.lines < count_lines(parts);

        // First: whoever waits for these lines finds the counters right.
        catch_panic(|| {
            self.losses.add(lost);
            if flows && said.is_none_or(|said| said.elapsed() >= PAUSE) {
                let was_said = self.say_what_was_dropped();
                *said = was_said.then(Instant::now).or(*said);
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

    /// The writer takes lines again. False if there is nothing to be said.
    fn say_what_was_dropped(&self) -> bool {
        let dropped = self.dropped.swap(0, Relaxed);
        if dropped > 0 {
            log::warn!(
                target: TARGET,
                "{dropped} records were dropped: the writer did not keep up with them"
            );
        }
        dropped > 0
    }

    /// Waits until `is_there`, for as long as lines are written, and no longer than `limit`. False if that came to
    /// a halt, or takes longer.
    fn wait_for(
        &self,
        patience: Duration,
        limit: Duration,
        is_there: impl Fn(&State) -> bool,
    ) -> bool {
        let started = Instant::now();
        let mut state = self.state();
        loop {
            let done = state.done;
            let halts = |state: &mut State| !is_there(state) && state.done == done;
            let wait = patience.min(limit.saturating_sub(started.elapsed()));
            let waited = self.progress.wait_timeout_while(state, wait, halts);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if is_there(&now) {
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

    /// Collects what is written. Each write says so, and waits for leave where there are gates.
    struct Paper {
        text: Arc<Mutex<Vec<u8>>>,
        gate: Option<(Sender<()>, Receiver<()>)>,
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some((arrived, leave)) = &self.gate {
                let _ = arrived.send(());
                // Open once the other end is gone.
                let _ = leave.recv();
            }
            if bytes.starts_with(b"panic") {
                panic!("this line is not liked");
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
        losses: Arc<Losses>,
        text: Arc<Mutex<Vec<u8>>>,
        arrived: Receiver<()>,
        leave: Sender<()>,
    }

    impl Stalled {
        fn new(bytes: usize, patience: Duration) -> Self {
            let (arrived, leave) = (mpsc::channel(), mpsc::channel());
            let (text, losses) = <(Arc<Mutex<Vec<u8>>>, Arc<Losses>)>::default();
            let paper = Paper {
                text: Arc::clone(&text),
                gate: Some((arrived.0, leave.1)),
            };
            let writer = Box::new(paper);
            let background =
                Background::with_patience(writer, bytes, Arc::clone(&losses), patience);
            Self {
                background,
                losses,
                text,
                arrived: arrived.1,
                leave: leave.0,
            }
        }
    }

    fn open(bytes: usize) -> (Background, Arc<Losses>, Arc<Mutex<Vec<u8>>>) {
        let (text, losses) = <(Arc<Mutex<Vec<u8>>>, Arc<Losses>)>::default();
        let paper = Paper {
            text: Arc::clone(&text),
            gate: None,
        };
        let background = Background::new(Box::new(paper), bytes, Arc::clone(&losses));
        (background, losses, text)
    }

    fn lines(text: &Mutex<Vec<u8>>) -> Vec<String> {
        let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_many_threads_arrive_whole_and_in_order() {
        let (background, losses, text) = open(usize::MAX);
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
        assert!(background.flush(PATIENCE));
        let lines = lines(&text);
        assert_eq!((lines.len(), losses.counted()), (6000, 0));
        for name in ["a", "b", "c"] {
            let of_one = lines.iter().filter(|line| line.starts_with(name));
            assert!(of_one.is_sorted());
        }
    }

    #[test]
    fn nothing_waits_any_more_when_it_is_dropped() {
        let (background, _, text) = open(usize::MAX);
        for nth in 0..1000 {
            background.push(format!("{nth}\n").as_bytes());
        }
        drop(background);
        assert_eq!(lines(&text).len(), 1000);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_what_fits_is_written() {
        let line = |nth: usize| format!("{nth:07}\n");
        let stalled = Stalled::new(8 * 10, PATIENCE);
        stalled.background.push(line(0).as_bytes());
        // That one is being written, and still counts.
        stalled.arrived.recv().unwrap();
        for nth in 1..10 {
            stalled.background.push(line(nth).as_bytes());
        }
        assert_eq!(stalled.losses.counted(), 0);
        for nth in 10..15 {
            stalled.background.push(line(nth).as_bytes());
        }
        assert_eq!(stalled.losses.counted(), 5);
        drop(stalled.leave);
        assert!(stalled.background.flush(PATIENCE));
        stalled.background.push(line(15).as_bytes());
        assert!(stalled.background.flush(PATIENCE));
        let kept = (0..10).chain([15]).map(|nth| format!("{nth:07}"));
        assert!(lines(&stalled.text).into_iter().eq(kept));
        assert_eq!(stalled.losses.counted(), 5);
    }

    #[test]
    fn nobody_waits_for_a_writer_that_is_stuck() {
        let stalled = Stalled::new(usize::MAX, Duration::from_millis(1));
        stalled.background.push(b"first\n");
        stalled.arrived.recv().unwrap();
        assert!(!stalled.background.flush(PATIENCE));
        drop(stalled.background);
        assert!(lines(&stalled.text).is_empty());
        // It still writes what it got, should it ever come to.
        drop(stalled.leave);
        assert!(stalled.arrived.recv().is_err());
        assert_eq!(lines(&stalled.text), ["first"]);
    }

    #[test]
    fn a_writer_that_panics_loses_its_lines_and_is_tried_again() {
        let (background, losses, text) = open(usize::MAX);
        background.push(b"panic\n");
        assert!(background.flush(PATIENCE));
        background.push(b"fine\n");
        assert!(background.flush(PATIENCE));
        assert_eq!(losses.counted(), 1);
        // What was torn is ended first.
        assert_eq!(lines(&text), ["", "fine"]);
    }

    #[test]
    fn it_can_be_dropped_by_a_thread_that_ends() {
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
        let (background, losses, text) = open(100);
        background.push(&[&[b'x'; 100][..], b"\n"].concat());
        background.push(b"fine\n");
        assert!(background.flush(PATIENCE));
        assert_eq!(losses.counted(), 1);
        assert_eq!(lines(&text), ["fine"]);
    }
}
