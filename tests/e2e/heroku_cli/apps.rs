//! Apps before anything is deployed: names, config vars, domains, features, buildpacks, stacks.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
};

use e2e::Answer;

use crate::driver::Heroku;

pub(crate) fn create(heroku: &mut Heroku<'_>) {
    let number = std::process::id();
    for (name, words) in [
        (format!("hk-json-{number}"), "apps:create APP --no-remote --json"),
        (format!("hk-stack-{number}"), "apps:create APP --no-remote --stack heroku-24 --region us"),
        (format!("hk-pack-{number}"), "apps:create APP --no-remote --buildpack heroku/nodejs"),
    ] {
        heroku.app = name;
        heroku.says(words, &["APP"]);
        heroku.is("/apps/APP", "/build_stack/name", "heroku-24");
        if words.contains("buildpack") {
            heroku.is("/apps/APP/buildpack-installations", "/0/buildpack/name", "heroku/nodejs");
        }
        heroku.says("destroy -a APP --confirm APP", &["done"]);
        heroku.is("/apps/APP", "/resource", "app");
    }
    let created = heroku.says("create", &["Creating app", "done"]).stdout;
    let git = created.split_whitespace().find(|word| word.ends_with(".git")).expect("it prints the git URL");
    heroku.app = git.rsplit('/').next().unwrap().trim_end_matches(".git").to_owned();
    heroku.fails("apps:create APP --no-remote", 2, &["Name is already taken"]);
    heroku.fails("apps:create Not_A_Name --no-remote", 2, &["Name must start with a letter"]);
    heroku.says("apps", &["APP"]);
    heroku.says("apps --json", &["APP"]);
    heroku.says("apps --all", &["APP"]);
    heroku.says("apps:info -a APP", &["=== APP", "heroku-24", "Git URL"]);
    heroku.says("info", &["=== APP"]);
    heroku.says("apps:info APP --json", &["\"name\": \"APP\"", "\"collaborators\""]);
    heroku.says("apps:info -a APP --shell", &["git_url=http", "/APP.git", "stack=heroku-24"]);
    heroku.says("git:remote -a APP -r other", &["set git remote other to https://"]);
    heroku.says("git:remote -a APP", &["set git remote heroku to https://"]);
    heroku.says("access -a APP", &["owner"]);
    heroku.says("access -a APP --json", &["\"owner\""]);
    rename(heroku);
    heroku.says("apps:destroy -a APP --confirm APP", &["Destroying", "done"]);
    heroku.is("/apps/APP", "/id", "not_found");
}

pub(crate) fn config(heroku: &mut Heroku<'_>) {
    heroku.says("config -a APP", &["=== APP Config Vars"]);
    heroku.says("config:set GREETING=Servus NAME=a␣b␣=␣c -a APP", &["Setting GREETING, NAME", "v3", "Servus"]);
    heroku.is("/apps/APP/config-vars", "/NAME", "a b = c");
    heroku.says("config -a APP", &["GREETING", "Servus"]);
    heroku.says("config -a APP --json", &["\"NAME\": \"a b = c\""]);
    heroku.says("config -a APP --shell", &["GREETING=Servus", "NAME='a b = c'"]);
    heroku.says("config:get NAME -a APP", &["a b = c"]);
    heroku.says("config:get NAME -a APP --shell", &["NAME='a b = c'"]);
    heroku.fails("config:set $(touch␣x)=1 -a APP", 2, &[]);
    heroku.says("config:set UTF=⬢ -a APP", &["v4"]);
    heroku.is("/apps/APP/config-vars", "/UTF", "⬢");
    heroku.says("config:unset UTF NAME -a APP", &["Unsetting", "v5"]);
    heroku.is("/apps/APP/config-vars", "", serde_json::json!({"GREETING": "Servus"}));
    heroku.says("config:remove NO_SUCH -a APP", &[]);
    edit(heroku);
}

