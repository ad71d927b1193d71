//! The page that shows the records: its headers, and its behaviour in a real browser.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::{browser::Browser, *};

#[test]
fn page_and_its_resources_are_closed_to_other_sites() {
    let mut site = Site::start(&[]);
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/records", "text/event-stream"),
    ] {
        let req = site.agent.get(site.url(path));
        let res = req.header("origin", "http://elsewhere").call().unwrap();
        assert_eq!(res.status(), 200, "{path}");
        let header = |name: &str| {
            let value = res.headers().get(name).expect(name);
            value.to_str().unwrap()
        };
        assert_eq!(header("content-type"), content_type);
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        let mut names = res.headers().keys();
        assert!(names.all(|name| !name.as_str().starts_with("access-control-")));
    }
    // Only the page itself is recorded, not its resources.
    site.asked += 1;
    assert_fields(
        &site.records()[0],
        json!({"message": "GET /", "level": "DEBUG", "exchange.outcome": "completed"}),
    );
}

/// Reads some cells of all visible rows, newest first.
fn rows(browser: &mut Browser, cells: &str) -> Value {
    browser.evaluate(&format!(
        "[...document.querySelectorAll('#records li:not([hidden])')].map((row) =>
            [...row.querySelectorAll('{cells}')].map((cell) => cell.textContent).join(' | '))"
    ))
}

fn wait_for_rows(browser: &mut Browser, rows: usize) {
    browser.until(&format!(
        "document.querySelectorAll('#records li').length === {rows}"
    ));
}

const ATTACK: &str =
    "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>";

#[test]
fn browser_shows_new_records_and_no_markup_of_clients() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut site = Site::start(&[]);
    let login = json!({"username": ATTACK, "password": "hunter2"}).to_string();
    site.post("/login", "application/json", login);
    browser.open(&site.url("/"));
    site.asked += 1;
    wait_for_rows(&mut browser, 2);
    browser.until("connection.textContent === 'connected'");
    let title = browser.evaluate("document.title");

    site.get("/code/500");
    site.post("/upload", "text/plain", "a".repeat(300_000));
    let _ = site.agent.get(site.url("/panic")).call();
    let query = "status=418&%3Cscript%3Edocument.title='pwned'%3C/script%3E";
    let mut stream = site.service.connect();
    write!(
        stream,
        "POST /echo?{query} HTTP/1.1\r\nhost: a\r\nuser-agent: {ATTACK}\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {}\r\n\r\n{ATTACK}",
        ATTACK.len()
    )
    .unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    site.asked += 2;
    wait_for_rows(&mut browser, 6);
    let page = include_str!("../../examples/demo/page.html").len();
    let page = browser.evaluate(&format!("({page}).toLocaleString('en')"));
    let page = page.as_str().unwrap();
    assert_eq!(
        rows(&mut browser, "summary > :not(.time, .duration, .glimpse)"),
        json!([
            format!("WARN | POST /echo?{query} | 418 |  | completed | 83 | 83"),
            "ERROR | GET /panic |  |  | panicked | 0 | ",
            "DEBUG | POST /upload | 200 | 0 | completed | 300,000 | 45",
            "ERROR | GET /code/500 | 200 | 500 | completed | 0 | 37",
            format!("DEBUG | GET / | 200 |  | completed | 0 | {page}"),
            "DEBUG | POST /login | 200 | 0 | completed | 121 | 72",
        ])
    );

    // Closed rows show the beginning of both bodies.
    assert_eq!(
        rows(&mut browser, ".glimpse"),
        json!([
            format!("→ {ATTACK} | ← {ATTACK}"),
            " | ",
            format!(
                "→ {}… | ← {{\"code\":0,\"msg\":\"ok\",\"data\":{{\"bytes\":300000}}}}",
                "a".repeat(300)
            ),
            " | ← {\"code\":500,\"msg\":\"this is code 500\"}",
            " | ← (omitted: policy)",
            format!(
                "→ {} | ← {}",
                json!({"password": "[REDACTED]", "username": ATTACK}),
                r#"{"code":0,"msg":"ok","data":{"token":"[REDACTED]"}}"#
            ),
        ])
    );

    // Enter opens a row, and so does a click.
    browser.evaluate("document.querySelector('#records summary').focus()");
    browser.press_enter();
    browser.until("document.querySelectorAll('#records pre').length === 2");
    let bodies = browser
        .evaluate("[...document.querySelectorAll('#records pre')].map((body) => body.textContent)");
    assert_eq!(bodies, json!([ATTACK, ATTACK]));
    browser.evaluate(
        "document.querySelectorAll('#records details:not([open]) summary').forEach((it) => it.click())",
    );
    browser.until("document.querySelectorAll('#records dl').length === 6");
    let text = browser.evaluate("document.body.textContent");
    let text = text.as_str().unwrap();
    for shown in [
        "{\n  \"code\": 500,\n  \"msg\": \"this is code 500\"\n}",
        "\"password\": \"[REDACTED]\"",
        "omitted: policy",
        "300,000 bytes truncated",
        "user.rolescustomer",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }

    // No markup of a client is in the document, and neither is a secret.
    let whole = browser.evaluate("document.documentElement.outerHTML");
    assert!(!whole.as_str().unwrap().contains("hunter2"), "{whole}");
    let alien = "document.querySelectorAll('img, iframe, object, body script, [onerror]').length";
    assert_eq!(browser.evaluate(alien), 0);
    assert_eq!(browser.evaluate("document.scripts.length"), 1);
    assert_eq!(browser.evaluate("document.title"), title);
    browser.assert_no_error();

    // Even if such markup were inserted, the policy would block its script, and the browser would log an error.
    let insert = format!(
        "document.body.insertAdjacentHTML('beforeend', {})",
        json!(ATTACK)
    );
    browser.evaluate(&insert);
    browser.wait_for_error();
    assert_eq!(browser.evaluate("document.title"), title);
    drop(browser);
    site.records();
}

