//! How full the disk is, and what of it can go; for admins.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::{AppId, AppName, Sha256};
use ports::{
    BlobError,
    runtime::{StoredKind, Unneeded},
};

use crate::{
    accounts::Actor,
    keeping::{GRACE, Needs},
    platform::Platform,
    refusal::Refusal,
};

/// So many apps are named.
const TOP: usize = 10;

/// What takes room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Slug,
    /// Uploaded for a build.
    Source,
    /// An archive that nothing names (any more).
    Unnamed,
    SlugImage,
    StackImage,
    BuildCache,
    Repository,
}

impl Kind {
    pub const ALL: [Self; 7] = [Self::Slug, Self::Source, Self::Unnamed, Self::SlugImage, Self::StackImage, Self::BuildCache, Self::Repository];

    const fn of(stored: StoredKind) -> Self {
        match stored {
            StoredKind::StackImage { .. } => Self::StackImage,
            StoredKind::SlugImage { .. } => Self::SlugImage,
            StoredKind::Cache { .. } => Self::BuildCache,
        }
    }

    /// As the API writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Slug => "slug",
            Self::Source => "source",
            Self::Unnamed => "unnamed",
            Self::SlugImage => "slug-image",
            Self::StackImage => "stack-image",
            Self::BuildCache => "build-cache",
            Self::Repository => "repository",
        }
    }
}

/// Something that can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    pub kind: Kind,
    /// A digest, an image's or a volume's name, an app's id.
    pub name: String,
    pub app: Option<AppName>,
    pub bytes: u64,
    /// For the person: `its app is gone`.
    pub reason: &'static str,
}

/// How full the disk is, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Left where slugs lie, in bytes.
    pub free: u64,
    /// With less left, nothing is built.
    pub floor: u64,
    /// How many there are of each kind, and their bytes.
    pub kinds: BTreeMap<Kind, (u64, u64)>,
    /// What the apps take, in bytes; those that take most first.
    pub apps: Vec<(AppName, u64)>,
}

impl Platform {
    /// What a sweep would remove. For admins.
    pub async fn garbage(&self, actor: &Actor) -> Result<Vec<Garbage>, Refusal> {
        self.authorize_admin(actor).await?;
        self.unneeded().await
    }

    /// Removes it now, and says what went. For admins.
    pub async fn collect_garbage(&self, actor: &Actor) -> Result<Vec<Garbage>, Refusal> {
        self.authorize_admin(actor).await?;
        let before = self.unneeded().await?;
        self.sweep().await?;
        let left: HashSet<(Kind, String)> = self.unneeded().await?.into_iter().map(|garbage| (garbage.kind, garbage.name)).collect();
        // A repository's own sweeper has been woken and does not fail for good.
        Ok(before.into_iter().filter(|garbage| garbage.kind == Kind::Repository || !left.contains(&(garbage.kind, garbage.name.clone()))).collect())
    }

