//! An installation of a test's own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use docker::{DiskLimits, Docker, LogRate, Reach, Settings, StackImages};
use domain::{AppId, Sha256};
use flate2::{Compression, write::GzEncoder};
use ports::{
    Blobs, Chance, Runtime,
    blobs::disk::DiskBlobs,
    clock::SystemClock,
    log_sink::KeptLines,
    runtime::{Condition, ContainerKey, ContainerSpec, Image, SeenContainer},
};

pub(crate) struct Place {
    pub(crate) docker: Arc<Docker>,
    pub(crate) logs: Arc<KeptLines>,
    pub(crate) blobs: Arc<DiskBlobs>,
    pub(crate) app: AppId,
    pub(crate) instance: String,
    pub(crate) folder: tempfile::TempDir,
    /// How dynos get their files from the next restart on.
    pub(crate) way: Way,
}

/// How dynos get their files; everything holds for each of them alike. `MYPAAS_TEST_WAY` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The slug is mounted in a spare dyno.
    Warm,
    /// The slug is mounted.
    Mounted,
    /// The slug is made an image.
    Image,
}

impl Way {
    pub(crate) fn chosen() -> Self {
        #[expect(clippy::disallowed_methods, reason = "chooses what is tested")]
        match std::env::var("MYPAAS_TEST_WAY").as_deref() {
            Ok("image") => Self::Image,
            Ok("mounted") => Self::Mounted,
            Ok("warm") | Err(_) => Self::Warm,
            Ok(other) => panic!("MYPAAS_TEST_WAY={other}: known are warm, mounted and image"),
        }
    }
}

/// Long enough for a slow machine; a condition that never comes is the failure.
const PATIENCE: Duration = Duration::from_secs(120);

impl Place {
    pub(crate) async fn new() -> Self {
        Self::made(Way::chosen(), |_| {}).await
    }

