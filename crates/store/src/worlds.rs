//! Everything the reconciler and the router want to know of all apps, in seven statements however many apps there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{App, AppId, DomainName, Feature, ProcessType, Release, Slug, SlugId, formation::Scale};

use crate::{Tx, dynos::DynoRecord, error::R};

/// One app as it is meant to be, and what has become of its dynos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    pub app: App,
    pub current: Option<Release>,
    /// The current release's.
    pub slug: Option<Slug>,
    pub formation: BTreeMap<ProcessType, Scale>,
    /// By name.
    pub dynos: Vec<DynoRecord>,
    /// What is switched on.
    pub features: BTreeSet<Feature>,
    /// Host names besides its own, by name.
    pub domains: Vec<DomainName>,
}

impl Tx {
    /// Every app's world, by the app's name, all of one moment.
    pub async fn worlds(&mut self) -> R<Vec<World>> {
        let apps = self.apps().await?;
        let mut releases: HashMap<AppId, Release> = self.current_releases().await?.into_iter().map(|release| (release.app, release)).collect();
        let slugs: HashMap<SlugId, Slug> = self.current_slugs().await?.into_iter().map(|slug| (slug.id, slug)).collect();
        let mut formations: HashMap<AppId, BTreeMap<ProcessType, Scale>> = HashMap::new();
        for (app, (process_type, scale)) in self.all_formations().await? {
            formations.entry(app).or_default().insert(process_type, scale);
        }
        let mut dynos: HashMap<AppId, Vec<DynoRecord>> = HashMap::new();
        for (app, dyno) in self.all_dynos().await? {
            dynos.entry(app).or_default().push(dyno);
        }
        let mut features: HashMap<AppId, BTreeSet<Feature>> = HashMap::new();
        for (app, feature) in self.all_features().await? {
            features.entry(app).or_default().insert(feature);
        }
        let mut domains: HashMap<AppId, Vec<DomainName>> = HashMap::new();
        for domain in self.all_domains().await? {
            domains.entry(domain.app).or_default().push(domain.name);
        }
        let world = |app: App| {
            let current = releases.remove(&app.id);
            World {
                slug: current.as_ref().and_then(|release| slugs.get(&release.slug?)).cloned(),
                current,
                formation: formations.remove(&app.id).unwrap_or_default(),
                dynos: dynos.remove(&app.id).unwrap_or_default(),
                features: features.remove(&app.id).unwrap_or_default(),
                domains: domains.remove(&app.id).unwrap_or_default(),
                app,
            }
        };
        Ok(apps.into_iter().map(world).collect())
    }
}
