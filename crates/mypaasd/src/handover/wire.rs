//! Words, and sockets that go with them, from one process to another.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    recvmsg, sendmsg, socketpair,
};
use tokio::{io::Interest, net::UnixStream};

/// A word is no longer than this: two paths, mostly.
const LONGEST: usize = 16 * 1024;

/// One end of a pair. Each word arrives whole.
pub(super) struct Channel(OwnedFd);

impl Channel {
    /// One end for this process, and one for another.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self::of(here)?, there))
    }

    /// The end that was given to this process as its standard input, which is empty from now on: whatever this process starts
    /// must not hold it.
    pub(super) fn at_stdin() -> io::Result<Self> {
        let end = rustix::stdio::stdin().try_clone_to_owned()?;
        rustix::net::sockopt::socket_type(&end)?;
        let end = Self::of(end)?;
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Ok(end)
    }

    pub(super) fn of(end: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&end, true)?;
        Ok(Self(end))
    }

    /// The same end once more: it is over when both are closed.
    pub(super) fn copy(&self) -> io::Result<OwnedFd> {
        self.0.try_clone()
    }

    /// In the runtime that this is called in, which may be another one each time. For waiting, it is a stream like any other.
    fn here(&self) -> io::Result<UnixStream> {
        UnixStream::from_std(std::os::unix::net::UnixStream::from(self.0.try_clone()?))
    }

    pub(super) async fn send(&self, word: &str, socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let end = self.here()?;
        end.async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let sockets = socket.map(|socket| [socket]);
            if let Some(sockets) = &sockets
                && !control.push(SendAncillaryMessage::ScmRights(sockets))
            {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            sendmsg(&end, &[IoSlice::new(word.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
            Ok(())
        })
        .await
    }

    /// The next word; nothing if the other process has ended.
    pub(super) async fn receive(&self) -> io::Result<Option<(String, Option<OwnedFd>)>> {
        let end = self.here()?;
        end.async_io(Interest::READABLE, || {
            let mut word = vec![0; LONGEST];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let length = match recvmsg(&end, &mut [IoSliceMut::new(&mut word)], &mut control, RecvFlags::CMSG_CLOEXEC) {
                Ok(came) => came.bytes,
                // It ended before it had read all that it was told.
                Err(rustix::io::Errno::CONNRESET) => 0,
                Err(error) => return Err(error.into()),
            };
            if length == 0 {
                return Ok(None);
            }
            let socket = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
                _ => None,
            });
            word.truncate(length);
            Ok(Some((String::from_utf8_lossy(&word).into_owned(), socket)))
        })
        .await
    }
}
