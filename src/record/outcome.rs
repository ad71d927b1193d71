//! The outcome of an exchange.

use crate::util::text_enum::text_enum;

text_enum! {
    /// The outcome of an exchange.
    pub enum Outcome {
        /// The whole response was handed to the server, including a response that was built from an
        /// error. How much of it reached the client is unknown.
        Completed = "completed",
        /// The response body returned an error, or the inner service did, and the logger received no response that was
        /// built from it.
        Failed = "failed",
        /// The exchange was dropped before its end: the client disconnected, or the server stopped. Over HTTP/2 also: a
        /// layer outside of the logger answered with another response.
        Aborted = "aborted",
        /// The response was dropped before the server took it, over HTTP/1 or in a test: a layer outside of the logger
        /// answered with another response. This does not raise the level.
        Replaced = "replaced",
        /// The application panicked.
        Panicked = "panicked",
    }
}
