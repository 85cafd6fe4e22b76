//! `admin:apps`, `admin:users`, `admin:nodes`: everything there is on the server, for its admins.

use api_types::{DynoCounts, PlatformAccount, PlatformApp, PlatformNode};

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, size};

pub(crate) use super::listing::List;

/// Lists every app of the server with its owner.
pub(crate) fn apps(context: &Context, args: &List) -> Result<(), Error> {
    let mut apps: Vec<PlatformApp> = context.client()?.list("/mypaas/apps")?;
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    if args.json {
        return output::json(&apps);
    }
    if apps.is_empty() {
        output::talk("There are no apps on the server.");
        return Ok(());
    }
    let mut rows = vec![["App", "Owner", "Release", "Dynos", "Slug", "Disk", "Note"].map(str::to_owned).to_vec()];
    rows.extend(apps.iter().map(|app| {
        vec![
            app.name.clone(),
            app.owner.email.clone(),
            app.release.map_or_else(none, |version| format!("v{version}")),
            of_app(app),
            app.slug_size.map_or_else(none, size),
            app.disk_bytes.map_or_else(|| "?".to_owned(), size),
            if app.maintenance { "maintenance".to_owned() } else { String::new() },
        ]
    }));
    output::table(&rows)?;
    let disk: u64 = apps.iter().filter_map(|app| app.disk_bytes).sum();
    output::line(&format!("Total: {}, {} on the disk", counted(apps.len(), "app"), size(disk)))
}

/// Lists everybody who has an account.
pub(crate) fn users(context: &Context, args: &List) -> Result<(), Error> {
    let mut accounts: Vec<PlatformAccount> = context.client()?.list("/mypaas/accounts")?;
    accounts.sort_by(|one, other| one.email.cmp(&other.email));
    if args.json {
        return output::json(&accounts);
    }
    let mut rows = vec![["User", "Role", "Apps", "Works on", "Tokens", "Keys", "Since"].map(str::to_owned).to_vec()];
    rows.extend(accounts.iter().map(|account| {
        vec![
            account.email.clone(),
            if account.admin { "admin" } else { "user" }.to_owned(),
            account.apps.to_string(),
            account.collaborations.to_string(),
            account.authorizations.to_string(),
            account.keys.to_string(),
            account.created_at.get(..10).unwrap_or(&account.created_at).to_owned(),
        ]
    }));
    output::table(&rows)?;
    output::line(&format!("Total: {}", counted(accounts.len(), "user")))
}

/// Shows the machines that dynos run on. Fails if one of them cannot be used.
pub(crate) fn nodes(context: &Context, args: &List) -> Result<(), Error> {
    let nodes: Vec<PlatformNode> = context.client()?.list("/mypaas/nodes")?;
    if args.json {
        output::json(&nodes)?;
    } else {
        nodes.iter().try_for_each(node)?;
    }
    match nodes.iter().find(|node| node.state != "up") {
        None => Ok(()),
        Some(node) => Err(Error::failed_with_hint(
            format!("{} is {}: {}.", node.name, node.state, node.waiting_for.as_deref().unwrap_or("it does not say why")),
            "`mypaasd doctor` on that machine shows what is wrong",
        )),
    }
}

fn node(node: &PlatformNode) -> Result<(), Error> {
    output::heading(&node.name)?;
    let unknown = || "?".to_owned();
    let used = node.used_memory_bytes.map_or_else(unknown, size);
    let rows = [
        ("State", node.state.clone()),
        ("Version", node.version.clone()),
        ("Engine", node.engine.clone().unwrap_or_else(unknown)),
        ("Processors", node.processors.map_or_else(unknown, |count| count.to_string())),
        ("Memory", format!("{}, dynos use {used}", node.memory_bytes.map_or_else(unknown, size))),
        ("Free Disk", size(node.free_disk_bytes)),
        ("Apps", node.apps.to_string()),
        ("Dynos", states(&node.dynos)),
    ];
    output::table(&rows.map(|(name, value)| vec![format!("{name}:"), value]))
}

/// `2 of 3 up, 1 crashed`.
fn of_app(app: &PlatformApp) -> String {
    let others = [(app.dynos.starting, "starting"), (app.dynos.crashed, "crashed"), (app.dynos.idle, "idle"), (app.dynos.one_off, "one-off")];
    let others = others.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!(", {count} {word}"));
    format!("{} of {} up{}", app.dynos.up, app.wanted, others.collect::<String>())
}

fn states(dynos: &DynoCounts) -> String {
    let all = [(dynos.up, "up"), (dynos.starting, "starting"), (dynos.crashed, "crashed"), (dynos.idle, "idle"), (dynos.one_off, "one-off")];
    let there: Vec<_> = all.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if there.is_empty() { "none".to_owned() } else { there.join(", ") }
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn none() -> String {
    "-".to_owned()
}
