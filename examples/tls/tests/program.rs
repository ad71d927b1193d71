//! The program `tls`, run with clients that trust only its certificate.

#[path = "../../../tests/support/program.rs"]
mod program;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Arc,
};

use bytes::Bytes;
use program::{Answer, Program, TEST_TIMEOUT};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime, time,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

const LOGIN: &str = "username=ann&password=hunter2";
const FORM: &str = "application/x-www-form-urlencoded";

/// The path of the certificate. The file is removed on drop.
struct Certificate(PathBuf);

impl Certificate {
    fn new(test: &str) -> Self {
        let name = format!("tls-{}-{test}.pem", process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn start(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls"));
        command.env("CERT", &self.0);
        Program::start(command)
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs a client with a deadline.
fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .unwrap()
        .block_on(async { time::timeout(TEST_TIMEOUT, client).await });
    done.expect("the server answers")
}

/// Connects and negotiates `protocol`.
async fn connect(addr: &str, trusted: &Path, protocol: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(trusted).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.unwrap();
    assert_eq!(
        stream.get_ref().1.alpn_protocol(),
        Some(protocol.as_bytes())
    );
    stream
}

async fn http2(addr: &str, trusted: &Path, path: &str, body: Option<&'static str>) -> Answer {
    let stream = connect(addr, trusted, "h2").await;
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::builder()
        .uri(format!("https://{addr}{path}"))
        .method(if body.is_some() { "POST" } else { "GET" })
        .header("content-type", FORM)
        .body(())
        .unwrap();
    let (response, mut sender) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        sender
            .send_data(Bytes::from_static(body.as_bytes()), true)
            .unwrap();
    }
    let (head, mut chunks) = response.await.unwrap().into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.data().await {
        body.extend_from_slice(&chunk.unwrap());
    }
    connection.abort();
    (head.status.as_u16(), String::from_utf8(body).unwrap())
}

async fn http1(addr: &str, trusted: &Path, path: &str, body: Option<&str>) -> Answer {
    let mut stream = connect(addr, trusted, "http/1.1").await;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\
         content-type: {FORM}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    program::parse(&answer)
}

/// Checks the records of a run: one GET and one POST.
#[track_caller]
fn assert_records(lines: &str, version: &str) {
    let records: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), 2, "{lines}");
    for (record, path) in records.iter().zip(["/hello", "/login"]) {
        assert_eq!(record["url.path"], path, "{lines}");
        assert_eq!(record["url.scheme"], "https", "{lines}");
        assert_eq!(record["network.protocol.version"], version, "{lines}");
        assert_eq!(record["server.address"], "127.0.0.1", "{lines}");
        assert_eq!(record["exchange.code"], 0, "{lines}");
        assert_eq!(record["exchange.outcome"], "completed", "{lines}");
    }
    let login = &records[1];
    assert_eq!(
        login["http.request.body.content"],
        "username=ann&password=[REDACTED]"
    );
    assert!(
        !lines.contains("hunter2") && !lines.contains("t0ps3cret"),
        "{lines}"
    );
}

#[test]
fn http2_over_tls_is_recorded_with_its_scheme_and_version() {
    let certificate = Certificate::new("http2");
    let program = certificate.start();
    let trusted = &certificate.0;
    let (status, body) = run(http2(&program.addr, trusted, "/hello", None));
    assert_eq!((status, &*body), (200, r#"{"code":0,"msg":"hello"}"#));
    let (status, body) = run(http2(&program.addr, trusted, "/login", Some(LOGIN)));
    assert_eq!(status, 200);
    assert!(body.contains("t0ps3cret"), "{body}");
    assert_records(&program.stop().stdout, "2");
}

#[test]
fn http1_over_tls_is_recorded_with_its_scheme_and_version() {
    let certificate = Certificate::new("http1");
    let program = certificate.start();
    let trusted = &certificate.0;
    let (status, body) = run(http1(&program.addr, trusted, "/hello", None));
    assert_eq!((status, &*body), (200, r#"{"code":0,"msg":"hello"}"#));
    let (status, body) = run(http1(&program.addr, trusted, "/login", Some(LOGIN)));
    assert_eq!(status, 200);
    assert!(body.contains("t0ps3cret"), "{body}");
    assert_records(&program.stop().stdout, "1.1");
}

#[test]
fn failure_at_start_is_reported_with_an_exit_code() {
    for (name, value, code) in [("ADDR", "nonsense", 2), ("CERT", "no/such/folder/a.pem", 1)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls"));
        let output = command
            .env("ADDR", "127.0.0.1:0")
            .env(name, value)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        let is_clear =
            stderr.starts_with("tls: ") && stderr.contains(name) && stderr.contains(value);
        assert!(is_clear, "{stderr}");
        assert!(output.stdout.is_empty());
    }
}
