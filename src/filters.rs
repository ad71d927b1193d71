//! Which requests one logger leaves out, or records only if they fail.

use std::{fmt, mem, sync::Arc};

use actix_web::dev::ServiceRequest;

use crate::util::catch_panic::{PanicCounter, catch_panic};

pub(crate) type Condition = dyn Fn(&ServiceRequest) -> bool + Send + Sync;

/// The paths and conditions of one logger. Each of several nested loggers applies its own to the requests that reach
/// it.
#[derive(Clone, Default)]
pub(crate) struct Filters {
    pub(crate) quiet: Requests,
    pub(crate) excluded: Requests,
}

/// Checks the path of a request. Returns the reason why no request has this path.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    match path.starts_with('/') && !path.contains(['?', '#']) {
        true => Ok(()),
        false => Err(format!("{path:?}: a path begins with / and has no query")),
    }
}

/// A set of requests, by path or by condition.
#[derive(Clone, Default)]
pub(crate) struct Requests {
    paths: Vec<String>,
    conditions: Vec<Arc<Condition>>,
}

impl Requests {
    pub(crate) fn add_path(&mut self, path: &str) {
        self.paths.push(path.to_owned());
    }

    pub(crate) fn add_condition(&mut self, condition: Arc<Condition>) {
        self.conditions.push(condition);
    }

    /// Returns whether a request is in the set. A condition that panics does not hold.
    pub(crate) fn contain(&self, req: &ServiceRequest, panics: &PanicCounter) -> bool {
        let holds = |condition: &Arc<Condition>| panics.catch(|| condition(req)).unwrap_or(false);
        self.paths.iter().any(|path| path == req.path()) || self.conditions.iter().any(holds)
    }
}

impl Drop for Requests {
    /// Drops the conditions, whose destructors are foreign code and may panic, perhaps while the thread unwinds.
    fn drop(&mut self) {
        for condition in mem::take(&mut self.conditions) {
            catch_panic(|| drop(condition));
        }
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filters")
            .field("quiet", &self.quiet.paths)
            .field("exclude", &self.excluded.paths)
            .finish_non_exhaustive()
    }
}
