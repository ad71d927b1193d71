//! Neither the client nor the application can tell whether the middleware is there: the same bytes
//! are sent to an application with and without it, and the same bytes must come back.

mod support;

use actix_bodylog::{BodyLog, ResponseBody};
use actix_web::{
    App, Error,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::{
        Compat, Compress, Condition, DefaultHeaders, ErrorHandlerResponse, ErrorHandlers, Next,
        NormalizePath, from_fn,
    },
    web,
};
use log::Level;

use support::{
    Recorder, Server,
    catalogue::{routes, wrapped_routes},
    script::{Plain, Script},
    scripts,
};

/// A logger that has the most to do.
fn busy() -> (Recorder, BodyLog) {
    let (recorder, log) = Recorder::with_log();
    let log = log
        .request_limit(1 << 20)
        .response_limit(1 << 20)
        .response_body(ResponseBody::Always);
    (recorder, log)
}

/// The plain application's answers to all scripts.
fn plain(scripts: &[Script]) -> Plain {
    let server = Server::http1(|| App::new().configure(routes));
    Plain::catalogue(&server, scripts)
}

#[test]
fn the_plain_application_says_the_same_twice() {
    // Otherwise the comparisons below would find differences that are none.
    let scripts = scripts::all();
    let again = Server::http1(|| App::new().configure(routes));
    plain(&scripts).assert_same(&again, &scripts);
}

#[test]
fn around_the_application_it_is_not_seen_and_sees_every_request_once() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    let wrapped = log.clone();
    let server = Server::http1(move || App::new().configure(routes).wrap(wrapped.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
    assert_eq!(log.stats().in_flight, 0);
    assert_eq!(log.stats().budget_used, 0);
    assert_eq!(log.stats().sink_failures, 0);
}

#[test]
fn around_a_scope_it_is_not_seen() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    // The plain application has the scope as well: a scope answers some requests in its own way.
    let plain = Server::http1(|| App::new().service(web::scope("").configure(routes)));
    let plain = Plain::record(&plain, &scripts);
    let server = Server::http1(move || {
        App::new().service(web::scope("").configure(routes).wrap(log.clone()))
    });
    plain.assert_same(&server, &scripts);
    assert!(!recorder.records().is_empty());
}

#[test]
fn around_every_resource_it_is_not_seen() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    let server = Server::http1(move || App::new().configure(wrapped_routes(&log)));
    plain(&scripts).assert_same(&server, &scripts);
    assert!(!recorder.records().is_empty());
}

#[test]
fn around_the_application_and_every_resource_it_is_not_seen_and_sees_every_request_once() {
    let (recorder, log) = busy();
    let (inner_recorder, inner) = busy();
    let scripts = scripts::all();
    let server = Server::http1(move || {
        App::new()
            .configure(wrapped_routes(&inner))
            .wrap(log.clone())
    });
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
    inner_recorder.wait_for(0);
}

#[test]
fn with_no_room_to_keep_anything_it_is_not_seen() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    let small = log.memory_budget(16).record_limit(1024);
    let server = Server::http1(move || App::new().configure(routes).wrap(small.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
}

#[test]
fn letting_requests_pass_it_is_not_seen() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    let skipping = log.skip_if(|_| true);
    let server = Server::http1(move || {
        App::new()
            .configure(wrapped_routes(&skipping))
            .wrap(skipping.clone())
    });
    plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(0);
}

#[test]
fn with_hooks_and_sinks_that_panic_it_is_not_seen() {
    let (recorder, log) = busy();
    let scripts = scripts::all();
    let faulty = log
        .code_levels(|_| panic!("a hook"))
        .sink(|_: &actix_bodylog::Record<'_>| panic!("a sink"))
        .skip_if(|_| panic!("another hook"));
    let wrapped = faulty.clone();
    let server = Server::http1(move || App::new().configure(routes).wrap(wrapped.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
    assert!(faulty.stats().sink_failures >= 2 * expected as u64);
}

#[test]
fn writing_to_the_log_it_is_not_seen() {
    let scripts = scripts::all();
    let log = BodyLog::new().success_level(Level::Info);
    let server = Server::http1(move || App::new().configure(routes).wrap(log.clone()));
    plain(&scripts).assert_same(&server, &scripts);
}

/// Compares an application that has one more middleware with the same one where the logger is inside
/// or outside of that. A macro, because every order is a type of its own.
macro_rules! beside {
    ($name:ident, $other:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn inside_of_it_the_logger_is_not_seen() {
                let scripts = scripts::all();
                let plain = Server::http1(|| App::new().configure(routes).wrap($other));
                let plain = Plain::record(&plain, &scripts);
                let (recorder, log) = busy();
                let server = Server::http1(move || {
                    App::new().configure(routes).wrap(log.clone()).wrap($other)
                });
                plain.assert_same(&server, &scripts);
                assert!(!recorder.records().is_empty());
            }

            #[test]
            fn outside_of_it_the_logger_is_not_seen() {
                let scripts = scripts::all();
                let plain = Server::http1(|| App::new().configure(routes).wrap($other));
                let plain = Plain::record(&plain, &scripts);
                let (recorder, log) = busy();
                let server = Server::http1(move || {
                    App::new().configure(routes).wrap($other).wrap(log.clone())
                });
                let expected = plain.assert_same(&server, &scripts);
                drop(server);
                recorder.wait_for(expected);
            }
        }
    };
}

beside!(compress, Compress::default());
beside!(
    default_headers,
    DefaultHeaders::new().add(("x-default", "1"))
);
beside!(normalize_path, NormalizePath::trim());
beside!(condition, Condition::new(true, DefaultHeaders::new()));
beside!(compat, Compat::new(NormalizePath::trim()));
beside!(
    error_handlers,
    ErrorHandlers::new().default_handler(decorate)
);
beside!(
    error_handlers_that_replace_the_body,
    ErrorHandlers::new().handler(StatusCode::INTERNAL_SERVER_ERROR, replace)
);
beside!(function, from_fn(add_header));
beside!(nothing_but_errors, from_fn(answer_errors));

fn decorate<B>(mut res: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    let value = match res.response().error() {
        Some(error) => header::HeaderValue::from_str(&error.to_string()).unwrap(),
        None => header::HeaderValue::from_static("none"),
    };
    let name = header::HeaderName::from_static("x-error");
    res.headers_mut().insert(name, value);
    Ok(ErrorHandlerResponse::Response(res.map_into_left_body()))
}

fn replace<B: 'static>(res: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    Ok(ErrorHandlerResponse::Future(Box::pin(async move {
        Ok(res.map_body(|_, _| EitherBody::right(BoxBody::new("replaced"))))
    })))
}

async fn add_header(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut res = next.call(req).await?;
    let value = header::HeaderValue::from_static("1");
    res.headers_mut()
        .insert(header::HeaderName::from_static("x-function"), value);
    Ok(res)
}

/// Makes a response of an error by a way that leaves out what was added to the error.
async fn answer_errors(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = req.path().to_owned();
    match next.call(req).await {
        Ok(res) => Ok(res.map_into_boxed_body()),
        Err(error) => {
            let status = error.as_response_error().status_code();
            Err(actix_web::error::InternalError::new(format!("{path}: {error}"), status).into())
        }
    }
}
