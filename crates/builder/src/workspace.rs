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

/// `compile N FILE… PROGRAM ARGUMENT…`: sources N files, those that are there, and becomes the program. A file may do as it
/// likes with its arguments, so that they are put away first.
pub(crate) const WITH_EXPORTS: &str = r#"
__exports=("${@:2:$1}") __program=("${@:2+$1}")
set --
for __export in "${__exports[@]}"; do
  [ ! -f "$__export" ] || . "$__export"
done
exec "${__program[@]}"
"#;

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
        self.program(buildpack.folder(), vec![buildpack.script("detect"), self.build_dir.clone()])
    }

    /// After what the buildpacks before it export.
    pub(crate) fn compile(&self, buildpack: &Buildpack, before: &[Buildpack]) -> Program {
        let compile = [buildpack.script("compile"), self.build_dir.clone(), CACHE.to_owned(), ENV.to_owned()];
        if before.is_empty() {
            return self.program(buildpack.folder(), compile.into());
        }
        let mut argv: Vec<String> = ["bash", "-c", WITH_EXPORTS, "compile"].map(str::to_owned).into();
        argv.push(before.len().to_string());
        argv.extend(before.iter().map(Buildpack::export).chain(compile));
        self.program(buildpack.folder(), argv)
    }

    /// Given 30 seconds: nobody is waiting for what it says.
    pub(crate) fn report(&self, buildpack: &Buildpack) -> Program {
        let limit = ["timeout", "--kill-after=5", "30"].map(str::to_owned);
        let report = [buildpack.script("report"), self.build_dir.clone(), CACHE.to_owned(), ENV.to_owned()];
        self.program(buildpack.folder(), limit.into_iter().chain(report).collect())
    }

    pub(crate) fn release(&self, buildpack: &Buildpack) -> Program {
        self.program(buildpack.folder(), vec![buildpack.script("release"), self.build_dir.clone()])
    }

    pub(crate) fn procfile(&self) -> Program {
        self.program(self.build_dir.clone(), ["cat", "--", "Procfile"].map(str::to_owned).into())
    }

    /// A buildpack's own folder is where it runs: some name what lies beside them by relative paths (Heroku: as there).
    pub(crate) fn program(&self, working_dir: String, argv: Vec<String>) -> Program {
        Program { argv, env: self.env.clone(), working_dir }
    }
}
