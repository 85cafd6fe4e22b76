//! What a crash left unfinished, settled once at start.

use domain::{Build, BuildFailure, BuildStatus, FailureKind, Release, release::ReleaseStatus};
use store::StoreError;

use crate::{happenings::Happening, platform::Platform};

impl Platform {
    /// Fails every build and release phase that the last life of the platform did not finish, each with a plain sentence.
    /// Log drains go on. Nothing else needs settling: what dynos owe follows from their records.
    pub async fn recover(&self) -> Result<(), StoreError> {
        self.open_drains().await?;
        let now = self.clock.now();
        let mut tx = self.store.write().await?;
        let unfinished = tx.unfinished_builds().await?;
        for build in &unfinished {
            let message = "The platform was restarted during this build. Push again to build it.".to_owned();
            let output = format!("{}\n !     {message}\n", build.output);
            let failure = Some(BuildFailure { kind: FailureKind::Interrupted, message });
            let build = Build { status: BuildStatus::Failed, failure, output, updated_at: now, ..build.clone() };
            tx.update_build(&build).await?;
            self.build_closed(&mut tx, &build).await?;
        }
        let mut halted = Vec::new();
        for app in tx.apps().await? {
            for release in tx.releases(app.id).await?.into_iter().filter(|release| release.status == ReleaseStatus::Pending) {
                tx.set_release_status(release.id, ReleaseStatus::Failed).await?;
                let release = Release { status: ReleaseStatus::Failed, ..release };
                self.happened(&mut tx, &app, release.user, &Happening::ReleaseSettled(&release)).await?;
                halted.push(release);
            }
        }
        tx.commit().await?;
        for build in unfinished {
            self.tell_api(build.app, "Build failed: the platform was restarted during it. Push again to build it.");
        }
        for release in halted {
            self.tell_api(release.app, format!("Release {} failed: the platform was restarted during its release command.", release.version));
        }
        Ok(())
    }
}
