//! An application sends the same bytes over HTTP/1 with and without the logger.

mod support;

use actix_bodylog::{BodyLog, BodyPolicy};
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

/// Makes a logger that keeps whole bodies in both directions.
fn keeping_all() -> (Recorder, BodyLog) {
    let (recorder, log) = Recorder::with_log();
    let log = log
        .request_limit(1 << 20)
        .response_limit(1 << 20)
        .response_body(BodyPolicy::Always);
    (recorder, log)
}

/// Plays the scripts to the application without the logger.
fn plain(scripts: &[Script]) -> Plain {
    let server = Server::http1(|| App::new().configure(routes));
    Plain::catalogue(&server, scripts)
}

#[test]
fn application_without_the_logger_sends_the_same_bytes_twice() {
    // Otherwise the comparisons below would fail without a fault of the logger.
    let scripts = scripts::all();
    let again = Server::http1(|| App::new().configure(routes));
    plain(&scripts).assert_same(&again, &scripts);
}

#[test]
fn logger_around_the_app_changes_no_bytes_and_records_each_request_once() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    let wrapped = log.clone();
    let server = Server::http1(move || App::new().configure(routes).wrap(wrapped.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
    assert_eq!(log.stats().in_flight, 0);
    assert_eq!(log.stats().budget_used, 0);
    assert_eq!(log.stats().sink_panics, 0);
}

#[test]
fn logger_around_a_scope_changes_no_bytes() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    // The reference has the scope too, because a scope answers some requests differently.
    let plain = Server::http1(|| App::new().service(web::scope("").configure(routes)));
    let plain = Plain::record(&plain, &scripts);
    let server = Server::http1(move || {
        App::new().service(web::scope("").configure(routes).wrap(log.clone()))
    });
    plain.assert_same(&server, &scripts);
    assert!(!recorder.records().is_empty());
}

#[test]
fn logger_around_each_resource_changes_no_bytes() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    let server = Server::http1(move || App::new().configure(wrapped_routes(&log)));
    plain(&scripts).assert_same(&server, &scripts);
    assert!(!recorder.records().is_empty());
}

#[test]
fn logger_around_the_app_and_each_resource_changes_no_bytes_and_records_each_request_once() {
    let (recorder, log) = keeping_all();
    let (inner_recorder, inner) = keeping_all();
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
fn logger_without_budget_changes_no_bytes() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    let small = log.memory_budget(16).record_limit(1024);
    let server = Server::http1(move || App::new().configure(routes).wrap(small.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
}

#[test]
fn logger_that_skips_all_requests_changes_no_bytes() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    let skipping = log.exclude_if(|_| true);
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
fn panicking_hooks_and_sinks_change_no_bytes() {
    let (recorder, log) = keeping_all();
    let scripts = scripts::all();
    let faulty = log
        .code_levels(|_| panic!("a hook"))
        .sink_fn(|_| panic!("a sink"))
        .exclude_if(|_| panic!("another hook"));
    let wrapped = faulty.clone();
    let server = Server::http1(move || App::new().configure(routes).wrap(wrapped.clone()));
    let expected = plain(&scripts).assert_same(&server, &scripts);
    drop(server);
    recorder.wait_for(expected);
    assert!(faulty.stats().sink_panics >= 2 * expected as u64);
}

#[test]
fn logger_with_the_default_sink_changes_no_bytes() {
    let scripts = scripts::all();
    let log = BodyLog::new().success_level(Level::Info);
    let server = Server::http1(move || App::new().configure(routes).wrap(log.clone()));
    plain(&scripts).assert_same(&server, &scripts);
}

/// Compares an application that has another middleware with the same application and the logger inside
/// or outside of that middleware. This is a macro because each order has another type.
macro_rules! beside {
    ($name:ident, $other:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn logger_inside_changes_no_bytes() {
                let scripts = scripts::all();
                let plain = Server::http1(|| App::new().configure(routes).wrap($other));
                let plain = Plain::record(&plain, &scripts);
                let (recorder, log) = keeping_all();
                let server = Server::http1(move || {
                    App::new().configure(routes).wrap(log.clone()).wrap($other)
                });
                plain.assert_same(&server, &scripts);
                assert!(!recorder.records().is_empty());
            }

            #[test]
            fn logger_outside_changes_no_bytes() {
                let scripts = scripts::all();
                let plain = Server::http1(|| App::new().configure(routes).wrap($other));
                let plain = Plain::record(&plain, &scripts);
                let (recorder, log) = keeping_all();
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
beside!(function_that_returns_errors_only, from_fn(answer_errors));

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

/// Makes a new error from an error, without the response mappers of the old one.
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
