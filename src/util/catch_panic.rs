//! Calls of foreign code that may panic.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// A counter of the panics of foreign code.
#[derive(Debug, Default)]
pub(crate) struct PanicCounter(AtomicU64);

impl PanicCounter {
    /// Calls `f`. If it panics, counts the panic and returns `None`.
    pub(crate) fn catch<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        let value = catch_panic(f);
        if value.is_none() {
            self.0.fetch_add(1, Relaxed);
        }
        value
    }

    /// Returns the number of panics so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Calls `f`, and returns `None` if it panics.
///
/// Exchanges end in destructors, possibly while the thread unwinds, where an uncaught panic would abort
/// the process.
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f)).map_err(discard).ok()
}

/// Drops the payload of a panic. If that drop panics, too, the payload of the second panic is leaked.
#[cold]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Bomb(u8);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                panic_any(Bomb(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_panic_payload_that_panics_on_drop_is_caught() {
        assert_eq!(catch_panic(|| 1), Some(1));
        for depth in 0..4 {
            assert_eq!(catch_panic(|| panic_any(Bomb(depth))), None::<()>);
        }
    }

    #[test]
    fn panics_are_caught_while_the_thread_unwinds() {
        struct OnDrop<'a>(&'a mut bool);
        impl Drop for OnDrop<'_> {
            fn drop(&mut self) {
                *self.0 = catch_panic(|| panic!("inside")).is_none();
            }
        }
        let mut caught = false;
        let outer = catch_panic(|| {
            let _on_drop = OnDrop(&mut caught);
            panic!("outside");
        });
        assert!(outer.is_none() && caught);
    }
}
