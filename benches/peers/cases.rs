//! The exchanges that are measured. They run in process, without sockets.

use std::{hint::black_box, str::FromStr};

use actix_bodylog::{BodyLog, JsonLines, Record, Sink};
use actix_http::{BoxedPayloadStream, Request};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{Payload, Service, ServiceResponse},
    error::PayloadError,
    http::header,
    test::TestRequest,
    web::Bytes,
};
use futures_util::{StreamExt as _, stream};
use log::Level;

use super::{CHUNK, Out, Variant, body_log};

/// The number of exchanges whose records are made in a row.
const BATCH: usize = 64;

/// An exchange, or a chunk of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `POST /echo` of 200 bytes of JSON each way.
    Small,
    /// The same, 64 at once: first all requests, then all responses, so that the records are made in a row.
    InARow,
    /// The small exchange with 4 KiB in a list of small objects.
    Large,
    /// The same with 4 KiB, most of it in one string.
    Text,
    /// The same in Greek.
    Greek,
    /// A chunk of 64 KiB of an upload, after the captured prefix.
    Upload,
    /// A chunk of 64 KiB of a download, after the captured prefix.
    Download,
    /// The small exchange with all sinks disabled.
    Off,
    /// The small exchange, excluded by `exclude_if`.
    Skipped,
    /// The small exchange with a sink that is enabled for errors only.
    ErrorsOnly,
}

impl Case {
    pub const ALL: [Self; 10] = [
        Self::Small,
        Self::InARow,
        Self::Large,
        Self::Text,
        Self::Greek,
        Self::Upload,
        Self::Download,
        Self::Off,
        Self::Skipped,
        Self::ErrorsOnly,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::InARow => "in-a-row",
            Self::Large => "4-kib",
            Self::Text => "4-kib-text",
            Self::Greek => "4-kib-greek",
            Self::Upload => "upload-chunk",
            Self::Download => "download-chunk",
            Self::Off => "off",
            Self::Skipped => "skipped",
            Self::ErrorsOnly => "errors-only",
        }
    }

    /// Returns true if the variant has the settings of the case.
    pub fn is_for(self, variant: Variant) -> bool {
        match self {
            Self::Off | Self::Skipped | Self::ErrorsOnly => {
                matches!(variant, Variant::Bare | Variant::BodyLog)
            }
            Self::InARow => matches!(variant, Variant::Bare | Variant::Background),
            // These buffer the complete body, so a chunk has no cost by itself.
            Self::Upload | Self::Download => !matches!(
                variant,
                Variant::CopyAndPaste | Variant::Incident | Variant::IncidentFixed
            ),
            Self::Small | Self::Large | Self::Text | Self::Greek => true,
        }
    }

    pub fn body_log(self, variant: Variant, out: &Out) -> BodyLog {
        match self {
            Self::Off => BodyLog::new().sink(Only(None, JsonLines::stderr())),
            Self::ErrorsOnly => BodyLog::new().sink(Only(Some(Level::Error), JsonLines::stderr())),
            Self::Skipped => body_log(variant, out).exclude_if(|_| true),
            _ => body_log(variant, out),
        }
    }

    /// Runs the case `count` times.
    pub async fn run<S, B>(self, app: &S, count: usize)
    where
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        match self {
            Self::Upload => {
                let chunks = stream::iter(0..count);
                let chunks =
                    chunks.map(|_| Ok::<_, PayloadError>(Bytes::from_static(black_box(&CHUNK))));
                let (req, _) = TestRequest::post()
                    .uri("/upload")
                    .insert_header((header::CONTENT_TYPE, "text/plain"))
                    .to_request()
                    .replace_payload(Payload::Stream {
                        payload: Box::pin(chunks) as BoxedPayloadStream,
                    });
                exchange(app, req).await;
            }
            Self::Download => {
                let uri = format!("/download/{count}");
                exchange(app, TestRequest::with_uri(&uri).to_request()).await;
            }
            _ => {
                let body = Bytes::from(match self {
                    Self::Large => document(4096, true, ENGLISH),
                    Self::Text => document(4096, false, ENGLISH),
                    Self::Greek => document(4096, false, GREEK),
                    _ => document(200, false, ENGLISH),
                });
                let at_once = match self {
                    Self::InARow => BATCH,
                    _ => 1,
                };
                for _ in 0..count / at_once {
                    let mut responses = Vec::with_capacity(at_once);
                    for _ in 0..at_once {
                        responses.push(respond(app, echo(&body)).await);
                    }
                    for response in responses {
                        deliver(response).await;
                    }
                }
            }
        }
    }

    /// Returns the number of exchanges or chunks of one run.
    pub fn count(self) -> usize {
        match self {
            Self::Upload | Self::Download => 1000,
            Self::Large | Self::Text | Self::Greek => 200,
            _ => 8 * BATCH,
        }
    }
}

