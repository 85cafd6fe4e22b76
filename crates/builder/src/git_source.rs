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
const FOLDER: &str = "/tmp/source";

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
    for argv in steps(url, reference.unwrap_or("HEAD")) {
        let mut shown = out.program();
        let finished = sandbox.run(&program(argv), &mut shown).await?;
        shown.finish();
        if finished.status != 0 {
            return Err(BuildError::SourceInvalid("the source could not be fetched with git.".to_owned()));
        }
    }
    Source::receive(sandbox.take(FOLDER).await?, Layout::Archive, BOUNDS).await
}

fn steps(url: &str, reference: &str) -> [Vec<String>; 4] {
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    [
        own(&["git", "init", "-q", FOLDER]),
        // Nothing but https, whatever the repository or a redirect asks for.
        own(&["git", "-C", FOLDER, "-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "fetch", "-q", "--depth", "1", "--", url, reference]),
        own(&["git", "-C", FOLDER, "checkout", "-q", "--detach", "FETCH_HEAD"]),
        own(&["rm", "-rf", "--", &format!("{FOLDER}/.git")]),
    ]
}

fn program(argv: Vec<String>) -> Program {
    let env = [("HOME", "/tmp"), ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_LFS_SKIP_SMUDGE", "1")];
    Program { argv, env: env.map(|(key, value)| (key.to_owned(), value.to_owned())).into(), working_dir: "/tmp".to_owned() }
}
