//! Middleware outside and inside of the logger works as without the logger.

mod support;

use std::{
    cell::{Cell, RefCell},
    future::ready,
    rc::Rc,
};

use actix_bodylog::{BodyLog, RecordExt as _};
use actix_service::{Service, Transform, fn_service};
use actix_web::{
    App, Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::{self, InternalError},
    http::{StatusCode, Uri, header},
    middleware::{Next, from_fn},
    test::{self, TestRequest},
    web,
};

use support::{Recorder, catalogue::Teapot};

/// Returns the error that the logger returns if the inner service returns this error.
async fn returned(log: &BodyLog, error: impl Into<Error>) -> Error {
    let error = Cell::new(Some(error.into()));
    let inner =
        fn_service(|_: ServiceRequest| ready(Err::<ServiceResponse, _>(error.take().unwrap())));
    let service = log.new_transform(inner).await.unwrap();
    let req = TestRequest::default().to_srv_request();
    service.call(req).await.err().unwrap()
}

#[actix_web::test]
async fn error_keeps_its_type_and_texts() {
    let (recorder, log) = Recorder::with_full_log();
    let error = returned(&log, Teapot).await;
    assert!(error.as_error::<Teapot>().is_some());
    assert!(error.as_error::<InternalError<&str>>().is_none());
    assert_eq!(error.to_string(), Teapot.to_string());
    assert_eq!(format!("{error:?}"), format!("{Teapot:?}"));
    assert_eq!(
        error.as_response_error().status_code(),
        StatusCode::IM_A_TEAPOT
    );
    drop(error);
    recorder.only();
}

#[actix_web::test]
async fn logger_does_not_take_the_response_out_of_an_internal_error() {
    // `error_response` returns the stored response only on the first call.
    let (recorder, log) = Recorder::with_full_log();
    let own = HttpResponse::Conflict().body("of its own");
    let error = returned(&log, InternalError::from_response("conflict", own)).await;
    let first = error.error_response();
    assert_eq!(first.status(), StatusCode::CONFLICT);
    assert_eq!(first.into_body().try_into_bytes().unwrap(), "of its own");
    let second = error.error_response();
    assert_eq!(second.status(), StatusCode::INTERNAL_SERVER_ERROR);
    drop((error, second));
    let record = recorder.only();
    assert_eq!(record["exception.message"], "conflict");
}

#[actix_web::test]
async fn response_of_an_error_is_unchanged() {
    let (_, log) = Recorder::with_full_log();
    let (logged, plain) = (
        returned(&log, Teapot).await.error_response(),
        Teapot.error_response(),
    );
    assert_eq!(logged.status(), plain.status());
    assert_eq!(
        logged.headers().get("x-teapot"),
        plain.headers().get("x-teapot")
    );
    assert_eq!(logged.body().size(), plain.body().size());
    assert_eq!(
        logged.into_body().try_into_bytes().unwrap(),
        plain.into_body().try_into_bytes().unwrap()
    );
}

#[actix_web::test]
async fn outer_middleware_finds_the_error_of_a_handler_in_the_response() {
    let (recorder, log) = Recorder::with_full_log();
    let found = Rc::new(Cell::new(false));
    let app = test::init_service(
        App::new()
            .route("/", web::to(|| async { Err::<HttpResponse, _>(Teapot) }))
            .wrap(log)
            .wrap_fn({
                let found = Rc::clone(&found);
                move |req, next| {
                    let found = Rc::clone(&found);
                    let res = next.call(req);
                    async move {
                        let res = res.await?;
                        let error = res.response().error();
                        found.set(error.is_some_and(|error| error.as_error::<Teapot>().is_some()));
                        Ok(res)
                    }
                }
            }),
    )
    .await;
    let res = test::call_service(&app, TestRequest::default().to_request()).await;
    assert!(found.get());
    assert_eq!(res.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(test::read_body(res).await, "{\"code\":418}");
    let record = recorder.only();
    assert_eq!(record["exception.message"], "short and stout");
    assert_eq!(record["exchange.code"], 418);
}

#[actix_web::test]
async fn outer_middleware_can_replace_an_error() {
    let (recorder, log) = Recorder::with_full_log();
    let app = test::init_service(
        App::new()
            .route("/", web::to(HttpResponse::Ok))
            .wrap(from_fn(|_: ServiceRequest, _: Next<BoxBody>| async {
                Err::<ServiceResponse, Error>(Teapot.into())
            }))
            .wrap(log)
            .wrap(from_fn(recover)),
    )
    .await;

    async fn recover(
        req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        match next.call(req).await {
            Ok(_) => unreachable!("the layer inside fails"),
            Err(error) if error.as_error::<Teapot>().is_some() => {
                Err::<ServiceResponse, _>(error::ErrorImATeapot("tea is served"))
            }
            Err(error) => Err(error),
        }
    }

    let error = app
        .call(TestRequest::default().to_request())
        .await
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "tea is served");
    // The first error became no response. Its status is recorded nevertheless.
    let record = recorder.only();
    assert_eq!(record["exchange.outcome"], "failed");
    assert_eq!(record["http.response.status_code"], 418);
    assert_eq!(record["exception.message"], "short and stout");
}

