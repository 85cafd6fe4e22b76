//! A build, from received source to stored slug.

use std::{io, path::PathBuf, sync::Arc};

use domain::{AppId, BuildpackRef, buildpack::CatalogueName, slug::human_bytes};
use ports::{Blobs, Sandboxes, pipe::pipe, sandbox::SandboxSpec};

use crate::{
    buildpack::{self, Buildpack, catalogue},
    detect::detect,
    error::BuildError,
    git_source,
    job::{Built, Job, Limits, SourceTree, Terminal},
    output::Output,
    pipeline::Pipeline,
    sandbox::OpenSandbox,
    slug_archive,
    source::{BOUNDS, Layout, Source, Wanted},
    steps::Steps,
    submodules,
    workspace::{self, Calls, build_folder},
};

/// Builds apps.
pub struct Builder {
    sandboxes: Arc<dyn Sandboxes>,
    blobs: Arc<dyn Blobs>,
    buildpacks: PathBuf,
    limits: Limits,
}

impl Builder {
    /// `buildpacks`: a folder with one folder for each of our own buildpacks.
    pub fn new(sandboxes: Arc<dyn Sandboxes>, blobs: Arc<dyn Blobs>, buildpacks: PathBuf, limits: Limits) -> Self {
        Self { sandboxes, blobs, buildpacks, limits }
    }

    /// Builds, telling `terminal` what happens; how a failure is told is up to the caller ([`crate::failure_lines`]).
    /// Dropping the future ends the build and its sandbox.
    pub async fn build(&self, job: Job, terminal: &mut dyn Terminal) -> Result<Built, BuildError> {
        let mut open = OpenSandbox::default();
        let limit = self.limits.time;
        let mut steps = Steps::begin(job.build);
        let built = tokio::time::timeout(limit, self.steps(job, terminal, &mut open, &mut steps)).await;
        open.close().await;
        steps.done("close");
        match built.unwrap_or(Err(BuildError::TimedOut { limit })) {
            Err(BuildError::Platform(error)) => Err(self.blame(error).await),
            built => built,
        }
    }

    /// What fails on the platform's side once the disk is nearly full failed because of that.
    async fn blame(&self, error: Box<dyn std::error::Error + Send + Sync>) -> BuildError {
        match self.check_room().await {
            Err(full @ BuildError::DiskFull { .. }) => {
                tracing::error!(error = error.as_ref() as &dyn std::error::Error, "a build failed on a full disk");
                full
            }
            _ => BuildError::Platform(error),
        }
    }

    /// Whether there is room to build at all.
    pub async fn check_room(&self) -> Result<(), BuildError> {
        let (free, floor) = (self.blobs.free().await?, self.limits.min_free_bytes);
        if free < floor { Err(BuildError::DiskFull { free, floor }) } else { Ok(()) }
    }

    /// With less room left than this, nothing is built; in bytes.
    pub const fn min_free_bytes(&self) -> u64 {
        self.limits.min_free_bytes
    }

    /// The largest slug, compressed, in bytes.
    pub const fn largest_slug(&self) -> u64 {
        self.limits.slug_bytes
    }

    /// Where slugs are stored.
    pub fn blobs(&self) -> &Arc<dyn Blobs> {
        &self.blobs
    }

    /// Forgets what earlier builds of the app kept.
    pub async fn purge_cache(&self, app: AppId) -> Result<(), BuildError> {
        Ok(self.sandboxes.purge_cache(app).await?)
    }

