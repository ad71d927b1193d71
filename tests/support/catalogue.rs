//! An application with a route for each property of a message that affects its framing.
//!
//! The tests serve it with and without the middleware, and compare the bytes.

use std::{
    convert::Infallible,
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use actix_bodylog::BodyLog;
use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse, Resource, ResponseError,
    body::{self, BodySize, BoxBody, MessageBody, SizedStream},
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    error::{self, InternalError},
    guard,
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    rt,
    web::{self, ServiceConfig},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

/// Registers the routes, and wraps `each` around every resource.
pub struct Catalogue<'a> {
    cfg: &'a mut ServiceConfig,
    each: Option<&'a BodyLog>,
}

impl Catalogue<'_> {
    fn add<T, B>(&mut self, resource: Resource<T>)
    where
        T: ServiceFactory<
                ServiceRequest,
                Config = (),
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        match self.each {
            Some(log) => self.cfg.service(resource.wrap(log.clone())),
            None => self.cfg.service(resource),
        };
    }

    /// Adds a resource that answers all methods and does not read the request body.
    fn answer(&mut self, path: &str, answer: fn() -> HttpResponse) {
        self.add(web::resource(path).to(move || async move { answer() }));
    }
}

/// Registers all routes without a logger.
pub fn routes(cfg: &mut ServiceConfig) {
    register(cfg, None);
}

/// Registers all routes, with a clone of the logger around each.
pub fn wrapped_routes(log: &BodyLog) -> impl FnOnce(&mut ServiceConfig) {
    move |cfg| register(cfg, Some(log))
}

fn register(cfg: &mut ServiceConfig, each: Option<&BodyLog>) {
    let mut routes = Catalogue { cfg, each };
    in_memory(&mut routes);
    streams(&mut routes);
    odd_statuses(&mut routes);
    errors(&mut routes);
    requests(&mut routes);
    routing(&mut routes);
}

fn in_memory(routes: &mut Catalogue) {
    routes.answer("/sized", || HttpResponse::Ok().body("hello"));
    routes.answer("/sized-0", || HttpResponse::Ok().body(""));
    routes.answer("/none", || {
        HttpResponse::Ok().body(body::None::new()) // unlike an empty body: no content-length
    });
    routes.answer("/finish", || HttpResponse::Ok().finish());
    routes.answer("/json", || HttpResponse::Ok().json(json!({"code": 0})));
    routes.answer("/big", || HttpResponse::Ok().body("big ".repeat(80_000)));
    routes.answer("/close", || HttpResponse::Ok().force_close().body("bye"));
    routes.answer("/not-json", || {
        HttpResponse::Ok()
            .content_type("application/json")
            .body("<html>")
    });
    routes.answer("/binary", || {
        HttpResponse::Ok()
            .content_type("image/png")
            .body(&b"\x89PNG\r\n\x1a\n\0\xff"[..])
    });
    routes.answer("/encoded", || {
        HttpResponse::Ok()
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(GZIPPED)
    });
    routes.answer("/cookie", || {
        HttpResponse::Found()
            .append_header((header::SET_COOKIE, "a=1"))
            .append_header((header::SET_COOKIE, "b=2"))
            .insert_header((header::LOCATION, "/sized"))
            .finish()
    });
}

fn streams(routes: &mut Catalogue) {
    routes.answer("/stream", || {
        HttpResponse::Ok().streaming(chunks(&["one", "two", "three"]))
    });
    // An empty chunk ends chunked encoding, so on HTTP/1 this response ends too early. The logger
    // must not change that.
    routes.answer("/empty-chunk", || {
        HttpResponse::Ok().body(Raw(vec!["one", "", "three"]))
    });
    routes.answer("/empty-stream", || {
        HttpResponse::Ok().streaming(chunks(&[]))
    });
    routes.answer("/big-stream", || {
        HttpResponse::Ok().streaming(
            stream::iter(0..64).map(|n| Ok::<_, Error>(Bytes::from(vec![b'a' + n % 26; 8 * 1024]))),
        )
    });
    routes.answer("/sized-stream", || {
        HttpResponse::Ok().body(SizedStream::new(11, chunks(&["one", "two", "three"])))
    });
    routes.answer("/sized-stream-empty-chunk", || {
        HttpResponse::Ok().body(SizedStream::new(8, chunks(&["one", "", "three"])))
    });
    routes.answer("/sized-stream-0", || {
        HttpResponse::Ok().body(SizedStream::new(0, chunks(&["never polled"])))
    });
    routes.answer("/too-short", || {
        HttpResponse::Ok().body(SizedStream::new(20, chunks(&["one", "two"])))
    });
    routes.answer("/too-long", || {
        HttpResponse::Ok().body(SizedStream::new(4, chunks(&["one", "two", "three"])))
    });
    routes.answer("/no-chunking", || {
        HttpResponse::Ok()
            .no_chunking(6)
            .streaming(chunks(&["one", "two"]))
    });
    routes.answer("/fails-half-way", || {
        HttpResponse::Ok().streaming(chunks(&["one"]).chain(failure()))
    });
    routes.answer("/fails-at-once", || HttpResponse::Ok().streaming(failure()));
    routes.answer("/sized-fails", || {
        HttpResponse::Ok().body(SizedStream::new(9, chunks(&["one"]).chain(failure())))
    });
    routes.answer("/panics-half-way", || {
        HttpResponse::Ok().body(Panics { polled: false })
    });
}

