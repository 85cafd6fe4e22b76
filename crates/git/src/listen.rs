//! The socket that hooks call.

use std::{
    ffi::OsString,
    io,
    os::unix::ffi::OsStringExt,
    path::{Component, Path},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    io::AsyncRead,
    net::{UnixListener, UnixStream},
    time::timeout,
};

use crate::{
    frame::{self, Kind},
    git::Git,
    hook,
    receive::{Verdict, receive},
    tree::Quarantine,
    updates::{MOST, RefUpdate},
    wire::wire,
};

/// A hook says at once what it has to say.
const HELLO: Duration = Duration::from_secs(30);

/// Answers hooks as long as there is a [`Git`].
pub(crate) async fn listen(git: Weak<Git>, listener: UnixListener) {
    loop {
        let accepted = listener.accept().await;
        let Some(git) = git.upgrade() else { return };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(answer(git, stream));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a hook could not be heard");
                // Out of file descriptors, most likely: somebody has to close one first.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(git: Arc<Git>, stream: UnixStream) {
    let (mut reader, writer) = stream.into_split();
    let Ok(Ok(hello)) = timeout(HELLO, Hello::read(&mut reader)).await else { return };
    let Some(ticket) = git.tickets.claim(&hello.push) else { return };
    ticket.begun.cancel();
    let repository = git.repositories.path(ticket.app);
    let (mut terminal, frames) = wire();
    // Written beside the build: a hook that goes away does not stop it.
    let writing = tokio::spawn(frames.write_to(writer));
    let verdict = if hello.lies_in(&repository) {
        let quarantine = Quarantine { program: git.repositories.program().clone(), repository, environment: hello.environment };
        receive(&git, &ticket, &quarantine, &hello.updates, &mut terminal).await
    } else {
        tracing::warn!(app = %ticket.app, "a hook spoke of objects outside its repository");
        Verdict::Reject
    };
    terminal.exit(u8::from(verdict == Verdict::Reject));
    let _ = writing.await;
}

/// What a hook says.
struct Hello {
    push: String,
    environment: Vec<(String, OsString)>,
    updates: Vec<RefUpdate>,
}

impl Hello {
    async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut hello = Self { push: String::new(), environment: Vec::new(), updates: Vec::new() };
        let nonsense = || io::Error::from(io::ErrorKind::InvalidData);
        loop {
            let frame = frame::read_async(from).await?;
            match frame.kind {
                Kind::Push => hello.push = String::from_utf8(frame.payload).map_err(|_| nonsense())?,
                Kind::Environment => hello.environment.push(entry(frame.payload).ok_or_else(nonsense)?),
                // One more than the most shows that there are too many.
                Kind::Update if hello.updates.len() > MOST => {}
                Kind::Update => hello.updates.push(RefUpdate::parse(&String::from_utf8_lossy(&frame.payload)).ok_or_else(nonsense)?),
                Kind::End => return Ok(hello),
                Kind::Output | Kind::Exit => return Err(nonsense()),
            }
        }
    }

    /// New objects lie in the repository; with only deletions there are none.
    fn lies_in(&self, repository: &Path) -> bool {
        let objects = repository.join("objects");
        let inside = |path: &Path| path.starts_with(&objects) && !path.components().any(|part| part == Component::ParentDir);
        self.environment.iter().all(|(name, value)| name != "GIT_OBJECT_DIRECTORY" || inside(Path::new(value)))
    }
}

/// `NAME=value`, of the names a hook may pass on.
fn entry(mut payload: Vec<u8>) -> Option<(String, OsString)> {
    let equals = payload.iter().position(|&byte| byte == b'=')?;
    let value = payload.split_off(equals + 1);
    payload.pop();
    let name = hook::QUARANTINE.into_iter().find(|name| name.as_bytes() == payload)?;
    Some((name.to_owned(), OsString::from_vec(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile inputs 20–22.
    #[test]
    fn only_the_quarantine_is_passed_on() {
        assert_eq!(entry(b"GIT_OBJECT_DIRECTORY=/a=b".to_vec()), Some(("GIT_OBJECT_DIRECTORY".into(), "/a=b".into())));
        assert_eq!(entry(b"GIT_SSH_COMMAND=x".to_vec()), None);
        assert_eq!(entry(b"GIT_OBJECT_DIRECTORY".to_vec()), None);
    }

    #[test]
    fn new_objects_lie_in_the_repository() {
        let lies = |value: &str| {
            let environment = vec![("GIT_OBJECT_DIRECTORY".to_owned(), value.into())];
            Hello { push: String::new(), environment, updates: Vec::new() }.lies_in(Path::new("/repos/a.git"))
        };
        assert!(lies("/repos/a.git/objects/tmp_objdir-incoming-x"));
        for elsewhere in ["/repos/b.git/objects/tmp", "/repos/a.git/objects/../../b.git/objects", "objects", ""] {
            assert!(!lies(elsewhere), "{elsewhere}");
        }
    }

    #[tokio::test]
    async fn a_hook_that_talks_nonsense_is_not_heard() {
        let update = format!("{0} {0} refs/heads/main", "a".repeat(40));
        let good = [frame::encode(Kind::Push, b"p"), frame::encode(Kind::Update, update.as_bytes()), frame::encode(Kind::End, b"")].concat();
        let hello = Hello::read(&mut &good[..]).await.unwrap();
        assert_eq!((hello.push.as_str(), hello.updates.len()), ("p", 1));
        for bad in [
            frame::encode(Kind::Update, b"x y z"),
            frame::encode(Kind::Output, b""),
            frame::encode(Kind::Environment, b"PATH=/"),
            good[..good.len() - 1].to_vec(),
        ] {
            assert!(Hello::read(&mut &bad[..]).await.is_err());
        }
    }
}
