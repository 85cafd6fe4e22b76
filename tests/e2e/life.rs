//! Dynos that crash, never bind, are slow, and outlive the server.

use std::{process::Command, thread, time::Duration};

use e2e::{Installation, eventually};

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_crash_is_told_and_healed() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "Hello from web.1\n");
    let before = installation.containers(&app.name);
    app.get("/crash");
    let log = app.log("the crash", |log| log.contains("heroku[web.1]: State changed from up to crashed"));
    assert!(log.contains("heroku[web.1]: Process exited with status 1"), "{log}");
    app.page("the page after the first crash", |page| page == "Hello from web.1\n");
    assert_ne!(installation.containers(&app.name), before, "a new container");

    // The second crash in a row waits, and the router says H10 meanwhile.
    app.get("/crash");
    let ps = eventually("a crashed dyno", || {
        let ps = repository.mypaas(&["ps"]).ok().stdout;
        ps.contains("crashed").then_some(ps)
    });
    assert!(ps.contains("crashed twice, next start in"), "{ps}");
    assert_eq!(eventually("H10", || Some(app.get("/").0).filter(|status| *status == 503)), 503);
    app.log("the router's line", |log| log.contains("at=error code=H10 desc=\"App crashed\" method=GET path=\"/\""));

    // A restart that somebody asks for does not wait.
    repository.mypaas(&["ps:restart"]).ok();
    app.page("the page after the restart", |page| page == "Hello from web.1\n");

    repository.mypaas(&["ps:scale", "web=0"]).ok();
    eventually("H14", || Some(app.get("/").0).filter(|status| *status == 503));
    app.log("the router's line", |log| log.contains("code=H14 desc=\"No web processes running\""));
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn dynos_outlive_the_server_and_are_adopted() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    repository.push().ok();
    repository.mypaas(&["ps:scale", "web=2"]).ok();
    eventually("two dynos", || (installation.containers(&app.name).len() == 2).then_some(()));
    app.page("the first page", |page| page.starts_with("Hello from web."));
    let before = installation.containers(&app.name);

    for signal in ["-TERM", "-KILL"] {
        let pid = installation.env()["MYPAASD_PID"].clone();
        assert!(Command::new("kill").args([signal, "--", &pid]).status().unwrap().success());
        eventually("the server to be gone", || (!Command::new("kill").args(["-0", "--", &pid]).status().unwrap().success()).then_some(()));
        assert_eq!(installation.containers(&app.name), before, "stopping the server ({signal}) leaves dynos running");
        installation.quickstart().ok();
        app.page("the page after the restart", |page| page.starts_with("Hello from web."));
        assert_eq!(installation.containers(&app.name), before, "starting the server adopts them");
    }
    app.log("lines from before the restart", |log| log.contains("app[web.2]: listening on"));
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn a_request_that_takes_too_long_is_h12() {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    repository.push().ok();
    app.page("the first page", |page| page == "Hello from web.1\n");
    let (slow, app) = (format!("{}/slow?for=40s", app.url), app);
    let waiting = thread::spawn(move || Installation::new().get(&slow));
    assert_eq!(app.get("/slow?for=2s"), (200, "at last\n".to_owned()), "others are not held up");
    assert_eq!(waiting.join().unwrap().0, 503);
    let log = app.log("the router's line", |log| log.contains("code=H12"));
    assert!(log.contains("at=error code=H12 desc=\"Request timeout\" method=GET path=\"/slow?for=40s\""), "{log}");
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn an_app_that_never_comes_up_says_why() {
    let installation = Installation::new();
    let repository = installation.repository("node-crash");
    let app = repository.create();
    repository.push().ok();
    app.log("the crash", |log| log.contains("heroku[web.1]: Process exited with status 7"));
    app.log("the app's last words", |log| log.contains("app[web.1]: Error: this app crashes when it starts"));

    // One that runs and never binds its port: R10 after a minute.
    repository.write("server.js", "setInterval(() => {}, 1000);\n");
    repository.commit("Never binds");
    repository.push().ok();
    thread::sleep(Duration::from_secs(55)); // The boot limit is a real minute here; the short form is a unit test.
    let log = app.log("R10", |log| log.contains("Error R10 (Boot timeout)"));
    assert!(log.contains("heroku[web.1]: State changed from starting to crashed"), "{log}");
}
