//! Which buildpacks an app is built with. A change makes no release: the next build goes by it.

use domain::{App, AppId, BuildpackRef, StackName, buildpack::replaced};

use crate::{accounts::Actor, authority::Permission, platform::Platform, refusal::Refusal};

impl Platform {
    /// The app's buildpacks in order; none means that the one that fits is found.
    pub async fn buildpacks(&self, actor: &Actor, app: &str) -> Result<(App, Vec<BuildpackRef>), Refusal> {
        let mut tx = self.store.read().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::View).await?;
        let buildpacks = tx.buildpacks(app.id).await?;
        Ok((app, buildpacks))
    }

    /// Replaces the app's buildpacks by these, named as people name them.
    pub async fn set_buildpacks(&self, actor: &Actor, app: &str, asked: &[String]) -> Result<(App, Vec<BuildpackRef>), Refusal> {
        let mut tx = self.store.write().await?;
        let app = self.authorize_in(&mut tx, actor, app, Permission::Deploy).await?;
        let buildpacks = replaced(&tx.buildpacks(app.id).await?, asked)?;
        tx.set_buildpacks(app.id, &buildpacks).await?;
        tx.commit().await?;
        Ok((app, buildpacks))
    }

    /// The buildpacks that are asked for for one build: the app's own stay as they are, and lend their credentials.
    pub(crate) async fn for_one_build(&self, app: &App, asked: &[String]) -> Result<Option<Vec<BuildpackRef>>, Refusal> {
        if asked.is_empty() {
            return Ok(None);
        }
        let own = self.store.read().await?.buildpacks(app.id).await?;
        Ok(Some(replaced(&own, asked)?))
    }

    /// What builds kept was made on another stack: nothing of it fits.
    pub(crate) async fn forget_cache(&self, app: AppId, stack: &StackName) {
        if let Err(error) = self.builder.purge_cache(app).await {
            // A build is using it, or the engine is away. Each stack has a cache of its own, so that nothing is mixed up.
            tracing::warn!(%app, %stack, error = &error as &dyn std::error::Error, "the build cache of the stack before could not be purged");
        }
    }
}
