//! Lets a test decide, from its own thread, when the server goes on.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

/// Passes are given on one side and used up on the other.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<(usize, Option<Waker>)>>);

impl Gate {
    /// Lets one more through.
    pub fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    /// Waits to be let through.
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