/// A sink that is enabled for records of this level and above.
struct Only(Option<Level>, JsonLines);

impl Sink for Only {
    fn enabled(&self, level: Level) -> bool {
        self.0.is_some_and(|most| level <= most)
    }

    fn emit(&self, record: &Record<'_>) {
        self.1.emit(record);
    }
}

const ENGLISH: &str = "The harbour was quiet that morning, and the boats lay side by side. ";
const GREEK: &str = "Το λιμάνι ήταν ήσυχο εκείνο το πρωί, και οι βάρκες ήταν δίπλα δίπλα. ";

/// Builds a typical response of an API: a code, a list, and a string that fills it up to its size.
fn document(size: usize, list: bool, text: &str) -> String {
    let mut body = r#"{"code":0,"msg":"ok","data":["#.to_owned();
    let item = r#"{"id":4711,"title":"A day at the sea","author":"Ann Example","password":"correct horse","text":"The quick brown fox jumps over the lazy dog, and back again.","price":12.5,"sold":true},"#;
    let end = r#""]}"#;
    while list && body.len() + item.len() + end.len() < size {
        body.push_str(item);
    }
    body.push('"');
    let rest = text.chars().cycle();
    for c in rest {
        if body.len() + c.len_utf8() + end.len() > size {
            break;
        }
        body.push(c);
    }
    body + end
}

fn echo(body: &Bytes) -> Request {
    TestRequest::post()
        .uri("/echo?page=2&token=t0ps3cret")
        .peer_addr(([127, 0, 0, 1], 50000).into())
        .insert_header((header::HOST, "localhost:8080"))
        .insert_header((
            header::USER_AGENT,
            "Mozilla/5.0 (X11; Linux x86_64) bench/1.0",
        ))
        .insert_header((header::ACCEPT, "*/*"))
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CONTENT_LENGTH, body.len()))
        .set_payload(body.clone())
        .to_request()
}

async fn exchange<S, B>(app: &S, req: Request)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    deliver(respond(app, req).await).await;
}

async fn respond<S, B>(app: &S, req: Request) -> ServiceResponse<B>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
{
    app.call(req).await.expect("no handler fails")
}

async fn deliver<B: MessageBody>(response: ServiceResponse<B>) {
    let mut body = std::pin::pin!(response.into_body());
    while let Some(chunk) = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        drop(black_box(chunk.map_err(Into::into).expect("no body fails")));
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|case| case.name() == name);
        found.ok_or_else(|| format!("{name:?} is not a case"))
    }
}

/// Returns the variants and cases that a command line names, or all of them if it names none.
pub fn chosen(args: &[String]) -> Result<(Vec<Variant>, Vec<Case>), String> {
    let (mut variants, mut cases) = (Vec::new(), Vec::new());
    for arg in args {
        match (arg.parse(), arg.parse()) {
            (Ok(variant), _) => variants.push(variant),
            (_, Ok(case)) => cases.push(case),
            _ => return Err(format!("{arg:?} is neither a variant nor a case")),
        }
    }
    if variants.is_empty() {
        variants = Variant::ALL[1..].to_vec();
    }
    if cases.is_empty() {
        cases = Case::ALL.to_vec();
    }
    Ok((variants, cases))
}
