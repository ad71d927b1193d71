//! The last records, for whoever wants to see them come.
//!
//! Readers have a position and fetch each record themselves, so one that is slow costs no memory and
//! holds up nobody: what was forgotten before it came, it misses.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::{BuildHasher as _, RandomState},
    mem,
    pin::Pin,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use actix_bodylog::{Record, Schema, Sink};
use futures_util::Stream;

const MAX_RECORDS: usize = 200;
/// Of the JSON of all records that are kept.
const MAX_BYTES: usize = 1 << 20;

/// Each has a connection, of which a process can have but so many.
const MAX_READERS: usize = 100;

/// A sink that keeps the last records. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    /// Of this process: another one counts its records from the beginning again.
    epoch: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last one has the number `next - 1`.
    records: VecDeque<Arc<str>>,
    bytes: usize,
    /// The number that the next record gets.
    next: u64,
    closed: bool,
    readers: usize,
    next_reader: u64,
    /// Of the readers that have seen all there is, by their number.
    waiting: HashMap<u64, Waker>,
}

impl Feed {
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                // Keyed by the operating system.
                epoch: RandomState::new().hash_one(()),
                state: Mutex::default(),
            }),
        }
    }

    /// What came after the record with this id, as far as it is kept, and all that will come. Of an id of
    /// another process, or without one: all that is kept. `None` if there are too many readers.
    pub fn read(&self, after: Option<Id>) -> Option<Reader> {
        let mut state = self.lock();
        if state.readers == MAX_READERS {
            return None;
        }
        state.readers += 1;
        let next = match after {
            // A client can say what it likes.
            Some(id) if id.epoch == self.shared.epoch => id.number.saturating_add(1),
            _ => 0,
        };
        let next = next.min(state.next);
        let number = state.next_reader;
        state.next_reader += 1;
        drop(state);
        Some(Reader {
            feed: self.clone(),
            number,
            next,
        })
    }

    /// Ends all readers, also those to come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.wake();
    }

    fn push(&self, json: Arc<str>) {
        let mut state = self.lock();
        state.next += 1;
        state.bytes += json.len();
        state.records.push_back(json);
        while state.records.len() > MAX_RECORDS || state.bytes > MAX_BYTES {
            let Some(oldest) = state.records.pop_front() else {
                break;
            };
            state.bytes -= oldest.len();
        }
        drop(state);
        self.wake();
    }

    /// Without the lock, here as everywhere else: a waker is code of others, which may drop a reader.
    fn wake(&self) {
        let waiting = mem::take(&mut self.lock().waiting);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Nothing is called while it is held, so it is as it should be even after a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Feed {
    fn emit(&self, record: &Record<'_>) {
        record.with_json(Schema::OpenTelemetry, |json| self.push(json.into()));
    }
}

/// Names a record among those of all processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Id {
    epoch: u64,
    number: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.number)
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

/// Gives one record after the other. Where numbers are left out, records were missed.
pub struct Reader {
    feed: Feed,
    number: u64,
    /// The number of the record that is wanted.
    next: u64,
}

impl Stream for Reader {
    type Item = (Id, Arc<str>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let waker = cx.waker().clone();
        let mut state = self.feed.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        let first = state.next - state.records.len() as u64;
        let number = self.next.max(first);
        let at = usize::try_from(number - first).unwrap_or(usize::MAX);
        if let Some(json) = state.records.get(at).cloned() {
            drop(state);
            self.next = number + 1;
            let epoch = self.feed.shared.epoch;
            return Poll::Ready(Some((Id { epoch, number }, json)));
        }
        let before = state.waiting.insert(self.number, waker);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.feed.lock();
        state.readers -= 1;
        let waker = state.waiting.remove(&self.number);
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::Wake,
    };

    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;

    fn feed(records: usize) -> Feed {
        let feed = Feed::new();
        (0..records).for_each(|nth| feed.push(nth.to_string().into()));
        feed
    }

    /// What can be had without waiting.
    fn ready(reader: &mut Reader) -> Vec<(u64, String)> {
        let next = || reader.next().now_or_never().flatten();
        std::iter::from_fn(next)
            .map(|(id, json)| (id.number, json.to_string()))
            .collect()
    }

    fn numbered(numbers: std::ops::Range<u64>) -> Vec<(u64, String)> {
        numbers.map(|nth| (nth, nth.to_string())).collect()
    }

    fn id(feed: &Feed, number: u64) -> Option<Id> {
        let epoch = feed.shared.epoch;
        Some(Id { epoch, number })
    }

