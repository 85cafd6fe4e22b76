use serde_json::json;

use crate::bodies;
use crate::support::{Home, Server};

#[test]
fn dynos_are_grouped_and_say_why_they_wait() {
    let mut waiting = bodies::dyno("web.10", "starting");
    waiting["waiting_for"] = json!("the slug is being fetched");
    let server = Server::with(vec![("GET /apps/shop/dynos", json!([waiting, bodies::dyno("web.2", "up"), bodies::dyno("run.77", "up")]))]);
    let home = Home::at(&server);
    let expected = "=== run: one-off processes (1)\n
run.77 (Standard-1X): up 2012/01/01 12:00:00 +0000: npm start

=== web (Standard-1X): npm start (2)\n
web.2: up 2012/01/01 12:00:00 +0000
web.10: starting 2012/01/01 12:00:00 +0000: the slug is being fetched\n\n";
    assert_eq!(home.mypaas(&["ps"]).out, expected);
    let dynos: serde_json::Value = serde_json::from_str(&home.mypaas(&["ps", "run", "--json"]).out).unwrap();
    assert_eq!(dynos.as_array().unwrap().len(), 1);
    assert_eq!(dynos[0]["name"], "run.77");
}

#[test]
fn scale_shows_and_changes_the_formation() {
    let server = Server::with(vec![
        ("GET /apps/shop/formation", json!([bodies::formation("web", 1), bodies::formation("worker", 0)])),
        ("PATCH /apps/shop/formation", json!([bodies::formation("web", 4), bodies::formation("worker", 0)])),
    ]);
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["ps:scale"]).out, "web=1:Standard-1X worker=0:Standard-1X\n");
    let said = home.mypaas(&["ps:scale", "web=4"]);
    assert_eq!((said.status, said.err.as_str()), (0, "Scaling dynos... done, now running web at 4:Standard-1X\n"));
    assert_eq!(server.request("PATCH /apps/shop/formation").body, r#"{"updates":[{"quantity":4,"type":"web"}]}"#);

    let before = server.calls().len();
    let said = home.mypaas(&["ps:scale", "web=many"]);
    assert_eq!(said.status, 2);
    assert_eq!(said.err, "Error: \"web=many\" is not a change of scale: write web=2, web+1, web-1 or web=1:standard-2x.\n");
    assert_eq!(server.calls().len(), before);
}

#[test]
fn dynos_restart_and_stop() {
    let server = Server::start(|_, _| crate::support::json("{}"));
    let home = Home::at(&server);
    assert_eq!(home.mypaas(&["ps:restart"]).err, "Restarting all dynos on ⬢ shop... done\n");
    assert_eq!(home.mypaas(&["ps:restart", "web.1"]).err, "Restarting dyno web.1 on ⬢ shop... done\n");
    assert_eq!(home.mypaas(&["ps:restart", "web"]).err, "Restarting all web dynos on ⬢ shop... done\n");
    assert_eq!(home.mypaas(&["ps:stop", "run.7"]).err, "Stopping dyno run.7 on ⬢ shop... done\n");
    assert_eq!(
        server.calls(),
        ["DELETE /apps/shop/dynos", "DELETE /apps/shop/dynos/web.1", "DELETE /apps/shop/formations/web", "POST /apps/shop/dynos/run.7/actions/stop"]
    );
}

#[test]
fn waiting_ends_when_every_dyno_runs_the_newest_release() {
    let server = Server::start(|request, before| match request.call.as_str() {
        "GET /apps/shop/releases" => crate::support::json(json!([bodies::release(4, true)])),
        // The first look finds one behind, and a one-off dyno that is not waited for.
        _ => {
            let mut web = bodies::dyno("web.1", "up");
            web["release"]["version"] = json!(if before < 2 { 3 } else { 4 });
            crate::support::json(json!([web, bodies::dyno("run.7", "up")]))
        }
    });
    let home = Home::at(&server);
    let said = home.mypaas(&["ps:wait", "-w", "1"]);
    assert_eq!((said.status, said.err.as_str()), (0, "Waiting for every dyno to be running v4... 1 / 1, done\n"));
    assert_eq!(server.calls().len(), 3);
}

#[test]
fn a_dyno_or_a_type_can_be_named_by_flag_too() {
    let server = Server::start(|_, _| crate::support::json(json!({})));
    let home = Home::at(&server);
    for arguments in [&["ps:restart", "-d", "web.1"][..], &["restart", "-p", "web"], &["kill", "run.7"], &["ps:stop", "-p", "run"]] {
        assert_eq!(home.mypaas(arguments).status, 0, "{arguments:?}");
    }
    let expected = [
        "DELETE /apps/shop/dynos/web.1",
        "DELETE /apps/shop/formations/web",
        "POST /apps/shop/dynos/run.7/actions/stop",
        "POST /apps/shop/formations/run/actions/stop",
    ];
    assert_eq!(server.calls(), expected);
    let said = home.mypaas(&["ps:stop"]);
    assert_eq!((said.status, said.err.lines().next().unwrap()), (2, "Error: DYNO|TYPE is missing."));
    assert_eq!(home.mypaas(&["ps:restart", "web.1", "-p", "web"]).status, 2);
}
