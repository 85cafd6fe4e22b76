use serde_json::json;

use crate::bodies;
use crate::support::{Home, Server, json as answer};

#[test]
fn apps_are_listed_by_owner_over_all_pages() {
    let mut other = bodies::app("theirs", "");
    other["owner"]["email"] = json!("you@example.com");
    let server = Server::start(move |request, _| match (request.call.as_str(), request.header("range")) {
        ("GET /account", _) => answer(bodies::account()),
        (_, None) => answer(json!([bodies::app("zebra", "")])).with("next-range", "id ]1..; max=1"),
        (_, Some("id ]1..; max=1")) => answer(json!([bodies::app("aardvark", ""), other])),
        (call, range) => panic!("{call} {range:?}"),
    });
    let said = Home::at(&server).mypaas(&["apps"]);
    let expected = "=== me@example.com Apps\n\naardvark\nzebra\n=== Collaborated Apps\n\ntheirs  you@example.com\n";
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, expected, ""));

    let request = server.request("GET /apps");
    assert_eq!(request.header("accept"), Some("application/vnd.heroku+json; version=3"));
    assert_eq!(request.header("authorization"), Some("Bearer t0ken"));
    assert!(request.header("user-agent").unwrap().starts_with("mypaas/"));
}

#[test]
fn json_is_one_document_on_stdout() {
    let server = Server::with(vec![("GET /apps", json!([bodies::app("shop", "")]))]);
    let said = Home::at(&server).mypaas(&["apps", "--json"]);
    let apps: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(apps[0]["name"], "shop");
    assert_eq!(said.err, "");
}

#[test]
fn info_has_herokus_layout() {
    let server = Server::with(vec![
        ("GET /apps/shop", bodies::app("shop", "http://localhost:5000/shop.git")),
        ("GET /apps/shop/dynos", json!([bodies::dyno("web.1", "up"), bodies::dyno("web.2", "up"), bodies::dyno("run.7", "up")])),
    ]);
    let said = Home::at(&server).mypaas(&["info"]);
    let expected = "=== shop\n
Auto Cert Mgmt:  false
Dynos:           run: 1, web: 2
Git URL:         http://localhost:5000/shop.git
Owner:           me@example.com
Region:          us
Repo Size:       0 B
Slug Size:       12 MB
Stack:           heroku-24
Web URL:         http://shop.localhost:5000/
";
    assert_eq!((said.status, said.out.as_str()), (0, expected));
}

#[test]
fn open_prints_the_url() {
    let server = Server::with(vec![("GET /apps/shop", bodies::app("shop", ""))]);
    let said = Home::at(&server).mypaas(&["open", "/health?x"]);
    assert_eq!(said.out, "http://shop.localhost:5000/health?x\n");
}

#[test]
fn destroy_needs_the_name_a_second_time() {
    let server = Server::with(vec![("GET /apps/shop", bodies::app("shop", "")), ("DELETE /apps/shop", bodies::app("shop", ""))]);
    let home = Home::at(&server);
    let said = home.mypaas(&["destroy"]);
    assert_eq!(said.status, 1);
    assert!(said.err.ends_with("hint: add `--confirm shop`\n"), "{}", said.err);
    let said = home.mypaas(&["destroy", "--confirm", "ship"]);
    assert_eq!(said.err, "Error: Confirmation \"ship\" did not match shop; nothing was destroyed.\n");
    assert!(!server.calls().contains(&"DELETE /apps/shop".to_owned()));

    let said = home.mypaas(&["apps:destroy", "shop", "--confirm", "shop"]);
    assert_eq!((said.status, said.err.as_str()), (0, "Destroying ⬢ shop (including all add-ons)... done\n"));
    assert!(server.calls().contains(&"DELETE /apps/shop".to_owned()));
}

#[test]
fn maintenance_is_shown_and_switched() {
    let server = Server::with(vec![("GET /apps/shop", bodies::app("shop", "")), ("PATCH /apps/shop", bodies::app("shop", ""))]);
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["maintenance"]).out, "off\n");
    assert_eq!(home.mypaas(&["maintenance:on"]).err, "Enabling maintenance mode for ⬢ shop... done\n");
    assert_eq!(server.request("PATCH /apps/shop").body, r#"{"maintenance":true}"#);
}
