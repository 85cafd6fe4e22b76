//! Apps' build caches: a volume per app and stack.

use bollard::{
    models::VolumeCreateRequest,
    query_parameters::{ListVolumesOptions, RemoveVolumeOptions},
};
use domain::{AppId, StackName};
use ports::RuntimeError;

use crate::{
    connect::Engine,
    error::{refused, status},
    labels::{APP, Kind},
};

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
        let mut filters = self.instance.filter(Kind::Cache);
        filters.entry("label".to_owned()).or_default().push(format!("{APP}={app}"));
        let volumes = self.api.list_volumes(Some(ListVolumesOptions { filters: Some(filters) })).await.map_err(refused)?;
        for volume in volumes.volumes.unwrap_or_default() {
            match self.api.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await {
                Err(error) if status(&error) != Some(404) => return Err(refused(error)),
                _ => {}
            }
        }
        Ok(())
    }
}
