//! `buildpacks`, `buildpacks:add`, `buildpacks:set`, `buildpacks:remove`, `buildpacks:clear`.

use api_types::{BuildpackInstallation, BuildpackInstallationUpdate, BuildpackUpdate, ConfigVars};
use clap::Args;

use crate::context::{App, Context};
use crate::error::Error;
use crate::output;

pub(crate) use super::listing::List;

#[derive(Args)]
pub(crate) struct Put {
    /// Name (heroku/nodejs), git URL (with #branch) or URL of a .tgz archive
    buildpack: String,
    /// Place in the order, from 1
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    index: Option<u32>,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct Remove {
    /// Name or URL, as `buildpacks` lists it
    #[arg(group = "which")]
    buildpack: Option<String>,
    /// Place in the order, from 1
    #[arg(short, long, value_name = "N", group = "which")]
    index: Option<u32>,
}

/// A URL may hold a password.
impl std::fmt::Debug for Put {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Put").field("index", &self.index).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Remove {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remove").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Lists the buildpacks.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let app = context.app()?;
    let installed = installed(&app)?;
    if args.json {
        return output::json(&installed);
    }
    match installed.as_slice() {
        [] => output::line(&format!("⬢ {} has no Buildpacks.", app.name)),
        [one] => {
            output::heading(&format!("{} Classic Buildpack", app.name))?;
            output::line(&one.buildpack.name)
        }
        several => {
            output::heading(&format!("{} Classic Buildpacks", app.name))?;
            numbered(several, "")
        }
    }
}

/// Adds a buildpack, at the end or before the one in its place.
pub(crate) fn add(context: &Context, args: &Put) -> Result<(), Error> {
    change(context, args, "added", |names, buildpack| {
        let at = args.index.map_or(names.len(), |index| index as usize - 1).min(names.len());
        names.insert(at, buildpack);
    })
}

/// Puts a buildpack in the place of another, the first if none is named.
pub(crate) fn set(context: &Context, args: &Put) -> Result<(), Error> {
    change(context, args, "set", |names, buildpack| match names.get_mut(args.index.map_or(0, |index| index as usize - 1)) {
        Some(place) => *place = buildpack,
        None => names.push(buildpack),
    })
}

/// Removes a buildpack.
pub(crate) fn remove(context: &Context, args: &Remove) -> Result<(), Error> {
    let app = context.app()?;
    let installed = installed(&app)?;
    if installed.is_empty() {
        return Err(Error::failed(format!("No buildpacks were found. Next release on ⬢ {} will detect buildpack normally.", app.name)));
    }
    let mut names = names(&installed);
    names.remove(place(&installed, args)?);
    match names.is_empty() {
        true => clear_all(&app, "Buildpack removed."),
        false => tell(&app, &put(&app, names)?, "removed"),
    }
}

/// Removes all buildpacks.
pub(crate) fn clear(context: &Context) -> Result<(), Error> {
    clear_all(&context.app()?, "Buildpacks cleared.")
}

fn installed(app: &App) -> Result<Vec<BuildpackInstallation>, Error> {
    Ok(app.client.list(&app.path(&["buildpack-installations"]))?)
}

fn names(installed: &[BuildpackInstallation]) -> Vec<String> {
    installed.iter().map(|one| one.buildpack.name.clone()).collect()
}

fn is(installed: &BuildpackInstallation, named: &str) -> bool {
    installed.buildpack.name == named || installed.buildpack.url == named
}

/// Where in the list the one to remove is.
fn place(installed: &[BuildpackInstallation], args: &Remove) -> Result<usize, Error> {
    let found = match (args.index, &args.buildpack) {
        (Some(index), _) if index == 0 || index as usize > installed.len() => {
            return Err(Error::failed(match installed.len() {
                1 => "Invalid index. Only valid value is 1.".to_owned(),
                count => format!("Invalid index. Please choose a value between 1 and {count}"),
            }));
        }
        (Some(index), _) => Some(index as usize - 1),
        (None, Some(named)) => installed.iter().position(|one| is(one, named)),
        (None, None) => None,
    };
    found.ok_or_else(|| Error::failed("Buildpack not found. Nothing was removed."))
}

fn change(context: &Context, args: &Put, verb: &str, edit: impl FnOnce(&mut Vec<String>, String)) -> Result<(), Error> {
    let app = context.app()?;
    let installed = installed(&app)?;
    if installed.iter().any(|one| is(one, &args.buildpack)) {
        return Err(Error::failed(format!("The buildpack {} is already set on your app.", args.buildpack)));
    }
    let mut names = names(&installed);
    edit(&mut names, args.buildpack.clone());
    tell(&app, &put(&app, names)?, verb)
}

fn put(app: &App, names: Vec<String>) -> Result<Vec<BuildpackInstallation>, Error> {
    let updates = names.into_iter().map(|buildpack| BuildpackUpdate { buildpack }).collect();
    Ok(app.client.put(&app.path(&["buildpack-installations"]), &BuildpackInstallationUpdate { updates })?)
}

fn tell(app: &App, now: &[BuildpackInstallation], verb: &str) -> Result<(), Error> {
    if let [one] = now {
        output::line(&format!("Buildpack {verb}. Next release on ⬢ {} will use {}.", app.name, one.buildpack.name))?;
        return output::line("Run git push mypaas main to create a new release using this buildpack.");
    }
    output::line(&format!("Buildpack {verb}. Next release on ⬢ {} will use:", app.name))?;
    numbered(now, "  ")?;
    output::line("Run git push mypaas main to create a new release using these buildpacks.")
}

fn numbered(list: &[BuildpackInstallation], indent: &str) -> Result<(), Error> {
    (1..).zip(list).try_for_each(|(number, one)| output::line(&format!("{indent}{number}. {}", one.buildpack.name)))
}

fn clear_all(app: &App, done: &str) -> Result<(), Error> {
    put(app, Vec::new())?;
    let config: ConfigVars = app.client.get(&app.path(&["config-vars"]))?;
    if let Some(name) = ["BUILDPACK_URL", "LANGUAGE_PACK_URL"].into_iter().find(|name| config.0.contains_key(*name)) {
        output::line(done)?;
        output::talk(&format!("Warning: The {name} config var is still set and will be used for the next release"));
        return Ok(());
    }
    output::line(&format!("{done} Next release on ⬢ {} will detect buildpacks normally.", app.name))
}
