//! What a person sees in place of an app.

use bytes::Bytes;
use domain::ErrorCode;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::request_head::Refusal;

/// The page for a request that failed with this code.
pub(crate) fn for_code(code: ErrorCode, status: StatusCode) -> Response<Full<Bytes>> {
    match code {
        ErrorCode::H80Maintenance => page(status, "Offline for maintenance", "This app is undergoing maintenance right now. Please come back later.", ""),
        ErrorCode::H81BlankApp => {
            page(status, "Nothing here yet", "Nothing here yet: push some code.", "<p>If this app is yours: <code>git push mypaas main</code> deploys it.</p>")
        }
        ErrorCode::H26RequestError => refusal(Refusal::BadRequest),
        _ => page(
            status,
            "Application error",
            "An error occurred in the application and your page could not be served. If this app is yours, its log says what happened.",
            &format!("<p>Error {}: {}</p><p><code>mypaas logs --tail</code></p>", code.code(), code.description()),
        ),
    }
}

/// The page for a host that belongs to no app.
pub(crate) fn no_such_app() -> Response<Full<Bytes>> {
    page(
        StatusCode::NOT_FOUND,
        "No such app",
        "There is no app at this address.",
        "<p>If you expected one, check the name: <code>mypaas apps</code> lists yours.</p>",
    )
}

/// The page for a request that cannot be understood, or must not be.
pub(crate) fn refusal(refusal: Refusal) -> Response<Full<Bytes>> {
    let (status, text) = match refusal {
        Refusal::BadRequest => (StatusCode::BAD_REQUEST, "The request could not be understood."),
        Refusal::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not for apps."),
        Refusal::TargetTooLong => (StatusCode::URI_TOO_LONG, "The request's address is longer than 8 KB."),
        Refusal::ExpectationFailed => (StatusCode::EXPECTATION_FAILED, "The request expects what this router does not know."),
    };
    page(status, status.canonical_reason().unwrap_or("Error"), text, "")
}

fn page(status: StatusCode, title: &str, text: &str, hint: &str) -> Response<Full<Bytes>> {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>body{{font:16px/1.5 sans-serif;color:#333;max-width:36em;margin:15vh auto;padding:0 1em}}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{text}</p>\n{hint}\n</body>\n</html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
