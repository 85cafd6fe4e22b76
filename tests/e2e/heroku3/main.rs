//! The `heroku3` package of PyPI, unmodified, through its own journey.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use e2e::{Answer, Installation};

const VERSION: &str = "5.2.1";

/// A Python with the package, made once: it stays below `target`.
fn python(installation: &Installation) -> PathBuf {
    let folder = installation.source("target").join(format!("heroku3-{VERSION}"));
    let program = folder.join("bin/python");
    if !folder.join("bin/installed").exists() {
        let venv: Answer = Command::new("python3").args(["-m", "venv", "--clear", "--"]).arg(&folder).output().unwrap().into();
        venv.ok();
        let package = format!("heroku3=={VERSION}");
        // It needs `six` and does not say so.
        let pip = Command::new(&program).args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--", &package, "six==1.17.0"]).output();
        Answer::from(pip.unwrap()).ok();
        std::fs::write(folder.join("bin/installed"), "").unwrap();
    }
    program
}

#[test]
#[ignore = "needs a running installation: tests/run"]
fn the_python_package_does_its_days_work() {
    let installation = Installation::new();
    let repository = installation.inline("web: node server.js\n", "true");
    repository.write("server.js", "require('http').createServer((_, answer) => answer.end('hello')).listen(process.env.PORT)\n");
    repository.commit("A server");
    let app = repository.create();
    repository.push().ok();
    let env = installation.env();
    let email = repository.mypaas(&["whoami"]).ok().stdout.trim().to_owned();
    let answer: Answer = Command::new(python(&installation))
        .arg(installation.source("tests/e2e/heroku3/journey.py"))
        .arg(&app.name)
        .env_clear()
        // Not the variables that its HTTP library would heed.
        .envs([("SERVER", &env["MYPAAS_SERVER"]), ("TOKEN", &env["MYPAAS_TOKEN"]), ("CA", &env["MYPAAS_CA"]), ("EMAIL", &email)])
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into();
    assert_eq!(answer.ok().stdout.trim().lines().last(), Some("done"));
}
