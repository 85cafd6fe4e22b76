//! `builds:create`: a build of an archive, of a URL, or of the current folder.

use std::fs::File;
use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};

use api_types::{Build, BuildBuildpack, BuildCreate, Secret, Source, SourceBlob};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use tar::HeaderMode;

use crate::commands::builds::follow;
use crate::context::{App, Context};
use crate::error::Error;
use crate::git_remote;
use crate::output::{self, Action};
use crate::progress::{Progress, Unit};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Build this tar archive, gzipped or not
    #[arg(long, value_name = "FILE", conflicts_with = "source_url")]
    source_tar: Option<PathBuf>,
    /// Build what lies at this URL: an archive, or a git repository as https://example.com/app.git#branch
    #[arg(long, value_name = "URL")]
    source_url: Option<String>,
    /// Run this buildpack in this build alone; several run in the order given
    #[arg(long = "buildpack", value_name = "BUILDPACK")]
    buildpacks: Vec<String>,
    /// What the source is called: a commit, a tag
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Builds, shows what the build says, and fails if it does.
pub(crate) fn create(context: &Context, args: Create) -> Result<(), Error> {
    let app = context.app()?;
    let (url, version) = match (args.source_url, args.source_tar) {
        (Some(url), _) => (Secret::new(url), args.version),
        (None, Some(path)) => (upload(&app, opened(&path)?)?, args.version),
        (None, None) => {
            let version = args.version.or_else(git_remote::commit_if_clean);
            (upload(&app, packed()?)?, version)
        }
    };
    let named = |buildpack| BuildBuildpack { name: None, url: Some(buildpack) };
    let buildpacks = (!args.buildpacks.is_empty()).then(|| args.buildpacks.into_iter().map(named).collect());
    let request = BuildCreate { buildpacks, source_blob: SourceBlob { url: Some(url), version, ..SourceBlob::default() } };
    let build: Build = app.client.post(&app.path(&["builds"]), &request)?;
    output::talk(&format!("Build {} of ⬢ {}", build.id, app.name));
    if let Some(url) = &build.output_stream_url {
        follow(&app.client, url)?;
    }
    let build: Build = app.client.get(&app.path(&["builds", &build.id]))?;
    match (build.status.as_str(), build.failure) {
        ("succeeded", None) => Ok(()),
        (_, Some(failure)) => Err(Error::failed(failure.message)),
        (status, None) => Err(Error::failed_with_hint(format!("The build is {status}."), "`mypaas builds:output` shows what it says")),
    }
}

fn upload(app: &App, archive: File) -> Result<Secret, Error> {
    let length = archive.metadata().map_err(|error| Error::failed(format!("The archive cannot be read: {error}.")))?.len();
    let progress = Progress::of(length, Unit::Bytes);
    let action = Action::measured("Uploading source", &progress);
    let source: Source = app.client.post(&app.path(&["sources"]), &serde_json::json!({}))?;
    app.client.upload(&source.source_blob.put_url, archive, length, &progress)?;
    action.finish(&format!("done, {}", output::size(length)));
    Ok(source.source_blob.get_url)
}

fn opened(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| Error::failed(format!("{} cannot be read: {error}.", path.display())))
}

/// The current folder as an archive: what git knows and what it does not ignore, as it lies there.
fn packed() -> Result<File, Error> {
    let files = git_remote::files()?;
    if files.is_empty() {
        return Err(Error::failed("This folder holds nothing to build."));
    }
    let progress = Progress::of(files.len() as u64, Unit::Files);
    let action = Action::measured("Packing the current folder", &progress);
    let archive = pack(&files, &progress).map_err(|error| Error::failed(format!("The folder cannot be packed: {error}.")))?;
    action.finish(&format!("done, {} files", files.len()));
    Ok(archive)
}

fn pack(files: &[PathBuf], progress: &Progress) -> io::Result<File> {
    let mut tar = tar::Builder::new(GzEncoder::new(BufWriter::new(tempfile::tempfile()?), Compression::fast()));
    // No owners and no times: the server gives everything its own.
    tar.mode(HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    for path in files {
        progress.add(1);
        match path.symlink_metadata() {
            // A submodule is a folder of its own; git names it, and it is not ours to pack.
            Ok(found) if found.is_dir() => output::talk(&format!("Warning: {} is a submodule and is left out", path.display())),
            Ok(_) => tar.append_path(path)?,
            // Known to git and deleted since.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let mut file = tar.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}
