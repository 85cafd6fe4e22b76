use std::fmt::Write as _;

use serde_json::Value;

use crate::support::Home;

fn names(home: &Home) -> Vec<String> {
    let all: Vec<Value> = serde_json::from_str(&home.mypaas(&["commands", "--json"]).out).unwrap();
    all.iter().map(|command| command["name"].as_str().unwrap().to_owned()).collect()
}

/// Change a command, and this shows what people will read. `INSTA_UPDATE=always` takes it over.
#[test]
fn what_every_command_says_about_itself() {
    let home = Home::new();
    let mut all = home.mypaas(&[]).out;
    for name in names(&home) {
        let said = home.mypaas(&["help", &name]);
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{name}");
        // `help COMMAND` and `COMMAND --help` begin alike.
        assert!(said.out.starts_with(&home.mypaas(&[&name, "--help"]).out), "{name}");
        let global = ["-a, --app", "-r, --remote", "--server", "-h, --help"];
        let told = said.out.lines().filter(|line| !global.iter().any(|option| line.trim_start().starts_with(option)));
        let _ = write!(all, "\n## {name}\n\n{}\n", told.collect::<Vec<_>>().join("\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_lists_or_shows_has_json() {
    let home = Home::new();
    let verbs = ["list", "show", "print or set", "say whether"];
    // What they print is one text already: a token, settings for a shell, a stream, a script, a page.
    let texts = ["auth:token", "heroku:env", "logs", "builds:output", "releases:output", "update:check"];
    let all: Vec<Value> = serde_json::from_str(&home.mypaas(&["commands", "--json"]).out).unwrap();
    let mut seen = 0;
    for command in all {
        let (name, about) = (command["name"].as_str().unwrap(), command["about"].as_str().unwrap().to_lowercase());
        if verbs.iter().any(|verb| about.starts_with(verb)) && !texts.contains(&name) {
            seen += 1;
            assert!(home.mypaas(&["help", name]).out.contains("--json"), "{name} has no --json");
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_there_is_no_help_on() {
    let said = Home::new().mypaas(&["help", "H98"]);
    assert_eq!(said.err, "Error: There is no help on \"H98\".\nhint: `mypaas help` lists the topics, `mypaas help codes` the error codes\n");
    // Broken credentials are no reason for no help.
    let home = Home::new();
    std::fs::create_dir_all(home.path(".config/mypaas")).unwrap();
    std::fs::write(home.path(".config/mypaas/credentials.toml"), "= nonsense").unwrap();
    assert_eq!(home.mypaas(&["help", "h12"]).out.lines().next(), Some("# H12: Request timeout"));
    let said = home.mypaas(&["apps"]);
    assert!(said.err.contains("credentials.toml is not a credentials file.\nhint: move "), "{}", said.err);
}

#[test]
fn the_manual_page_is_one_that_man_takes() {
    let said = Home::new().mypaas(&["man"]);
    assert!(said.out.starts_with(".TH MYPAAS 1 ") && said.out.contains("\n.SS ps:scale\n"));
    let requests = [".TH", ".SH", ".SS", ".TP", ".B", ".I", ".PP"];
    for line in said.out.lines().filter(|line| line.starts_with(['.', '\''])) {
        assert!(requests.contains(&line.split(' ').next().unwrap()), "{line}");
    }
}
