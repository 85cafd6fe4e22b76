//! A spare dyno waits for an app: until it is handed one, it holds nothing of any.
//!
//! The platform listens on a socket that lies where the app's folder will be; the slug, once mounted, hides it. It sends the
//! length of what follows (four bytes, big-endian), then the command and `NAME=value` of its environment, parted by NUL
//! bytes; the answer is one byte, once the slug is seen. A connection that ends before means that nobody needs this spare.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::{ffi::OsStringExt, fs::MetadataExt, net::UnixStream},
    path::Path,
};

/// Says that the command is about to run.
const TAKEN: &[u8] = b"1";

/// What a spare becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) command: String,
    pub(crate) env: Vec<(OsString, OsString)>,
}

/// Waits to be handed an app. `None`: nobody needs this one.
pub(crate) fn wait(socket: &Path) -> io::Result<Option<Order>> {
    let folder = env::current_dir()?;
    let before = fs::metadata(&folder)?.dev();
    let mut platform = UnixStream::connect(socket)?;
    let Some(bytes) = receive(&mut platform)? else { return Ok(None) };
    let order = parse(&bytes).ok_or_else(|| io::Error::other("what was handed over cannot be read"))?;
    if fs::metadata(&folder)?.dev() == before {
        return Err(io::Error::other("the slug is not mounted"));
    }
    // By its name: we are still in what lies under the mount.
    env::set_current_dir(&folder)?;
    platform.write_all(TAKEN)?;
    Ok(Some(order))
}

/// `None` if the other end closed before it had sent all of it.
fn receive(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    let read = |from: &mut dyn Read, into: &mut [u8]| match from.read_exact(into) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        other => other.map(|()| true),
    };
    if !read(from, &mut length)? {
        return Ok(None);
    }
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    Ok(read(from, &mut bytes)?.then_some(bytes))
}

fn parse(bytes: &[u8]) -> Option<Order> {
    let mut fields = bytes.split(|byte| *byte == 0);
    let command = String::from_utf8(fields.next()?.to_vec()).ok()?;
    let pair = |field: &[u8]| {
        let equals = field.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
        Some((OsString::from_vec(field[..equals].to_vec()), OsString::from_vec(field[equals + 1..].to_vec())))
    };
    Some(Order { command, env: fields.map(pair).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
    }

    #[test]
    fn a_command_and_its_environment_are_read() {
        let bytes = receive(&mut sent(b"a && b\0X=1\0EMPTY=\0TWO=a=b\nc").as_slice()).unwrap().unwrap();
        let order = parse(&bytes).unwrap();
        assert_eq!(order.command, "a && b");
        assert_eq!(order.env, [("X", "1"), ("EMPTY", ""), ("TWO", "a=b\nc")].map(|(key, value)| (key.into(), value.into())));
    }

    #[test]
    fn what_breaks_off_is_no_order() {
        let whole = sent(b"true\0X=1");
        for end in 0..whole.len() {
            assert_eq!(receive(&mut &whole[..end]).unwrap(), None, "{end}");
        }
        for wrong in [b"true\0X".as_slice(), b"true\0=1", b"\xff"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
