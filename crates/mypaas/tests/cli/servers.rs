use crate::bodies;
use crate::support::{Home, Server, json as answer};

fn server(email: &'static str) -> Server {
    Server::start(move |request, _| {
        let mut authorization = bodies::authorization();
        authorization["user"]["email"] = email.into();
        authorization["access_token"]["token"] = format!("token-of-{email}").into();
        let mut account = bodies::account();
        account["email"] = email.into();
        match request.call.as_str() {
            "POST /oauth/authorizations" => answer(authorization),
            "GET /regions" => answer("[]").with("mypaas-version", "99.0.0"),
            "GET /apps/shop" => answer(bodies::app("shop", "")),
            _ => answer(account),
        }
    })
}

fn log_in(home: &Home, server: &Server) {
    let said = home.mypaas_with(&["login", "--server", &server.url, "--email", "x@example.com", "--password-stdin"], "x\n");
    assert_eq!(said.status, 0, "{}", said.err);
}

#[test]
fn several_servers_live_side_by_side() {
    let (one, two) = (server("one@example.com"), server("two@example.com"));
    let home = Home::new();
    log_in(&home, &one);
    log_in(&home, &two);
    assert_eq!(home.mypaas(&["whoami"]).out, "two@example.com\n", "the last login");
    assert_eq!(home.mypaas(&["whoami", "--server", &one.url]).out, "one@example.com\n");
    assert_eq!(one.request("GET /account").header("authorization"), Some("Bearer token-of-one@example.com"));
    assert_eq!(home.mypaas(&["servers:use", &one.url]).status, 0);
    assert_eq!(home.mypaas(&["whoami"]).out, "one@example.com\n");
    let listed = home.mypaas(&["servers"]).out;
    assert!(listed.contains(&format!("* {}  one@example.com\n", one.url)) && listed.contains(&format!("  {}  two@example.com\n", two.url)), "{listed}");
    let said = home.mypaas(&["servers:use", "https://elsewhere.example.com"]);
    assert_eq!((said.status, said.err.lines().next().unwrap()), (1, "Error: You are not logged in to https://elsewhere.example.com."));

    // A repository's remote says more than the current server.
    home.git(&["init", "-q"]);
    home.git(&["remote", "add", "mypaas", &format!("{}/shop.git", two.url)]);
    assert_eq!(home.mypaas(&["maintenance"]).out, "off\n");
    assert!(two.calls().contains(&"GET /apps/shop".to_owned()) && !one.calls().contains(&"GET /apps/shop".to_owned()));

    // Logging out of one leaves the other.
    assert_eq!(home.mypaas(&["logout", "--server", &two.url]).status, 0);
    assert_eq!(home.mypaas(&["whoami", "--server", &two.url]).status, 1);
    assert_eq!(home.mypaas(&["whoami", "--server", &one.url]).out, "one@example.com\n");
}

#[test]
fn a_token_of_the_environment_goes_to_no_other_server() {
    let (one, two) = (server("one@example.com"), server("two@example.com"));
    let said = Home::at(&one).mypaas(&["whoami", "--server", &two.url]);
    assert_eq!((said.status, said.err), (1, format!("Error: You are not logged in to {0}.\nhint: `mypaas login --server {0}`\n", two.url)));
    assert!(one.calls().is_empty() && two.calls().is_empty());
}

#[test]
fn a_newer_server_is_told_of_and_no_server_is_not() {
    let one = server("one@example.com");
    let program = env!("CARGO_PKG_VERSION");
    let said = Home::at(&one).mypaas(&["update:check"]);
    assert_eq!(said.out, format!("{} runs 99.0.0, and this program is {program}: update it.\n", one.url));
    for home in [Home::new(), Home::new().with("MYPAAS_SERVER", "http://127.0.0.1:1").with("MYPAAS_TOKEN", "t")] {
        let said = home.mypaas(&["update:check"]);
        assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "", ""));
    }
}
