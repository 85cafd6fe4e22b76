use serde_json::json;

use crate::bodies;
use crate::support::{Home, Server};

fn server() -> Server {
    Server::with(vec![
        ("GET /apps/shop/config-vars", json!({"KEY": "it's", "LONGER_KEY": "two"})),
        ("PATCH /apps/shop/config-vars", json!({"KEY": "it's", "LONGER_KEY": "two"})),
        ("GET /apps/shop/releases", json!([bodies::release(4, true)])),
    ])
}

#[test]
fn config_is_listed_in_three_ways() {
    let server = server();
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["config"]).out, "=== shop Config Vars\n\nKEY:         it's\nLONGER_KEY:  two\n");
    assert_eq!(home.mypaas(&["config", "-s"]).out, "KEY='it'\\''s'\nLONGER_KEY=two\n");
    assert_eq!(home.mypaas(&["config", "--json"]).out, "{\n  \"KEY\": \"it's\",\n  \"LONGER_KEY\": \"two\"\n}\n");
    assert_eq!(home.mypaas(&["config:get", "LONGER_KEY"]).out, "two\n");
    let said = home.mypaas(&["config:get", "NONE"]);
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (1, "", "Error: ⬢ shop has no config var NONE.\n"));
}

#[test]
fn set_and_unset_are_one_release_each() {
    let server = server();
    let home = Home::at(&server);
    let said = home.mypaas(&["config:set", "LONGER_KEY=two", "KEY=a=b"]);
    assert_eq!((said.status, said.err.as_str()), (0, "Setting KEY, LONGER_KEY and restarting ⬢ shop... done, v4\n"));
    assert_eq!(said.out, "KEY:         it's\nLONGER_KEY:  two\n");
    assert_eq!(server.request("PATCH /apps/shop/config-vars").body, r#"{"KEY":"a=b","LONGER_KEY":"two"}"#);
    assert_eq!(server.request("GET /apps/shop/releases").header("range"), Some("version ..; max=1, order=desc"));

    let said = home.mypaas(&["config:unset", "KEY", "OTHER"]);
    assert_eq!(said.err, "Unsetting KEY, OTHER and restarting ⬢ shop... done, v4\n");
    let patches: Vec<_> = server.requests().into_iter().filter(|request| request.call.starts_with("PATCH")).collect();
    assert_eq!(patches[1].body, r#"{"KEY":null,"OTHER":null}"#);
}

#[test]
fn a_value_without_a_key_is_refused_and_not_repeated() {
    let server = server();
    let said = Home::at(&server).mypaas(&["config:set", "s3cret"]);
    assert_eq!((said.status, said.err.as_str()), (2, "Error: A config var must be in the form KEY=VALUE.\n"));
    assert!(server.calls().is_empty());
}
