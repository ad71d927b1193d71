//! One logger: a policy, sinks, a budget and counters.

use std::{
    fmt, mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use log::Level;

use crate::{
    policy::Policy,
    record::{data::Record, schema::Schemas},
    sink::{LogSink, Sink, TARGET},
    stats::{Shared, Stats},
};

/// A policy, and the sinks, budget and counters that all clones share.
#[derive(Clone)]
pub(crate) struct Logger {
    pub(crate) policy: Policy,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    /// The schemas of the sinks. A record must fit into the record limit in each schema.
    pub(crate) schemas: Schemas,
    /// Set if all sinks [defer](Sink::deferred).
    pub(crate) defers: bool,
}

impl Logger {
    /// Makes a logger with the default sink.
    pub(crate) fn new(policy: Policy, shared: Shared) -> Self {
        let mut logger = Self {
            policy,
            shared: Arc::new(shared),
            sinks: Vec::new(),
            schemas: Schemas::default(),
            defers: true,
        };
        logger.add_sink(Arc::new(LogSink::new()));
        logger
    }

    pub(crate) fn clear_sinks(&mut self) {
        self.sinks.clear();
        self.schemas = Schemas::default();
        self.defers = true;
    }

    pub(crate) fn add_sink(&mut self, sink: Arc<dyn Sink>) {
        self.schemas.add(sink.schema());
        self.defers &= sink.deferred();
        self.sinks.push(sink);
    }

    /// Returns the index of the first sink that is enabled for this level.
    pub(crate) fn first_enabled(&self, level: Level) -> Option<usize> {
        self.sinks
            .iter()
            .position(|sink| self.is_enabled(&**sink, level))
    }

    /// Passes a record to the sink at `first`, which is [enabled](Self::first_enabled), and to all enabled sinks
    /// after it.
    pub(crate) fn emit(&self, record: &Record<'_>, first: usize) {
        for (index, sink) in self.sinks.iter().enumerate().skip(first) {
            if index == first || self.is_enabled(&**sink, record.level) {
                self.call(|| sink.emit(record));
            }
        }
        self.shared.records.fetch_add(1, Relaxed);
    }

    fn is_enabled(&self, sink: &dyn Sink, level: Level) -> bool {
        self.call(|| sink.enabled(level)).unwrap_or(false)
    }

    pub(crate) fn stats(&self) -> Stats {
        let lost = |sink: &Arc<dyn Sink>| self.call(|| sink.lost()).unwrap_or(0);
        let lost = self.sinks.iter().map(lost).fold(0, u64::saturating_add);
        self.shared.stats(lost)
    }

    /// Flushes all sinks, which share `limit`. Returns false if one of them did not write everything, or panicked.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let started = Instant::now();
        let mut all_flushed = true;
        for sink in &self.sinks {
            let left = limit.saturating_sub(started.elapsed());
            all_flushed &= self.call(|| sink.flush(left)).unwrap_or(false);
        }
        all_flushed
    }

    /// Logs a warning if nothing is redacted, once for all workers.
    pub(crate) fn warn_if_nothing_is_redacted(&self) {
        if self.policy.names.is_off() && !self.shared.warned.swap(true, Relaxed) {
            self.call(|| {
                log::warn!(
                    target: TARGET,
                    "redaction is off: passwords and tokens are written to the logs"
                );
            });
        }
    }

    /// Calls a hook or a sink. If the call panics, counts the panic and returns `None`.
    pub(crate) fn call<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        self.shared.panics.catch(f)
    }
}

impl Drop for Logger {
    /// Drops the sinks and hooks, whose destructors are foreign code. The last reference to a logger may be dropped
    /// while the thread unwinds, where a second panic would abort the process.
    fn drop(&mut self) {
        for sink in mem::take(&mut self.sinks) {
            self.call(|| drop(sink));
        }
        for hook in mem::take(&mut self.policy.skip_if) {
            self.call(|| drop(hook));
        }
        let levels = mem::replace(&mut self.policy.code_levels, Arc::new(|_| None));
        self.call(|| drop(levels));
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger")
            .field("policy", &self.policy)
            .field("shared", &self.shared)
            .field("sinks", &self.sinks.len())
            .finish()
    }
}
