//! What an admin sees of everybody.

use serde_json::{Value, json};

use crate::support::{Home, Server, error};

pub(crate) fn apps() -> Value {
    let app = |name: &str, owner: &str| {
        json!({
            "created_at": "2012-01-01T12:00:00Z", "disk_bytes": 31_457_280, "dynos": {"up": 2, "starting": 0, "crashed": 1, "idle": 0, "one_off": 0},
            "id": "1", "maintenance": false, "name": name, "owner": {"id": "1", "email": owner}, "release": 12, "released_at": "2012-01-01T12:00:00Z",
            "slug_size": 13_000_000, "stack": "heroku-24", "wanted": 3, "something_new": 1,
        })
    };
    let mut empty = app("blog", "ann@example.com");
    for (field, value) in [("release", json!(null)), ("released_at", json!(null)), ("slug_size", json!(null)), ("disk_bytes", json!(0)), ("wanted", json!(0))] {
        empty[field] = value;
    }
    empty["dynos"] = json!({"up": 0, "starting": 0, "crashed": 0, "idle": 0, "one_off": 0});
    empty["maintenance"] = json!(true);
    json!([app("shop", "me@example.com"), empty])
}

pub(crate) fn accounts() -> Value {
    let account = |email: &str, admin: bool, apps: u64| {
        json!({
            "admin": admin, "apps": apps, "authorizations": 2, "collaborations": 1, "created_at": "2012-01-01T12:00:00Z", "email": email, "id": "1", "keys": 1,
            "name": null,
        })
    };
    json!([account("me@example.com", true, 1), account("ann@example.com", false, 1)])
}

pub(crate) fn nodes() -> Value {
    json!([{
        "apps": 2, "dynos": {"up": 2, "starting": 0, "crashed": 1, "idle": 0, "one_off": 0}, "engine": "Docker 28.1.0", "free_disk_bytes": 45_097_156_608_u64,
        "memory_bytes": 8_589_934_592_u64, "name": "paas-1", "processors": 4, "state": "up", "used_memory_bytes": 268_435_456, "version": "0.1.0",
        "waiting_for": null,
    }])
}

fn server() -> Server {
    Server::with(vec![("GET /mypaas/apps", apps()), ("GET /mypaas/accounts", accounts()), ("GET /mypaas/nodes", nodes())])
}

#[test]
fn all_apps_everybody_and_the_machine() {
    let home = Home::at(&server());
    let said = |command: &str| {
        let said = home.mypaas(&[command]);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{command}");
        said.out
    };
    insta::assert_snapshot!(said("admin:apps"), @r"
    App   Owner            Release  Dynos                 Slug   Disk   Note
    blog  ann@example.com  -        0 of 0 up             -      0 B    maintenance
    shop  me@example.com   v12      2 of 3 up, 1 crashed  12 MB  30 MB
    Total: 2 apps, 30 MB on the disk
    ");
    insta::assert_snapshot!(said("admin:users"), @r"
    User             Role   Apps  Works on  Tokens  Keys  Since
    ann@example.com  user   1     1         2       1     2012-01-01
    me@example.com   admin  1     1         2       1     2012-01-01
    Total: 2 users
    ");
    insta::assert_snapshot!(said("admin:nodes"), @r"
    === paas-1

    State:       up
    Version:     0.1.0
    Engine:      Docker 28.1.0
    Processors:  4
    Memory:      8 GB, dynos use 256 MB
    Free Disk:   42 GB
    Apps:        2
    Dynos:       2 up, 1 crashed
    ");
}

#[test]
fn as_json_it_is_what_the_server_said() {
    let home = Home::at(&server());
    let json = |command: &str| serde_json::from_str::<Value>(&home.mypaas(&[command, "--json"]).out).unwrap();
    assert_eq!((json("admin:apps")[1]["name"].clone(), json("admin:apps")[0]["release"].clone()), (json!("shop"), json!(null)));
    assert_eq!(json("admin:users")[0]["email"], "ann@example.com");
    assert_eq!(json("admin:nodes"), nodes());
}

#[test]
fn a_machine_that_cannot_be_used_fails_the_command() {
    let mut nodes = nodes();
    for (field, value) in [
        ("state", json!("unreachable")),
        ("waiting_for", json!("the container engine did not answer")),
        ("engine", json!(null)),
        ("memory_bytes", json!(null)),
        ("used_memory_bytes", json!(null)),
        ("processors", json!(null)),
    ] {
        nodes[0][field] = value;
    }
    let said = Home::at(&Server::with(vec![("GET /mypaas/nodes", nodes)])).mypaas(&["admin:nodes"]);
    let expected = "Error: paas-1 is unreachable: the container engine did not answer.\nhint: `mypaasd doctor` on that machine shows what is wrong\n";
    assert_eq!((said.status, said.err.as_str()), (1, expected));
    assert!(said.out.contains("Engine:      ?\n") && said.out.contains("Memory:      ?, dynos use ?\n"), "{}", said.out);
}

#[test]
fn who_is_no_admin_reads_why_whatever_they_ask() {
    const FORBIDDEN: &str =
        r#"{"id":"forbidden","message":"Only admins of this platform may do that. `mypaasd account:admin EMAIL` on the server makes somebody one."}"#;
    let home = Home::at(&Server::start(|_, _| error(403, FORBIDDEN)));
    for command in ["admin:apps", "admin:users", "admin:nodes", "admin:disk"] {
        let said = home.mypaas(&[command]);
        assert_eq!((said.status, said.out.as_str()), (1, ""), "{command}");
        assert!(said.err.starts_with("Error: Only admins of this platform may do that. `mypaasd account:admin EMAIL`"), "{}", said.err);
        assert!(!said.err.contains("app's owner"), "{command}: {}", said.err);
    }
}
