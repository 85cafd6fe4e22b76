//! How every git process is started: with arguments, never through a shell, and with an environment made here.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Oddities that old but harmless histories contain: told to the person, not refused.
const HARMLESS: &[&str] = &[
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "zeroPaddedFilemode",
    "zeroPaddedDate",
];

/// Starts git.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    home: PathBuf,
    settings: Vec<(String, Vec<u8>)>,
}

impl Program {
    /// `hooks`: the folder of our hook. `pack_bytes`: the largest pack that is taken.
    pub(crate) fn new(home: &Path, hooks: &Path, pack_bytes: u64) -> Self {
        let fixed = [
            // A repository's content can be hostile: names like `.git` or `..`, crafted `.gitmodules`.
            ("transfer.fsckObjects", "true"),
            ("receive.fsckObjects", "true"),
            ("receive.advertisePushOptions", "false"),
            ("receive.autogc", "false"),
            ("gc.auto", "0"),
            ("uploadpack.allowAnySHA1InWant", "false"),
            ("core.fsmonitor", "false"),
            // Memory is bounded: see `rpc::MEMORY`.
            ("pack.threads", "2"),
            ("pack.windowMemory", "128m"),
            ("core.packedGitLimit", "1g"),
            // Larger files are streamed instead of read into memory.
            ("core.bigFileThreshold", "32m"),
            // Nothing here ever fetches from anywhere.
            ("protocol.allow", "never"),
            ("protocol.ext.allow", "never"),
            // Ours by name, and perhaps of an earlier user id of the server.
            ("safe.directory", "*"),
            ("tar.umask", "0022"),
        ];
        let mut settings: Vec<_> = fixed.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        settings.extend(HARMLESS.iter().map(|oddity| (format!("receive.fsck.{oddity}"), b"warn".to_vec())));
        settings.push(("receive.maxInputSize".to_owned(), pack_bytes.to_string().into_bytes()));
        settings.push(("core.hooksPath".to_owned(), hooks.as_os_str().as_bytes().to_vec()));
        Self { home: home.to_owned(), settings }
    }

    /// A git command in a process group of its own, reading nothing, in nobody's configuration.
    pub(crate) fn git(&self, subcommand: &str) -> Command {
        self.git_with(subcommand, &[])
    }

    /// The same, with further settings that win over ours.
    pub(crate) fn git_with(&self, subcommand: &str, further: &[(&str, &str)]) -> Command {
        let mut command = Command::new("git");
        command.arg(subcommand).env_clear().current_dir(&self.home).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PATH", PATH).env("HOME", &self.home).env("LANG", "C.UTF-8");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_ATTR_NOSYSTEM", "1");
        command.env("GIT_CONFIG_COUNT", (self.settings.len() + further.len()).to_string());
        let ours = self.settings.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        let settings = ours.chain(further.iter().map(|(key, value)| (*key, value.as_bytes())));
        for (place, (key, value)) in settings.enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{place}"), key).env(format!("GIT_CONFIG_VALUE_{place}"), OsStr::from_bytes(value));
        }
        command
    }

    /// The same, in a repository.
    pub(crate) fn git_in(&self, repository: &Path, subcommand: &str) -> Command {
        let mut command = self.git(subcommand);
        command.env("GIT_DIR", repository);
        command
    }

    /// `git gc`, if the repository needs it.
    pub(crate) fn tidy(&self, repository: &Path) -> Command {
        // git counts loose objects in one of 256 folders and packs; its own defaults, smaller.
        let further = [("gc.auto", "2000"), ("gc.autoPackLimit", "30"), ("gc.autoDetach", "false"), ("pack.threads", "1")];
        let mut command = self.git_with("gc", &further);
        command.args(["--auto", "--quiet"]).env("GIT_DIR", repository);
        command
    }
}

/// Runs a short command to its end; what it printed, if it succeeded.
pub(crate) async fn output(mut command: Command) -> io::Result<Vec<u8>> {
    let Output { status, stdout, stderr } = command.kill_on_drop(true).output().await?;
    if status.success() {
        return Ok(stdout);
    }
    let said = String::from_utf8_lossy(&stderr[..stderr.len().min(1000)]).trim().to_owned();
    Err(io::Error::other(format!("git ended with {status}: {said}")))
}
