//! A commit that was pushed and is not accepted yet.

use std::{io, path::PathBuf};

use builder::Submodule;
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

    /// Which commits of other repositories the tree has, and where.
    pub(crate) async fn submodules(&self, commit: &ObjectId) -> io::Result<Vec<Submodule>> {
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
fn submodules(listing: &[u8]) -> Vec<Submodule> {
    let link = |entry: &[u8]| {
        let mut parts = entry.strip_prefix(b"160000 commit ")?.splitn(2, |&byte| byte == b'\t');
        let commit = ObjectId::parse(std::str::from_utf8(parts.next()?).ok()?)?;
        Some(Submodule { path: String::from_utf8_lossy(parts.next()?).into_owned(), commit: commit.to_string() })
    };
    listing.split(|&byte| byte == 0).filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_told_from_folders() {
        let (b, c) = ("b".repeat(40), "c".repeat(40));
        let listing = format!("040000 tree {b}\tlib\0160000 commit {b}\tlib/gem\0160000 commit {c}\todd\tna\nme\0");
        let found: Vec<_> = submodules(listing.as_bytes()).into_iter().map(|found| (found.path, found.commit)).collect();
        assert_eq!(found, [("lib/gem".to_owned(), b), ("odd\tna\nme".to_owned(), c)]);
        assert!(submodules(b"").is_empty());
    }
}
