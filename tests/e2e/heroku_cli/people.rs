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
    heroku.says("clients", &["No OAuth clients"]);
    heroku.says("clients --json", &["[]"]);
    heroku.says("addons --all", &["No add-ons"]);
    heroku.fails("apps:info -a no-such-app-here", 2, &["Couldn't find that app.", "not_found"]);
    keys(heroku);
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
    heroku.fails("authorizations:create -s read,write", 2, &["the only scope is"]);
}

/// Whether the command line gets in with this token.
fn opens(heroku: &mut Heroku<'_>, token: &str) -> bool {
    let answer: Answer = heroku.heroku("auth:whoami").env("HEROKU_API_KEY", token).output().unwrap().into();
    answer.status == 0
}
