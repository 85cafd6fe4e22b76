//! Submodules of a pushed tree, fetched inside a sandbox of their own before anything else is done with the source: whatever
//! a `.gitmodules` can make git do, it does there. What comes out is looked through like any other source.

use std::io;

use ports::{Sandbox, Sandboxes, pipe::pipe, sandbox::SandboxSpec};

use crate::{
    archive::ArchiveWriter,
    error::BuildError,
    git_source::{FOLDER, FORGET_GIT, program},
    job::Submodule,
    output::{Output, Together},
    sandbox::OpenSandbox,
    source::{BOUNDS, Layout, Source},
    workspace::ROOT,
};

/// Most submodules in one tree.
const MOST: usize = 100;

/// Gives the source with its submodules in their places.
pub(crate) async fn receive(
    sandboxes: &dyn Sandboxes,
    spec: &SandboxSpec,
    source: Source,
    submodules: &[Submodule],
    out: &mut Output<'_>,
) -> Result<Source, BuildError> {
    if submodules.len() > MOST {
        return Err(BuildError::SourceInvalid(format!("the source has more than {MOST} submodules.")));
    }
    out.heading("Git submodules detected, installing");
    let spec = SandboxSpec { name: format!("{}-source", spec.name), ..spec.clone() };
    let mut open = OpenSandbox::default();
    let received = async {
        let sandbox = open.open(sandboxes, &spec).await?;
        install(sandbox, source, submodules, out).await
    };
    let received = received.await;
    open.close().await;
    received
}

async fn install(sandbox: &dyn Sandbox, source: Source, submodules: &[Submodule], out: &mut Output<'_>) -> Result<Source, BuildError> {
    let (tree, written) = pipe(move |to| {
        let mut archive = ArchiveWriter::new(to);
        // What `.slugignore` leaves out may be a `.gitmodules`; it is left out afterwards.
        source.unabridged().write_under(FOLDER.trim_start_matches("/tmp/").as_bytes(), &mut archive)?;
        archive.finish().map(drop)
    });
    sandbox.put(ROOT, tree).await?;
    written.await.map_err(io::Error::other)?;
    for argv in steps(submodules) {
        let mut said = Together::default();
        let finished = sandbox.run(&program(argv, "https:http:git"), &mut said).await?;
        out.indented(&said.0);
        if finished.status != 0 {
            return Err(BuildError::SourceInvalid("submodule install failed.".to_owned()));
        }
    }
    Source::receive(sandbox.take(FOLDER).await?, Layout::Archive, BOUNDS).await
}

/// A repository without commits that has the submodules in its index is all that git needs to fetch them.
fn steps(submodules: &[Submodule]) -> [Vec<String>; 4] {
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut index = own(&["git", "-C", FOLDER, "update-index", "--add"]);
    for Submodule { path, commit } in submodules {
        index.extend(["--cacheinfo".to_owned(), format!("160000,{commit},{path}")]);
    }
    [own(&["git", "init", "-q", FOLDER]), index, own(&["git", "-C", FOLDER, "submodule", "update", "--init", "--recursive", "--jobs", "4"]), own(&FORGET_GIT)]
}
