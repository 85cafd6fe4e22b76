//! Which buildpack an app is for.

use ports::{Sandbox, sandbox::Ran};

use crate::{buildpack::Buildpack, error::BuildError, output::Output, workspace::Calls};

/// A buildpack that takes the app, and what it calls it.
pub(crate) struct Detected {
    pub(crate) buildpack: Buildpack,
    /// `Node.js`.
    pub(crate) language: String,
}

/// Asks every buildpack; the first in order that fits is it, and more than one is worth a warning.
pub(crate) async fn detect(sandbox: &dyn Sandbox, calls: &Calls, buildpacks: Vec<Buildpack>, out: &mut Output<'_>) -> Result<Detected, BuildError> {
    let programs: Vec<_> = buildpacks.iter().map(|buildpack| calls.detect(buildpack)).collect();
    let answers = sandbox.run_all(&programs).await?;
    let mut fitting = Vec::new();
    for (buildpack, Ran { finished, kept }) in buildpacks.into_iter().zip(answers) {
        doubt(&buildpack, finished.status);
        if finished.status == 0 {
            let language = language(&out.redacted(&kept.stdout)).unwrap_or_else(|| buildpack.language().to_owned());
            fitting.push(Detected { buildpack, language });
        }
    }
    if fitting.len() > 1 {
        out.line(
            " !     Warning: Multiple default buildpacks reported the ability to handle this app. \
             The first buildpack in the list below will be used.",
        );
        let languages: Vec<_> = fitting.iter().map(|detected| detected.language.as_str()).collect();
        out.line(&format!("\t\t\tDetected buildpacks: {}", languages.join(",")));
        out.line("\t\t\tSee https://devcenter.heroku.com/articles/buildpacks#buildpack-detect-order");
    }
    fitting.into_iter().next().ok_or(BuildError::NoBuildpack)
}

/// Not found, not executable, killed: the buildpack's fault, not the app's answer.
pub(crate) fn doubt(buildpack: &Buildpack, status: i32) {
    if status >= 126 {
        tracing::warn!(buildpack = buildpack.title(), status, "bin/detect could not answer");
    }
}

/// The first line that says something.
pub(crate) fn language(stdout: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stdout);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(60).collect())
}
