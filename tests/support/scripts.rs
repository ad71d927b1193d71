//! Scripts of clients for the routes of the catalogue.

use super::{
    catalogue::GZIPPED,
    script::{Script, request},
};

/// Returns all scripts.
pub fn all() -> Vec<Script> {
    [
        framing(),
        odd_statuses(),
        errors(),
        bodies(),
        connections(),
        routing(),
        upgrades(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub fn framing() -> Vec<Script> {
    let mut scripts = vec![
        Script::get("/sized")
            .expect("content-length: 5")
            .expect("hello"),
        Script::get("/sized-0").expect("content-length: 0"),
        Script::get("/none").expect("200 OK"),
        Script::get("/finish").expect("content-length: 0"),
        Script::get("/json").expect("{\"code\":0}"),
        Script::get("/big")
            .expect("content-length: 320000")
            .expect("big big"),
        Script::get("/close").expect("bye"),
        Script::get("/not-json").expect("<html>"),
        Script::get("/binary").expect("PNG"),
        Script::get("/encoded").expect("content-encoding: gzip"),
        Script::get("/cookie")
            .expect("302 Found")
            .expect("set-cookie: a=1"),
        Script::get("/stream")
            .expect("transfer-encoding: chunked")
            .expect("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"),
        Script::get("/empty-chunk").expect("\r\n\r\n3\r\none\r\n0\r\n\r\n"),
        Script::get("/empty-stream").expect("\r\n\r\n0\r\n\r\n"),
        Script::get("/big-stream").expect("2000\r\nlll"),
        Script::get("/sized-stream")
            .expect("content-length: 11")
            .expect("onetwothree"),
        Script::get("/sized-stream-empty-chunk").expect("onethree"),
        Script::get("/sized-stream-0").expect("content-length: 0"),
        Script::get("/too-short")
            .expect("content-length: 20")
            .expect("one"),
        Script::get("/too-long")
            .expect("content-length: 4")
            .expect("onet"),
        Script::get("/no-chunking")
            .expect("content-length: 6")
            .expect("onetwo"),
        Script::get("/fails-half-way").expect("\r\n\r\n3\r\none\r\n"),
        Script::get("/fails-at-once").expect("200 OK"),
        Script::get("/sized-fails").expect("content-length: 9"),
        Script::get("/panics-half-way"),
    ];
    for target in [
        "/sized",
        "/sized-0",
        "/none",
        "/json",
        "/stream",
        "/empty-stream",
        "/big-stream",
        "/sized-stream",
        "/too-short",
        "/too-long",
        "/empty-chunk",
        "/fails-half-way",
        "/204",
        "/304-body",
    ] {
        scripts.push(Script::head(target).expect("HTTP/1.1 "));
    }
    for target in [
        "/sized",
        "/stream",
        "/big",
        "/big-stream",
        "/json",
        "/none",
        "/binary",
        "/encoded",
        "/empty-chunk",
        "/empty-stream",
        "/fails-half-way",
        "/204-body",
        "/error",
        "/reject",
    ] {
        scripts.push(
            Script::new(format!("GET {target} with accept-encoding: gzip"))
                .send(request(
                    "GET",
                    target,
                    "connection: close\r\naccept-encoding: gzip\r\n",
                ))
                .expect("HTTP/1.1 "),
        );
    }
    for target in [
        "/sized",
        "/stream",
        "/none",
        "/sized-stream",
        "/fails-half-way",
        "/json",
    ] {
        scripts.push(
            Script::new(format!("HTTP/1.0 {target}"))
                .send(format!("GET {target} HTTP/1.0\r\nhost: a\r\n\r\n"))
                .expect("HTTP/1.0 200"),
        );
    }
    scripts
}

fn odd_statuses() -> Vec<Script> {
    vec![
        Script::get("/204").expect("204 No Content"),
        Script::get("/204-body").expect("204 No Content"),
        Script::get("/204-stream").expect("204 No Content"),
        Script::get("/304").expect("304 Not Modified"),
        Script::get("/304-body").expect("304 Not Modified"),
        Script::get("/102-body").expect("102 Processing"),
        Script::get("/101-body")
            .expect("101 Switching Protocols")
            .expect("{\"code\":"),
        Script::get("/599").expect("599 Just Because").expect("odd"),
    ]
}

pub fn errors() -> Vec<Script> {
    vec![
        Script::get("/error")
            .expect("500 Internal")
            .expect("the disk is on fire"),
        Script::get("/teapot")
            .expect("418 ")
            .expect("x-teapot: 1")
            .expect("{\"code\":418}"),
        Script::get("/internal")
            .expect("409 Conflict")
            .expect("of its own"),
        Script::get("/panic"),
        Script::get("/reject")
            .expect("403 Forbidden")
            .expect("not on the list"),
        Script::get("/reject-teapot")
            .expect("418 ")
            .expect("{\"code\":418}"),
        Script::get("/reject-internal")
            .expect("409 Conflict")
            .expect("of its own"),
        Script::get("/reject-stream")
            .expect("409 ")
            .expect("3\r\nits\r\n3\r\nown\r\n0\r\n"),
        Script::get("/reject-none").expect("409 "),
        Script::get("/reject-empty")
            .expect("409 ")
            .expect("content-length: 0"),
        Script::get("/reject-failing").expect("409 ").expect("one"),
        Script::get("/reject-mapped")
            .expect("403 ")
            .expect("x-mapped: yes"),
        Script::head("/error").expect("500 Internal"),
        Script::head("/reject").expect("403 Forbidden"),
        Script::head("/reject-stream").expect("409 "),
        Script::post("/reject", "", "unread").expect("403 Forbidden"),
    ]
}

pub fn bodies() -> Vec<Script> {
    let json = "content-type: application/json\r\n";
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let long = "x".repeat(65);
    let long_json = format!("[\"{long}\"]");
    vec![
        Script::post("/bytes", "", "some bytes")
            .expect("200 OK")
            .expect("some bytes"),
        Script::post("/bytes", "", "")
            .named("an empty body")
            .expect("content-length: 0"),
        Script::post("/bytes", "", &long)
            .named("a body over the limit")
            .expect("413 "),
        Script::post(
            "/text",
            "content-type: text/plain; charset=latin1\r\n",
            b"caf\xe9",
        )
        .expect("café"),
        Script::post("/text", "content-type: text/plain\r\n", b"caf\xe9").expect("400 "),
        Script::post("/json-in", json, "{\"a\": 1}").expect("{\"a\":1}"),
        Script::post("/json-in", json, "{\"a\": ")
            .named("broken JSON")
            .expect("400 Bad"),
        Script::post("/json-in", "", "{}")
            .named("JSON without type")
            .expect("400 "),
        Script::post("/json-in", json, &long_json)
            .named("JSON over the limit")
            .expect("413 "),
        Script::post("/form-in", form, "a=1&b=%202").expect("[[\"a\",\"1\"],[\"b\",\" 2\"]]"),
        Script::post("/form-in", form, &long)
            .named("a form over the limit")
            .expect("413 "),
        Script::post("/form-in", json, "{}")
            .named("JSON where a form is expected")
            .expect("415 "),
        Script::post("/bytes", "content-encoding: gzip\r\n", GZIPPED).expect("hello, gzip"),
        Script::post("/json-in", "content-encoding: gzip\r\n", GZIPPED)
            .named("compressed, with the wrong type")
            .expect("400 "),
        Script::post("/bytes", "content-encoding: gzip\r\n", "not gzip")
            .named("an invalid content coding")
            .expect("HTTP/1.1 "),
        Script::post("/echo", "content-encoding: gzip\r\n", GZIPPED)
            .named("an echo of a compressed body")
            .expect("200 OK"),
        Script::post("/sized", "", "to a handler that takes no payload").expect("hello"),
        Script::post("/spawn", "", "read later")
            .expect("202 Accepted")
            .expect("later"),
        Script::post("/big-bytes", "", vec![b'a'; 200_000]).expect("200000 bytes, sum 19400000"),
        // Split inside of the head, a chunk's size, its data, and its line end.
        chunked("/big-bytes", "chunks split at odd places", |script| {
            script
                .send("\r")
                .send("\n5\r")
                .send("\nhe")
                .send("llo\r")
                .send("\n")
                .send("0000")
                .send("5;ext=1\r\nworld\r\n1")
                .send("0\r\n0123456789abcdef")
                .send("\r\n0")
                .send("\r\n")
                .send("\r\n")
        })
        .expect("26 bytes"),
        chunked(
            "/echo",
            "an echo of each piece before the next piece is sent",
            |script| {
                script
                    .send("\r\n5\r\nhello\r\n")
                    .until("\r\n\r\n5\r\nhello\r\n")
                    .send("7\r\n")
                    .send("abc")
                    .until("3\r\nabc\r\n")
                    .send("defg\r\n")
                    .until("4\r\ndefg\r\n")
                    .send("0\r\n\r\n")
                    .until("0\r\n\r\n")
            },
        )
        .expect("200 OK"),
        chunked("/echo", "an empty upload", |script| {
            script.send("\r\n0\r\n\r\n")
        })
        .expect("200 OK"),
        chunked("/echo", "a broken chunk header", |script| {
            script
                .send("\r\n3\r\nabc\r\n")
                .until("abc")
                .send("zz\r\n")
                .hang_up()
        })
        .expect("abc"),
        chunked(
            "/bytes",
            "a broken chunk header for an extractor",
            |script| script.send("\r\nzz\r\n").hang_up(),
        )
        .expect("400 Bad Request"),
        Script::new("an upload that ends too early")
            .send(request("POST", "/bytes", "content-length: 50\r\n"))
            .append("some")
            .hang_up()
            .expect("400 Bad Request"),
        Script::new("an echo of an upload that ends too early")
            .send(request("POST", "/echo", "content-length: 50\r\n"))
            .append("some")
            .until("some")
            .hang_up()
            .expect("some"),
        Script::new("a response before the end of the upload")
            .send(request("POST", "/early", "content-length: 50\r\n"))
            .append("first")
            .until("first")
            .hang_up()
            .expect("connection: close")
            .expect("Some(Ok(b\"first\"))"),
        Script::new("a response before the end of an upload that goes on")
            .send(request("POST", "/early", "content-length: 10\r\n"))
            .append("first")
            .until("first")
            .send("after")
            .hang_up()
            .expect("Some(Ok(b\"first\"))"),
    ]
}

/// Makes a script of a chunked request with `connection: close`. `send` adds the rest, from the empty line of the
/// head on.
fn chunked(target: &str, name: &str, send: impl Fn(Script) -> Script) -> Script {
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
    );
    send(Script::new(name).send(head))
}

fn connections() -> Vec<Script> {
    let close = || request("GET", "/sized", "connection: close\r\n");
    let chunked = "transfer-encoding: chunked\r\n";
    vec![
        Script::new("one connection, one request after the other")
            .send(request("GET", "/sized", ""))
            .until("hello")
            .send(request("GET", "/stream", ""))
            .until("0\r\n\r\n")
            .send(request("POST", "/bytes", "content-length: 3\r\n"))
            .append("abc")
            .until("abc")
            .send(request("HEAD", "/sized", ""))
            .until("\r\n\r\n")
            .send(request("GET", "/reject", ""))
            .until("not on the list")
            .send(close())
            .expect("hello")
            .records(6),
        Script::new("pipelined requests")
            .send(request("GET", "/sized", ""))
            .append(request("GET", "/stream", ""))
            .append(request("POST", "/bytes", "content-length: 3\r\n"))
            .append("abc")
            .append(request("GET", "/error", ""))
            .append(close())
            .expect("hello")
            .expect("0\r\n\r\nHTTP/1.1 200 OK")
            .expect("abc")
            .expect("disk")
            .expect("hello")
            .records(5),
        Script::new("HTTP/1.0 with keep-alive")
            .send("GET /sized HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n")
            .until("hello")
            .send("GET /sized HTTP/1.0\r\nhost: a\r\n\r\n")
            .expect("connection: keep-alive")
            .expect("hello")
            .expect("hello")
            .records(2),
        Script::new("HTTP/1.0 stream with keep-alive")
            .send("GET /stream HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n")
            .until("three")
            .hang_up()
            .expect("\r\n5\r\nthree\r\n0\r\n\r\n"),
        // actix-http does not read the rest of a body of known length. It waits for the client to
        // close the connection, and then closes it too.
        Script::new("an unread body of known length")
            .send(request("POST", "/unread", "content-length: 100000\r\n"))
            .append(vec![b'x'; 1000])
            .until("unread")
            .hang_up()
            .expect("connection: close")
            .expect("unread"),
        // actix-http reads the rest of a chunked body and keeps the connection.
        Script::new("an unread chunked body")
            .send(request("POST", "/unread", chunked))
            .append("5\r\nhello\r\n")
            .until("unread")
            .send("5\r\nworld\r\n0\r\n\r\n")
            .append(close())
            .expect("unread")
            .expect("hello")
            .records(2),
        Script::new("an unread chunked body that arrived with the head")
            .send(request("POST", "/unread", chunked))
            .append("5\r\nhello\r\n0\r\n\r\n")
            .append(close())
            .expect("unread")
            .expect("hello")
            .records(2),
        Script::new("an upload that waits for 100 Continue")
            .send(request(
                "POST",
                "/bytes",
                "content-length: 4\r\nexpect: 100-continue\r\nconnection: close\r\n",
            ))
            .until("100 Continue\r\n\r\n")
            .send("body")
            .expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
            .expect("body"),
        Script::new("an unread upload that waits for 100 Continue")
            .send(request(
                "POST",
                "/unread",
                "content-length: 4\r\nexpect: 100-continue\r\n",
            ))
            .until("unread")
            .hang_up()
            .expect("unread"),
        Script::new("garbage after a request")
            .send(request("GET", "/sized", ""))
            .append("\0garbage\r\n\r\n")
            .expect("hello")
            .expect("400 Bad Request"),
        Script::new("garbage instead of a request")
            .send("garbage\r\n\r\n")
            .expect("400 Bad Request")
            .records(0),
        Script::new("conflicting lengths")
            .send(request(
                "POST",
                "/bytes",
                "content-length: 4\r\ncontent-length: 5\r\n",
            ))
            .expect("400 Bad Request")
            .records(0),
        Script::new("a client that closes its half")
            .send(request("GET", "/stream", ""))
            .hang_up()
            .expect("three"),
    ]
}

fn routing() -> Vec<Script> {
    let odd = "connection: close\r\ncookie: a=1; b=2\r\nforwarded: for=1.2.3.4;host=f;proto=https\r\n\
               x-double: 1\r\nx-double: 2\r\ncontent-type: text/html; charset=utf-8\r\n";
    vec![
        Script::get("/seen/a/b?c=d").expect("\"no_payload\":true"),
        Script::new("all that a handler sees")
            .send(request("GET", "/seen/%2Fx?y=%20", odd))
            .expect("cookie: \\\"a=1; b=2")
            .expect("\"matched\":[\"rest=")
            .expect("\"pattern\":\"/seen/{rest:.*}\"")
            .expect("\"realip\":\"1.2.3.4\""),
        Script::post("/seen/x", "", "abc")
            .named("all that a handler sees of a request with a body")
            .expect("\"no_payload\":false"),
        Script::get("/outer/1/inner/2/3")
            .expect("\"matched\":[\"a=1\",\"b=2\",\"c=3\"]")
            .expect("/outer/{a}/inner/{b}/{c}"),
        Script::get("/outer/1/nothing").expect("404 Not Found"),
        Script::get("/nothing").expect("404 Not Found"),
        Script::post("/nothing", "", "unread")
            .named("a body for an unmatched path")
            .until("\r\n\r\n")
            .hang_up()
            .expect("404 Not Found"),
        Script::post("/get-only", "", "").expect("405 "),
        Script::get("/get-only").expect("got"),
        Script::get("/guarded").expect("404 Not Found"),
        Script::new("a guard that matches")
            .send(request(
                "GET",
                "/guarded",
                "x-key: 1\r\nconnection: close\r\n",
            ))
            .expect("guarded"),
        Script::new("OPTIONS *")
            .send(request("OPTIONS", "*", "connection: close\r\n"))
            .expect("404 "),
        Script::new("an absolute target")
            .send(request(
                "GET",
                "http://other.test/seen/x",
                "connection: close\r\n",
            ))
            .expect("http://other.test/seen/x"),
        Script::get("//sized/").expect("HTTP/1.1 "),
    ]
}

pub fn upgrades() -> Vec<Script> {
    let handshake = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                     sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // A masked text frame "hi" with the mask 0, and a close frame with code 1000.
    let text = b"\x81\x82\0\0\0\0hi";
    let close = b"\x88\x82\0\0\0\0\x03\xe8";
    vec![
        Script::new("a WebSocket")
            .send(request("GET", "/ws", handshake))
            .until("\r\n\r\n")
            .send(text)
            .until(b"\x81\x02hi")
            .send(&text[..3])
            .send(&text[3..])
            .until(b"\x81\x02hi")
            .send(close)
            .until(b"\x88\x02\x03\xe8")
            .hang_up()
            .expect("101 Switching Protocols")
            .expect("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        Script::new("a WebSocket whose first frames arrive with the handshake")
            .send(request("GET", "/ws", handshake))
            .append(text)
            .append(close)
            .until(b"\x81\x02hi\x88\x02\x03\xe8")
            .hang_up()
            .expect("101 Switching Protocols"),
        Script::get("/ws")
            .named("a WebSocket without a handshake")
            .expect("400 No WebSocket Upgrade"),
    ]
}