#[test]
fn browser_filters_pauses_and_counts_missed_records() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut site = Site::start(&[]);
    for code in [500, 404, 0] {
        site.get(&format!("/code/{code}"));
    }
    browser.open(&site.url("/"));
    site.asked += 1;
    wait_for_rows(&mut browser, 4);

    let mut shown = |level: &str, text: &str| {
        browser.evaluate(&format!(
            "level.value = '{level}'; level.dispatchEvent(new Event('change'));
             text.value = '{text}'; text.dispatchEvent(new Event('input'))"
        ));
        rows(&mut browser, ".target")
    };
    let all = ["GET /", "GET /code/0", "GET /code/404", "GET /code/500"];
    assert_eq!(shown("0", ""), json!(all));
    assert_eq!(shown("3", ""), json!(all[2..]));
    assert_eq!(shown("4", ""), json!(all[3..]));
    assert_eq!(shown("0", "CODE/0"), json!(all[1..2]));
    assert_eq!(shown("0", "this is code 4"), json!(all[2..3]));
    assert_eq!(shown("4", "code/0"), json!([]));
    assert_eq!(shown("0", ""), json!(all));

    // A button of the page sends a request.
    browser.evaluate("examples.querySelector('button').click()");
    site.asked += 1;
    wait_for_rows(&mut browser, 5);
    assert_eq!(rows(&mut browser, ".target")[0], "POST /login");

    browser.evaluate("pause.click()");
    site.get("/code/1");
    browser.until("counts.textContent === '5 shown, paused, 1 waiting'");
    for nth in 2..=450 {
        site.get(&format!("/code/{nth}"));
    }
    browser.until("held.at(-1).data.includes('/code/450')");
    assert_eq!(rows(&mut browser, ".target")[0], "POST /login");
    browser.evaluate("pause.click()");
    wait_for_rows(&mut browser, 200);
    let counts = browser.evaluate("counts.textContent");
    assert_eq!(counts, "200 shown, 250 missed");
    assert_eq!(rows(&mut browser, ".target")[0], "GET /code/450");
    browser.assert_no_error();
    drop(browser);
    site.records();
}

#[test]
fn browser_reconnects_after_a_restart_of_the_demo() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut site = Site::start(&[]);
    site.get("/code/1");
    browser.open(&site.url("/"));
    site.asked += 1;
    wait_for_rows(&mut browser, 2);
    let addr = site.service.addr.clone();
    site.records();
    browser.until("connection.textContent === 'reconnecting'");

    let mut site = Site::start(&[("ADDR", &addr)]);
    site.get("/code/2");
    wait_for_rows(&mut browser, 3);
    assert_eq!(rows(&mut browser, ".target")[0], "GET /code/2");
    let state = browser.evaluate("connection.textContent + ', ' + counts.textContent");
    assert_eq!(state, "connected, 3 shown");
    drop(browser);
    site.records();
}
