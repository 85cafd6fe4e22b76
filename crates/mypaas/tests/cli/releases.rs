use serde_json::json;

use crate::bodies;
use crate::support::{Home, Server};

fn server() -> Server {
    Server::with(vec![
        ("GET /apps/shop/releases", json!([bodies::release(12, true), bodies::release(11, false), bodies::release(2, false)])),
        ("GET /apps/shop/releases/2", bodies::release(2, false)),
        ("POST /apps/shop/releases", bodies::release(13, true)),
    ])
}

#[test]
fn releases_are_listed_newest_first() {
    let server = server();
    let home = Home::at(&server);
    let expected = "=== shop Releases - Current: v12\n
v12  Deploy 12  me@example.com  2012/01/01 12:00:00 +0000
v11  Deploy 11  me@example.com  2012/01/01 12:00:00 +0000
v2   Deploy 2   me@example.com  2012/01/01 12:00:00 +0000\n";
    assert_eq!(home.mypaas(&["releases", "-n", "3"]).out, expected);
    assert_eq!(server.requests()[0].header("range"), Some("version ..; max=3, order=desc"));
    assert!(home.mypaas(&["releases:info", "v2"]).out.starts_with("=== Release v2\n"));
}

#[test]
fn rollback_goes_one_back_or_where_it_is_told() {
    let server = server();
    let home = Home::at(&server);
    let said = home.mypaas(&["rollback"]);
    assert_eq!(said.status, 0);
    assert!(said.err.starts_with("Rolling back ⬢ shop to v11... done, v13\n"), "{}", said.err);
    assert!(said.err.ends_with("To undo, run: mypaas rollback v12 -a shop\n"), "{}", said.err);
    home.mypaas(&["rollback", "v2"]);
    let posts: Vec<_> = server.requests().into_iter().filter(|request| request.call.starts_with("POST")).map(|post| post.body).collect();
    assert_eq!(posts, [r#"{"release":"release-11"}"#, r#"{"release":"release-2"}"#]);
}
