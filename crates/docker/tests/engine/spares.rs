use std::process::Command;

use domain::Sha256;
use ports::{
    Runtime,
    runtime::{Condition, ContainerSpec, Kept},
};

use crate::place::{Place, SPARES, Way, mounts};

/// Everything that a dyno can tell of where it is. What differs from start to start is left out.
const WHO_AM_I: &str = "id; pwd; env | grep -v ^HOSTNAME= | sort; ulimit -a; umask; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.shares \
    /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max 2>/dev/null; grep -E 'Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn|SigCgt' /proc/self/status; readlink /proc/self/fd/0; hostname | sed 's/[0-9a-f]/x/g'; \
    find /app -printf '%p %y %m %U %G %T@ %l\\n' | sort; find /app -type f -printf '%p %s %n\\n' | sort; df --output=fstype /tmp | tail -1; echo $0 $# $-; cat /app/bin/tool; ./bin/tool; echo new >> /app/bin/tool; mkdir /app/new; \
    rm -r /app/gone; ls /app; cat /app/bin/tool; touch / 2>&1 || true; echo \"$LONG\" | md5sum; tr '\\0' ' ' </proc/1/cmdline | cut -c 1-20; echo warning >&2; exit 42";

async fn slug(place: &Place) -> Sha256 {
    place.slug(&[("bin/tool", "#!/bin/sh\necho tool of $TOOL\n"), ("gone/file", "x"), (".profile.d/a.sh", "export FROM_PROFILE=yes\n")]).await
}

