use std::os::unix::fs::PermissionsExt;

use crate::bodies;
use crate::support::{Home, Server};

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
