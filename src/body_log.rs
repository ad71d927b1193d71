//! The builder of a logger, which is also the handle to it.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::{
    dev::ServiceRequest,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName},
    },
};
use ipnet::IpNet;
use log::Level;

use crate::{
    drain::{self, DrainError},
    filters::check_path,
    formats::json::code::CodePath,
    head::{Allowlists, client::Proxies, request_id::RequestIdSource},
    logger::Logger,
    policy::{BodyPolicy, Policy},
    preview::{self, Preview},
    record::{
        data::Record,
        field::{Field, FieldValue},
        omission::Omissions,
        truncate::MIN_RECORD_LIMIT,
    },
    redact::{Redaction, Shape, names::Names, path::PathPattern},
    sampling::Sampling,
    sink::{LogSink, Sink, SinkFn},
    stats::{Shared, Stats},
};

/// Bytes kept of each body by default: 4 KiB.
pub const DEFAULT_BODY_LIMIT: usize = 4 * 1024;
/// Bytes of a response that are searched for the code by default: 4 KiB.
pub const DEFAULT_CODE_LIMIT: usize = 4 * 1024;
/// Bytes of one rendered record by default: 15 KiB. Container runtimes split lines at 16 KiB.
pub const DEFAULT_RECORD_LIMIT: usize = 15 * 1024;
/// Bytes that the captured data of all exchanges may take together by default: 16 MiB, about 2,000 exchanges with full
/// bodies.
pub const DEFAULT_MEMORY_BUDGET: usize = 16 * 1024 * 1024;

/// Middleware that records HTTP exchanges, bodies included, in bounded memory.
///
/// Build it once, outside the factory closure of the `HttpServer`. Every worker needs a clone. Clones share the memory
/// budget, the counters, and the sinks that were added before the clone was made.
///
/// ```no_run
/// use actix_bodylog::BodyLog;
/// use actix_web::{App, HttpServer};
///
/// # async fn serve() -> std::io::Result<()> {
/// let body_log = BodyLog::new().request_limit(8 * 1024).quiet("/health");
/// let for_workers = body_log.clone();
/// HttpServer::new(move || App::new().wrap(for_workers.clone()))
///     .bind(("127.0.0.1", 8080))?
///     .run()
///     .await?;
/// if let Err(error) = body_log.drain(std::time::Duration::from_secs(5)).await {
///     eprintln!("{error}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Nested loggers
///
/// If another `BodyLog` is wrapped inside, around a scope or a resource, there is still one record for each request.
/// Its sinks, its budget and its counters are those of the outer logger.
///
/// **The inner logger changes only what was set on it.** Every other setting is that of the outer logger, redaction
/// included, wherever the inner logger was made:
///
/// ```
/// use actix_bodylog::BodyLog;
/// use actix_web::{App, HttpResponse, web};
///
/// let webhooks = web::resource("/webhooks")
///     .wrap(BodyLog::new().request_limit(64 * 1024))
///     .to(HttpResponse::Ok);
/// let app = App::new().service(webhooks).wrap(BodyLog::new().redact("iban").quiet("/health"));
/// # let _ = app;
/// ```
///
/// Settings that are made once for each item (`redact`, `quiet`, `request_header` and so on) are added to those of the
/// outer logger. A name that is given to [`keep`](Self::keep) or [`redact`](Self::redact) on the inner logger is
/// treated accordingly inside of it, even if the outer logger says otherwise. A setting that was made before a clone
/// counts as made on the clone, too.
#[derive(Clone, Debug)]
#[must_use = "a logger does nothing unless it is wrapped around an application"]
pub struct BodyLog {
    logger: Arc<Logger>,
    /// Set if no sink was added yet, so the list holds the default sink.
    default_sink: bool,
}

