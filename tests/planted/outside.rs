//! Secrets outside of bodies: in headers, queries, custom fields and paths, by the rules of the user.

use actix_bodylog::RecordExt as _;
use actix_web::{
    App, HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    test::{TestRequest, call_service, init_service, try_read_body},
    web,
};

use super::{assert_hidden, random, written};

const SECRET: &str = "hunter2XyZZy";

#[actix_web::test]
async fn names_of_the_user_are_hidden_in_headers_queries_and_fields() {
    async fn handler(req: HttpRequest) -> HttpResponse {
        for name in [
            "user.pin",
            "API Key",
            "kunden IBAN",
            "i\u{200b}b\u{ad}an",
            "IBAN\u{7}",
            "p\u{200b}in",
            "КлючДоступа",
            "口座番号2",
            "konto\u{feff}nummer",
            "Hausgröße",
        ] {
            req.record_field(name, SECRET);
        }
        req.record_field("data", serde_json::json!({"Monthly Salary": [SECRET]}));
        req.record_field("text", format!("{{'my-iban': '{SECRET}', 'a': 1}}"));
        let mut res = HttpResponse::Ok();
        res.insert_header(("x-base-salary", SECRET)).finish()
    }
    let (lines, log) = written(15 * 1024);
    let log = random::with_rules(log)
        // A control character is no part of a name.
        .redact("Konto\u{7}Nummer\u{7}")
        .request_header(HeaderName::from_static("x-my-iban"))
        .request_header(HeaderName::from_static("x-user-pin"))
        .response_header(HeaderName::from_static("x-base-salary"));
    let app = App::new().default_service(web::to(handler)).wrap(log);
    let app = init_service(app).await;
    let query = format!(
        "/?iban={SECRET}&old.salary={SECRET}&sms_otp={SECRET}&%E5%8F%A3%E5%BA%A7%E7%95%AA%E5%8F%B7={SECRET}"
    );
    let req = TestRequest::with_uri(&query)
        .insert_header(("x-my-iban", SECRET))
        .insert_header(("x-user-pin", SECRET))
        .insert_header((header::REFERER, format!("https://h{query}#newPwd={SECRET}")));
    let res = call_service(&app, req.to_request()).await;
    let _ = try_read_body(res).await;
    assert_hidden(&lines.take(), SECRET, "");
}

#[actix_web::test]
async fn segments_of_paths_are_hidden_wherever_the_target_is_cut() {
    let handler = async || HttpResponse::NotFound().finish();
    // A target is cut at each of these lengths.
    for (record_limit, end) in [(1024, 256), (15 * 1024, 512), (15 * 1024, 2048)] {
        let (lines, log) = written(record_limit);
        let log = random::with_rules(log)
            .redact_path("/p/{id}/reset/{code}")
            .redact_path("/w/{id}/{code}/x");
        let app = App::new()
            .route("/u/{pad}/{api_key}", web::get().to(handler))
            .route("/v/{pad}/{my_iban}/x", web::get().to(handler))
            .wrap(log);
        let app = init_service(app).await;
        // The cut is at each byte of the secret.
        for pad in end - 34..end - 2 {
            let pad = "a".repeat(pad);
            for (path, has_pattern) in [
                (format!("/p/{pad}/reset/{SECRET}"), true),
                (format!("/w/{pad}/{SECRET}/x?a=1"), true),
                (format!("/u/{pad}/{SECRET}"), false),
                (format!("/v/{pad}/{SECRET}/x"), false),
            ] {
                // Parameters of a route are hidden in the referrer if the request has the same.
                let other = if has_pattern { "/" } else { &*path };
                for (uri, referer) in [(&*path, "/"), (other, &*path)] {
                    let req = TestRequest::with_uri(uri)
                        .insert_header((header::REFERER, format!("https://h{referer}")));
                    let res = call_service(&app, req.to_request()).await;
                    let _ = try_read_body(res).await;
                    assert_hidden(&lines.take(), SECRET, &path);
                }
            }
        }
    }
}