    #[test]
    fn a_reader_gets_what_was_there_and_what_comes() {
        let feed = feed(3);
        let mut reader = feed.read(None).unwrap();
        assert_eq!(ready(&mut reader), numbered(0..3));
        feed.push("3".into());
        assert_eq!(ready(&mut reader), numbered(3..4));
        assert_eq!(ready(&mut reader), []);
    }

    #[test]
    fn a_slow_reader_misses_what_was_forgotten_and_nothing_else() {
        let feed = feed(2);
        let mut reader = feed.read(None).unwrap();
        assert_eq!(reader.next().now_or_never().flatten().unwrap().0.number, 0);
        (2..1000).for_each(|nth| feed.push(nth.to_string().into()));
        assert_eq!(feed.lock().records.len(), MAX_RECORDS);
        assert_eq!(ready(&mut reader), numbered(800..1000));
    }

    #[test]
    fn large_records_are_forgotten_earlier() {
        let feed = feed(10);
        let mut reader = feed.read(None).unwrap();
        let large: Arc<str> = "x".repeat(MAX_BYTES / 3).into();
        (0..4).for_each(|_| feed.push(large.clone()));
        assert!(feed.lock().bytes <= MAX_BYTES);
        let numbers: Vec<u64> = ready(&mut reader).iter().map(|record| record.0).collect();
        assert_eq!(numbers, [11, 12, 13]);
        feed.push("x".repeat(MAX_BYTES + 1).into());
        assert!(feed.lock().records.is_empty());
        assert_eq!(feed.lock().bytes, 0);
        feed.push("15".into());
        assert_eq!(ready(&mut reader), numbered(15..16));
    }

    #[test]
    fn a_reader_goes_on_after_an_id_of_this_process() {
        let feed = feed(5);
        assert_eq!(ready(&mut feed.read(id(&feed, 2)).unwrap()), numbered(3..5));
        assert_eq!(ready(&mut feed.read(id(&feed, 4)).unwrap()), []);
        let other = Some(Id {
            epoch: !feed.shared.epoch,
            number: 2,
        });
        assert_eq!(ready(&mut feed.read(other).unwrap()), numbered(0..5));
        // It is not left to wait for numbers that are far away.
        for number in [5, u64::MAX] {
            let mut reader = feed.read(id(&feed, number)).unwrap();
            assert_eq!(ready(&mut reader), []);
            feed.push("x".into());
            assert_eq!(ready(&mut reader).len(), 1);
        }
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = id(&feed(0), 17);
        assert_eq!(id.unwrap().to_string().parse().ok(), id);
        for text in ["", "-", "17", "x-1", "1-", "1-x", "1-1-1", "1--1"] {
            assert_eq!(text.parse::<Id>(), Err(()), "{text}");
        }
    }

    /// Uses the feed as a task could that ends when it is woken.
    struct Nosy {
        feed: Feed,
        woken: AtomicUsize,
    }

    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            drop(self.feed.read(None).unwrap());
            self.woken.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_reader_is_woken_once_and_leaves_no_waker_behind() {
        let feed = feed(0);
        let nosy = Arc::new(Nosy {
            feed: feed.clone(),
            woken: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&nosy));
        let mut cx = Context::from_waker(&waker);
        let mut reader = feed.read(None).unwrap();
        for _ in 0..3 {
            assert!(reader.poll_next_unpin(&mut cx).is_pending());
        }
        assert_eq!(feed.lock().waiting.len(), 1);
        feed.push("0".into());
        feed.push("1".into());
        assert_eq!(nosy.woken.load(Relaxed), 1);
        assert_eq!(ready(&mut reader), numbered(0..2));
        assert!(reader.poll_next_unpin(&mut cx).is_pending());
        drop(reader);
        assert!(feed.lock().waiting.is_empty());
    }

    #[test]
    fn a_closed_feed_ends_those_who_wait_and_those_who_come() {
        let feed = feed(1);
        let nosy = Arc::new(Nosy {
            feed: feed.clone(),
            woken: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&nosy));
        let mut cx = Context::from_waker(&waker);
        let mut reader = feed.read(id(&feed, 0)).unwrap();
        assert!(reader.poll_next_unpin(&mut cx).is_pending());
        feed.close();
        assert_eq!(nosy.woken.load(Relaxed), 1);
        for mut reader in [reader, feed.read(None).unwrap()] {
            assert_eq!(reader.poll_next_unpin(&mut cx), Poll::Ready(None));
        }
    }

    #[test]
    fn there_are_only_so_many_readers_at_once() {
        let feed = feed(0);
        let mut readers: Vec<_> = (0..MAX_READERS).map(|_| feed.read(None).unwrap()).collect();
        assert!(feed.read(None).is_none());
        readers.pop();
        assert!(feed.read(None).is_some());
    }
}
