//! [`ports::Sandboxes`]: a container per build, in which programs are run one after the other.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType},
    query_parameters::{CreateContainerOptions, DownloadFromContainerOptions, InspectContainerOptions, KillContainerOptions},
};
use domain::AppId;
use futures_util::{StreamExt, stream};
use ports::{
    ByteStream, RuntimeError, Sandbox, Sandboxes,
    sandbox::{Finished, Kept, OutputSink, Program, Ran, SandboxSpec, SlugTree},
};
use tokio::time;

use crate::{
    Docker,
    batch::{Answers, together},
    connect::Engine,
    error::{refused, status},
    labels::{APP, Kind},
    mounts,
    spec::{USER, confined},
    stack_image::Variant,
    taken,
};

/// How often a program is asked about that has closed nothing and said nothing.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A program that ended may have left others holding its output; theirs is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// The engine hears of an exit, and of memory running out, a little later than we.
const SOON: Duration = Duration::from_millis(20);
const SOON_TRIES: u32 = 50;
const OUT_OF_MEMORY_TRIES: u32 = 10;

#[async_trait]
impl Sandboxes for Docker {
    async fn open(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, RuntimeError> {
        let engine = &self.engine;
        drop(engine.preparations.of(&ending(spec.app)).lock_owned().await);
        let body = engine.within_quota(Kind::Sandbox, engine.sandbox(spec).await?);
        let options = CreateContainerOptions { name: Some(engine.instance.sandbox(&spec.name)), ..Default::default() };
        let made = engine.api.create_container(Some(options), body).await.map_err(refused)?;
        // From here on, dropping it removes the container.
        let sandbox = Container { engine: engine.clone(), id: made.id, app: spec.app, closed: AtomicBool::new(false) };
        engine.api.start_container(&sandbox.id, None).await.map_err(refused)?;
        Ok(Box::new(sandbox))
    }

    async fn purge_cache(&self, app: AppId) -> Result<(), RuntimeError> {
        self.engine.forget_caches(app).await
    }

    async fn slug_tree(&self) -> Option<Box<dyn SlugTree>> {
        let mounts = self.engine.mounting().await.ok()??;
        let laying = mounts.trees.lay().inspect_err(|error| tracing::warn!(%error, "a slug's files cannot be laid out during its build"));
        Some(Box::new(laying.ok()?))
    }
}

impl Engine {
    async fn sandbox(self: &Arc<Self>, spec: &SandboxSpec) -> Result<ContainerCreateBody, RuntimeError> {
        let image = self.prepared(&spec.stack, Variant::Build).await?;
        let cache = self.cache(spec.app, &spec.stack).await?;
        let memory = i64::try_from(spec.memory_mib.saturating_mul(1024 * 1024)).unwrap_or(i64::MAX);
        let mut labels = self.instance.labels(Kind::Sandbox);
        labels.insert(APP.to_owned(), spec.app.to_string());
        Ok(ContainerCreateBody {
            image: Some(image.name),
            user: Some(USER.to_owned()),
            entrypoint: Some(Vec::new()),
            cmd: Some(vec!["sleep".to_owned(), "infinity".to_owned()]),
            labels: Some(labels),
            host_config: Some(HostConfig {
                init: Some(true),
                memory: Some(memory),
                memory_swap: Some(memory),
                nano_cpus: Some(i64::try_from(spec.cpu_milli.min(self.cpu_milli).saturating_mul(1_000_000)).unwrap_or(i64::MAX)),
                pids_limit: Some(spec.pids),
                network_mode: Some(self.network().await?),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                mounts: Some(vec![Mount { typ: Some(MountType::VOLUME), source: Some(cache), target: Some(spec.cache_dir.to_owned()), ..Default::default() }]),
                ..confined()
            }),
            ..Default::default()
        })
    }
}

struct Container {
    engine: Arc<Engine>,
    id: String,
    app: AppId,
    closed: AtomicBool,
}

impl Container {
    /// Where on this machine its files are mounted, if its engine says so and runs here.
    async fn files_here(&self) -> Result<Option<PathBuf>, RuntimeError> {
        let container = self.engine.api.inspect_container(&self.id, None::<InspectContainerOptions>).await.map_err(refused)?;
        let merged = container.graph_driver.and_then(|mut driver| driver.data.remove("MergedDir")).map(PathBuf::from);
        Ok(merged.filter(|merged| mounts::is_mounted(merged)))
    }
}

#[async_trait]
impl Sandbox for Container {
    async fn put(&self, path: &str, tar: ByteStream) -> Result<(), RuntimeError> {
        self.engine.put(&self.id, path, bollard::body_try_stream(tar)).await
    }

