//! The whole platform at a glance: every app, everybody, the machine; for admins.

use std::collections::HashMap;

use domain::{Account, App, Release};
use ports::runtime::Machine;
use store::{DynoRecord, Person};

use crate::{accounts::Actor, leaving::NOBODY, platform::Platform, refusal::Refusal};

/// How many dynos are in which state, as `ps` calls it. Those on their way out are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DynoCounts {
    pub up: u64,
    pub starting: u64,
    pub crashed: u64,
    pub idle: u64,
    pub one_off: u64,
}

impl DynoCounts {
    fn of<'d>(dynos: impl IntoIterator<Item = &'d DynoRecord>) -> Self {
        let mut counts = Self::default();
        for record in dynos {
            match record.dyno.word() {
                "up" => counts.up += 1,
                "starting" => counts.starting += 1,
                "crashed" => counts.crashed += 1,
                "idle" => counts.idle += 1,
                _ => {}
            }
        }
        counts
    }
}

/// An app, whoever owns it.
#[derive(Debug, Clone)]
pub struct AppSummary {
    pub app: App,
    pub owner: Account,
    pub release: Option<Release>,
    /// Of the current release's slug.
    pub slug_bytes: Option<u64>,
    /// How many dynos its formation asks for.
    pub wanted: u64,
    pub dynos: DynoCounts,
    /// What it takes of the disk. `None`: it could not be measured.
    pub disk_bytes: Option<u64>,
}

/// Where dynos run.
#[derive(Debug, Clone)]
pub struct Node {
    /// What the machine calls itself, or the API's address while its engine is away.
    pub name: String,
    /// As its engine describes it, or why it does not.
    pub machine: Result<Machine, String>,
    pub apps: u64,
    pub dynos: DynoCounts,
    /// What the dynos use of its memory, in bytes. `None`: it could not be measured.
    pub used_memory: Option<u64>,
    /// Left where slugs lie, in bytes.
    pub free_disk: u64,
}

impl Platform {
    /// Every app there is, by name. For admins. Measures the disk: not for every second.
    pub async fn all_apps(&self, actor: &Actor) -> Result<Vec<AppSummary>, Refusal> {
        self.authorize_admin(actor).await?;
        let mut tx = self.store.read().await?;
        let (worlds, one_offs, people) = (tx.worlds().await?, tx.all_one_offs().await?, tx.accounts().await?);
        drop(tx);
        let people: HashMap<_, _> = people.into_iter().map(|account| (account.id, account)).collect();
        let taken = match self.taken().await {
            Ok(taken) => Some(taken),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what apps take of the disk could not be measured");
                None
            }
        };
        let summary = |world: store::World| {
            let one_off = one_offs.iter().filter(|one_off| one_off.app == world.app.id).count() as u64;
            Some(AppSummary {
                owner: people.get(&world.app.owner)?.clone(),
                slug_bytes: world.slug.as_ref().map(|slug| slug.bytes),
                wanted: world.formation.values().map(|scale| u64::from(scale.quantity)).sum(),
                dynos: DynoCounts { one_off, ..DynoCounts::of(&world.dynos) },
                disk_bytes: taken.as_ref().map(|taken| taken.get(&world.app.id).copied().unwrap_or_default()),
                release: world.current,
                app: world.app,
            })
        };
        Ok(worlds.into_iter().filter_map(summary).collect())
    }

    /// Everybody who has an account, by address. For admins.
    pub async fn everybody(&self, actor: &Actor) -> Result<Vec<Person>, Refusal> {
        self.authorize_admin(actor).await?;
        let mut people = self.store.read().await?.people().await?;
        // Who has left and stays as who has built something is nobody.
        people.retain(|person| !person.account.email.as_str().ends_with(NOBODY));
        Ok(people)
    }

    /// Where dynos run; one machine so far. For admins.
    pub async fn nodes(&self, actor: &Actor) -> Result<Vec<Node>, Refusal> {
        self.authorize_admin(actor).await?;
        let mut tx = self.store.read().await?;
        let (worlds, one_offs) = (tx.worlds().await?, tx.all_one_offs().await?);
        drop(tx);
        let machine = self.runtime.machine().await.map_err(|error| error.to_string());
        let used = self.runtime.memory().await.ok();
        let host = || self.settings.api_url.split_once("://").map_or(self.settings.api_url.as_str(), |(_, host)| host).to_owned();
        Ok(vec![Node {
            name: machine.as_ref().ok().map(|machine| machine.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(host),
            machine,
            apps: worlds.len() as u64,
            dynos: DynoCounts { one_off: one_offs.len() as u64, ..DynoCounts::of(worlds.iter().flat_map(|world| &world.dynos)) },
            used_memory: used.map(|used| used.iter().map(|one| one.rss + one.swap).sum()),
            free_disk: self.builder.blobs().free().await.map_err(|error| Refusal::Platform(Box::new(error)))?,
        }])
    }
}
