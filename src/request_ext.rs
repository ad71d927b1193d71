//! The trait by which handlers and other middleware add to the record.

use std::fmt;

use actix_web::HttpMessage;

use crate::{
    exchange::{Exchange, RequestLink},
    record::{field::FieldValue, user::User},
};

/// Adds to the record of a request. Without [`BodyLog`](crate::BodyLog) around the service, or after the record was
/// emitted, the methods do nothing.
///
/// ```
/// use actix_bodylog::{RecordExt as _, User};
/// use actix_web::{HttpRequest, HttpResponse, Responder};
///
/// async fn handler(req: HttpRequest) -> impl Responder {
///     req.record_user(User::new("42").name("ann").role("customer"));
///     req.record_field("tenant", "acme");
///     req.record_field("cart.items", 3);
///     HttpResponse::Ok()
/// }
/// # let _ = handler;
/// ```
///
/// # Panics
///
/// All methods borrow the request's extensions, and panic if these are
/// [mutably borrowed](HttpMessage::extensions_mut).
pub trait RecordExt: HttpMessage {
    /// Sets the user who made the request: `user.id`, `user.name` and `user.roles`. The last call counts.
    ///
    /// Each part is truncated to [`MAX_USER_LEN`](crate::record::MAX_USER_LEN) bytes.
    fn record_user(&self, user: User) {
        with_exchange(self, |exchange| exchange.set_user(user));
    }

    /// Adds a custom field. The last call with the same name counts.
    ///
    /// At most [`MAX_FIELDS`](crate::record::MAX_FIELDS) are kept, with names of at most
    /// [`MAX_FIELD_NAME_LEN`](crate::record::MAX_FIELD_NAME_LEN) bytes and strings of at most
    /// [`MAX_FIELD_VALUE_LEN`](crate::record::MAX_FIELD_VALUE_LEN) bytes. The value of a sensitive name is redacted. A
    /// name that belongs to the record itself gets the prefix `field.`.
    fn record_field<'v>(&self, name: impl AsRef<str>, value: impl Into<FieldValue<'v>>) {
        with_exchange(self, |exchange| {
            exchange.set_field(name.as_ref(), value.into())
        });
    }

    /// Leaves the contents of both bodies out of the record. The code of the response is still read.
    fn omit_bodies(&self) {
        with_exchange(self, Exchange::omit_bodies);
    }

    /// Adds an error to `exception.message`, which is truncated to [`MAX_ERROR_LEN`](crate::record::MAX_ERROR_LEN)
    /// bytes. The level stays the same.
    fn record_error(&self, error: impl fmt::Display) {
        with_exchange(self, |exchange| exchange.add_error(&error));
    }
}

impl<T: HttpMessage> RecordExt for T {}

fn with_exchange<T: HttpMessage>(message: &T, f: impl FnOnce(&Exchange)) {
    // The extensions must not be borrowed while `f` runs, because `f` may run code of the caller.
    if let Some(exchange) = RequestLink::of(message) {
        exchange.with(f);
    }
}
