//! `docs/COMPATIBILITY.md` against the command line's own list of its commands, and against what the journeys run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use e2e::Installation;
use serde_json::Value;

use crate::driver::installed;

/// The journeys' own text. What is in `later` works for nobody.
const JOURNEYS: [&str; 5] =
    [include_str!("apps.rs"), include_str!("deployed.rs"), include_str!("logins.rs"), include_str!("people.rs"), include_str!("webhooks.rs")];
const LATER: &str = include_str!("later.rs");

/// The shown commands, and every name each can be called by.
struct Commands {
    shown: BTreeSet<String>,
    called: BTreeMap<String, String>,
}

fn commands(installation: &Installation) -> Commands {
    let package = installed(installation).ancestors().nth(2).unwrap().join("heroku");
    let manifest: Value = serde_json::from_slice(&fs::read(package.join("oclif.manifest.json")).unwrap()).unwrap();
    let (mut shown, mut called) = (BTreeSet::new(), BTreeMap::new());
    for (id, command) in manifest["commands"].as_object().unwrap() {
        if command["hidden"] != true {
            shown.insert(id.clone());
        }
        let aliases = ["aliases", "hiddenAliases"].into_iter().filter_map(|list| command[list].as_array()).flatten();
        called.extend(aliases.filter_map(|alias| alias.as_str()).map(|alias| (alias.to_owned(), id.clone())));
        called.insert(id.clone(), id.clone());
    }
    Commands { shown, called }
}

/// A command in a journey's text, and whether it has to succeed there.
struct Invocation {
    words: String,
    id: String,
    succeeds: bool,
}

/// The texts in a journey that are `heroku` commands: those whose first word is one, in a call or a list.
fn invocations(text: &str, commands: &Commands) -> Vec<Invocation> {
    let text = text.replace("\\\"", "'");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        let Some((words, beyond)) = after.split_once('"') else { break };
        let head = before.trim_end();
        let called = |names: &[&str]| names.iter().any(|name| head.ends_with(&format!("{name}(")) || head.ends_with(&format!("{name}(&format!(")));
        let listed = head.ends_with(['(', '[', ',']) && words.contains(" -a APP");
        if let Some(id) = words.split(' ').next().and_then(|word| commands.called.get(word)) {
            let (fails, succeeds) = (called(&["fails"]), called(&["says", "tails", "talks", "heroku"]) || listed);
            if fails || succeeds {
                found.push(Invocation { words: words.to_owned(), id: id.clone(), succeeds: succeeds && !fails });
            }
        }
        rest = beyond;
    }
    found
}

/// The page's rows: a command, or all that begin so, and what is said of it.
fn rows(page: &str) -> Vec<(String, String)> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = lines.filter_map(|line| line.split_once("` | ")).map(|(name, rest)| (name.to_owned(), rest.split(" |").next().unwrap_or_default().to_owned()));
    rows.collect()
}

/// What is wrong with a page.
fn complaints(page: &str, commands: &Commands) -> Vec<String> {
    let rows = rows(page);
    let exact: BTreeMap<&str, &str> = rows.iter().filter(|(name, _)| !name.ends_with('*')).map(|(name, state)| (name.as_str(), state.as_str())).collect();
    let stars: Vec<(&str, &str)> = rows.iter().filter_map(|(name, state)| Some((name.strip_suffix('*')?, state.as_str()))).collect();
    let worked: BTreeSet<String> = JOURNEYS.iter().flat_map(|text| invocations(text, commands)).filter(|it| it.succeeds).map(|it| it.id).collect();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for id in &commands.shown {
        let star = stars.iter().filter(|(prefix, _)| id.starts_with(prefix)).max_by_key(|(prefix, _)| prefix.len());
        let state = match (exact.get(id.as_str()), star) {
            (Some(state), _) => *state,
            (None, Some((prefix, state))) => {
                used.insert(*prefix);
                *state
            }
            (None, None) => {
                wrong.push(format!("`{id}` has no row"));
                continue;
            }
        };
        if !["works", "later", "never", "local"].contains(&state) {
            wrong.push(format!("`{id}`: {state:?} is no word of the page"));
        }
        if (state == "works") != worked.contains(id) {
            wrong.push(format!("`{id}` is said to be {state:?}, and the journeys {} it", if worked.contains(id) { "run" } else { "do not run" }));
        }
    }
    wrong.extend(exact.keys().filter(|name| !commands.shown.contains(**name)).map(|name| format!("there is no command `{name}`")));
    wrong.extend(stars.iter().filter(|(prefix, _)| !used.contains(prefix)).map(|(prefix, _)| format!("no command is `{prefix}*`")));
    wrong
}

#[test]
#[ignore = "fetches the official command line: tests/run"]
fn the_page_says_what_is_so() {
    let installation = Installation::new();
    let commands = commands(&installation);
    assert!(commands.shown.len() > 300, "{}", commands.shown.len());
    let page = fs::read_to_string(installation.source("docs/COMPATIBILITY.md")).unwrap();
    assert_eq!(complaints(&page, &commands), Vec::<String>::new());
    let without = page.replace("| `apps:rename` | works | |\n", "");
    assert_eq!(complaints(&without, &commands), ["`apps:rename` has no row"]);
    let boasting = page.replace("| `apps:diff` | never", "| `apps:diff` | works");
    assert_eq!(complaints(&boasting, &commands), ["`apps:diff` is said to be \"works\", and the journeys do not run it"]);
    let different: BTreeSet<String> = JOURNEYS.iter().chain([&LATER]).flat_map(|text| invocations(text, &commands)).map(|it| it.words).collect();
    assert!(different.len() >= 150, "only {} different invocations", different.len());
}