impl Default for BodyLog {
    fn default() -> Self {
        let names = Names::default();
        let policy = Policy {
            request_limit: DEFAULT_BODY_LIMIT,
            response_limit: DEFAULT_BODY_LIMIT,
            code_limit: DEFAULT_CODE_LIMIT,
            record_limit: DEFAULT_RECORD_LIMIT,
            hides_code: false,
            headers: Arc::new(Allowlists::new(&names)),
            names,
            code_path: CodePath::default(),
            code_levels: None,
            status_levels: None,
            slow: None,
            success_level: Level::Debug,
            request_body: BodyPolicy::Always,
            response_body: BodyPolicy::WhenNotable,
            proxies: Proxies::default(),
            request_ids: RequestIdSource::default(),
            sampling: Sampling::default(),
            fields: Vec::new(),
            raw_fields: Vec::new(),
            omissions: Omissions::default(),
        };
        let mut logger = Logger::new(policy, Shared::new(DEFAULT_MEMORY_BUDGET));
        logger.add_sink(Arc::new(LogSink::new()));
        Self {
            logger: Arc::new(logger),
            default_sink: true,
        }
    }
}

impl BodyLog {
    /// Makes a logger with all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a logger that records nothing. Wrapped around a resource or a scope, this logger keeps the outer logger
    /// from recording those requests. Wrapped around an application, it switches off the inner loggers.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    /// use actix_web::{App, HttpResponse, web};
    ///
    /// let metrics = web::resource("/metrics").wrap(BodyLog::off()).to(HttpResponse::Ok);
    /// let app = App::new().service(metrics).wrap(BodyLog::new());
    /// # let _ = app;
    /// ```
    pub fn off() -> Self {
        Self::new().exclude_if(|_| true)
    }

    fn change_logger(mut self, change: impl FnOnce(&mut Logger)) -> Self {
        change(Arc::make_mut(&mut self.logger));
        self
    }

    fn set(self, change: impl Fn(&mut Policy) + Send + Sync + 'static) -> Self {
        self.change_logger(|logger| logger.change(change))
    }

    fn set_names(self, change: impl Fn(&mut Names) + Send + Sync + 'static) -> Self {
        self.set(move |policy| policy.change_names(&change))
    }

    pub(crate) fn logger(&self) -> Arc<Logger> {
        Arc::clone(&self.logger)
    }

    /// Sets the number of bytes of a request body that a record may show; 0 shows none. Default:
    /// [`DEFAULT_BODY_LIMIT`].
    pub fn request_limit(self, bytes: usize) -> Self {
        self.set(move |policy| policy.request_limit = bytes)
    }

    /// Sets the number of bytes of a response body that a record may show; 0 shows none. Default:
    /// [`DEFAULT_BODY_LIMIT`].
    pub fn response_limit(self, bytes: usize) -> Self {
        self.set(move |policy| policy.response_limit = bytes)
    }

    /// Sets the number of bytes at the beginning of a response that are searched for the code, even if
    /// [`response_limit`](Self::response_limit) is 0. Default: [`DEFAULT_CODE_LIMIT`].
    ///
    /// The prefix that is kept of a JSON response is as long as the larger of both limits, within the
    /// [budget](Self::memory_budget). If the budget has no room even for the first chunk, only that chunk is
    /// searched. If the budget has no room for a later chunk, the code is not known, and `code_state` is `cut`.
    pub fn code_limit(self, bytes: usize) -> Self {
        self.set(move |policy| policy.code_limit = bytes)
    }

    /// Sets the maximum number of bytes of one rendered record, newline included, in the [schema](Sink::schema) of
    /// each sink. Default: [`DEFAULT_RECORD_LIMIT`].
    ///
    /// If a record would be larger, these are shortened or left out, in this order: bodies, custom fields, headers, the
    /// error, the rest of the request head, the user and the ids, the ends of the message and the path. The method,
    /// status, level and outcome are always present.
    ///
    /// # Panics
    ///
    /// Panics if `bytes` is below [`MIN_RECORD_LIMIT`], because those fields might not fit.
    #[track_caller]
    pub fn record_limit(self, bytes: usize) -> Self {
        assert!(
            bytes >= MIN_RECORD_LIMIT,
            "the record limit must be at least {MIN_RECORD_LIMIT} bytes, not {bytes}"
        );
        self.set(move |policy| policy.record_limit = bytes)
    }