    async fn run(&self, program: &Program, output: &mut dyn OutputSink) -> Result<Finished, RuntimeError> {
        let before = self.engine.known.out_of_memory(&self.id);
        let ended = self.to_its_end(program, output).await;
        // Whatever it looked like from here.
        if let Some(stopped) = self.engine.disk.stopped(&self.id) {
            return Err(stopped.into());
        }
        let status = ended?;
        let out_of_memory = status != 0 && self.ran_out_of_memory(before).await;
        Ok(Finished { status, out_of_memory })
    }

    async fn run_all(&self, programs: &[Program]) -> Result<Vec<Ran>, RuntimeError> {
        let before = self.engine.known.out_of_memory(&self.id);
        let mut answers = Answers::of(programs.len());
        let finished = self.run(&together(programs), &mut answers).await?;
        if finished.status != 0 {
            return Ok(programs.iter().map(|_| Ran { finished, kept: Kept::default() }).collect());
        }
        let mut ran = answers.read(programs.len())?;
        // Those that only say no have not run out of anything.
        if ran.iter().any(|ran| ran.finished.status > 128) && self.ran_out_of_memory(before).await {
            ran.iter_mut().for_each(|ran| ran.finished.out_of_memory = ran.finished.status > 128);
        }
        Ok(ran)
    }

    async fn take(&self, path: &str) -> Result<ByteStream, RuntimeError> {
        if let Some(here) = self.files_here().await?.and_then(|files| taken::pack(&files, path)) {
            return Ok(here);
        }
        let options = DownloadFromContainerOptions { path: path.to_owned() };
        let mut archive = self.engine.api.download_from_container(&self.id, Some(options));
        // The first piece tells whether there is such a path.
        let first = archive.next().await.transpose().map_err(refused)?;
        let rest = archive.map(|chunk| chunk.map_err(std::io::Error::other));
        Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
    }

    /// It takes a moment until nothing runs in it, and longer until its files, of which there may be many, are removed: both
    /// while others go on. Whatever is left when the platform stops meanwhile is swept by its label.
    async fn close(&self) -> Result<(), RuntimeError> {
        let (engine, id) = (self.engine.clone(), self.id.clone());
        let removing = engine.removals.clone().read_owned().await;
        let ending = engine.preparations.of(&ending(self.app)).lock_owned().await;
        self.closed.store(true, Ordering::Relaxed);
        tokio::spawn(async move {
            let options = KillContainerOptions { signal: "SIGKILL".to_owned() };
            if let Err(error) = engine.api.kill_container(&id, Some(options)).await
                // Gone, or not running (any more).
                && !matches!(status(&error), Some(404 | 409))
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "a build's container could not be ended yet");
            }
            drop(ending);
            engine.discard(&id).await;
            drop(removing);
        });
        Ok(())
    }
}

/// What a build of an app waits for: that nothing runs any more in the container of the one before it, which has the same cache.
fn ending(app: AppId) -> String {
    format!("the end of a build of {app}")
}

/// A build that writes without end waits for its reader, instead of taking the machine's processors for its output.
struct Pace {
    since: time::Instant,
    bytes: usize,
}

/// Read in a second, in bytes.
const PACE: usize = 8 << 20;

