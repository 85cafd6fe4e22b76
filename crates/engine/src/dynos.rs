//! Dynos as people see and restart them.

use domain::{App, AppId, DynoName, DynoSize, Feature, Id, ProcessType, Release, dyno::Dyno, formation::Desired, notice::Notice, one_off::typed};
use jiff::Timestamp;
use ports::runtime::ContainerKey;
use store::{DynoRecord, Tx};

use crate::{
    accounts::Actor,
    authority::Permission,
    platform::{Platform, lock},
    refusal::Refusal,
    releases::slug_of,
    waiting::why_waiting,
};

/// A dyno as `ps` shows it.
#[derive(Debug, Clone)]
pub struct DynoView {
    pub id: Id<Dyno>,
    pub name: DynoName,
    pub command: String,
    pub size: DynoSize,
    /// `starting`, `up`, `crashed`, `idle`, `down`.
    pub state: &'static str,
    /// The release it runs.
    pub release: Release,
    pub since: Timestamp,
    /// Why something waits, in a sentence.
    pub waiting_for: Option<String>,
}

/// Which dynos are meant.
#[derive(Debug, Clone)]
pub enum Which {
    All,
    Type(ProcessType),
    One(DynoName),
}

impl Platform {
    /// Every dyno of an app: the formation's, then one-off dynos.
    pub async fn dynos(&self, app: &App) -> Result<Vec<DynoView>, Refusal> {
        let mut tx = self.store.read().await?;
        let releases = tx.releases(app.id).await?;
        let formation = tx.formation(app.id).await?;
        let now = self.clock.now();
        let current = tx.current_release(app.id).await?.map(|release| release.version);
        let away = lock(&self.engine_away).clone();
        let mut views = Vec::new();
        for record in tx.dynos(app.id).await? {
            let Some(release) = releases.iter().find(|release| release.version == record.dyno.release) else { continue };
            let slug = slug_of(&mut tx, release.slug).await?;
            let command = slug.as_ref().and_then(|slug| slug.process_types.command(&record.name.process_type)).unwrap_or_default().to_owned();
            let size = formation.get(&record.name.process_type).map(|scale| scale.size.clone()).unwrap_or_default();
            let trouble = lock(&self.troubles).get(&ContainerKey { app: app.id, dyno: record.name.clone() }).cloned();
            let waiting_for = why_waiting(&record.dyno, current, trouble.or_else(|| away.clone()), now);
            views.push(DynoView {
                id: record.id,
                name: record.name,
                command,
                size,
                state: record.dyno.word(),
                release: release.clone(),
                since: record.dyno.since(),
                waiting_for,
            });
        }
        for one_off in tx.one_offs(app.id).await? {
            let Some(release) = releases.iter().find(|release| release.version == one_off.release) else { continue };
            let state = if one_off.started { "up" } else { "starting" };
            let id = Id::from_uuid(one_off.id.uuid());
            views.push(DynoView {
                id,
                name: one_off.name,
                command: typed(&one_off.command).to_owned(),
                size: one_off.size,
                state,
                release: release.clone(),
                since: one_off.created_at,
                waiting_for: None,
            });
        }
        Ok(views)
    }

    /// Stops the dynos meant and starts them again.
    pub async fn restart(&self, actor: &Actor, app: &str, which: &Which) -> Result<App, Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let meant = |name: &DynoName| match which {
            Which::All => true,
            Which::Type(process_type) => name.process_type == *process_type,
            Which::One(one) => name == one,
        };
        let records: Vec<_> = tx.dynos(app.id).await?.into_iter().filter(|record| meant(&record.name)).collect();
        if records.is_empty() && !matches!(which, Which::All) {
            return Err(Refusal::NotFound("dyno"));
        }
        let notices = self.restart_in(&mut tx, app.id, records).await?;
        tx.commit().await?;
        for (name, notice) in notices {
            notice.lines().into_iter().for_each(|line| self.tell(app.id, &name, line));
        }
        self.formation.up();
        Ok(app)
    }
    /// Has these dynos of an app on their way through a restart; gives what there is to tell of it.
    pub(crate) async fn restart_in(&self, tx: &mut Tx, app: AppId, mut records: Vec<DynoRecord>) -> Result<Vec<(String, Notice)>, Refusal> {
        let preboot = tx.features(app).await?.contains_key(&Feature::Preboot);
        let (orders, now) = (Desired { preboot, ..Desired::default() }, self.clock.now());
        let mut notices = Vec::new();
        for record in &mut records {
            let (dyno, notice) = record.dyno.restarted(orders.way(&record.name.process_type), now, &self.settings.policy);
            record.dyno = dyno;
            notices.extend(notice.map(|notice| (record.name.to_string(), notice)));
        }
        tx.save_dynos(app, &records).await?;
        Ok(notices)
    }
}