    /// Sets the number of bytes that the captured data of all exchanges may take together, on all workers, until their
    /// records are made. Default: [`DEFAULT_MEMORY_BUDGET`].
    ///
    /// This is the memory of heads, captured bodies, custom fields, users and errors. If there is no room for a body,
    /// it is not captured, and is [omitted](crate::record::OmitReason::Budget). If there is no room for a head, its
    /// headers are [omitted](crate::Record::headers_omitted); if there is still no room, its target is cut to 256
    /// bytes. If there is no room for a field, a user or an error, it is [omitted](crate::Record::fields_omitted).
    /// Responses never change.
    ///
    /// All clones share one budget, so this method changes the budget of all clones. That of a logger inside another
    /// one is not used.
    pub fn memory_budget(self, bytes: usize) -> Self {
        self.logger.shared.budget.set_limit(bytes);
        self
    }

    /// Sets the place of the code in a JSON response: a top-level key, or a JSON pointer (RFC 6901) such as
    /// `/error/code`, every step of which is the key of an object. Default: `code`.
    ///
    /// The field `exchange.code` shows the code even if its key is sensitive by default. If [`redact`](Self::redact) or
    /// [`redact_containing`](Self::redact_containing) hides a key on the path to the code, the field is hidden, too,
    /// and the code still decides the level. In bodies, these keys are treated like any other.
    ///
    /// # Panics
    ///
    /// Panics if `field` is empty, or begins with `/` and is not a JSON pointer.
    #[track_caller]
    pub fn code_field(self, field: impl AsRef<str>) -> Self {
        let path = or_panic(CodePath::parse(field.as_ref()));
        self.set(move |policy| policy.set_code_path(path.clone()))
    }

    /// Sets the function that returns the level that a code requires, or `None` if the code does not affect the level.
    /// Default: [`default_code_level`](crate::default_code_level). Ready-made alternatives:
    /// [`incident_code_level`](crate::incident_code_level), [`http_code_level`](crate::http_code_level).
    ///
    /// A panic in the function is caught and counted, and the code does not affect the level.
    pub fn code_levels(
        self,
        levels: impl Fn(i64) -> Option<Level> + Send + Sync + 'static,
    ) -> Self {
        let levels = Arc::new(levels);
        self.set(move |policy| policy.code_levels = Some(levels.clone()))
    }

    /// Sets the function that returns the level that a status requires, or `None` if the status does not affect the
    /// level. Default: [`Level::Warn`] for 4xx, [`Level::Error`] for 5xx, otherwise `None`.
    ///
    /// A panic in the function is caught and counted, and the status does not affect the level.
    pub fn status_levels(
        self,
        levels: impl Fn(StatusCode) -> Option<Level> + Send + Sync + 'static,
    ) -> Self {
        let levels = Arc::new(levels);
        self.set(move |policy| policy.status_levels = Some(levels.clone()))
    }

    /// Sets the time to the response head from which the level of an exchange is at least [`Level::Warn`]. By default,
    /// no exchange is slow.
    ///
    /// # Panics
    ///
    /// Panics if `time` is zero, because every exchange would be slow.
    #[track_caller]
    pub fn slow(self, time: Duration) -> Self {
        assert!(
            !time.is_zero(),
            "the time from which an exchange is slow must be above zero"
        );
        self.set(move |policy| policy.slow = Some(time))
    }

    /// Sets the level of a record that nothing raises, as of a successful exchange. Default: [`Level::Debug`].
    pub fn success_level(self, level: Level) -> Self {
        self.set(move |policy| policy.success_level = level)
    }

    /// Sets when the content of a request body is recorded. Default: [`BodyPolicy::Always`].
    pub fn request_body(self, when: BodyPolicy) -> Self {
        self.set(move |policy| policy.request_body = when)
    }

    /// Sets when the content of a response body is recorded. Default: [`BodyPolicy::WhenNotable`].
    pub fn response_body(self, when: BodyPolicy) -> Self {
        self.set(move |policy| policy.response_body = when)
    }