    /// How full the disk is. For admins.
    pub async fn disk(&self, actor: &Actor) -> Result<Disk, Refusal> {
        self.authorize_admin(actor).await?;
        let (needs, tally) = self.tally().await?;
        let mut apps: Vec<_> = tally.apps.into_iter().filter_map(|(app, bytes)| Some((needs.apps.get(&app)?.clone(), bytes))).collect();
        apps.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.as_str().cmp(other.0.as_str())));
        apps.truncate(TOP);
        let free = self.builder.blobs().free().await.map_err(broken)?;
        Ok(Disk { free, floor: self.builder.min_free_bytes(), kinds: tally.kinds, apps })
    }

    /// What each app takes of the disk, in bytes.
    pub(crate) async fn taken(&self) -> Result<BTreeMap<AppId, u64>, Refusal> {
        Ok(self.tally().await?.1.apps)
    }

    async fn tally(&self) -> Result<(Needs, Tally), Refusal> {
        let needs = self.needs(&mut self.store.read().await?, self.clock.now()).await?;
        let named = needs.named_slugs();
        let mut tally = Tally::default();
        for blob in self.builder.blobs().list().await.map_err(broken)? {
            let apps = named.get(&blob.digest);
            let kind = if apps.is_some() {
                Kind::Slug
            } else if needs.sources.contains(&blob.digest) {
                Kind::Source
            } else {
                Kind::Unnamed
            };
            tally.add(kind, blob.bytes, apps.into_iter().flatten().copied());
        }
        for stored in self.runtime.stored().await? {
            let apps: Vec<AppId> = match stored.kind {
                StoredKind::SlugImage { slug, .. } => slug.and_then(|slug| named.get(&slug)).into_iter().flatten().copied().collect(),
                StoredKind::Cache { app } => app.into_iter().collect(),
                StoredKind::StackImage { .. } => Vec::new(),
            };
            tally.add(Kind::of(stored.kind), stored.bytes, apps);
        }
        for (app, bytes) in self.keeping.repositories.sizes().await.map_err(unread)? {
            tally.add(Kind::Repository, bytes, [app]);
        }
        Ok((needs, tally))
    }

    /// Everything that a sweep would remove, by the rules by which it removes.
    async fn unneeded(&self) -> Result<Vec<Garbage>, Refusal> {
        let now = self.clock.now();
        let needs = self.needs(&mut self.store.read().await?, now).await?;
        let (kept, wanted, named) = (needs.kept(), needs.blobs(), needs.named_slugs());
        let whose = |slug: Sha256| named.get(&slug).and_then(|apps| apps.first().copied());
        let app = |id: Option<AppId>| id.and_then(|id| needs.apps.get(&id)).cloned();
        let mut garbage = Vec::new();
        for blob in self.builder.blobs().list().await.map_err(broken)? {
            if blob.unneeded(&wanted, now - GRACE) {
                let of = whose(blob.digest);
                let (kind, reason) = if of.is_some() { (Kind::Slug, NO_RELEASE) } else { (Kind::Unnamed, "nothing names it") };
                garbage.push(Garbage { kind, name: blob.digest.to_string(), app: app(of), bytes: blob.bytes, reason });
            }
        }
        for stored in self.runtime.stored().await? {
            let Some(why) = stored.unneeded(&kept) else { continue };
            let of = match stored.kind {
                StoredKind::SlugImage { slug, .. } => slug.and_then(whose),
                StoredKind::Cache { app } => app,
                StoredKind::StackImage { .. } => None,
            };
            let reason = match why {
                Unneeded::Outdated => "its stack has a newer image",
                Unneeded::NoSlug => NO_RELEASE,
                Unneeded::AppGone => APP_GONE,
                Unneeded::Idle => "its app was not built for long",
            };
            garbage.push(Garbage { kind: Kind::of(stored.kind), name: stored.name, app: app(of), bytes: stored.bytes, reason });
        }
        for (of, bytes) in self.keeping.repositories.sizes().await.map_err(unread)? {
            if !needs.apps.contains_key(&of) {
                garbage.push(Garbage { kind: Kind::Repository, name: of.to_string(), app: None, bytes, reason: APP_GONE });
            }
        }
        Ok(garbage)
    }
}

const NO_RELEASE: &str = "no release that can be gone back to has it";
const APP_GONE: &str = "its app is gone";

impl Needs {
    /// Whose slugs a blob is; several apps may have the same bytes.
    fn named_slugs(&self) -> HashMap<Sha256, BTreeSet<AppId>> {
        let mut named: HashMap<_, BTreeSet<_>> = HashMap::new();
        for slug in self.slugs.iter().chain(&self.expiring) {
            named.entry(slug.sha256).or_default().insert(slug.app);
        }
        named
    }
}

#[derive(Default)]
struct Tally {
    kinds: BTreeMap<Kind, (u64, u64)>,
    apps: BTreeMap<AppId, u64>,
}

impl Tally {
    fn add(&mut self, kind: Kind, bytes: u64, apps: impl IntoIterator<Item = AppId>) {
        let (count, sum) = self.kinds.entry(kind).or_default();
        *count += 1;
        *sum += bytes;
        for app in apps {
            *self.apps.entry(app).or_default() += bytes;
        }
    }
}

fn broken(error: BlobError) -> Refusal {
    Refusal::Platform(Box::new(error))
}

fn unread(error: std::io::Error) -> Refusal {
    Refusal::Platform(Box::new(error))
}
