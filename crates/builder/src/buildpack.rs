//! The buildpacks that come with the platform.

use std::{
    ffi::OsString,
    fs, io,
    io::Write,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use crate::archive::ArchiveWriter;

/// In which order buildpacks are asked whether an app is theirs (Heroku's, then ours). Others come after these, by name.
const ORDER: &[&str] = &["ruby", "nodejs", "clojure", "python", "java", "gradle", "scala", "php", "go", "rust", "static"];

/// Buildpacks in a sandbox.
const IN_SANDBOX: &str = "/tmp/codon/tmp/buildpacks";

/// What our own buildpacks share: no buildpack, but packed beside them.
const SHARED: &str = "lib";

/// One buildpack in the classic form: `bin/detect`, `bin/compile`, `bin/release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buildpack {
    /// Its folder's name: `nodejs`.
    name: String,
    folder: PathBuf,
    pub(crate) has_release: bool,
}

impl Buildpack {
    /// As Heroku names it: `heroku/nodejs`.
    pub(crate) fn title(&self) -> String {
        format!("heroku/{}", self.name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where one of its scripts is in the sandbox.
    pub(crate) fn script(&self, name: &str) -> String {
        format!("{IN_SANDBOX}/{}/bin/{name}", self.name)
    }

    /// Writes its folder into an archive that is unpacked in `/tmp`. Buildpacks write beside themselves, and their scripts
    /// are forced to be executable.
    pub(crate) fn write(&self, out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
        write_folder(&self.folder, format!("codon/tmp/buildpacks/{}", self.name).as_bytes(), out)
    }
}

/// Writes what the buildpacks in `folder` share, if they share anything, where each finds it as `../lib`.
pub(crate) fn write_shared(folder: &Path, out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
    let shared = folder.join(SHARED);
    if shared.is_dir() { write_folder(&shared, format!("codon/tmp/buildpacks/{SHARED}").as_bytes(), out) } else { Ok(()) }
}

/// Every buildpack in `folder`, in the order of detection.
pub(crate) fn catalogue(folder: &Path) -> io::Result<Vec<Buildpack>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let folder = folder.join(&name);
        let Some(name) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')) else {
            continue;
        };
        if name != SHARED && folder.join("bin/detect").is_file() && folder.join("bin/compile").is_file() {
            found.push(Buildpack { name: name.to_owned(), has_release: folder.join("bin/release").is_file(), folder });
        }
    }
    found.sort_by_key(|buildpack| ORDER.iter().position(|name| *name == buildpack.name).unwrap_or(ORDER.len()));
    Ok(found)
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn write_folder(folder: &Path, to: &[u8], out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
    let mtime = |metadata: &fs::Metadata| u64::try_from(metadata.mtime()).unwrap_or(0);
    out.folder(to, 0o755, mtime(&fs::metadata(folder)?))?;
    for name in names(folder)? {
        let (path, to) = (folder.join(&name), [to, b"/", name.as_bytes()].concat());
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            write_folder(&path, &to, out)?;
        } else if metadata.is_symlink() {
            out.symlink(&to, fs::read_link(&path)?.as_os_str().as_bytes(), mtime(&metadata))?;
        } else if metadata.is_file() {
            let executable = metadata.permissions().mode() & 0o111 != 0 || folder.ends_with("bin");
            out.file(&to, if executable { 0o755 } else { 0o644 }, mtime(&metadata), metadata.len(), fs::File::open(&path)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buildpacks_are_found_in_the_order_of_detection() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["python", "nodejs", "zig", "ruby", "half", "no good"] {
            let bin = folder.path().join(name).join("bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("detect"), "").unwrap();
            if name != "half" {
                fs::write(bin.join("compile"), "").unwrap();
            }
        }
        fs::write(folder.path().join("README.md"), "").unwrap();
        let found = catalogue(folder.path()).unwrap();
        assert_eq!(found.iter().map(Buildpack::name).collect::<Vec<_>>(), ["ruby", "nodejs", "python", "zig"]);
    }
}
