//! What the application adds to a record.

use crate::{
    capture::budget::{Budget, Share},
    record::{
        errors::Errors,
        field::{Field, FieldValue, MAX_FIELDS},
        user::User,
    },
    redact::key_cache::Redactor,
};

/// A user, custom fields and errors. Their memory is taken from the budget. Must be [cleared](Self::clear) before it is
/// dropped.
#[derive(Default)]
pub(crate) struct Additions {
    /// Boxed, because most exchanges in flight have no user yet.
    pub(crate) user: Option<Box<User>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) errors: Errors,
    share: Share,
    /// Set if the budget had no room for one of them.
    pub(crate) were_omitted: bool,
}

impl Additions {
    /// Sets the user, in place of an earlier user.
    pub(crate) fn set_user(&mut self, user: User, budget: &Budget) {
        self.user = Some(Box::new(user));
        if !self.charge(budget) {
            self.user = None;
            self.omit(budget);
        }
    }

    /// Sets a field, in place of an earlier field with the same name. An absent value removes the earlier field.
    pub(crate) fn set_field(
        &mut self,
        name: &str,
        value: FieldValue<'_>,
        redactor: Redactor<'_>,
        budget: &Budget,
    ) {
        let shown_name = Field::shown_name(name);
        let mut fields = self.fields.iter();
        let earlier = fields.position(|field| field.name == shown_name);
        if earlier.is_none() && self.fields.len() >= MAX_FIELDS {
            return;
        }
        let field = Field::sanitized(name, value, redactor);
        let changed = match (earlier, field) {
            (Some(index), Some(field)) => {
                self.fields[index] = field;
                index
            }
            (None, Some(field)) => {
                self.fields.push(field);
                self.fields.len() - 1
            }
            (Some(index), None) => {
                self.fields.remove(index);
                self.charge(budget);
                return;
            }
            (None, None) => return,
        };
        if !self.charge(budget) {
            self.fields.remove(changed);
            self.omit(budget);
        }
    }

    /// Adds an error.
    pub(crate) fn add_error(&mut self, text: String, budget: &Budget) {
        if self.errors.push(text) && !self.charge(budget) {
            self.errors.pop();
            self.omit(budget);
        }
    }

    /// Redacts the user and the fields with the names of an inner logger, too.
    pub(crate) fn redact(&mut self, redactor: Redactor<'_>, budget: &Budget) {
        for field in &mut self.fields {
            field.redact(redactor);
        }
        self.user = self
            .user
            .take()
            .map(|user| Box::new(user.sanitized(redactor)));
        if !self.charge(budget) {
            self.user = None;
            self.fields = Vec::new();
            self.omit(budget);
        }
    }

    /// Drops everything, and gives back what was taken from the budget.
    pub(crate) fn clear(&mut self, budget: &Budget) {
        self.share.resize(0, budget);
        *self = Self::default();
    }

    /// Returns the number of bytes that are taken from the budget.
    pub(crate) fn taken(&self) -> usize {
        self.share.bytes()
    }

    /// Takes the memory of everything from the budget. Returns false if the budget has no room for it.
    fn charge(&mut self, budget: &Budget) -> bool {
        let user = self.user.as_ref().map_or(0, |user| user.memory());
        let texts: usize = self.fields.iter().map(Field::text_memory).sum();
        let fields = self.fields.capacity() * size_of::<Field>() + texts;
        self.share
            .resize(user + fields + self.errors.memory(), budget)
    }

    /// Notes that the last addition was removed, because the budget has no room for it.
    fn omit(&mut self, budget: &Budget) {
        self.were_omitted = true;
        budget.count_refusal();
        self.fields.shrink_to_fit();
        self.charge(budget);
    }
}