fn odd_statuses(routes: &mut Catalogue) {
    routes.answer("/204", || HttpResponse::NoContent().finish());
    // A body with these statuses breaks the framing of HTTP/1. The logger must not change that.
    routes.answer("/204-body", || HttpResponse::NoContent().body("unexpected"));
    routes.answer("/204-stream", || {
        HttpResponse::NoContent().streaming(chunks(&["unexpected"]))
    });
    routes.answer("/304", || HttpResponse::NotModified().finish());
    routes.answer("/304-body", || {
        HttpResponse::NotModified().body("unexpected")
    });
    routes.answer("/102-body", || {
        HttpResponse::Processing().body("unexpected")
    });
    routes.answer("/101-body", || {
        HttpResponse::SwitchingProtocols()
            .upgrade("other")
            .streaming(chunks(&["{\"code\":", "500}"]))
    });
    routes.answer("/599", || {
        HttpResponse::build(StatusCode::from_u16(599).unwrap())
            .reason("Just Because")
            .body("odd")
    });
}

fn errors(routes: &mut Catalogue) {
    routes.add(web::resource("/error").to(|| async {
        Err::<HttpResponse, _>(error::ErrorInternalServerError("the disk is on fire"))
    }));
    routes.add(web::resource("/teapot").to(|| async { Err::<HttpResponse, _>(Teapot) }));
    routes.add(web::resource("/internal").to(|| async {
        let res = HttpResponse::Conflict().body("of its own");
        Err::<HttpResponse, _>(InternalError::from_response("conflict", res))
    }));
    routes.answer("/panic", || {
        panic!("a handler panicked, as it was asked to")
    });
    for (path, reject) in [
        (
            "/reject",
            (|| error::ErrorForbidden("not on the list")) as fn() -> Error,
        ),
        ("/reject-teapot", || Teapot.into()),
        // `InternalError::from_response` returns its response on the first call only.
        ("/reject-internal", || {
            let res = HttpResponse::Conflict().body("of its own");
            InternalError::from_response("conflict", res).into()
        }),
        ("/reject-stream", || {
            let res = HttpResponse::Conflict().streaming(chunks(&["of", "its", "own"]));
            InternalError::from_response("conflict", res).into()
        }),
        ("/reject-none", || {
            let res = HttpResponse::Conflict().body(body::None::new());
            InternalError::from_response("conflict", res).into()
        }),
        ("/reject-empty", || {
            let res = HttpResponse::Conflict().body("");
            InternalError::from_response("conflict", res).into()
        }),
        ("/reject-failing", || {
            let res = HttpResponse::Conflict().streaming(chunks(&["one"]).chain(failure()));
            InternalError::from_response("conflict", res).into()
        }),
        ("/reject-mapped", || {
            let mut error = error::ErrorForbidden("not on the list");
            error.add_response_mapper(|mut res| {
                let value = header::HeaderValue::from_static("yes");
                res.headers_mut()
                    .append(header::HeaderName::from_static("x-mapped"), value);
                res
            });
            error
        }),
    ] {
        let rejecting = from_fn(move |_: ServiceRequest, _: Next<BoxBody>| async move {
            Err::<ServiceResponse, _>(reject())
        });
        routes.add(web::resource(path).wrap(rejecting).to(HttpResponse::Ok));
    }
}

