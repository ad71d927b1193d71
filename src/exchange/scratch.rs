//! What the exchanges of one worker share.

use std::cell::{Cell, OnceCell};

use actix_web::dev::{ResourceMap, ServiceRequest};

use crate::redact::key_cache::KeyCache;

/// What the exchanges of one worker share.
pub(crate) struct Scratch {
    pub(crate) keys: KeyCache,
    /// An empty buffer into which the head of a request is copied, before it is known how much of it is kept.
    pub(crate) head: Cell<Vec<u8>>,
    /// The routes of the application, to find the route of a request that has no response.
    routes: OnceCell<ResourceMap>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            keys: KeyCache::new(),
            head: Cell::default(),
            routes: OnceCell::new(),
        }
    }

    /// Notes the routes of the application, once.
    pub(crate) fn note_routes(&self, req: &ServiceRequest) {
        self.routes.get_or_init(|| req.resource_map().clone());
    }

    /// Returns the routes of the application.
    pub(crate) fn routes(&self) -> Option<&ResourceMap> {
        self.routes.get()
    }
}
