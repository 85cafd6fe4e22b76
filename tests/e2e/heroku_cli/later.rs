//! What is not built yet: lists are empty, and actions say so; nothing pretends.

use crate::driver::Heroku;

pub(crate) fn journey(heroku: &mut Heroku<'_>) {
    for (words, said) in [
        ("addons -a APP", "No add-ons for app"),
        ("addons --all", "No add-ons"),
        ("addons -a APP --json", "[]"),
        ("certs -a APP", "has no SSL certificates"),
        ("certs:auto -a APP", "is disabled"),
        ("pg:info -a APP", "no"),
        ("teams --json", "[]"),
        ("pipelines --json", "[]"),
        ("spaces --json", "[]"),
    ] {
        heroku.says(words, &[said]);
    }
    for words in [
        "addons:create heroku-postgresql -a APP",
        "certs:auto:enable -a APP",
        "pipelines:create pipe -a APP -s staging",
        "spaces:create --space there --team us",
    ] {
        heroku.fails(words, 2, &["not built yet"]);
    }
    heroku.fails("apps:lock -a APP", 2, &["Couldn't find that team-app."]);
    heroku.says("redis:info -a APP", &[]);
}
