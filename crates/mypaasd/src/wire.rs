//! Puts the parts together.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use builder::{Builder, Limits};
use docker::{Docker, StackImages};
use domain::{StackName, keeping::Keep};
use download::{PublicDownloads, PublicPosts};
use engine::{Keeping, Parts, Platform, Settings};
use jiff::SignedDuration;
use logs::{Logplex, Outlet, Sessions};
use ports::{
    Blobs, Chance, Clock, LogSink, Posts, Runtime, RuntimeError, Sandboxes, blobs::disk::DiskBlobs, clock::SystemClock, downloads::FakeDownloads,
    runtime::fake::FakeRuntime, sandbox::fake::FakeSandboxes,
};
use store::Db;

use crate::{config::Config, keys};

/// The platform with its outside world.
pub(crate) struct Wired {
    pub(crate) platform: Arc<Platform>,
    pub(crate) docker: Arc<Docker>,
    pub(crate) logplex: Arc<Logplex>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<Chance>,
    /// Where webhooks go out.
    pub(crate) posts: Arc<dyn Posts>,
}

/// `store` belongs to this process alone, or it leads.
pub(crate) async fn online(config: &Config, store: Db) -> anyhow::Result<Wired> {
    let chance = Arc::new(Chance::from_os());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let blobs: Arc<dyn Blobs> = Arc::new(DiskBlobs::open(config.home.join("blobs")).await.context("the folder of slugs could not be opened")?);
    let outlet = Outlet {
        tls: download::tls_client(config.build.extra_ca_file.as_deref()).context("build.extra_ca_file could not be read")?,
        may_reach: download::may_be_reached,
        hosts: config.logs.drain_hosts.clone(),
        clock: clock.clone(),
        chance: chance.clone(),
    };
    let apps: Vec<_> = store.read().await?.apps().await?.into_iter().map(|app| app.id).collect();
    let folder = keys::private_folder(&config.home.join("logs"))?;
    let logplex = Logplex::default()
        .with_waiting(config.logs.waiting_lines)
        .with_outlet(outlet)
        .kept_in(&folder, &apps)
        .context("the folder of kept log lines could not be read")?;
    let logplex = Arc::new(logplex);
    let sessions = Arc::new(Sessions::new(chance.clone()));
    let settings = docker::Settings {
        socket: config.docker.socket.clone(),
        instance: keys::instance(&config.home, &chance)?,
        stacks: config.stack.iter().map(stack_images).collect::<anyhow::Result<_>>()?,
        dyno_init: dyno_init(config)?,
        extra_ca_file: config.build.extra_ca_file.clone(),
        reach: config.network.reach()?,
        disk: docker::DiskLimits { build: config.build.disk_mib << 20, dyno: config.docker.dyno_disk_mib << 20, min_free: config.build.min_free_mib << 20 },
        home: config.home.clone(),
        mount_slugs: config.docker.mount_slugs,
        spares: config.docker.spares,
        log_rate: docker::LogRate { lines: config.logs.dyno_lines_per_second, bytes: config.logs.dyno_bytes_per_second },
    };
    let logs: Arc<dyn LogSink> = logplex.clone();
    let docker = connect(settings, &blobs, &clock, &logs).await?;
    let sandboxes: Arc<dyn Sandboxes> = docker.clone();
    let builder = Builder::new(sandboxes, blobs.clone(), config.build.buildpacks.clone(), limits(config));
    let downloads =
        Arc::new(PublicDownloads::new(config.build.extra_ca_file.as_deref(), &config.build.source_hosts).context("build.extra_ca_file could not be read")?);
    let posts = PublicPosts::new(config.build.extra_ca_file.as_deref(), &config.logs.drain_hosts).context("build.extra_ca_file could not be read")?;
    let platform = Platform::new(Parts {
        store,
        runtime: docker.clone(),
        builder,
        downloads,
        logs,
        clock: clock.clone(),
        chance: chance.clone(),
        settings: platform_settings(config)?,
        keeping: keeping(config),
    });
    Ok(Wired { platform, docker, logplex, sessions, clock, chance, posts: Arc::new(posts) })
}

/// How often an engine that is not there yet is looked for, and after how many times of that it is said again.
const LOOK_FOR_ENGINE: Duration = Duration::from_secs(1);
const SAY_AGAIN: u32 = 60;