async fn spec(place: &Place, dyno: &str, generation: u64, command: &str) -> ContainerSpec {
    let mut spec = place.spec(dyno, generation, command);
    spec.image.slug = Some(slug(place).await);
    spec.env.extend(
        [("TOOL", "all trades"), ("HOME", "/elsewhere"), ("LONG", &"x".repeat(100_000)), ("LINES", "a\nb=c")]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    spec
}

/// What a dyno says of itself, and how it ends.
async fn answers(way: Way) -> (Vec<String>, Option<i32>, bool) {
    let place = Place::of(way).await;
    let spec = spec(&place, "worker.1", 7, WHO_AM_I).await;
    place.docker.ensure_running(&spec).await.unwrap();
    let warm = place.listed(&["ps", "--all", "--filter", "label=mypaas.kind=spare", "--filter", "name=-worker.1"]).len() == 1;
    let status = place.docker.wait(&spec.key).await.unwrap();
    place.docker.ensure_gone(&spec.key, 7).await.unwrap();
    let mut said: Vec<String> = place.logs.texts().into_iter().filter(|line| !line.contains("dyno-init")).collect();
    // Errors are read beside the output.
    said.sort_by_key(|line| line.ends_with("warning"));
    (said, status, warm)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn however_a_dyno_gets_its_files_it_can_tell_no_difference() {
    let (image, status, warm) = answers(Way::Image).await;
    assert!(image.len() > 40 && !warm, "{image:#?}");
    assert_eq!(status, Some(42));
    for way in [Way::Mounted, Way::Warm] {
        let (said, status, warm) = answers(way).await;
        assert_eq!((status, warm), (Some(42), way == Way::Warm));
        for (one, other) in image.iter().zip(&said) {
            assert_eq!(one, other, "{way:?}");
        }
        assert_eq!(image.len(), said.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_spare_is_unseen_until_it_becomes_a_dyno_and_then_is_that_dyno_for_good() {
    let mut place = Place::of(Way::Warm).await;
    assert_eq!(place.docker.list().await.unwrap(), []);
    let spares = place.listed(&["ps", "--no-trunc"]);
    assert_eq!(spares.len(), SPARES);

    let mut spec = spec(&place, "web.1", 3, "echo $SECRET started; touch /app/mine; sleep 600").await;
    spec.env.push(("SECRET".to_owned(), "hush-hush".to_owned()));
    spec.command.push_str(" # also-hush");
    place.docker.ensure_running(&spec).await.unwrap();
    place.until_logged("hush-hush started").await;
    let id = place.listed(&["ps", "--no-trunc", "--filter", "name=-web.1"]);
    assert!(id.len() == 1 && spares.contains(&id[0]), "{id:?} {spares:?}");
    let shown = Command::new("docker").args(["inspect", &id[0]]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("mypaas.place") && !shown.contains("hush"), "{shown}");
    let seen = place.seen("web.1").await.unwrap();
    assert_eq!((seen.generation, seen.one_off), (3, false));

    // The next platform finds it, as old as it is; spares of the last one are gone, and new ones there.
    place.restart().await;
    assert_eq!(place.seen("web.1").await.unwrap(), seen);
    place.until_logged("hush-hush started").await;
    place.until_spares(SPARES).await;
    let now = place.listed(&["ps", "--all", "--no-trunc"]);
    assert!(now.len() == SPARES + 1 && now.iter().all(|container| *container == id[0] || !spares.contains(container)), "{now:?}");

    // Done again it is the same as done once; a newer generation takes its place, and starts from the slug as it was.
    place.docker.ensure_running(&spec).await.unwrap();
    assert_eq!(place.seen("web.1").await.unwrap(), seen);
    spec.generation = 4;
    spec.command = "ls /app; sleep 600".to_owned();
    place.docker.ensure_running(&spec).await.unwrap();
    assert_eq!(place.listed(&["ps", "--all", "--filter", "name=-web.1"]).len(), 1);
    assert_eq!(place.seen("web.1").await.unwrap().generation, 4);
    place.until_logged("bin").await;
    assert!(!place.logs.texts().iter().any(|line| line.ends_with("mine")));
    place.docker.ensure_gone(&spec.key, 4).await.unwrap();
    assert_eq!(place.docker.list().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn more_dynos_than_spares_all_run_and_nothing_of_them_is_left() {
    let place = Place::of(Way::Warm).await;
    let mut specs = Vec::new();
    for n in 1..=SPARES + 2 {
        specs.push(spec(&place, &format!("worker.{n}"), 1, "sleep 600").await);
    }
    let starts = specs.iter().cloned().map(|spec| {
        let docker = place.docker.clone();
        tokio::spawn(async move { docker.ensure_running(&spec).await })
    });
    for started in starts.collect::<Vec<_>>() {
        started.await.unwrap().unwrap();
    }
    assert_eq!(place.docker.list().await.unwrap().len(), SPARES + 2);
    for spec in &specs {
        place.docker.ensure_gone(&spec.key, 1).await.unwrap();
    }
    place.until_spares(SPARES).await;
    assert_eq!(place.places(), SPARES, "only those of spares");
    let overlays = mounts(place.folder.path()).into_iter().filter(|target| target.ends_with("/app")).count();
    assert_eq!(overlays, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn what_a_crash_or_an_admin_leaves_half_done_is_put_right() {
    let mut place = Place::of(Way::Warm).await;
    let spec = spec(&place, "worker.1", 5, "echo it runs; sleep 600").await;
    // A crash after a spare got the dyno's name and before it became the dyno.
    let name = format!("mypaas-{}-{}-worker.1", place.instance, place.app.tail());
    let spares = place.listed(&["ps", "--no-trunc"]);
    assert!(Command::new("docker").args(["rename", &spares[0], &name]).status().unwrap().success());
    assert_eq!(place.docker.list().await.unwrap(), []);
    place.docker.ensure_running(&spec).await.unwrap();
    place.until_logged("it runs").await;
    assert_eq!(place.listed(&["ps", "--all", "--filter", "name=-worker.1"]).len(), 1);
    assert!(matches!(place.seen("worker.1").await.unwrap().condition, Condition::Running { .. }));

    // Spares that an admin has removed are not waited for.
    for spare in place.listed(&["ps", "--no-trunc", "--filter", "name=-spare-"]) {
        Command::new("docker").args(["rm", "--force", &spare]).output().unwrap();
    }
    let other = crate::spares::spec(&place, "worker.2", 1, "sleep 600").await;
    place.docker.ensure_running(&other).await.unwrap();
    assert!(matches!(place.seen("worker.2").await.unwrap().condition, Condition::Running { .. }));

    // Places that no container is in are removed once they are old, whatever lies in them; files of slugs in use stay.
    let old = place.folder.path().join("dynos/0-0");
    std::fs::create_dir_all(old.join("upper/a/b")).unwrap();
    place.docker.retain(&Kept::default()).await.unwrap();
    assert!(!old.exists());
    assert_eq!(place.made_slugs(), 1);

    // As after the machine's own restart: no mounts, no processes. Dynos start afresh.
    for container in place.listed(&["ps", "--no-trunc"]) {
        Command::new("docker").args(["kill", &container]).output().unwrap();
    }
    for target in mounts(place.folder.path()).iter().rev() {
        Command::new("umount").args(["-l", "--", target]).status().unwrap();
    }
    place.restart().await;
    let next = ContainerSpec { generation: 6, command: "cat bin/tool; sleep 600".to_owned(), ..spec };
    place.docker.ensure_running(&next).await.unwrap();
    place.until_logged("echo tool of").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn without_mounts_everything_goes_by_images() {
    let mut place = Place::of(Way::Mounted).await;
    let spec = spec(&place, "worker.1", 1, "sleep 600").await;
    place.docker.ensure_running(&spec).await.unwrap();
    let seen = place.seen("worker.1").await.unwrap();
    assert_eq!(place.places(), 1);

    // A platform that does not mount slugs (any more) takes over those that are, and clears up after them.
    place.way = Way::Image;
    place.restart().await;
    assert_eq!(place.seen("worker.1").await.unwrap(), seen);
    let next = ContainerSpec { generation: 2, command: "./bin/tool; sleep 600".to_owned(), ..spec };
    place.docker.ensure_running(&next).await.unwrap();
    place.until_logged("tool of all trades").await;
    assert_eq!(place.listed(&["image", "ls", "--filter", "label=mypaas.kind=slug-image"]).len(), 1);
    assert_eq!(place.places(), 0);
}
