//! `config:edit`: the config vars in the person's editor.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use api_types::{ConfigVars, ConfigVarsUpdate};
use clap::Args;

use crate::assignments;
use crate::commands::config::change;
use crate::context::Context;
use crate::error::Error;
use crate::output;
use crate::prompt;

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Edit only this one's value
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

/// Opens the editor, then sets what was changed, all in one release.
pub(crate) fn edit(context: &Context, args: &Edit) -> Result<(), Error> {
    let app = context.app()?;
    let path = app.path(&["config-vars"]);
    let before: ConfigVars = app.client.get(&path)?;
    let mut wanted: BTreeMap<String, String> = before.0.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    match &args.key {
        Some(key) => {
            let value = in_editor(context, wanted.get(key).map(String::as_str).unwrap_or_default())?;
            // Editors end a file with a line end; the value has it only when it had it before.
            let value = if wanted.get(key).is_some_and(|before| before.ends_with('\n')) { value.as_str() } else { value.trim_end_matches('\n') };
            wanted.insert(key.clone(), value.to_owned());
        }
        None => {
            let text: String = wanted.iter().map(|(key, value)| output::shell_assignment(key, value) + "\n").collect();
            let edited = in_editor(context, &text)?;
            if edited.trim().is_empty() && !text.is_empty() {
                return Err(Error::failed_with_hint("The file was empty; nothing was changed.", "`mypaas config:unset KEY ...` removes config vars"));
            }
            wanted = assignments::parse(&edited).map_err(|error| Error::failed(format!("Nothing was changed: {error}.")))?.into_iter().collect();
        }
    }
    let update = difference(&before, &wanted);
    if update.0.is_empty() {
        output::talk("Nothing was changed.");
        return Ok(());
    }
    for (key, value) in &update.0 {
        let word = match value {
            None => "remove",
            Some(_) if before.0.contains_key(key) => "change",
            Some(_) => "add",
        };
        output::talk(&format!("{word:<6}  {key}"));
    }
    if !prompt::yes(&format!("Update config on ⬢ {} with these values?", app.name))? {
        return Err(Error::failed("Nothing was changed."));
    }
    let now: ConfigVars = app.client.get(&path)?;
    if now.0 != before.0 {
        return Err(Error::failed_with_hint("The config vars were changed on the server meanwhile; nothing was changed.", "edit them again"));
    }
    change(&app, "Setting", &update).map(drop)
}

fn difference(before: &ConfigVars, wanted: &BTreeMap<String, String>) -> ConfigVarsUpdate {
    let mut update = ConfigVarsUpdate::default();
    update.0.extend(before.0.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), None)));
    let changed = wanted.iter().filter(|(key, value)| before.0.get(*key) != Some(value));
    update.0.extend(changed.map(|(key, value)| (key.clone(), Some(value.clone()))));
    update
}

/// What the text has become. It is in a file that only its owner can read, and that goes away.
fn in_editor(context: &Context, text: &str) -> Result<String, Error> {
    let trouble = |error: std::io::Error| Error::failed(format!("The file for the editor cannot be used: {error}."));
    let mut file = tempfile::Builder::new().prefix("config-").suffix(".env").tempfile().map_err(trouble)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(trouble)?;
    let editor = context.environment.editor.as_deref().unwrap_or("vi");
    // `code --wait`: words, as git has it, but no shell.
    let mut words = editor.split_whitespace();
    let Some(program) = words.next() else { return Err(Error::failed("EDITOR names no program.")) };
    let status = Command::new(program)
        .args(words)
        .arg(file.path())
        .status()
        .map_err(|error| Error::failed_with_hint(format!("The editor {program} cannot be started: {error}."), "set EDITOR to the one you like"))?;
    if !status.success() {
        return Err(Error::failed(format!("The editor {program} failed; nothing was changed.")));
    }
    // Many editors write a new file in the old one's place.
    std::fs::read_to_string(file.path()).map_err(trouble)
}
