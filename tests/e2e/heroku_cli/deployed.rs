//! An app that runs: a push through the credential helper, dynos, one-off dynos, logs, releases.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use e2e::{Answer, eventually};

use crate::driver::Heroku;

fn push(heroku: &mut Heroku<'_>) {
    heroku.says("config:set GREETING=Servus -a APP", &["v3"]);
    heroku.says("git:remote -a APP", &["set git remote heroku"]);
    let push = heroku.command(Path::new("git")).args(["push", "heroku", "main"]).output().unwrap();
    let said = Answer::from(push).ok().stderr;
    assert!(said.contains("remote: Verifying deploy... done."), "{said}");
    heroku.until_up("web", 1);
    let url = heroku.ask("/apps/APP")["web_url"].as_str().unwrap().to_owned();
    let page = eventually("the page", || Some(heroku.installation.get(&url)).filter(|(status, _)| *status == 200)).1;
    heroku.holds("the config var and the dyno are in the page", page == "Servus from web.1\n");
}

fn lead_to_it(heroku: &mut Heroku<'_>) {
    heroku.says("domains:add live.APP.example.com -a APP", &["done"]);
    let url = heroku.ask("/apps/APP")["web_url"].as_str().unwrap().to_owned();
    let folder = format!("HOME/cloned-{}", heroku.app);
    let host = format!("host: live.{}.example.com", heroku.app);
    eventually("the domain leads to the app", || {
        let by_domain = Command::new("curl").args(["-sS", "-H", &host, "--", &url]).output().unwrap();
        (Answer::from(by_domain).stdout == "Servus from web.1\n").then_some(())
    });
    heroku.says(&format!("git:clone {folder} -a APP"), &["Cloning"]);
    let fits = heroku.home().join(format!("cloned-{}", heroku.app)).join("server.js").exists();
    heroku.holds("the clone has the source", fits);
}

pub(crate) fn scale(heroku: &mut Heroku<'_>) {
    push(heroku);
    lead_to_it(heroku);
    heroku.says("ps -a APP", &["=== web (Standard-1X): node server.js (1)", "web.1: up"]);
    heroku.says("ps web -a APP", &["web.1: up"]);
    heroku.says("ps -a APP --json", &["\"name\": \"web.1\"", "\"state\": \"up\""]);
    heroku.says("ps:scale -a APP", &["web=1:Standard-1X", "worker=0:Standard-1X"]);
    heroku.says("ps:scale web=2 -a APP", &["web at 2:Standard-1X"]);
    heroku.until_up("web", 2);
    heroku.says("ps:scale web=1 worker=1 -a APP", &["web at 1:Standard-1X", "worker at 1:Standard-1X"]);
    heroku.until_up("worker", 1);
    heroku.says("ps:scale worker+1 -a APP", &["worker at 2:Standard-1X"]);
    heroku.is("/apps/APP/formation/worker", "/quantity", 2);
    heroku.says("ps:scale worker-2 -a APP", &["worker at 0:Standard-1X"]);
    heroku.says("scale web=1:basic -a APP", &["web at 1:Basic"]);
    heroku.is("/apps/APP/formation/web", "/size", "Basic");
    heroku.says("ps:type -a APP", &["Standard-1X", "web"]);
    heroku.says("ps:type web=standard-2x -a APP", &["Standard-2X"]);
    heroku.is("/apps/APP/formation/web", "/size", "Standard-2X");
    heroku.says("ps:type standard-1x -a APP", &["Standard-1X"]);
    heroku.says("resize basic -a APP", &["Basic"]);
    heroku.is("/apps/APP/formation/worker", "/size", "Basic");
    // The command line takes what it cannot read for the question how it stands.
    heroku.says("ps:scale web=many -a APP", &["web=1:Basic"]);
    heroku.fails("ps:scale nosuch=1 -a APP", 2, &["Couldn't find that"]);
    heroku.fails("ps:type web=huge -a APP", 2, &["No such dyno size: huge", "invalid_params"]);
    heroku.until_up("web", 1);
    heroku.says("ps:wait -a APP", &[]);
}

fn restart_and_stop(heroku: &mut Heroku<'_>) {
    for words in ["ps:restart -a APP", "ps:restart --dyno-name web.1 -a APP", "ps:restart --process-type web -a APP", "restart web.1 -a APP"] {
        heroku.until_up("web", 1);
        let before = heroku.ask("/apps/APP/dynos")[0]["id"].clone();
        heroku.says(words, &["Restarting", "done"]);
        eventually("another dyno is up", || (heroku.ask("/apps/APP/dynos")[0]["id"] != before).then_some(()));
    }
    heroku.until_up("web", 1);
    let before = heroku.ask("/apps/APP/dynos")[0]["id"].clone();
    heroku.says("ps:stop --dyno-name web.1 -a APP", &["Stopping", "done"]);
    eventually("it is another one", || (heroku.ask("/apps/APP/dynos")[0]["id"] != before).then_some(()));
    heroku.until_up("web", 1);
}

