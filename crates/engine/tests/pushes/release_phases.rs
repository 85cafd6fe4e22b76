//! The release phase of releases that no push has made.

use domain::{Release, release::ReleaseStatus};
use futures_util::StreamExt;

use crate::story::{Screen, Story};

databases::on_both!(
    a_change_of_config_waits_for_the_release_command,
    a_command_that_fails_leaves_the_dynos_as_they_are_and_the_config_changed,
    a_rollback_runs_the_command_of_what_it_goes_back_to,
    whoever_changes_config_during_a_release_loses_neither_code_nor_config,
    without_a_command_nothing_waits
);

impl Story {
    async fn with_release_command() -> Self {
        let story = Self::begin().await;
        story.bench.procfile("web: x\nrelease: migrate\n");
        story.runtime.attached_end_with(0);
        story.push().await.0.unwrap();
        story
    }

    async fn releases(&self) -> Vec<Release> {
        self.platform.store.read().await.unwrap().releases(self.app.id).await.unwrap()
    }

    async fn current(&self) -> Release {
        self.platform.store.read().await.unwrap().current_release(self.app.id).await.unwrap().unwrap()
    }

    /// Waits until no release is pending.
    async fn settled(&self) -> Vec<Release> {
        self.until("no release is pending", async || {
            let releases = self.releases().await;
            releases.iter().all(|release| release.status != ReleaseStatus::Pending).then_some(releases)
        })
        .await
    }

    async fn output(&self, release: &Release) -> Option<String> {
        self.platform.store.read().await.unwrap().release_output(release.id).await.unwrap()
    }
}

async fn a_change_of_config_waits_for_the_release_command() {
    let story = Story::with_release_command().await;
    let before = story.current().await;
    let turn = story.platform.take_turn(story.app.id, &mut Screen::default()).await;
    story.set("COLOUR", "green").await;
    let pending = story.releases().await.remove(0);
    assert_eq!((pending.status, pending.current, story.current().await.id), (ReleaseStatus::Pending, false, before.id));
    assert_eq!((pending.slug, story.config().await.contains(&"COLOUR=green".to_owned())), (before.slug, true));
    // It can be followed while it waits.
    let link = story.platform.link(engine::Link::ReleaseOutput(pending.id));
    let secret = link.rsplit('/').next().unwrap().to_owned();
    let heard = story.platform.follow_release(&pending.id.to_string(), &secret).await.unwrap().collect::<Vec<_>>();
    drop(turn);
    assert_eq!(heard.await.concat(), b"");
    let after = story.settled().await.remove(0);
    assert!(after.id == pending.id && after.current && after.status == ReleaseStatus::Succeeded, "{after:?}");
    assert_eq!(story.output(&after).await.as_deref(), Some(""));
}

async fn a_command_that_fails_leaves_the_dynos_as_they_are_and_the_config_changed() {
    let story = Story::with_release_command().await;
    let before = story.current().await;
    story.runtime.attached_end_with(7);
    story.set("COLOUR", "green").await;
    let failed = story.settled().await.remove(0);
    assert_eq!((failed.status, failed.current, story.current().await.id), (ReleaseStatus::Failed, false, before.id));
    // What is set stays set, and the next release has it.
    assert!(story.config().await.contains(&"COLOUR=green".to_owned()));
    story.runtime.attached_end_with(0);
    story.set("SIZE", "large").await;
    let next = story.settled().await.remove(0);
    let mut tx = story.platform.store.read().await.unwrap();
    let config = tx.release_config_vars(next.id).await.unwrap();
    assert!(next.current && next.slug == before.slug, "{next:?}");
    assert_eq!(config.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["COLOUR", "MINE", "POOL", "SIZE"]);
}

async fn a_rollback_runs_the_command_of_what_it_goes_back_to() {
    let story = Story::with_release_command().await;
    let first = story.current().await;
    story.bench.procfile("web: y\n");
    story.push().await.0.unwrap();
    story.runtime.attached_end_with(1);
    story.platform.rollback(&story.actor, "shop", &first.version.to_string()).await.unwrap();
    assert_eq!(story.settled().await[0].status, ReleaseStatus::Failed);
    story.runtime.attached_end_with(0);
    let (_, release) = story.platform.rollback(&story.actor, "shop", &first.version.to_string()).await.unwrap();
    assert_eq!(release.status, ReleaseStatus::Pending);
    let after = story.settled().await.remove(0);
    assert!(after.current && after.slug == first.slug, "{after:?}");
    // The same for a slug that is released once more.
    let (_, release) = story.platform.release_slug(&story.actor, "shop", first.slug.unwrap(), None).await.unwrap();
    assert_eq!(release.status, ReleaseStatus::Pending);
    assert!(story.settled().await[0].current);
}

async fn whoever_changes_config_during_a_release_loses_neither_code_nor_config() {
    let story = Story::with_release_command().await;
    let old = story.current().await;
    let turn = story.platform.take_turn(story.app.id, &mut Screen::default()).await;
    // A rollback to the same code stands for a deploy here: what matters is that it waits.
    story.platform.rollback(&story.actor, "shop", &old.version.to_string()).await.unwrap();
    story.set("COLOUR", "green").await;
    story.set("COLOUR", "blue").await;
    drop(turn);
    let newest = story.settled().await.remove(0);
    let config = story.platform.store.read().await.unwrap().release_config_vars(newest.id).await.unwrap();
    assert!(newest.current && newest.slug == old.slug, "{newest:?}");
    assert_eq!(config.iter().map(|(_, value)| value.expose()).collect::<Vec<_>>(), ["blue", "theirs", "5"]);
}

async fn without_a_command_nothing_waits() {
    let story = Story::begin().await;
    story.push().await.0.unwrap();
    story.set("COLOUR", "green").await;
    let release = story.releases().await.remove(0);
    assert!(release.current && release.status == ReleaseStatus::Succeeded, "{release:?}");
    assert_eq!(story.output(&release).await, None);
}
