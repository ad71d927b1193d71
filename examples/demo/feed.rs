//! The last records, with a stream of new ones for each reader.
//!
//! A reader has a position and fetches each record itself. A slow reader therefore takes no memory and delays nobody;
//! it misses records that were dropped before it reached them.

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
/// The limit for the JSON of all kept records.
const MAX_BYTES: usize = 1 << 20;

/// The limit of readers, each of which has a connection.
const MAX_READERS: usize = 100;

/// A sink that keeps the last records. Clones are the same feed.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    /// A random number that identifies this process. Each process numbers its records from 0.
    epoch: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The kept records. The last one has the number `next - 1`.
    records: VecDeque<Arc<str>>,
    bytes: usize,
    /// The number that the next record gets.
    next: u64,
    closed: bool,
    readers: usize,
    next_reader: u64,
    /// The wakers of readers that have read all records, by the number of the reader.
    waiting: HashMap<u64, Waker>,
}

impl Feed {
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                // The keys come from the operating system.
                epoch: RandomState::new().hash_one(()),
                state: Mutex::default(),
            }),
        }
    }

    /// Starts a reader after the record with this id, or at the oldest kept record if the id is absent or of another
    /// process. Returns `None` if there are too many readers.
    pub fn read(&self, after: Option<Id>) -> Option<Reader> {
        let mut state = self.lock();
        if state.readers == MAX_READERS {
            return None;
        }
        state.readers += 1;
        let next = match after {
            // The client may have sent any number.
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

    /// Ends all readers, including future ones.
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

    /// Wakes the waiting readers. The lock is not held, because a waker may drop a reader.
    fn wake(&self) {
        let waiting = mem::take(&mut self.lock().waiting);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Locks the state. No foreign code runs while it is locked, so the state is consistent even after a panic.
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

/// Identifies a record among those of all processes.
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

/// A stream of records. A gap in their numbers means that records were missed.
pub struct Reader {
    feed: Feed,
    number: u64,
    /// The number of the next record.
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

    /// Returns the records that are available without waiting.
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
    fn reader_gets_kept_records_and_new_ones() {
        let feed = feed(3);
        let mut reader = feed.read(None).unwrap();
        assert_eq!(ready(&mut reader), numbered(0..3));
        feed.push("3".into());
        assert_eq!(ready(&mut reader), numbered(3..4));
        assert_eq!(ready(&mut reader), []);
    }

    #[test]
    fn slow_reader_misses_only_dropped_records() {
        let feed = feed(2);
        let mut reader = feed.read(None).unwrap();
        assert_eq!(reader.next().now_or_never().flatten().unwrap().0.number, 0);
        (2..1000).for_each(|nth| feed.push(nth.to_string().into()));
        assert_eq!(feed.lock().records.len(), MAX_RECORDS);
        assert_eq!(ready(&mut reader), numbered(800..1000));
    }

    #[test]
    fn large_records_are_dropped_earlier() {
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
    fn reader_continues_after_an_id_of_this_process() {
        let feed = feed(5);
        assert_eq!(ready(&mut feed.read(id(&feed, 2)).unwrap()), numbered(3..5));
        assert_eq!(ready(&mut feed.read(id(&feed, 4)).unwrap()), []);
        let other = Some(Id {
            epoch: !feed.shared.epoch,
            number: 2,
        });
        assert_eq!(ready(&mut feed.read(other).unwrap()), numbered(0..5));
        // An id that was never assigned does not make the reader wait for that number.
        for number in [5, u64::MAX] {
            let mut reader = feed.read(id(&feed, number)).unwrap();
            assert_eq!(ready(&mut reader), []);
            feed.push("x".into());
            assert_eq!(ready(&mut reader).len(), 1);
        }
    }

    #[test]
    fn id_is_parsed_as_it_is_displayed() {
        let id = id(&feed(0), 17);
        assert_eq!(id.unwrap().to_string().parse().ok(), id);
        for text in ["", "-", "17", "x-1", "1-", "1-x", "1-1-1", "1--1"] {
            assert_eq!(text.parse::<Id>(), Err(()), "{text}");
        }
    }

    /// A waker that uses the feed, as a task that ends when it is woken may do.
    struct ReentrantWaker {
        feed: Feed,
        woken: AtomicUsize,
    }

    impl Wake for ReentrantWaker {
        fn wake(self: Arc<Self>) {
            drop(self.feed.read(None).unwrap());
            self.woken.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn reader_is_woken_once_and_removes_its_waker_on_drop() {
        let feed = feed(0);
        let reentrant = Arc::new(ReentrantWaker {
            feed: feed.clone(),
            woken: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&reentrant));
        let mut cx = Context::from_waker(&waker);
        let mut reader = feed.read(None).unwrap();
        for _ in 0..3 {
            assert!(reader.poll_next_unpin(&mut cx).is_pending());
        }
        assert_eq!(feed.lock().waiting.len(), 1);
        feed.push("0".into());
        feed.push("1".into());
        assert_eq!(reentrant.woken.load(Relaxed), 1);
        assert_eq!(ready(&mut reader), numbered(0..2));
        assert!(reader.poll_next_unpin(&mut cx).is_pending());
        drop(reader);
        assert!(feed.lock().waiting.is_empty());
    }

    #[test]
    fn closing_the_feed_ends_waiting_and_new_readers() {
        let feed = feed(1);
        let reentrant = Arc::new(ReentrantWaker {
            feed: feed.clone(),
            woken: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&reentrant));
        let mut cx = Context::from_waker(&waker);
        let mut reader = feed.read(id(&feed, 0)).unwrap();
        assert!(reader.poll_next_unpin(&mut cx).is_pending());
        feed.close();
        assert_eq!(reentrant.woken.load(Relaxed), 1);
        for mut reader in [reader, feed.read(None).unwrap()] {
            assert_eq!(reader.poll_next_unpin(&mut cx), Poll::Ready(None));
        }
    }

    #[test]
    fn readers_are_limited() {
        let feed = feed(0);
        let mut readers: Vec<_> = (0..MAX_READERS).map(|_| feed.read(None).unwrap()).collect();
        assert!(feed.read(None).is_none());
        readers.pop();
        assert!(feed.read(None).is_some());
    }
}