    /// Hides the values of this name in JSON, forms, queries, parts of multipart bodies, XML, text, headers and
    /// custom fields. The words of `name` may be anywhere in a name, in any spelling: `redact("tax id")` hides
    /// `customer.taxId`, `taxIds` and `TAX_ID_2`. `true` and `false` are hidden, too; `null`, empty values and placeholders such
    /// as `${IBAN}` are not. May be called several times.
    ///
    /// If `name` is the key of the [code](Self::code_field) or a key above it, the code is hidden, but still decides
    /// the level.
    pub fn redact(self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref().to_owned();
        self.set_names(move |names| names.redact(&name))
    }

    /// Hides the values of all names that contain `fragment`, in any spelling, also inside of a word. A fragment
    /// without a letter or digit is ignored. May be called several times.
    pub fn redact_containing(self, fragment: impl AsRef<str>) -> Self {
        let fragment = fragment.as_ref().to_owned();
        self.set_names(move |names| names.redact_containing(&fragment))
    }

    /// Hides the parameters of a pattern in the paths that match the pattern, as in `/reset/{token}`. May be called
    /// several times.
    ///
    /// This applies to the path of every request, also of requests that are not routed, and to the paths of URLs in
    /// headers such as `Referer` and `Location`. Without this method, a segment is hidden if the name of its parameter
    /// in the route of the request is sensitive: `{token}` is, `{id}` is not.
    ///
    /// A pattern has the syntax of actix. The segment of a parameter is hidden whole, with the text around the
    /// parameter, if the segment has that text: `/v{n}` hides `/v2` and shows `/login`. A regular expression is not
    /// evaluated, unless it may match a slash: `/files/{tail:.*}` and `/files/{tail}*` hide everything from there on.
    /// Texts and other segments are compared percent-decoded, in the same case. Repeated slashes and a slash at the end
    /// are ignored.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    ///
    /// let body_log = BodyLog::new().redact_path("/invite/{id}");
    /// # let _ = body_log;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the pattern has no parameter, does not begin with `/`, or has a brace that is not closed.
    #[track_caller]
    pub fn redact_path(self, pattern: impl AsRef<str>) -> Self {
        let pattern = or_panic(PathPattern::parse(pattern.as_ref()));
        self.set_names(move |names| names.redact_path(&pattern))
    }

    /// Hides values for which `condition` returns true, whatever their name is. May be called several times: a value is
    /// hidden if one of the conditions returns true. Default: no condition.
    ///
    /// The condition is called with each string and number in JSON, each value in a form, a query or a multipart body,
    /// each segment of a path, and each text in a header, a [field](crate::RecordExt::record_field), an error or the
    /// [user](crate::User). A text is passed as a whole, and in parts: between quotes, brackets, line breaks and
    /// similar marks, then each word, then the parts of URLs. JSON in a string is read as JSON. Names, such as JSON
    /// keys, are passed, too. `true`, `false` and `null` are shown. A header that [`keep`](Self::keep) names is not
    /// passed.
    ///
    /// Values are decoded first. A truncated value, or the last part of a truncated text, is hidden whatever the
    /// condition returns. If the condition panics, the value is hidden. The condition is called often, so it should be
    /// fast.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    ///
    /// let body_log = BodyLog::new().redact_values(|value| value.starts_with("cus_"));
    /// # let _ = body_log;
    /// ```
    pub fn redact_values(self, condition: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let condition: Arc<_> = Arc::new(condition);
        self.set_names(move |names| names.redact_values(condition.clone()))
    }

    /// Shows the values of this whole name, even if a rule for names would hide them. A value that looks like a
    /// credential, such as a JSON web token, stays hidden, except in a header: a header of this name may be
    /// [recorded](Self::request_header) unchanged. May be called several times.
    ///
    /// `keep` takes precedence over [`redact`](Self::redact) and [`redact_containing`](Self::redact_containing). The
    /// order of the calls does not matter: `keep("token_type")` shows a `tokenType`, and a `token` stays hidden.
    ///
    /// **Secrets under this name are in the logs from now on, and in everything that is built from the logs.**
    pub fn keep(self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref().to_owned();
        self.set_names(move |names| names.keep(&name))
    }

