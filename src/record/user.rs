//! The user of a record.

use crate::{record::field::redact_capped, redact::names::Names};

/// Maximum number of bytes kept of each part of a [`User`].
pub const MAX_USER_LEN: usize = 256;

/// The user who made a request, as the application knows them. An empty string means that the part
/// is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// `user.id`
    pub id: String,
    /// `user.name`
    pub name: String,
    /// `user.type`
    pub kind: String,
}

impl User {
    /// Returns the number of bytes of memory that a boxed user holds.
    pub(crate) fn memory(&self) -> usize {
        let texts = [&self.id, &self.name, &self.kind];
        size_of::<Self>() + texts.map(String::capacity).iter().sum::<usize>()
    }

    /// Sanitizes, redacts and caps each part.
    pub(crate) fn sanitized(self, names: &Names) -> Self {
        Self {
            id: redact_capped(&self.id, MAX_USER_LEN, names),
            name: redact_capped(&self.name, MAX_USER_LEN, names),
            kind: redact_capped(&self.kind, MAX_USER_LEN, names),
        }
    }
}