    /// With other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::made(Way::chosen(), change).await
    }

    pub(crate) async fn of(way: Way) -> Self {
        Self::made(way, |_| {}).await
    }

    pub(crate) async fn made(way: Way, change: impl FnOnce(&mut Settings)) -> Self {
        let chance = Chance::from_os();
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(DiskBlobs::open(folder.path().join("blobs")).await.unwrap());
        let instance = chance.bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let logs = Arc::new(KeptLines::default());
        let mut settings = settings_of(way, &instance, folder.path());
        change(&mut settings);
        let docker = Docker::connect(settings, blobs.clone(), Arc::new(SystemClock), logs.clone()).await.unwrap();
        let app = AppId::new("2026-11-21T00:00:00Z".parse().unwrap(), chance.bytes());
        let place = Self { docker, logs, blobs, app, instance, folder, way };
        if way == Way::Warm {
            place.until_spares(SPARES).await;
        }
        place
    }

    /// Waits until so many spare dynos run.
    pub(crate) async fn until_spares(&self, count: usize) {
        let wait = async {
            while self.listed(&["ps", "--filter", "label=mypaas.kind=spare", "--filter", "name=-spare-"]).len() < count {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("spares come up");
        // One is ready only a moment after it runs.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    pub(crate) fn settings(&self) -> Settings {
        settings_of(self.way, &self.instance, self.folder.path())
    }

    /// What was made of slugs, by their digests, one way or the other.
    pub(crate) fn made_slugs(&self) -> usize {
        let trees = std::fs::read_dir(self.folder.path().join("slugs")).unwrap();
        let trees = trees.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|suffix| suffix == "squashfs")).count();
        trees + self.listed(&["image", "ls", "--filter", "label=mypaas.kind=slug-image"]).len()
    }

    /// Places of dynos on the disk.
    pub(crate) fn places(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("dynos")).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != "empty").count()
    }

    /// Drops the connection and makes another one: what a restart of the platform does.
    pub(crate) async fn restart(&mut self) {
        self.logs = Arc::new(KeptLines::default());
        // One between the two, so that the last one is over before the next one begins.
        for settings in [Settings { spares: 0, ..self.settings() }, self.settings()] {
            self.docker = Docker::connect(settings, self.blobs.clone(), Arc::new(SystemClock), self.logs.clone()).await.unwrap();
        }
    }

    pub(crate) fn key(&self, dyno: &str) -> ContainerKey {
        ContainerKey { app: self.app, dyno: dyno.parse().unwrap() }
    }

    /// A dyno on the bare stack.
    pub(crate) fn spec(&self, dyno: &str, generation: u64, command: &str) -> ContainerSpec {
        ContainerSpec {
            key: self.key(dyno),
            generation,
            app_name: "shop".parse().unwrap(),
            release: 1,
            image: Image { stack: "heroku-24".parse().unwrap(), slug: None },
            command: command.to_owned(),
            env: vec![("GREETING".to_owned(), "good day".to_owned())],
            limits: domain::DynoSizes::default().limits(&"Basic".parse().unwrap()),
            port: None,
            beside: None,
        }
    }

    /// Stores a slug with these files under `app/`.
    pub(crate) async fn slug(&self, files: &[(&str, &str)]) -> Sha256 {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let header = || {
            let mut header = tar::Header::new_gnu();
            header.set_uid(1000);
            header.set_gid(1000);
            header.set_mode(0o755);
            header
        };
        // As the builder writes it: every folder before what is in it.
        let folders = files.iter().flat_map(|(path, _)| Path::new(path).ancestors().skip(1));
        for folder in folders.collect::<std::collections::BTreeSet<_>>() {
            let mut header = header();
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            tar.append_data(&mut header, Path::new("app").join(folder), std::io::empty()).unwrap();
        }
        for (path, text) in files {
            let mut header = header();
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, format!("app/{path}"), text.as_bytes()).unwrap();
        }
        self.blob(&tar.into_inner().unwrap().finish().unwrap()).await
    }

    pub(crate) async fn blob(&self, bytes: &[u8]) -> Sha256 {
        let mut writer = self.blobs.create().await.unwrap();
        writer.write(bytes).await.unwrap();
        writer.finish().await.unwrap().0
    }

    pub(crate) async fn seen(&self, dyno: &str) -> Option<SeenContainer> {
        let key = self.key(dyno);
        self.docker.list().await.unwrap().into_iter().find(|seen| seen.key == key)
    }

    /// Waits for news until a dyno is as asked.
    pub(crate) async fn until(&self, dyno: &str, asked: impl Fn(&Condition) -> bool) -> SeenContainer {
        let changes = self.docker.changes();
        let wait = async {
            loop {
                if let Some(seen) = self.seen(dyno).await
                    && asked(&seen.condition)
                {
                    return seen;
                }
                // News are enough; the limit is only for a test that fails.
                changes.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{dyno} never came to be as asked"))
    }

    pub(crate) async fn until_exited(&self, dyno: &str) -> i32 {
        match self.until(dyno, |condition| matches!(condition, Condition::Exited { .. })).await.condition {
            Condition::Exited { status, .. } => status,
            _ => unreachable!(),
        }
    }

    /// Waits until the log holds a line with this text.
    pub(crate) async fn until_logged(&self, text: &str) {
        let wait = async {
            while !self.logs.texts().iter().any(|line| line.contains(text)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{text} was never logged: {:?}", self.logs.texts()));
    }

    /// What the engine's own command line lists, by this installation's label.
    pub(crate) fn listed(&self, what: &[&str]) -> Vec<String> {
        listed(&self.instance, what)
    }

    /// A sandbox that was closed goes a moment later.
    pub(crate) async fn sandboxes_go(&self) {
        let left = || self.listed(&["ps", "--all", "--filter", "name=-build-"]);
        for _ in 0..600 {
            if left().is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("of a build that has ended there is still {:?}", left());
    }
}

/// Enough for most tests; one that needs more falls back to the plain start.
pub(crate) const SPARES: usize = 2;

pub(crate) fn settings_of(way: Way, instance: &str, home: &Path) -> Settings {
    // Beside the test itself, as cargo builds it.
    let dyno_init: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("dyno-init");
    assert!(dyno_init.exists(), "build dyno-init first: cargo build -p dyno-init");
    Settings {
        socket: None,
        instance: instance.to_owned(),
        stacks: vec![StackImages {
            name: "heroku-24".parse().unwrap(),
            run_image: "mypaas/heroku-24:run-runtimes".to_owned(),
            build_image: "mypaas/heroku-24:build-runtimes".to_owned(),
        }],
        dyno_init,
        extra_ca_file: None,
        reach: Reach::default(),
        // Small enough to be reached in a test.
        disk: DiskLimits { build: 1 << 30, dyno: 1 << 30, min_free: 0 },
        home: home.to_owned(),
        mount_slugs: way != Way::Image,
        spares: if way == Way::Warm { SPARES } else { 0 },
        log_rate: LogRate::default(),
    }
}

pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn listed(instance: &str, what: &[&str]) -> Vec<String> {
    let filter = format!("label=mypaas.instance={instance}");
    docker(&[what, &["--quiet", "--filter", &filter]].concat()).lines().map(str::to_owned).collect()
}

impl Drop for Place {
    fn drop(&mut self) {
        for (list, remove) in [
            (&["ps", "--all"][..], &["rm", "--force", "--volumes"][..]),
            (&["volume", "ls"], &["volume", "rm"]),
            (&["network", "ls"], &["network", "rm"]),
            (&["image", "ls", "--no-trunc"], &["image", "rm", "--force"]),
        ] {
            // An image with another one made from it goes only after that one.
            for _ in 0..2 {
                let ids = listed(&self.instance, list);
                if !ids.is_empty() {
                    docker(&[remove, &ids.iter().map(String::as_str).collect::<Vec<_>>()].concat());
                }
            }
        }
        let instance = self.instance.clone();
        // A test's own runtime cannot be waited in.
        let rules = std::thread::spawn(move || tokio::runtime::Runtime::new().unwrap().block_on(docker::remove_rules(&instance)));
        let _ = rules.join();
        for mount in mounts(self.folder.path()).iter().rev() {
            Command::new("umount").args(["-l", "--", mount]).status().unwrap();
        }
        let left = listed(&self.instance, &["ps", "--all"]);
        if !left.is_empty() {
            let _ = writeln!(std::io::stderr(), "left behind: {left:?}");
        }
    }
}

/// What is mounted below a folder, in order.
pub(crate) fn mounts(folder: &Path) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter_map(|line| line.split(' ').nth(4)).filter(|target| Path::new(target).starts_with(folder)).map(str::to_owned).collect()
}