    /// Shows secrets of this shape, unless they have a sensitive name. By default, all [shapes](Shape) are hidden. May
    /// be called several times.
    ///
    /// Use this method if values of an application look like secrets and are not. For example,
    /// `keep_shape(Shape::CardNumber)` shows order numbers of 16 digits with a valid check digit.
    ///
    /// **Secrets of this shape are in the logs from now on, and in everything that is built from the logs.**
    pub fn keep_shape(self, shape: Shape) -> Self {
        self.set_names(move |names| names.keep_shape(shape))
    }

    /// Replaces all redaction rules, for rules that several loggers share and for [`Redaction::none`]. Default:
    /// [`Redaction::default`].
    pub fn redaction(self, redaction: Redaction) -> Self {
        self.set_names(move |names| *names = redaction.names.clone())
    }

    /// Adds a request header, by a [`HeaderName`] or its text, to those that are recorded by default: content-encoding,
    /// content-type, origin, referer and x-request-id. May be called several times.
    ///
    /// The value of a header with a sensitive name is hidden. Headers that carry credentials
    /// (authorization, proxy-authorization, cookie, set-cookie, x-api-key, x-auth-token,
    /// x-csrf-token, x-xsrf-token, x-amz-security-token) are not recorded, unless [`keep`](Self::keep) names them,
    /// too.
    ///
    /// # Panics
    ///
    /// Panics if the text is not a valid header name.
    #[track_caller]
    pub fn request_header(self, header: impl TryInto<HeaderName> + fmt::Debug) -> Self {
        let header = header_name(header);
        self.set(move |policy| policy.add_request_header(&header))
    }

    /// Adds a response header to those that are recorded by default, with the same exceptions as
    /// [`request_header`](Self::request_header): content-encoding, content-type, location and retry-after. May be
    /// called several times.
    ///
    /// # Panics
    ///
    /// Panics if the text is not a valid header name.
    #[track_caller]
    pub fn response_header(self, header: impl TryInto<HeaderName> + fmt::Debug) -> Self {
        let header = header_name(header);
        self.set(move |policy| policy.add_response_header(&header))
    }