#[actix_web::test]
async fn request_extensions_are_shared_between_outer_middleware_and_the_handler() {
    let (recorder, log) = Recorder::with_full_log();
    let came_back = Rc::new(Cell::new(0));
    let handler = |req: HttpRequest| async move {
        let given = *req.extensions().get::<u32>().unwrap();
        req.extensions_mut().insert(u64::from(given) + 1);
        HttpResponse::Ok().finish()
    };
    let app = test::init_service(App::new().route("/", web::to(handler)).wrap(log).wrap_fn({
        let came_back = Rc::clone(&came_back);
        move |req, next| {
            req.extensions_mut().insert(41_u32);
            let came_back = Rc::clone(&came_back);
            let res = next.call(req);
            async move {
                let res = res.await?;
                came_back.set(*res.request().extensions().get::<u64>().unwrap());
                // The record is not emitted before the end of the body.
                res.request().record_field("came_back", came_back.get());
                Ok(res)
            }
        }
    }))
    .await;
    let res = test::call_service(&app, TestRequest::default().to_request()).await;
    assert_eq!(came_back.get(), 42);
    test::read_body(res).await;
    assert_eq!(recorder.only()["came_back"], 42);
}

#[actix_web::test]
async fn routing_can_change_the_match_info_with_a_logger_in_each_nested_scope() {
    let (recorder, log) = Recorder::with_full_log();
    let handler = |path: web::Path<(String, String, String)>| async move {
        let (a, b, c) = path.into_inner();
        format!("{a} {b} {c}")
    };
    let app = test::init_service(
        App::new()
            .service(
                web::scope("/{a}")
                    .service(
                        web::scope("/{b}")
                            .service(web::resource("/{c}").wrap(log.clone()).to(handler))
                            .wrap(log.clone()),
                    )
                    .wrap(log.clone()),
            )
            .wrap(from_fn(rewrite_match_info))
            .wrap(log),
    )
    .await;

    async fn rewrite_match_info(
        mut req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        // This panics if another reference to the request exists.
        req.match_info_mut().skip(2);
        next.call(req).await
    }

    // The middleware skips the first two bytes, such as a prefix that a proxy adds.
    let req = TestRequest::with_uri("/0/1/2/3").to_request();
    assert_eq!(test::call_and_read_body(&app, req).await, "1 2 3");
    let record = recorder.only();
    assert_eq!(record["http.route"], "/{a}/{b}/{c}");
    assert_eq!(record["url.path"], "/0/1/2/3");
}

#[actix_web::test]
async fn inner_middleware_can_rewrite_the_source_of_connection_info() {
    let (recorder, log) = Recorder::with_full_log();
    let handler = |req: HttpRequest| async move {
        let info = req.connection_info().clone();
        let id = req
            .headers()
            .get("x-id")
            .map(|value| value.to_str().unwrap().to_owned());
        format!(
            "{} {} {:?} {:?} {} {id:?}",
            info.host(),
            info.scheme(),
            info.realip_remote_addr(),
            info.peer_addr(),
            req.uri(),
        )
    };
    let app = test::init_service(
        App::new()
            .route("/new", web::to(handler))
            .wrap(from_fn(rewrite))
            .wrap(log),
    )
    .await;

    async fn rewrite(
        mut req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let head = req.head_mut();
        head.peer_addr = Some("[2001:db8::1]:443".parse().unwrap());
        head.uri = Uri::from_static("/new?rewritten=1");
        for (name, value) in [
            ("forwarded", "for=203.0.113.9;host=new.test;proto=https"),
            ("x-id", "new"),
        ] {
            head.headers.insert(
                header::HeaderName::from_static(name),
                header::HeaderValue::from_static(value),
            );
        }
        let uri = req.uri().clone();
        req.match_info_mut().get_mut().update(&uri);
        next.call(req).await
    }

    let req = TestRequest::with_uri("/old")
        .peer_addr("192.0.2.1:80".parse().unwrap())
        .insert_header((header::HOST, "old.test"))
        .insert_header((header::FORWARDED, "for=198.51.100.7;host=old.test"))
        .to_request();
    assert_eq!(
        test::call_and_read_body(&app, req).await,
        "new.test https Some(\"203.0.113.9\") Some(\"2001:db8::1\") /new?rewritten=1 Some(\"new\")"
    );
    // The record shows the request as it arrived.
    let record = recorder.only();
    assert_eq!(record["message"], "GET /old");
    assert_eq!(record["server.address"], "old.test");
    assert_eq!(record["client.address"], "192.0.2.1");
    assert_eq!(record["http.route"], "/new");
}

