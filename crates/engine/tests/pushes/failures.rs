//! Every way in which a build fails: what the person reads, and what is remembered of it.

use std::time::Duration;

use builder::Limits;
use domain::{BuildStatus, FailureKind};

use crate::{
    bench::Trouble,
    story::{Story, tar},
};

databases::on_both!(
    each_failure_has_its_sentence_and_its_word,
    limits_have_words_of_their_own,
    a_build_that_hangs_can_be_cancelled,
    a_release_command_that_fails_leaves_the_old_release_running
);

impl Story {
    /// Pushes what must fail; the failure's word in the row. The sentence stands there and on the screen.
    async fn fails(&self, files: &[(&str, &str)], sentence: &str) -> &'static str {
        let (released, seen) = self.push_tree(tar(files)).await;
        assert!(released.is_err_and(|error| error.to_string().contains(sentence)), "{seen}");
        assert!(seen.contains(&format!(" !     {sentence}")) && seen.contains(" !     Push failed"), "{seen}");
        let build = self.newest_build().await;
        let failure = build.failure.unwrap();
        assert!(build.status == BuildStatus::Failed && failure.message.contains(sentence) && build.output == seen, "{failure:?}");
        assert_eq!(self.platform.store.read().await.unwrap().releases(self.app.id).await.unwrap().len(), 2, "nothing is released");
        failure.kind.word()
    }
}

async fn each_failure_has_its_sentence_and_its_word() {
    let story = Story::begin().await;
    story.bench.nothing_fits();
    assert_eq!(story.fails(&[], "No default language could be detected for this app.").await, "no_buildpack");
    story.bench.fits("nodejs");
    assert_eq!(story.fails(&[("Procfile", "web node")], "Procfile line 1 does not read `type: command`: web node").await, "source");
    assert_eq!(story.fails(&[("app.json", "{")], "Push rejected, app.json cannot be read: EOF").await, "source");
    for (trouble, sentence, word) in [
        (Trouble::CompileFails, "Push rejected, failed to compile nodejs app.", "compile"),
        (Trouble::OutOfMemory, "Push rejected, the build ran out of memory (limit is 2560 MB).", "out_of_memory"),
        (Trouble::NoSandbox, "The platform could not finish the build.", "platform"),
    ] {
        story.bench.is_in(trouble);
        assert_eq!(story.fails(&[], sentence).await, word);
    }
    assert!(!story.newest_build().await.output.contains("/var/lib"), "what the platform's trouble is, is not the person's business");
    story.bench.is_in(Trouble::None);
    story.push().await.0.unwrap();
    assert_eq!(story.newest_build().await.failure, None);
}

async fn limits_have_words_of_their_own() {
    let story = Story::with(Limits { time: Duration::from_millis(50), ..Limits::default() }).await;
    story.bench.is_in(Trouble::Hangs);
    assert_eq!(story.fails(&[], "Push rejected, the build timed out (limit is 0 seconds).").await, "timed_out");
    let story = Story::with(Limits { slug_bytes: 10, ..Limits::default() }).await;
    assert_eq!(story.fails(&[], "Compiled slug size: ").await, "slug_too_large");
    let story = Story::with(Limits { min_free_bytes: u64::MAX, ..Limits::default() }).await;
    assert_eq!(story.fails(&[], "The platform's disk is nearly full: ").await, "disk_full");
}

async fn a_build_that_hangs_can_be_cancelled() {
    let story = Story::begin().await;
    story.bench.is_in(Trouble::Hangs);
    let push = story.push();
    let cancel = async {
        let id = story.until("the build compiles", async || if story.bench.compiled().is_empty() { None } else { Some(story.newest_build().await.id) }).await;
        let (_, build) = story.platform.cancel_build(&story.actor, "shop", &id.to_string()).await.unwrap();
        build
    };
    let ((released, seen), build) = tokio::join!(push, cancel);
    assert!(released.is_err() && seen.contains(" !     Build cancelled by ann@example.com.\n"), "{seen}");
    assert_eq!((build.status, build.failure.unwrap().kind), (BuildStatus::Failed, FailureKind::Cancelled));
}

async fn a_release_command_that_fails_leaves_the_old_release_running() {
    let story = Story::begin().await;
    story.push().await.0.unwrap();
    story.bench.procfile("web: x\nrelease: migrate\n");
    story.runtime.attached_end_with(7);
    let (released, seen) = story.push().await;
    let version = released.unwrap();
    assert!(seen.contains("Running release command...\n") && seen.ends_with("Waiting for release.... failed.\n"), "{seen}");
    let build = story.newest_build().await;
    let failure = build.failure.unwrap();
    let sentence = format!("The release command of v{version} failed; the release before it runs on.");
    assert_eq!((build.status, failure.kind.word(), failure.message), (BuildStatus::Succeeded, "release_phase", sentence));
    let current = story.platform.store.read().await.unwrap().current_release(story.app.id).await.unwrap().unwrap();
    assert_eq!(current.version.0, version - 1);

    story.runtime.attached_end_with(0);
    let (released, seen) = story.push().await;
    assert!(seen.ends_with("Waiting for release.... done.\n"), "{seen}");
    let current = story.platform.store.read().await.unwrap().current_release(story.app.id).await.unwrap().unwrap();
    assert_eq!((current.version.0, story.newest_build().await.failure), (released.unwrap(), None));
}
