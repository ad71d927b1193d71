//! Where events come from, as `tracing` has it: a place with a level and a list of field names, which lives forever.

use std::{
    cell::Cell,
    collections::HashMap,
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use ::tracing::{
    Level, Metadata, dispatcher,
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
    subscriber::{Interest, NoSubscriber},
};
use tracing_core::{Callsite, Kind, callsite, field::FieldSet, identify_callsite};

use crate::{
    record::{flatten::Pair, schema::Schema},
    sink::{
        TARGET,
        tracing::{MESSAGE, OTHERS, every_name},
    },
};

/// How many names of custom fields there are in a process, for each schema: applications make them up, and none is
/// ever forgotten. All lists together then take less than a megabyte.
const MAX_CUSTOM: usize = 128;

/// The names of fields, and a callsite for each level with these.
///
/// Lists are leaked, so that callsites can have them; each knows the one that takes its place.
pub(super) struct Fields {
    names: &'static [&'static str],
    places: HashMap<&'static str, usize>,
    /// How many of them are of custom fields.
    custom: usize,
    callsites: [OnceLock<&'static Site>; 5],
    longer: OnceLock<&'static Self>,
}

impl Fields {
    /// All fixed names of a schema, in the order of a record.
    pub(super) fn fixed(schema: Schema) -> &'static Self {
        static FIXED: [OnceLock<&Fields>; SCHEMAS] = [const { OnceLock::new() }; SCHEMAS];
        FIXED[schema as usize].get_or_init(|| {
            let mut names = vec![MESSAGE];
            names.extend(every_name(schema).map(|name| &*name.leak()));
            names.push(OTHERS);
            Self::leaked(names, 0)
        })
    }

    /// The names of these fields too, as far as there is room for those of the custom ones, which are apart.
    pub(super) fn with(schema: Schema, pairs: (&[Pair], &[Pair])) -> &'static Self {
        thread_local! {
            /// The lists that were used last.
            static LAST: Cell<[Option<&'static Fields>; SCHEMAS]> = const { Cell::new([None; SCHEMAS]) };
        }
        // The thread may be ending.
        let mut last = LAST.try_with(Cell::get).unwrap_or_default();
        let mut fields = last[schema as usize].unwrap_or_else(|| Self::fixed(schema));
        while !fields.has_room_or_place_for(pairs) {
            // Of another thread, perhaps, with other names.
            fields = fields.longer.get_or_init(|| fields.grown(pairs));
        }
        last[schema as usize] = Some(fields);
        let _ = LAST.try_with(|cell| cell.set(last));
        fields
    }

    fn leaked(names: Vec<&'static str>, custom: usize) -> &'static Self {
        let names: &'static [&'static str] = names.leak();
        Box::leak(Box::new(Self {
            names,
            places: names.iter().copied().zip(0..).collect(),
            custom,
            callsites: [const { OnceLock::new() }; 5],
            longer: OnceLock::new(),
        }))
    }

    /// Every name has a place, or there is no room for more.
    fn has_room_or_place_for(&self, (own, custom): (&[Pair], &[Pair])) -> bool {
        let is_placed = |pair: &Pair| self.place(&pair.name).is_some();
        own.iter().all(is_placed) && (self.custom >= MAX_CUSTOM || custom.iter().all(is_placed))
    }

    /// Headers have their place among the others, before what they come before in a record; custom fields at the
    /// end.
    fn grown(&self, (own, custom): (&[Pair], &[Pair])) -> &'static Self {
        let mut names = self.names.to_vec();
        let mut before = names.len();
        for Pair { name, .. } in own.iter().rev() {
            if let Some(place) = names.iter().position(|known| known == name) {
                before = place;
                continue;
            }
            let comes_after = |known: &str| are_both_headers(known, name) && known > name.as_str();
            while before > 0 && comes_after(names[before - 1]) {
                before -= 1;
            }
            names.insert(before, name.clone().leak());
        }
        let room = MAX_CUSTOM.saturating_sub(self.custom);
        let new = custom.iter().map(|pair| &pair.name);
        let new = new.filter(|name| self.place(name).is_none()).take(room);
        let before = names.len();
        names.extend(new.map(|name| &*name.clone().leak()));
        let custom = self.custom + names.len() - before;
        Self::leaked(names, custom)
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
        let site = self.callsites[nth].get_or_init(|| Site::leaked(level, self.names));
        site.register();
        site
    }
}

const SCHEMAS: usize = 3;

/// They are sorted in a record.
fn are_both_headers(one: &str, other: &str) -> bool {
    ["http.request.header.", "http.response.header."]
        .iter()
        .any(|prefix| one.starts_with(prefix) && other.starts_with(prefix))
}

/// One callsite.
pub(super) struct Site {
    /// It and its metadata name each other.
    metadata: OnceLock<Metadata<'static>>,
    is_registered: AtomicBool,
    /// Some subscriber may want its events.
    is_wanted: AtomicBool,
}

impl Site {
    fn leaked(level: Level, names: &'static [&'static str]) -> &'static Self {
        let site: &'static Self = Box::leak(Box::new(Self {
            metadata: OnceLock::new(),
            is_registered: AtomicBool::new(false),
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
        site
    }

    /// Lets those who subscribe say whether they want its events; from then on it is told when that changes.
    ///
    /// This calls subscribers, which may come back here or panic. So it is done once, whatever comes of it, and
    /// under no lock; until it is done, events are wanted.
    fn register(&'static self) {
        if self.is_registered.load(Relaxed) || self.is_registered.swap(true, Relaxed) {
            return;
        }
        callsite::register(self);
        // Where there is but one subscriber, and it is that of another thread, nobody was asked.
        if dispatcher::get_default(|dispatch| dispatch.is::<NoSubscriber>()) {
            self.is_wanted.store(true, Relaxed);
        }
    }

    /// False if no subscriber wants its events, whatever they are.
    pub(super) fn is_wanted(&self) -> bool {
        let level = *self.metadata().level();
        self.is_wanted.load(Relaxed) && level <= STATIC_MAX_LEVEL && level <= LevelFilter::current()
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
