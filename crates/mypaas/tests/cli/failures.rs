use std::net::TcpListener;

use crate::support::{Answer, Home, Server, error};

#[test]
fn an_unknown_app_is_a_sentence_a_hint_and_a_request_id() {
    let server = Server::start(|_, _| error(404, r#"{"id":"not_found","resource":"app","message":"Couldn't find that app."}"#).with("request-id", "0123-4567"));
    let said = Home::at(&server).mypaas(&["info", "-a", "nope"]);
    assert_eq!(said.status, 1);
    assert_eq!(said.out, "");
    assert_eq!(said.err, "Error: Couldn't find that app.\nhint: `mypaas apps` lists your apps\nrequest id: 0123-4567\n");
}

#[test]
fn a_wrong_token_and_a_strange_server() {
    let server = Server::start(|_, _| error(401, r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#));
    let said = Home::at(&server).mypaas(&["apps"]);
    let expected = format!(
        "Error: Your login to {} is not valid any more: it has expired or was ended.\nhint: it is the token in MYPAAS_TOKEN: set another one, or unset it and log in\n",
        server.url
    );
    assert_eq!((said.status, said.err), (1, expected));

    let server = Server::start(|_, _| Answer::new(502, "<html>Bad Gateway</html>"));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert!(said.err.starts_with(&format!("Error: {} answered 502 to GET /apps, without saying why.\n", server.url)), "{}", said.err);

    for (status, kind, body) in
        [(200, "text/html", "<html>hello</html>"), (404, "text/html", "<html>no</html>"), (404, "application/json", "{}"), (302, "", "")]
    {
        let server = Server::start(move |_, _| Answer::bare(status, body).with("content-type", kind));
        let said = Home::at(&server).mypaas(&["apps"]);
        let expected = format!("Error: {} is not a mypaas server: what it answers to GET /apps ({status}) is not the Platform API's.\n", server.url);
        assert_eq!((said.status, said.out.as_str()), (1, ""));
        assert!(said.err.starts_with(&expected), "{}", said.err);
    }

    let server = Server::start(|_, _| Answer::new(200, r#"{"surprise":true}"#).with("mypaas-version", "7.0.0"));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert!(said.err.contains("cannot be understood") && said.err.contains("the server runs version 7.0.0"), "{}", said.err);
}

#[test]
fn a_login_that_has_ended_says_where_to_log_in() {
    let server = Server::start(|request, _| match request.call.as_str() {
        "POST /oauth/authorizations" => crate::support::json(crate::bodies::authorization()),
        _ => error(401, r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#).with("request-id", "0123"),
    });
    let home = Home::new();
    home.mypaas_with(&["login", "--server", &server.url, "--email", "me@example.com", "--password-stdin"], "x\n");
    let said = home.mypaas(&["apps"]);
    let expected = format!(
        "Error: Your login to {0} is not valid any more: it has expired or was ended.\nhint: `mypaas login --server {0}`\nrequest id: 0123\n",
        server.url
    );
    assert_eq!((said.status, said.err), (1, expected));
    // A wrong password is another thing.
    let refused = Server::start(|_, _| error(401, r#"{"id":"unauthorized","message":"Invalid credentials provided."}"#));
    let said = home.mypaas_with(&["login", "--server", &refused.url, "--email", "me@example.com", "--password-stdin"], "x\n");
    assert_eq!(said.err, "Error: Invalid credentials provided.\nhint: check the email address and the password\n");
}

#[test]
fn an_old_server_and_a_lack_of_permission() {
    const UNKNOWN: &str = r#"{"id":"not_found","message":"The requested API endpoint was not found. Are you using the right HTTP verb?"}"#;
    let server = Server::start(|_, _| error(404, UNKNOWN).with("mypaas-version", "0.0.9"));
    let said = Home::at(&server).mypaas(&["admin:disk"]);
    let program = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "Error: {} does not know GET /mypaas/disk: it runs version 0.0.9, and this program is {program}.\nhint: ask the server's administrator to update it\n",
        server.url
    );
    assert_eq!((said.status, said.err), (1, expected));
    let server = Server::start(|_, _| error(404, UNKNOWN));
    let said = Home::at(&server).mypaas(&["admin:disk"]);
    assert!(said.err.contains(": it runs an older version, and this program is "), "{}", said.err);

    let server = Server::start(|_, _| error(403, r#"{"id":"forbidden","message":"You do not have access to the app shop."}"#).with("request-id", "0123"));
    let said = Home::at(&server).mypaas(&["config"]);
    let expected =
        "Error: You do not have access to the app shop.\nhint: `mypaas whoami` shows who you are; an app's owner can give you access to it\nrequest id: 0123\n";
    assert_eq!((said.status, said.err.as_str()), (1, expected));
}

#[test]
fn a_host_that_is_not_there_is_said_plainly() {
    // Never a host (RFC 6761). With no network at all the resolver gives up instead of saying no.
    let said = Home::new().with("MYPAAS_SERVER", "https://paas.invalid").with("MYPAAS_TOKEN", "t").mypaas(&["apps"]);
    assert_eq!(said.status, 1);
    let first = said.err.lines().next().unwrap();
    let sentences = ["there is no host of that name", "there is no network"].map(|why| format!("Error: https://paas.invalid cannot be reached: {why}."));
    assert!(sentences.iter().any(|sentence| sentence == first), "{}", said.err);
}

#[test]
fn two_remotes_are_a_question_and_a_name_is_the_answer() {
    let server = Server::with(vec![("GET /apps/one", crate::bodies::app("one", "")), ("GET /apps/two", crate::bodies::app("two", ""))]);
    let home = Home::new().with("MYPAAS_SERVER", &server.url).with("MYPAAS_TOKEN", "t0ken");
    home.git(&["init", "-q"]);
    for name in ["one", "two"] {
        home.git(&["remote", "add", &format!("to-{name}"), &format!("{}/{name}.git", server.url)]);
    }
    let said = home.mypaas(&["maintenance"]);
    let expected = "Error: Several git remotes here lead to apps: one (to-one), two (to-two).\nhint: say which with -r REMOTE or -a APP\n";
    assert_eq!((said.status, said.err.as_str()), (1, expected));
    assert!(server.calls().is_empty());
    assert_eq!(home.mypaas(&["maintenance", "-r", "to-two"]).status, 0);
    assert_eq!(server.calls(), ["GET /apps/two"]);
}

#[test]
fn nobody_there_is_said_plainly() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{free}");
    let said = Home::new().with("MYPAAS_SERVER", &server).with("MYPAAS_TOKEN", "t").mypaas(&["config:set", "A=b", "-a", "shop"]);
    assert_eq!(said.status, 1);
    let expected = format!(
        "Setting A and restarting ⬢ shop... !\nError: {server} cannot be reached: nothing listens there.\nhint: check the address and that the server runs\n"
    );
    assert_eq!(said.err, expected);
}

#[test]
fn what_is_not_a_command_is_usage() {
    for (typed, sentence) in [
        (&["confg"][..], "Error: \"confg\" is not a mypaas command.\nhint: did you mean `mypaas config`?\n"),
        (&["xyzzy"], "Error: \"xyzzy\" is not a mypaas command.\nhint: `mypaas help` lists the topics, `mypaas commands` all commands\n"),
        (&["config:get"], "Error: KEY is missing.\nhint: mypaas config:get <KEY>\n"),
        (&["apps", "--jsn"], "Error: \"--jsn\" does not belong here.\nhint: did you mean --json? mypaas apps --json\n"),
        (
            &["releases", "-n", "many"],
            "Error: \"many\" cannot be used for --num <N>: invalid digit found in string.\nhint: `mypaas help releases` explains it\n",
        ),
        (&["config", "-a"], "Error: --app <APP> needs a value.\nhint: `mypaas help config` explains it\n"),
        (&["config", "--json", "--shell"], "Error: --json and --shell exclude each other.\nhint: mypaas config --json\n"),
        (&["completions", "tcsh"], "Error: \"tcsh\" cannot be used for <SHELL>.\nhint: it is one of bash, zsh, fish\n"),
    ] {
        let said = Home::new().mypaas(typed);
        assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (2, "", sentence));
    }
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let elsewhere = Server::start(|_, _| error(500, "{}"));
    let location = format!("{}/apps", elsewhere.url);
    let server = Server::start(move |_, _| Answer::new(302, "").with("location", &location));
    let said = Home::at(&server).mypaas(&["apps"]);
    assert_eq!(said.status, 1);
    assert!(elsewhere.calls().is_empty());
}
