//! One logger: a policy, filters, sinks, a budget and counters.

use std::{
    fmt, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use log::Level;

use crate::{
    filters::Filters,
    formats::coding::Unsupported,
    policy::Policy,
    record::{data::Record, schema::Schemas},
    sink::{RequestSpan, Sink, TARGET},
    stats::{Shared, Stats},
};

/// Applies one setting to a policy.
type Change = dyn Fn(&mut Policy) + Send + Sync;

/// A policy and filters, and the sinks, budget and counters that all clones share.
#[derive(Clone)]
pub(crate) struct Logger {
    pub(crate) policy: Arc<Policy>,
    /// The settings that were made, in the order of the calls. Around an inner service of another logger, they change
    /// the policy of that logger.
    changes: Vec<Arc<Change>>,
    pub(crate) filters: Filters,
    pub(crate) shared: Arc<Shared>,
    sinks: Vec<ListedSink>,
    /// The schemas of the sinks. A record must fit into the record limit in each schema.
    pub(crate) schemas: Schemas,
    /// Set if all sinks [defer](Sink::deferred).
    pub(crate) defers: bool,
    /// Set if a sink is called [in the span](Sink::wants_span) of the request.
    pub(crate) wants_span: bool,
}

#[derive(Clone)]
struct ListedSink {
    sink: Arc<dyn Sink>,
    wants_span: bool,
}

impl Logger {
    /// Makes a logger without sinks.
    pub(crate) fn new(policy: Policy, shared: Shared) -> Self {
        Self {
            policy: Arc::new(policy),
            changes: Vec::new(),
            filters: Filters::default(),
            shared: Arc::new(shared),
            sinks: Vec::new(),
            schemas: Schemas::default(),
            defers: true,
            wants_span: false,
        }
    }

    /// Changes the policy, and keeps the change for the policies of outer loggers.
    pub(crate) fn change(&mut self, change: impl Fn(&mut Policy) + Send + Sync + 'static) {
        change(Arc::make_mut(&mut self.policy));
        self.changes.push(Arc::new(change));
    }

    /// Returns the policy of an outer logger with the changes of this one.
    pub(crate) fn policy_inside(&self, outer: &Arc<Policy>) -> Arc<Policy> {
        if self.changes.is_empty() {
            return Arc::clone(outer);
        }
        let mut policy = Policy::clone(outer);
        policy.names.begin_layer();
        for change in &self.changes {
            change(&mut policy);
        }
        Arc::new(policy)
    }

    pub(crate) fn clear_sinks(&mut self) {
        self.sinks.clear();
        self.schemas = Schemas::default();
        self.defers = true;
        self.wants_span = false;
    }

    pub(crate) fn add_sink(&mut self, sink: Arc<dyn Sink>) {
        self.schemas.add(sink.schema());
        self.defers &= sink.deferred();
        let wants_span = sink.wants_span();
        self.wants_span |= wants_span;
        self.sinks.push(ListedSink { sink, wants_span });
    }

    pub(crate) fn sink_count(&self) -> usize {
        self.sinks.len()
    }

    /// Returns the index of the first sink that is enabled for this level.
    pub(crate) fn first_enabled(&self, level: Level) -> Option<usize> {
        let mut sinks = self.sinks.iter();
        sinks.position(|listed| self.is_enabled(&*listed.sink, level))
    }

    /// Passes a record to the sink at `first`, which is [enabled](Self::first_enabled), and to all enabled sinks
    /// after it.
    pub(crate) fn emit(&self, record: &Record<'_>, first: usize, span: &RequestSpan) {
        for (index, ListedSink { sink, wants_span }) in self.sinks.iter().enumerate().skip(first) {
            if index == first || self.is_enabled(&**sink, record.level) {
                let emit = || self.call(|| sink.emit(record));
                match wants_span {
                    true => span.in_scope(&self.shared.panics, emit),
                    false => emit(),
                };
            }
        }
        self.shared.records.fetch_add(1, Relaxed);
    }

    fn is_enabled(&self, sink: &dyn Sink, level: Level) -> bool {
        self.call(|| sink.enabled(level)).unwrap_or(false)
    }

    pub(crate) fn stats(&self) -> Stats {
        let lost = |listed: &ListedSink| self.call(|| listed.sink.lost()).unwrap_or(0);
        let lost = self.sinks.iter().map(lost).fold(0, u64::saturating_add);
        self.shared.stats(lost)
    }

    /// Flushes all sinks, which share `limit`. Each sink that wrote everything is subtracted from `unflushed`.
    pub(crate) fn flush(&self, limit: Duration, unflushed: &AtomicUsize) {
        let started = Instant::now();
        for ListedSink { sink, .. } in &self.sinks {
            let left = limit.saturating_sub(started.elapsed());
            if self.call(|| sink.flush(left)) == Some(true) {
                unflushed.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Logs a warning if nothing is redacted, once for all workers.
    pub(crate) fn warn_if_nothing_is_redacted(&self) {
        if self.policy.names.is_off() {
            self.warn_once(&self.shared.warned_of_redaction, || {
                "redaction is off: passwords and tokens are written to the logs".to_owned()
            });
        }
    }

    /// Logs a warning that a body cannot be decoded, once for all workers.
    #[cold]
    pub(crate) fn warn_of_coding(&self, unsupported: Unsupported) {
        self.warn_once(&self.shared.warned_of_coding, || {
            let reason = match unsupported {
                Unsupported::FeatureIsOff(feature) => format!("needs the feature {feature}"),
                Unsupported::Unknown => "is unknown".to_owned(),
            };
            format!(
                "the content coding of a body {reason}: the content of such bodies is omitted, and their codes do not \
                 count"
            )
        });
    }

    fn warn_once(&self, warned: &AtomicBool, message: impl FnOnce() -> String) {
        if !warned.swap(true, Relaxed) {
            self.call(|| log::warn!(target: TARGET, "{}", message()));
        }
    }

    /// Calls a hook or a sink. If the call panics, counts the panic and returns `None`.
    pub(crate) fn call<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        self.shared.panics.catch(f)
    }
}

impl Drop for Logger {
    /// Drops the sinks and the changes, whose destructors are foreign code. The last reference to a logger may be
    /// dropped while the thread unwinds, where a second panic would abort the process.
    fn drop(&mut self) {
        for sink in mem::take(&mut self.sinks) {
            self.call(|| drop(sink));
        }
        for change in mem::take(&mut self.changes) {
            self.call(|| drop(change));
        }
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger")
            .field("policy", &self.policy)
            .field("filters", &self.filters)
            .field("shared", &self.shared)
            .field("sinks", &self.sinks.len())
            .finish()
    }
}