/// Waits for the engine: after a reboot of the machine either of the two may come first.
async fn connect(settings: docker::Settings, blobs: &Arc<dyn Blobs>, clock: &Arc<dyn Clock>, logs: &Arc<dyn LogSink>) -> anyhow::Result<Arc<Docker>> {
    for round in 0_u32.. {
        match Docker::connect(settings.clone(), blobs.clone(), clock.clone(), logs.clone()).await {
            Ok(docker) => return Ok(docker),
            Err(RuntimeError::Unreachable(cause)) => {
                if round.is_multiple_of(SAY_AGAIN) {
                    tracing::warn!(%cause, "the Docker engine does not answer; waiting for it (`docker info` tells when it is there)");
                }
                tokio::time::sleep(LOOK_FOR_ENGINE).await;
            }
            // Says all there is to say.
            Err(error @ RuntimeError::Unwalled(_)) => return Err(error.into()),
            Err(error) => return Err(anyhow::Error::from(error).context("the Docker engine could not be used (is it running? `docker info` tells)")),
        }
    }
    unreachable!("it is looked for without end")
}

/// The platform without an engine: for commands that only touch the store.
pub(crate) async fn offline(config: &Config) -> anyhow::Result<Arc<Platform>> {
    let chance = Arc::new(Chance::from_os());
    let store = open_store(config, &chance).await?;
    without_engine(config, store, &chance).await
}

/// The same about a store that is open.
pub(crate) async fn without_engine(config: &Config, store: Db, chance: &Arc<Chance>) -> anyhow::Result<Arc<Platform>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let blobs = Arc::new(DiskBlobs::open(config.home.join("run/offline")).await?);
    let nothing = FakeSandboxes { act: Arc::new(|_, _, _| 1), files: Default::default() };
    let builder = Builder::new(Arc::new(nothing), blobs, config.build.buildpacks.clone(), limits(config));
    let runtime: Arc<dyn Runtime> = Arc::new(FakeRuntime::new(clock.clone()));
    Ok(Platform::new(Parts {
        store,
        runtime,
        builder,
        downloads: Arc::new(FakeDownloads::default()),
        logs: Arc::new(Logplex::default()),
        clock,
        chance: chance.clone(),
        settings: platform_settings(config)?,
        keeping: keeping(config),
    }))
}

pub(crate) fn folders(config: &Config) -> anyhow::Result<()> {
    for folder in ["", "keys", "run", "repos"] {
        keys::private_folder(&config.home.join(folder))?;
    }
    Ok(())
}

pub(crate) async fn open_store(config: &Config, chance: &Arc<Chance>) -> anyhow::Result<Db> {
    folders(config)?;
    config.database_url().open(config, chance).await
}

fn limits(config: &Config) -> Limits {
    let build = &config.build;
    Limits {
        memory_mib: build.memory_mib,
        cpu_milli: build.cpu_milli,
        pids: build.pids,
        slug_bytes: build.slug_mib * 1024 * 1024,
        slug_soft_bytes: Limits::default().slug_soft_bytes,
        time: Duration::from_secs(build.time_minutes * 60),
        min_free_bytes: build.min_free_mib * 1024 * 1024,
    }
}

fn platform_settings(config: &Config) -> anyhow::Result<Settings> {
    Ok(Settings {
        app_domain: config.apps.domain.clone(),
        app_scheme: "http",
        app_port: config.listen.port,
        default_stack: config.default_stack()?,
        stacks: config.stack.iter().map(|stack| stack.name.parse()).collect::<Result<Vec<StackName>, _>>()?,
        policy: config.dynos.policy(),
        sizes: config.sizes()?,
        quota: config.dynos.quota(config.api.requests_per_hour),
        rendezvous: (config.listen.api_host.clone(), config.api_port()),
        api_url: config.api_url(),
        ssh: config.ssh_port().map(|port| (config.listen.api_host.clone(), port)),
    })
}

fn keeping(config: &Config) -> Keeping {
    let keep = &config.keep;
    let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
    let policy = Keep { releases: keep.releases, release_age: days(keep.release_days), cache_age: days(keep.cache_days) };
    Keeping { policy, ..Keeping::beside(config.home.join("repos")) }
}

fn stack_images(stack: &crate::config::Stack) -> anyhow::Result<StackImages> {
    Ok(StackImages { name: stack.name.parse()?, run_image: stack.run_image.clone(), build_image: stack.build_image.clone() })
}

fn dyno_init(config: &Config) -> anyhow::Result<PathBuf> {
    let beside = || std::env::current_exe().ok().and_then(|program| program.parent().map(|folder| folder.join("dyno-init")));
    let path = config.docker.dyno_init.clone().or_else(beside).context("where dyno-init lies could not be told; set docker.dyno_init")?;
    anyhow::ensure!(path.is_file(), "dyno-init is not at {}; set docker.dyno_init", path.display());
    Ok(path)
}
