//! A stack's image that is replaced while dynos run, and what becomes of all that was made from it.

use ports::{
    Chance, Runtime, Sandboxes,
    runtime::{Condition, Kept, Stored, StoredKind},
    sandbox::SandboxSpec,
};

use crate::place::{Place, Way, docker};

/// A name for a stack's image that is this test's alone; the image stays, the name goes.
struct PrivateTag(String);

impl PrivateTag {
    fn of(image: &str) -> Self {
        let tag = format!("mypaas-test-{}:run", u32::from_be_bytes(Chance::from_os().bytes()));
        docker(&["tag", image, &tag]);
        Self(tag)
    }

    /// Gives the name to an image with one more file in it: what an update does.
    fn update(&self, text: &str) {
        let container = docker(&["create", &self.0, "bash", "-c", &format!("echo {text} > /etc/updated")]);
        docker(&["start", "--attach", container.trim()]);
        docker(&["commit", container.trim(), &self.0]);
        docker(&["rm", container.trim()]);
    }
}

impl Drop for PrivateTag {
    fn drop(&mut self) {
        docker(&["rmi", &self.0]);
    }
}

fn images(stored: &[Stored]) -> Vec<(&'static str, bool, bool)> {
    let image = |stored: &Stored| match stored.kind {
        StoredKind::SlugImage { outdated, .. } => Some(("slug", outdated, stored.in_use)),
        StoredKind::StackImage { outdated } => Some(("stack", outdated, stored.in_use)),
        StoredKind::Cache { .. } => None,
    };
    let mut images: Vec<_> = stored.iter().filter_map(image).collect();
    images.sort_unstable();
    images
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_dyno_moves_to_the_newest_base_when_next_started_and_the_old_one_is_collected() {
    let tag = PrivateTag::of("mypaas/heroku-24:run-runtimes");
    let place = Place::made(Way::Image, |settings| settings.stacks[0].run_image.clone_from(&tag.0)).await;
    let slug = place.slug(&[("hello", "the same slug")]).await;
    let kept = Kept { apps: [place.app].into(), slugs: [slug].into(), ..Kept::default() };
    let command = "echo $(cat hello) on $(cat /etc/updated 2> /dev/null || echo the first base); sleep 600";
    let mut spec = place.spec("worker.1", 1, command);
    spec.image.slug = Some(slug);
    place.docker.ensure_running(&spec).await.unwrap();
    place.until_logged("the same slug on the first base").await;
    let first = place.docker.bases().await.unwrap().remove(0);
    assert_eq!((first.image.as_str(), first.variant), (tag.0.as_str(), "plain"));
    assert_eq!(place.seen("worker.1").await.unwrap().base, Some(first.digest.clone()));
    assert_eq!(images(&place.docker.stored().await.unwrap()), [("slug", false, true), ("stack", false, true)]);

    tag.update("the_second_base");
    let second = place.docker.bases().await.unwrap().remove(0);
    assert!(second.digest != first.digest && second.image_id != first.image_id && second.made_at > first.made_at, "{first:?} {second:?}");
    // Nothing happens to what runs, nor to what it runs on.
    place.docker.retain(&kept).await.unwrap();
    assert_eq!(images(&place.docker.stored().await.unwrap()), [("slug", true, true), ("stack", true, true)]);
    assert_eq!(place.seen("worker.1").await.unwrap().base, Some(first.digest));

    // The next start, of the same release.
    spec.generation = 2;
    place.docker.ensure_running(&spec).await.unwrap();
    place.until_logged("the same slug on the_second_base").await;
    let seen = place.until("worker.1", |condition| matches!(condition, Condition::Running { .. })).await;
    assert_eq!((seen.generation, seen.base), (2, Some(second.digest)));
    assert_eq!(images(&place.docker.stored().await.unwrap()), [("slug", false, true), ("slug", true, false), ("stack", false, true), ("stack", true, false)]);
    place.docker.retain(&kept).await.unwrap();
    assert_eq!(images(&place.docker.stored().await.unwrap()), [("slug", false, true), ("stack", false, true)]);
    place.docker.ensure_gone(&spec.key, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn while_a_stacks_image_is_missing_nothing_made_of_it_goes() {
    let tag = PrivateTag::of("mypaas/heroku-24:run-runtimes");
    let place = Place::made(Way::Image, |settings| settings.stacks[0].run_image.clone_from(&tag.0)).await;
    place.docker.ensure_image(&place.spec("web.1", 1, "true").image).await.unwrap();
    docker(&["rmi", &tag.0]);
    assert_eq!(place.docker.bases().await.unwrap(), []);
    place.docker.retain(&Kept::default()).await.unwrap();
    assert_eq!(images(&place.docker.stored().await.unwrap()), [("stack", false, false)]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_cache_is_measured_and_goes_when_nobody_uses_it() {
    let place = Place::new().await;
    let spec = SandboxSpec {
        app: place.app,
        stack: "heroku-24".parse().unwrap(),
        name: "one".to_owned(),
        cache_dir: "/tmp/codon/tmp/cache",
        memory_mib: 256,
        cpu_milli: 1000,
        pids: 100,
    };
    let sandbox = place.docker.open(&spec).await.unwrap();
    let mut file = tar::Header::new_gnu();
    file.set_mode(0o644);
    file.set_size(3 << 20);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut file, "big", &vec![7; 3 << 20][..]).unwrap();
    let tar: Result<bytes::Bytes, std::io::Error> = Ok(tar.into_inner().unwrap().into());
    sandbox.put("/tmp/codon/tmp/cache", Box::pin(futures_util::stream::iter([tar]))).await.unwrap();

    let caches = async || -> Vec<Stored> {
        let stored = place.docker.stored().await.unwrap();
        stored.into_iter().filter(|stored| matches!(stored.kind, StoredKind::Cache { .. })).collect()
    };
    let cache = caches().await.remove(0);
    assert!(cache.kind == StoredKind::Cache { app: Some(place.app) } && cache.bytes >= 3 << 20 && cache.in_use, "{cache:?}");
    place.docker.retain(&Kept::default()).await.unwrap();
    assert_eq!(caches().await.len(), 1, "a build is using it");
    sandbox.close().await.unwrap();
    let apps = [place.app];
    place.docker.retain(&Kept { apps: apps.into(), ..Kept::default() }).await.unwrap();
    assert_eq!(caches().await.len(), 1, "the app is there and not idle");
    place.docker.retain(&Kept { apps: apps.into(), idle: apps.into(), ..Kept::default() }).await.unwrap();
    assert_eq!(caches().await, []);
}
