//! Dynos as people see and restart them.

use domain::{
    App, DynoName, DynoSize, Feature, Id, ProcessType, Release,
    dyno::{Dyno, State},
    formation::Desired,
    one_off::typed,
};
use jiff::{SignedDuration, Timestamp};
use ports::runtime::ContainerKey;

use crate::{
    accounts::Actor,
    authority::Permission,
    platform::{Platform, lock},
    refusal::Refusal,
    releases::slug_of,
};

/// A dyno as `ps` shows it.
#[derive(Debug, Clone)]
pub struct DynoView {
    pub id: Id<Dyno>,
    pub name: DynoName,
    pub command: String,
    pub size: DynoSize,
    /// `starting`, `up`, `crashed`, `down`.
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
        let mut views = Vec::new();
        for record in tx.dynos(app.id).await? {
            let Some(release) = releases.iter().find(|release| release.version == record.dyno.release) else { continue };
            let slug = slug_of(&mut tx, release.slug).await?;
            let command = slug.as_ref().and_then(|slug| slug.process_types.command(&record.name.process_type)).unwrap_or_default().to_owned();
            let size = formation.get(&record.name.process_type).map(|scale| scale.size.clone()).unwrap_or_default();
            let trouble = lock(&self.troubles).get(&ContainerKey { app: app.id, dyno: record.name.clone() }).cloned();
            let waiting_for = why_waiting(&record.dyno, now).or(trouble);
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
        let now = self.clock.now();
        let meant = |name: &DynoName| match which {
            Which::All => true,
            Which::Type(process_type) => name.process_type == *process_type,
            Which::One(one) => name == one,
        };
        let preboot = tx.features(app.id).await?.contains_key(&Feature::Preboot);
        let orders = Desired { preboot, ..Desired::default() };
        let mut notices = Vec::new();
        let mut records: Vec<_> = tx.dynos(app.id).await?.into_iter().filter(|record| meant(&record.name)).collect();
        if records.is_empty() && !matches!(which, Which::All) {
            return Err(Refusal::NotFound("dyno"));
        }
        for record in &mut records {
            let (dyno, notice) = record.dyno.restarted(orders.way(&record.name.process_type), now, &self.settings.policy);
            record.dyno = dyno;
            notices.extend(notice.map(|notice| (record.name.to_string(), notice)));
        }
        tx.save_dynos(app.id, &records).await?;
        tx.commit().await?;
        for (name, notice) in notices {
            notice.lines().into_iter().for_each(|line| self.tell(app.id, &name, line));
        }
        self.formation.up();
        Ok(app)
    }
}

fn why_waiting(dyno: &Dyno, now: Timestamp) -> Option<String> {
    let State::Crashed { restart_at, .. } = dyno.state else { return None };
    let times = match dyno.crashes_in_a_row {
        1 => "crashed".to_owned(),
        2 => "crashed twice".to_owned(),
        n => format!("crashed {n} times in a row"),
    };
    let wait = restart_at.duration_since(now);
    Some(if wait <= SignedDuration::ZERO { format!("{times}, starting again") } else { format!("{times}, next start in {}", in_words(wait)) })
}

fn in_words(wait: SignedDuration) -> String {
    let seconds = wait.as_secs();
    if seconds < 90 { format!("{} s", seconds.max(1)) } else { format!("{} min", (seconds + 30) / 60) }
}

#[cfg(test)]
mod tests {
    use domain::ReleaseVersion;

    use super::*;

    #[test]
    fn says_why_a_crashed_dyno_waits() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let crashed = |crashes_in_a_row, secs| Dyno {
            state: State::Crashed { since: now, restart_at: now + SignedDuration::from_secs(secs) },
            generation: 2,
            release: ReleaseVersion(1),
            crashes_in_a_row,
            predecessor: None,
        };
        assert_eq!(why_waiting(&crashed(2, 240), now).unwrap(), "crashed twice, next start in 4 min");
        assert_eq!(why_waiting(&crashed(5, 30), now).unwrap(), "crashed 5 times in a row, next start in 30 s");
        assert_eq!(why_waiting(&crashed(1, 0), now).unwrap(), "crashed, starting again");
        assert_eq!(why_waiting(&Dyno::born(now, ReleaseVersion(1)), now), None);
    }
}