#[actix_web::test]
async fn connection_info_is_not_cached_before_the_handler() {
    // `connection_info()` caches its result in the extensions of the request.
    let (_, log) = Recorder::with_full_log();
    let cached = Rc::new(RefCell::new(Vec::new()));
    let inner = fn_service({
        let cached = Rc::clone(&cached);
        move |req: ServiceRequest| {
            let info = req
                .extensions()
                .contains::<actix_web::dev::ConnectionInfo>();
            cached.borrow_mut().push(info);
            ready(Ok::<_, Error>(
                req.into_response(HttpResponse::Ok().finish()),
            ))
        }
    });
    let service = log.new_transform(inner).await.unwrap();
    let req = TestRequest::default()
        .insert_header((header::FORWARDED, "for=198.51.100.7"))
        .to_srv_request();
    drop(service.call(req).await.unwrap());
    assert_eq!(*cached.borrow(), [false]);
}

#[actix_web::test]
async fn inner_middleware_can_read_and_replace_the_payload() {
    let (recorder, log) = Recorder::with_full_log();
    let app = test::init_service(
        App::new()
            .route("/", web::to(|body: String| async { body }))
            .wrap(from_fn(peek))
            .wrap(log),
    )
    .await;

    async fn peek(
        mut req: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let bytes = req.extract::<web::Bytes>().await?;
        let (_, mut payload) = actix_http::h1::Payload::create(true);
        payload.unread_data([&bytes[..], b" twice"].concat().into());
        req.set_payload(payload.into());
        next.call(req).await
    }

    let req = TestRequest::default().set_payload("once").to_request();
    assert_eq!(test::call_and_read_body(&app, req).await, "once twice");
    let record = recorder.only();
    assert_eq!(record["http.request.body.content"], "once");
    assert_eq!(record["http.request.body.size"], 4);
    assert_eq!(record["http.response.body.content"], "once twice");
}

#[actix_web::test]
async fn outer_middleware_can_replace_the_payload() {
    let (recorder, log) = Recorder::with_full_log();
    let app = test::init_service(
        App::new()
            .route("/", web::to(|body: String| async { body }))
            .wrap(log)
            .wrap_fn(|mut req, next| {
                let (_, mut payload) = actix_http::h1::Payload::create(true);
                payload.unread_data("replaced".into());
                req.set_payload(payload.into());
                next.call(req)
            }),
    )
    .await;
    let req = TestRequest::default().set_payload("original").to_request();
    assert_eq!(test::call_and_read_body(&app, req).await, "replaced");
    assert_eq!(recorder.only()["http.request.body.content"], "replaced");
}

#[actix_web::test]
async fn application_data_url_generation_and_extractors_work_inside_the_logger() {
    struct Tenant(String);

    impl FromRequest for Tenant {
        type Error = Error;
        type Future = std::future::Ready<Result<Self, Error>>;

        fn from_request(req: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
            let tenant = req.headers().get("x-tenant");
            ready(match tenant {
                Some(tenant) => Ok(Self(tenant.to_str().unwrap().to_owned())),
                None => Err(error::ErrorBadRequest("no tenant")),
            })
        }
    }

    let (recorder, log) = Recorder::with_full_log();
    let handler = |tenant: Tenant, data: web::Data<u32>, req: HttpRequest| async move {
        let url = req.url_for("named", ["x"]).unwrap();
        format!("{} {} {}", tenant.0, **data, url.path())
    };
    let app = test::init_service(
        App::new()
            .app_data(web::Data::new(7_u32))
            .service(
                web::resource("/named/{x}")
                    .name("named")
                    .to(HttpResponse::Ok),
            )
            .route("/", web::to(handler))
            .wrap(log),
    )
    .await;
    let req = TestRequest::default()
        .insert_header(("x-tenant", "acme"))
        .to_request();
    assert_eq!(test::call_and_read_body(&app, req).await, "acme 7 /named/x");
    let res = test::call_service(&app, TestRequest::default().to_request()).await;
    assert_eq!(res.status(), StatusCode::BAD_REQUEST);
    assert_eq!(test::read_body(res).await, "no tenant");
    let records = recorder.records();
    assert_eq!(records[1]["exception.message"], "no tenant");
}
