//! The record of an exchange, and its renderings.
//!
//! A sink receives a [`Record`], whose fields are typed. It can also be rendered with the names of a [`Schema`]:
//! [`Record::to_json`], [`Record::with_json`], [`Record::in_schema`].
//!
//! The constants are the caps of values that a client or an application can make long.

pub(crate) mod caps;
pub(crate) mod data;
pub(crate) mod errors;
pub(crate) mod field;
pub(crate) mod flatten;
pub(crate) mod format;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod level;
pub(crate) mod omission;
pub(crate) mod outcome;
pub(crate) mod part;
pub(crate) mod schema;
pub(crate) mod serialize;
pub(crate) mod truncate;
pub(crate) mod user;
pub(crate) mod value;
pub(crate) mod visit;

pub use self::{
    caps::{
        MAX_HEADER_VALUE_LEN, MAX_HEADER_VALUES, MAX_REQUEST_ID_LEN, MAX_URI_PART_LEN,
        MAX_USER_AGENT_LEN,
    },
    data::{Record, RecordBody},
    errors::MAX_ERROR_LEN,
    field::{FieldValue, Fields, MAX_FIELD_NAME_LEN, MAX_FIELD_VALUE_LEN, MAX_FIELDS},
    headers::Headers,
    level::LevelReason,
    outcome::Outcome,
    schema::Schema,
    user::{MAX_USER_LEN, MAX_USER_ROLES, Roles, User},
};
pub use crate::{
    content::OmitReason,
    formats::json::code::{Code, CodeState, MAX_CODE_LEN},
};
