//! What a sandbox is filled with: the source, the buildpacks and the config vars, in one archive, where Heroku has them.

use std::{
    io::{self, Write},
    path::Path,
};

use domain::{BuildId, ConfigVars};
use ports::sandbox::Program;

use crate::{
    archive::ArchiveWriter,
    buildpack::{Buildpack, write_shared},
    source::Source,
};

/// Everything lies under here.
pub(crate) const ROOT: &str = "/tmp";
/// Kept from build to build.
pub(crate) const CACHE: &str = "/tmp/codon/tmp/cache";
/// One file for each config var.
const ENV: &str = "/tmp/codon/tmp/env";

/// The build folder's name under [`ROOT`].
pub(crate) fn build_folder(build: BuildId) -> String {
    format!("build_{}", &build.tail()[4..])
}

/// Writes everything a build starts from. `shared`: the folder our own buildpacks come from.
pub(crate) fn write(out: impl Write, build_folder: &str, source: Source, shared: &Path, buildpacks: &[Buildpack], config: &ConfigVars) -> io::Result<()> {
    let mut out = ArchiveWriter::new(out);
    source.write_under(build_folder.as_bytes(), &mut out)?;
    for folder in ["codon", "codon/tmp", "codon/tmp/buildpacks"] {
        out.folder(folder.as_bytes(), 0o755, 0)?;
    }
    write_shared(shared, &mut out)?;
    for buildpack in buildpacks {
        buildpack.write(&mut out)?;
    }
    out.folder(b"codon/tmp/env", 0o700, 0)?;
    for (key, value) in config.iter() {
        let value = value.expose().as_bytes();
        out.file(format!("codon/tmp/env/{key}").as_bytes(), 0o600, 0, value.len() as u64, value)?;
    }
    out.finish()?.flush()
}

/// How buildpacks are called. Config vars are only in files, so that none changes how a buildpack itself runs.
pub(crate) struct Calls {
    build_dir: String,
    env: Vec<(String, String)>,
}

impl Calls {
    pub(crate) fn new(build_folder: &str, stack: &str, source_version: String, request_id: String) -> Self {
        let env = [
            ("HOME", "/app".to_owned()),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("STACK", stack.to_owned()),
            ("SOURCE_VERSION", source_version),
            ("REQUEST_ID", request_id),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        Self { build_dir: format!("{ROOT}/{build_folder}"), env: env.map(|(key, value)| (key.to_owned(), value)).into() }
    }

    pub(crate) fn build_dir(&self) -> &str {
        &self.build_dir
    }

    pub(crate) fn detect(&self, buildpack: &Buildpack) -> Program {
        self.program(vec![buildpack.script("detect"), self.build_dir.clone()])
    }

    pub(crate) fn compile(&self, buildpack: &Buildpack) -> Program {
        self.program(vec![buildpack.script("compile"), self.build_dir.clone(), CACHE.to_owned(), ENV.to_owned()])
    }

    pub(crate) fn release(&self, buildpack: &Buildpack) -> Program {
        self.program(vec![buildpack.script("release"), self.build_dir.clone()])
    }

    fn program(&self, argv: Vec<String>) -> Program {
        Program { argv, env: self.env.clone(), working_dir: self.build_dir.clone() }
    }
}
