//! Bodies and payloads that follow a script and count how often they are polled.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use actix_web::{
    body::{BodySize, MessageBody},
    dev::Payload,
    error::PayloadError,
};
use bytes::Bytes;
use futures_util::Stream;

/// The result of one poll.
#[derive(Clone, Debug)]
pub enum Item {
    Pending,
    Chunk(Bytes),
    Fail,
    End,
}

/// A body or payload that returns its items one poll after the other. A poll after the last item panics.
#[derive(Clone, Debug)]
pub struct Scripted {
    items: Rc<RefCell<VecDeque<Item>>>,
    pub size: BodySize,
    pub hint: (usize, Option<usize>),
    pub polls: Rc<Cell<usize>>,
    pub wakers: Rc<RefCell<Vec<Waker>>>,
}

impl Scripted {
    pub fn new(items: impl IntoIterator<Item = Item>) -> Self {
        Self {
            items: Rc::new(RefCell::new(items.into_iter().collect())),
            size: BodySize::Stream,
            hint: (0, None),
            polls: Rc::default(),
            wakers: Rc::default(),
        }
    }

    /// Makes a script of these chunks and the end.
    pub fn of(chunks: &[Bytes]) -> Self {
        let chunks = chunks.iter().cloned().map(Item::Chunk);
        Self::new(chunks.chain([Item::End]))
    }

    pub fn payload(&self) -> Payload {
        Payload::Stream {
            payload: Box::pin(self.clone()),
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        self.polls.set(self.polls.get() + 1);
        let item = self.items.borrow_mut().pop_front();
        match item.expect("polled after the end of the script") {
            Item::Pending => {
                self.wakers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
            Item::Chunk(bytes) => Poll::Ready(Some(Ok(bytes))),
            Item::Fail => Poll::Ready(Some(Err(Failure))),
            Item::End => Poll::Ready(None),
        }
    }
}

impl MessageBody for Scripted {
    type Error = Failure;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        self.poll(cx)
    }
}

impl Stream for Scripted {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let failure = |_| PayloadError::Incomplete(None);
        self.poll(cx)
            .map(|item| item.map(|item| item.map_err(failure)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.hint
    }
}

/// The error of [`Scripted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script failed")
    }
}

impl std::error::Error for Failure {}

/// A waker that counts its wake-ups.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}
