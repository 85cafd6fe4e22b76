//! What a person sees in place of an app.

use domain::{ErrorCode, route::Pages};
use http::StatusCode;

use crate::http1::{
    request::Refusal,
    write::{VIA, put_number},
};

/// A page of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) html: String,
}

impl Page {
    /// The app's own page, shown from where it lies, if it has one for this code.
    pub(crate) fn of_app(code: ErrorCode, status: u16, pages: &Pages) -> Self {
        let own = if code == ErrorCode::H80Maintenance { &pages.maintenance } else { &pages.error };
        match own {
            // A client's mistake is not the app's error.
            Some(address) if status >= 500 && code != ErrorCode::H81BlankApp => framed(status, address.as_str()),
            _ => Self::for_code(code, status),
        }
    }

    /// The page for a request that failed with this code.
    pub(crate) fn for_code(code: ErrorCode, status: u16) -> Self {
        match code {
            ErrorCode::H80Maintenance => new(status, "Offline for maintenance", "This app is undergoing maintenance right now. Please come back later.", ""),
            ErrorCode::H81BlankApp => new(
                status,
                "Nothing here yet",
                "Nothing here yet: push some code.",
                "<p>If this app is yours: <code>git push mypaas main</code> deploys it.</p>",
            ),
            ErrorCode::H82QuotaExhausted => new(status, "Out of hours", "This app has used up its hours. Please come back later.", ""),
            ErrorCode::H83PlannedDegradation => new(status, "Planned degradation", "This app is away for a while, as announced. Please come back later.", ""),
            ErrorCode::H31MisdirectedRequest => Self::refusal(Refusal::Misdirected),
            ErrorCode::H32TlsCertificateMismatch => Self::refusal(Refusal::CertificateMismatch),
            ErrorCode::H26RequestError => Self::refusal(if status == 417 { Refusal::ExpectationFailed } else { Refusal::BadRequest }),
            _ => new(
                status,
                "Application error",
                "An error occurred in the application and your page could not be served. If this app is yours, its log says what happened.",
                &format!("<p>Error {}: {}</p><p><code>mypaas logs --tail</code></p>", code.code(), code.description()),
            ),
        }
    }

    /// The page for a host that belongs to no app.
    pub(crate) fn no_such_app() -> Self {
        new(404, "No such app", "There is no app at this address.", "<p>If you expected one, check the name: <code>mypaas apps</code> lists yours.</p>")
    }

    /// The page for a request that cannot be understood, or must not be.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let (status, text) = match refusal {
            Refusal::BadRequest | Refusal::BadHeader => (400, "The request could not be understood."),
            Refusal::MethodNotAllowed => (405, "CONNECT is not for apps."),
            Refusal::TargetTooLong => (414, "The request's address is longer than 8 KB."),
            Refusal::ExpectationFailed => (417, "The request expects what this router does not know."),
            Refusal::VersionNotSupported => (505, "The request is of an HTTP version that this router does not know."),
            Refusal::Timeout => (408, "The request did not arrive in time."),
            Refusal::Misdirected => (421, "The request came over a connection that is for another host."),
            Refusal::CertificateMismatch => (495, "The request came over a connection that is for another host, and there is no certificate for this one."),
            Refusal::LostUpgrade => (503, "The request begins a WebSocket, but something on its way knows no WebSockets."),
        };
        new(status, reason(status), text, "")
    }

    /// All of the answer. `date` as its header has it.
    pub(crate) fn bytes(&self, date: &[u8], without_body: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512 + self.html.len());
        bytes.extend_from_slice(b"HTTP/1.1 ");
        put_number(&mut bytes, self.status.into());
        for part in
            [b" ", reason(self.status).as_bytes(), b"\r\nDate: ", date, b"\r\nServer: mypaas\r\nVia: ", VIA, b"\r\nContent-Type: text/html; charset=utf-8"]
        {
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(b"\r\nCache-Control: no-cache, no-store\r\nContent-Length: ");
        put_number(&mut bytes, self.html.len() as u64);
        bytes.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
        if !without_body {
            bytes.extend_from_slice(self.html.as_bytes());
        }
        bytes
    }
}

fn framed(status: u16, address: &str) -> Page {
    let address = address.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    let html = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>html,body,iframe{{margin:0;padding:0;border:0;width:100%;height:100%}}</style>\n</head>\n\
         <body>\n<iframe src=\"{address}\"></iframe>\n</body>\n</html>\n",
        reason(status)
    );
    Page { status, html }
}

fn reason(status: u16) -> &'static str {
    if status == 495 {
        // No RFC's, but what servers that have it call it.
        return "SSL Certificate Error";
    }
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}

fn new(status: u16, title: &str, text: &str, hint: &str) -> Page {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>body{{font:16px/1.5 sans-serif;color:#333;max-width:36em;margin:15vh auto;padding:0 1em}}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{text}</p>\n{hint}\n</body>\n</html>\n"
    );
    Page { status, html }
}
