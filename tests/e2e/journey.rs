//! A developer's first hour, from create to destroy, against real Docker.

use std::collections::BTreeSet;

use e2e::{Installation, eventually};

#[test]
#[ignore = "needs a running installation: tests/run"]
fn from_create_to_destroy() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();

    // Nothing was pushed yet.
    eventually("the page of an app without code", || Some(app.get("/")).filter(|(status, page)| *status == 503 && page.contains("Nothing here yet")));

    // A push builds, releases, and answers.
    let push = repository.push().ok().stderr;
    for words in [
        "remote: -----> Building on the Heroku-24 stack",
        "remote: -----> Node.js app detected",
        "remote: -----> Discovering process types",
        "remote:        Procfile declares types -> web, worker",
        "remote: -----> Compressing...",
        "remote:        Released v3",
        &format!("remote:        {}/ deployed to mypaas", app.url),
        "remote: Verifying deploy... done.",
        "* [new branch]      main -> main",
    ] {
        assert!(push.contains(words), "the push does not say {words:?}:\n{push}");
    }
    app.page("the first page", |page| page == "Hello from web.1\n");
    assert!(repository.push().ok().stderr.contains("Everything up-to-date"));

    // A connection that switches protocols is a tunnel, logged when it closes.
    assert_eq!(app.tunnel("/live", b"hello through the tunnel"), b"hello through the tunnel");
    app.log("the tunnel's line", |log| log.contains("path=\"/live\"") && log.contains("status=101"));

    // Four dynos, all of which answer.
    repository.mypaas(&["ps:scale", "web=4", "worker=1"]).ok();
    let mut seen = BTreeSet::new();
    eventually("four dynos answering", || {
        seen.insert(app.get("/").1);
        (seen.len() == 4).then_some(())
    });
    let four: Vec<String> = (1..=4).map(|i| format!("Hello from web.{i}\n")).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), four);
    let ps = repository.mypaas(&["ps"]).ok().stdout;
    assert!(ps.contains("web.4") && ps.contains("worker.1"), "{ps}");
    repository.mypaas(&["ps:scale", "web-3", "worker=0"]).ok();
    eventually("one container left", || (installation.containers(&app.name).len() == 1).then_some(()));

    // Config is a release, and rollback takes code and config back together.
    repository.mypaas(&["config:set", "GREETING=Good day", "SECRET=tr0ub4dor&3"]).ok();
    app.page("the new greeting", |page| page == "Good day from web.1\n");
    assert_eq!(repository.mypaas(&["config:get", "GREETING"]).ok().stdout, "Good day\n");
    let releases = repository.mypaas(&["releases"]).ok().stdout;
    assert!(releases.contains("v4") && releases.contains("Set GREETING, SECRET config vars"), "{releases}");
    repository.mypaas(&["rollback"]).ok();
    app.page("the old greeting", |page| page == "Hello from web.1\n");
    assert!(!repository.mypaas(&["config"]).ok().stdout.contains("GREETING"));

    // The log tells all of it.
    let log = app.log("the router's line", |log| log.contains("heroku[router]: at=info method=GET path=\"/\""));
    for words in [
        "app[api]: Release v3 created by user",
        "heroku[web.1]: Starting process with command `node server.js`",
        "heroku[web.1]: State changed from starting to up",
        "app[web.1]: listening on",
        "app[worker.1]: working",
        "dyno=web.1",
        "status=200",
    ] {
        assert!(log.contains(words), "the log does not say {words:?}:\n{log}");
    }
    assert!(!log.contains("tr0ub4dor"), "a secret is in the log");
    app.get("/log?line=from-the-app");
    app.log("the app's own line", |log| log.contains("app[web.1]: from-the-app"));

    // One-off dynos: exit code, environment, bytes in and out exactly.
    let run = repository.mypaas(&["run", "--", "echo $DYNO; exit 3"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stdout.starts_with("run."), "{run:?}");
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes()).filter(|byte| *byte != 4).collect();
    let echoed = installation.mypaas_fed(repository.path(), &["run", "--no-tty", "--", "cat"], &bytes);
    assert!(echoed.stdout == bytes, "{} bytes went in, {} came out: {}", bytes.len(), echoed.stdout.len(), String::from_utf8_lossy(&echoed.stderr));

    // Gone.
    let mistyped = repository.mypaas(&["destroy", "--confirm", "another"]).refused();
    assert!(mistyped.contains(&app.name), "{mistyped}");
    repository.mypaas(&["destroy", "--confirm", &app.name]).ok();
    eventually("no container left", || installation.containers(&app.name).is_empty().then_some(()));
    assert_eq!(app.get("/").0, 404);
    assert!(repository.mypaas(&["info", "-a", &app.name]).refused().contains("Couldn't find that app."));
}
