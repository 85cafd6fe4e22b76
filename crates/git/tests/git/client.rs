//! Somebody with a repository and a git client.

use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A work tree of its own.
pub(crate) struct Client {
    pub(crate) folder: TempDir,
    /// How git is to reach servers over SSH.
    pub(crate) ssh_command: Option<String>,
}

/// How a git command ended.
pub(crate) struct Said {
    pub(crate) ok: bool,
    /// What it wrote to either side, `remote: ` lines without the blanks git puts behind them.
    pub(crate) text: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn must(self) -> String {
        assert!(self.ok, "{}", self.text);
        self.text
    }

    #[track_caller]
    pub(crate) fn must_fail(self) -> String {
        assert!(!self.ok, "{}", self.text);
        self.text
    }
}

impl Client {
    /// An empty repository on `main`.
    pub(crate) async fn new() -> Self {
        let client = Self { folder: tempfile::tempdir().unwrap(), ssh_command: None };
        client.git(&["init", "--quiet", "--initial-branch=main", "."]).await.must();
        client
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and commits it; the commit's hash.
    pub(crate) async fn commit(&self, file: &str, text: &str) -> String {
        std::fs::write(self.path(file), text).unwrap();
        self.git(&["add", "--all"]).await.must();
        self.git(&["commit", "--quiet", "--allow-empty", "-m", file]).await.must();
        self.head().await
    }

    pub(crate) async fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).await.must().trim().to_owned()
    }

    pub(crate) async fn git(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().await.unwrap())
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    /// The same, telling on standard error of every packet it sends and gets.
    pub(crate) fn start_traced(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.env("GIT_TRACE_PACKET", "1").stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.folder.path()).env("LANG", "C.UTF-8");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        if let Some(ssh) = &self.ssh_command {
            command.env("GIT_SSH_COMMAND", ssh);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ann").env(format!("GIT_{who}_EMAIL"), "ann@example.com");
        }
        command
    }
}

pub(crate) fn said(output: std::process::Output) -> Said {
    let text = [output.stderr, output.stdout].concat();
    let text = String::from_utf8_lossy(&text).lines().map(|line| format!("{}\n", line.trim_end())).collect();
    Said { ok: output.status.success(), text }
}
