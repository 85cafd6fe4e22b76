//! How many dynos of which type and size.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    App, ProcessType,
    formation::{Scale, quantity},
};

use crate::{accounts::Actor, authority::Permission, happenings::Happening, platform::Platform, refusal::Refusal};

/// A change of one process type; what is `None` stays.
#[derive(Debug, Clone)]
pub struct ScaleChange {
    pub process_type: String,
    /// `4`, `+1`, `-1`.
    pub quantity: Option<String>,
    pub size: Option<String>,
}

impl Platform {
    /// Changes a formation, all types or none.
    pub async fn scale(&self, actor: &Actor, app: &str, changes: &[ScaleChange]) -> Result<(App, BTreeMap<ProcessType, Scale>), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Operate).await?;
        let mut formation = tx.formation(app.id).await?;
        let before = formation.clone();
        let (mut told, mut resized) = (Vec::new(), BTreeSet::new());
        for change in changes {
            let process_type: ProcessType = change.process_type.parse()?;
            let scale = formation.get_mut(&process_type).ok_or_else(|| no_such_type(&process_type))?;
            if let Some(text) = &change.quantity {
                scale.quantity = quantity(text, scale.quantity)?;
            }
            if let Some(text) = &change.size {
                let size = self.settings.sizes.find(text)?;
                if std::mem::replace(&mut scale.size, size.clone()) != size {
                    resized.insert(process_type.clone());
                }
            }
            told.push(format!("{process_type}@{}:{}", scale.quantity, scale.size));
        }
        self.within_quota(&formation)?;
        tx.set_formation(app.id, &formation).await?;
        // A dyno has its size from its start on.
        let records = tx.dynos(app.id).await?.into_iter().filter(|record| resized.contains(&record.name.process_type)).collect();
        let notices = self.restart_in(&mut tx, app.id, records).await?;
        for (process_type, now) in &formation {
            if let Some(before) = before.get(process_type).filter(|before| *before != now) {
                self.happened(&mut tx, &app, actor.account.id, &Happening::Scaled { process_type, before, now }).await?;
            }
        }
        tx.commit().await?;
        if !told.is_empty() {
            self.tell_api(app.id, format!("Scaled to {} by user {}", told.join(" "), actor.account.email));
        }
        for (name, notice) in notices {
            notice.lines().into_iter().for_each(|line| self.tell(app.id, &name, line));
        }
        self.formation.up();
        Ok((app, formation))
    }
}

impl Platform {
    /// Whether an app may ask for all this.
    fn within_quota(&self, formation: &BTreeMap<ProcessType, Scale>) -> Result<(), Refusal> {
        let quota = self.settings.quota;
        let dynos: u64 = formation.values().map(|scale| u64::from(scale.quantity)).sum();
        if dynos > u64::from(quota.dynos) {
            return Err(Refusal::Invalid(format!("Cannot scale to {dynos} dynos in all (an app may have {})", quota.dynos)));
        }
        let memory: u64 = formation.values().map(|scale| u64::from(scale.quantity) * self.settings.sizes.limits(&scale.size).memory_mib).sum();
        match quota.memory_mib {
            Some(most) if memory > most => {
                Err(Refusal::Invalid(format!("Cannot scale to dynos with {memory} MB of memory in all (an app may have {most} MB)")))
            }
            _ => Ok(()),
        }
    }
}

/// Heroku's words for a type that the app's slug does not have.
fn no_such_type(process_type: &ProcessType) -> Refusal {
    Refusal::Invalid(format!(
        "Couldn't find that process type ({process_type}). The app's Procfile names its process types; nothing was deployed yet if there are none."
    ))
}
