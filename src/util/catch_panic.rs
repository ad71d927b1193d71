//! Calls foreign code, and catches its panics.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Calls `f`. `None` if it panicked.
///
/// An exchange ends in a destructor, which may run while the thread unwinds. A panic that left it would abort the
/// process. The payload of a panic may panic when it is dropped, and so may the payload of that panic: the third one is
/// leaked.
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(f))
        .map_err(|payload| {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(payload);
            }
        })
        .ok()
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
    fn a_panic_during_unwinding_is_caught() {
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
