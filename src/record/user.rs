//! The user of a record.

use std::fmt;

use crate::{record::field::redact_capped, redact::key_cache::Redactor};

/// Maximum number of bytes kept of the id, the name and each role of a [`User`].
pub const MAX_USER_LEN: usize = 256;
/// Maximum number of roles kept of a [`User`]. Further roles are dropped.
pub const MAX_USER_ROLES: usize = 16;

/// The user who made a request, as the application knows them.
///
/// ```
/// use actix_bodylog::User;
///
/// let user = User::new("42").name("ann").role("customer");
/// # let _ = user;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "a user is recorded by `record_user`"]
pub struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
}

impl User {
    /// Makes a user with an id, which becomes `user.id`.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    /// Sets `user.name`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a role to `user.roles`. May be called several times. Empty roles, and those after the first
    /// [`MAX_USER_ROLES`], are dropped.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Returns the number of bytes of memory that a boxed user holds.
    pub(crate) fn memory(&self) -> usize {
        let texts = [&self.id, &self.name].into_iter().chain(&self.roles);
        size_of::<Self>()
            + self.roles.capacity() * size_of::<String>()
            + texts.map(String::capacity).sum::<usize>()
    }

    /// Sanitizes, redacts and caps each part.
    pub(crate) fn sanitized(self, redactor: Redactor<'_>) -> Self {
        let sanitize = |text: &String| redact_capped(text, MAX_USER_LEN, redactor);
        let roles = self.roles.iter().filter(|role| !role.is_empty());
        Self {
            id: sanitize(&self.id),
            name: sanitize(&self.name),
            roles: roles.take(MAX_USER_ROLES).map(sanitize).collect(),
        }
    }
}

/// The roles of a user, in the order in which they were added.
#[derive(Clone, Copy, Default)]
pub struct Roles<'a>(&'a [String]);

impl<'a> Roles<'a> {
    pub(crate) fn new(roles: &'a [String]) -> Self {
        Self(roles)
    }

    /// Iterates over the roles.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether there are no roles.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(self) -> &'a [String] {
        self.0
    }
}

impl fmt::Debug for Roles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
