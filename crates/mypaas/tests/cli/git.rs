use serde_json::json;

use crate::bodies;
use crate::support::{Home, Request, Server, error, json as answer};

/// A server whose git URLs have its own address.
fn server() -> Server {
    Server::start(|request: &Request, _| {
        let git_url = |name: &str| format!("http://{}/{name}.git", request.header("host").unwrap());
        match request.call.as_str() {
            "POST /oauth/authorizations" => answer(bodies::authorization()),
            "POST /apps" => answer(bodies::app("quiet-snow-1", &git_url("quiet-snow-1"))),
            "GET /apps/quiet-snow-1" | "DELETE /apps/quiet-snow-1" => answer(bodies::app("quiet-snow-1", &git_url("quiet-snow-1"))),
            "GET /apps/quiet-snow-1/dynos" => answer(json!([])),
            "GET /apps/shop" => answer(bodies::app("shop", "http://git.localhost:5999/shop.git")),
            _ => error(404, r#"{"id":"not_found","message":"Not found."}"#),
        }
    })
}

fn logged_in(server: &Server) -> Home {
    let home = Home::new();
    let said = home.mypaas_with(&["login", "--server", &server.url, "--email", "me@example.com", "--password-stdin"], "x\n");
    assert_eq!(said.status, 0, "{}", said.err);
    home.git(&["init", "-q"]);
    home
}

#[test]
fn a_created_app_is_found_pushed_to_and_destroyed_through_its_remote() {
    let server = server();
    let home = logged_in(&server);
    let said = home.mypaas(&["create"]);
    let url = format!("{}/quiet-snow-1.git", server.url);
    assert_eq!(said.out, format!("http://quiet-snow-1.localhost:5000/ | {url}\n"));
    assert_eq!(said.err, format!("Creating app... done, ⬢ quiet-snow-1\nset git remote mypaas to {url}\n"));
    assert_eq!(home.git(&["remote", "get-url", "mypaas"]).trim(), url);
    assert_eq!(server.request("POST /apps").body, "{}");

    // git asks the program that created the app, and only for that host.
    let host = server.url.trim_start_matches("http://");
    let filled = home.run("git", &["credential", "fill"], &format!("protocol=http\nhost={host}\n\n"));
    assert!(filled.out.contains("username=mypaas\npassword=fresh-t0ken\n"), "{filled:?}");
    let other = home.run("git", &["credential", "fill"], "protocol=http\nhost=elsewhere.test\n\n");
    assert!(!other.out.contains("t0ken"), "{other:?}");
    let direct = home.mypaas_with(&["git:credentials", "get"], "protocol=https\nhost=elsewhere.test\n\n");
    assert_eq!((direct.status, direct.out.as_str(), direct.err.as_str()), (0, "", ""));

    for action in ["erase", "store", "something-new"] {
        let said = home.mypaas_with(&["git:credentials", action], &format!("protocol=http\nhost={host}\n\n"));
        assert_eq!((said.status, said.out.as_str()), (0, ""), "{action}");
    }

    assert!(home.mypaas(&["info"]).out.starts_with("=== quiet-snow-1\n"));
    let said = home.mypaas(&["destroy", "--confirm", "quiet-snow-1"]);
    assert!(said.err.ends_with("Removed the git remote mypaas\n"), "{}", said.err);
    assert_eq!(home.git(&["remote"]), "");
}

#[test]
fn a_remote_of_another_name_leaves_the_first_alone() {
    let server = server();
    let home = logged_in(&server);
    home.git(&["remote", "add", "mypaas", "https://elsewhere.test/old.git"]);
    let said = home.mypaas(&["create"]);
    assert!(said.err.contains("The git remote mypaas stays as it is: it leads to https://elsewhere.test/old.git.\n"), "{}", said.err);
    assert!(said.err.contains("hint: `mypaas git:remote -a quiet-snow-1`"), "{}", said.err);
    home.mypaas(&["create", "-r", "staging"]);
    assert_eq!(home.git(&["remote"]), "mypaas\nstaging\n");
    assert!(home.mypaas(&["info", "-r", "staging"]).out.starts_with("=== quiet-snow-1\n"));
    let said = home.mypaas(&["info", "-r", "mypaas"]);
    assert_eq!(
        (said.status, said.err.lines().next().unwrap()),
        (1, "Error: The git remote \"mypaas\" does not lead to an app on a server you are logged in to.")
    );
}

#[test]
fn a_git_host_of_its_own_is_remembered() {
    let server = server();
    let home = logged_in(&server);
    let said = home.mypaas(&["git:remote", "-a", "shop"]);
    assert_eq!((said.status, said.err.as_str()), (0, "set git remote mypaas to http://git.localhost:5999/shop.git\n"));
    let filled = home.run("git", &["credential", "fill"], "protocol=http\nhost=git.localhost:5999\n\n");
    assert!(filled.out.contains("password=fresh-t0ken\n"), "{filled:?}");
    assert!(home.mypaas(&["open"]).out.contains("shop"), "the app is found from the remote");
}
