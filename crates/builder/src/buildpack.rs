//! Buildpacks: those that come with the platform, and those that are fetched.

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

use domain::{BuildpackRef, Sha256};
use sha2::{Digest, Sha256 as Hasher};

use crate::archive::ArchiveWriter;

/// In which order buildpacks are asked whether an app is theirs (Heroku's, then ours). Others come after these, by name.
const ORDER: &[&str] = &["ruby", "nodejs", "clojure", "python", "java", "gradle", "scala", "php", "go", "rust", "static"];

/// Buildpacks in a sandbox.
const IN_SANDBOX: &str = "/tmp/codon/tmp/buildpacks";

/// Whose buildpacks the catalogue's are.
const NAMESPACE: &str = "heroku";

/// What our own buildpacks share: no buildpack, but packed beside them.
const SHARED: &str = "lib";

/// One buildpack in the classic form: `bin/detect`, `bin/compile`, `bin/release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buildpack {
    /// As people name it, without credentials: `heroku/nodejs`.
    title: String,
    /// Its folder's name in the sandbox: `nodejs`, or a digest.
    name: String,
    /// Where it lies on this machine; none for one that is fetched.
    source: Option<PathBuf>,
    pub(crate) has_release: bool,
    pub(crate) has_report: bool,
}

impl Buildpack {
    /// One of ours, if there is such a one in `folder`.
    fn ours(folder: PathBuf, name: &str) -> Option<Self> {
        let there = |script: &str| folder.join("bin").join(script).is_file();
        let (is_one, has_release, has_report) = (there("detect") && there("compile"), there("release"), there("report"));
        is_one.then(|| Self { title: format!("{NAMESPACE}/{name}"), name: name.to_owned(), source: Some(folder), has_release, has_report })
    }

    /// One that is yet to be fetched.
    pub(crate) fn elsewhere(asked: &BuildpackRef) -> Self {
        let title = asked.to_string();
        let name = Sha256(Hasher::digest(&title).into()).to_string();
        Self { title, name, source: None, has_release: false, has_report: false }
    }

    /// As people name it: `heroku/nodejs`, or its URL without credentials.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// What to call an app whose `bin/detect` says nothing.
    pub(crate) fn language(&self) -> &str {
        if self.source.is_some() { &self.name } else { &self.title }
    }

    pub(crate) const fn is_elsewhere(&self) -> bool {
        self.source.is_none()
    }

    /// Takes note of which scripts it turned out to have.
    pub(crate) fn has_scripts<'a>(&mut self, mut names: impl Iterator<Item = &'a str> + Clone) {
        self.has_report = names.clone().any(|name| name == "report");
        self.has_release = names.any(|name| name == "release");
    }

    /// Where it is in the sandbox.
    pub(crate) fn folder(&self) -> String {
        format!("{IN_SANDBOX}/{}", self.name)
    }

    /// Where one of its scripts is in the sandbox.
    pub(crate) fn script(&self, name: &str) -> String {
        format!("{}/bin/{name}", self.folder())
    }

    /// The file that later buildpacks are to source before they compile.
    pub(crate) fn export(&self) -> String {
        format!("{}/export", self.folder())
    }

    /// Writes its folder into an archive that is unpacked in `/tmp`, if it is ours. Buildpacks write beside themselves, and
    /// their scripts are forced to be executable.
    pub(crate) fn write(&self, out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
        self.source.as_ref().map_or(Ok(()), |source| write_folder(source, format!("codon/tmp/buildpacks/{}", self.name).as_bytes(), out))
    }
}

/// Writes what the buildpacks in `folder` share, if they share anything, where each finds it as `../lib`.
pub(crate) fn write_shared(folder: &Path, out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
    let shared = folder.join(SHARED);
    if shared.is_dir() { write_folder(&shared, format!("codon/tmp/buildpacks/{SHARED}").as_bytes(), out) } else { Ok(()) }
}

/// Every buildpack in `folder`, in the order of detection.
pub(crate) fn catalogue(folder: &Path) -> io::Result<Vec<Buildpack>> {
    let names = names(folder)?;
    let named = names.iter().filter_map(|name| name.to_str()).filter(|name| is_plain(name) && *name != SHARED);
    let mut found: Vec<_> = named.filter_map(|name| Buildpack::ours(folder.join(name), name)).collect();
    found.sort_by_key(|buildpack| ORDER.iter().position(|name| *name == buildpack.name).unwrap_or(ORDER.len()));
    Ok(found)
}

/// The one asked for: from `folder` if it is there, else to be fetched.
pub(crate) fn find(folder: &Path, asked: &BuildpackRef) -> Buildpack {
    let ours = match asked {
        BuildpackRef::Catalogue(name) if name.namespace() == NAMESPACE && is_plain(name.name()) => Buildpack::ours(folder.join(name.name()), name.name()),
        _ => None,
    };
    ours.unwrap_or_else(|| Buildpack::elsewhere(asked))
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
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
        assert_eq!(found.iter().map(Buildpack::title).collect::<Vec<_>>(), ["heroku/ruby", "heroku/nodejs", "heroku/python", "heroku/zig"]);
    }

    #[test]
    fn the_catalogue_comes_before_the_public_registry() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("nodejs/bin")).unwrap();
        for script in ["detect", "compile", "report"] {
            fs::write(folder.path().join("nodejs/bin").join(script), "").unwrap();
        }
        let find = |text: &str| find(folder.path(), &text.parse().unwrap());
        let ours = find("heroku/nodejs");
        assert_eq!((ours.folder().as_str(), ours.is_elsewhere(), ours.has_report), ("/tmp/codon/tmp/buildpacks/nodejs", false, true));
        for text in ["emk/nodejs", "heroku/ruby", "https://user:password@example.com/x"] {
            let found = find(text);
            assert!(found.is_elsewhere() && found.name.len() == 64 && !found.title().contains("password"), "{found:?}");
        }
    }
}
