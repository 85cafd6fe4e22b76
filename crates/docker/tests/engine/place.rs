//! An installation of a test's own.

use std::{io::Write, path::PathBuf, process::Command, sync::Arc, time::Duration};

use docker::{Docker, Settings, StackImages};
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
    _folder: tempfile::TempDir,
}

/// Long enough for a slow machine; a condition that never comes is the failure.
const PATIENCE: Duration = Duration::from_secs(60);

impl Place {
    pub(crate) async fn new() -> Self {
        let chance = Chance::from_os();
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(DiskBlobs::open(folder.path().to_owned()).await.unwrap());
        let instance = chance.bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let logs = Arc::new(KeptLines::default());
        let docker = Docker::connect(settings(&instance), blobs.clone(), Arc::new(SystemClock), logs.clone()).await.unwrap();
        let app = AppId::new("2026-11-21T00:00:00Z".parse().unwrap(), chance.bytes());
        Self { docker, logs, blobs, app, instance, _folder: folder }
    }

    /// Drops the connection and makes another one: what a restart of the platform does.
    pub(crate) async fn restart(&mut self) {
        self.logs = Arc::new(KeptLines::default());
        self.docker = Docker::connect(settings(&self.instance), self.blobs.clone(), Arc::new(SystemClock), self.logs.clone()).await.unwrap();
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
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_uid(1000);
            header.set_gid(1000);
            header.set_mode(0o755);
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
}

pub(crate) fn settings(instance: &str) -> Settings {
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
    }
}

fn docker(arguments: &[&str]) -> String {
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
        let left = listed(&self.instance, &["ps", "--all"]);
        if !left.is_empty() {
            let _ = writeln!(std::io::stderr(), "left behind: {left:?}");
        }
    }
}
