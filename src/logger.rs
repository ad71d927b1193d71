//! One logger, as the middleware sees it.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix_web::dev::ServiceRequest;
use log::Level;

use crate::{
    policy::Rules,
    record::{data::Record, schema::Schemas},
    sink::{LogSink, Sink, TARGET},
    stats::{Shared, Stats},
};

/// Rules of its own; sinks, budget and counters that it shares with its clones.
#[derive(Clone)]
pub(crate) struct Logger {
    pub(crate) rules: Rules,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    /// What the sinks use: a record has to fit in each of them.
    pub(crate) schemas: Schemas,
}

impl Logger {
    /// With the default sink.
    pub(crate) fn new(rules: Rules, shared: Shared) -> Self {
        let mut logger = Self {
            rules,
            shared: Arc::new(shared),
            sinks: Vec::new(),
            schemas: Schemas::default(),
        };
        logger.add_sink(Arc::new(LogSink::new()));
        logger
    }

    pub(crate) fn clear_sinks(&mut self) {
        self.sinks.clear();
        self.schemas = Schemas::default();
    }

    pub(crate) fn add_sink(&mut self, sink: Arc<dyn Sink>) {
        self.schemas.add(sink.schema());
        self.sinks.push(sink);
    }

    /// Any sink would take a record of this level.
    pub(crate) fn enabled(&self, level: Level) -> bool {
        self.sinks
            .iter()
            .any(|sink| self.sink_takes(&**sink, level))
    }

    /// Gives a record to the sinks that want it. One of them said so when it was asked for the level.
    pub(crate) fn emit(&self, record: &Record<'_>) {
        for sink in &self.sinks {
            if self.sinks.len() == 1 || self.sink_takes(&**sink, record.level) {
                self.call(|| sink.emit(record));
            }
        }
        self.shared.records.fetch_add(1, Relaxed);
    }

    fn sink_takes(&self, sink: &dyn Sink, level: Level) -> bool {
        self.call(|| sink.enabled(level)).unwrap_or(false)
    }

    pub(crate) fn skip_if(&self, req: &ServiceRequest) -> bool {
        let mut hooks = self.rules.skip_if.iter();
        hooks.any(|hook| self.call(|| hook(req)).unwrap_or(false))
    }

    pub(crate) fn stats(&self) -> Stats {
        let lost = |sink: &Arc<dyn Sink>| self.call(|| sink.lost()).unwrap_or(0);
        let lost = self.sinks.iter().map(lost).sum();
        self.shared.stats(lost)
    }

    /// Flushes all sinks, which share the time. False if one has something left, or panicked.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let started = Instant::now();
        let mut all = true;
        for sink in &self.sinks {
            let left = limit.saturating_sub(started.elapsed());
            all &= self.call(|| sink.flush(left)).unwrap_or(false);
        }
        all
    }

    /// Says so once, however many workers there are.
    pub(crate) fn warn_if_nothing_is_redacted(&self) {
        if self.rules.names.is_off() && !self.shared.warned.swap(true, Relaxed) {
            self.call(|| {
                log::warn!(
                    target: TARGET,
                    "redaction is off: passwords and tokens are written to the logs as they are"
                );
            });
        }
    }

    /// Calls a hook or a sink; a panic is counted, and `None`.
    pub(crate) fn call<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        self.shared.panics.catch(f)
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger")
            .field("rules", &self.rules)
            .field("shared", &self.shared)
            .field("sinks", &self.sinks.len())
            .finish()
    }
}