pub(crate) fn run(heroku: &mut Heroku<'_>) {
    push(heroku);
    heroku.says("run -a APP --no-tty -- echo hello", &["hello"]);
    heroku.fails("run -a APP --exit-code -- env --nosuch", 125, &["exited with code 125"]);
    heroku.says("run -a APP --exit-code -- true", &[]);
    heroku.says("run -a APP -e WHO=me;AND=you -- printenv WHO AND", &["me", "you"]);
    heroku.says("run -a APP --size standard-1x -- printenv DYNO", &["run."]);
    heroku.says("run -a APP --type worker -- printenv DYNO", &["worker."]);
    let mut child = heroku.heroku("run -a APP --no-tty -- wc -c").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&[b'x'; 10_000]).unwrap();
    let answer: Answer = child.wait_with_output().unwrap().into();
    heroku.check("run -- wc -c", &answer, Some(0), &["10000"]);
    let script = ["-qefc", "heroku run -a \"$APP\" -- 'test -t 0 && echo a terminal of $(tput cols)'", "/dev/null"];
    let app = heroku.app.clone();
    let answer = heroku.command(Path::new("script")).args(script).env("APP", app).env("TERM", "xterm").output().unwrap();
    heroku.check("run in a terminal", &answer.into(), Some(0), &["a terminal of "]);
    heroku.says("run:detached -a APP -- sleep 600", &["run.", "heroku logs"]);
    let dynos = heroku.ask("/apps/APP/dynos");
    let detached = dynos.as_array().unwrap().iter().find(|dyno| dyno["command"] == "sleep 600").map(|dyno| dyno["name"].as_str().unwrap().to_owned());
    heroku.holds("the detached dyno runs on", detached.is_some());
    let name = detached.unwrap_or_default();
    heroku.says("ps -a APP --extended", &[]);
    heroku.says(&format!("ps:stop --dyno-name {name} -a APP"), &["done"]);
    eventually("it has ended", || heroku.ask("/apps/APP/dynos").as_array().unwrap().iter().all(|dyno| dyno["name"] != name.as_str()).then_some(()));
    logs(heroku);
}

fn logs(heroku: &mut Heroku<'_>) {
    let url = heroku.ask("/apps/APP")["web_url"].as_str().unwrap().to_owned();
    heroku.installation.get(&format!("{url}log?line=a-line-of-mine"));
    eventually("the line is in the log", || {
        let said: Answer = heroku.heroku("logs -a APP").output().unwrap().into();
        said.stdout.contains("a-line-of-mine").then_some(())
    });
    heroku.says("logs -a APP -n 1500", &["app[api]: Release v1 created by user", "heroku[router]: at=info method=GET", "app[web.1]: a-line-of-mine"]);
    let own = heroku.says("logs -a APP --source app -n 1500", &["app[web.1]"]).stdout;
    heroku.holds("only the app's lines", !own.contains("heroku["));
    let router = heroku.says("logs -a APP --dyno-name router -n 1500", &["heroku[router]"]).stdout;
    heroku.holds("only the router's lines", !router.contains("app["));
    let web = heroku.says("logs -a APP --process-type web -n 1500", &["app[web.1]"]).stdout;
    heroku.holds("only web's lines", !web.contains("[router]") && !web.contains("[api]"));
    let one = heroku.says("logs -a APP -n 1 --no-color", &[]).stdout;
    heroku.holds("one line", one.trim().lines().count() == 1);
    heroku.tails("logs -a APP --tail", "a-line-of-mine");
}

pub(crate) fn releases(heroku: &mut Heroku<'_>) {
    push(heroku);
    restart_and_stop(heroku);
    heroku.says("releases -a APP", &["=== APP Releases - Current: v4", "Deploy", "Set GREETING config vars"]);
    heroku.says("releases -a APP --json", &["\"version\": 4", "\"status\": \"succeeded\""]);
    heroku.says("releases -a APP -n 2", &["v4", "v3"]);
    heroku.says("releases:info -a APP", &["=== Release v4", "Deploy"]);
    heroku.says("releases:info v3 -a APP", &["=== Release v3", "Set GREETING config vars"]);
    heroku.says("releases:info v3 -a APP --json", &["\"version\": 3"]);
    heroku.says("releases:info v3 -a APP --shell", &["GREETING=Servus"]);
    heroku.says("releases:output -a APP", &["has no release output"]);
    heroku.fails("releases:info v999 -a APP", 2, &["Couldn't find that release."]);
    heroku.says("config:set GREETING=Moin -a APP", &["v5"]);
    heroku.says("rollback -a APP", &["Rolling back APP to v4", "done, v6"]);
    heroku.is("/apps/APP/config-vars", "/GREETING", "Servus");
    heroku.is("/apps/APP/releases", "/0/description", "Rollback to v4");
    heroku.says("releases:rollback v5 -a APP", &["Rolling back APP to v5", "done, v7"]);
    heroku.is("/apps/APP/config-vars", "/GREETING", "Moin");
    heroku.until_up("web", 1);
    let url = heroku.ask("/apps/APP")["web_url"].as_str().unwrap().to_owned();
    eventually("the page of the release gone back to", || (heroku.installation.get(&url).1 == "Moin from web.1\n").then_some(()));
    heroku.fails("rollback v1 -a APP", 2, &[]);
}
