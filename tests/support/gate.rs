//! Lets a test control, from its own thread, when the server continues.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    task::{Context, Poll, Waker},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

/// Each call of `open` lets one call of `pass` through.
#[derive(Clone, Default)]
pub struct Turnstile(Arc<Mutex<(usize, Option<Waker>)>>);

impl Turnstile {
    /// Lets one more call of `pass` through.
    pub fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    /// Waits for a call of `open`, and uses it up.
    pub async fn pass(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.0 == 0 {
                state.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.0 -= 1;
            Poll::Ready(())
        })
        .await;
    }
}

/// A gate that is closed until a test opens it, and stays open after that.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub fn open(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = true;
        gate.1.drain(..).for_each(Waker::wake);
    }

    pub fn poll_passed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut gate = self.0.lock().unwrap();
        if gate.0 {
            return Poll::Ready(());
        }
        gate.1.push(cx.waker().clone());
        Poll::Pending
    }

    pub async fn passed(&self) {
        poll_fn(|cx| self.poll_passed(cx)).await;
    }
}

/// Makes a handler that answers with `text` once the gate is open. The receiver gets a message for each call.
pub fn gated(
    text: &'static str,
) -> (
    Gate,
    Receiver<()>,
    impl Fn() -> LocalBoxFuture<'static, &'static str> + Clone + Send,
) {
    let (started, when_started) = mpsc::channel();
    let gate = Gate::default();
    let handler = {
        let gate = gate.clone();
        move || {
            started.send(()).unwrap();
            let gate = gate.clone();
            async move {
                gate.passed().await;
                text
            }
            .boxed_local()
        }
    };
    (gate, when_started, handler)
}
