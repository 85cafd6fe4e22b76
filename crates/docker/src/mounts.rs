//! What is asked of the kernel: file systems mounted and unmounted on this machine.

use std::{
    ffi::CString,
    io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    process::Stdio,
};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount};

const HARMLESS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Makes a folder a mount of its own, from which what is mounted in it reaches containers that run already.
pub(crate) fn share(folder: &Path) -> io::Result<()> {
    if !is_mount_point(folder)? {
        mount_bind(folder, folder)?;
        // Out of the group of whatever it lies on: nothing of ours is to appear elsewhere.
        mount_change(folder, MountPropagationFlags::PRIVATE)?;
    }
    Ok(mount_change(folder, MountPropagationFlags::SHARED)?)
}

/// Mounts a private, writable view of `lower` at `target`; what is written goes to `upper`.
pub(crate) fn overlay(lower: &Path, upper: &Path, work: &Path, target: &Path) -> io::Result<()> {
    for path in [lower, upper, work] {
        check_name(path)?;
    }
    let options = |more: &str| CString::new([b"lowerdir=", bytes(lower), b",upperdir=", bytes(upper), b",workdir=", bytes(work), more.as_bytes()].concat());
    // What a dyno writes is gone after a reboot anyway: nothing need wait for the disk, and unmounting flushes nothing.
    match mount("overlay", target, "overlay", HARMLESS, options(",volatile")?.as_c_str()) {
        // Before Linux 5.10.
        Err(rustix::io::Errno::INVAL) => Ok(mount("overlay", target, "overlay", HARMLESS, options("")?.as_c_str())?),
        other => Ok(other?),
    }
}

/// Paths stand in a list in which these characters mean something.
pub(crate) fn check_name(path: &Path) -> io::Result<()> {
    match bytes(path).iter().any(|byte| matches!(byte, b',' | b':' | b'\\')) {
        true => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} has a comma, colon or backslash in it", path.display()))),
        false => Ok(()),
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Mounts a squashfs file, through a loop device that goes when it is unmounted. Setting one up takes calls that only `mount`
/// makes for us.
pub(crate) async fn squashfs(file: &Path, target: &Path) -> io::Result<()> {
    let mut program = tokio::process::Command::new("mount");
    program.args(["-t", "squashfs", "-o", "loop,ro,nosuid,nodev", "--"]).arg(file).arg(target);
    let output = program.stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Unmounts whatever is there; nothing is fine. Who still uses it keeps it until they end.
pub(crate) fn detach(target: &Path) -> io::Result<()> {
    loop {
        match unmount(target, UnmountFlags::DETACH) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether another file system than its parent's is to be seen there.
pub(crate) fn is_mounted(target: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    let here = device(target);
    here.is_some() && here != target.parent().and_then(device)
}

fn is_mount_point(folder: &Path) -> io::Result<bool> {
    Ok(lists(&std::fs::read_to_string("/proc/self/mountinfo")?, folder))
}

/// Whether a table of mounts (`/proc/self/mountinfo`) has one at this place.
fn lists(table: &str, folder: &Path) -> bool {
    let written = |byte: u8| match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        other => vec![other],
    };
    let name: Vec<u8> = bytes(folder).iter().copied().flat_map(written).collect();
    table.lines().any(|line| line.split(' ').nth(4).is_some_and(|target| target.as_bytes() == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_in_the_kernels_table_by_its_exact_place() {
        let table = "22 27 0:21 / /proc rw - proc proc rw\n42 27 254:0 /x /srv/with\\040space/dynos rw shared:1 - ext4 /dev/vda rw\n";
        for (folder, expected) in [("/proc", true), ("/srv/with space/dynos", true), ("/srv/with space", false), ("/pro", false), ("proc", false)] {
            assert_eq!(lists(table, Path::new(folder)), expected, "{folder}");
        }
    }

    #[test]
    fn names_that_would_be_read_as_options_are_refused() {
        assert!(check_name(Path::new("/srv/my paas")).is_ok());
        for bad in ["/a,b", "/a:b", "/a\\b"] {
            assert!(check_name(Path::new(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_mounted_is_unmounted_already() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_mounted(folder.path()));
        assert!(!is_mounted(&folder.path().join("missing")));
    }
}
