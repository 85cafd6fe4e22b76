//! The source of a build: received whole, looked through entry by entry, then rewritten for the sandbox.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
};

use domain::{AppJson, BuildpackRef, Procfile, app_json::buildpacks_file};
use flate2::read::MultiGzDecoder;
use ports::{ByteStream, pipe::feed};
use tar::{Archive, Entry, EntryType, PaxExtensions};

use crate::{
    archive::{ArchiveWriter, EndWatch, parts},
    error::BuildError,
    slugignore::Slugignore,
};

/// What a source may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Of the whole archive.
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
    /// Of the names of all its folders and links, each counted once: they are kept in memory while it is looked through. In
    /// bytes, [`NAME`] more for each.
    pub(crate) names: usize,
}

/// How the entries of a source are named, and whether they are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As `git archive` writes it.
    Tree,
    /// As people and GitHub write it: gzipped or not, everything in one folder or not.
    Archive,
    /// As slugs are made: gzipped, everything under `app/`.
    Slug,
}

/// As large as Heroku lets a repository be, twice over.
pub(crate) const BOUNDS: Bounds = Bounds { bytes: 2 << 30, entries: 1_000_000, names: 32 << 20 };

/// What a name costs in memory beside its bytes.
const NAME: usize = 64;
/// Folders in folders; none that people make are nested deeper.
const DEEPEST: usize = 256;

/// Headers that describe other entries (long names, comments) are read into memory; more than this nobody needs. In bytes.
const MAX_EXTENSION: u64 = 1 << 20;
/// Files we read ourselves, such as `Procfile` and `.slugignore`. In bytes.
const MAX_READ: u64 = 1 << 20;

/// A source that was looked through: every entry is a file, a folder or a symbolic link inside it.
pub(crate) struct Source {
    archive: File,
    /// Everything lies in one folder, which is taken off.
    wrapped: bool,
    /// Entries, counted from 0, that `.slugignore` takes out.
    left_out: BTreeSet<usize>,
    /// How many of them are no folders.
    pub(crate) files_left_out: usize,
    wishes: Wishes,
}

/// The files in which a source may say which buildpacks it wants; an error if there is one that is no plain file.
#[derive(Default)]
struct Wishes {
    buildpacks: Option<Result<Vec<u8>, BuildError>>,
    app_json: Option<Result<Vec<u8>, BuildError>>,
}

/// What a source wants to be built with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    /// Its `.buildpacks` says so, as long as it is there.
    File(Vec<BuildpackRef>),
    /// Its `app.json` says so, for whoever sets the app up.
    AppJson(Vec<BuildpackRef>),
}

impl Source {
    /// Receives and checks a source.
    pub(crate) async fn receive(source: ByteStream, layout: Layout, bounds: Bounds) -> Result<Self, BuildError> {
        let (reader, feeding) = feed(source);
        let looking = tokio::task::spawn_blocking(move || Self::read(reader, layout, bounds));
        let ((), looked) = tokio::join!(feeding, looking);
        looked.map_err(io::Error::other)?
    }

    /// The same, waiting for it.
    pub(crate) fn read(reader: impl Read + 'static, layout: Layout, bounds: Bounds) -> Result<Self, BuildError> {
        let archive = match layout {
            Layout::Tree => spool(reader, layout, bounds),
            Layout::Archive | Layout::Slug => spool(plain(reader, layout)?, layout, bounds),
        }?;
        Self::look_through(archive, layout, bounds)
    }

