//! The pages that a browser shows when somebody logs in with it: plain HTML, without scripts, that no other page can frame.

use std::{fmt::Write, sync::LazyLock};

use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use engine::browser_login::Asked;
use http::{HeaderName, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

/// What is shown.
pub(crate) enum Page<'a> {
    /// With what was typed before, and what was wrong with it.
    Question {
        asked: &'a Asked,
        email: &'a str,
        fault: Option<&'a str>,
    },
    Approved {
        email: &'a str,
    },
    Refused,
    Over,
    NotFromHere,
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}\
h1{font-size:1.4rem}label{display:block;margin:.8rem 0}input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}\
button{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem 0 0}.words{font:600 1.5rem monospace;letter-spacing:.1em}.fault{color:#a00}";

/// The page loads nothing, runs nothing, sends its form to us alone and is shown in no frame. Its one style is named by its
/// digest.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    HeaderValue::from_str(&policy).expect("Base64 is ASCII")
});

pub(crate) fn answer(status: StatusCode, page: &Page<'_>) -> Response {
    let (title, body) = shown(page);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}</body></html>\n"
    );
    let mut response = (status, html).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // The address is a secret; without any, browsers would not say where a form comes from either.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ] {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Title and body.
fn shown(page: &Page<'_>) -> (&'static str, String) {
    match page {
        Page::Question { asked, email, fault } => ("Log in?", question(asked, email, *fault)),
        Page::Approved { email } => ("Logged in", format!("<p>You are logged in as {} where you began. You can close this window.</p>\n", escaped(email))),
        Page::Refused => ("Refused", "<p>Nobody was let in. You can close this window.</p>\n".to_owned()),
        Page::Over => ("This login is over", "<p>It was decided already, or took too long. Begin again where you began.</p>\n".to_owned()),
        Page::NotFromHere => ("Not accepted", "<p>This was not sent by the page that asks. Begin again where you began.</p>\n".to_owned()),
    }
}

fn question(asked: &Asked, email: &str, fault: Option<&str>) -> String {
    let from = asked.from.as_deref().map(|from| format!(", at the address <strong>{}</strong>", escaped(from))).unwrap_or_default();
    let fault = fault.map(|fault| format!("<p class=\"fault\" role=\"alert\">{}</p>\n", escaped(fault))).unwrap_or_default();
    format!(
        "<p>Somebody asks to be let in as you: <strong>{}</strong>{from}.</p>\n\
         <p>Go on only if you began this yourself just now, and the address in your terminal ends with</p>\n<p class=\"words\">{}</p>\n{fault}\
         <form method=\"post\" action=\"\">\n<input type=\"hidden\" name=\"form\" value=\"{}\">\n\
         <label>Email <input type=\"email\" name=\"email\" value=\"{}\" autocomplete=\"username\" maxlength=\"254\"></label>\n\
         <label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>\n\
         <label>Two-factor code, if you have enabled it <input name=\"code\" autocomplete=\"one-time-code\" maxlength=\"40\"></label>\n\
         <button name=\"decision\" value=\"approve\">Log in</button><button name=\"decision\" value=\"refuse\">Refuse</button>\n</form>\n",
        escaped(&asked.description),
        escaped(&asked.words),
        escaped(asked.form.expose_secret()),
        escaped(email),
    )
}

/// Text as it stands in HTML, in an attribute too.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' | '<' | '>' | '"' | '\'' => write!(out, "&#{};", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
        out
    })
}