    async fn steps(&self, job: Job, terminal: &mut dyn Terminal, open: &mut OpenSandbox, steps: &mut Steps) -> Result<Built, BuildError> {
        self.check_room().await?;
        let out = &mut Output::new(terminal, &job.config, &job.buildpacks);
        out.heading(&format!("Building on the {} stack", job.stack.title()));
        let spec = self.spec(&job);
        let Job { build, stack, source, source_version, config, buildpacks: asked, request_id, .. } = job;
        let folder = build_folder(build);
        let calls = Calls::new(&folder, stack.as_str(), source_version, request_id);

        let mut source = match source {
            SourceTree::Tree { tar, submodules } => {
                let source = Source::receive(tar, Layout::Tree, BOUNDS).await?;
                if submodules.is_empty() { source } else { submodules::receive(self.sandboxes.as_ref(), &spec, source, &submodules, out).await? }
            }
            SourceTree::Archive(tar) => Source::receive(tar, Layout::Archive, BOUNDS).await?,
            SourceTree::Git { url, reference } => git_source::receive(self.sandboxes.as_ref(), &spec, &url, reference.as_deref(), out).await?,
        };
        if source.files_left_out > 0 {
            out.heading(&format!("Deleting {} files matching .slugignore patterns.", source.files_left_out));
        }
        let wanted = if asked.is_empty() { source.wanted()? } else { Wanted::File(asked) };
        let (asked, mut settled) = match wanted {
            Wanted::Nothing => (Vec::new(), Vec::new()),
            Wanted::File(asked) => (asked, Vec::new()),
            Wanted::AppJson(asked) => (asked.clone(), asked),
        };
        out.hide(&config, &asked);
        let buildpacks = self.buildpacks(asked.clone()).await?;
        steps.done("source");

        let sandbox = open.open(self.sandboxes.as_ref(), &spec).await?;
        steps.done("sandbox");
        let (shared, packed) = (self.buildpacks.clone(), buildpacks.clone());
        let (workspace, written) = pipe(move |out| workspace::write(out, &folder, source, &shared, &packed, &config));
        sandbox.put(workspace::ROOT, workspace).await?;
        written.await.map_err(io::Error::other)?;
        steps.done("upload");

        let pipeline = Pipeline { sandbox, calls: &calls, limits: &self.limits };
        let ran = match asked.is_empty() {
            true => {
                out.heading("Determining which buildpack to use for this app");
                let detected = detect(sandbox, &calls, buildpacks, out).await?;
                steps.done("detect");
                pipeline.compile(&detected, &[], out).await?;
                vec![detected]
            }
            false => pipeline.run(&asked, buildpacks, out).await?,
        };
        steps.done("compile");
        let last = ran.last().ok_or(BuildError::NoBuildpack)?;
        let (release, procfile) = pipeline.processes(&last.buildpack, out).await?;
        out.heading("Discovering process types");
        out.process_types(procfile.as_ref(), &release.process_types);
        out.line("");
        steps.done("processes");

        out.heading("Compressing...");
        let slug =
            slug_archive::store(sandbox.take(calls.build_dir()).await?, self.sandboxes.slug_tree().await, self.blobs.as_ref(), self.limits.slug_bytes).await?;
        steps.done("slug");
        out.line(&format!("       Done: {}", human_bytes(slug.bytes)));
        if slug.bytes > self.limits.slug_soft_bytes {
            let (mb, soft) = (slug.bytes >> 20, self.limits.slug_soft_bytes >> 20);
            out.line(&format!(" !     Warning: Your slug size ({mb} MB) exceeds our soft limit ({soft} MB) which may affect boot time."));
        }
        if asked.is_empty() {
            settled.extend(last.buildpack.title().parse::<BuildpackRef>().ok());
        }
        Ok(Built {
            sha256: slug.sha256,
            diff_id: slug.diff_id,
            bytes: slug.bytes,
            process_types: procfile.unwrap_or_default().or_defaults(&release.process_types),
            language: Some(last.language.clone()),
            buildpacks: if asked.is_empty() { settled.clone() } else { asked },
            settled,
            first_release: release.first,
        })
    }

    /// Whether this is the name of one of our own buildpacks.
    pub fn offers(&self, name: &CatalogueName) -> bool {
        !buildpack::find(&self.buildpacks, &BuildpackRef::Catalogue(name.clone())).is_elsewhere()
    }

    /// Those asked for, or every one of ours.
    async fn buildpacks(&self, asked: Vec<BuildpackRef>) -> Result<Vec<Buildpack>, BuildError> {
        let folder = self.buildpacks.clone();
        let found = tokio::task::spawn_blocking(move || match asked.is_empty() {
            true => catalogue(&folder),
            false => Ok(asked.iter().map(|asked| buildpack::find(&folder, asked)).collect()),
        });
        Ok(found.await.map_err(io::Error::other)??)
    }

    fn spec(&self, job: &Job) -> SandboxSpec {
        SandboxSpec {
            app: job.app,
            stack: job.stack.clone(),
            name: job.build.to_string(),
            cache_dir: workspace::CACHE,
            memory_mib: self.limits.memory_mib,
            cpu_milli: self.limits.cpu_milli,
            pids: self.limits.pids,
        }
    }
}

mod import;

#[cfg(test)]
mod tests;
