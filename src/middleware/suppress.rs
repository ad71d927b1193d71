//! Requests that a logger lets pass are not picked up by another one inside.

use std::cell::Cell;

thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
}

/// Whether a logger outside lets the request that is being handled pass.
pub(crate) fn is_active() -> bool {
    ACTIVE.get()
}

/// Calls `f`, the handling of a request that is let pass.
///
/// A note in the request's extensions would cost two allocations for a request that nothing is to
/// be spent on. Services inside are called while `f` runs, on this thread. No other request is handled
/// meanwhile, unless the application itself calls a second service in process; a logger in that one is
/// bypassed too.
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
