//! TLS with HTTP/2: the records say so.
//!
//! ```text
//! cargo run -p tls
//! curl -k --http2 https://127.0.0.1:8443/hello
//! ```
//!
//! Records go to standard output as JSON Lines, everything else to standard error. `ADDR` is where to listen
//! (default `127.0.0.1:8443`). The certificate is made at start, for `localhost` and this machine's own addresses;
//! where `CERT` names a file, it is written there as PEM, for clients that want to trust it.

mod certificate;

use std::{
    env,
    error::Error,
    fs, io,
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use actix_bodylog::{BodyLog, JsonLines};
use actix_web::{App, HttpServer, Responder, get, post, web};
use certificate::Identity;
use serde_json::{Value, json};

/// Bytes of lines that may wait for whoever reads them.
const QUEUE: usize = 8 * 1024 * 1024;

struct Settings {
    addr: Vec<SocketAddr>,
    certificate: Option<PathBuf>,
}

impl Settings {
    fn from_env() -> Result<Self, String> {
        let addr = variable("ADDR")?.unwrap_or_else(|| "127.0.0.1:8443".into());
        Ok(Self {
            addr: addr
                .to_socket_addrs()
                .map(Iterator::collect)
                .map_err(|error| format!("ADDR is {addr:?}: {error}"))?,
            certificate: variable("CERT")?.map(PathBuf::from),
        })
    }
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8")),
    }
}

#[actix_web::main]
async fn main() -> ExitCode {
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("tls: {error}");
            return ExitCode::from(2);
        }
    };
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let Settings { addr, certificate } = settings;
    let identity = Identity::new()?;
    if let Some(path) = certificate {
        let written = fs::write(&path, identity.pem());
        written.map_err(|error| format!("cannot write CERT, {}: {error}", path.display()))?;
    }

    let body_log = BodyLog::new().sink(JsonLines::background(io::stdout(), QUEUE));
    let for_workers = body_log.clone();
    let server =
        HttpServer::new(move || App::new().service((hello, login)).wrap(for_workers.clone()))
            .shutdown_timeout(5);
    // The server says itself that it speaks HTTP/2 and HTTP/1.1, and clients choose (ALPN, RFC 7301).
    let server = server
        .bind_rustls_0_23(&addr[..], identity.into_config()?)
        .map_err(|error| format!("cannot listen on {addr:?}: {error}"))?;
    say_what_to_try(&server.addrs());
    server.run().await?;
    body_log.drain(Duration::from_secs(5)).await;
    match body_log.stats().sink_failures {
        0 => {}
        lost => eprintln!("tls: records lost: {lost}"),
    }
    Ok(())
}

fn say_what_to_try(addrs: &[SocketAddr]) {
    for addr in addrs {
        eprintln!("listening on https://{addr}");
    }
    let Some(addr) = addrs.first() else { return };
    eprintln!("now, from another terminal (-k, as nobody vouches for the certificate):");
    eprintln!("  curl -k --http2 https://{addr}/hello");
    eprintln!("  curl -k --http1.1 https://{addr}/hello");
    eprintln!("  curl -k --http2 https://{addr}/login -d 'username=ann&password=hunter2'");
}

#[get("/hello")]
async fn hello() -> impl Responder {
    web::Json(json!({"code": 0, "msg": "hello"}))
}

#[post("/login")]
async fn login(form: web::Form<Value>) -> impl Responder {
    web::Json(json!({"code": 0, "hello": form["username"], "token": "t0ps3cret"}))
}
