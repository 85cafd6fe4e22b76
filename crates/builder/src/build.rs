//! A build, from received source to stored slug.

use std::{io, path::PathBuf, sync::Arc};

use domain::{AppId, Procfile, slug::human_bytes};
use ports::{
    Blobs, Sandbox, Sandboxes,
    sandbox::{Finished, SandboxSpec},
};

use crate::{
    buildpack::{Buildpack, catalogue},
    detect::{Detected, detect},
    error::BuildError,
    job::{Built, Job, Limits, Terminal},
    output::{Kept, Output},
    pipe::pipe,
    release_yml,
    sandbox::OpenSandbox,
    slug_archive,
    source::{BOUNDS, Source},
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
        let built = tokio::time::timeout(limit, self.steps(job, terminal, &mut open)).await;
        open.close().await;
        built.unwrap_or(Err(BuildError::TimedOut { limit }))
    }

    /// Forgets what earlier builds of the app kept.
    pub async fn purge_cache(&self, app: AppId) -> Result<(), BuildError> {
        Ok(self.sandboxes.purge_cache(app).await?)
    }

    async fn steps(&self, job: Job, terminal: &mut dyn Terminal, open: &mut OpenSandbox) -> Result<Built, BuildError> {
        let out = &mut Output::new(terminal, &job.config);
        out.heading(&format!("Building on the {} stack", job.stack.title()));
        let spec = self.spec(&job);
        let Job { build, stack, source, source_version, config, request_id, .. } = job;
        let folder = build_folder(build);
        let calls = Calls::new(&folder, stack.as_str(), source_version, request_id);

        let source = Source::receive(source, BOUNDS).await?;
        if source.files_left_out > 0 {
            out.heading(&format!("Deleting {} files matching .slugignore patterns.", source.files_left_out));
        }
        let procfile = source.procfile.clone();
        let buildpacks = self.catalogue().await?;

        let sandbox = open.open(self.sandboxes.as_ref(), &spec).await?;
        let (shared, packed) = (self.buildpacks.clone(), buildpacks.clone());
        let (workspace, written) = pipe(move |out| workspace::write(out, &folder, source, &shared, &packed, &config));
        sandbox.put(workspace::ROOT, workspace).await?;
        written.await.map_err(io::Error::other)?;

        out.heading("Determining which buildpack to use for this app");
        let detected = detect(sandbox, &calls, buildpacks, out).await?;
        out.heading(&format!("{} app detected", detected.language));
        self.compile(sandbox, &calls, &detected, out).await?;
        let defaults = self.default_process_types(sandbox, &calls, &detected.buildpack, out).await?;
        out.heading("Discovering process types");
        out.process_types(procfile.as_ref(), &defaults);
        out.line("");

        out.heading("Compressing...");
        let slug = slug_archive::store(sandbox.take(calls.build_dir()).await?, self.blobs.as_ref(), self.limits.slug_bytes).await?;
        out.line(&format!("       Done: {}", human_bytes(slug.bytes)));
        Ok(Built {
            sha256: slug.sha256,
            diff_id: slug.diff_id,
            bytes: slug.bytes,
            process_types: procfile.unwrap_or_default().or_defaults(&defaults),
            buildpack: detected.buildpack.title(),
            language: Some(detected.language),
        })
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

    async fn catalogue(&self) -> Result<Vec<Buildpack>, BuildError> {
        let folder = self.buildpacks.clone();
        Ok(tokio::task::spawn_blocking(move || catalogue(&folder)).await.map_err(io::Error::other)??)
    }

    async fn compile(&self, sandbox: &dyn Sandbox, calls: &Calls, detected: &Detected, out: &mut Output<'_>) -> Result<(), BuildError> {
        let mut shown = out.program();
        let finished = sandbox.run(&calls.compile(&detected.buildpack), &mut shown).await?;
        shown.finish();
        match self.status(finished)? {
            0 => Ok(()),
            status => Err(BuildError::Compile { language: detected.language.clone(), status }),
        }
    }

    async fn default_process_types(&self, sandbox: &dyn Sandbox, calls: &Calls, buildpack: &Buildpack, out: &mut Output<'_>) -> Result<Procfile, BuildError> {
        if !buildpack.has_release {
            return Ok(Procfile::default());
        }
        let mut kept = Kept::default();
        let finished = sandbox.run(&calls.release(buildpack), &mut kept).await?;
        let failed = |what| BuildError::ReleaseScript { buildpack: buildpack.title(), what };
        match self.status(finished)? {
            0 if kept.cut => Err(failed("wrote more than 64 KB".to_owned())),
            // What is wrong with it may quote it; what is right is used as it is.
            0 => release_yml::parse(&kept.stdout).map_err(|why| failed(String::from_utf8_lossy(&out.redacted(why.as_bytes())).into_owned())),
            status => {
                let errors = out.redacted(&kept.stderr);
                out.bytes(&errors);
                Err(failed(format!("failed with status {status}")))
            }
        }
    }

    /// A program that failed while memory had run out failed because of it.
    fn status(&self, finished: Finished) -> Result<i32, BuildError> {
        if finished.status != 0 && finished.out_of_memory {
            return Err(BuildError::OutOfMemory { limit_mib: self.limits.memory_mib });
        }
        Ok(finished.status)
    }
}

#[cfg(test)]
mod tests;
