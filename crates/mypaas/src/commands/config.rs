//! `config`, `config:set`, `config:get`, `config:unset`.

use std::collections::BTreeMap;

use api_types::{ConfigVars, ConfigVarsUpdate, Release};
use clap::Args;

use crate::context::{App, Context};
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print KEY=VALUE lines for a shell
    #[arg(short, long, conflicts_with = "json")]
    shell: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Set {
    /// Names with their values
    #[arg(required = true, value_name = "KEY=VALUE")]
    assignments: Vec<String>,
}

/// The values are secrets.
impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set").finish_non_exhaustive()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The config var's name
    #[arg(value_name = "KEY")]
    key: String,
    /// Print KEY=VALUE for a shell
    #[arg(short, long, conflicts_with = "json")]
    shell: bool,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unset {
    /// The config vars' names
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

/// Lists the config vars.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let vars: ConfigVars = app.client.get(&app.path(&["config-vars"]))?;
    if args.json {
        return output::json(&vars);
    }
    if args.shell {
        return vars.0.iter().try_for_each(|(key, value)| output::line(&output::shell_assignment(key, value)));
    }
    output::heading(&format!("{} Config Vars", app.name))?;
    let rows: Vec<_> = vars.0.iter().map(|(key, value)| vec![format!("{key}:"), value.clone()]).collect();
    output::table(&rows)
}

/// Sets config vars, all in one release.
pub(crate) fn set(context: &Context, args: &Set) -> Result<(), Error> {
    let mut update = ConfigVarsUpdate::default();
    for assignment in &args.assignments {
        let (key, value) = parse(assignment)?;
        update.0.insert(key.to_owned(), Some(value.to_owned()));
    }
    let app = context.app()?;
    let now = change(&app, "Setting", &update)?;
    let set = now.0.into_iter().filter(|(key, _)| update.0.contains_key(key));
    let rows: Vec<_> = set.map(|(key, value)| vec![format!("{key}:"), value]).collect();
    output::table(&rows)
}

/// Prints the value of one config var.
pub(crate) fn get(context: &Context, args: &Get) -> Result<(), Error> {
    let app = context.app()?;
    let vars: ConfigVars = app.client.get(&app.path(&["config-vars"]))?;
    match vars.0.get(&args.key) {
        Some(value) if args.json => output::json(&BTreeMap::from([(&args.key, value)])),
        Some(value) if args.shell => output::line(&output::shell_assignment(&args.key, value)),
        Some(value) => output::line(value),
        None => Err(Error::failed(format!("⬢ {} has no config var {}.", app.name, args.key))),
    }
}

/// Removes config vars, all in one release.
pub(crate) fn unset(context: &Context, args: &Unset) -> Result<(), Error> {
    let app = context.app()?;
    let update = ConfigVarsUpdate(args.keys.iter().map(|key| (key.clone(), None)).collect());
    change(&app, "Unsetting", &update).map(drop)
}

/// Changes them in one release and says which it is.
pub(crate) fn change(app: &App, verb: &str, update: &ConfigVarsUpdate) -> Result<ConfigVars, Error> {
    let keys: Vec<_> = update.0.keys().map(String::as_str).collect();
    let action = Action::start(&format!("{verb} {} and restarting ⬢ {}", keys.join(", "), app.name));
    let vars = app.client.patch(&app.path(&["config-vars"]), update)?;
    let releases: Vec<Release> = app.client.page(&app.path(&["releases"]), "version ..; max=1, order=desc")?;
    match releases.first() {
        Some(release) => {
            action.finish(&format!("done, v{}", release.version));
            if release.status == "pending" {
                output::talk(&format!(
                    "The release command runs now; the dynos follow when it has succeeded. Its output: mypaas releases:output v{} -a {}",
                    release.version, app.name
                ));
            }
        }
        None => action.done(),
    }
    Ok(vars)
}

/// The whole assignment is not repeated in the error: it may be a value whose key was forgotten.
fn parse(assignment: &str) -> Result<(&str, &str), Error> {
    let refuse = || Error::Usage("A config var must be in the form KEY=VALUE.".into());
    let (key, value) = assignment.split_once('=').ok_or_else(refuse)?;
    if key.is_empty() { Err(refuse()) } else { Ok((key, value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_parts_key_and_value() {
        assert_eq!(parse("URL=postgres://h/?a=b").unwrap(), ("URL", "postgres://h/?a=b"));
        assert_eq!(parse("EMPTY=").unwrap(), ("EMPTY", ""));
        for wrong in ["s3cret", "=s3cret"] {
            assert!(!parse(wrong).unwrap_err().to_string().contains("s3cret"));
        }
    }
}
