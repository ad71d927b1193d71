//! Keeps loggers inside from recording a request that the one outside does not record.

use std::cell::Cell;

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// Whether a logger outside does not record the current request.
pub(crate) fn is_active() -> bool {
    ACTIVE.get()
}

/// Calls `f`, which handles a request that is not recorded.
///
/// An entry in the extensions of the request would cost two allocations for a request that nothing is spent on.
/// Services inside run on this thread while `f` runs. No other request is handled meanwhile, unless the
/// application calls a second service in process; a logger in that one is suppressed, too.
pub(crate) fn run<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }
    let _restore = Restore(ACTIVE.replace(true));
    f()
}
