//! What dynos go through besides crashes: preboot, memory, sleep, sizes.

use e2e::{Installation, Load, Repository, eventually};

const SERVER: &str = r#"const http = require("node:http");
const fs = require("node:fs");
const kept = [];
const server = http.createServer((request, response) => {
  const [, what, count] = request.url.split("/");
  if (what === "take") kept.push(Buffer.alloc(Number(count) << 20, 1));
  setTimeout(() => response.end(`${process.env.DYNO} ${process.env.COLOUR ?? "none"} ${fs.readFileSync("version", "utf8")}`), 10);
});
server.listen(process.env.PORT);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"#;

fn web<'a>(installation: &'a Installation, procfile: &str) -> Repository<'a> {
    let repository = installation.inline(procfile, "true");
    repository.write("server.js", SERVER);
    repository.write("version", "one");
    repository.commit("A server");
    repository
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn with_preboot_no_request_is_lost_and_a_release_that_crashes_changes_nothing() {
    let installation = Installation::new();
    let settings = installation.with_settings("[dynos]\ndrain_seconds = 5");
    let repository = web(&installation, "web: node server.js\n");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "web.1 none one");
    repository.mypaas(&["features:enable", "preboot"]).ok();
    let load = Load::on(&app.url, 100);

    repository.mypaas(&["config:set", "COLOUR=blue"]).ok();
    app.page("the page with the new config", |page| page == "web.1 blue one");
    repository.write("version", "two");
    repository.commit("Two");
    repository.push().ok();
    app.page("the page of the new release", |page| page == "web.1 blue two");
    // Before the last generation has drained.
    repository.mypaas(&["ps:restart"]).ok();
    let only = |count: usize| eventually("old dynos are gone", || Some(installation.containers(&app.name)).filter(|found| found.len() == count));
    only(1);
    only(2);
    let last = only(1);

    // One that crashes is seen, and the one before serves on.
    repository.write("server.js", "process.exit(3);\n");
    repository.commit("Crashes");
    repository.push().ok();
    let ps = eventually("a crash in ps", || Some(repository.mypaas(&["ps"]).ok().stdout).filter(|ps| ps.contains("crashed twice, next start in")));
    assert!(ps.contains("the dyno before it serves on"), "{ps}");
    let log = app.log("the crash", |log| log.contains("heroku[web.1]: State changed from starting to crashed"));
    assert!(log.contains("heroku[web.1]: Process exited with status 3"), "{log}");
    let answered = load.answered();
    eventually("more answers", || (load.answered() > answered + 50).then_some(()));
    assert_eq!(app.get("/").1, "web.1 blue two");
    assert!(installation.containers(&app.name).iter().any(|container| last.contains(container)), "the same container as before");

    // And a better one takes its place.
    repository.write("server.js", SERVER);
    repository.write("version", "three");
    repository.commit("Three");
    repository.push().ok();
    app.page("the page of the third release", |page| page == "web.1 blue three");
    only(1);
    let (answered, lost) = load.end();
    assert!(answered > 500, "{answered}");
    assert!(lost.is_empty(), "{} of {answered}: {:?}", lost.len(), lost.first());
    drop(app);
    drop(settings);
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn memory_is_told_and_bounded_and_sizes_and_quotas_hold() {
    let installation = Installation::new();
    let settings = installation.with_settings(
        "[[dyno_size]]\nname = \"Tiny\"\nmemory_mib = 96\ncpu_shares = 512\nprocesses = 64\n\n[dynos]\nmost_per_app = 3\nmemory_mib_per_app = 2048",
    );
    let repository = web(&installation, "web: node server.js\nworker: sleep infinity\n");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "web.1 none one");
    let quota = |container: &str| installation.docker(&["inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", container]).ok().stdout;
    let id = |found: &[String]| found[0].split(' ').next_back().unwrap_or_default().to_owned();
    let before = installation.containers(&app.name);
    repository.mypaas(&["ps:type", "web=tiny"]).ok();
    let tiny = eventually("another container", || Some(installation.containers(&app.name)).filter(|found| found.len() == 1 && *found != before));
    assert_eq!(quota(&id(&tiny)).trim(), format!("{} 64", 2 * 96 * 1024 * 1024));
    assert!(repository.mypaas(&["ps"]).ok().stdout.contains("web (Tiny)"));

    // Quotas, and words that mean nothing: refused, and nothing changed.
    for (words, said) in [
        (["ps:scale", "web=4"], "Cannot scale to 4 dynos in all (an app may have 3)"),
        (["ps:type", "web=performance-m"], "an app may have 2048 MB"),
        (["ps:type", "web=huge"], "No such dyno size: huge"),
        (["ps:scale", "clock=1"], "Couldn't find that process type (clock)"),
        (["ps:scale", "web-7"], "Cannot scale below zero"),
    ] {
        let refused = repository.mypaas(&words).refused();
        assert!(refused.contains(said), "{words:?}: {refused}");
    }
    assert_eq!(installation.containers(&app.name), tiny);

    repository.mypaas(&["labs:enable", "log-runtime-metrics"]).ok();
    app.page("the page of the tiny dyno", |page| page == "web.1 none one");
    app.get("/take/110");
    let log = app.log("R14 and metrics", |log| log.contains("Error R14 (Memory quota exceeded)") && log.contains("sample#memory_total="));
    assert!(log.contains("heroku[web.1]: Process running mem=") && log.contains("sample#memory_quota=96.00MB") && log.contains("sample#load_avg_1m="), "{log}");
    app.get("/take/200");
    let log = app.log("R15", |log| log.contains("Error R15 (Memory quota vastly exceeded)"));
    assert!(log.contains("heroku[web.1]: State changed from up to crashed"), "{log}");
    app.page("the page of a dyno started again", |page| page == "web.1 none one");
    drop(app);
    drop(settings);
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn an_eco_dyno_sleeps_and_the_next_request_waits_for_it() {
    let installation = Installation::new();
    let settings = installation.with_settings("[dynos]\nsleep_after_seconds = 8");
    let repository = web(&installation, "web: node server.js\n");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "web.1 none one");
    repository.mypaas(&["ps:type", "web=eco"]).ok();
    eventually("it is up as one that sleeps", || {
        let ps = repository.mypaas(&["ps"]).ok().stdout;
        (ps.contains("web (Eco)") && ps.contains("web.1: up")).then_some(())
    });
    app.page("the page of one that sleeps", |page| page == "web.1 none one");
    eventually("it sleeps", || installation.containers(&app.name).is_empty().then_some(()));
    let ps = eventually("ps says so", || Some(repository.mypaas(&["ps"]).ok().stdout).filter(|ps| ps.contains("web.1: idle")));
    assert!(ps.contains("asleep until the next request"), "{ps}");
    assert_eq!(app.get("/"), (200, "web.1 none one".to_owned()), "the first request after it waits for the boot");
    let log = app.log("all of it", |log| log.contains("heroku[web.1]: Unidling"));
    for line in ["Idling", "State changed from up to down", "State changed from down to starting"] {
        assert!(log.contains(&format!("heroku[web.1]: {line}")), "{line}: {log}");
    }
    drop(app);
    drop(settings);
}
