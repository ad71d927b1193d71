//! The builder, and the handle to what it built.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{dev::ServiceRequest, http::header::HeaderName, rt::time::timeout};
use ipnet::IpNet;
use log::Level;

use crate::{
    formats::json::code::CodePath,
    head::{client::Proxies, heads::Allowlists, request_id::RequestIds},
    logger::Logger,
    policy::{Policy, ResponseBody},
    record::{level::incident_code_level, truncate::MIN_RECORD_LIMIT},
    redact::{Redaction, names::Names},
    sampling::Sampling,
    sink::Sink,
    stats::{Shared, Stats},
};

/// Bytes kept of each body by default: 4 KiB.
pub const DEFAULT_BODY_LIMIT: usize = 4 * 1024;
/// Bytes of a response in which its code is looked for by default: 4 KiB.
pub const DEFAULT_CODE_LIMIT: usize = 4 * 1024;
/// Bytes of one rendered record by default: 15 KiB, which fits into a line of the container
/// runtimes that split at 16 KiB.
pub const DEFAULT_RECORD_LIMIT: usize = 15 * 1024;
/// Bytes that all captures in flight hold together by default: 16 MiB, about 2,000 full exchanges.
pub const DEFAULT_MEMORY_BUDGET: usize = 16 * 1024 * 1024;

/// Middleware that records HTTP exchanges, bodies included, in bounded memory.
///
/// Build it once, outside the factory closure of the `HttpServer`: clones share one memory budget,
/// one set of counters and one list of sinks, and every worker needs a clone.
///
/// ```no_run
/// use actix_bodylog::BodyLog;
/// use actix_web::{App, HttpServer};
///
/// # async fn serve() -> std::io::Result<()> {
/// let body_log = BodyLog::new().request_limit(8 * 1024).skip("/health");
/// let for_workers = body_log.clone();
/// HttpServer::new(move || App::new().wrap(for_workers.clone()))
///     .bind(("127.0.0.1", 8080))?
///     .run()
///     .await?;
/// body_log.drain(std::time::Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
///
/// Wrapped again inside, around a scope or a resource, another `BodyLog` brings its limits and
/// rules to the requests that get there; record, budget, counters and sinks stay the outer's.
/// **All of its rules, redaction included:** to change one limit and nothing else, wrap a changed
/// clone of the outer one, `body_log.clone().request_limit(..)`.
#[derive(Clone, Debug)]
#[must_use = "a logger does nothing unless it is wrapped around an application"]
pub struct BodyLog {
    logger: Arc<Logger>,
    /// No sink was named yet: the list holds the default one.
    default_sink: bool,
}

impl Default for BodyLog {
    fn default() -> Self {
        let code_field = CodePath::new("code");
        let mut names = Names::default();
        names.show_code(code_field.key());
        let policy = Policy {
            request_limit: DEFAULT_BODY_LIMIT,
            response_limit: DEFAULT_BODY_LIMIT,
            code_limit: DEFAULT_CODE_LIMIT,
            record_limit: DEFAULT_RECORD_LIMIT,
            hides_code: false,
            headers: Allowlists::new(&names),
            names,
            code_path: code_field,
            code_levels: Arc::new(incident_code_level),
            success_level: Level::Debug,
            response_body: ResponseBody::default(),
            proxies: Proxies::default(),
            request_ids: RequestIds::default(),
            sampling: Sampling::default(),
            skip: Vec::new(),
            skip_if: Vec::new(),
        };
        Self {
            logger: Arc::new(Logger::new(policy, Shared::new(DEFAULT_MEMORY_BUDGET))),
            default_sink: true,
        }
    }
}

