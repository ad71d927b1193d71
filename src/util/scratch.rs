//! Buffers that a thread keeps for the next use.

use std::{cell::Cell, thread::LocalKey};

/// Takes what the thread keeps. Whoever comes again before it is [put back](put) gets a new one, and
/// so does who comes when the thread is ending.
pub(crate) fn take<T: Default>(kept: &'static LocalKey<Cell<T>>) -> T {
    kept.try_with(Cell::take).unwrap_or_default()
}

pub(crate) fn put<T>(kept: &'static LocalKey<Cell<T>>, value: T) {
    let _ = kept.try_with(|kept| kept.set(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    #[test]
    fn what_was_put_back_is_taken_once() {
        assert!(take(&KEPT).is_empty());
        put(&KEPT, vec![1]);
        assert_eq!(take(&KEPT), [1]);
        assert!(take(&KEPT).is_empty());
    }

    #[test]
    fn a_thread_that_ends_keeps_nothing() {
        struct AtTheEnd;
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                put(&KEPT, vec![1]);
                take(&KEPT);
            }
        }
        thread_local! {
            static AT_THE_END: AtTheEnd = const { AtTheEnd };
        }
        // In either order of destruction.
        for first in [true, false] {
            let thread = std::thread::spawn(move || {
                if first {
                    AT_THE_END.with(|_| ());
                }
                put(&KEPT, vec![1]);
                AT_THE_END.with(|_| ());
            });
            assert!(thread.join().is_ok());
        }
    }
}
