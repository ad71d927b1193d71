//! An application sends the same responses over HTTP/2 with and without the logger.

mod support;

use std::fmt::Write as _;

use actix_bodylog::BodyPolicy;
use actix_web::{
    App,
    http::{Method, Uri, header},
    middleware::Compress,
    rt::{self, System, net::TcpStream, time::timeout},
};
use bytes::Bytes;
use h2::client::{self, SendRequest};

use support::{Recorder, Server, TEST_TIMEOUT, catalogue::routes};

type Request = (&'static str, &'static str, Option<&'static [u8]>);

/// Requests for the routes of the catalogue. In HTTP/2 every request has a payload, and a failing response ends with
/// a reset.
const REQUESTS: &[Request] = &[
    ("GET", "/sized", None),
    ("GET", "/sized-0", None),
    ("GET", "/none", None),
    ("GET", "/finish", None),
    ("GET", "/json", None),
    ("GET", "/big", None),
    ("GET", "/cookie", None),
    ("GET", "/encoded", None),
    ("GET", "/stream", None),
    // `/empty-chunk` is left out: over HTTP/2, actix-http never finishes sending an empty chunk.
    ("GET", "/empty-stream", None),
    ("GET", "/big-stream", None),
    ("GET", "/sized-stream", None),
    ("GET", "/sized-stream-0", None),
    ("GET", "/too-short", None),
    ("GET", "/too-long", None),
    ("GET", "/fails-half-way", None),
    ("GET", "/fails-at-once", None),
    ("GET", "/204", None),
    ("GET", "/204-body", None),
    ("GET", "/204-stream", None),
    ("GET", "/304", None),
    ("GET", "/304-body", None),
    ("HEAD", "/sized", None),
    ("HEAD", "/stream", None),
    ("HEAD", "/none", None),
    ("HEAD", "/reject-stream", None),
    ("GET", "/error", None),
    ("GET", "/teapot", None),
    ("GET", "/internal", None),
    ("GET", "/reject", None),
    ("GET", "/reject-internal", None),
    ("GET", "/reject-stream", None),
    ("GET", "/reject-none", None),
    ("GET", "/reject-empty", None),
    ("GET", "/reject-failing", None),
    ("POST", "/bytes", Some(b"some bytes")),
    ("POST", "/bytes", Some(b"")),
    ("POST", "/bytes", Some(&[b'x'; 65])),
    ("POST", "/unread", Some(b"unread")),
    ("POST", "/spawn", Some(b"read later")),
    ("POST", "/early", Some(b"first")),
    ("POST", "/echo", Some(b"there and back")),
    ("POST", "/echo", None),
    ("GET", "/seen/a?b=c", None),
    ("POST", "/seen/a?b=c", Some(b"abc")),
    ("GET", "/outer/1/inner/2/3", None),
    ("POST", "/get-only", Some(b"abc")),
    ("GET", "/nothing", None),
];

/// Sends one request and returns the whole response as text.
async fn fetch(server: &Server, (method, target, body): Request) -> String {
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    let (client, connection) = client::handshake(tcp).await.unwrap();
    // Ignore the error of the connection: the request reports the same error.
    let connection = rt::spawn(async { drop(connection.await) });
    let mut client = client.ready().await.unwrap();
    let mut request = blank(SendRequest::<Bytes>::send_request);
    *request.method_mut() = method.parse::<Method>().unwrap();
    let uri = format!("http://example.test{target}");
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    let value = header::HeaderValue::from_static("gzip");
    request.headers_mut().insert(header::ACCEPT_ENCODING, value);
    let (response, mut upload) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        upload.send_data(Bytes::from_static(body), true).unwrap();
    }
    let mut out = String::new();
    match response.await {
        Err(error) => write!(out, "{error}").unwrap(),
        Ok(response) => {
            let mut fields: Vec<_> = response
                .headers()
                .iter()
                .filter(|(name, _)| *name != header::DATE)
                .map(|field| format!("{field:?}"))
                .collect();
            fields.sort();
            writeln!(out, "{} {}", response.status(), fields.join(" ")).unwrap();
            let mut body = response.into_body();
            while let Some(chunk) = body.data().await {
                match chunk {
                    Ok(chunk) => {
                        body.flow_control().release_capacity(chunk.len()).unwrap();
                        write!(out, "{}", chunk.escape_ascii()).unwrap();
                    }
                    Err(error) => {
                        write!(out, "\n{error}").unwrap();
                        break;
                    }
                }
            }
        }
    }
    connection.abort();
    out
}

/// Makes a request of the type that h2 expects, without naming that type.
fn blank<T: Default, R>(_: fn(&mut SendRequest<Bytes>, T, bool) -> R) -> T {
    T::default()
}

fn fetch_all(server: &Server) -> Vec<String> {
    System::new().block_on(async {
        let mut all = Vec::new();
        for request in REQUESTS {
            let response = timeout(TEST_TIMEOUT, fetch(server, *request)).await;
            all.push(response.unwrap_or_else(|_| panic!("no response: {request:?}")));
        }
        all
    })
}

#[track_caller]
fn assert_same(plain: &Server, logged: &Server) {
    let (plain, logged) = (fetch_all(plain), fetch_all(logged));
    for ((request, plain), logged) in REQUESTS.iter().zip(&plain).zip(&logged) {
        assert_eq!(plain, logged, "{request:?}");
    }
    let found = |text: &str| {
        plain
            .iter()
            .filter(|response| response.contains(text))
            .count()
    };
    // If all requests failed, the comparison would find no difference either.
    assert!(found("200 OK") > 20 && found("409 ") > 3, "{plain:#?}");
}

#[test]
fn logger_around_the_app_changes_no_response_and_records_each_request_once() {
    let (recorder, log) = Recorder::with_log();
    let log = log.response_body(BodyPolicy::Always);
    let plain = Server::http2(|| App::new().configure(routes));
    let logged = Server::http2(move || App::new().configure(routes).wrap(log.clone()));
    assert_same(&plain, &logged);
    drop(logged);
    let records = recorder.wait_for(REQUESTS.len());
    assert!(
        records
            .iter()
            .all(|record| record["network.protocol.version"] == "2")
    );
}

#[test]
fn logger_inside_or_outside_compress_changes_no_response() {
    let plain = Server::http2(|| App::new().configure(routes).wrap(Compress::default()));
    let (recorder, log) = Recorder::with_log();
    let inside = log.clone();
    let inside = Server::http2(move || {
        App::new()
            .configure(routes)
            .wrap(inside.clone())
            .wrap(Compress::default())
    });
    assert_same(&plain, &inside);
    let outside = Server::http2(move || {
        App::new()
            .configure(routes)
            .wrap(Compress::default())
            .wrap(log.clone())
    });
    assert_same(&plain, &outside);
    drop((inside, outside));
    recorder.wait_for(2 * REQUESTS.len());
}
