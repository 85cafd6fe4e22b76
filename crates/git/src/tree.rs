//! A commit that was pushed and is not accepted yet.

use std::{io, path::PathBuf};

use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use ports::ByteStream;
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStdout, Command},
};

use crate::{
    process::{Program, output},
    updates::ObjectId,
};

/// A repository as seen from inside a push.
pub(crate) struct Quarantine {
    pub(crate) program: Program,
    pub(crate) repository: PathBuf,
    /// Where the new objects are.
    pub(crate) environment: Vec<(String, std::ffi::OsString)>,
}

/// How much of the archive is read at a time, in bytes.
const CHUNK: usize = 64 * 1024;

/// Most submodules that are named in the warning.
const NAMED: usize = 5;

impl Quarantine {
    fn git(&self, subcommand: &str) -> Command {
        let mut command = self.program.git_in(&self.repository, subcommand);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Whether this is a commit; a branch can be pushed to a tag or a tree as well, which receive-pack notices only later.
    pub(crate) async fn is_commit(&self, id: &ObjectId) -> io::Result<bool> {
        let mut command = self.git("cat-file");
        command.args(["-t", id.as_str()]);
        Ok(output(command).await? == b"commit\n")
    }

    /// The paths of submodules, a few of them at most.
    pub(crate) async fn submodules(&self, commit: &ObjectId) -> io::Result<Vec<String>> {
        let mut command = self.git("ls-tree");
        // -d leaves out the files.
        command.args(["-r", "-d", "-z", "--full-tree", commit.as_str()]);
        Ok(submodules(&output(command).await?))
    }

    /// The tree as an uncompressed tar, without a prefix before the names.
    pub(crate) fn archive(&self, commit: &ObjectId) -> io::Result<ByteStream> {
        let mut command = self.git("archive");
        command.args(["--format=tar", commit.as_str()]).stderr(std::process::Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let chunks = stream::unfold(Some((child, stdout)), |state| async {
            let (child, stdout) = state?;
            Some(match chunk(child, stdout).await {
                Ok((bytes, state)) if bytes.is_empty() => return state.and(None),
                Ok((bytes, state)) => (Ok(bytes.freeze()), state),
                Err(error) => (Err(error), None),
            })
        });
        Ok(chunks.boxed())
    }
}

type Archiving = Option<(Child, ChildStdout)>;

/// The next bytes; none when the archive is whole. One that broke off is an error, not an end.
async fn chunk(mut child: Child, mut stdout: ChildStdout) -> io::Result<(BytesMut, Archiving)> {
    let mut bytes = BytesMut::with_capacity(CHUNK);
    if stdout.read_buf(&mut bytes).await? > 0 {
        return Ok((bytes, Some((child, stdout))));
    }
    let status = child.wait().await?;
    if status.success() { Ok((bytes, None)) } else { Err(io::Error::other(format!("git archive ended with {status}"))) }
}

/// From `ls-tree -z`: entries of `mode type hash TAB path`. Mode 160000 is a commit of another repository.
fn submodules(listing: &[u8]) -> Vec<String> {
    let links = listing.split(|&byte| byte == 0).filter(|entry| entry.starts_with(b"160000 "));
    let path = |entry: &[u8]| entry.splitn(2, |&byte| byte == b'\t').nth(1).map(|path| String::from_utf8_lossy(path).replace(char::is_control, "?"));
    links.filter_map(path).take(NAMED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_told_from_folders() {
        let listing = b"040000 tree aaaa\tlib\x00160000 commit bbbb\tlib/gem\x00160000 commit cccc\todd\nname\x00";
        assert_eq!(submodules(listing), ["lib/gem", "odd?name"]);
        assert!(submodules(b"").is_empty());
    }
}
