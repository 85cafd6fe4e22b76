//! A source that lies in a git repository elsewhere. It is fetched inside a sandbox of its own: whatever git can be made to
//! do, it does there.

use ports::{
    Sandboxes,
    sandbox::{Program, SandboxSpec},
};

use crate::{
    error::BuildError,
    output::Output,
    sandbox::OpenSandbox,
    source::{BOUNDS, Layout, Source},
};

/// The folder that is fetched into; it comes out as the one folder around everything.
pub(crate) const FOLDER: &str = "/tmp/source";

/// Fetches one commit without its history and gives its tree.
pub(crate) async fn receive(
    sandboxes: &dyn Sandboxes,
    spec: &SandboxSpec,
    url: &str,
    reference: Option<&str>,
    out: &mut Output<'_>,
) -> Result<Source, BuildError> {
    let spec = SandboxSpec { name: format!("{}-source", spec.name), ..spec.clone() };
    let mut open = OpenSandbox::default();
    let received = fetch(&mut open, sandboxes, &spec, url, reference, out).await;
    open.close().await;
    received
}

async fn fetch(
    open: &mut OpenSandbox,
    sandboxes: &dyn Sandboxes,
    spec: &SandboxSpec,
    url: &str,
    reference: Option<&str>,
    out: &mut Output<'_>,
) -> Result<Source, BuildError> {
    let sandbox = open.open(sandboxes, spec).await?;
    // A host that is asked over http is one of the admin's own: nothing else gets here.
    let protocols = if url.starts_with("http://") { "https:http" } else { "https" };
    for argv in steps(url, reference.unwrap_or("HEAD")) {
        let mut shown = out.program();
        let finished = sandbox.run(&program(argv, protocols), &mut shown).await?;
        shown.finish();
        if finished.status != 0 {
            return Err(BuildError::SourceInvalid("the source could not be fetched with git.".to_owned()));
        }
    }
    Source::receive(sandbox.take(FOLDER).await?, Layout::Archive, BOUNDS).await
}

fn steps(url: &str, reference: &str) -> [Vec<String>; 5] {
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    [
        own(&["git", "init", "-q", FOLDER]),
        own(&["git", "-C", FOLDER, "fetch", "-q", "--depth", "1", "--", url, reference]),
        own(&["git", "-C", FOLDER, "checkout", "-q", "--detach", "FETCH_HEAD"]),
        own(&["git", "-C", FOLDER, "submodule", "--quiet", "update", "--init", "--recursive"]),
        own(&FORGET_GIT),
    ]
}

/// Takes away what makes a repository and its submodules repositories.
pub(crate) const FORGET_GIT: [&str; 11] = ["find", FOLDER, "-name", ".git", "-prune", "-exec", "rm", "-rf", "--", "{}", "+"];

/// Never asks anybody, and speaks these protocols only, whatever a repository, its submodules or a redirect ask for.
pub(crate) fn program(argv: Vec<String>, protocols: &str) -> Program {
    let env = [
        ("GIT_ALLOW_PROTOCOL", protocols),
        ("HOME", "/tmp"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LANG", "C.UTF-8"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_LFS_SKIP_SMUDGE", "1"),
    ];
    Program { argv, env: env.map(|(key, value)| (key.to_owned(), value.to_owned())).into(), working_dir: "/tmp".to_owned() }
}
