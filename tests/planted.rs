//! Not even four bytes of a secret that is planted in a document get into a record, wherever the document is cut
//! and however it is split into chunks.

use std::io::{self, Write};

use actix_bodylog::{BodyLog, BodyPolicy, JsonLines, RecordExt as _, Schema, User};
use actix_web::{
    App, HttpRequest, HttpResponse, error,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    test::{TestRequest, call_service, init_service, try_read_body},
    web,
};
use bytes::Bytes;
use futures_util::stream;

mod support;
use support::lines::Lines;

#[path = "planted/outside.rs"]
mod outside;
#[path = "planted/random.rs"]
mod random;
#[path = "planted/shapes.rs"]
mod shapes;

/// Secrets that have no four consecutive bytes in common with a template.
const SECRETS: [&str; 5] = [
    "hunter2XyZZy",
    "4929123456781234",
    "dGhpcyBpcy+hIHZl/cnkgc2VjcmV0=",
    "zq~W.k-J_v8!Gm",
    "пароль漢字čřž",
];

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=B";
const XML: &str = "application/xml";
const TEXT: &str = "text/plain";
const YAML: &str = "application/yaml";
const EVENTS: &str = "text/event-stream";
const UNTYPED: &str = "";

/// Bodies with `{S}` in place of the secret.
const BODIES: &[(&str, &str)] = &[
    (JSON, r#"{"password":"{S}"}"#),
    (JSON, r#"{"a":{"b":[{"Access-Token":"{S}"}]},"c":1}"#),
    (JSON, r#"{"pass\u0077ord":"{S}","x":"y"}"#),
    (JSON, r#"{"\u0050\u0049\u004e" : "{S}"}"#),
    (JSON, r#"{"secret":["{S}",{"x":"{S}"},[["{S}"]]],"n":1}"#),
    (JSON, r#"{"secret":{"a":{"b":"{S}"},"c":"{S}"},"n":1}"#),
    (JSON, r#"{"token":"a\"{S}","n":1}"#),
    (JSON, r#"{"token":"\\","x":1,"pin":"\\\"{S}"}"#),
    (JSON, r#"{"n":1,"pin":"{S}"}trailing"#),
    (JSON, r#"{"n":1}{"pin":"{S}"}"#),
    (JSON, r#"{"n":1,}{"note":"{S}"}"#),
    (JSON, r#"{'password':'{S}'}"#),
    (JSON, r#"{password:"{S}"}"#),
    (JSON, r#"{"n":1,/*{S}*/"b":2}"#),
    (JSON, r#"password={S}&a=1"#),
    (JSON, "{\"n\":1,\n// {S}\n\"b\":2}"),
    (JSON, r#"[1,2,"Bearer {S}"]"#),
    (JSON, r#"{"header":"Authorization: Bearer {S}"}"#),
    (JSON, r#"{"bear\u0065r":"\u0042earer {S}"}"#),
    (JSON, r#"{"inner":"{\"password\":\"{S}\",\"n\":1}"}"#),
    (JSON, r#"{"inner":"{\"pass\\u0077ord\":\"{S}\"}"}"#),
    (
        JSON,
        r#"{"inner":"{\"inner\":\"{\\\"token\\\":\\\"{S}\\\"}\"}"}"#,
    ),
    (JSON, r#"{"url":"https:\/\/ann:{S}@db\/x?a=1"}"#),
    (JSON, r#"{"url":"https://h/?token={S}&a=1"}"#),
    (JSON, r#"{"url":"https%3A%2F%2Fh%2F%3Ftoken%3D{S}"}"#),
    (JSON, r#"{"log":"user: ann\npassword: {S}\nrole: x"}"#),
    (JSON, r#"{"xml":"<a><password>{S}<\/password><\/a>"}"#),
    (JSON, r#"{"xml":"&lt;password&gt;{S}&lt;/password&gt;"}"#),
    (JSON, r#"{"log":"password&#61;{S}"}"#),
    (JSON, r#"{"log":["password&#x3A; {S}"]}"#),
    (JSON, r#"{"log":"client.password('{S}').x()"}"#),
    (JSON, r#"{"code":1,"token":{"code":"{S}"}}"#),
    (JSON, r#"{"code":"Bearer {S}"}"#),
    (JSON, r#"{"Bearer {S}":1}"#),
    (JSON, r#""password={S}""#),
    (JSON, "{\"cookie\"\n:\t\"{S}\"}"),
    ("application/problem+json", r#"{"detail":{"apiKey":"{S}"}}"#),
    ("text/json", r#"{"ssn":"{S}"}"#),
    (NDJSON, "{\"a\":1}\n{\"password\":\"{S}\"}\n{\"b\":2}\n"),
    (NDJSON, "{\"password\":\n\"{S}\"}\n"),
    (NDJSON, "{\"a\":1}{\"p\\u0069n\":[\n\"{S}\"\n]}"),
    (
        "application/json-seq",
        "\u{1e}{\"a\":1}\n\u{1e}{\"password\":\"{S}\"}\n",
    ),
    (JSON, "{\"a\":1}\n{\"p\\u0069n\":\"{S}\"}\n"),
    (FORM, "user=ann&password={S}&a=1"),
    (FORM, "user%5Bpassword%5D={S}"),
    (FORM, "p%61ss%57ord={S}&x=1"),
    (FORM, "a=1;token={S};b=2"),
    (FORM, "a[token][]={S}"),
    (FORM, "next=https%3A%2F%2Fh%2F%3Ftoken%3D{S}&a=1"),
    (FORM, "next=%252Fh%253Ftoken%253D{S}&a=1"),
    (FORM, "payload=%7B%22password%22%3A%22{S}%22%7D"),
    (FORM, "payload={\"password\":\"{S}\"}"),
    (FORM, "auth=Bearer+{S}"),
    (FORM, "auth=Bearer%20{S}"),
    (FORM, "{\"password\":\"{S}\"}"),
    (FORM, "url=http://ann:{S}@h/"),
    (FORM, "url=http%3A%2F%2Fann%3A{S}%40h%2F"),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=\"u[pin]\"\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name*=UTF-8''tok%65n\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{\"password\":\"{S}\"}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{password:\"{S}\"}\r\n--B--\r\n",
    ),
    (
        MULTIPART,
        "{S}\r\n--B\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--B--\r\n{S}",
    ),
    (
        MULTIPART,
        "--B\nContent-Disposition: form-data; name=a\n\npassword: {S}\n--B--",
    ),
    (MULTIPART, "--B\r\nX: y\r\n\r\n{S}\r\n--B--"),
    (
        "multipart/mixed; boundary=B",
        "--B\r\n\r\ntext\r\n--B\r\nContent-Type: text/plain\r\n\r\n{S}\r\n--B--",
    ),
    (
        "multipart/related; boundary=B; start=b",
        "--B\r\n\r\n{S}\r\n--B\r\nContent-ID: <b>\r\n\r\ntext\r\n--B--",
    ),
    (
        FORM,
        "--B\r\nContent-Disposition: form-data; name=\"u[pin]\"\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        TEXT,
        "\n----B\nCONTENT-DISPOSITION: form-data; name=a; filename=b\n\n{S}\n----B--\n",
    ),
    (
        NDJSON,
        "--B\r\nContent-Type: text/plain\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (
        UNTYPED,
        "--B\r\nContent-Type: text/plain\r\n\r\n{S}\r\n--B--\r\n",
    ),
    (XML, "<u><name>ann</name><password>{S}</password></u>"),
    (XML, "<u><s:Password Type=\"t\">{S}</s:Password></u>"),
    (XML, "<u password=\"{S}\" name='ann'/>"),
    (XML, "<secret><a><b>{S}</b></a></secret><c/>"),
    (XML, "<token><![CDATA[{S}]]></token>"),
    (XML, "<token><![CDATA[</token>{S}]]></token>"),
    (XML, "<entry key=\"password\">{S}</entry>"),
    (XML, "<input name=\"password\" value=\"{S}\">"),
    (XML, "<!-- password: {S} --><a/>"),
    (TEXT, "password={S}"),
    (TEXT, "password: {S}\nnext line"),
    (TEXT, "Password :   {S}"),
    (TEXT, "password\t=\t\"{S}\""),
    (TEXT, "user=ann password={S} ip=10.0.0.1"),
    (TEXT, "login(user=ann, pwd={S})"),
    (TEXT, "{user=ann, password={S}}"),
    (TEXT, "api key: {S}"),
    (TEXT, "client_secret => {S}"),
    (TEXT, "$password = \"{S}\";"),
    (
        "text/csv",
        "a,b\n1,\"{\"\"n\"\":1,\"\"token\"\":\"\"{S}\"\"}\"\n",
    ),
    (TEXT, "let $token = '{S}'"),
    (TEXT, "cfg[\"password\"] = \"{S}\""),
    (TEXT, "ENV['TOKEN'] = '{S}'"),
    (TEXT, "contrasen\u{303}a={S}"),
    (TEXT, "see https://ann:{S}@h/x or not"),
    (TEXT, "GET /x?sig=1&access_token={S} HTTP/1.1"),
    (TEXT, "Authorization: Bearer {S}\r\nHost: h\r\n"),
    (TEXT, "authorization: basic {S}"),
    (TEXT, "Cookie: a={S}; b={S}\r\nHost: h\r\n"),
    (TEXT, "curl -H 'Authorization: Bearer {S}' https://h"),
    (TEXT, "curl -u 'Cookie: sid={S}' https://h"),
    (TEXT, "{\"password\": \"{S}\""),
    (TEXT, "[{\"password\": \"{S}\"}"),
    (TEXT, "12:00 {\"password\":\"{S}\"}"),
    (TEXT, "said \"{\\\"password\\\":\\\"{S}\\\"}\" loudly"),
    (TEXT, "&quot;token&quot;:&quot;{S}&quot;"),
    (YAML, "user: ann\npassword: {S}\n"),
    (YAML, "secret:\n  a: {S}\n  b: {S}\nc: 1\n"),
    (YAML, "token: |\n  {S}\n  {S}\nc: 1\n"),
    (YAML, "tokens:\n- {S}\n- {S}\nc: 1\n"),
    (YAML, "- token: {S}\n  a: 1\n"),
    (YAML, "{token: {S}, a: 1}"),
    (YAML, "password: 'it''{S}'\na: 1\n"),
    (YAML, "password: 'a'' {S}'' {S}'\na: 1\n"),
    (YAML, "{password: 'it''s {S}', a: 1}"),
    (YAML, "- password: \"\"\"{S}\"\"\"\n"),
    (
        YAML,
        "env:\n- name: DB_PASSWORD\n  value: {S}\n- name: A\n  value: b\n",
    ),
    (
        YAML,
        "- name: pin\n  meta:\n    name: a\n    value: b\n  value: '{S}'\n",
    ),
    (YAML, "\"p\\x61ssword\": \"{S}\"\n"),
    (TEXT, "INFO set name=\"password\" user=ann value=\"{S}\""),
    (TEXT, "name: password, value: {S}"),
    (
        TEXT,
        "[Field(name='password', value='{S}'), Field(name='a')]",
    ),
    (TEXT, "login(password: \"\"\"{S}\"\"\") { id }"),
    (TEXT, "password = \'\'\'\n{S}\'\'\'\na = 1"),
    (TEXT, "SET password='it''{S}', a=1"),
    (
        TEXT,
        "login(password: \"\"\"say \"x\", then {S}\"\"\") { id }",
    ),
    (TEXT, "password='a'\"{S}\" next"),
    (TEXT, "token,\"password=\"\"a\"\"{S}\"\"\",x"),
    (
        JSON,
        r#"{"query":"mutation { login(password: \"\"\"{S}\"\"\") { id } }"}"#,
    ),
    (JSON, r#"{"err":"password: 'a''{S}'"}"#),
    (TEXT, "Secret { token: Token { v: \"{S}\" } } and more"),
    (
        TEXT,
        "credentials: Credentials { user: \"a\", key: \"{S}\" }, x: 1",
    ),
    (TEXT, "User { password: Secret { a: 1, v: \"{S}\" }, x: 1 }"),
    (TEXT, "secret: auth::Secret([104, 117], \"{S}\"), x: 1"),
    (TEXT, "password: Box<str>(\"{S}\")"),
    (TEXT, "password: Some(Secret { v: &[\"{S}\"] }) x"),
    (
        JSON,
        r#"{"err":"User { password: Secret { v: \"{S}\" }, x: 1 }"}"#,
    ),
    (TEXT, "Err(Token(\"{S}\")) and more"),
    (TEXT, "User { a: Secret(Some(\"{S}\")), b: 1 }"),
    (TEXT, "Credentials(\"ann\", \"{S}\") and more"),
    (TEXT, "Password(\n    \"{S}\",\n) and more"),
    (JSON, r#"{"err":"Err(Token(\"{S}\")) and more"}"#),
    (XML, "<a>Password(&quot;{S}&quot;) and more</a>"),
    (FORM, "err=Password(%22{S}%22)&a=1"),
    (TEXT, "user\tann\npassword\t{S}\nrole\tadmin"),
    (TEXT, "h.example\tTRUE\t/\tFALSE\t0\tsessionid\t{S}\n"),
    (JSON, r#"{"log":"user\tann\npassword\t{S}\nrole\tadmin"}"#),
    (FORM, "log=API%20Key%09{S}%0Aa%09b"),
    (TEXT, "mysql --password {S} -u a"),
    (TEXT, "x --token \"a {S}\" y"),
    (TEXT, "x --token 'it'\\''{S}' y"),
    (TEXT, "sh -c 'x --api-key {S}' y"),
    (JSON, r#"{"cmd":"mysql --password {S} -u a"}"#),
    (JSON, r#"{"cmd":"sh -c \"x --api-key {S}\" y"}"#),
    (FORM, "cmd=mysql%20--password%20{S}%20-u%20a"),
    (TEXT, "curl -u ann:{S} https://h"),
    (TEXT, "curl -u 'ann:a {S}' https://h"),
    (JSON, r#"{"cmd":"wget --user \"ann:{S}\" https://h"}"#),
    (
        JSON,
        r#"{"log":"got \"a:\\n  session_id:\\n    - {S}\\n    - b: {S}\\nc: 1\" x"}"#,
    ),
    (TEXT, r#"got "secret:\n  a: {S}\n  b: {S}\nc: 1\n" here"#),
    (
        JSON,
        r#"{"log":"got {\"n\":1,\"name\":\"backup_codes\",\"value\":\"{S}\"} here"}"#,
    ),
    (
        JSON,
        r#"{"log":"[{\"op\":\"add\",\"path\":\"/a/pin\",\"value\":{\"a\":[\"{S}\"]}}] x"}"#,
    ),
    (
        XML,
        "<d>{&quot;name&quot;:&quot;password&quot;,&quot;value&quot;:&quot;{S}&quot;}</d>",
    ),
    (EVENTS, "id: 1\ndata: {\"p\\u0069n\":\"{S}\",\"a\":1}\n\n"),
    (
        EVENTS,
        "data: {\"a\":1,\r\ndata: \"pin\":\r\ndata: [\"{S}\"]}\r\n\r\ndata: x",
    ),
    (EVENTS, "event: x\ndata: {\"token\":\"{S}\",\"n\":1}\n\n"),
    (EVENTS, "data: Bearer {S}\n\n"),
    (
        "application/graphql",
        "mutation { login(password: \"{S}\") { id } }",
    ),
    (UNTYPED, "password={S}"),
    (UNTYPED, "a=1&password={S}"),
    (UNTYPED, "{\"password\":\"{S}\"}"),
    (UNTYPED, "hello\npassword: {S}"),
];

/// A token that is recognized by its shape. A short prefix of it cannot be recognized, but contains no secret: all
/// tokens begin with the same bytes.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";

const TOKENS: &[(&str, &str)] = &[
    (JSON, r#"{"a":"{S}"}"#),
    (JSON, r#"["x {S} y"]"#),
    (JSON, r#"{"{S}":1}"#),
    (JSON, r#"{"code":"{S}"}"#),
    (FORM, "a={S}&b=1"),
    (FORM, "{S}"),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n{S}\r\n--B--",
    ),
    (
        MULTIPART,
        "--B\r\nContent-Disposition: form-data; name=a; filename=\"{S}\"\r\n\r\nx\r\n--B--",
    ),
    (XML, "<a>{S}</a>"),
    (XML, "<a b=\"{S}\"/>"),
    (TEXT, "the token is {S}."),
    (TEXT, "({S})"),
    (UNTYPED, "{S}"),
];

/// Bodies with values whose names follow. What is sent up to the name has no secret.
const NAMED_LATER: &[(&str, &str)] = &[
    (
        YAML,
        "env:\n  - value: {S}\n    a: 1\n    name: DB_PASSWORD\n  - a: b\n",
    ),
    (
        YAML,
        "- value: |\n    {S}\n    {S}\n  name: tls.privateKey\n- value: x\n",
    ),
    (
        YAML,
        "- {value: \"{S}\", name: \"p\\x69n\"}\n- {name: a, value: b}\n",
    ),
    (TEXT, "INFO set value={S} user=ann name=password"),
    (TEXT, "Header { value: \"{S}\", name: \"authorization\" } x"),
    (XML, "<a><p><value>{S}</value><n/><name>pin</name></p></a>"),
    (XML, "<a><add value=\"{S}\" key=\"ApiKey\"/></a>"),
    (JSON, r#"[{"value":"{S}","name":"DB_PASSWORD"}]"#),
];

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    }
    headers
}

/// Asserts that no four consecutive bytes of the secret are shown.
#[track_caller]
fn assert_hidden(shown: &str, secret: &str, context: &str) {
    for part in secret.as_bytes().windows(4) {
        let found = shown.as_bytes().windows(4).any(|window| window == part);
        assert!(
            !found,
            "{:?} of {secret} in {shown}\n{context}",
            part.escape_ascii().to_string()
        );
    }
}

/// Puts the secret into a template, in the encoding that the template needs.
fn fill(content_type: &str, template: &str, secret: &str) -> String {
    let encoded = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes()
            .map(|byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect()
    };
    match content_type {
        FORM if template.contains("%25") => template.replace("{S}", &encoded(&encoded(secret))),
        FORM if !template.contains('"') && !template.contains("://") => {
            template.replace("{S}", &encoded(secret))
        }
        _ => template.replace("{S}", secret),
    }
}

fn check_every_cut(content_type: &str, body: &str, secret: &str) {
    let headers = headers(content_type);
    let shown = |limit: usize, body: &[u8]| {
        let log = BodyLog::new().response_limit(limit).code_limit(limit);
        let preview = log.preview(&headers, body);
        format!(
            "{} {}",
            preview.content.unwrap_or_default(),
            preview.code.unwrap_or_default()
        )
    };
    // A shorter prefix has nothing to hide.
    let first = body.find(secret).map_or(0, |start| start + 4);
    for cut in first..=body.len() {
        let context = format!("{content_type}, cut at {cut}: {body}");
        assert_hidden(&shown(cut, body.as_bytes()), secret, &context);
        // Now the cut body is all that is sent. (A URL that is cut in its user information is a valid URL with
        // a host and a port.)
        if !body.contains('@') && !body.contains("%40") {
            assert_hidden(&shown(4096, &body.as_bytes()[..cut]), secret, &context);
        }
    }
}

#[test]
fn a_secret_in_a_body_is_hidden_at_every_cut() {
    for (content_type, template) in BODIES {
        for secret in SECRETS {
            check_every_cut(content_type, &fill(content_type, template, secret), secret);
        }
    }
}

#[test]
fn a_value_whose_name_follows_is_hidden_at_every_limit() {
    for (content_type, template) in NAMED_LATER {
        for secret in SECRETS {
            let body = fill(content_type, template, secret);
            let headers = headers(content_type);
            for limit in 0..=body.len() {
                let log = BodyLog::new().response_limit(limit).code_limit(limit);
                let shown = log.preview(&headers, body.as_bytes()).content;
                let context = format!("{content_type}, cut at {limit}: {body}");
                assert_hidden(&shown.unwrap_or_default(), secret, &context);
            }
        }
    }
}

#[test]
fn a_token_in_a_body_is_hidden_at_every_cut() {
    for (content_type, template) in TOKENS {
        let body = template.replace("{S}", JWT);
        let headers = headers(content_type);
        for limit in 0..=body.len() {
            let log = BodyLog::new().response_limit(limit).code_limit(limit);
            let preview = log.preview(&headers, body.as_bytes());
            let shown = format!("{:?} {:?}", preview.content, preview.code);
            assert_hidden(
                &shown,
                JWT,
                &format!("{content_type}, limit {limit}: {body}"),
            );
        }
    }
}

/// Builds a logger that writes each record in all schemas and in its `Debug` form.
fn written(record_limit: usize) -> (Lines, BodyLog) {
    let lines = Lines::default();
    let debug = lines.clone();
    let log = BodyLog::new()
        .record_limit(record_limit)
        .response_body(BodyPolicy::Always)
        .sink(JsonLines::new(lines.clone()))
        .sink(JsonLines::new(lines.clone()).schema(Schema::Ecs))
        .sink(JsonLines::new(lines.clone()).schema(Schema::GoogleCloud))
        .sink_fn(move |record| {
            writeln!(debug.clone(), "{record:?}").unwrap();
        });
    (lines, log)
}

/// Responds with the request body, in chunks of `x-size` bytes.
async fn echo(req: HttpRequest, body: Bytes) -> HttpResponse {
    let size = req.headers().get("x-size").unwrap().to_str().unwrap();
    let chunks: Vec<_> = body
        .chunks(size.parse().unwrap())
        .map(|chunk| Ok::<_, io::Error>(Bytes::copy_from_slice(chunk)))
        .collect();
    let mut res = HttpResponse::Ok();
    if let Some(kind) = req.headers().get(header::CONTENT_TYPE) {
        res.insert_header((header::CONTENT_TYPE, kind));
    }
    res.streaming(stream::iter(chunks))
}

#[actix_web::test]
async fn a_secret_in_a_body_is_hidden_for_all_chunk_sizes() {
    let (lines, log) = written(15 * 1024);
    let app = App::new().default_service(web::to(echo)).wrap(log.clone());
    let app = init_service(app).await;
    for (content_type, template) in BODIES {
        let secret = SECRETS[0];
        let body = fill(content_type, template, secret);
        let mut contents = Vec::new();
        for size in ["1", "2", "3", "7", "4096"] {
            let req = TestRequest::post().insert_header(("x-size", size));
            let req = match *content_type {
                "" => req,
                kind => req.insert_header((header::CONTENT_TYPE, kind)),
            };
            let res = call_service(&app, req.set_payload(body.clone()).to_request()).await;
            assert_eq!(try_read_body(res).await.unwrap(), body);
            let line = lines.take();
            assert_hidden(&line, secret, &body);
            // Without a type, the response is `application/octet-stream`.
            if *content_type == UNTYPED {
                continue;
            }
            let record: serde_json::Value =
                serde_json::from_str(line.lines().next().unwrap()).unwrap();
            contents.push(record["http.response.body.content"].clone());
        }
        let preview = log.preview(&headers(content_type), body.as_bytes());
        for content in contents {
            assert_eq!(content.as_str(), preview.content.as_deref(), "{body}");
        }
    }
}

#[actix_web::test]
async fn a_secret_outside_of_a_body_is_hidden() {
    async fn handler(req: HttpRequest) -> Result<HttpResponse, error::Error> {
        let text = req
            .headers()
            .get("x-say")
            .map(|value| value.to_str().unwrap().to_owned());
        let Some(text) = text else {
            return Ok(HttpResponse::Ok().finish());
        };
        req.record_user(User::new(&*text).name(&*text).role(&*text));
        req.record_field("remark", text.as_str());
        req.record_field(
            "object",
            serde_json::json!({"text": text, "password": text}),
        );
        req.record_error(&text);
        let location = HeaderValue::from_str(&text).unwrap();
        let res = HttpResponse::BadRequest()
            .insert_header((header::LOCATION, location.clone()))
            .insert_header((HeaderName::from_static("x-more"), location))
            .finish();
        Err(error::InternalError::from_response(text, res).into())
    }
    for limit in [1024, 15 * 1024] {
        let (lines, log) = written(limit);
        let log = log
            .request_header(HeaderName::from_static("x-say"))
            .response_header(HeaderName::from_static("x-more"));
        let app = App::new().default_service(web::to(handler)).wrap(log);
        let app = init_service(app).await;
        let secret = "hunter2XyZZy";
        for text in [
            "password={S}",
            "Password: {S}",
            "{\"password\":\"{S}\"}",
            "https://ann:{S}@h/x?a=1",
            "/cb?token={S}&a=1",
            "/cb?a=1#access_token={S}",
            "https%3A%2F%2Fh%2F%3Ftoken%3D{S}",
            "Bearer {S}",
            "bearer\t{S}",
            "Basic {S}",
            "x eyJ{S}.eyJ{S}.{S} y",
            "<password>{S}</password>",
        ] {
            let text = text.replace("{S}", secret);
            let uri_text: String = text
                .chars()
                .map(|c| match c {
                    ' ' | '\t' => "%20".to_owned(),
                    '"' => "%22".to_owned(),
                    '<' | '>' | '{' | '}' => format!("%{:02X}", u32::from(c)),
                    c => c.to_string(),
                })
                .collect();
            let requests = [
                TestRequest::with_uri(&format!("/?a={uri_text}")),
                TestRequest::with_uri(&format!("/?{uri_text}")),
                TestRequest::with_uri(&format!("/a/{}/b", uri_text.replace(['?', '#'], "%3F"))),
                TestRequest::default().insert_header((header::USER_AGENT, text.as_str())),
                TestRequest::default().insert_header((header::REFERER, text.as_str())),
                TestRequest::default()
                    .insert_header((header::REFERER, format!("http://h/?r={uri_text}"))),
                TestRequest::default().insert_header((header::ORIGIN, text.as_str())),
                TestRequest::default().insert_header((header::HOST, text.as_str())),
                TestRequest::default().insert_header((header::ACCEPT, text.as_str())),
                TestRequest::default().insert_header(("traceparent", text.as_str())),
                TestRequest::default().insert_header(("x-say", text.as_str())),
                TestRequest::default().insert_header((header::AUTHORIZATION, text.as_str())),
                TestRequest::default().insert_header((header::COOKIE, text.as_str())),
            ];
            for (at, request) in requests.into_iter().enumerate() {
                let res = call_service(&app, request.to_request()).await;
                let _ = try_read_body(res).await;
                let line = lines.take();
                assert_eq!(line.lines().count(), 4, "{line}");
                // The body of the response is plain text.
                assert_hidden(&line, secret, &format!("{at}: {text}"));
                let mut rendered = line.lines().take(3);
                assert!(rendered.all(|line| line.len() < limit), "{line}");
            }
        }
    }
}
