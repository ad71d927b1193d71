//! Where events come from, as `tracing` has it: a place with a level and a list of field names, which lives forever.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use ::tracing::{Level, Metadata, level_filters::LevelFilter, subscriber::Interest};
use tracing_core::{Callsite, Kind, callsite, field::FieldSet, identify_callsite};

use super::{MESSAGE, OTHERS};
use crate::sink::TARGET;

/// How many names there are in a process: applications make up names, and none is ever forgotten. All
/// lists together then take less than a megabyte.
const MAX_NAMES: usize = 256;

/// What is known now. A longer list takes the place of a shorter one; callsites of either are valid.
static KNOWN: RwLock<Option<Arc<Fields>>> = RwLock::new(None);

/// The names of fields, and a callsite for each level with these.
pub(super) struct Fields {
    names: &'static [&'static str],
    places: HashMap<&'static str, usize>,
    callsites: [OnceLock<&'static Site>; 5],
}

impl Fields {
    pub(super) fn known() -> Arc<Self> {
        Self::with([])
    }

    /// With all of these names, as far as there is room for them.
    pub(super) fn with<'n>(names: impl IntoIterator<Item = &'n str> + Clone) -> Arc<Self> {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known
            && known.has_all(names.clone())
        {
            return known;
        }
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let fields = match known.take() {
            // Somebody else was faster.
            Some(fields) if fields.has_all(names.clone()) => fields,
            Some(fields) => Arc::new(fields.grown(names)),
            None => Arc::new(Self::new(vec![MESSAGE, OTHERS]).grown(names)),
        };
        Arc::clone(known.insert(fields))
    }

    fn new(names: Vec<&'static str>) -> Self {
        let names: &'static [&'static str] = names.leak();
        Self {
            names,
            places: names.iter().copied().zip(0..).collect(),
            callsites: [const { OnceLock::new() }; 5],
        }
    }

    /// All have a place that there is one for.
    fn has_all<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> bool {
        let mut names = names.into_iter();
        self.len() == MAX_NAMES || names.all(|name| self.places.contains_key(name))
    }

    /// These names and others, each behind the one that it comes behind in a record.
    fn grown<'n>(&self, others: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names = self.names.to_vec();
        // Behind the message.
        let mut behind = 1;
        for name in others {
            if let Some(place) = names.iter().position(|&known| known == name) {
                behind = place + 1;
            } else if names.len() < MAX_NAMES {
                names.insert(behind, name.to_owned().leak());
                behind += 1;
            }
        }
        Self::new(names)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(super) fn callsite(&self, level: Level) -> &'static Site {
        let nth = match level {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        self.callsites[nth].get_or_init(|| Site::register(level, self.names))
    }
}

/// One callsite.
pub(super) struct Site {
    /// It and its metadata name each other.
    metadata: OnceLock<Metadata<'static>>,
    /// Some subscriber may want its events.
    is_wanted: AtomicBool,
}

impl Site {
    fn register(level: Level, names: &'static [&'static str]) -> &'static Self {
        let site: &'static Self = Box::leak(Box::new(Self {
            metadata: OnceLock::new(),
            is_wanted: AtomicBool::new(true),
        }));
        let fields = FieldSet::new(names, identify_callsite!(site));
        site.metadata.get_or_init(|| {
            let (file, line, module) = (None, None, Some(module_path!()));
            Metadata::new(
                "exchange",
                TARGET,
                level,
                file,
                line,
                module,
                fields,
                Kind::EVENT,
            )
        });
        // From here on it is told who subscribes.
        callsite::register(site);
        site
    }

    /// False if no subscriber wants its events, whatever they are.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Relaxed) && *self.metadata().level() <= LevelFilter::current()
    }

    pub(super) fn metadata(&self) -> &Metadata<'static> {
        // It is there before anybody else knows of the callsite.
        self.metadata.get().expect("a callsite has metadata")
    }
}

impl Callsite for Site {
    fn set_interest(&self, interest: Interest) {
        self.is_wanted.store(!interest.is_never(), Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        Site::metadata(self)
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}
