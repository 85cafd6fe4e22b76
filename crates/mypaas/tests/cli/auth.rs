use std::os::unix::fs::PermissionsExt;

use crate::bodies;
use crate::support::{Answer, Home, Server, error, json};

#[test]
fn login_keeps_the_token_and_logout_ends_it() {
    let server = Server::with(vec![
        ("POST /oauth/authorizations", bodies::authorization()),
        ("GET /account", bodies::account()),
        ("DELETE /oauth/authorizations/auth-1", bodies::authorization()),
    ]);
    let home = Home::new();
    let login = ["login", "--server", &server.url, "--email", "me@example.com", "--password-stdin"];
    let said = home.mypaas_with(&login, "pass word\nnot this\n");
    assert_eq!((said.status, said.out.as_str(), said.err), (0, "", format!("Logged in to {} as me@example.com\n", server.url)));
    let request = server.request("POST /oauth/authorizations");
    // me@example.com:pass word
    assert_eq!(request.header("authorization"), Some("Basic bWVAZXhhbXBsZS5jb206cGFzcyB3b3Jk"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["expires_in"], 2_592_000);
    assert_eq!(body["scope"][0], "global");
    assert!(body["description"].as_str().unwrap().starts_with("mypaas login from "));

    let file = home.path(".config/mypaas/credentials.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("pass word"));

    assert_eq!(home.mypaas(&["whoami"]).out, "me@example.com\n");
    assert_eq!(server.request("GET /account").header("authorization"), Some("Bearer fresh-t0ken"));
    assert_eq!(home.mypaas(&["auth:token"]).out, "fresh-t0ken\n");

    let said = home.mypaas(&["logout"]);
    assert_eq!((said.status, said.err), (0, format!("Logged out of {}\n", server.url)));
    let request = server.request("DELETE /oauth/authorizations/auth-1");
    assert_eq!(request.header("authorization"), Some("Bearer fresh-t0ken"));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("t0ken"));
    assert_eq!(home.mypaas(&["whoami"]).status, 1);
}

#[test]
fn the_environments_token_goes_to_the_environments_server_only() {
    let server = Server::with(vec![("POST /oauth/authorizations", bodies::authorization()), ("GET /account", bodies::account())]);
    let said = Home::new().with("MYPAAS_TOKEN", "t").mypaas(&["whoami"]);
    assert_eq!(said.err, "Error: MYPAAS_TOKEN is set, but MYPAAS_SERVER does not say for which server.\nhint: set both, or neither\n");
    let said = Home::at(&server).mypaas(&["whoami"]);
    assert_eq!(said.out, "me@example.com\n");
    assert_eq!(server.request("GET /account").header("authorization"), Some("Bearer t0ken"));
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let said = Home::new().mypaas(&["login", "--server", "http://127.0.0.1:1"]);
    assert_eq!((said.status, said.err.as_str()), (2, "Error: There is no terminal to ask for the email address: name it with --email.\n"));
    let said = Home::new().mypaas(&["apps"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: You are not logged in to a server.\nhint: `mypaas login --server https://paas.example.com`\n"));
}

#[test]
fn two_factor_authentication_is_switched_with_password_and_code() {
    let server = Server::start(|request, _| match (request.call.as_str(), request.header("heroku-two-factor-code")) {
        ("GET /account/two-factor", _) => json(r#"{"enabled":true,"recovery_codes":9}"#),
        ("POST /account/two-factor/url", None) => json(r#"{"secret":"GEZDGNBVGY3TQOJQ","url":"otpauth://totp/x"}"#),
        ("PUT /account/two-factor" | "POST /account/two-factor/recovery-codes", Some("123456")) => json(r#"{"recovery_codes":["aaaa-bbbb","cccc-dddd"]}"#),
        ("PATCH /account", Some("123456")) => json(bodies::account()),
        ("POST /oauth/authorizations", None) => error(403, r#"{"id":"two_factor","message":"A second authentication factor is required."}"#),
        ("POST /oauth/authorizations", Some("123456")) => json(bodies::authorization()),
        _ => error(422, r#"{"id":"invalid_params","message":"No."}"#),
    });
    let home = Home::new();
    let said = home.mypaas_with(&["login", "--server", &server.url, "--email", "me@example.com", "--password-stdin"], "pass word\n123456\n");
    assert_eq!((said.status, said.err), (0, format!("Logged in to {} as me@example.com\n", server.url)));

    let typed = "pass word\n123456\n";
    assert_eq!(home.mypaas(&["2fa"]).out, "Two-factor authentication is enabled (recovery codes left: 9)\n");
    let said = home.mypaas_with(&["2fa:enable", "--password-stdin"], typed);
    assert_eq!((said.status, said.out.as_str()), (0, "URL:     otpauth://totp/x\nSecret:  GEZD GNBV GY3T QOJQ\naaaa-bbbb\ncccc-dddd\n"));
    let said = home.mypaas_with(&["2fa:generate-recovery-codes", "--password-stdin"], typed);
    assert_eq!((said.status, said.out.as_str()), (0, "aaaa-bbbb\ncccc-dddd\n"));
    let said = home.mypaas_with(&["2fa:disable", "--password-stdin"], typed);
    assert_eq!((said.status, said.err.as_str()), (0, "Two-factor authentication is disabled.\n"));
    assert_eq!(server.request("PATCH /account").body, r#"{"password":"pass word","two_factor_authentication":false}"#);
    assert_eq!(server.request("PUT /account/two-factor").body, r#"{"password":"pass word"}"#);
    let said = home.mypaas_with(&["2fa:disable", "--password-stdin"], "pass word\n");
    assert_eq!((said.status, said.err.as_str()), (2, "Error: A two-factor code is needed: of your authenticator app, or a recovery code.\n"));
}

#[test]
fn a_login_in_the_browser_waits_for_the_person() {
    let server = Server::start(|request, _| match (request.call.as_str(), request.header("authorization")) {
        ("POST /auth", None) => json(r#"{"browser_url":"/auth/browser/s3cret#KXTR-BDFG","cli_url":"/auth/cli/s3cret","token":"waiting","words":"KXTR-BDFG"}"#),
        ("GET /auth/cli/s3cret", Some("Bearer waiting")) => {
            Answer::bare(200, "   {\"access_token\":\"fresh-t0ken\"}").with("content-type", "application/vnd.heroku+json")
        }
        ("GET /account", Some("Bearer fresh-t0ken")) => json(bodies::account()),
        ("GET /oauth/authorizations/~", Some("Bearer fresh-t0ken")) => json(bodies::authorization()),
        _ => error(401, r#"{"id":"unauthorized","message":"No."}"#),
    });
    let home = Home::new();
    let said = home.mypaas(&["login", "--server", &server.url, "--browser"]);
    let url = &server.url;
    let expected = format!("Log in on this page, if it shows KXTR-BDFG:\n{url}/auth/browser/s3cret#KXTR-BDFG\nLogged in to {url} as me@example.com\n");
    assert_eq!((said.status, said.err), (0, expected));
    assert!(server.request("POST /auth").body.contains("mypaas login from "));
    assert_eq!(home.mypaas(&["auth:token"]).out, "fresh-t0ken\n");

    let refused = Server::with(vec![
        ("POST /auth", serde_json::json!({"browser_url": "/b", "cli_url": "/auth/cli/x", "token": "t", "words": "A"})),
        ("GET /auth/cli/x", serde_json::json!({"error": "The login was refused in the browser."})),
    ]);
    let said = Home::new().mypaas(&["login", "--server", &refused.url, "--browser"]);
    assert_eq!((said.status, said.err.lines().last()), (1, Some("Error: The login was refused in the browser.")));
}