    fn look_through(mut archive: File, layout: Layout, bounds: Bounds) -> Result<Self, BuildError> {
        check_headers(&mut archive, bounds)?;
        let wrapper = if layout == Layout::Tree { None } else { wrapper(&mut archive)? };
        let wrapped = wrapper.is_some();
        // What a slug is for has been decided: what its files say is nobody's concern.
        let reads = layout != Layout::Slug;
        let Found { slugignore, procfile, wishes } = check_entries(&mut archive, wrapped && reads, bounds)?;
        if !reads {
            return match wrapper.as_deref() {
                Some(b"app") => Ok(Self { archive, wrapped, left_out: BTreeSet::new(), files_left_out: 0, wishes: Wishes::default() }),
                _ => Err(BuildError::SourceInvalid("everything in a slug lies in the folder `app`, and not everything in this does.".to_owned())),
            };
        }
        let mut rules = Slugignore::parse(&slugignore.unwrap_or_default());
        let procfile_is_left_out = rules.ignores("Procfile", false);
        let (mut left_out, mut files_left_out) = (BTreeSet::new(), 0);
        archive.rewind()?;
        for (number, entry) in Archive::new(BufReader::new(&archive)).entries_with_seek()?.enumerate() {
            let entry = entry?;
            let is_folder = entry.header().entry_type().is_dir();
            let path = own_path(&entry, wrapped)?;
            if !path.is_empty() && rules.ignores(&String::from_utf8_lossy(&path), is_folder) {
                left_out.insert(number);
                files_left_out += usize::from(!is_folder);
            }
        }
        // Buildpacks may replace it. One that is wrong from the start is told before anybody waits for them.
        procfile.filter(|_| !procfile_is_left_out).map(|bytes| Procfile::parse(&bytes)).transpose()?;
        Ok(Self { archive, wrapped, left_out, files_left_out, wishes })
    }

    /// Which buildpacks it wants. What is wrong in a file that nobody asks is nobody's concern.
    pub(crate) fn wanted(&mut self) -> Result<Wanted, BuildError> {
        if let Some(file) = self.wishes.buildpacks.take() {
            let invalid = |why| BuildError::SourceInvalid(format!(".buildpacks names a buildpack that cannot be used. {why}"));
            let buildpacks = buildpacks_file(&file?).map_err(invalid)?;
            if !buildpacks.is_empty() {
                return Ok(Wanted::File(buildpacks));
            }
        }
        let Some(file) = self.wishes.app_json.take() else { return Ok(Wanted::Nothing) };
        let app = AppJson::parse(&file?).map_err(|why| BuildError::SourceInvalid(format!("{}.", why.to_string().trim_end_matches('.'))))?;
        Ok(if app.buildpacks.is_empty() { Wanted::Nothing } else { Wanted::AppJson(app.buildpacks) })
    }

    /// With everything, whatever `.slugignore` says.
    pub(crate) fn unabridged(mut self) -> Self {
        self.left_out.clear();
        self.files_left_out = 0;
        self
    }

    /// Writes every entry that is not left out, under the folder `under`.
    pub(crate) fn write_under(mut self, under: &[u8], out: &mut ArchiveWriter<impl Write>) -> io::Result<()> {
        self.archive.rewind()?;
        let mut folders = HashSet::new();
        out.folder(under, 0o755, 0)?;
        for (number, entry) in Archive::new(BufReader::new(&self.archive)).entries_with_seek()?.enumerate() {
            let entry = entry?;
            let path = own_path(&entry, self.wrapped)?;
            if path.is_empty() || self.left_out.contains(&number) {
                continue;
            }
            // Folders nobody mentioned would belong to root.
            for (end, _) in path.iter().enumerate().filter(|&(_, &byte)| byte == b'/') {
                if folders.insert(path[..end].to_vec()) {
                    out.folder(&[under, b"/", &path[..end]].concat(), 0o755, 0)?;
                }
            }
            let (mode, mtime) = (entry.header().mode()?, entry.header().mtime()?);
            let to = [under, b"/", path.as_ref()].concat();
            match entry.header().entry_type() {
                EntryType::Directory => {
                    folders.insert(path.into_owned());
                    out.folder(&to, mode | 0o700, mtime)?;
                }
                EntryType::Symlink => out.symlink(&to, &entry.link_name_bytes().unwrap_or_default(), mtime)?,
                _ => out.file(&to, mode | 0o600, mtime, entry.size(), entry)?,
            }
        }
        Ok(())
    }
}

