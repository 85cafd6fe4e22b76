//! What is not built yet: lists are empty, and actions say so; nothing pretends.

use crate::driver::Heroku;

pub(crate) fn journey(heroku: &mut Heroku<'_>) {
    for (words, said) in [
        ("addons -a APP", "No add-ons for app"),
        ("addons -a APP --json", "[]"),
        ("certs -a APP", "has no SSL certificates"),
        ("webhooks -a APP", "has no webhooks"),
    ] {
        heroku.says(words, &[said]);
    }
    for words in [
        "access:add bob@example.com -a APP",
        "access:remove bob@example.com -a APP",
        "addons:create heroku-postgresql -a APP",
        "apps:lock -a APP",
        "apps:transfer bob@example.com -a APP",
        "certs:auto:enable -a APP",
        "clients:create mine https://example.com/back",
        "pipelines:create pipe -a APP -s staging",
        "spaces:create --space there --team us",
        "webhooks:add -i api:release -l notify -u https://example.com/hook -a APP",
    ] {
        heroku.fails(words, 2, &["not built yet"]);
    }
    heroku.says("pg:info -a APP", &["no"]);
    heroku.says("redis:info -a APP", &[]);
}