/// In an editor, and with a question in a terminal.
fn edit(heroku: &mut Heroku<'_>) {
    let _ = heroku.heroku("config:edit -a APP");
    let app = heroku.app.clone();
    // The client takes a program's name, and no arguments.
    let editor = heroku.home().join("editor");
    fs::write(&editor, "#!/bin/sh\nexec sed -i s/Servus/Moin/ \"$1\"\n").expect("a file is written");
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).expect("it is made a program");
    let editor = editor.to_str().expect("the path is text").to_owned();
    let script = ["-qefc", "heroku config:edit -a \"$APP\"", "/dev/null"];
    let mut child = heroku
        .command(Path::new("script"))
        .args(script)
        .envs([("APP", app.as_str()), ("TERM", "xterm"), ("EDITOR", editor.as_str()), ("VISUAL", editor.as_str())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (mut said, mut answered) = (String::new(), false);
    let mut stdout = child.stdout.take().unwrap();
    let mut buffer = [0; 4096];
    // Answers what is asked, once it is.
    while let Ok(read @ 1..) = stdout.read(&mut buffer) {
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if said.contains("with these values?") && !answered {
            stdin.write_all(b"y\n").unwrap();
            answered = true;
        }
    }
    let mut answer: Answer = child.wait_with_output().unwrap().into();
    answer.stdout = said;
    heroku.check("config:edit", &answer, Some(0), &["Config Diff:"]);
    heroku.is("/apps/APP/config-vars", "/GREETING", "Moin");
}

pub(crate) fn drains(heroku: &mut Heroku<'_>) {
    let url = "https://ann:secret@logs.example.com/in";
    heroku.says("drains -a APP", &[]);
    heroku.says("drains:add https://ann:secret@logs.example.com/in -a APP", &["Successfully added drain", url]);
    heroku.is("/apps/APP/log-drains", "/0/url", url);
    heroku.fails("drains:add https://ann:secret@logs.example.com/in -a APP", 2, &["Url has already been taken"]);
    heroku.fails("drains:add ftp://logs.example.com -a APP", 2, &["Url is invalid."]);
    heroku.says("drains -a APP --json", &["\"token\": \"d."]);
    heroku.says("drains:add syslog+tls://logs.example.com:6514 -a APP", &["Successfully added drain"]);
    heroku.says("drains -a APP --extended", &["=== Drains", url, "syslog+tls://logs.example.com:6514 (d."]);
    heroku.says("drains:remove https://ann:secret@logs.example.com/in -a APP", &["Successfully removed drain"]);
    heroku.is("/apps/APP/log-drains", "/0/url", "syslog+tls://logs.example.com:6514");
    let token = heroku.ask("/apps/APP/log-drains")[0]["token"].as_str().unwrap().to_owned();
    heroku.says(&format!("drains:remove {token} -a APP"), &["Successfully removed drain"]);
    heroku.fails("drains:remove https://logs.example.com -a APP", 2, &["Couldn't find that log drain."]);
}

pub(crate) fn domains(heroku: &mut Heroku<'_>) {
    let app = heroku.app.clone();
    let (www, wild) = (format!("www.{app}.example.com"), format!("*.wild.{app}.example.com"));
    heroku.says("domains -a APP", &["=== APP Heroku Domain", "APP.localhost"]);
    heroku.says("domains:add www.APP.example.com -a APP", &["Adding www.APP.example.com", "done", "APP.localhost"]);
    heroku.is(&format!("/apps/APP/domains/{www}"), "/kind", "custom");
    heroku.says("domains:add *.wild.APP.example.com -a APP --json", &["\"kind\": \"custom\""]);
    heroku.says("domains -a APP", &[&www, &wild]);
    heroku.says("domains -a APP --json", &["\"cname\"", &wild]);
    heroku.says("domains --csv -a APP", &[&www]);
    heroku.says("domains:info www.APP.example.com -a APP", &["hostname", &www]);
    heroku.says("domains:wait www.APP.example.com -a APP", &[]);
    heroku.says("domains:wait -a APP", &[]);
    for (words, why) in [
        ("domains:add www.APP.example.com -a APP", "was already added to this app"),
        ("domains:add APP.localhost -a APP", "is not one that a single app can have"),
        ("domains:add com -a APP", "is not one that a single app can have"),
        ("domains:add *.co.uk -a APP", "is not one that a single app can have"),
        ("domains:add 127.0.0.1 -a APP", "is not one that a single app can have"),
        ("domains:add a␣b.example.com -a APP", "is not a valid hostname"),
        ("domains:add münchen.example -a APP", "xn--"),
        ("domains:remove APP.localhost -a APP", "cannot be removed"),
        ("domains:remove none.example.com -a APP", "Couldn't find that domain."),
        ("domains:info none.example.com -a APP", "Couldn't find that domain."),
    ] {
        heroku.fails(words, 2, &[why]);
    }
    heroku.says("domains:remove www.APP.example.com -a APP", &["Removing", "done"]);
    heroku.is(&format!("/apps/APP/domains/{www}"), "/resource", "domain");
    heroku.says("domains:clear -a APP", &["done"]);
    let fits = heroku.ask("/apps/APP/domains").as_array().unwrap().len() == 1;
    heroku.holds("only the app's own domain is left", fits);
}

pub(crate) fn features(heroku: &mut Heroku<'_>) {
    heroku.says("features -a APP", &["preboot"]);
    heroku.says("features -a APP --json", &["\"name\": \"preboot\""]);
    heroku.says("features:enable preboot -a APP", &["done"]);
    heroku.is("/apps/APP/features/preboot", "/enabled", true);
    heroku.says("features:info preboot -a APP", &["Enabled", "true"]);
    heroku.says("features:info preboot -a APP --json", &["\"enabled\": true"]);
    heroku.says("features:disable preboot -a APP", &["done"]);
    heroku.is("/apps/APP/features/preboot", "/enabled", false);
    heroku.fails("features:enable no-such-feature -a APP", 2, &["Couldn't find that"]);
    heroku.says("labs -a APP", &["log-runtime-metrics"]);
    heroku.says("labs -a APP --json", &["log-runtime-metrics"]);
    heroku.says("labs:enable log-runtime-metrics -a APP", &["done"]);
    heroku.is("/apps/APP/features/log-runtime-metrics", "/enabled", true);
    heroku.says("labs:info log-runtime-metrics -a APP", &["log-runtime-metrics"]);
    heroku.says("labs:disable log-runtime-metrics -a APP", &["done"]);
    heroku.is("/apps/APP/features/log-runtime-metrics", "/enabled", false);
}

pub(crate) fn buildpacks(heroku: &mut Heroku<'_>) {
    heroku.says("buildpacks -a APP", &["has no Buildpack"]);
    heroku.says("buildpacks:add heroku/nodejs -a APP", &["Buildpack added"]);
    heroku.says("buildpacks:add -i 1 heroku/python -a APP", &["heroku/python", "heroku/nodejs"]);
    heroku.is("/apps/APP/buildpack-installations", "/0/buildpack/name", "heroku/python");
    heroku.says("buildpacks -a APP", &["1. heroku/python", "2. heroku/nodejs"]);
    heroku.says("buildpacks:set heroku/ruby -i 1 -a APP", &["heroku/ruby"]);
    heroku.is("/apps/APP/buildpack-installations", "/0/buildpack/name", "heroku/ruby");
    heroku.says("buildpacks:remove heroku/ruby -a APP", &["Buildpack removed"]);
    heroku.says("buildpacks:add https://example.com/pack.git -a APP", &["https://example.com/pack.git"]);
    heroku.says("buildpacks:remove -i 2 -a APP", &["Buildpack removed"]);
    heroku.is("/apps/APP/buildpack-installations", "/0/buildpack/name", "heroku/nodejs");
    heroku.fails("buildpacks:add heroku/nodejs -a APP", 1, &["already"]);
    heroku.fails("buildpacks:add nobody/nothing -a APP", 2, &["A buildpack is named by its name"]);
    heroku.says("buildpacks:clear -a APP", &["Buildpacks cleared"]);
    let fits = heroku.ask("/apps/APP/buildpack-installations").as_array().unwrap().is_empty();
    heroku.holds("no buildpack is left", fits);
    maintenance(heroku);
    stacks(heroku);
}

fn maintenance(heroku: &mut Heroku<'_>) {
    heroku.says("maintenance -a APP", &["off"]);
    heroku.says("maintenance:on -a APP", &["done"]);
    heroku.is("/apps/APP", "/maintenance", true);
    heroku.says("maintenance -a APP", &["on"]);
    heroku.says("maintenance:off -a APP", &["done"]);
    heroku.is("/apps/APP", "/maintenance", false);
}

fn stacks(heroku: &mut Heroku<'_>) {
    heroku.says("apps:stacks -a APP", &["=== APP Available Stacks", "* heroku-24"]);
    heroku.says("stack -a APP", &["* heroku-24"]);
    heroku.says("apps:stacks:set heroku-24 -a APP", &["heroku-24"]);
    heroku.fails("stack:set heroku-16 -a APP", 2, &["Invalid stack"]);
}

fn rename(heroku: &mut Heroku<'_>) {
    let before = heroku.app.clone();
    let id = heroku.ask("/apps/APP")["id"].clone();
    heroku.says(&format!("apps:rename hk-named-{} -a APP", std::process::id()), &["Renaming", "done"]);
    heroku.app = format!("hk-named-{}", std::process::id());
    heroku.is("/apps/APP", "/id", id);
    heroku.fails(&format!("apps:info -a {before}"), 2, &["Couldn't find that app."]);
    heroku.says("git:remote -a APP", &["/APP.git"]);
    heroku.says("rename APP-x -a APP", &["done"]);
    heroku.app.push_str("-x");
    heroku.says("git:remote -a APP", &["/APP.git"]);
}