fn requests(routes: &mut Catalogue) {
    // Drops the payload unread.
    routes.add(
        web::resource("/unread").to(|_: web::Payload| async { HttpResponse::Ok().body("unread") }),
    );
    routes.add(
        web::resource("/bytes")
            .app_data(web::PayloadConfig::new(64))
            .to(|body: Bytes| async { HttpResponse::Ok().body(body) }),
    );
    routes.add(web::resource("/big-bytes").to(|body: Bytes| async move {
        let sum = body.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        HttpResponse::Ok().body(format!("{} bytes, sum {sum}", body.len()))
    }));
    routes.add(web::resource("/text").to(|body: String| async { HttpResponse::Ok().body(body) }));
    routes.add(
        web::resource("/json-in")
            .app_data(web::JsonConfig::default().limit(64))
            .to(|body: web::Json<Value>| async { HttpResponse::Ok().json(body) }),
    );
    routes.add(
        web::resource("/form-in")
            .app_data(web::FormConfig::default().limit(64))
            .to(|body: web::Form<Vec<(String, String)>>| async {
                HttpResponse::Ok().json(body.into_inner())
            }),
    );
    // Answers after the first chunk.
    routes.add(
        web::resource("/early").to(|mut body: web::Payload| async move {
            let first = body.next().await;
            HttpResponse::Ok().body(format!("{first:?}"))
        }),
    );
    routes.add(
        web::resource("/echo")
            .to(|body: web::Payload| async { HttpResponse::Ok().streaming(body) }),
    );
    // A spawned task holds the payload longer than the response.
    routes.add(
        web::resource("/spawn").to(|mut body: web::Payload| async move {
            rt::spawn(async move { while body.next().await.is_some() {} });
            HttpResponse::Accepted().body("later")
        }),
    );
    routes.add(web::resource("/ws").to(ws));
    routes.add(web::resource("/seen/{rest:.*}").to(seen));
}

fn routing(routes: &mut Catalogue) {
    routes.add(web::resource("/get-only").route(web::get().to(|| async { "got" })));
    routes.add(
        web::resource("/guarded")
            .guard(guard::Header("x-key", "1"))
            .to(|| async { "guarded" }),
    );
    let nested = web::scope("/outer/{a}")
        .service(web::scope("/inner/{b}").service(web::resource("/{c}").to(seen)));
    routes.cfg.service(nested);
}

/// Answers with all that a handler can see of its request.
async fn seen(req: HttpRequest, payload: web::Payload) -> HttpResponse {
    let payload = payload.into_inner();
    let mut headers: Vec<_> = req
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let info = req.connection_info().clone();
    HttpResponse::Ok().json(json!({
        "method": req.method().as_str(),
        "uri": req.uri().to_string(),
        "version": format!("{:?}", req.version()),
        "headers": headers,
        "pattern": req.match_pattern(),
        "matched": req.match_info().iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        "peer": req.peer_addr().unwrap().ip().to_string(),
        "host": info.host(),
        "scheme": info.scheme(),
        "realip": info.realip_remote_addr(),
        "content_type": req.content_type(),
        "chunked": req.chunked().unwrap(),
        "keep_alive": format!("{:?}", req.head().connection_type()),
        "no_payload": matches!(payload, actix_web::dev::Payload::None),
        "size_hint": payload.size_hint(),
    }))
}

/// A WebSocket that echoes text messages.
async fn ws(req: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    let (res, mut session, mut messages) = actix_ws::handle(&req, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                actix_ws::Message::Text(text) => session.text(text).await.unwrap(),
                actix_ws::Message::Close(reason) => {
                    let _ = session.close(reason).await;
                    return;
                }
                _ => {}
            }
        }
    });
    Ok(res)
}

/// Makes a stream that is pending before each chunk.
pub fn chunks(chunks: &[&'static str]) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    stream::iter(chunks.to_vec()).then(|chunk| async move {
        rt::task::yield_now().await;
        Ok(Bytes::from_static(chunk.as_bytes()))
    })
}

/// Makes a stream that is pending once, so that the server can send earlier chunks, and then fails.
fn failure() -> impl Stream<Item = Result<Bytes, Error>> {
    stream::once(async {
        rt::task::yield_now().await;
        Err(io::Error::other("the disk is full").into())
    })
}

/// A body of these chunks, including empty ones, which the stream bodies of actix-http skip.
struct Raw(Vec<&'static str>);

impl MessageBody for Raw {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(
            (!self.0.is_empty()).then(|| Ok(Bytes::from_static(self.0.remove(0).as_bytes()))),
        )
    }
}

/// A body that panics after one chunk.
struct Panics {
    polled: bool,
}

impl MessageBody for Panics {
    type Error = Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        if self.polled {
            panic!("a body panicked, as it was asked to");
        }
        self.polled = true;
        cx.waker().wake_by_ref();
        Poll::Ready(Some(Ok(Bytes::from_static(b"one"))))
    }
}

/// An error with a custom response.
#[derive(Debug)]
pub struct Teapot;

impl fmt::Display for Teapot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("short and stout")
    }
}

impl ResponseError for Teapot {
    fn status_code(&self) -> StatusCode {
        StatusCode::IM_A_TEAPOT
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .insert_header(("x-teapot", "1"))
            .json(json!({"code": 418}))
    }
}

/// `hello, gzip`, compressed.
pub const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7,
    0x51, 0x48, 0xaf, 0xca, 0x2c, 0x00, 0x00, 0x4a, 0x9b, 0xb1, 0x5c, 0x0b, 0x00, 0x00, 0x00,
];
