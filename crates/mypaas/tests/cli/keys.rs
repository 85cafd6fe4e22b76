use serde_json::{Value, json};

use crate::bodies;
use crate::support::{Home, Request, Server, error, json as answer};

const KEY: &str = "ssh-ed25519 AAAAC3Nz me@laptop";

fn key(id: &str, comment: &str) -> Value {
    json!({
        "comment": comment, "created_at": "2012-01-01T12:00:00Z", "email": "me@example.com", "fingerprint": format!("SHA256:{id}"), "id": id,
        "public_key": format!("ssh-ed25519 AAAAC3Nz {comment}"), "updated_at": "2012-01-01T12:00:00Z",
    })
}

fn server() -> Server {
    Server::start(|request: &Request, _| match request.call.as_str() {
        "GET /account/keys" => answer(json!([key("one", "me@laptop"), key("two", "me@desk")])),
        "POST /account/keys" => answer(key("one", "me@laptop")),
        "DELETE /account/keys/one" | "DELETE /account/keys/two" => answer(key("one", "me@laptop")),
        "GET /apps/shop" | "POST /apps" => {
            let mut app = bodies::app("shop", &format!("http://{}/shop.git", request.header("host").unwrap()));
            app["ssh_git_url"] = "ssh://git@paas.test:2222/shop.git".into();
            answer(app)
        }
        "GET /apps/plain" => answer(bodies::app("plain", "http://paas.test/plain.git")),
        "GET /apps/shop/dynos" => answer(json!([])),
        _ => error(404, r#"{"id":"not_found","message":"Not found."}"#),
    })
}

#[test]
fn keys_are_listed() {
    let server = server();
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["keys"]).out, "=== me@example.com keys\n\nssh-ed25519  SHA256:one  me@laptop\nssh-ed25519  SHA256:two  me@desk\n");
    assert!(home.mypaas(&["keys", "--long"]).out.ends_with("\nssh-ed25519 AAAAC3Nz me@laptop\nssh-ed25519 AAAAC3Nz me@desk\n"));
    assert!(home.mypaas(&["keys", "--json"]).out.contains("\"fingerprint\": \"SHA256:one\""));
}

#[test]
fn a_key_is_added_from_the_usual_place_or_a_file_and_a_private_one_is_not_sent() {
    let server = server();
    let home = Home::at(&server);
    let said = home.mypaas(&["keys:add"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: There is no SSH key in ~/.ssh.\nhint: `ssh-keygen -t ed25519` makes one; or name a file\n"));
    std::fs::create_dir(home.path(".ssh")).unwrap();
    std::fs::write(home.path(".ssh/id_rsa.pub"), "ssh-rsa AAAA old").unwrap();
    std::fs::write(home.path(".ssh/id_ed25519.pub"), format!("{KEY}\n")).unwrap();
    let said = home.mypaas(&["keys:add"]);
    assert!(said.err.starts_with("Uploading ") && said.err.ends_with("/.ssh/id_ed25519.pub SSH key... done\n"), "{}", said.err);
    assert_eq!(server.request("POST /account/keys").body, json!({ "public_key": format!("{KEY}\n") }).to_string());

    std::fs::write(home.path("work/id"), "-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n").unwrap();
    let said = home.mypaas(&["keys:add", "id"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: id is a private key; it was not sent.\nhint: name the public one, which ends in .pub\n"));
    assert_eq!(server.calls().iter().filter(|call| *call == "POST /account/keys").count(), 1);
    assert!(home.mypaas(&["keys:add", "nowhere.pub"]).err.starts_with("Error: nowhere.pub cannot be read: "));
}

#[test]
fn keys_are_removed_by_comment_or_fingerprint_or_all_at_once() {
    let server = server();
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["keys:remove", "me@desk"]).err, "Removing me@desk SSH key... done\n");
    assert_eq!(home.mypaas(&["keys:remove", "SHA256:one"]).status, 0);
    let said = home.mypaas(&["keys:remove", "nobody"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: SSH key nobody not found. Found keys: me@laptop, me@desk.\n"));
    assert_eq!(home.mypaas(&["keys:clear"]).err, "Removing all SSH keys... done\n");
    let deleted: Vec<_> = server.calls().into_iter().filter(|call| call.starts_with("DELETE")).collect();
    let path = |id: &str| format!("DELETE /account/keys/{id}");
    assert_eq!(deleted, [path("two"), path("one"), path("one"), path("two")]);
}

#[test]
fn a_remote_over_ssh_is_set_and_recognised() {
    let server = server();
    let home = Home::new().with("MYPAAS_SERVER", &server.url).with("MYPAAS_TOKEN", "t0ken");
    home.git(&["init", "-q"]);
    let said = home.mypaas(&["git:remote", "-a", "shop", "--ssh"]);
    assert_eq!((said.status, said.err.as_str()), (0, "set git remote mypaas to ssh://git@paas.test:2222/shop.git\n"));
    assert!(home.mypaas(&["info"]).out.starts_with("=== shop\n"));
    // Back to HTTP, and with a new app.
    home.mypaas(&["git:remote", "-a", "shop"]);
    assert_eq!(home.git(&["remote", "get-url", "mypaas"]).trim(), format!("{}/shop.git", server.url));
    home.mypaas(&["create", "--ssh", "-r", "other"]);
    assert_eq!(home.git(&["remote", "get-url", "other"]).trim(), "ssh://git@paas.test:2222/shop.git");
    let said = home.mypaas(&["git:remote", "-a", "plain", "--ssh"]);
    assert_eq!((said.status, said.err.as_str()), (1, "Error: This server does not answer over SSH.\n"));
}