    /// Adds a custom field to every record. The last call with the same name counts. A field that the application
    /// [records](crate::RecordExt::record_field) under the same name takes precedence. The value of a sensitive name is
    /// redacted. An absent value, and a number that is not finite, adds no field. A string is truncated to
    /// [`MAX_FIELD_VALUE_LEN`](crate::record::MAX_FIELD_VALUE_LEN) bytes.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    ///
    /// let body_log = BodyLog::new().field("service.name", "shop").field("replica", 3);
    /// # let _ = body_log;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the name is empty, is reserved (see "Schemas" in the crate docs), has more than
    /// [`MAX_FIELD_NAME_LEN`](crate::record::MAX_FIELD_NAME_LEN) bytes, or contains a control character, a line
    /// separator or a bidirectional override.
    #[track_caller]
    pub fn field<'v>(self, name: impl AsRef<str>, value: impl Into<FieldValue<'v>>) -> Self {
        let name = name.as_ref().to_owned();
        or_panic(Field::check_name(&name));
        let value = value.into().into_owned();
        self.set(move |policy| policy.add_field(&name, &value))
    }

    /// Leaves a field out of every record, in each schema. `name` is the field's name in
    /// [`Schema::OpenTelemetry`](crate::Schema::OpenTelemetry). May be called several times.
    ///
    /// The query also leaves `message`, which otherwise stays as it is. The content of a body takes `truncated` and
    /// `malformed` along.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    ///
    /// let body_log = BodyLog::new()
    ///     .omit_field("url.scheme")
    ///     .omit_field("http.request.header.referer");
    /// # let _ = body_log;
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if no field of a record has this name, or if a record could not be understood without the field:
    /// `timestamp`, `level`, `message`, the method, the path, the status, the sizes of bodies, the duration, the
    /// outcome, the sample rate, and what is truncated, malformed, omitted or unread.
    #[track_caller]
    pub fn omit_field(self, name: impl AsRef<str>) -> Self {
        let omission = or_panic(Omissions::parse(name.as_ref()));
        self.set(move |policy| policy.omit(&omission))
    }

    /// Sets the addresses and networks of your proxies, and replaces an earlier list. Default: an empty list, so the
    /// client is the peer.
    ///
    /// If the peer is a trusted proxy, the addresses in `X-Forwarded-For` or `Forwarded` (RFC 7239) are read from the
    /// right: the first address that is not a trusted proxy is the client. If all are trusted proxies, the leftmost is
    /// the client. If the header is absent, malformed or gives no address, the client is the peer. The client is also
    /// the peer if both headers are present and disagree, because a proxy that writes one header may pass on a forged
    /// header of the other kind.
    ///
    /// **List only proxies that write these headers**: a trusted peer can name any client.
    ///
    /// ```
    /// use actix_bodylog::{BodyLog, IpNet};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let proxies: [IpNet; 2] = ["10.0.0.0/8".parse()?, "2001:db8::1/128".parse()?];
    /// let body_log = BodyLog::new().trusted_proxies(proxies);
    /// # let _ = body_log;
    /// # Ok(())
    /// # }
    /// ```
    pub fn trusted_proxies<N: Into<IpNet>>(self, proxies: impl IntoIterator<Item = N>) -> Self {
        let proxies = Proxies::new(proxies.into_iter().map(Into::into).collect());
        self.set(move |policy| policy.proxies = proxies.clone())
    }

    /// Sets where the ids of requests come from. Default: [`RequestIdSource::Incoming`], the `x-request-id` of the
    /// request.
    ///
    /// [`RequestIdSource::Generate`] adds the id to the response.
    pub fn request_id(self, ids: RequestIdSource) -> Self {
        self.set(move |policy| policy.request_ids = ids)
    }

    /// Sets the share of the records of successful exchanges that is kept, from 0 to 1. Default: 1, which keeps all
    /// records.
    ///
    /// A record above the [success level](Self::success_level), or a record whose code, status, outcome, malformed
    /// response or slowness requires [`Level::Warn`] or above, is always kept. Other records contain the share as
    /// `sample_rate`: each of them stands for `1 / sample_rate` exchanges. Records that are left out are counted in
    /// [`Stats::sampled_out`].
    ///
    /// The records of a trace are kept or left out together, by the last 56 bits of the trace id, as in OpenTelemetry.
    /// Without a trace, the request id decides, even if it is [omitted](Self::omit_field); without either, a random
    /// number does. (So a client that chooses its ids influences whether its successes are kept.) An id that is
    /// redacted does not decide. If the [budget](Self::memory_budget) had no room for the headers, a random number
    /// decides.
    ///
    /// # Panics
    ///
    /// Panics if `rate` is not from 0 to 1.
    #[track_caller]
    pub fn sample(self, rate: f64) -> Self {
        let sampling = Sampling::new(rate);
        self.set(move |policy| policy.sampling = sampling)
    }

    /// Records a request for exactly this path, as this logger receives it, only if it fails: if its code, status,
    /// outcome, malformed response or [slowness](Self::slow) requires [`Level::Warn`] or above. May be called several
    /// times.
    ///
    /// # Panics
    ///
    /// Panics if `path` does not begin with `/`, or has a query, because no request has such a path.
    #[track_caller]
    pub fn quiet(self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        or_panic(check_path(path));
        self.change_logger(|logger| logger.filters.quiet.add_path(path))
    }

    /// Records requests for which `condition` is true only if they fail, like [`quiet`](Self::quiet). May be called
    /// several times.
    ///
    /// A panic in `condition` is caught and counted, and the request is recorded.
    pub fn quiet_if(
        self,
        condition: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        let condition = Arc::new(condition);
        self.change_logger(|logger| logger.filters.quiet.add_condition(condition))
    }

    /// Does not record requests for exactly this path, as this logger receives it: there is no capture and no record,
    /// however they end, even if another logger is wrapped inside. May be called several times.
    ///
    /// # Panics
    ///
    /// Panics if `path` does not begin with `/`, or has a query, because no request has such a path.
    #[track_caller]
    pub fn exclude(self, path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        or_panic(check_path(path));
        self.change_logger(|logger| logger.filters.excluded.add_path(path))
    }

    /// Does not record requests for which `condition` is true, like [`exclude`](Self::exclude). May be called several
    /// times.
    ///
    /// A panic in `condition` is caught and counted, and the request is recorded.
    pub fn exclude_if(
        self,
        condition: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        let condition = Arc::new(condition);
        self.change_logger(|logger| logger.filters.excluded.add_condition(condition))
    }

    /// Adds a sink. Records go to all sinks. The first call replaces the default sink,
    /// [`LogSink::new`](crate::LogSink::new). The sinks of a logger inside another one get no records.
    ///
    /// To call methods of a sink later, such as [`lost`](Sink::lost), or to share it with another logger, add an `Arc`
    /// of it.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        let replace = std::mem::replace(&mut self.default_sink, false);
        self.change_logger(|logger| {
            if replace {
                logger.clear_sinks();
            }
            logger.add_sink(Arc::new(sink));
        })
    }

    /// Adds a closure as a sink.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    ///
    /// let body_log = BodyLog::new().sink_fn(|record| println!("{} {:?}", record.message, record.status));
    /// # let _ = body_log;
    /// ```
    pub fn sink_fn(self, emit: impl Fn(&Record<'_>) + Send + Sync + 'static) -> Self {
        self.sink(SinkFn(emit))
    }

    /// Returns the body fields of a record about a response with status 200, these headers and this body, to test your
    /// settings. The level is assumed to be above the success level, so [`BodyPolicy::WhenNotable`] and
    /// [`BodyPolicy::OnFailure`] show the content. The [record limit](Self::record_limit) does not apply.
    ///
    /// Only the headers that describe the body count, such as `content-type` and `content-encoding`. A record shows a
    /// request body in the same way, but up to [`request_limit`](Self::request_limit) and without a code.
    ///
    /// ```
    /// use actix_bodylog::BodyLog;
    /// use actix_web::http::header::{self, HeaderMap, HeaderValue};
    ///
    /// let json = HeaderValue::from_static("application/json");
    /// let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    /// let body_log = BodyLog::new().redact("iban");
    /// let preview = body_log.preview(&headers, br#"{"code": 0, "iban": "DE02120300000000202051"}"#);
    /// assert_eq!(preview.content.as_deref(), Some(r#"{"code":0,"iban":"[REDACTED]"}"#));
    /// ```
    #[must_use]
    pub fn preview(&self, headers: &HeaderMap, body: &[u8]) -> Preview {
        preview::preview(&self.logger.policy, headers, body)
    }

    /// Returns the counters that this logger and all its clones share.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.logger.stats()
    }

    /// Waits until no exchange is in flight or waits for its record, then flushes the sinks. Both together take at most
    /// `limit`, except that the sinks get at least a tenth of a second.
    ///
    /// Call this in `main`, after the server has stopped: worker threads are not always joined before `run().await`
    /// returns, so the last records may not be written yet.
    ///
    /// The thread that awaits this future is never blocked: sinks are flushed on another thread. If a sink takes
    /// longer than the limit, that thread is left behind.
    ///
    /// # Errors
    ///
    /// Returns an error if an exchange is still in flight or waits for its record, or if a sink did not flush all of
    /// its records. The error says what was left.
    ///
    /// # Panics
    ///
    /// Panics if the future is awaited outside of an actix or Tokio runtime.
    pub async fn drain(&self, limit: Duration) -> Result<(), DrainError> {
        drain::drain(&self.logger, limit).await
    }
}

/// Returns a checked value, or panics with the reason.
#[track_caller]
fn or_panic<T>(checked: Result<T, String>) -> T {
    match checked {
        Ok(value) => value,
        Err(reason) => panic!("{reason}"),
    }
}

/// Converts the name of a header.
#[track_caller]
fn header_name(name: impl TryInto<HeaderName> + fmt::Debug) -> HeaderName {
    let text = format!("{name:?}");
    match name.try_into() {
        Ok(name) => name,
        Err(_) => panic!("{text} is not the name of a header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logger_is_shared_by_workers_and_printed_with_its_settings() {
        fn check(log: impl Clone + Send + Sync + fmt::Debug) -> String {
            format!("{log:?}")
        }
        assert!(check(BodyLog::new().quiet("/health")).contains("/health"));
    }
}
