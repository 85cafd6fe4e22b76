//! Who one is, with which tokens and keys; and what there is for everybody.

use std::process::Command;

use e2e::Answer;

use crate::driver::Heroku;

pub(crate) fn account(heroku: &mut Heroku<'_>) {
    let email = heroku.ask("/account")["email"].as_str().unwrap().to_owned();
    heroku.says("auth:whoami", &[&email]);
    heroku.says("whoami", &[&email]);
    heroku.says("auth:token", &["MPS-"]);
    heroku.says("auth:2fa", &["not enabled"]);
    heroku.says("regions", &["us"]);
    heroku.says("regions --json", &["\"name\": \"us\""]);
    heroku.says("sessions", &["No OAuth sessions"]);
    heroku.says("sessions --json", &["[]"]);
    clients(heroku);
    heroku.fails("apps:info -a no-such-app-here", 2, &["Couldn't find that app.", "not_found"]);
    keys(heroku);
}

fn clients(heroku: &mut Heroku<'_>) {
    heroku.says("clients", &["No OAuth clients"]);
    heroku.fails("clients:create mine nonsense", 1, &["Invalid URL"]);
    let made = heroku.says("clients:create mine https://example.com/back", &["HEROKU_OAUTH_ID=", "HEROKU_OAUTH_SECRET="]).stdout;
    let id = made.lines().find_map(|line| line.strip_prefix("HEROKU_OAUTH_ID=")).unwrap().to_owned();
    heroku.says("clients", &["mine", &id, "https://example.com/back"]);
    heroku.says("clients --json", &["\"name\": \"mine\""]);
    heroku.says(&format!("clients:info {id}"), &["=== mine", "https://example.com/back"]);
    heroku.says(&format!("clients:info {id} --shell"), &[made.trim()]);
    heroku.says(&format!("clients:update {id} -n ours"), &["Updating", "done"]);
    heroku.is(&format!("/oauth/clients/{id}"), "/name", "ours");
    let rotated = heroku.says(&format!("clients:rotate {id} --shell"), &[&format!("HEROKU_OAUTH_ID={id}")]).stdout;
    heroku.holds("another secret takes the place of the first", rotated.trim() != made.trim());
    heroku.says(&format!("clients:destroy {id}"), &["Destroying", "done"]);
    heroku.is(&format!("/oauth/clients/{id}"), "/id", "not_found");
}

fn keys(heroku: &mut Heroku<'_>) {
    for name in ["one", "two"] {
        let comment = format!("{name}@heroku-cli");
        let keygen = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"]).arg(heroku.home().join(name)).output();
        Answer::from(keygen.unwrap()).ok();
    }
    heroku.says("keys", &["You have no SSH keys."]);
    heroku.says("keys:add HOME/one.pub", &["Uploading", "done"]);
    heroku.says("keys", &["one@heroku-cli", "ssh-ed25519"]);
    heroku.says("keys:add HOME/two.pub --yes", &["Uploading", "done"]);
    heroku.says("keys --long", &["one@heroku-cli", "two@heroku-cli"]);
    heroku.says("keys --json", &["\"comment\": \"two@heroku-cli\"", "\"fingerprint\""]);
    heroku.fails("keys:add HOME/one.pub --yes", 2, &["Fingerprint has already been taken"]);
    heroku.says("keys:remove one@heroku-cli", &["done"]);
    heroku.is("/account/keys", "/0/comment", "two@heroku-cli");
    heroku.says("keys:clear", &["done"]);
    let fits = heroku.ask("/account/keys").as_array().unwrap().is_empty();
    heroku.holds("no key is left", fits);
}

pub(crate) fn authorizations(heroku: &mut Heroku<'_>) {
    let made = heroku.says("authorizations:create -d first␣token --json", &["\"description\": \"first token\"", "MPS-"]).stdout;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let (id, token) = (made["id"].as_str().unwrap(), made["access_token"]["token"].as_str().unwrap());
    heroku.says("authorizations", &["first token", id]);
    heroku.says("authorizations --json", &[id]);
    heroku.says(&format!("authorizations:info {id}"), &["first token", "global"]);
    heroku.says(&format!("authorizations:info {id} --json"), &["\"scope\""]);
    heroku.says(&format!("authorizations:update {id} -d second␣thoughts"), &["second thoughts"]);
    heroku.is(&format!("/oauth/authorizations/{id}"), "/description", "second thoughts");
    let fits = opens(heroku, token);
    heroku.holds("the token opens", fits);
    let rotated = heroku.says(&format!("authorizations:rotate {id}"), &["MPS-"]).stdout;
    let fits = !opens(heroku, token) && !rotated.contains(token);
    heroku.holds("the old token opens nothing", fits);
    let another = rotated.split_whitespace().find(|word| word.starts_with("MPS-")).unwrap();
    let fits = opens(heroku, another);
    heroku.holds("the one in its place opens", fits);
    heroku.says(&format!("authorizations:revoke {id}"), &["done"]);
    let fits = !opens(heroku, another);
    heroku.holds("a revoked token opens nothing", fits);
    let short = heroku.says("authorizations:create -S -e 3600", &["MPS-"]).stdout;
    let fits = opens(heroku, short.trim());
    heroku.holds("only the token is printed, and it opens", fits);
    heroku.says("authorizations:create -s read,write", &["Scope:       read,write"]);
}

/// An app of two, and one that is given away.
pub(crate) fn access(heroku: &mut Heroku<'_>) {
    let bob = heroku.somebody_else();
    let (email, app) = (bob.email.clone(), heroku.app.clone());
    heroku.fails("access:add nobody@example.com -a APP", 2, &["Couldn't find that"]);
    heroku.says(&format!("access:add {email} -a APP"), &["Adding", "done"]);
    heroku.fails(&format!("access:add {email} -a APP --permissions deploy"), 2, &["User is already a collaborator on this app"]);
    heroku.says("access -a APP", &[&email, "collaborator", "owner"]);
    heroku.says("access -a APP --json", &[&email]);
    heroku.fails(&format!("access:update {email} -a APP --permissions deploy"), 2, &["is not owned by a team"]);
    heroku.as_somebody(&bob, |theirs| {
        theirs.says("apps:info -a APP --json", &["\"name\": \"APP\""]);
        theirs.says("config:set FROM=bob -a APP", &["v3"]);
        theirs.fails("apps:rename stolen-APP -a APP", 2, &["only its owner may"]);
        theirs.fails("access:remove nobody@example.com -a APP", 2, &["only its owner may"]);
        theirs.says("apps:leave -a APP", &["Leaving", "done"]);
        theirs.fails("info -a APP", 2, &["Couldn't find that app."]);
    });
    heroku.is("/apps/APP/config-vars", "/FROM", "bob");
    heroku.says(&format!("access:add {email} --app APP"), &["done"]);
    heroku.says(&format!("access:remove {email} -a APP"), &["Removing", "done"]);
    heroku.fails(&format!("access:remove {email} --app APP"), 2, &["Couldn't find that collaborator."]);
    heroku.says(&format!("apps:transfer {email} -a APP"), &[]);
    heroku.is("/account/app-transfers", "/0/state", "pending");
    heroku.is("/account/app-transfers", "/0/app/name", app);
    heroku.fails(&format!("apps:transfer {email} --app APP"), 2, &["being transferred already"]);
}

/// Whether the command line gets in with this token.
fn opens(heroku: &mut Heroku<'_>, token: &str) -> bool {
    let answer: Answer = heroku.heroku("auth:whoami").env("HEROKU_API_KEY", token).output().unwrap().into();
    answer.status == 0
}