fn spool(reader: impl Read, layout: Layout, bounds: Bounds) -> Result<File, BuildError> {
    let mut archive = tempfile::tempfile()?;
    let copied = io::copy(&mut reader.take(bounds.bytes + 1), &mut archive).map_err(|error| match error.kind() {
        // Of the compression, not of whoever sends.
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof if layout != Layout::Tree => unreadable(error),
        _ => error.into(),
    })?;
    if copied > bounds.bytes {
        return Err(BuildError::SourceInvalid(format!("the source is larger than {}.", domain::slug::human_bytes(bounds.bytes))));
    }
    Ok(archive)
}

/// Decompresses what is gzipped, as a slug must be. The bound on what comes out is the reader's.
fn plain(mut reader: impl Read + 'static, layout: Layout) -> Result<Box<dyn Read>, BuildError> {
    let mut magic = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut magic)?;
    let gzipped = magic == [0x1f, 0x8b];
    if layout == Layout::Slug && !gzipped {
        return Err(BuildError::SourceInvalid("a slug is a gzipped tar archive, and this is not gzipped.".to_owned()));
    }
    let whole = io::Cursor::new(magic).chain(reader);
    Ok(if gzipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// The one folder in which everything lies, if there is one. What is wrong with names is for others to say.
fn wrapper(archive: &mut File) -> Result<Option<Vec<u8>>, BuildError> {
    archive.rewind()?;
    let mut wrapper: Option<Vec<u8>> = None;
    for entry in Archive::new(BufReader::new(&*archive)).entries_with_seek().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.header().entry_type();
        let raw = entry.path_bytes();
        let Ok(parts) = parts(&raw) else { return Ok(None) };
        let Some((first, inside)) = parts.split_first().filter(|_| kind != EntryType::XGlobalHeader) else { continue };
        let fits = wrapper.get_or_insert_with(|| first.to_vec()) == first && (!inside.is_empty() || kind.is_dir());
        if !fits {
            return Ok(None);
        }
    }
    Ok(wrapper)
}

/// Looks at every header as it lies there, before anything believes them.
fn check_headers(archive: &mut File, bounds: Bounds) -> Result<(), BuildError> {
    let length = archive.seek(SeekFrom::End(0))?;
    archive.rewind()?;
    let mut entries = 0;
    for entry in Archive::new(BufReader::new(&*archive)).entries_with_seek().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        entries += 1;
        if entries > bounds.entries {
            return Err(BuildError::SourceInvalid(format!("the source has more than {} entries.", bounds.entries)));
        }
        if entry.raw_file_position().checked_add(entry.size()).is_none_or(|end| end > length) {
            return Err(refused(&entry.path_bytes(), "is larger than the whole source"));
        }
        let kind = entry.header().entry_type();
        let describes = kind.is_pax_local_extensions() || kind.is_pax_global_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink();
        if describes && entry.size() > MAX_EXTENSION {
            return Err(refused(&entry.path_bytes(), "has too large a header"));
        }
        if kind.is_pax_local_extensions() {
            let mut records = Vec::new();
            entry.read_to_end(&mut records).map_err(unreadable)?;
            for record in PaxExtensions::new(&records) {
                match record {
                    Err(_) => return Err(refused(&entry.path_bytes(), "has a malformed header")),
                    // A second opinion about the size would let one reader see other entries than another.
                    Ok(record) if record.key_bytes() == b"size" => return Err(refused(&entry.path_bytes(), "describes a file that is too large")),
                    Ok(_) => {}
                }
            }
        }
    }
    archive.rewind()?;
    EndWatch::new(BufReader::new(&*archive)).finish().map_err(unreadable)
}

/// What the platform itself reads from a source.
#[derive(Default)]
struct Found {
    slugignore: Option<Vec<u8>>,
    procfile: Option<Vec<u8>>,
    wishes: Wishes,
}

