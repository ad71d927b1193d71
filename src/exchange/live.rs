//! The parts of an exchange that is in use.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    capture::budget::Budget,
    exchange::{assemble::Emission, scratch::Scratch, state::State},
    logger::Logger,
    policy::Policy,
    record::outcome::Outcome,
    redact::key_cache::Redactor,
    sink::RequestSpan,
};

/// The parts of an exchange that is not in the pool.
pub(crate) struct Live {
    pub(crate) logger: Arc<Logger>,
    pub(crate) scratch: Rc<Scratch>,
    pub(crate) timestamp: SystemTime,
    pub(crate) started: Instant,
    pub(crate) span: Cell<RequestSpan>,
    /// Set if the thread was already unwinding when the exchange began. Then unwinding does not mean that this
    /// exchange panicked.
    pub(crate) unwinding_before: bool,
}

/// How and when an exchange ended.
#[derive(Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) duration: Duration,
    /// Set if the exchange was put aside.
    pub(crate) is_waiting: bool,
}

impl Live {
    /// Calls `f` with the inputs of the record. Returns `None` if it panics.
    pub(crate) fn call_with<T>(
        &self,
        state: &RefCell<State>,
        ending: Ending,
        span: &RequestSpan,
        f: impl FnOnce(&Emission<'_>, &mut State) -> T,
    ) -> Option<T> {
        let mut state = state.try_borrow_mut().ok()?;
        let inner = state.inner.clone();
        let emission = Emission {
            logger: &self.logger,
            policy: self.policy(&inner),
            scratch: &self.scratch,
            span,
            outcome: ending.outcome,
            timestamp: self.timestamp,
            duration: ending.duration,
        };
        self.logger.call(|| f(&emission, &mut state))
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.logger.shared.budget
    }

    pub(crate) fn redactor<'r>(&'r self, inner: &'r Option<Arc<Policy>>) -> Redactor<'r> {
        Redactor::new(&self.policy(inner).names, &self.scratch.keys)
    }

    /// Returns the policy that applies, which is that inside of the innermost logger.
    pub(crate) fn policy<'r>(&'r self, inner: &'r Option<Arc<Policy>>) -> &'r Arc<Policy> {
        inner.as_ref().unwrap_or(&self.logger.policy)
    }
}
