//! Apps' build caches: a volume per app and stack.

use std::time::Duration;

use bollard::{
    models::{Volume, VolumeCreateRequest},
    query_parameters::{ListVolumesOptions, RemoveVolumeOptions},
};
use domain::{AppId, StackName};
use ports::RuntimeError;

use tokio::time;

use crate::{
    connect::Engine,
    error::{refused, status},
    labels::{APP, Kind},
};

/// A build that has ended holds its cache until its container is removed, which is waited for no longer than this.
const REMOVALS: Duration = Duration::from_secs(30);

impl Engine {
    /// The name of the cache's volume, which exists afterwards.
    pub(crate) async fn cache(&self, app: AppId, stack: &StackName) -> Result<String, RuntimeError> {
        let name = self.instance.cache(app, stack);
        let mut labels = self.instance.labels(Kind::Cache);
        labels.insert(APP.to_owned(), app.to_string());
        let request = VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels), ..Default::default() };
        self.api.create_volume(request).await.map_err(refused)?;
        Ok(name)
    }

    /// Removes an app's caches, of every stack. One that a build is using is refused.
    pub(crate) async fn forget_caches(&self, app: AppId) -> Result<(), RuntimeError> {
        self.builds_are_gone().await;
        for volume in self.caches().await?.into_iter().filter(|volume| of(volume) == Some(app)) {
            self.remove_cache(&volume.name).await?;
        }
        Ok(())
    }

    /// Waits until the containers of builds that have ended hold no cache any more.
    pub(crate) async fn builds_are_gone(&self) {
        drop(time::timeout(REMOVALS, self.removals.write()).await);
    }

    pub(crate) async fn caches(&self) -> Result<Vec<Volume>, RuntimeError> {
        let options = ListVolumesOptions { filters: Some(self.instance.filter(Kind::Cache)) };
        Ok(self.api.list_volumes(Some(options)).await.map_err(refused)?.volumes.unwrap_or_default())
    }

    pub(crate) async fn remove_cache(&self, volume: &str) -> Result<(), RuntimeError> {
        match self.api.remove_volume(volume, None::<RemoveVolumeOptions>).await {
            Err(error) if status(&error) != Some(404) => Err(refused(error)),
            _ => Ok(()),
        }
    }
}

/// Whose cache it is.
pub(crate) fn of(volume: &Volume) -> Option<AppId> {
    volume.labels.get(APP)?.parse().ok()
}