fn check_entries(archive: &mut File, wrapped: bool, bounds: Bounds) -> Result<Found, BuildError> {
    archive.rewind()?;
    let mut found = Found::default();
    let (mut symlinks, mut folders, mut names) = (HashSet::<Vec<u8>>::new(), HashSet::<Vec<u8>>::new(), 0);
    for entry in Archive::new(BufReader::new(&*archive)).entries_with_seek().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let raw = entry.path_bytes().into_owned();
        let parts = parts(&raw).map_err(|why| refused(&raw, why))?;
        if entry.header().mode().and_then(|_| entry.header().mtime()).is_err() {
            return Err(refused(&raw, "has a malformed header"));
        }
        if parts.len() > DEEPEST {
            return Err(refused(&raw, "lies too deep"));
        }
        let path = parts.join(&b'/');
        // From the inside out: above a folder that is known all are.
        for end in (1..path.len()).rev().filter(|&end| path[end] == b'/') {
            if !folders.insert(path[..end].to_vec()) {
                break;
            }
            names += end + NAME;
        }
        if names > bounds.names {
            return Err(BuildError::SourceInvalid("the source has too many folders and links.".to_owned()));
        }
        let through_a_symlink = path.iter().enumerate().any(|(end, &byte)| byte == b'/' && symlinks.contains(&path[..end]));
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            _ if through_a_symlink => return Err(refused(&raw, "lies behind a symbolic link")),
            EntryType::Directory | EntryType::Regular => {}
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                if target.is_empty() || target.len() > 4095 || target.contains(&0) {
                    return Err(refused(&raw, "is a symbolic link without a usable target"));
                }
                names += path.len() + NAME;
                symlinks.insert(path.clone());
            }
            EntryType::Link => return Err(refused(&raw, "is a hard link; a source is made of files, folders and symbolic links")),
            EntryType::Char | EntryType::Block => return Err(refused(&raw, "is a device; a source is made of files, folders and symbolic links")),
            EntryType::Fifo => return Err(refused(&raw, "is a named pipe; a source is made of files, folders and symbolic links")),
            _ => return Err(refused(&raw, "is neither a file nor a folder nor a symbolic link")),
        }
        let own = parts.get(usize::from(wrapped)..).unwrap_or_default().join(&b'/');
        match own.as_slice() {
            b".slugignore" => found.slugignore = Some(read_whole(&mut entry, &raw)?),
            b"Procfile" => found.procfile = Some(read_whole(&mut entry, &raw)?),
            b".buildpacks" => found.wishes.buildpacks = Some(read_whole(&mut entry, &raw)),
            b"app.json" => found.wishes.app_json = Some(read_whole(&mut entry, &raw)),
            _ => {}
        }
    }
    Ok(found)
}

fn read_whole(entry: &mut Entry<'_, impl Read>, path: &[u8]) -> Result<Vec<u8>, BuildError> {
    if entry.header().entry_type() != EntryType::Regular || entry.size() > MAX_READ {
        return Err(refused(path, "must be a plain file of at most 1 MB"));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// The path of an entry that was checked; empty for what is no entry of the tree.
fn own_path<R: Read>(entry: &Entry<'_, R>, wrapped: bool) -> io::Result<Cow<'static, [u8]>> {
    if entry.header().entry_type() == EntryType::XGlobalHeader {
        return Ok(Cow::Borrowed(b""));
    }
    let raw = entry.path_bytes();
    let parts = parts(&raw).map_err(io::Error::other)?;
    Ok(Cow::Owned(parts.get(usize::from(wrapped)..).unwrap_or_default().join(&b'/')))
}

fn refused(path: &[u8], why: &str) -> BuildError {
    let path: String = String::from_utf8_lossy(path).escape_debug().take(120).collect();
    BuildError::SourceInvalid(format!("`{path}` {why}."))
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn unreadable(error: io::Error) -> BuildError {
    // It repeats names as they are.
    let why: String = error.to_string().escape_debug().take(200).collect();
    BuildError::SourceInvalid(format!("the source is not a readable tar archive: {why}."))
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
