//! Calling code that is not ours without being harmed by it.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Calls `f`; `None` if it panicked.
///
/// Finishing an exchange runs in destructors, also while the thread unwinds, and there a panic that
/// got out would abort the process. A caught payload may itself panic when it is dropped, and so
/// may what that throws: the third is leaked.
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
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        assert_eq!(catch_panic(|| 1), Some(1));
        for depth in 0..4 {
            assert_eq!(catch_panic(|| panic_any(Bomb(depth))), None::<()>);
        }
    }

    #[test]
    fn it_works_while_the_thread_unwinds() {
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
