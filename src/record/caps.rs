//! The caps of the values of a request head.

/// Maximum number of bytes kept of the path of a request, and of its query.
pub const MAX_URI_PART_LEN: usize = 2048;
/// Maximum number of bytes kept of a `User-Agent`.
pub const MAX_USER_AGENT_LEN: usize = 512;
/// Maximum number of bytes kept of one header value.
pub const MAX_HEADER_VALUE_LEN: usize = 512;
/// Maximum number of values kept of one header.
pub const MAX_HEADER_VALUES: usize = 8;
/// Maximum length of a valid request id, in bytes.
pub const MAX_REQUEST_ID_LEN: usize = 128;