impl Pace {
    fn begin() -> Self {
        Self { since: time::Instant::now(), bytes: 0 }
    }

    async fn keep(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= PACE {
            time::sleep_until(self.since + Duration::from_secs(1)).await;
            *self = Self::begin();
        }
    }
}

type Frames = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A program that has been started.
struct Exec {
    id: String,
    frames: Frames,
}

impl Container {
    async fn to_its_end(&self, program: &Program, output: &mut dyn OutputSink) -> Result<i32, RuntimeError> {
        let exec = self.start(program).await?;
        self.pass_on(&exec.id, exec.frames, output).await?;
        self.status(&exec.id).await
    }

    async fn start(&self, program: &Program) -> Result<Exec, RuntimeError> {
        let env = self.engine.with_trust(program.env.clone());
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(env.into_iter().map(|(key, value)| format!("{key}={value}")).collect()),
            cmd: Some(program.argv.clone()),
            user: Some(USER.to_owned()),
            working_dir: Some(program.working_dir.clone()),
            ..Default::default()
        };
        let id = self.engine.api.create_exec(&self.id, options).await.map_err(refused)?.id;
        let start = StartExecOptions { output_capacity: Some(64 * 1024), ..Default::default() };
        match self.engine.api.start_exec(&id, Some(start)).await.map_err(refused)? {
            StartExecResults::Attached { output, .. } => Ok(Exec { id, frames: output }),
            StartExecResults::Detached => Err(RuntimeError::Refused("the program was started without its output".to_owned())),
        }
    }

    /// Passes output on until the program has closed it, or has ended and left it open to others.
    async fn pass_on(&self, exec: &str, mut frames: Frames, output: &mut dyn OutputSink) -> Result<(), RuntimeError> {
        let mut give_up_at = None;
        let mut pace = Pace::begin();
        loop {
            let wait = if give_up_at.is_some() { LAST_WORDS } else { ASK_EVERY };
            match time::timeout(wait, frames.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Err(error))) => return Err(refused(error)),
                Ok(Some(Ok(LogOutput::StdErr { message }))) => {
                    output.stderr(&message);
                    pace.keep(message.len()).await;
                }
                Ok(Some(Ok(frame))) => {
                    output.stdout(frame.as_ref());
                    pace.keep(frame.as_ref().len()).await;
                }
                Err(_) if give_up_at.is_some() => return Ok(()),
                Err(_) => {
                    if self.exit_code(exec).await?.is_some() {
                        give_up_at = Some(time::Instant::now() + LAST_WORDS);
                    }
                }
            }
            if give_up_at.is_some_and(|at| at <= time::Instant::now()) {
                return Ok(());
            }
        }
    }

    /// `None` while it runs.
    async fn exit_code(&self, exec: &str) -> Result<Option<i32>, RuntimeError> {
        let exec = self.engine.api.inspect_exec(exec).await.map_err(refused)?;
        let ended = exec.running != Some(true);
        Ok(exec.exit_code.filter(|_| ended).map(|code| i32::try_from(code).unwrap_or(-1)))
    }

    async fn status(&self, exec: &str) -> Result<i32, RuntimeError> {
        for _ in 0..SOON_TRIES {
            if let Some(code) = self.exit_code(exec).await? {
                return Ok(code);
            }
            time::sleep(SOON).await;
        }
        Err(RuntimeError::Refused("the program ended without a status".to_owned()))
    }

    /// Whether the engine has told of it since; it may do so a moment after the program's end.
    async fn ran_out_of_memory(&self, before: u64) -> bool {
        for _ in 0..OUT_OF_MEMORY_TRIES {
            if self.engine.known.out_of_memory(&self.id) > before {
                return true;
            }
            time::sleep(SOON).await;
        }
        false
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.engine.disk.forget(&self.id);
        if !self.closed.load(Ordering::Relaxed)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (engine, id) = (self.engine.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move { engine.discard(&id).await });
        }
    }
}
