//! The buildpacks of a build, one after the other.

use domain::{BuildpackRef, Procfile};
use ports::{
    Sandbox,
    sandbox::{Kept, Ran},
};

use crate::{
    buildpack::Buildpack,
    detect::{Detected, doubt, language},
    error::BuildError,
    fetch::fetch,
    job::Limits,
    output::Output,
    release_yml::{self, Release},
    workspace::Calls,
};

/// What running a buildpack takes.
pub(crate) struct Pipeline<'a> {
    pub(crate) sandbox: &'a dyn Sandbox,
    pub(crate) calls: &'a Calls,
    pub(crate) limits: &'a Limits,
}

impl Pipeline<'_> {
    /// Runs the buildpacks that were asked for, each of which must fit.
    pub(crate) async fn run(&self, asked: &[BuildpackRef], mut buildpacks: Vec<Buildpack>, out: &mut Output<'_>) -> Result<Vec<Detected>, BuildError> {
        tell(&buildpacks, out);
        for (asked, buildpack) in asked.iter().zip(&mut buildpacks).filter(|(_, buildpack)| buildpack.is_elsewhere()) {
            let finished = fetch(self.sandbox, self.calls, asked, buildpack, out).await?;
            self.limits.judge(finished)?;
        }
        let mut done: Vec<Detected> = Vec::new();
        for buildpack in buildpacks {
            let detected = self.detect(buildpack, out).await?;
            self.compile(&detected, &done, out).await?;
            done.push(detected);
        }
        Ok(done)
    }

    /// Asks a buildpack that was chosen whether it fits: what it says is shown if it does not.
    async fn detect(&self, buildpack: Buildpack, out: &mut Output<'_>) -> Result<Detected, BuildError> {
        let mut kept = Kept::default();
        let finished = self.sandbox.run(&self.calls.detect(&buildpack), &mut kept).await?;
        doubt(&buildpack, finished.status);
        if self.limits.judge(finished)? != 0 {
            out.heading(&format!("App not compatible with buildpack: {}", buildpack.title()));
            out.indented(&kept.stdout);
            out.indented(&kept.stderr);
            return Err(BuildError::NotCompatible { buildpack: buildpack.title().to_owned() });
        }
        Ok(Detected { language: language(&out.redacted(&kept.stdout)).unwrap_or_else(|| buildpack.language().to_owned()), buildpack })
    }

    /// Compiles with one buildpack, after what those before it export.
    pub(crate) async fn compile(&self, detected: &Detected, before: &[Detected], out: &mut Output<'_>) -> Result<(), BuildError> {
        out.heading(&format!("{} app detected", detected.language));
        let before: Vec<_> = before.iter().map(|detected| detected.buildpack.clone()).collect();
        let mut shown = out.program();
        let finished = self.sandbox.run(&self.calls.compile(&detected.buildpack, &before), &mut shown).await?;
        shown.finish();
        self.report(&detected.buildpack).await;
        match self.limits.judge(finished)? {
            0 => Ok(()),
            status => Err(BuildError::Compile { language: detected.language.clone(), status }),
        }
    }

    /// `bin/report` collects data for whoever wants it, after success and failure. Here nobody does, and it may rely on running.
    async fn report(&self, buildpack: &Buildpack) {
        if !buildpack.has_report {
            return;
        }
        if let Err(error) = self.sandbox.run(&self.calls.report(buildpack), &mut Kept::default()).await {
            tracing::debug!(buildpack = buildpack.title(), error = &error as &dyn std::error::Error, "bin/report could not run");
        }
    }

    /// What the last buildpack says of processes and of a first release, nothing being sourced before it; and the Procfile as
    /// the buildpacks leave it: some write one, or put another in its place.
    pub(crate) async fn processes(&self, last: &Buildpack, out: &mut Output<'_>) -> Result<(Release, Option<Procfile>), BuildError> {
        let mut programs = vec![self.calls.procfile()];
        programs.extend(last.has_release.then(|| self.calls.release(last)));
        let mut ran = self.sandbox.run_all(&programs).await?.into_iter();
        let procfile = ran.next();
        let release = ran.next().map(|ran| self.release(last, ran, out)).transpose()?.unwrap_or_default();
        Ok((release, procfile.map(|ran| self.procfile(&ran)).transpose()?.flatten()))
    }

    fn procfile(&self, Ran { finished, kept }: &Ran) -> Result<Option<Procfile>, BuildError> {
        match self.limits.judge(*finished)? {
            0 if kept.cut => Err(BuildError::SourceInvalid("the Procfile is larger than 64 KB.".to_owned())),
            0 => Ok(Some(Procfile::parse(&kept.stdout)?)),
            _ => Ok(None),
        }
    }

    fn release(&self, buildpack: &Buildpack, Ran { finished, kept }: Ran, out: &mut Output<'_>) -> Result<Release, BuildError> {
        let failed = |what| BuildError::ReleaseScript { buildpack: buildpack.title().to_owned(), what };
        match self.limits.judge(finished)? {
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
}

fn tell(buildpacks: &[Buildpack], out: &mut Output<'_>) {
    if let [one] = buildpacks {
        return out.heading(&format!("Using buildpack: {}", one.title()));
    }
    out.heading("Using buildpacks:");
    for (number, buildpack) in (1..).zip(buildpacks) {
        out.line(&format!("       {number}. {}", buildpack.title()));
    }
}
