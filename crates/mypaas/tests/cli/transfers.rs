//! Apps that are given away, webhooks, and who changed what: what is sent, and what is said when it fails.

use serde_json::json;

use crate::support::{Home, Server, error, json as answer};

fn transfer(state: &str) -> serde_json::Value {
    let user = |email: &str| json!({"id": "1", "email": email});
    json!({"app": {"id": "1", "name": "shop"}, "created_at": "2012-01-01T12:00:00Z", "id": "t1", "owner": user("me@example.com"),
           "recipient": user("you@example.com"), "state": state, "updated_at": "2012-01-01T12:00:00Z"})
}

#[test]
fn an_offer_and_its_answers_are_sent_as_they_are_meant() {
    let server = Server::with(vec![
        ("POST /account/app-transfers", transfer("pending")),
        ("PATCH /account/app-transfers/shop", transfer("accepted")),
        ("DELETE /account/app-transfers/shop", transfer("pending")),
    ]);
    let home = Home::at(&server);
    let said = home.mypaas(&["apps:transfer", "you@example.com"]);
    let expected = "Offering ⬢ shop to you@example.com... done, pending\nIt is theirs when they accept it: mypaas apps:transfers:accept shop\n";
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "", expected));
    assert_eq!(server.request("POST /account/app-transfers").body, r#"{"app":"shop","recipient":"you@example.com"}"#);
    assert_eq!(home.mypaas(&["apps:transfers:decline", "shop"]).err, "Declining ⬢ shop... done\n");
    assert_eq!(server.request("PATCH /account/app-transfers/shop").body, r#"{"state":"declined"}"#);
    let said = home.mypaas(&["apps:transfers:accept", "shop"]);
    assert_eq!(said.err, "Accepting ⬢ shop... done, it is yours; me@example.com still works on it\n");
    assert_eq!(home.mypaas(&["apps:transfers:cancel", "shop"]).status, 0);
    assert_eq!(server.calls().last().unwrap(), "DELETE /account/app-transfers/shop");
}

#[test]
fn somebody_who_has_no_account_cannot_be_given_anything() {
    let home = Home::at(&Server::start(|_, _| error(404, r#"{"id":"not_found","resource":"user","message":"Couldn't find that user."}"#)));
    for command in [["apps:transfer", "eve@example.com"], ["access:add", "eve@example.com"]] {
        let said = home.mypaas(&command);
        assert_eq!(said.status, 1);
        let hint = "hint: nobody is invited by mail: an admin of the server makes an account first, with `mypaasd account:create EMAIL`\n";
        assert!(said.err.ends_with(&format!("Error: Couldn't find that user.\n{hint}")), "{}", said.err);
    }
}

#[test]
fn a_webhooks_secret_is_the_only_data() {
    let webhook = json!({"app": {"id": "1", "name": "shop"}, "created_at": "2012-01-01T12:00:00Z", "id": "w1", "include": ["api:release"], "level": "sync",
                         "updated_at": "2012-01-01T12:00:00Z", "url": "https://me:pass@example.com/hooks"});
    let server = Server::start(move |_, _| answer(&webhook).with("heroku-webhook-secret", "5e1f2ab9c0"));
    let home = Home::at(&server);
    let said = home.mypaas(&["webhooks:add", "-i", "api:release,api:build", "-i", "api:app", "-l", "sync", "-u", "https://me:pass@example.com/hooks"]);
    assert_eq!((said.status, said.out.as_str()), (0, "5e1f2ab9c0\n"));
    assert!(said.err.starts_with("Adding a webhook to ⬢ shop... done, w1\n") && !said.err.contains("pass"), "{}", said.err);
    let expected = r#"{"include":["api:release","api:build","api:app"],"level":"sync","url":"https://me:pass@example.com/hooks"}"#;
    assert_eq!(server.request("POST /apps/shop/webhooks").body, expected);
    // What is not given is not touched.
    home.mypaas(&["webhooks:update", "w1", "-l", "notify"]);
    assert_eq!(server.request("PATCH /apps/shop/webhooks/w1").body, r#"{"level":"notify"}"#);
    let said = home.mypaas(&["webhooks:update", "w1"]);
    assert_eq!((said.status, said.err.as_str()), (2, "Error: Say what to change, with -i, -l or -u.\n"));
}

#[test]
fn the_last_changes_of_one_app_or_of_all() {
    let event = |n: u32, app: Option<&str>, status: Option<u16>| {
        json!({"action": "PATCH /apps/{app}", "actor": "me@example.com", "app": app, "created_at": format!("2012-01-01T12:00:0{n}Z"), "credential": null,
               "detail": null, "id": n.to_string(), "request_id": "r", "source": null, "status": status})
    };
    let events = json!([event(3, Some("blog"), None), event(1, Some("shop"), Some(200)), event(2, None, Some(403)), event(4, Some("shop"), Some(422))]);
    let home = Home::at(&Server::with(vec![("GET /mypaas/audit-events", events)]));
    let row = |n: u32, app: &str, status: &str| format!("2012-01-01T12:00:0{n}Z  me@example.com  -  {app:<4}  {status:<3}  PATCH /apps/{{app}}\n");
    assert_eq!(home.mypaas(&["admin:audit", "-n", "3"]).out, row(2, "-", "403") + &row(3, "blog", "-") + &row(4, "shop", "422"));
    assert_eq!(home.mypaas(&["admin:audit", "shop"]).out, row(1, "shop", "200") + &row(4, "shop", "422"));
    let said = home.mypaas(&["admin:audit", "none"]);
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "", "Nothing was changed.\n"));
}
