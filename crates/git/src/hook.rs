//! The pre-receive hook: a messenger between `git receive-pack` and the server. Blocking and small, for it starts with
//! every push. See `frame.rs` for what is said.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::{ffi::OsStrExt, net::UnixStream},
    process::ExitCode,
};

use crate::frame::{self, Frame, Kind};

/// The name of the hook, by which the server's executable knows that it is to be the hook.
pub const NAME: &str = "pre-receive";

/// Which push this is: a secret that holds for one connection.
pub(crate) const PUSH: &str = "MYPAAS_PUSH";
/// Where the server listens.
pub(crate) const SOCKET: &str = "MYPAAS_HOOK_SOCKET";

/// What git needs to see objects that are not accepted yet (git-receive-pack(1), "Quarantine environment").
pub(crate) const QUARANTINE: [&str; 3] = ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"];

const LOST: &str = " !     The platform was stopped during this push. Push again.";
const FAILED: &str = " !     The platform could not be reached for this push. Push again; if it goes on, tell whoever runs this platform.";

/// The whole program. Ends as the server says.
pub fn main() -> ExitCode {
    let mut stderr = io::stderr();
    let (said, status) = match connect() {
        Ok(server) => relay(server, io::stdin().lock(), &mut stderr),
        Err(_) => (Some(FAILED), 1),
    };
    if let Some(said) = said {
        // Whoever would read it may be gone.
        let _ = writeln!(stderr, "{said}");
    }
    ExitCode::from(status)
}

fn connect() -> io::Result<UnixStream> {
    let socket = of_environment(SOCKET).ok_or(io::ErrorKind::NotFound)?;
    UnixStream::connect(socket)
}

/// git and the server tell a hook everything through its environment.
fn of_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Says what was pushed, and copies what is answered; the last words, if any, and the status to end with.
fn relay(server: UnixStream, pushed: impl BufRead, stderr: &mut impl Write) -> (Option<&'static str>, u8) {
    if say(&server, pushed).is_err() {
        return (Some(FAILED), 1);
    }
    copy(BufReader::new(server), stderr)
}

fn say(server: &UnixStream, pushed: impl BufRead) -> io::Result<()> {
    let mut server = BufWriter::new(server);
    server.write_all(&frame::encode(Kind::Push, of_environment(PUSH).unwrap_or_default().as_bytes()))?;
    for name in QUARANTINE {
        if let Some(value) = of_environment(name) {
            let mut entry = OsString::from(format!("{name}="));
            entry.push(value);
            server.write_all(&frame::encode(Kind::Environment, entry.as_bytes()))?;
        }
    }
    for line in pushed.split(b'\n') {
        server.write_all(&frame::encode(Kind::Update, &line?))?;
    }
    server.write_all(&frame::encode(Kind::End, b""))?;
    server.flush()
}

fn copy(mut server: impl Read, stderr: &mut impl Write) -> (Option<&'static str>, u8) {
    loop {
        match frame::read(&mut server) {
            Ok(Frame { kind: Kind::Output, payload }) => {
                // The build goes on without a reader, and its outcome still counts.
                let _ = stderr.write_all(&payload).and_then(|()| stderr.flush());
            }
            Ok(Frame { kind: Kind::Exit, payload }) => return (None, payload.first().copied().unwrap_or(1)),
            Ok(_) | Err(_) => return (Some(LOST), 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn output_is_copied_until_the_exit() {
        let answer = [frame::encode(Kind::Output, b"one\n"), frame::encode(Kind::Output, b"two"), frame::encode(Kind::Exit, &[3])].concat();
        let mut stderr = Vec::new();
        assert_eq!(copy(&answer[..], &mut stderr), (None, 3));
        assert_eq!(stderr, b"one\ntwo");
        assert_eq!(copy(&answer[..], &mut Gone), (None, 3));
    }

    #[test]
    fn a_server_that_breaks_off_fails_the_push() {
        let answer = frame::encode(Kind::Output, b"one\n");
        assert_eq!(copy(&answer[..], &mut Vec::new()), (Some(LOST), 1));
        assert_eq!(copy(&b"???????"[..], &mut Vec::new()), (Some(LOST), 1));
    }

    #[test]
    fn every_ref_is_told() {
        let (hook, server) = UnixStream::pair().unwrap();
        let pushed = b"0 1 refs/heads/main\n1 2 refs/tags/v1\n";
        say(&hook, &pushed[..]).unwrap();
        drop(hook);
        let mut server = server;
        let mut frames = Vec::new();
        while let Ok(frame) = frame::read(&mut server) {
            frames.push((frame.kind, String::from_utf8(frame.payload).unwrap()));
        }
        frames.retain(|(kind, _)| *kind != Kind::Environment);
        let told = |kind, text: &str| (kind, text.to_owned());
        assert_eq!(frames, [told(Kind::Push, ""), told(Kind::Update, "0 1 refs/heads/main"), told(Kind::Update, "1 2 refs/tags/v1"), told(Kind::End, "")]);
    }
}
