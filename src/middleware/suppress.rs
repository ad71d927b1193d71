//! Keeps inner loggers from recording a request that the outer logger does not record.

use std::cell::Cell;

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether an outer logger suppresses the record of the current request.
pub(super) fn is_active() -> bool {
    ACTIVE.get()
}

/// Calls `f`, which handles a request that is not recorded.
///
/// A thread-local is used because an entry in the extensions of the request would cost two allocations. Inner
/// services run on this thread while `f` runs. No other request is handled meanwhile, unless the application calls a
/// second service in process; a logger in that service is suppressed, too.
pub(super) fn run<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }
    let _restore = Restore(ACTIVE.replace(true));
    f()
}