impl BodyLog {
    /// A logger with every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that records nothing. Wrapped around a resource or a scope, it takes those requests out of the
    /// records of a logger outside; wrapped around an application, it switches off those inside.
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
        Self::new().skip_if(|_| true)
    }

    fn change(mut self, f: impl FnOnce(&mut Logger)) -> Self {
        f(Arc::make_mut(&mut self.logger));
        self
    }

    fn set(self, f: impl FnOnce(&mut Policy)) -> Self {
        self.change(|logger| f(&mut logger.policy))
    }

    pub(crate) fn logger(&self) -> Arc<Logger> {
        Arc::clone(&self.logger)
    }

    /// Bytes of a request body that are kept; 0 keeps none. Default: [`DEFAULT_BODY_LIMIT`].
    pub fn request_limit(self, bytes: usize) -> Self {
        self.set(|policy| policy.request_limit = bytes)
    }

    /// Bytes of a response body that are kept; 0 keeps none. Default: [`DEFAULT_BODY_LIMIT`].
    pub fn response_limit(self, bytes: usize) -> Self {
        self.set(|policy| policy.response_limit = bytes)
    }

    /// Bytes at the beginning of a response in which the code is looked for, whatever
    /// [`response_limit`](Self::response_limit) is. Default: [`DEFAULT_CODE_LIMIT`].
    ///
    /// What goes beyond the bytes that are kept anyway is read as it passes by and not kept, so a large
    /// limit costs time but no memory. Except where the response has to be decoded, from a content coding
    /// or a charset that is not based on ASCII: then as many bytes are kept, within the budget.
    pub fn code_limit(self, bytes: usize) -> Self {
        self.set(|policy| policy.code_limit = bytes)
    }

    /// Bytes of one rendered record, newline included, in the [schema](Sink::schema) of each sink. Default:
    /// [`DEFAULT_RECORD_LIMIT`].
    ///
    /// Where a record would be larger, bodies give way first, then custom fields and headers. The
    /// method, status, level and outcome are always there.
    ///
    /// # Panics
    ///
    /// If it is below 1024: what is always there might not fit.
    pub fn record_limit(self, bytes: usize) -> Self {
        assert!(
            bytes >= MIN_RECORD_LIMIT,
            "the record limit must be at least {MIN_RECORD_LIMIT} bytes, not {bytes}"
        );
        self.set(|policy| policy.record_limit = bytes)
    }

    /// Bytes that all captures in flight may hold together, on all workers. Default:
    /// [`DEFAULT_MEMORY_BUDGET`].
    ///
    /// A body for which there is no room passes unrecorded; its record says `budget`. The budget is
    /// one for all clones, so this changes theirs too.
    pub fn memory_budget(self, bytes: usize) -> Self {
        self.logger.shared.budget.set_limit(bytes);
        self
    }

    /// Where the code stands in a JSON response: a top-level key, or a JSON pointer (RFC 6901) such
    /// as `/error/code`, every step of which is the key of an object. Default: `code`.
    ///
    /// The value of its key is shown whatever it is called, unless [`redact`](Self::redact) names it.
    pub fn code_field(self, field: impl AsRef<str>) -> Self {
        self.set(|policy| {
            let path = CodePath::new(field.as_ref());
            let key = path.key().to_owned();
            policy.code_path = path;
            policy.change_names(|names| names.show_code(&key));
        })
    }

    /// The level that a code asks for; `None` for a code that asks for nothing. Default:
    /// [`incident_code_level`]. Ready-made alternative: [`http_code_level`](crate::http_code_level).
    ///
    /// A panic in it is caught and counted, and the code asks for nothing.
    pub fn code_levels(
        self,
        levels: impl Fn(i64) -> Option<Level> + Send + Sync + 'static,
    ) -> Self {
        self.set(|policy| policy.code_levels = Arc::new(levels))
    }

    /// The level of an exchange in which nothing asks for another. Default: [`Level::Debug`].
    pub fn success_level(self, level: Level) -> Self {
        self.set(|policy| policy.success_level = level)
    }

    /// When the content of a response is recorded. Default: [`ResponseBody::WhenNotable`].
    pub fn response_body(self, when: ResponseBody) -> Self {
        self.set(|policy| policy.response_body = when)
    }

    /// Hides the values under this name as well, wherever names are: in JSON, forms, queries, the
    /// parts of multipart bodies, XML, text, headers and custom fields. Compared in lower case and
    /// without `-` and `_`. May be called several times.
    ///
    /// The name of the [code field](Self::code_field) may be among them; the code still picks the
    /// level.
    pub fn redact(self, name: impl AsRef<str>) -> Self {
        self.set(|policy| policy.change_names(|names| names.redact(name.as_ref())))
    }

    /// Hides the values under all names that contain this, too. An empty fragment is ignored. May be
    /// called several times.
    pub fn redact_containing(self, fragment: impl AsRef<str>) -> Self {
        self.set(|policy| policy.change_names(|names| names.redact_containing(fragment.as_ref())))
    }

    /// Shows the values under this name, and takes it off the lists of whole names and of parts of
    /// names, the default ones included. A header of this name may be
    /// [recorded](Self::request_header), as it is. May be called several times; of this and
    /// [`redact`](Self::redact), the last call for a name counts.
    ///
    /// **What was a secret under this name is in the logs from now on, and in everything that is
    /// made of them.** As a part of names is taken off too, `keep("token")` also shows a
    /// `reset_token`; call `redact_containing("token")` after it to show nothing but `token`.
    pub fn keep(self, name: impl AsRef<str>) -> Self {
        self.set(|policy| policy.change_names(|names| names.keep(name.as_ref())))
    }

    /// Replaces everything that decides what is hidden. For rules that several loggers share, and
    /// for [`Redaction::none`]. Default: [`Redaction::default`].
    pub fn redaction(self, redaction: Redaction) -> Self {
        self.set(|policy| {
            let code = policy.code_path.key().to_owned();
            policy.change_names(|names| {
                *names = redaction.names;
                names.show_code(&code);
            });
        })
    }

    /// Records this request header too. May be called several times. Default: accept,
    /// content-encoding, content-length, content-type, host, origin, referer, traceparent and
    /// x-request-id.
    ///
    /// The value of a header with a sensitive name is hidden. Those that carry credentials
    /// (authorization, proxy-authorization, cookie, set-cookie, x-api-key, x-auth-token,
    /// x-csrf-token, x-xsrf-token, x-amz-security-token) are not recorded at all, unless
    /// [`keep`](Self::keep) names them as well.
    pub fn request_header(self, header: HeaderName) -> Self {
        self.set(|policy| policy.headers.request.add(header, &policy.names))
    }

    /// Records this response header too, with the same exceptions as
    /// [`request_header`](Self::request_header). May be called several times. Default:
    /// content-encoding, content-length, content-type, location and retry-after.
    pub fn response_header(self, header: HeaderName) -> Self {
        self.set(|policy| policy.headers.response.add(header, &policy.names))
    }

    /// The addresses and networks of your own proxies, in place of those named before. Default: none, and the
    /// client is the peer, whatever the request says.
    ///
    /// Where the peer is one of these, the addresses of its `X-Forwarded-For` or `Forwarded` (RFC 7239) are
    /// walked from the right past those of such proxies: the first other one is the client. Where this finds
    /// no address, or both headers are there and do not agree, the client is the peer: a proxy that
    /// writes one of the headers may let a forged one of the other kind through.
    ///
    /// **Name nothing but proxies that write these headers**: whoever is trusted can name any client.
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
        let proxies = proxies.into_iter().map(Into::into).collect();
        self.set(|policy| policy.proxies = Proxies::new(proxies))
    }

    /// Where the ids of requests come from. Default: [`RequestIds::Incoming`], the `x-request-id` that came.
    ///
    /// [`RequestIds::Generate`] changes the response: it tells the client the id.
    pub fn request_id(self, ids: RequestIds) -> Self {
        self.set(|policy| policy.request_ids = ids)
    }

    /// The share of the records that is kept of what succeeds, from 0 to 1. Default: 1, all of them.
    ///
    /// It is decided at the end: a record above the [success level](Self::success_level), or of
    /// [`Level::Warn`] and above because of what happened, is always kept. The others carry the share as
    /// `sample_rate`: each of them stands for `1 / sample_rate` exchanges. What is left out is
    /// counted in [`Stats::sampled_out`].
    ///
    /// All records of a trace are kept or none, by the last 56 bits of its id, as OpenTelemetry samples; where
    /// there is no trace, all of a request id; and where there is neither, it is left to chance. (So a client
    /// that makes up its ids has a say in whether its successes are kept.)
    ///
    /// # Panics
    ///
    /// If it is not from 0 to 1.
    pub fn sample(self, rate: f64) -> Self {
        let sampling = Sampling::new(rate);
        self.set(|policy| policy.sampling = sampling)
    }

    /// Skips requests for exactly this path, compared as it arrived, that succeed. One whose level
    /// the code, the status or the outcome raised to [`Level::Warn`] or above is recorded all the
    /// same. May be called several times.
    pub fn skip(self, path: impl Into<String>) -> Self {
        self.set(|policy| policy.skip.push(path.into()))
    }

    /// Skips requests for which this says so, completely: no capture, no record, however they end,
    /// also by a logger wrapped inside. May be called several times.
    ///
    /// A panic in it is caught and counted, and the request is recorded.
    pub fn skip_if(
        self,
        condition: impl Fn(&ServiceRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|policy| policy.skip_if.push(Arc::new(condition)))
    }

    /// Adds a sink. Records go to all of them; with none named, to
    /// [`LogSink::new`](crate::LogSink::new).
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        let replace = std::mem::replace(&mut self.default_sink, false);
        self.change(|logger| {
            if replace {
                logger.clear_sinks();
            }
            logger.add_sink(Arc::new(sink));
        })
    }

    /// The counters, of this logger and all its clones together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.logger.stats()
    }

    /// Waits until no exchange is in flight, and then until the sinks have handed on what they held back, for at most
    /// `limit` (and a tenth of a second for the sinks, if the exchanges took all of it). False if that was not
    /// enough.
    ///
    /// For `main`, after the server has stopped: worker threads are not always joined before
    /// `run().await` returns, and the last records are still on their way then.
    ///
    /// Sinks are flushed on the thread that awaits this. [`JsonLines`](crate::JsonLines) keeps to the limit; a
    /// logger of the `log` facade or a sink of your own may not.
    ///
    /// # Panics
    ///
    /// If it is awaited outside an actix or Tokio runtime.
    pub async fn drain(&self, limit: Duration) -> bool {
        const FOR_SINKS: Duration = Duration::from_millis(100);
        let started = Instant::now();
        let idle = timeout(limit, self.logger.shared.idle()).await.is_ok();
        let left = limit.saturating_sub(started.elapsed());
        self.logger.flush(left.max(FOR_SINKS)) && idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logger_can_be_shared_by_workers_and_printed() {
        fn check(log: impl Clone + Send + Sync + std::fmt::Debug) -> String {
            format!("{log:?}")
        }
        assert!(check(BodyLog::new().skip("/health")).contains("/health"));
    }

    #[test]
    #[should_panic = "the record limit must be at least 1024 bytes, not 1023"]
    fn a_record_limit_that_nothing_fits_into_stops_the_server_at_start() {
        let _ = BodyLog::new().record_limit(1023);
    }
}
